//! Serves a modern client from a legacy server: holds the sessions, turns requests into `input_required`.

use tapgate_wire::Nanos;

use super::back::FromServer;
use super::cx::Cx;
use super::front::FromClient;

/// Calls of modern clients, and the legacy sessions in which they are made.
#[derive(Debug, Default)]
pub struct Down {}

impl Down {
    /// Hears from a client whose messages are this pair's.
    pub fn from_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        let _ = (cx, event, &self);
    }

    /// Hears from the server: what concerns a call or a link of this pair.
    pub fn from_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        let _ = (cx, event, &self);
    }

    /// Takes a link that the probe left: a legacy child that has not been greeted yet.
    pub fn adopt(&mut self, cx: &mut Cx<'_>, link: super::number::LinkNo) {
        let _ = (cx, link, &self);
    }

    /// Keeps appointments.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        let _ = (cx, &self);
    }

    /// When [`Down::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }
}
