//! `subscriptions/listen`: what a legacy server tells in its sessions goes to those who asked for it.
//!
//! Spec 2026-07-28, basic/patterns/subscriptions.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::{find, unescape_lossy};
use tapgate_wire::shape::{Id, Member, Shape};

use super::alarm::For;
use super::exchange::{Wish, Work};
use super::pool::{Link, after, pause};
use super::say::Refusal;
use super::{Down, Errand, Job, say};
use crate::bridge::back::Pass;
use crate::bridge::cx::Cx;
use crate::bridge::failure;
use crate::bridge::number::{LinkNo, Pair};
use crate::bridge::translate::Draft;

const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// How many resources one listen, and one link, may be subscribed to; what is beyond is left out of the
/// acknowledgement.
const MAX_URIS: usize = 256;
const MAX_LINK_URIS: usize = 4096;
/// How many changes are kept until the acknowledgement left; beyond it the oldest news of a list are enough.
const MAX_EARLY: usize = 64;

/// A resource that a link is, or will be, or was subscribed to.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    users: BTreeSet<u64>,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Asking,
    On,
    Leaving,
}

/// Reads what a listen wants to hear of; fails with a -32602.
pub(super) fn wish(shape: &Shape) -> Result<Wish, Refusal> {
    let wanted = shape.inside(Member::Params, &["notifications"]).filter(|wanted| wanted.starts_with(b"{"));
    let Some(wanted) = wanted else {
        return Err(Refusal::params("params.notifications has to be an object"));
    };
    let flag = |name| find(&wanted, &[name]) == Some(&b"true"[..]);
    let uris = find(&wanted, &["resourceSubscriptions"]).map(|uris| strings(wanted.slice_ref(uris)));
    Ok(Wish {
        tools: flag("toolsListChanged"),
        prompts: flag("promptsListChanged"),
        resources: flag("resourcesListChanged"),
        uris: uris.into_iter().flatten().take(MAX_URIS).collect(),
        ..Wish::default()
    })
}

impl Down {
    /// Begins to listen on a link that was greeted.
    pub(super) fn listen(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo) {
        let Some(link) = self.links.get(&no) else { return };
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let (Work::Listen(wish), Some(hello)) = (&mut exchange.work, &link.hello) else { return };
        let can_subscribe = hello.can(&["resources", "subscribe"]);
        let tools = hello.can(&["tools", "listChanged"]);
        let prompts = hello.can(&["prompts", "listChanged"]);
        let resources = hello.can(&["resources", "listChanged"]);
        if !(can_subscribe || tools || prompts || resources || hello.makes_tasks()) {
            if wish.is_acked {
                return self.end_listen(cx, n);
            }
            let text = format!("the server {} tells of no changes", cx.settings.server_name);
            return self.reply(cx, n, say::error(failure::NO_METHOD, &text, None));
        }
        wish.tools &= tools;
        wish.prompts &= prompts;
        wish.resources &= resources;
        if !can_subscribe {
            wish.uris.clear();
        }
        for uri in wish.uris.clone() {
            self.subscribe(cx, n, no, uri);
        }
        self.acknowledge(cx, n);
    }

    /// The link of a listen is gone: tries again, at once or after a pause.
    pub(super) fn listen_again(&mut self, cx: &mut Cx<'_>, n: u64, at_once: bool) {
        self.leave(cx, n);
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Work::Listen(wish) = &mut exchange.work else { return };
        // A server that ends soon after each start is started ever more rarely.
        let (first, longest) = cx.settings.bounds.backoff;
        if u128::from(cx.now.since(wish.since)) > longest.as_nanos() {
            wish.n_failed = 0;
        }
        let wait = if at_once { Duration::ZERO } else { pause((first, longest), wish.n_failed) };
        wish.n_failed = wish.n_failed.saturating_add(1);
        self.alarms.set(For::Exchange(n), after(cx.now, wait));
    }

