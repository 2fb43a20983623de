//! A queue of bytes in front of a pipe.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf as _, Bytes};
use tokio::sync::Notify;

use super::pipe::Pipe;

/// How many pieces one write takes.
const PIECES: usize = 64;

/// What is to be written on a pipe. Who fills it looks at [`Out::n_bytes`] and decides what is too much.
#[derive(Debug, Default)]
pub(super) struct Out {
    queue: RefCell<VecDeque<Bytes>>,
    n_bytes: Cell<usize>,
    is_closed: Cell<bool>,
    more: Notify,
    less: Notify,
}

impl Out {
    /// Bytes that wait.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes.get()
    }

    pub(super) fn push(&self, bytes: Bytes) {
        if !self.is_closed.get() && !bytes.is_empty() {
            self.n_bytes.set(self.n_bytes.get() + bytes.len());
            self.queue.borrow_mut().push_back(bytes);
            self.more.notify_one();
        }
    }

    /// Writes a message as a line. Line ends inside it can only be white space between JSON tokens.
    pub(super) fn push_line(&self, mut bytes: Bytes) {
        if bytes.contains(&b'\n') || bytes.contains(&b'\r') {
            let blank = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
            bytes = bytes.iter().map(blank).collect();
        }
        self.push(bytes);
        self.push(Bytes::from_static(b"\n"));
    }

    /// Takes nothing more; the pipe is done when all that waits is written.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.more.notify_one();
    }

    /// Waits until at most `limit` bytes wait.
    pub(super) async fn has_room(&self, limit: usize) {
        while self.n_bytes.get() > limit {
            self.less.notified().await;
        }
    }

    /// Writes until the queue is closed and empty, or nobody reads.
    pub(super) async fn run(&self, pipe: &Pipe) -> io::Result<()> {
        let written = self.write_all(pipe).await;
        self.abandon();
        written
    }

    /// Forgets what waits, and takes nothing more.
    pub(super) fn abandon(&self) {
        self.is_closed.set(true);
        self.queue.borrow_mut().clear();
        self.n_bytes.set(0);
        self.less.notify_one();
    }

    async fn write_all(&self, pipe: &Pipe) -> io::Result<()> {
        loop {
            let pieces: Vec<Bytes> = self.queue.borrow().iter().take(PIECES).cloned().collect();
            if pieces.is_empty() {
                if self.is_closed.get() {
                    return Ok(());
                }
                self.more.notified().await;
                continue;
            }
            let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let n = pipe.write(&slices).await?;
            self.advance(n);
        }
    }

    fn advance(&self, mut n: usize) {
        let mut queue = self.queue.borrow_mut();
        self.n_bytes.set(self.n_bytes.get().saturating_sub(n));
        while let Some(first) = queue.front_mut().filter(|_| n > 0) {
            if n < first.len() {
                first.advance(n);
                break;
            }
            n -= first.len();
            queue.pop_front();
        }
        self.less.notify_one();
    }
}
