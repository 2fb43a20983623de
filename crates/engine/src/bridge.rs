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
//! [`hold`] keeps back tools that a lock does not have.
//! [`translate`] holds the pure changes of messages, [`seal`] the envelope of all that is given away to be
//! brought back.

pub mod back;
pub mod detect;
pub mod down;
pub mod failure;
pub mod front;
pub mod hold;
pub mod learn;
pub mod same;
pub mod seal;
pub mod settings;
pub mod tools;
pub mod translate;
pub mod up;

mod cx;
mod number;
mod rooms;
mod switch;

pub use self::cx::Cx;
pub use self::number::{CallNo, LinkNo, Pair, Port, Principal, SessionNo};
pub use self::settings::Settings;

use std::sync::Arc;

use tapgate_wire::Nanos;
use tapgate_wire::edge::{Act, Heard};

use self::failure::INVALID_PARAMS;
use self::front::FromClient;
use self::hold::Withheld;
use self::rooms::Rooms;
use self::settings::Listens;
use self::switch::Switch;
use crate::surface::Lock;

/// How long requests that are under way may take when no client will come any more.
const LAST_ANSWERS: u64 = 30_000_000_000;

/// The bridge of one process: input in, actions out.
#[derive(Debug)]
pub struct Bridge {
    rooms: Rooms,
    switch: Switch,
    /// When the bridge ends although requests still wait; set when no client will come any more.
    ends: Option<Nanos>,
    is_over: bool,
}

impl Bridge {
    /// A bridge before its first input.
    pub fn new(settings: Settings, seal: seal::Seal) -> Self {
        Self { rooms: Rooms::new(settings, seal), switch: Switch::default(), ends: None, is_over: false }
    }

    /// Passes only tools that are as this lock says, from now on; of one that replaces another, clients that listen
    /// are told that the list of tools changed.
    pub fn lock(&mut self, now: Nanos, lock: &Arc<Lock>, acts: &mut Vec<Act>) {
        let mut servers = Vec::new();
        self.rooms.back.lock(lock, &mut servers);
        let mut cx = self.rooms.cx(now, acts);
        for event in servers {
            self.switch.on_server(&mut cx, event);
        }
    }

    /// The tools that are held back now, of those that were listed; another one whenever it changes.
    pub fn withheld(&self) -> &Arc<Withheld> {
        self.rooms.back.withheld()
    }

    /// Hears one input and pushes what the edges are to do.
    pub fn on(&mut self, now: Nanos, heard: Heard, acts: &mut Vec<Act>) {
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        let Rooms { front, back, seal, .. } = &mut self.rooms;
        match heard {
            Heard::Line { .. } | Heard::LineEnd | Heard::Asked { .. } | Heard::Left { .. } => {
                front.hear(now, heard, seal, &mut clients, acts);
            }
            Heard::Tick => {}
            _ => back.hear(now, heard, &mut servers, acts),
        }
        if front.deadline().is_some_and(|due| due <= now) {
            front.tick(now, &mut clients, acts);
        }
        if back.deadline().is_some_and(|due| due <= now) {
            back.tick(now, &mut servers, acts);
        }
        if self.rooms.back.is_sse() {
            self.rooms.server.via = back::Via::Sse;
        }
        if clients.iter().any(|event| matches!(event, FromClient::End)) {
            // The second end is that of the client, or of its patience; a listener that stops has none.
            let waits = self.ends.is_none() && self.rooms.settings.listens == Listens::Pipe;
            self.ends = Some(Nanos(now.0.saturating_add(if waits { LAST_ANSWERS } else { 0 })));
        }
        let mut cx = self.rooms.cx(now, acts);
        for event in clients {
            if let FromClient::Asked { port, message, .. } = &event
                && let Some(why) = cx.back.refuses(message)
                && let Some(id) = &message.shape().id
            {
                cx.refuse(*port, id, INVALID_PARAMS, &why);
                continue;
            }
            self.switch.on_client(&mut cx, event);
        }
        for event in servers {
            self.switch.on_server(&mut cx, event);
        }
        self.switch.tick(&mut cx);
        if let Some(ends) = self.ends
            && !self.is_over
            && (cx.front.n_waiting() == 0 || ends <= now)
        {
            self.is_over = true;
            let mut clients = Vec::new();
            cx.front.close(now, &mut clients, cx.acts);
            for event in clients {
                self.switch.on_client(&mut cx, event);
            }
            cx.back.close_all(now, cx.acts);
            cx.acts.push(Act::Exit(0));
        }
    }

    /// When [`Heard::Tick`] is due at the latest, if nothing else is heard before.
    pub fn deadline(&self) -> Option<Nanos> {
        let ends = self.ends.filter(|_| !self.is_over);
        let rooms = [self.rooms.front.deadline(), self.rooms.back.deadline()];
        rooms.into_iter().flatten().chain(self.switch.deadline()).chain(ends).min()
    }
}
