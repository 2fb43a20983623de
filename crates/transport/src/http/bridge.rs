//! The HTTP parts of a bridge, put together.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::dial::Dialer;
use super::exchange::Tap;
use super::ledger::Ledger;
use super::pool::{Case, Pool};
use super::proxy::ProxyVariables;
use super::upstream::Upstream;
use super::{Error, Listen};
use crate::allowance::Allowance;
use crate::bridge::ear::Ear;
use crate::clock::Clock;
use crate::queue::queue;

pub(crate) use super::dial::Dialer as Way;
pub(crate) use super::fetch::{Ask, Origin};
pub(crate) use super::listen::Clients;

/// What the HTTP edges of a bridge share.
pub(crate) struct Web {
    ledger: Rc<Ledger>,
}

impl Web {
    pub(crate) fn new(clock: Clock) -> Self {
        // The bridge records what it hears and does; nobody watches the bytes below.
        let (witness, _) = queue(0);
        Self { ledger: Rc::new(Ledger::new(witness, clock)) }
    }

    /// The way to a server.
    pub(crate) fn way(
        upstream: Upstream,
        ca_file: Option<PathBuf>,
        proxy: &ProxyVariables,
        patience: Duration,
    ) -> Result<Arc<Way>, Error> {
        let proxy = proxy.proxy_for(&upstream).map_err(Error::Proxy)?;
        let dialer = Dialer::new(upstream, proxy, ca_file, patience);
        dialer.check_roots()?;
        Ok(Arc::new(dialer))
    }

    /// The server's leg.
    pub(crate) fn origin(
        &self,
        way: Arc<Way>,
        ear: Ear,
        clock: Clock,
        max_message: usize,
        allowance: Allowance,
    ) -> Rc<Origin> {
        Origin::new(way, Rc::clone(&self.ledger), ear, clock, max_message, allowance)
    }

    /// The client's leg; what is not the bridge's passes the given way.
    pub(crate) fn clients(
        &self,
        listen: Listen,
        clock: Clock,
        ear: Ear,
        pass: Option<Arc<Way>>,
    ) -> Rc<Clients> {
        let pass = pass.map(|dialer| {
            Rc::new(Tap {
                pool: Rc::new(Pool::new(Arc::clone(&dialer), Rc::clone(&self.ledger), Case::Keep)),
                dialer,
                guard: Arc::new(listen.guard.clone()),
                explain: listen.explain,
                ledger: Rc::clone(&self.ledger),
            })
        });
        Clients::new(listen, clock, ear, Rc::clone(&self.ledger), pass)
    }
}
