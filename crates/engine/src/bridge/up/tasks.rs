//! Tasks of a server, followed for clients of 2025-11-25 that ask for them, and to their end for all others.
//!
//! Spec 2025-11-25, basic/utilities/tasks; tasks extension 2026-07-28, Tasks. The client's name for a task is sealed
//! and holds the server's, so nothing is remembered of a task that nobody asks about.

mod step;

use std::collections::BTreeSet;
use std::time::Duration;

use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message, Nanos};

use self::step::Step;
use super::diary::after;
use super::exchange::Exchange;
use super::{Up, refuse};
use crate::bridge::cx::Cx;
use crate::bridge::failure::{INVALID_PARAMS, NO_METHOD};
use crate::bridge::front::From;
use crate::bridge::number::{Port, Principal, SessionNo};
use crate::bridge::seal::Purpose;
use crate::bridge::translate::fall::server::quoted;
use crate::bridge::translate::{Draft, fall, tasks};

/// The longest name of a task in bytes, and the longest name of something that a task asks for.
const MAX_NAME: usize = 1024;

/// A task at the server that a request of a client is about.
#[derive(Debug)]
pub(super) struct Task {
    /// The server's name for it.
    name: String,
    /// What the client calls it; none where the client does not know of it.
    alias: Option<String>,
    goal: Goal,
    /// What the server is asked now, or next.
    step: Step,
    /// Whether the server was told to cancel it.
    is_cancelled: bool,
    /// Whether nothing more is to be done about it.
    is_over: bool,
    /// When it is given up, whatever the server says.
    ends: Nanos,
    /// When a question to the client expires, while one is open.
    pub(super) asked_until: Nanos,
    /// How long the server wants to be left alone between two questions.
    interval: Option<Duration>,
    n_polls: usize,
    n_failures: usize,
    /// What the server asked for and was given: such a name is used once in the life of a task.
    given: BTreeSet<String>,
}

/// What the client wants of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The answer to the call that the server made it of.
    Call,
    /// Its state.
    State,
    /// Its outcome.
    Outcome,
    /// That it ends.
    Cancel,
}

impl Task {
    fn new(cx: &Cx<'_>, name: String, alias: Option<String>, goal: Goal) -> Self {
        Self {
            name,
            alias,
            goal,
            step: Step::Get,
            is_cancelled: false,
            is_over: false,
            // A client that forgets its request does not have the server asked for ever.
            ends: after(cx.now, cx.settings.bounds.session_age),
            asked_until: Nanos::default(),
            interval: None,
            n_polls: 0,
            n_failures: 0,
            given: BTreeSet::new(),
        }
    }

    /// The parameters of a request to the client, tied to the task that it knows.
    pub(super) fn relate(&self, params: Option<bytes::Bytes>) -> Option<bytes::Bytes> {
        let Some(alias) = &self.alias else { return params };
        let mut draft = Draft::of_value(params.unwrap_or_else(|| "{}".into()));
        draft.set(&["_meta", tasks::RELATED, "taskId"], &quoted(alias));
        Some(draft.into_bytes())
    }
}

/// A task that a client names.
enum Known {
    /// The server's, by the server's name.
    Served(String),
    /// A kept one, by its number.
    Kept(u64),
}

impl Known {
    /// What is sealed. A number is good only in the process that counted it.
    fn sealed(&self, tag: u64) -> Vec<u8> {
        match self {
            Self::Served(name) => [b"s", name.as_bytes()].concat(),
            Self::Kept(number) => [&b"k"[..], &tag.to_be_bytes(), &number.to_be_bytes()].concat(),
        }
    }

    fn open(content: &[u8], tag: u64) -> Option<Self> {
        match content.split_first()? {
            (b's', name) => Some(Self::Served(String::from_utf8(name.to_vec()).ok()?)),
            (b'k', rest) => {
                let number = rest.strip_prefix(&tag.to_be_bytes())?;
                Some(Self::Kept(u64::from_be_bytes(number.try_into().ok()?)))
            }
            _ => None,
        }
    }
}

