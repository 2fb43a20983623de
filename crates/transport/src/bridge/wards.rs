//! The groups that the guard ends when this process cannot.

use std::io;
use std::process::Command;
use std::time::Duration;

use crate::guard::{Group, Guard};

/// All groups of children that run, and the one guard that knows them.
pub(super) struct Wards {
    guard: Guard,
    command: Box<dyn Fn() -> Command>,
    groups: Vec<Group>,
    grace: Duration,
}

impl Wards {
    pub(super) fn start(command: Box<dyn Fn() -> Command>, grace: Duration) -> io::Result<Self> {
        Ok(Self { guard: Guard::start(command())?, command, groups: Vec::new(), grace })
    }

    pub(super) fn add(&mut self, group: Group) -> io::Result<()> {
        self.groups.push(group);
        match self.guard.watch(group, self.grace) {
            Ok(()) => Ok(()),
            Err(_) => self.restart(),
        }
    }

    pub(super) fn remove(&mut self, group: Group) {
        self.groups.retain(|&other| other != group);
        // A guard that is gone is replaced when the next child starts.
        let _ = self.guard.leave(group);
    }

    /// Somebody ended the guard.
    fn restart(&mut self) -> io::Result<()> {
        self.guard = Guard::start((self.command)())?;
        self.groups.iter().try_for_each(|&group| self.guard.watch(group, self.grace))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::process::CommandExt as _;
    use std::rc::Rc;
    use std::thread;

    use rustix::process::Signal;

    use super::*;

    #[test]
    fn a_guard_that_somebody_ended_is_replaced() {
        let n_started = Rc::new(Cell::new(0));
        let counted = Rc::clone(&n_started);
        let command = move || {
            counted.set(counted.get() + 1);
            Command::new(if counted.get() == 1 { "true" } else { "cat" })
        };
        let mut wards = Wards::start(Box::new(command), Duration::ZERO).unwrap();
        while !wards.guard.is_done() {
            thread::yield_now();
        }
        let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let group = Group::led_by(&child);
        wards.add(group).unwrap();
        assert_eq!(n_started.get(), 2);
        wards.remove(group);
        assert!(wards.groups.is_empty());
        group.signal(Signal::KILL);
        child.wait().unwrap();
    }
}
