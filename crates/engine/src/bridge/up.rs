//! Serves a legacy client from a modern server: answers the handshake, turns `input_required` into requests.

use tapgate_wire::Nanos;

use super::back::FromServer;
use super::cx::Cx;
use super::front::FromClient;

/// Legacy sessions of clients that a modern server serves.
#[derive(Debug, Default)]
pub struct Up {}

impl Up {
    /// Hears from a client whose messages are this pair's.
    pub fn from_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        let _ = (cx, event, &self);
    }

    /// Hears from the server: what concerns a call or a link of this pair.
    pub fn from_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        let _ = (cx, event, &self);
    }

    /// The modern link was opened anew ([`Modern::link`](super::detect::Modern::link)): streams of subscriptions have to be
    /// opened again there.
    pub fn relinked(&mut self, cx: &mut Cx<'_>) {
        let _ = (cx, &self);
    }

    /// Keeps appointments.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        let _ = (cx, &self);
    }

    /// When [`Up::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }
}
