//! The bridge: lets a client and a server speak different transports, revisions and eras.
//!
//! ```text
//! client edge → Front ─ FromClient →  pair  → Back → server edge
//!             ←        ← answer, aside, push    ← FromServer
//! ```
//!
//! [`front`] knows how clients are spoken to (stdio, Streamable HTTP, HTTP+SSE) and nothing of servers;
//! [`back`] knows how servers are spoken to and nothing of clients. Between them stands one of three pairs:
//! [`same`] relays where both legs speak one era, [`up`] serves a legacy client from a modern server,
//! [`down`] serves a modern client from a legacy server. [`detect`] finds out what the server speaks.
//! [`translate`] holds the pure changes of messages, [`seal`] the envelope of all that is given away to be
//! brought back.

pub mod back;
pub mod detect;
pub mod down;
pub mod front;
pub mod same;
pub mod seal;
pub mod settings;
pub mod tools;
pub mod translate;
pub mod up;

mod cx;
mod number;

pub use self::cx::Cx;
pub use self::number::{CallNo, LinkNo, Pair, Port, Principal, SessionNo};
pub use self::settings::Settings;

use tapgate_wire::Nanos;
use tapgate_wire::edge::{Act, Heard};

/// The bridge of one process: input in, actions out.
#[derive(Debug)]
pub struct Bridge {
    settings: Settings,
    seal: seal::Seal,
    front: front::Front,
    back: back::Back,
}

impl Bridge {
    /// A bridge before its first input.
    pub fn new(settings: Settings, seal: seal::Seal) -> Self {
        let front = front::Front::new(&settings);
        let back = back::Back::new(&settings);
        Self { settings, seal, front, back }
    }

    /// Hears one input and pushes what the edges are to do.
    pub fn on(&mut self, now: Nanos, heard: Heard, acts: &mut Vec<Act>) {
        let _ = (now, heard, acts, &self.settings, &self.seal, &self.front, &self.back);
    }

    /// When [`Heard::Tick`] is due at the latest, if nothing else is heard before.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }
}
