//! A process group: sending it signals, and seeing whether anybody in it still runs.

use std::fs;
use std::process::Child;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How often one looks whether a group is gone.
const LOOK: Duration = Duration::from_millis(10);

/// How long a killed group may take to disappear; KILL cannot end a process that waits for a broken disk.
const AFTER_KILL: Duration = Duration::from_millis(500);

/// A process group that we made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group(Pid);

impl Group {
    /// Names the group that the process `child` was made the leader of.
    pub(crate) fn led_by(child: &Child) -> Self {
        Self(Pid::from_child(child))
    }

    /// Names a group by its number; 1 and less would be everybody's, our own, or somebody else's.
    pub(super) fn numbered(number: i32) -> Option<Self> {
        if number > 1 { Pid::from_raw(number).map(Self) } else { None }
    }

    /// The number that names it.
    pub(super) fn number(self) -> i32 {
        self.0.as_raw_pid()
    }

    /// Sends a signal to every process in the group, if any is left.
    pub(crate) fn signal(self, signal: Signal) {
        // The only failure is that nobody is there, or nobody whom we may signal.
        let _ = kill_process_group(self.0, signal);
    }

    /// Sends TERM to all, waits until nobody runs but at most `grace`, then sends KILL.
    pub(super) fn end(groups: &[Self], grace: Duration) {
        let mut left: Vec<Self> = groups.iter().copied().filter(|group| group.is_listed()).collect();
        for group in &left {
            group.signal(Signal::TERM);
        }
        Self::wait(&left, grace);
        left.retain(|group| group.is_listed());
        // Also to a group in which nobody was seen: a child may have been born while we looked.
        for group in &left {
            group.signal(Signal::KILL);
        }
        Self::wait(&left, AFTER_KILL);
    }

    /// Waits until nobody in the groups runs, but at most `limit`.
    fn wait(groups: &[Self], limit: Duration) {
        let n_looks = limit.as_millis() / LOOK.as_millis();
        for _ in 0..n_looks {
            if !groups.iter().any(|group| group.runs()) {
                return;
            }
            thread::sleep(LOOK);
        }
    }

    /// Says whether the system still knows the group, if only for dead processes that nobody has reaped.
    fn is_listed(self) -> bool {
        test_kill_process_group(self.0).is_ok()
    }

    /// Says whether anybody in the group runs.
    ///
    /// Orphans are reaped by the first process of the system or container, which may do it late or never;
    /// so where the system tells more than that a group is listed, we look for the living.
    pub(crate) fn runs(self) -> bool {
        let Ok(processes) = fs::read_dir("/proc") else {
            return self.is_listed();
        };
        self.is_listed()
            && processes
                .flatten()
                .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
                .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
                .any(|stat| self.has_living(&stat))
    }

    /// Reads one process from Linux's `/proc/PID/stat`: whether it is of this group and runs.
    fn has_living(self, stat: &str) -> bool {
        // The name stands in parentheses and may hold anything, even parentheses.
        let Some((_, fields)) = stat.rsplit_once(") ") else {
            return false;
        };
        let mut fields = fields.split(' ');
        let (state, group) = (fields.next(), fields.nth(1));
        // State, parent, group; the number of threads is the fifteenth after the group. A process whose first
        // thread has ended looks dead although others run.
        let n_threads = fields.nth(14).and_then(|n| n.parse().ok()).unwrap_or(1);
        let is_dead = matches!(state, Some("Z" | "X")) && n_threads <= 1;
        group.and_then(|group| group.parse().ok()) == Some(self.number()) && !is_dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_told_from_the_dead_and_from_strangers() {
        let group = Group::numbered(700).unwrap();
        let stat = |name: &str, state: &str, group: u32, n_threads: u32| {
            format!(
                "701 ({name}) {state} 1 {group} 690 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {n_threads} 0 99 1 2\n"
            )
        };
        for (name, state, of, n_threads, lives) in [
            ("sleep", "S", 700, 1, true),
            ("sleep", "Z", 700, 1, false),
            ("sleep", "Z", 700, 0, false),
            ("threads", "Z", 700, 3, true),
            ("sleep", "S", 701, 1, false),
            (") Z 1 5 (", "R", 700, 1, true),
        ] {
            assert_eq!(
                group.has_living(&stat(name, state, of, n_threads)),
                lives,
                "{name} {state} {of} {n_threads}"
            );
        }
        assert!(!group.has_living("") && !group.has_living("701 (a"));
    }

    #[test]
    fn this_process_runs_and_a_group_of_nobody_does_not() {
        let own = rustix::process::getpgrp().as_raw_pid();
        if let Some(own) = Group::numbered(own) {
            assert!(own.runs());
        }
        // The largest process id that Linux can give is 2^22.
        assert!(!Group::numbered(i32::MAX).unwrap().runs());
    }
}
