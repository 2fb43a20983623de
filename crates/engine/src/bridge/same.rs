//! Relays where both legs speak one era: messages pass as they came.
//!
//! `legacy` joins each session of a client with a session of its own at the server. `modern` passes requests
//! that carry everything in themselves.

mod legacy;
mod modern;
mod repair;
mod session;

use tapgate_wire::record::Era;
use tapgate_wire::{Message, Nanos};

use self::legacy::Legacy;
use self::modern::Modern;
use super::back::FromServer;
use super::cx::Cx;
use super::front::{From, FromClient};
use super::number::{LinkNo, Port, SessionNo};

/// Sessions and calls whose legs speak one era.
#[derive(Debug, Default)]
pub struct Same {
    legacy: Legacy,
    modern: Modern,
}

/// A handshake that the server refused: perhaps it is a modern one.
#[derive(Debug)]
pub struct Doubt {
    /// Where the client waits.
    pub port: Port,
    /// Whose it is.
    pub from: From,
    /// Its `initialize`.
    pub message: Message,
    /// The link on which it was tried, if it is still open.
    pub link: LinkNo,
    /// What the server answered, to be passed on if it is no modern server either.
    pub answer: FromServer,
}

impl Same {
    /// Hears from a client whose messages are this pair's.
    pub fn on_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        match event {
            FromClient::Asked { port, from, message } if from.era == Era::Modern => {
                self.modern.asked(cx, port, from, message);
            }
            FromClient::Told { from, message } if from.era == Era::Modern => self.modern.told(cx, &message),
            FromClient::Gone { port } => self.modern.gone(cx, port),
            FromClient::End => {
                self.modern.end(cx);
            }
            event => self.legacy.on_client(cx, event),
        }
    }

    /// Hears from the server: what concerns a call or a link of this pair.
    pub fn on_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        if let Some(event) = self.modern.on_server(cx, event) {
            self.legacy.on_server(cx, event);
        }
    }

    /// The modern link was opened anew: streams of subscriptions are opened again there.
    pub fn relinked(&mut self, cx: &mut Cx<'_>) {
        self.modern.relinked(cx);
    }

    /// Takes the handshakes that the server refused.
    pub fn doubts(&mut self) -> Vec<Doubt> {
        std::mem::take(&mut self.legacy.doubts)
    }

    /// Lets a session go to another pair, with the requests that waited in it.
    pub fn release(&mut self, session: SessionNo) -> Vec<(Port, From, Message)> {
        let held = self.legacy.release(session);
        held.into_iter().map(|asked| (asked.port, asked.from, asked.message)).collect()
    }

    /// Passes on what the server answered to a handshake, since it is no modern server either.
    pub fn undoubted(&mut self, cx: &mut Cx<'_>, doubt: &Doubt) {
        self.legacy.undoubted(cx, doubt);
    }

    /// Keeps appointments.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        self.legacy.tick(cx);
    }

    /// When [`Same::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        self.legacy.deadline()
    }

    /// How many sessions and calls are held.
    pub fn held(&self) -> usize {
        self.legacy.held() + self.modern.held()
    }
}
