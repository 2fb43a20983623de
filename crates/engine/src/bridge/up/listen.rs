//! What a session's client wants to be told: one stream of subscriptions at the server.
//!
//! Spec 2026-07-28, basic/patterns/subscriptions. A filter cannot change, so a new stream is opened and the old one
//! closed once the new one is acknowledged: nothing is lost between them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tapgate_wire::json::unescape_lossy;
use tapgate_wire::shape::{Id, Member};
use tapgate_wire::{Kind, Message, Nanos};

use super::diary::{Due, after, backoff};
use super::greet::offers;
use super::{PATIENCE, Purpose, Up, refuse, reply};
use crate::bridge::back::Pass;
use crate::bridge::cx::Cx;
use crate::bridge::failure::{self, INTERNAL, INVALID_PARAMS, NO_METHOD};
use crate::bridge::front::From;
use crate::bridge::number::{CallNo, Pair, Port, SessionNo};
use crate::bridge::translate::fall;
use crate::bridge::translate::rise::client;

/// The most resources that one session follows, and the most bytes of their URIs.
const MAX_URIS: usize = 1024;
const MAX_URI_BYTES: usize = 256 << 10;

/// A stream that lived as long as this was a good one, so after it the waits begin anew.
const GOOD_LIFE: Duration = Duration::from_mins(1);

/// The lists that can change: flag of the filter, capability, notification.
const LISTS: [(&str, &str, &str); 3] = [
    ("toolsListChanged", "tools", "notifications/tools/list_changed"),
    ("promptsListChanged", "prompts", "notifications/prompts/list_changed"),
    ("resourcesListChanged", "resources", "notifications/resources/list_changed"),
];
const UPDATED: &str = "notifications/resources/updated";
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// What a session's client is told, and by which stream.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// Whether the client can be told of lists that change.
    lists: bool,
    /// The resources that it follows, by URI.
    uris: BTreeSet<String>,
    /// The stream that was acknowledged.
    live: Option<Stream>,
    /// The stream that shall replace it.
    next: Option<Stream>,
    /// What the stream after `next` shall take in.
    changes: Vec<Change>,
    /// Whether the filter changed since `next` was asked for.
    is_stale: bool,
    /// Whether something may have been missed since the last acknowledgement.
    has_gap: bool,
    n_failures: usize,
}

#[derive(Debug)]
struct Stream {
    call: CallNo,
    /// When it was asked for, then when it was acknowledged.
    since: Nanos,
    /// The requests that its acknowledgement answers.
    changes: Vec<Change>,
    /// The resources before these.
    before: BTreeSet<String>,
}

/// A `resources/subscribe` or `resources/unsubscribe` that waits.
#[derive(Debug)]
pub(super) struct Change {
    port: Port,
    id: Option<Id>,
    uri: String,
    wish: Wish,
}

/// What a client wants of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Follow,
    Leave,
}

impl Ears {
    /// The calls of its streams.
    pub(super) fn calls(&self) -> Vec<CallNo> {
        [&self.live, &self.next].into_iter().flatten().map(|stream| stream.call).collect()
    }

    /// Whether the client may follow one more resource.
    fn has_room(&self, uri: &str) -> bool {
        let uris = self.uris.iter().chain(self.changes.iter().map(|change| &change.uri));
        let (n, bytes) = uris.fold((1, uri.len()), |(n, bytes), uri| (n + 1, bytes + uri.len()));
        n <= MAX_URIS && bytes <= MAX_URI_BYTES
    }

    /// The filter to ask for, as raw JSON; `None` when there is nothing to hear.
    fn filter(&self, cx: &Cx<'_>) -> Option<String> {
        let offered = |(_, capability, _): &&(&str, &str, &str)| {
            self.lists && offers(cx, &[capability, "listChanged"]) != Some(false)
        };
        let mut members: Vec<String> =
            LISTS.iter().filter(offered).map(|(flag, ..)| format!("\"{flag}\":true")).collect();
        if !self.uris.is_empty() {
            let uris =
                self.uris.iter().map(|uri| String::from_utf8_lossy(&fall::server::quoted(uri)).into_owned());
            members.push(format!("\"resourceSubscriptions\":[{}]", uris.collect::<Vec<_>>().join(",")));
        }
        (!members.is_empty()).then(|| format!("{{\"notifications\":{{{}}}}}", members.join(",")))
    }
}

impl Up {
    /// The client can be told things from now on.
    pub(super) fn may_push(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if !std::mem::replace(&mut session.ears.lists, true) {
            self.listen(cx, number);
        }
    }

