//! By what sessions are found.

use std::collections::{BTreeMap, HashMap};

/// A name by which a session can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `Mcp-Session-Id`.
    Id(&'a [u8]),
    /// Path and query of a 2024-11-05 endpoint.
    Endpoint(&'a [u8]),
    /// Digest of a modern client's name, version and user agent.
    Identity(u64),
    /// Digest of a user agent: its latest session.
    Agent(u64),
}

/// Which session each name means; a name that comes again means the newer session.
#[derive(Debug, Default)]
pub(super) struct Routes {
    ids: HashMap<Box<[u8]>, u64>,
    endpoints: HashMap<Box<[u8]>, u64>,
    identities: HashMap<u64, u64>,
    agents: HashMap<u64, u64>,
    /// The names of each session, so that they go with it.
    of_session: BTreeMap<u64, Vec<Name>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Id(Box<[u8]>),
    Endpoint(Box<[u8]>),
    Identity(u64),
    Agent(u64),
}

impl Routes {
    pub(super) fn find(&self, route: &Route<'_>) -> Option<u64> {
        match route {
            Route::Id(id) => self.ids.get(*id),
            Route::Endpoint(uri) => self.endpoints.get(*uri),
            Route::Identity(digest) => self.identities.get(digest),
            Route::Agent(digest) => self.agents.get(digest),
        }
        .copied()
    }

    pub(super) fn add(&mut self, route: &Route<'_>, n: u64) {
        if self.find(route) == Some(n) {
            return;
        }
        let name = match *route {
            Route::Id(id) => Name::Id(id.into()),
            Route::Endpoint(uri) => Name::Endpoint(uri.into()),
            Route::Identity(digest) => Name::Identity(digest),
            Route::Agent(digest) => Name::Agent(digest),
        };
        let before = match name.clone() {
            Name::Id(id) => self.ids.insert(id, n),
            Name::Endpoint(uri) => self.endpoints.insert(uri, n),
            Name::Identity(digest) => self.identities.insert(digest, n),
            Name::Agent(digest) => self.agents.insert(digest, n),
        };
        // A session that lost a name must not keep it, or many sessions of one agent would.
        if let Some(names) = before.and_then(|before| self.of_session.get_mut(&before)) {
            names.retain(|other| *other != name);
        }
        self.of_session.entry(n).or_default().push(name);
    }

    pub(super) fn drop_session(&mut self, n: u64) {
        for name in self.of_session.remove(&n).unwrap_or_default() {
            match name {
                Name::Id(id) => self.ids.remove(&id),
                Name::Endpoint(uri) => self.endpoints.remove(&uri),
                Name::Identity(digest) => self.identities.remove(&digest),
                Name::Agent(digest) => self.agents.remove(&digest),
            };
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len() + self.endpoints.len() + self.identities.len() + self.agents.len()
    }
}
