//! The one client of a bridge that sits on the pipes of this process.

use std::cell::Cell;
use std::rc::Rc;

use tapgate_wire::edge::Heard;

use super::ear::Ear;
use super::lines;
use super::out::Out;
use super::pipe::Pipe;
use crate::clock::Clock;

/// What is to be said to the client, and whom to tell what it says.
pub(super) struct Client {
    pub(super) out: Out,
    ear: Ear,
    is_gone: Cell<bool>,
}

impl Client {
    pub(super) fn new(ear: Ear) -> Self {
        Self { out: Out::default(), ear, is_gone: Cell::new(false) }
    }

    /// Hears lines until the end.
    pub(super) async fn hear(self: Rc<Self>, stdin: Pipe, clock: Clock, max_message: usize) {
        lines::read(&stdin, max_message, clock, async |frame| {
            if let Some((message, _)) = frame.into_message() {
                let n_bytes = message.raw().len();
                self.ear.tell(Heard::Line { message }, n_bytes).await;
            }
        })
        .await;
        self.end();
    }

    /// Writes what is to be said, until all is said or nobody reads.
    pub(super) async fn say(self: Rc<Self>, stdout: Pipe) {
        let is_gone = tokio::select! {
            written = self.out.run(&stdout) => written.is_err(),
            () = stdout.closed() => true,
        };
        if is_gone {
            self.out.abandon();
            self.end();
        }
    }

    /// Tells once that the client is gone.
    fn end(&self) {
        if !self.is_gone.replace(true) {
            self.ear.tell_now(Heard::LineEnd);
        }
    }
}
