// Long because who uses which link, and when one is opened, greeted and closed, is one story.
//! Links to the server: who may use which, the handshake, their end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tapgate_wire::json::find;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Kind, Member};
use tapgate_wire::{Message, Nanos};

use super::alarm::For;
use super::exchange::{Exchange, Level, Profile, Work};
use super::listen::Subscription;
use super::{Down, Errand, Job, say};
use crate::bridge::back::{Failure, Opening, Pass, Sharing};
use crate::bridge::cx::Cx;
use crate::bridge::failure;
use crate::bridge::number::{LinkNo, Pair, Principal};
use crate::bridge::settings::Reaches;
use crate::bridge::translate::{fall, rise};

/// Whose a link is, and for which of their requests.
pub(super) type Key = (Principal, Profile);

/// How many links one key has at most, and how many requests wait for one of them.
const MAX_LINKS: usize = 4;
const MAX_QUEUE: usize = 64;
/// For how many sets of extensions one principal has links; who declares one more is served without it.
const MAX_EXTENSIONS: usize = 4;
/// How long questions may still come that belong to a call that was given up.
const STRAY: Duration = Duration::from_millis(250);
/// How many principals are made to wait; the one whose wait is over first makes room.
const MAX_WAITS: usize = 1024;

/// A legacy session, or a process that was not greeted yet.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// `None` while it is nobody's.
    pub key: Option<Key>,
    pub headers: Arc<HeaderMap>,
    /// What the server said to the handshake.
    pub hello: Option<Hello>,
    /// The exchanges that use it.
    pub users: BTreeSet<u64>,
    /// Those of them in which the server may ask.
    pub askers: BTreeSet<u64>,
    /// Until when the server may still ask in a call that was given up; on pipes a question does not say in which.
    pub strays_until: Nanos,
    /// The level that the server was told.
    pub level: Option<Level>,
    pub scout: Scout,
    pub uris: BTreeMap<String, Subscription>,
}

/// Whether the tools of a link were listed for what their definitions say of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scout {
    #[default]
    Unknown,
    Asking,
    Done,
}

/// The answer to `initialize`.
#[derive(Debug)]
pub(super) struct Hello {
    pub message: Message,
    pub revision: Revision,
}

impl Hello {
    /// Whether the server said that it can do something.
    pub fn can(&self, path: &[&str]) -> bool {
        let capabilities = self.message.shape().raw(Member::ServerCapabilities);
        capabilities
            .and_then(|all| find(all, path))
            .is_some_and(|value| value.starts_with(b"{") || value == b"true")
    }

    /// Whether the server makes tasks of calls where it is asked to.
    pub fn makes_tasks(&self) -> bool {
        let capabilities = self.message.shape().raw(Member::ServerCapabilities);
        capabilities.is_some_and(|all| rise::server::makes_tasks(all, Some(self.revision)))
    }

    pub fn info(&self) -> Option<&Bytes> {
        self.message.shape().raw(Member::ServerInfo)
    }

    /// The capability that a method needs and that the server does not have.
    pub fn lacks(&self, method: &str) -> Option<&'static str> {
        let needed = match method {
            // Spec 2024-11-05 has no capability for completion.
            "completion/complete" if self.revision >= Revision::V2025_03_26 => "completions",
            "tools/list" | "tools/call" => "tools",
            "prompts/list" | "prompts/get" => "prompts",
            "resources/list" | "resources/templates/list" | "resources/read" => "resources",
            _ => return None,
        };
        (!self.can(&[needed])).then_some(needed)
    }
}

/// A pause after a server could not be greeted.
#[derive(Debug)]
pub(super) struct Wait {
    until: Nanos,
    n_failed: u32,
    why: String,
}

impl Down {
    /// Finds a link for an exchange, opens one, or lets it wait for one.
    pub(super) fn seat(&mut self, cx: &mut Cx<'_>, n: u64) {
        self.limit_extensions(n);
        let Some(exchange) = self.exchanges.get(&n) else { return };
        let key = (exchange.principal, exchange.profile);
        if let Some(link) = exchange.pinned {
            let is_theirs =
                self.links.get(&link).is_some_and(|link| link.key.is_some_and(|found| found.0 == key.0));
            if is_theirs && cx.back.is_open(link) {
                return self.take(cx, n, link);
            }
            if let Work::Get(_) = exchange.work {
                return self.got(cx, n, None);
            }
            return self.reply(
                cx,
                n,
                say::error(failure::INVALID_PARAMS, "the cursor is not good any more", None),
            );
        }
        let is_alone = Self::is_alone(cx, exchange);
        let (calm, free, n_links) = self.free(cx, key, is_alone, exchange);
        if let Some(link) = calm {
            return self.take(cx, n, link);
        }
        if n_links < MAX_LINKS {
            match self.open(cx, n, key) {
                Ok(link) => return self.take(cx, n, link),
                Err(why) if n_links == 0 => return self.unavailable(cx, n, &why),
                Err(_) => {}
            }
        }
        if let Some(link) = free {
            // A question that was on its way must not be taken for one of this call.
            let until = self.links.get(&link).map_or(cx.now, |link| link.strays_until);
            return self.alarms.set(For::Exchange(n), until);
        }
        // Clients may leave questions unanswered for ever: the call that has been held longest makes room.
        if let Some(oldest) = self.longest_held(key) {
            self.expire(cx, oldest);
            // What its server still asks must not be taken for a question of this call.
            return self.alarms.set(For::Exchange(n), after(cx.now, STRAY));
        }
        let queue = self.queues.entry(key).or_default();
        if queue.len() < MAX_QUEUE {
            queue.push_back(n);
        } else {
            self.unavailable(cx, n, "too many calls wait in which the server may ask");
        }
    }

