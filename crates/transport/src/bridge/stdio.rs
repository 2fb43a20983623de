//! The one client of a bridge that sits on the pipes of this process.

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
}

impl Client {
    pub(super) fn new(ear: Ear) -> Self {
        Self { out: Out::default(), ear }
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
        self.ear.tell_now(Heard::LineEnd);
    }

    /// Writes what is to be said, until all is said or nobody reads.
    pub(super) async fn say(self: Rc<Self>, stdout: Pipe) {
        let is_gone = tokio::select! {
            written = self.out.run(&stdout) => written.is_err(),
            () = stdout.closed() => true,
        };
        if is_gone {
            // Told apart from the end of its input: who closed both wants no answers.
            self.out.abandon();
            self.ear.tell_now(Heard::LineEnd);
        }
    }
}
