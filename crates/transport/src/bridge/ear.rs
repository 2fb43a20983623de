//! Where what the edges heard waits for the engine.
//!
//! What waits is bounded in bytes: who has more to tell waits, and so the peer behind it does. Only what ends
//! something is told at once; there is at most one of those for each thing that was begun.

use std::sync::Arc;

use tapgate_wire::edge::Heard;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that may wait. Something larger waits alone.
const ROOM: usize = 16 << 20;

/// What one thing costs besides its bytes.
const COST: usize = 256;

type Waiting = (Heard, Option<OwnedSemaphorePermit>);

/// Makes an ear and the inbox that it fills.
pub(crate) fn ear() -> (Ear, Inbox) {
    let (sender, receiver) = unbounded_channel();
    (Ear { sender, room: Arc::new(Semaphore::new(ROOM)) }, Inbox(receiver))
}

/// Tells the engine; one for all clients, one for all servers.
#[derive(Clone)]
pub(crate) struct Ear {
    sender: UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
}

impl Ear {
    /// Tells something of about `n_bytes` as soon as there is room.
    pub(crate) async fn tell(&self, heard: Heard, n_bytes: usize) {
        let cost = n_bytes.saturating_add(COST).min(ROOM);
        // The semaphore is never closed; a cost is at most `ROOM`.
        let room = Arc::clone(&self.room).acquire_many_owned(cost as u32).await.ok();
        let _ = self.sender.send((heard, room));
    }

    /// Tells something small that ends what was begun.
    pub(crate) fn tell_now(&self, heard: Heard) {
        // The inbox may be gone when everything ends.
        let _ = self.sender.send((heard, None));
    }
}

/// What was told, in order.
pub(crate) struct Inbox(UnboundedReceiver<Waiting>);

impl Inbox {
    pub(crate) async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Some((heard, _room)) => heard,
            // Nobody is left to tell anything.
            None => std::future::pending().await,
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Heard> {
        self.0.try_recv().ok().map(|(heard, _room)| heard)
    }
}
