//! One direction of a tap: a thread that reads here and writes there.

use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionread, read, write};
use rustix::pipe::PIPE_BUF;
use tapgate_wire::stream::Ending;
use tapgate_wire::{Chunk, Leg, StreamId};

use crate::clock::Clock;
use crate::queue::{Alarm, Witness};
use crate::seen::Seen;

/// The most that one read takes in bytes; a pipe holds as much.
const READ: usize = 64 * 1024;

/// A buffer with less room than this is replaced, so that what an observer keeps of it is mostly payload.
const MIN_ROOM: usize = READ / 4;

/// Which way bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client's standard input to the server's.
    In,
    /// From the server's standard output to the client's.
    Out,
    /// From the server's standard error to the client's.
    Err,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::In, Self::Out, Self::Err];
}

/// What a lane reports, as a byte on a pipe; the ways themselves stand for their ends.
pub(super) const HUNG_UP: u8 = 3;

/// How a lane is told to end; both are pipes that never bring a byte, only their end.
#[derive(Debug)]
pub(super) struct Halt {
    /// The server is gone: forward what it left in the pipe, then end.
    pub(super) finish: PipeReader,
    /// Nobody waits any more: end at once, even in the middle of a write.
    pub(super) abandon: PipeReader,
}

/// A direction's two ends and whoever watches it.
pub(super) struct Lane {
    pub(super) way: Way,
    pub(super) source: OwnedFd,
    pub(super) sink: OwnedFd,
    pub(super) halt: Arc<Halt>,
    /// Where the lane reports its end.
    pub(super) reports: PipeWriter,
    pub(super) witness: Witness,
    pub(super) clock: Clock,
}

impl Lane {
    /// Forwards until either end closes or the tap halts, then closes both ends and reports that.
    ///
    /// Each read is told to the witness and written at once, whatever it holds; nobody is woken before it is written.
    pub(super) fn run(mut self) {
        let how = self.forward();
        let Self { way, source, sink, mut reports, witness, clock, .. } = self;
        let from = match way {
            Way::In => Some(Leg::Client),
            Way::Out => Some(Leg::Server),
            Way::Err => None,
        };
        if let Some(from) = from {
            // Told first, or what a peer does because of it could be told before it: a server exits when its client left.
            let alarm = witness.see_first(Seen::Closed { stream: StreamId(0), from, at: clock.now(), how });
            drop((source, sink, alarm));
        }
        // The reader of reports outlives this thread, and a few bytes always find room.
        drop(reports.write_all(&[way as u8]));
    }

    fn forward(&mut self) -> Ending {
        let mut room = BytesMut::zeroed(READ);
        // What may still be read once the server is gone.
        let mut left = None;
        loop {
            match self.wait_to_read(&mut left) {
                Wake::Ready => {}
                Wake::SinkGone => return Ending::Abandoned,
                Wake::Halt => return Ending::Cut,
            }
            let n = match read(&self.source, &mut *room) {
                Ok(0) => return Ending::Clean,
                Ok(n) => n,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(Errno::CONNRESET) => return Ending::Cut,
                Err(error) => return Ending::Failed(error.to_string()),
            };
            let at = self.clock.now();
            let bytes = room.split_to(n).freeze();
            // Told first, or another lane could tell the answer before this one tells the question.
            let alarm = self.tell(Chunk { at, bytes: bytes.clone() });
            let written = self.write_all(&bytes);
            let alarm = if written.is_ok() { self.tell_passed().or(alarm) } else { alarm };
            drop(alarm);
            if let Err(how) = written {
                return how;
            }
            if let Some(left) = &mut left {
                *left = left.saturating_sub(n as u64);
            }
            if room.len() < MIN_ROOM {
                room = BytesMut::zeroed(READ);
            }
        }
    }

    fn tell(&self, chunk: Chunk) -> Option<Alarm> {
        let stream = StreamId(0);
        self.witness.see_first(match self.way {
            Way::In => Seen::Bytes { stream, from: Leg::Client, chunk },
            Way::Out => Seen::Bytes { stream, from: Leg::Server, chunk },
            Way::Err => Seen::Stderr { stream, chunk },
        })
    }

