//! A client of one server on a thread of its own, for who may wait: requests in, what comes of them out.

use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tapgate_wire::edge::{Act, Heard};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use super::Error;
use super::bridge::{Ask, Origin, Web};
use super::proxy::ProxyVariables;
use super::upstream::Upstream;
use crate::allowance::Allowance;
use crate::bridge::ear::{Inbox, ear};
use crate::clock::Clock;

/// Bytes of the largest answer or event; a larger one fails.
const MAX_MESSAGE: usize = 64 << 20;

/// What each thing that is heard costs of the allowance at least: what is small costs who records it as much.
pub(super) const COST: u64 = 1024;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends requests to a server. Dropping it gives up what is open.
#[derive(Debug)]
pub struct Caller {
    acts: UnboundedSender<Act>,
}

impl Caller {
    /// Starts the thread; what comes is heard at the other end, until the allowance is spent. A peer is read no faster
    /// than it is heard.
    pub fn start(upstream: Upstream, allowance: Allowance) -> Result<(Self, Receiver<Heard>), Error> {
        let way = Web::way(upstream, None, &ProxyVariables::default(), PATIENCE)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
        let (acts, to_do) = unbounded_channel();
        let (told, heard) = sync_channel(1);
        let run = move || {
            let (from_server, inbox) = ear();
            let clock = Clock::start();
            let tasks = LocalSet::new();
            tasks.block_on(&runtime, async move {
                let origin = Web::new(clock).origin(way, from_server, clock, MAX_MESSAGE, allowance.clone());
                serve(&origin, to_do, inbox, &told, &allowance).await;
                origin.abort_all();
            });
        };
        thread::Builder::new().name("tapgate-caller".to_owned()).spawn(run).map_err(Error::Start)?;
        Ok((Self { acts }, heard))
    }

    /// Performs [`Act::Fetch`] and [`Act::Abort`]; nothing else means anything here.
    pub fn perform(&self, act: Act) {
        // A thread that ended has closed the other end too, where that is noticed.
        let _ = self.acts.send(act);
    }
}

async fn serve(
    origin: &Rc<Origin>,
    mut to_do: UnboundedReceiver<Act>,
    mut inbox: Inbox,
    told: &SyncSender<Heard>,
    allowance: &Allowance,
) {
    loop {
        tokio::select! {
            act = to_do.recv() => match act {
                Some(Act::Fetch { fetch, method, target, headers, body }) => {
                    let ask = Ask { method, target, headers, body };
                    let task = tokio::task::spawn_local(Rc::clone(origin).run(fetch, ask));
                    origin.add(fetch, task.abort_handle());
                }
                Some(Act::Abort { fetch }) => origin.abort(fetch),
                Some(_) => {}
                None => return,
            },
            heard = inbox.next() => {
                if told.send(heard).is_err() || !allowance.take(COST) {
                    return;
                }
            }
        }
        origin.sweep();
    }
}