    /// Takes a resource into what the client is told of, or out of it; answered when the server acknowledged.
    pub(super) fn subscribe(
        &mut self,
        cx: &mut Cx<'_>,
        port: Port,
        from: &From,
        message: &Message,
        wish: Wish,
    ) {
        let shape = message.shape();
        let id = shape.id.as_ref();
        let found = from.session.and_then(|number| Some((number, self.sessions.get_mut(&number)?)));
        let Some((number, session)) = found else {
            return refuse(cx, port, id, INVALID_PARAMS, "no session to subscribe for");
        };
        let Some(uri) = shape.raw(Member::Uri).filter(|raw| raw.starts_with(b"\"")) else {
            return refuse(cx, port, id, INVALID_PARAMS, "no uri");
        };
        if offers(cx, &["resources", "subscribe"]) == Some(false) {
            return refuse(cx, port, id, NO_METHOD, "the server does not tell of updated resources");
        }
        let uri = unescape_lossy(uri).into_owned();
        if wish == Wish::Follow && !session.ears.has_room(&uri) {
            return refuse(cx, port, id, INVALID_PARAMS, "too many subscriptions in one session");
        }
        session.ears.changes.push(Change { port, id: id.cloned(), uri, wish });
        self.listen(cx, number);
    }

    /// The streams of a session are gone with the link.
    pub(super) fn listen_again(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let ears = &mut session.ears;
        if let Some(stream) = ears.next.take() {
            self.calls.remove(&stream.call);
            self.diary.clear(Due::Listen(number));
            ears.uris = stream.before;
            // They belong to the stream that is opened now.
            ears.changes.splice(..0, stream.changes);
        }
        if let Some(stream) = ears.live.take() {
            self.calls.remove(&stream.call);
            ears.has_gap = true;
        }
        self.again(cx, number);
    }

    /// Opens the stream again after a wait, or at once where a client waits for it.
    fn again(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let ears = &mut session.ears;
        if ears.next.is_some() {
            return;
        }
        if !ears.changes.is_empty() {
            return self.listen(cx, number);
        }
        let is_due = self.diary.has(Due::Listen(number));
        if ears.live.is_none() && !is_due && (ears.lists || !ears.uris.is_empty()) {
            let wait = backoff(cx.settings.bounds.backoff, ears.n_failures);
            ears.n_failures += 1;
            self.diary.set(Due::Listen(number), after(cx.now, wait));
        }
    }

    /// The time has come to open a stream again, or to wait no longer for its acknowledgement.
    pub(super) fn listen_due(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let Some(session) = self.sessions.get(&number) else { return };
        match session.ears.next.as_ref().map(|stream| stream.call) {
            Some(call) => self.end_stream(cx, number, call),
            None => self.listen(cx, number),
        }
    }

    fn end_stream(&mut self, cx: &mut Cx<'_>, number: SessionNo, call: CallNo) {
        self.calls.remove(&call);
        cx.back.cancel(cx.now, call, None, cx.acts);
        self.stream_ended(cx, number, call, None);
    }

    /// Opens the stream that the session needs now, unless one is on its way.
    pub(super) fn listen(&mut self, cx: &mut Cx<'_>, number: SessionNo) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let ears = &mut session.ears;
        ears.is_stale = true;
        if ears.next.is_some() {
            return;
        }
        ears.is_stale = false;
        let (before, changes) = (ears.uris.clone(), std::mem::take(&mut ears.changes));
        for change in &changes {
            match change.wish {
                Wish::Follow => ears.uris.insert(change.uri.clone()),
                Wish::Leave => ears.uris.remove(&change.uri),
            };
        }
        self.diary.clear(Due::Listen(number));
        let Some(filter) = ears.filter(cx) else {
            if let Some(stream) = ears.live.take() {
                self.calls.remove(&stream.call);
                cx.back.cancel(cx.now, stream.call, None, cx.acts);
            }
            ears.has_gap = false;
            for change in changes {
                reply(cx, change.port, failure::result(change.id.as_ref(), b"{}"));
            }
            return;
        };
        let call = cx.call(Pair::Up);
        ears.next = Some(Stream { call, since: cx.now, changes, before });
        let Some(modern) = &cx.server.modern else {
            return self.stream_ended(cx, number, call, None);
        };
        let (link, revision) = (modern.link, modern.revision);
        let message = client::own("subscriptions/listen", &filter, cx.number(), &session.profile, revision);
        let pass = Pass { headers: Arc::clone(&session.headers), mirrors: Vec::new() };
        self.calls.insert(call, Purpose::Listen(number));
        self.diary.set(Due::Listen(number), after(cx.now, PATIENCE));
        cx.back.ask(cx.now, link, call, &message, pass, cx.acts);
    }

