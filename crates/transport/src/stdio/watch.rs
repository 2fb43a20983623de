//! Looks after a tap's processes: passes signals on, notices ends, and brings everything to its end.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getppid};
use signal_hook::consts as signal;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use tapgate_wire::{Nanos, StreamId};

use super::exit::Exit;
use super::lanes::Lanes;
use crate::clock::Clock;
use crate::guard::{Group, Guard};
use crate::queue::Witness;
use crate::seen::Seen;

/// What passes to the server's group. Job control (TSTP, CONT) is the tap's own: a stopped tap stops its server
/// by not reading.
const FORWARDED: [i32; 7] = [
    signal::SIGTERM,
    signal::SIGINT,
    signal::SIGHUP,
    signal::SIGQUIT,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGWINCH,
];

/// Those of them that ask a process to end.
const ENDING: [i32; 4] = [signal::SIGTERM, signal::SIGINT, signal::SIGHUP, signal::SIGQUIT];

/// How often the watch looks at what nobody reports, once something has ended.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The signals that this process was sent.
#[derive(Debug)]
pub(super) struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    /// Starts to notice that child processes end.
    pub(super) fn of_children() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        SignalDelivery::with_pipe(read, write, SignalOnly, [signal::SIGCHLD]).map(Self)
    }

    /// Takes over the signals that pass to the server.
    pub(super) fn add_forwarded(&self) -> io::Result<()> {
        FORWARDED.iter().try_for_each(|&number| self.0.handle().add_signal(number))
    }
}

/// The processes of a tap besides itself.
#[derive(Debug)]
pub(super) struct Processes {
    /// The server, which leads the group.
    pub(super) server: Child,
    /// The server, its children, and theirs.
    pub(super) group: Group,
    /// Who ends the group.
    pub(super) guard: Guard,
}

/// A running tap.
#[derive(Debug)]
pub(super) struct Watch {
    processes: Processes,
    signals: Signals,
    lanes: Lanes,
    clock: Clock,
    grace: Duration,
    drain: Duration,
    /// Who started us; somebody else once it is dead.
    parent: Option<Pid>,
    told_to_end: bool,
    stage: Stage,
}

/// How far the end is.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The server runs.
    Serve,
    /// The server runs, but its client is dead; the guard ends it at this time.
    Orphaned { end_at: Nanos },
    /// The guard ends a server whose client is dead, at most until this time.
    EndServer { until: Nanos },
    /// The server is gone; others may hold its pipes until this time.
    Drain { until: Nanos },
    /// The guard ends what the server left behind, at most until this time.
    EndGroup { until: Nanos },
    /// Nobody is left but the client, who reads what was said. Nobody waits after this time, if it counts.
    Flush { until: Nanos },
}

impl Watch {
    /// Begins to watch; see [`super::Options`] for the two times.
    pub(super) fn new(
        processes: Processes,
        signals: Signals,
        lanes: Lanes,
        clock: Clock,
        grace: Duration,
        drain: Duration,
    ) -> Self {
        Self {
            processes,
            signals,
            lanes,
            clock,
            grace,
            drain,
            parent: getppid(),
            told_to_end: false,
            stage: Stage::Serve,
        }
    }

    /// Watches until the server and its group are gone and the lanes have ended.
    pub(super) fn run(mut self, witness: &Witness) -> io::Result<Exit> {
        let (mut exit, mut untold) = (None, None);
        loop {
            self.wait()?;
            self.forward_signals();
            if exit.is_none()
                && let Some(status) = self.processes.server.try_wait()?
            {
                let ended = Exit::from(status);
                let at = self.clock.now();
                exit = Some(ended);
                untold = Some(Seen::Exited { stream: StreamId(0), at, status: ended.status() });
                self.stage = Stage::Drain { until: after(at, self.drain) };
            }
            self.step();
            // What a server said before its end is told before it, as far as it can be known.
            if let Some(exited) = untold.take_if(|_| !matches!(self.stage, Stage::Drain { .. })) {
                witness.see(exited);
            }
            if let (Some(exit), Stage::Flush { .. }) = (exit, self.stage)
                && self.lanes.are_done()
            {
                return Ok(exit);
            }
        }
    }

    /// Waits for a signal or a report, or, near the end, a little while.
    fn wait(&mut self) -> io::Result<()> {
        let is_quiet = matches!(self.stage, Stage::Serve) && !self.lanes.any_is_done();
        let signals = self.signals.0.get_read().as_fd();
        let mut fds = [
            PollFd::from_borrowed_fd(signals, PollFlags::IN),
            PollFd::from_borrowed_fd(self.lanes.reports(), PollFlags::IN),
        ];
        match poll(&mut fds, if is_quiet { None } else { Some(&TICK) }) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [_, reports] = fds.map(|fd| fd.revents());
        if reports.contains(PollFlags::IN) {
            self.lanes.take_reports()?;
        }
        Ok(())
    }

    fn forward_signals(&mut self) {
        for number in self.signals.0.pending() {
            if !FORWARDED.contains(&number) {
                continue;
            }
            self.told_to_end |= ENDING.contains(&number);
            if let Some(signal) = Signal::from_named_raw(number) {
                self.processes.group.signal(signal);
            }
        }
    }

    /// Goes on to the next stage when its time has come.
    fn step(&mut self) {
        let now = self.clock.now();
        self.stage = match self.stage {
            Stage::Serve if self.client_is_dead() => Stage::Orphaned { end_at: after(now, self.grace) },
            Stage::Orphaned { end_at } if now >= end_at => {
                self.processes.guard.release();
                Stage::EndServer { until: after(now, self.grace + self.drain) }
            }
            Stage::EndServer { until } if now >= until => {
                // The guard was itself killed or stopped.
                self.processes.group.signal(Signal::KILL);
                Stage::EndServer { until }
            }
            Stage::Drain { until } if self.lanes.server_is_done() || now >= until => {
                self.processes.guard.release();
                Stage::EndGroup { until: after(now, self.grace + self.drain) }
            }
            Stage::EndGroup { until } if self.processes.guard.is_done() || now >= until => {
                // Only a guard that was itself killed or stopped leaves anybody alive.
                self.processes.group.signal(Signal::KILL);
                self.lanes.finish();
                Stage::Flush { until: after(now, self.drain) }
            }
            Stage::Flush { until } if now >= until && (self.told_to_end || self.client_is_dead()) => {
                self.lanes.abandon();
                Stage::Flush { until }
            }
            stage => stage,
        };
    }

    /// Says whether the client is gone for good: it says no more and our parent is not who it was.
    ///
    /// A parent that merely closed our standard input may wait for the server as long as it likes.
    fn client_is_dead(&self) -> bool {
        self.lanes.client_is_done() && getppid() != self.parent
    }
}

fn after(now: Nanos, time: Duration) -> Nanos {
    Nanos(now.0.saturating_add(time.as_nanos() as u64))
}
