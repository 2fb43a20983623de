//! Relays where both legs speak one era: messages pass as they came.

use tapgate_wire::Nanos;

use super::back::FromServer;
use super::cx::Cx;
use super::front::FromClient;

/// Sessions and calls whose legs speak one era.
#[derive(Debug, Default)]
pub struct Same {}

impl Same {
    /// Hears from a client whose messages are this pair's.
    pub fn from_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        let _ = (cx, event, &self);
    }

    /// Hears from the server: what concerns a call or a link of this pair.
    pub fn from_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        let _ = (cx, event, &self);
    }

    /// Keeps appointments.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        let _ = (cx, &self);
    }

    /// When [`Same::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        None
    }
}
