//! Serves a modern client from a legacy server: holds the sessions, turns requests into `input_required`.
//!
//! A modern request says for itself who asks and what its client can do; a legacy server hears that once, in a
//! handshake. So each principal has links (`pool`) of its own, on which its requests are served (`serve`): one kind for
//! those in which somebody can be asked, one for all others. What a server asks for in the midst of a call goes to the client as
//! `input_required`, and the call is held (`ask`) until the client tries again. Changes that a server tells of go to
//! those who listen (`listen`).

mod alarm;
mod ask;
mod exchange;
mod extension;
mod listen;
mod notice;
mod poll;
mod pool;
mod pursue;
mod say;
mod scout;
mod serve;
mod task;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tapgate_wire::leg::Leg;
use tapgate_wire::revision::{EXTENSION_METHODS, Revision, method};
use tapgate_wire::shape::{Id, Kind, Member};
use tapgate_wire::{Message, Nanos};

use self::alarm::{Alarms, For};
use self::exchange::{Asked, Exchange, Work, may_ask};
use self::pool::{Key, Link, Wait};
use self::say::Refusal;
use self::scout::Need;
use super::back::{FromServer, Via};
use super::cx::Cx;
use super::failure;
use super::front::{Answer, From, FromClient};
use super::number::{LinkNo, Port, Principal};
use super::translate::fall;

/// Calls of modern clients, and the legacy sessions in which they are made.
#[derive(Debug, Default)]
pub struct Down {
    links: BTreeMap<LinkNo, Link>,
    exchanges: BTreeMap<u64, Exchange>,
    ports: BTreeMap<Port, u64>,
    /// What each call to the server is for.
    jobs: BTreeMap<u64, Job>,
    /// Requests that wait for a link on which nobody else can be asked.
    queues: BTreeMap<Key, VecDeque<u64>>,
    /// For whom no new link is tried before when.
    waits: BTreeMap<Principal, Wait>,
    alarms: Alarms,
    /// Tools that can be called as tasks, and whether they have to be.
    tasked: BTreeMap<String, Need>,
    /// Calls that became tasks of clients, by whose they are.
    tasks: BTreeMap<Principal, BTreeSet<u64>>,
    /// How many calls are held for whom.
    n_held: BTreeMap<Principal, usize>,
    /// What no other bridge has, so that numbers that it sealed are not taken for ours.
    marker: Option<[u8; 16]>,
}

#[derive(Debug)]
struct Job {
    link: LinkNo,
    errand: Errand,
}

#[derive(Debug)]
enum Errand {
    Greet,
    /// The request of an exchange.
    Ask(u64),
    /// A log level, before the request of an exchange.
    Level(u64),
    /// The end of a task.
    Cancel(u64),
    /// A call as a task that nobody wants any more.
    Unwanted,
    /// The tools of a link: the page.
    Scout(usize),
    Subscribe(String),
    Unsubscribe(String),
    /// Nobody waits for it.
    Nothing,
}

impl Down {
    /// Hears from a client whose messages are this pair's.
    pub fn on_client(&mut self, cx: &mut Cx<'_>, event: FromClient) {
        match event {
            FromClient::Asked { port, from, message } => {
                if let Err(refusal) = self.asked(cx, port, &from, &message) {
                    answer(cx, port, &exchange::id(message.shape()), &refusal.message());
                }
            }
            FromClient::Told { from, message } => self.told(cx, &from, &message),
            FromClient::Gone { port } => self.gone(cx, port),
            FromClient::End => self.end(cx),
            FromClient::Listens { .. } | FromClient::Restored { .. } | FromClient::Closed { .. } => {}
        }
    }

