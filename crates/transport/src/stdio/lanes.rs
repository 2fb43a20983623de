//! The three threads of a tap and the pipes that tell them to end.

use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::lane::{HUNG_UP, Halt, Lane, Way};
use crate::clock::Clock;
use crate::queue::Witness;

/// Owns the threads; dropping it ends and joins them.
#[derive(Debug)]
pub(super) struct Lanes {
    threads: Vec<JoinHandle<()>>,
    finish: Option<PipeWriter>,
    abandon: Option<PipeWriter>,
    reports: PipeReader,
    /// Whether each way is still open, in the order of [`Way::ALL`].
    open: [bool; 3],
    hung_up: bool,
}

impl Lanes {
    /// Starts a thread for each way, in the order of [`Way::ALL`], from its first to its second descriptor.
    pub(super) fn open(ways: [(OwnedFd, OwnedFd); 3], witness: &Witness, clock: Clock) -> io::Result<Self> {
        let (finish_end, finish) = io::pipe()?;
        let (abandon_end, abandon) = io::pipe()?;
        let (reports, report) = io::pipe()?;
        let halt = Arc::new(Halt { finish: finish_end, abandon: abandon_end });
        let mut lanes = Self {
            threads: Vec::with_capacity(ways.len()),
            finish: Some(finish),
            abandon: Some(abandon),
            reports,
            open: [true; 3],
            hung_up: false,
        };
        for (way, (source, sink)) in Way::ALL.into_iter().zip(ways) {
            let lane = Lane {
                way,
                source,
                sink,
                halt: Arc::clone(&halt),
                reports: report.try_clone()?,
                witness: witness.clone(),
                clock,
            };
            let thread = thread::Builder::new().name(format!("tap-{way:?}").to_lowercase());
            lanes.threads.push(thread.spawn(move || lane.run())?);
        }
        Ok(lanes)
    }

    /// What becomes readable when a lane has something to report.
    pub(super) fn reports(&self) -> BorrowedFd<'_> {
        self.reports.as_fd()
    }

    /// Reads the reports; call it when [`Self::reports`] is readable.
    pub(super) fn take_reports(&mut self) -> io::Result<()> {
        let mut reports = [0; 16];
        let n = self.reports.read(&mut reports)?;
        for &report in reports.iter().take(n) {
            if report == HUNG_UP {
                self.hung_up = true;
            }
            if let Some(open) = self.open.get_mut(usize::from(report)) {
                *open = false;
            }
        }
        Ok(())
    }

    /// Says whether the client will not say any more.
    pub(super) fn client_is_done(&self) -> bool {
        let [way_in, _, _] = self.open;
        self.hung_up || !way_in
    }

    /// Says whether all that the server said was forwarded, up to the end of its pipes.
    pub(super) fn server_is_done(&self) -> bool {
        let [_, out, err] = self.open;
        !out && !err
    }

    /// Says whether any lane has ended, so that the end may be near.
    pub(super) fn any_is_done(&self) -> bool {
        self.hung_up || self.open.contains(&false)
    }

    /// Says whether every thread is at its end.
    pub(super) fn are_done(&self) -> bool {
        self.open == [false; 3]
    }

    /// Lets the lanes forward what is in the server's pipes now, and then end.
    pub(super) fn finish(&mut self) {
        self.finish = None;
    }

    /// Lets the lanes end at once.
    pub(super) fn abandon(&mut self) {
        self.finish = None;
        self.abandon = None;
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.abandon();
        for thread in self.threads.drain(..) {
            // A lane has nothing that panics; if it did, its direction has ended, which is all we want.
            drop(thread.join());
        }
    }
}
