//! Requests of clients that wait for their answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::HeaderValue;
use tapgate_wire::Id;
use tapgate_wire::stream::StreamMap;

use super::super::number::Principal;
use super::super::number::{Port, SessionNo};
use super::lane::LaneNo;

/// A request that waits.
#[derive(Debug)]
pub(super) struct Wait {
    /// Its id, a copy: the request's own bytes need not stay.
    pub(super) id: Id,
    pub(super) session: Option<SessionNo>,
    /// Where the answer goes; a line of its own, if not on a lane.
    pub(super) lane: Option<LaneNo>,
    pub(super) principal: Principal,
    pub(super) opens: Opens,
    /// Whether the id alone names it: on the pipe and in sessions.
    pub(super) is_named: bool,
    /// Whether its answer is an end that nobody waits for: it listens.
    pub(super) listens: bool,
}

/// What the answer to a request opens.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opens {
    /// Nothing.
    Nothing,
    /// A session, if it is agreed before.
    Session,
    /// A session that was agreed; with its id, over Streamable HTTP.
    Agreed(Option<HeaderValue>),
}

/// All requests that wait.
#[derive(Debug)]
pub(super) struct Ports {
    map: StreamMap<Port, Wait>,
    named: BTreeMap<(Option<SessionNo>, Id), Port>,
    /// Modern requests over HTTP: leaving the lane cancels them.
    modern: BTreeMap<LaneNo, Port>,
    n_listening: usize,
    max: usize,
    last: u64,
}

impl Ports {
    pub(super) fn new(max: usize) -> Self {
        Self {
            map: StreamMap::default(),
            named: BTreeMap::new(),
            modern: BTreeMap::new(),
            n_listening: 0,
            max,
            last: 0,
        }
    }

    pub(super) fn held(&self) -> usize {
        self.map.len() + self.named.len() + self.modern.len()
    }

    /// How many wait for an answer that will come.
    pub(super) fn n_waiting(&self) -> usize {
        self.map.len() - self.n_listening
    }

    /// Whether `n` more may wait.
    pub(super) fn have_room(&self, n: usize) -> bool {
        self.map.len() + n <= self.max
    }

    pub(super) fn insert(&mut self, wait: Wait) -> Port {
        self.last += 1;
        let port = Port(self.last);
        let wait = Wait { id: copied(&wait.id), ..wait };
        if wait.is_named {
            self.named.insert((wait.session, wait.id.clone()), port);
        }
        if let Some(lane) = wait.lane.filter(|lane| lane.session.is_none()) {
            self.modern.insert(lane, port);
        }
        self.n_listening += usize::from(wait.listens);
        self.map.insert(port, wait);
        port
    }

    pub(super) fn find(&self, port: Port) -> Option<&Wait> {
        self.map.get(&port)
    }

    pub(super) fn find_mut(&mut self, port: Port) -> Option<&mut Wait> {
        self.map.get_mut(&port)
    }

    pub(super) fn take(&mut self, port: Port) -> Option<Wait> {
        let wait = self.map.remove(&port)?;
        self.n_listening -= usize::from(wait.listens);
        if wait.is_named {
            self.named.remove(&(wait.session, wait.id.clone()));
        }
        if let Some(lane) = wait.lane {
            self.modern.remove(&lane);
        }
        Some(wait)
    }

    /// The request with this id in a session, or on the pipe.
    pub(super) fn named(&self, session: Option<SessionNo>, id: &Id) -> Option<Port> {
        self.named.get(&(session, id.clone())).copied()
    }

    /// The requests of a session.
    pub(super) fn of(&self, session: SessionNo) -> Vec<Port> {
        let first = (Some(session), Id(Bytes::new()));
        let named = self.named.range(first..).take_while(|((owner, _), _)| *owner == Some(session));
        named.map(|(_, port)| *port).collect()
    }

    /// All requests.
    pub(super) fn all(&self) -> Vec<Port> {
        self.map.keys().copied().collect()
    }

    /// The modern request that waits on a lane.
    pub(super) fn on(&self, lane: LaneNo) -> Option<Port> {
        self.modern.get(&lane).copied()
    }
}

fn copied(id: &Id) -> Id {
    Id(Bytes::copy_from_slice(&id.0))
}