    /// Lets an exchange go without its extensions where that needs links of too many kinds.
    fn limit_extensions(&mut self, n: u64) {
        let has_any = |exchange: &&mut Exchange| !exchange.extensions.is_empty();
        let Some(exchange) = self.exchanges.get_mut(&n).filter(has_any) else { return };
        let keys = self.links.values().filter_map(|link| link.key);
        let own = keys.filter(|(who, _)| *who == exchange.principal);
        let known: BTreeSet<[u8; 16]> = own.map(|(_, profile)| profile.extensions).collect();
        let is_new = !known.contains(&exchange.profile.extensions);
        if is_new && known.iter().filter(|known| **known != [0; 16]).count() >= MAX_EXTENSIONS {
            exchange.extensions = Bytes::new();
            exchange.profile.extensions = [0; 16];
        }
    }

    /// The call with these links that has waited longest for the answers of its client.
    fn longest_held(&self, key: Key) -> Option<u64> {
        let own = self.links.values().filter(|link| link.key == Some(key));
        let held = own.flat_map(|link| &link.askers).filter_map(|n| Some((self.exchanges.get(n)?, *n)));
        let held = held.filter(|(exchange, _)| exchange.asked.port.is_none());
        held.min_by_key(|(exchange, _)| exchange.turn).map(|(_, n)| n)
    }

    /// A link with room for an exchange on which no call can be taken for another one, one with room at all, and how
    /// many links there are for its key.
    fn free(
        &self,
        cx: &Cx<'_>,
        key: Key,
        is_alone: bool,
        exchange: &Exchange,
    ) -> (Option<LinkNo>, Option<LinkNo>, usize) {
        let is_open = |no: &LinkNo| cx.back.is_open(*no);
        let own = self.links.iter().filter(|(no, link)| link.key == Some(key) && is_open(no));
        let mut free = own.clone().filter(|(_, link)| !is_alone || link.askers.is_empty());
        let first = free.clone().next().map(|(no, _)| *no);
        let mut calm = free.find(|(_, link)| !is_alone || link.strays_until <= cx.now).map(|(no, _)| *no);
        if calm.is_none() && matches!(exchange.work, Work::Discover) {
            let is_theirs = |link: &Link| link.key.is_some_and(|(who, _)| who == key.0);
            calm = self.links.iter().find(|(no, link)| is_theirs(link) && is_open(no)).map(|(no, _)| *no);
        }
        (calm, first, own.count())
    }

    /// The call of an exchange is given up: what the server asks next without saying for whom may be for that.
    pub(super) fn expect_strays(&mut self, cx: &Cx<'_>, n: u64) {
        let asks = |exchange: &&Exchange| exchange.may_ask() && exchange.task().is_none();
        let Some(exchange) = self.exchanges.get(&n).filter(asks) else { return };
        if let Some(link) = exchange.link.and_then(|no| self.links.get_mut(&no)) {
            link.strays_until = after(cx.now, STRAY);
        }
    }