    /// Hears from the server: what concerns a call or a link of this pair.
    pub fn on_server(&mut self, cx: &mut Cx<'_>, event: FromServer) {
        match event {
            FromServer::Answered { call, message, .. } => self.answered(cx, call, &message),
            FromServer::Failed { call, failure, .. } => self.failed(cx, call, &failure),
            FromServer::Said { link, call, message, .. } => match message.shape().kind {
                Kind::Request => self.requested(cx, link, call, &message),
                Kind::Notification => self.noticed(cx, link, call, &message),
                Kind::Result | Kind::Error | Kind::Batch | Kind::Other => {}
            },
            FromServer::Down { link, why, .. } => self.down(cx, link, &why),
            // A modern client just waits on.
            FromServer::Paused { .. } => {}
        }
    }

    /// Takes a link that the probe left: a legacy child that has not been greeted yet.
    pub fn adopt(&mut self, cx: &mut Cx<'_>, link: LinkNo) {
        self.links.insert(link, Link::default());
        self.idle(cx, link);
    }

    /// Ends what would go on for ever: those who listen are told that it is over.
    pub fn end(&mut self, cx: &mut Cx<'_>) {
        let listening: Vec<u64> = self
            .exchanges
            .iter()
            .filter(|(_, exchange)| matches!(exchange.work, Work::Listen(_)))
            .map(|(n, _)| *n)
            .collect();
        for n in listening {
            self.end_listen(cx, n);
        }
    }

    /// How many requests, links and calls it holds; 0 when nobody is left.
    pub fn held(&self) -> usize {
        self.exchanges.len() + self.links.len() + self.jobs.len() + self.tasks.len()
    }