impl Up {
    /// Serves a request of a client about a task.
    pub(super) fn asked_about(
        &mut self,
        cx: &mut Cx<'_>,
        port: Port,
        from: &From,
        message: &Message,
        goal: Goal,
    ) {
        let shape = message.shape();
        let id = shape.id.as_ref();
        if !self.offered_tasks(from.session) {
            return refuse(cx, port, id, NO_METHOD, "method not found");
        }
        let Some(alias) = shape.text(Member::TaskId) else {
            return refuse(cx, port, id, INVALID_PARAMS, "`taskId` has to name a task");
        };
        // How long a task lives is the server's to say, and the store's, so the name itself is good for ever.
        let content = cx.seal.open(cx.now, Purpose::Task, from.principal, &alias);
        match content.and_then(|content| Known::open(&content, cx.seal.tag())) {
            Some(Known::Served(name)) => {
                let task = Task::new(cx, name, Some(alias.into_owned()), goal);
                self.exchange(cx, port, from, message, Some(Box::new(task)));
            }
            Some(Known::Kept(number)) => self.asked_about_kept(cx, port, message, number, goal),
            None => refuse(cx, port, id, INVALID_PARAMS, "unknown task"),
        }
    }

    /// Whether a session's client was offered tasks.
    pub(super) fn offered_tasks(&self, session: Option<SessionNo>) -> bool {
        session.and_then(|number| self.sessions.get(&number)).is_some_and(|session| session.has_tasks)
    }

    /// Whether a call of a tool tells the server that it may become a task.
    pub(super) fn declares_tasks(&self, cx: &Cx<'_>, exchange: &Exchange) -> bool {
        let discover = cx.server.modern.as_ref().and_then(|modern| modern.discover.as_ref());
        exchange.method == "tools/call"
            && (self.offered_tasks(exchange.session) || discover.is_some_and(fall::server::offers_tasks))
    }

    /// The server made a task of a call.
    pub(super) fn became_task(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        let Some(name) = name_of(message) else {
            return self.give_up(cx, port, "made a task of the call that cannot be named");
        };
        self.moved_on(cx, port, &[]);
        let Some(exchange) = self.exchanges.get_mut(&port) else { return };
        if !exchange.wants_task {
            exchange.rounds.forget();
            exchange.task = Some(Box::new(Task::new(cx, name, None, Goal::Call)));
            return self.came_state(cx, port, message);
        }
        let alias = alias(cx, exchange.principal, &Known::Served(name));
        let Some(exchange) = self.finish(cx, port) else { return };
        let mut draft = Draft::of(message);
        tasks::created_down(&mut draft);
        draft.set(&["result", "task", "taskId"], &quoted(&alias));
        fall::server::strip(&mut draft);
        exchange.answer(cx, port, draft);
    }

    /// A call of a client that wants a task was answered at once: the answer is kept as the outcome of one.
    pub(super) fn became_kept(&mut self, cx: &mut Cx<'_>, port: Port, message: &Message) {
        self.moved_on(cx, port, &[]);
        let Some(exchange) = self.exchanges.get(&port) else { return };
        let result = exchange.lowered(message).get(&["result"]).unwrap_or_default();
        let number = cx.number();
        let alias = alias(cx, exchange.principal, &Known::Kept(number));
        let Some(state) = self.keep(cx, number, &result) else {
            let text = "answered with more than can be kept for a task; make the call without `task`";
            return self.give_up(cx, port, text);
        };
        let Some(exchange) = self.finish(cx, port) else { return };
        let mut draft = Draft::of_value(br#"{"jsonrpc":"2.0","id":null,"result":{}}"#.as_slice().into());
        draft.set(&["result", "task"], &state);
        draft.set(&["result", "task", "taskId"], &quoted(&alias));
        exchange.answer(cx, port, draft);
    }
}

/// A client's name for a task.
fn alias(cx: &mut Cx<'_>, principal: Principal, task: &Known) -> String {
    let content = task.sealed(cx.seal.tag());
    cx.seal.seal(cx.now, Purpose::Task, principal, &content, Duration::MAX)
}

/// The name of the task that a result holds, if it can be one.
fn name_of(message: &Message) -> Option<String> {
    let shape = message.shape();
    let name = shape.text_inside(Member::Result, &["taskId"]).filter(|_| shape.kind == Kind::Result)?;
    (1..=MAX_NAME).contains(&name.len()).then(|| name.into_owned())
}
