//! The rooms around the pairs, and how they are lent.

use tapgate_wire::Nanos;
use tapgate_wire::edge::Act;

use super::back::Back;
use super::cx::Cx;
use super::detect::Server;
use super::front::Front;
use super::seal::Seal;
use super::settings::Settings;
use super::tools::Tools;

/// Everything that a pair works with.
#[derive(Debug)]
pub(super) struct Rooms {
    pub(super) settings: Settings,
    pub(super) seal: Seal,
    pub(super) front: Front,
    pub(super) back: Back,
    pub(super) server: Server,
    tools: Tools,
    next: u64,
}

impl Rooms {
    pub(super) fn new(settings: Settings, seal: Seal) -> Self {
        Self {
            front: Front::new(&settings),
            back: Back::new(&settings),
            server: Server::new(&settings),
            tools: Tools::default(),
            next: 0,
            settings,
            seal,
        }
    }

    /// Lends everything for one input.
    pub(super) fn cx<'a>(&'a mut self, now: Nanos, acts: &'a mut Vec<Act>) -> Cx<'a> {
        Cx {
            now,
            front: &mut self.front,
            back: &mut self.back,
            server: &mut self.server,
            tools: &mut self.tools,
            seal: &mut self.seal,
            settings: &self.settings,
            acts,
            next: &mut self.next,
        }
    }
}