    /// Ends a listen as the server's own end of it.
    pub(super) fn end_listen(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get(&n) else { return };
        let mut draft = Draft::of_value(Bytes::from_static(br#"{"resultType":"complete"}"#));
        draft.set(&["_meta", SUBSCRIPTION_ID], &exchange.asked.id.0);
        self.reply(cx, n, say::result(&draft.into_bytes()));
    }

    fn subscribe(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo, uri: String) {
        let Some(link) = self.links.get_mut(&no) else { return };
        if link.uris.len() >= MAX_LINK_URIS && !link.uris.contains_key(&uri) {
            return self.refuse_uri(n, &uri);
        }
        let is_new = !link.uris.contains_key(&uri);
        link.uris.entry(uri.clone()).or_default().users.insert(n);
        if is_new {
            self.send_subscription(cx, no, uri, "resources/subscribe");
        }
    }

    fn refuse_uri(&mut self, n: u64, uri: &str) {
        if let Some(exchange) = self.exchanges.get_mut(&n)
            && let Work::Listen(wish) = &mut exchange.work
        {
            wish.uris.remove(uri);
        }
    }

    fn send_subscription(&mut self, cx: &mut Cx<'_>, no: LinkNo, uri: String, method: &str) {
        let Some(link) = self.links.get(&no) else { return };
        let pass = Pass { headers: link.headers.clone(), mirrors: Vec::new() };
        let call = cx.call(Pair::Down);
        let message = say::request(call.n, method, &say::object("uri", &say::string(&uri)));
        let errand = match method {
            "resources/subscribe" => Errand::Subscribe(uri),
            _ => Errand::Unsubscribe(uri),
        };
        self.jobs.insert(call.n, Job { link: no, errand });
        cx.back.ask(cx.now, no, call, &message, pass, cx.acts);
    }

    /// The server answered a subscription.
    pub(super) fn subscribed(&mut self, cx: &mut Cx<'_>, no: LinkNo, uri: String, is_on: bool) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let Some(subscription) = link.uris.get_mut(&uri) else { return };
        let users = subscription.users.clone();
        if !is_on {
            link.uris.remove(&uri);
            for n in &users {
                self.refuse_uri(*n, &uri);
            }
        } else if users.is_empty() {
            subscription.step = Step::Leaving;
            self.send_subscription(cx, no, uri, "resources/unsubscribe");
        } else {
            subscription.step = Step::On;
        }
        for n in users {
            self.acknowledge(cx, n);
        }
    }

    /// The server answered the end of a subscription; somebody may have come meanwhile.
    pub(super) fn unsubscribed(&mut self, cx: &mut Cx<'_>, no: LinkNo, uri: &str) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let Some(subscription) = link.uris.get_mut(uri) else { return };
        if subscription.users.is_empty() {
            link.uris.remove(uri);
        } else {
            subscription.step = Step::Asking;
            self.send_subscription(cx, no, uri.to_owned(), "resources/subscribe");
        }
    }

    /// Takes a listen out of all subscriptions of a link, which end with the last one.
    pub(super) fn unsubscribe_all(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo) {
        let Some(Work::Listen(wish)) = self.exchanges.get(&n).map(|exchange| &exchange.work) else { return };
        for uri in wish.uris.clone() {
            let Some(link) = self.links.get_mut(&no) else { return };
            let Some(subscription) = link.uris.get_mut(&uri) else { continue };
            subscription.users.remove(&n);
            if subscription.users.is_empty() && subscription.step == Step::On {
                subscription.step = Step::Leaving;
                self.send_subscription(cx, no, uri, "resources/unsubscribe");
            }
        }
    }

    /// Tells what a listen hears of, once that is known of all resources; one that listens again hears of everything
    /// as changed instead, because nobody knows what it missed.
    fn acknowledge(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let (Work::Listen(wish), Some(port)) = (&mut exchange.work, exchange.asked.port) else { return };
        let Some(link) = exchange.link.and_then(|no| self.links.get(&no)) else { return };
        if wish.uris.iter().any(|uri| is_open_question(link, uri)) {
            return;
        }
        wish.since = cx.now;
        let id = &exchange.asked.id;
        let said = if wish.is_acked {
            all_changed(wish)
        } else {
            let ack = say::notification("notifications/subscriptions/acknowledged", &accepted(wish));
            wish.is_acked = true;
            std::iter::once(ack).chain(wish.early.drain(..).map(Message::parse)).collect()
        };
        for message in said {
            cx.front.aside(cx.now, port, tagged(&message, id), cx.acts);
        }
        self.follow_tasks(cx, n);
    }

    /// Tells those who want it of a change.
    pub(super) fn changed(
        &mut self,
        cx: &mut Cx<'_>,
        no: LinkNo,
        message: &Message,
        wants: impl Fn(&Wish) -> bool,
    ) {
        let Some(link) = self.links.get(&no) else { return };
        for n in &link.users {
            let Some(exchange) = self.exchanges.get_mut(n) else { continue };
            let (Work::Listen(wish), Some(port)) = (&mut exchange.work, exchange.asked.port) else {
                continue;
            };
            if !wants(wish) {
                continue;
            }
            if wish.is_acked {
                cx.front.aside(cx.now, port, tagged(message, &exchange.asked.id), cx.acts);
            } else if wish.early.len() < MAX_EARLY {
                wish.early.push(message.to_wire());
            }
        }
    }
}

fn is_open_question(link: &Link, uri: &str) -> bool {
    link.uris.get(uri).is_some_and(|subscription| subscription.step != Step::On)
}

/// A notification with the id of the listen that hears it.
pub(super) fn tagged(message: &Message, id: &Id) -> Bytes {
    let mut draft = Draft::of(message);
    draft.set(&["params", "_meta", SUBSCRIPTION_ID], &id.0);
    draft.into_bytes()
}

/// The parameters of an acknowledgement.
fn accepted(wish: &Wish) -> Vec<u8> {
    let mut draft = Draft::of_value(Bytes::from_static(br#"{"notifications":{}}"#));
    let flags = [
        ("toolsListChanged", wish.tools),
        ("promptsListChanged", wish.prompts),
        ("resourcesListChanged", wish.resources),
    ];
    for (name, _) in flags.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        draft.set(&["notifications", name], b"true");
    }
    if !wish.uris.is_empty() {
        draft.set(&["notifications", "resourceSubscriptions"], &list(wish.uris.iter()));
    }
    if !wish.tasks.is_empty() {
        draft.set(&["notifications", "taskIds"], &list(wish.tasks.values()));
    }
    draft.into_bytes().to_vec()
}

/// Texts as a JSON array.
fn list<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<u8> {
    let texts: Vec<Vec<u8>> = texts.map(|text| say::string(text)).collect();
    [b"[", texts.join(&b","[..]).as_slice(), b"]"].concat()
}

/// The texts in a JSON array.
pub(super) fn strings(array: Bytes) -> impl Iterator<Item = String> {
    let values = say::values(array).into_iter().filter(|value| value.starts_with(b"\""));
    values.map(|value| unescape_lossy(&value).into_owned())
}

/// News of everything that a listen hears of.
fn all_changed(wish: &Wish) -> Vec<Message> {
    let lists = [
        ("notifications/tools/list_changed", wish.tools),
        ("notifications/prompts/list_changed", wish.prompts),
        ("notifications/resources/list_changed", wish.resources),
    ];
    let lists = lists.into_iter().filter(|(_, is_wanted)| *is_wanted);
    let lists = lists.map(|(method, _)| say::notification(method, b"{}"));
    let uris = wish.uris.iter().map(|uri| {
        say::notification("notifications/resources/updated", &say::object("uri", &say::string(uri)))
    });
    lists.chain(uris).collect()
}