    /// Opens a link and greets the server on it.
    fn open(&mut self, cx: &mut Cx<'_>, n: u64, key: Key) -> Result<LinkNo, String> {
        let Some(exchange) = self.exchanges.get(&n) else { return Err(String::new()) };
        if let Some(wait) = self.waits.get(&key.0).filter(|wait| cx.now < wait.until) {
            return Err(wait.why.clone());
        }
        let headers = Arc::clone(&exchange.asked.headers);
        let client = exchange.client.clone();
        let capabilities = key.1.capabilities(&exchange.extensions);
        let spare = self.links.iter().find(|(no, link)| link.key.is_none() && cx.back.is_open(**no));
        let no = if let Some((no, _)) = spare {
            *no
        } else {
            let is_command = cx.settings.reaches == Reaches::Command;
            let n_links = if is_command { cx.back.n_links() } else { self.links.len() };
            if n_links >= cx.settings.bounds.links {
                let idle = self.links.iter().find(|(_, link)| link.users.is_empty()).map(|(no, _)| *no);
                if let Some(idle) = idle {
                    self.close(cx, idle);
                } else if let Some(quiet) = self.quietest(cx) {
                    cx.back.close(cx.now, quiet, cx.acts);
                    let why = "the task made room for other clients, since nobody asked for it for long";
                    self.down(cx, quiet, &Failure::Unreachable(why.into()));
                } else {
                    return Err(format!("all {} links to the server are in use", cx.settings.bounds.links));
                }
            }
            let no = cx.link();
            let opening = Opening {
                owner: Pair::Down,
                via: cx.server.via,
                era: Era::Legacy,
                sharing: Sharing::Shared,
                headers: Arc::clone(&headers),
            };
            cx.back.open(cx.now, no, opening, cx.acts);
            no
        };
        self.links.insert(no, Link { key: Some(key), headers: Arc::clone(&headers), ..Link::default() });
        let call = cx.call(Pair::Down);
        let offer = cx.settings.server_revision.filter(|revision| revision.era() == Era::Legacy);
        let offer = offer.unwrap_or(Revision::V2025_11_25);
        let message = fall::client::initialize(call.n, offer, &capabilities, &client);
        self.jobs.insert(call.n, Job { link: no, errand: Errand::Greet });
        cx.back.ask(cx.now, no, call, &message, Pass { headers, mirrors: Vec::new() }, cx.acts);
        Ok(no)
    }

    /// Gives an exchange a link.
    fn take(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo) {
        let (Some(exchange), Some(link)) = (self.exchanges.get_mut(&n), self.links.get_mut(&no)) else {
            return;
        };
        exchange.link = Some(no);
        link.users.insert(n);
        if exchange.may_ask() {
            link.askers.insert(n);
        }
        self.alarms.clear(For::Link(no));
        self.advance(cx, n);
    }

    /// Takes the link from an exchange and gives it to the next one that waits.
    pub(super) fn leave(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(no) = exchange.link.take() else { return };
        if let Some(call) = exchange.call.take() {
            self.jobs.remove(&call.n);
        }
        self.unsubscribe_all(cx, n, no);
        let Some(link) = self.links.get_mut(&no) else { return };
        link.users.remove(&n);
        link.askers.remove(&n);
        let key = link.key;
        self.idle(cx, no);
        self.seat_next(cx, key);
    }

    /// Gives a link to the next one that waits for one.
    pub(super) fn seat_next(&mut self, cx: &mut Cx<'_>, key: Option<Key>) {
        if let Some(key) = key
            && let Some(next) = self.queues.get_mut(&key).and_then(std::collections::VecDeque::pop_front)
        {
            self.seat(cx, next);
        }
    }

    /// Makes the appointment to close a link that nobody uses.
    pub(super) fn idle(&mut self, cx: &Cx<'_>, no: LinkNo) {
        if self.links.get(&no).is_some_and(|link| link.users.is_empty()) {
            self.alarms.set(For::Link(no), after(cx.now, cx.settings.bounds.link_idle));
        }
    }