    /// Keeps appointments.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        while let Some(what) = self.alarms.take(cx.now) {
            match what {
                For::Link(link) => self.close(cx, link),
                For::Exchange(n) => match self.exchanges.get(&n) {
                    Some(exchange) if exchange.task().is_some() => self.task_due(cx, n),
                    Some(exchange) if matches!(exchange.work, Work::Listen(_)) => self.seat(cx, n),
                    Some(exchange) if exchange.link.is_none() && exchange.asked.port.is_some() => {
                        self.seat(cx, n);
                    }
                    Some(exchange) if exchange.asked.port.is_some() => self.collected(cx, n),
                    Some(_) => self.expire(cx, n),
                    None => {}
                },
            }
        }
    }

    /// When [`Down::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        self.alarms.next()
    }

    /// Begins to serve a request, or goes on with one that is tried again; an error is answered at once.
    fn asked(&mut self, cx: &mut Cx<'_>, port: Port, from: &From, message: &Message) -> Result<(), Refusal> {
        let shape = message.shape();
        let name = shape.method().unwrap_or_default().into_owned();
        if is_gone(&name) {
            let text = format!("the method {name} is not part of {}", Revision::V2026_07_28.as_str());
            return Err(Refusal::new(failure::NO_METHOD, text));
        }
        let asked = Asked::read(port, &from.headers, shape).map_err(Refusal::params)?;
        let legacy = fall::client::request(message);
        let mut exchange = Exchange::new(asked, from.principal, name, shape, legacy);
        match exchange.method.as_str() {
            "server/discover" => exchange.work = Work::Discover,
            "subscriptions/listen" => {
                let mut wish = listen::wish(shape)?;
                self.wish_tasks(cx, &exchange.asked, exchange.principal, (shape, &mut wish))?;
                exchange.work = Work::Listen(Box::new(wish));
            }
            method if method.starts_with("tasks/") => return self.about_task(cx, exchange, message),
            method if may_ask(method) && shape.raw(Member::RequestState).is_some() => {
                return self.retried(cx, exchange, message);
            }
            method if serve::is_paged(method) => self.open_cursor(cx, &mut exchange)?,
            _ => {}
        }
        self.begin(cx, exchange);
        Ok(())
    }

    fn begin(&mut self, cx: &mut Cx<'_>, exchange: Exchange) {
        let n = cx.number();
        if let Some(port) = exchange.asked.port {
            self.ports.insert(port, n);
        }
        self.exchanges.insert(n, exchange);
        self.seat(cx, n);
    }

    /// Cancels what a client on pipes names, and passes on a notification that the specification does not know; all
    /// else that it knows is for a server that is modern itself.
    fn told(&mut self, cx: &mut Cx<'_>, from: &From, message: &Message) {
        let shape = message.shape();
        let Some(name) = shape.method().filter(|_| shape.kind == Kind::Notification) else { return };
        if name == "notifications/cancelled" {
            let port = shape.id_in(Member::CancelledId).and_then(|id| cx.front.port_of(None, &id));
            if let Some(port) = port.filter(|port| self.ports.contains_key(port)) {
                cx.front.drop_port(port);
                self.gone(cx, port);
            }
        }
        if method(&name).is_some() {
            return;
        }
        let is_theirs =
            |link: &Link| link.hello.is_some() && link.key.is_some_and(|(who, _)| who == from.principal);
        if let Some(link) = self.links.iter().find(|(_, link)| is_theirs(link)).map(|(no, _)| *no) {
            let pass = super::back::Pass { headers: from.headers.clone(), mirrors: Vec::new() };
            cx.back.tell(cx.now, link, message, pass, cx.acts);
        }
    }

    fn gone(&mut self, cx: &mut Cx<'_>, port: Port) {
        if let Some(n) = self.ports.remove(&port) {
            self.drop_upstream(cx, n, "the client cancelled");
            self.remove(cx, n);
        }
    }

    /// Gives the final answer, at once or to the retry.
    fn reply(&mut self, cx: &mut Cx<'_>, n: u64, message: Message) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        if exchange.task().is_some() {
            return self.ended(cx, n, Some(&message));
        }
        exchange.inputs.clear();
        let Some(port) = exchange.asked.port else {
            exchange.done = Some(message);
            return self.leave(cx, n);
        };
        self.alarms.clear(For::Exchange(n));
        answer(cx, port, &exchange.asked.id, &message);
        self.remove(cx, n);
    }

    /// Forgets an exchange, of which nobody hears any more.
    fn remove(&mut self, cx: &mut Cx<'_>, n: u64) {
        self.leave(cx, n);
        let Some(exchange) = self.exchanges.remove(&n) else { return };
        self.alarms.clear(For::Exchange(n));
        match (exchange.asked.port, &exchange.work) {
            (Some(port), _) => {
                self.ports.remove(&port);
            }
            (None, Work::Task(_)) => self.forget_task(n, exchange.principal),
            (None, _) => self.release(exchange.principal),
        }
        if let Work::Listen(wish) = &exchange.work {
            self.unfollow_tasks(n, wish);
        }
        let key = (exchange.principal, exchange.profile);
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.retain(|waiting| *waiting != n);
            if queue.is_empty() {
                self.queues.remove(&key);
            }
        }
    }

    /// What makes sealed numbers ours: what a seal gives never comes twice, in whatever process.
    fn marker(&mut self, cx: &mut Cx<'_>) -> [u8; 16] {
        *self.marker.get_or_insert_with(|| {
            let age = cx.settings.bounds.suspend_for;
            let unique = cx.seal.seal(cx.now, super::seal::Purpose::State, Principal::default(), b"", age);
            Principal::of(&[unique.as_bytes()]).0
        })
    }

    /// Whether the server's requests carry no call, so that only one that may ask is in flight on a link.
    fn is_alone(cx: &Cx<'_>, exchange: &Exchange) -> bool {
        cx.server.via != Via::Http && !exchange.profile.is_silent() && exchange.may_ask()
    }
}

/// Answers a request with a message in which its id is put.
fn answer(cx: &mut Cx<'_>, port: Port, id: &Id, message: &Message) {
    let bytes = say::with_id(message, id).to_wire();
    cx.front.answer(cx.now, port, Answer::new(bytes), cx.acts);
}

/// Whether a method left with 2026-07-28. Tasks became an extension, which knows three of the methods.
pub(super) fn is_gone(name: &str) -> bool {
    let is_known = EXTENSION_METHODS.contains(&name);
    name.starts_with("tasks/") && !is_known
        || method(name)
            .is_some_and(|method| !is_known && !method.is_sent_by(Leg::Client, Revision::V2026_07_28))
}

#[cfg(test)]
mod tests;