    /// The server said something on a stream.
    pub(super) fn said_on_stream(
        &mut self,
        cx: &mut Cx<'_>,
        number: SessionNo,
        call: CallNo,
        message: &Message,
    ) {
        let shape = message.shape();
        if shape.kind != Kind::Notification {
            return;
        }
        let method = shape.method().unwrap_or_default();
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let is_next = session.ears.next.as_ref().is_some_and(|stream| stream.call == call);
        match &*method {
            ACKNOWLEDGED if is_next => self.acknowledged(cx, number, message),
            "notifications/cancelled" => self.end_stream(cx, number, call),
            name if !is_next && (name == UPDATED || LISTS.iter().any(|(.., notice)| *notice == name)) => {
                if name == "notifications/tools/list_changed" {
                    cx.tools.forget();
                    self.schemas.forget();
                }
                cx.front.push(cx.now, number, fall::server::notification(message), cx.acts);
            }
            // Nothing else belongs on a stream of subscriptions, and nothing before its acknowledgement.
            _ => {}
        }
    }

    fn acknowledged(&mut self, cx: &mut Cx<'_>, number: SessionNo, message: &Message) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let ears = &mut session.ears;
        let Some(mut stream) = ears.next.take() else { return };
        self.diary.clear(Due::Listen(number));
        let accepted = |path: &str| message.shape().inside(Member::Params, &["notifications", path]);
        let uris: BTreeSet<String> = accepted("resourceSubscriptions")
            .map(|raw| fall::server::strings(&raw))
            .unwrap_or_default()
            .into_iter()
            .collect();
        for change in stream.changes.drain(..) {
            if change.wish == Wish::Follow && !uris.contains(&change.uri) {
                ears.uris.remove(&change.uri);
                refuse(
                    cx,
                    change.port,
                    change.id.as_ref(),
                    INVALID_PARAMS,
                    "the server does not tell of this resource",
                );
            } else {
                reply(cx, change.port, failure::result(change.id.as_ref(), b"{}"));
            }
        }
        stream.since = cx.now;
        stream.before = BTreeSet::new();
        if let Some(old) = ears.live.replace(stream) {
            self.calls.remove(&old.call);
            cx.back.cancel(cx.now, old.call, None, cx.acts);
        }
        if std::mem::replace(&mut ears.has_gap, false) {
            // What changed meanwhile was told to nobody.
            for (flag, _, notice) in LISTS {
                if accepted(flag).as_deref() == Some(b"true") {
                    cx.front.push(cx.now, number, fall::server::request(None, notice, None), cx.acts);
                }
            }
            for uri in ears.uris.intersection(&uris) {
                let params = [b"{\"uri\":", fall::server::quoted(uri).as_slice(), b"}"].concat();
                cx.front.push(cx.now, number, fall::server::request(None, UPDATED, Some(&params)), cx.acts);
            }
        }
        if ears.is_stale {
            self.listen(cx, number);
        }
    }

    /// A stream ended, or could not be opened.
    pub(super) fn stream_ended(
        &mut self,
        cx: &mut Cx<'_>,
        number: SessionNo,
        call: CallNo,
        answer: Option<&Message>,
    ) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let ears = &mut session.ears;
        if let Some(stream) = ears.next.take_if(|stream| stream.call == call) {
            self.diary.clear(Due::Listen(number));
            ears.uris = stream.before;
            ears.has_gap = true;
            let said = answer.and_then(|answer| answer.shape().text(Member::ErrorMessage));
            let said = said.unwrap_or("it went away or did not acknowledge".into());
            for change in stream.changes {
                let text = format!("the server cannot be listened to: {said}");
                refuse(cx, change.port, change.id.as_ref(), INTERNAL, &text);
            }
            // Spec 2026-07-28, basic/patterns/subscriptions: a server without such capabilities may not know the method.
            if answer.is_some_and(|answer| answer.shape().int(Member::ErrorCode) == Some(NO_METHOD)) {
                ears.lists = false;
            }
        } else if let Some(stream) = ears.live.take_if(|stream| stream.call == call) {
            ears.has_gap = true;
            if cx.now.since(stream.since) >= u64::try_from(GOOD_LIFE.as_nanos()).unwrap_or(u64::MAX) {
                ears.n_failures = 0;
            }
        } else {
            return;
        }
        self.again(cx, number);
    }
}