    /// Closes a link and forgets it.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>, no: LinkNo) {
        cx.back.close(cx.now, no, cx.acts);
        self.forget(no);
    }

    /// Forgets a link; gives those who used it.
    fn forget(&mut self, no: LinkNo) -> Option<Link> {
        let link = self.links.remove(&no)?;
        self.alarms.clear(For::Link(no));
        self.jobs.retain(|_, job| job.link != no);
        for n in &link.users {
            if let Some(exchange) = self.exchanges.get_mut(n) {
                exchange.link = None;
                exchange.call = None;
            }
        }
        Some(link)
    }

    /// The server answered the handshake.
    pub(super) fn greeted(&mut self, cx: &mut Cx<'_>, no: LinkNo, message: &Message) {
        let shape = message.shape();
        if shape.kind != Kind::Result {
            cx.server.is_doubtful = true;
            let words = shape.text(Member::ErrorMessage).unwrap_or_default();
            let why = format!("the server {} refused the handshake: {words}", cx.settings.server_name);
            return self.ungreeted(cx, no, &|down, cx, n| down.unavailable(cx, n, &why));
        }
        let agreed = shape.text(Member::AgreedRevision).unwrap_or_default();
        let Some(revision) = Revision::parse(&agreed).filter(|revision| revision.era() == Era::Legacy) else {
            let error = no_common_revision(&cx.settings.server_name, &agreed);
            return self.ungreeted(cx, no, &|down, cx, n| down.reply(cx, n, error.clone()));
        };
        let Some(link) = self.links.get_mut(&no) else { return };
        cx.back.agreed(no, Some(revision));
        let pass = Pass { headers: Arc::clone(&link.headers), mirrors: Vec::new() };
        let initialized =
            Message::parse(Bytes::from_static(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#));
        cx.back.tell(cx.now, no, &initialized, pass, cx.acts);
        cx.back.listen(cx.now, no, cx.acts);
        link.hello = Some(Hello { message: message.clone(), revision });
        if let Some((principal, _)) = link.key {
            self.waits.remove(&principal);
        }
        self.advance_all(cx, no);
    }

    /// Goes on with all that waited for a link.
    pub(super) fn advance_all(&mut self, cx: &mut Cx<'_>, no: LinkNo) {
        let users = self.links.get(&no).map(|link| link.users.clone()).unwrap_or_default();
        for n in users {
            self.advance(cx, n);
        }
    }

    /// The handshake failed.
    pub(super) fn greeting_failed(&mut self, cx: &mut Cx<'_>, no: LinkNo, failure: &Failure) {
        if let Failure::Unreachable(_) | Failure::Broken(_) = failure
            && let Some(key) = self.links.get(&no).and_then(|link| link.key)
        {
            self.wait(cx, key.0, failure.text(&cx.settings.server_name));
        }
        if matches!(failure, Failure::Http { status: 400 | 404 | 405, .. }) {
            cx.server.is_doubtful = true;
        }
        self.ungreeted(cx, no, &|down, cx, n| down.fail(cx, n, failure));
    }

    /// Tells everybody who waited for a handshake how it failed.
    fn ungreeted(&mut self, cx: &mut Cx<'_>, no: LinkNo, tell: &dyn Fn(&mut Self, &mut Cx<'_>, u64)) {
        cx.back.close(cx.now, no, cx.acts);
        let Some(link) = self.forget(no) else { return };
        for n in link.users {
            tell(self, cx, n);
        }
        self.seat_queue(cx, link.key);
    }

    /// A link ended by itself.
    pub(super) fn down(&mut self, cx: &mut Cx<'_>, no: LinkNo, why: &Failure) {
        let Some(link) = self.forget(no) else { return };
        for n in link.users {
            self.bereaved(cx, n, why);
        }
        self.seat_queue(cx, link.key);
    }

    /// The link of an exchange that asked nothing at the moment is gone.
    fn bereaved(&mut self, cx: &mut Cx<'_>, n: u64, why: &Failure) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        if exchange.task().is_some() {
            self.fail(cx, n, why);
        } else if exchange.heard().is_some() {
            let is_forgotten = *why == Failure::Forgotten;
            self.listen_again(cx, n, is_forgotten);
        } else if exchange.is_repeated {
            self.fail(cx, n, why);
        } else {
            exchange.is_repeated = true;
            self.seat(cx, n);
        }
    }

    /// Those who waited for a link that is gone find another one.
    fn seat_queue(&mut self, cx: &mut Cx<'_>, key: Option<Key>) {
        for n in key.and_then(|key| self.queues.remove(&key)).unwrap_or_default() {
            self.seat(cx, n);
        }
    }

    fn wait(&mut self, cx: &Cx<'_>, principal: Principal, why: String) {
        let n_failed = self.waits.get(&principal).map_or(0, |wait| wait.n_failed);
        if self.waits.len() >= MAX_WAITS
            && let Some(first) = self.waits.iter().min_by_key(|(_, wait)| wait.until).map(|(who, _)| *who)
        {
            self.waits.remove(&first);
        }
        let until = after(cx.now, pause(cx.settings.bounds.backoff, n_failed));
        self.waits.insert(principal, Wait { until, n_failed: n_failed.saturating_add(1), why });
    }
}

/// The pause after so many failures in a row: doubled each time, up to the longest.
pub(super) fn pause((first, longest): (Duration, Duration), n_failed: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(n_failed).unwrap_or(u32::MAX)).min(longest)
}

pub(super) fn after(now: Nanos, wait: Duration) -> Nanos {
    Nanos(now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
}

/// Spec 2026-07-28, basic/versioning, Unsupported Protocol Version: the error says what could be spoken, here what
/// could be spoken with a server.
fn no_common_revision(server: &str, agreed: &str) -> Message {
    let legacy = Revision::ALL.iter().filter(|revision| revision.era() == Era::Legacy);
    let supported: Vec<String> = legacy.map(|revision| format!("\"{}\"", revision.as_str())).collect();
    let requested = String::from_utf8_lossy(&say::string(Revision::V2026_07_28.as_str())).into_owned();
    let data = format!(r#"{{"supported":[{}],"requested":{requested}}}"#, supported.join(","));
    let text = format!("the server {server} wants to speak {agreed:?}, which is not known here");
    say::error(-32_022, &text, Some(data.as_bytes()))
}
