//! A pipe that is read and written without blocking the thread.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, writev};
use rustix::pipe::PIPE_BUF;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The most that one read takes in bytes; a pipe holds as much.
const READ: usize = 64 * 1024;

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// One end of a pipe, or of what stands in its place: a socket, a terminal, a file.
#[derive(Debug)]
pub(super) struct Pipe {
    end: End,
    /// Others hold the same open file, so that its flags are not ours to change: ask before each step instead.
    is_shared: bool,
    is_reading: Cell<bool>,
}

#[derive(Debug)]
enum End {
    Watched(AsyncFd<OwnedFd>),
    /// Files and `/dev/null` are always ready, and the system does not watch them.
    Always(OwnedFd),
}

impl Pipe {
    /// Takes an end that nobody else holds.
    pub(super) fn own(fd: OwnedFd) -> io::Result<Self> {
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        Self::new(fd, false)
    }

    /// Takes an end that this process was started with.
    pub(super) fn shared(fd: OwnedFd) -> io::Result<Self> {
        Self::new(fd, true)
    }

    fn new(fd: OwnedFd, is_shared: bool) -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "its successor asks for a promise in unsafe code, which an `OwnedFd` keeps by its type"
        )]
        let watched = AsyncFd::try_new(fd);
        let end = match watched {
            Ok(watched) => End::Watched(watched),
            Err(error) => match error.into_parts() {
                (fd, why) if Errno::from_io_error(&why) == Some(Errno::PERM) => End::Always(fd),
                (_, why) => return Err(why),
            },
        };
        Ok(Self { end, is_shared, is_reading: Cell::new(false) })
    }

    /// Reads what there is; nothing means the end.
    pub(super) async fn read(&self) -> io::Result<Bytes> {
        self.is_reading.set(true);
        let came = self
            .step(Interest::READABLE, PollFlags::IN, |fd| {
                let mut room = Vec::with_capacity(READ);
                let n = read(fd, spare_capacity(&mut room))?;
                // What is small does not keep a large buffer.
                Ok(if n < READ / 2 { Bytes::copy_from_slice(&room) } else { room.into() })
            })
            .await;
        self.is_reading.set(false);
        came
    }

    /// Whether somebody waits for bytes that do not come.
    pub(super) fn is_reading(&self) -> bool {
        self.is_reading.get()
    }

    /// Writes some of `pieces`; says how much.
    pub(super) async fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.is_shared {
            return self.step(Interest::WRITABLE, PollFlags::OUT, |fd| writev(fd, pieces)).await;
        }
        // So much never blocks when the system says that there is room.
        let mut left = PIPE_BUF;
        let few: Vec<IoSlice<'_>> = pieces
            .iter()
            .map_while(|piece| {
                let part = piece.get(..left).unwrap_or(piece);
                left -= part.len();
                (!part.is_empty()).then(|| IoSlice::new(part))
            })
            .collect();
        self.step(Interest::WRITABLE, PollFlags::OUT, |fd| writev(fd, &few)).await
    }

    /// Waits until nobody can read what would be written here.
    pub(super) async fn closed(&self) {
        if let End::Watched(fd) = &self.end
            && fd.ready(Interest::ERROR).await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    async fn step<T>(
        &self,
        interest: Interest,
        wanted: PollFlags,
        mut io: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let mut once = |fd: &OwnedFd| {
            loop {
                if self.is_shared && poll(&mut [PollFd::new(fd, wanted)], Some(&AT_ONCE))? == 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                match io(fd.as_fd()) {
                    Err(Errno::INTR) => {}
                    done => return done.map_err(io::Error::from),
                }
            }
        };
        match &self.end {
            End::Watched(fd) => fd.async_io(interest, once).await,
            End::Always(fd) => {
                tokio::task::coop::consume_budget().await;
                once(fd)
            }
        }
    }
}
