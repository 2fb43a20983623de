//! What every room of a bridge works with during one input.

use tapgate_wire::Nanos;
use tapgate_wire::edge::Act;

use super::back::Back;
use super::detect::Server;
use super::front::Front;
use super::number::{CallNo, LinkNo, Pair};
use super::seal::Seal;
use super::settings::Settings;
use super::tools::Tools;

/// The rooms around a pair, lent to it for one input.
#[derive(Debug)]
pub struct Cx<'a> {
    /// When the input happened.
    pub now: Nanos,
    /// The client's leg.
    pub front: &'a mut Front,
    /// The server's leg.
    pub back: &'a mut Back,
    /// What is known of the server.
    pub server: &'a mut Server,
    /// Which headers mirror which arguments of which tool.
    pub tools: &'a mut Tools,
    /// The envelope for what clients bring back.
    pub seal: &'a mut Seal,
    /// What the bridge was told.
    pub settings: &'a Settings,
    /// What the edges are to do.
    pub acts: &'a mut Vec<Act>,
    pub(super) next: &'a mut u64,
}

impl Cx<'_> {
    /// A number for a new call of `pair`.
    pub fn call(&mut self, pair: Pair) -> CallNo {
        CallNo { n: self.number(), pair }
    }

    /// A number for a new link.
    pub fn link(&mut self) -> LinkNo {
        LinkNo(self.number())
    }

    /// A number that nothing else in this bridge has.
    pub fn number(&mut self) -> u64 {
        *self.next += 1;
        *self.next
    }
}