    /// Tells when the bytes that were told last had gone.
    fn tell_passed(&self) -> Option<Alarm> {
        let from = match self.way {
            Way::In => Leg::Client,
            Way::Out => Leg::Server,
            Way::Err => return None,
        };
        self.witness.see_first(Seen::Passed { stream: StreamId(0), from, at: self.clock.now() })
    }

    /// Waits until there is something to read, or no reason to read.
    ///
    /// A reader that goes away is noticed here, before the sender's next byte, because a sender that
    /// talks to it directly would notice with that byte.
    fn wait_to_read(&self, left: &mut Option<u64>) -> Wake {
        let mut fds = [
            PollFd::new(&self.source, PollFlags::IN),
            PollFd::new(&self.sink, PollFlags::empty()),
            PollFd::new(&self.halt.finish, PollFlags::IN),
            PollFd::new(&self.halt.abandon, PollFlags::IN),
        ];
        wait(&mut fds);
        let [source, sink, finish, abandon] = fds.map(|fd| fd.revents());
        if !abandon.is_empty() {
            return Wake::Halt;
        }
        if sink.intersects(GONE) {
            return Wake::SinkGone;
        }
        if finish.is_empty() {
            return Wake::Ready;
        }
        // With the server gone, nobody is left to read what the client says, and its own last words are
        // what is in the pipe now. More than that comes from a process that left its group.
        if self.way == Way::In || source.is_empty() {
            return Wake::Halt;
        }
        // One more, so that an empty pipe is read to its end.
        let left = left.get_or_insert_with(|| ioctl_fionread(&self.source).unwrap_or(0) + 1);
        if *left == 0 { Wake::Halt } else { Wake::Ready }
    }

    /// Writes all of `bytes`, waiting for the sink as long as it takes unless the tap halts.
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Ending> {
        // A client that died while its server does not read must be noticed, or both wait forever.
        let mut watch_source = self.way == Way::In;
        while !bytes.is_empty() {
            let [sink, source] = self.wait_to_write(watch_source)?;
            if watch_source && source.intersects(GONE) {
                watch_source = false;
                drop(self.reports.write_all(&[HUNG_UP]));
            }
            if sink.intersects(GONE) {
                return Err(Ending::Abandoned);
            }
            if sink.is_empty() {
                continue;
            }
            let piece = match self.way {
                Way::In => bytes,
                // The client's pipes may block, and are not ours to change. This much never blocks a pipe
                // that has room (POSIX, pipe writes), so the tap can still halt.
                Way::Out | Way::Err => bytes.get(..PIPE_BUF).unwrap_or(bytes),
            };
            match write(&self.sink, piece) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(Ending::Abandoned),
                Err(error) => return Err(Ending::Failed(error.to_string())),
            }
        }
        Ok(())
    }

    /// Waits until the sink takes bytes or is gone, and says so of the sink and the source.
    fn wait_to_write(&self, watch_source: bool) -> Result<[PollFlags; 2], Ending> {
        // A server that is gone reads no more; a client that is slow still does.
        let halt = if self.way == Way::In { &self.halt.finish } else { &self.halt.abandon };
        let mut fds = [
            PollFd::new(&self.sink, PollFlags::OUT),
            PollFd::new(halt, PollFlags::IN),
            PollFd::new(&self.source, PollFlags::empty()),
        ];
        let n_fds = if watch_source { 3 } else { 2 };
        wait(fds.get_mut(..n_fds).unwrap_or_default());
        let [sink, halt, source] = fds.map(|fd| fd.revents());
        if halt.is_empty() { Ok([sink, source]) } else { Err(Ending::Abandoned) }
    }
}

/// What a poll says of a sink that nobody reads any more.
const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);

/// What ended a wait for bytes.
enum Wake {
    /// A read will not block.
    Ready,
    /// Nobody reads the sink any more.
    SinkGone,
    /// The tap ends.
    Halt,
}

/// Waits until one of `fds` has something to say.
fn wait(fds: &mut [PollFd<'_>]) {
    // A signal interrupts the wait; nothing else can fail with descriptors that we own.
    while poll(fds, None) == Err(Errno::INTR) {}
}
