//! What a client really does: gathered from recordings, never from what it says about itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use tapgate_store::{ExchangeRow, MessageRow, SessionRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Piece, Status};

use crate::call::{era_word, transport_word};
use crate::unit;

/// Values of one habit that are told; further ones are only counted.
const MAX_VALUES: usize = 24;

/// Tools that are told as never called.
const MAX_IDLE: usize = 50;

/// A session as a passport reads it.
#[derive(Debug)]
pub struct Stay<'a> {
    /// The session.
    pub row: &'a SessionRow,
    /// Its exchanges in order.
    pub exchanges: &'a [ExchangeRow],
    /// Its messages in order.
    pub messages: &'a [MessageRow],
}

/// What a client of one name and version does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passport {
    /// Sessions that it is made of.
    pub n_sessions: u64,
    /// Calls in them.
    pub n_calls: u64,
    /// Habits in the order of the page, each with what was seen of it.
    habits: BTreeMap<Habit, BTreeSet<String>>,
}

macro_rules! habits {
    ($($habit:ident = $key:literal, $title:literal;)*) => {
        /// Something that clients do differently.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Habit {
            $(#[doc = $title] $habit,)*
        }

        impl Habit {
            /// Every habit, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$habit),*];

            /// Its name in JSON.
            pub fn key(self) -> &'static str {
                match self { $(Self::$habit => $key,)* }
            }

            /// Its name for people.
            pub fn title(self) -> &'static str {
                match self { $(Self::$habit => $title,)* }
            }
        }
    };
}

habits! {
    Era = "era", "era";
    Transport = "transport", "transport";
    Offered = "offered", "offers revision";
    Agreed = "revision", "ends up with";
    Capabilities = "capabilities", "declares";
    Extensions = "extensions", "extensions";
    Headers = "headers", "sends headers";
    UserAgent = "user_agent", "user agent";
    Ids = "ids", "request ids are";
    Meta = "meta", "_meta of requests";
    Begins = "begins", "asks first";
    Lists = "lists", "fetches lists";
    Pages = "pages", "pages of a list";
    Relists = "relists", "after a change";
    Progress = "progress", "progress of calls";
    Cancels = "cancels", "cancels";
    Patience = "patience", "gives up after";
    Answers = "answers", "answers the server";
    Retries = "retries", "repeats failed calls";
    Ends = "ends", "ends by";
    Calls = "calls", "calls tools";
    Idle = "never_calls", "never calls";
}

impl Passport {
    /// What was seen of a habit.
    pub fn of(&self, habit: Habit) -> impl Iterator<Item = &str> {
        self.habits.get(&habit).into_iter().flatten().map(String::as_str)
    }

    /// Adds what a session shows.
    pub fn add(&mut self, stay: &Stay<'_>) {
        self.n_sessions += 1;
        let row = stay.row;
        if let Some(era) = row.era {
            self.note(Habit::Era, era_word(era));
        }
        self.note(Habit::Transport, transport_word(row.transport));
        self.note_some(Habit::Agreed, row.revision.as_deref());
        let asked: Vec<&ExchangeRow> =
            stay.exchanges.iter().filter(|exchange| exchange.asked_by == Leg::Client).collect();
        let is_rpc = |exchange: &&&ExchangeRow| !exchange.method.starts_with("http/");
        self.n_calls += asked.iter().filter(is_rpc).count() as u64;
        let first: Vec<&str> =
            asked.iter().filter(is_rpc).take(3).map(|exchange| exchange.method.as_str()).collect();
        self.note_some(Habit::Begins, (!first.is_empty()).then(|| first.join(", ")).as_deref());
        self.calls(&asked);
        self.ends(stay, &asked);
        let mut told_change = None;
        for message in stay.messages {
            let json = || serde_json::from_slice::<Json>(&message.body).ok();
            match (message.from, message.piece) {
                (Leg::Client, Piece::Request) => {
                    if let Some(json) = json() {
                        self.request(&json);
                    }
                }
                (Leg::Client, Piece::Result) if message.exchange.is_some() => {
                    self.answer(stay, message, "answers");
                }
                (Leg::Client, Piece::Error) => self.answer(stay, message, "refuses"),
                (Leg::Server, Piece::Notification) => {
                    let method = json().and_then(|json| Some(json.get("method")?.as_str()?.to_owned()));
                    if let Some(kind) = method.as_deref().and_then(list_of_change) {
                        told_change = Some((kind, message.at));
                    }
                }
                _ => {}
            }
            self.head(message);
        }
        if let Some((kind, at)) = told_change {
            let again = asked.iter().any(|exchange| exchange.method == kind && exchange.opened > at);
            self.note(Habit::Relists, if again { "fetches the list again" } else { "does nothing" });
        }
        self.idle(stay, &asked);
    }

    fn request(&mut self, json: &Json) {
        let method = json.get("method").and_then(Json::as_str).unwrap_or_default();
        let kind = match json.get("id") {
            Some(Json::String(_)) => "strings",
            Some(Json::Number(_)) => "numbers",
            _ => "neither strings nor numbers",
        };
        self.note(Habit::Ids, kind);
        let meta = json.pointer("/params/_meta").and_then(Json::as_object);
        for name in meta.into_iter().flat_map(serde_json::Map::keys) {
            self.note(Habit::Meta, name);
        }
        let modern = meta.and_then(|meta| meta.get("io.modelcontextprotocol/clientCapabilities"));
        let can = if method == "initialize" { json.pointer("/params/capabilities") } else { modern };
        if let Some(can) = can.and_then(Json::as_object) {
            for (name, value) in can {
                if name == "extensions" {
                    for name in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                        self.note(Habit::Extensions, name);
                    }
                    continue;
                }
                let inner: Vec<&str> = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(_, value)| **value != Json::Bool(false))
                    .map(|(name, _)| name.as_str())
                    .collect();
                let inner = if inner.is_empty() { String::new() } else { format!(" ({})", inner.join(", ")) };
                self.note(Habit::Capabilities, &format!("{name}{inner}"));
            }
        }
        if method == "initialize" {
            self.note_some(Habit::Offered, json.pointer("/params/protocolVersion").and_then(Json::as_str));
        }
        let revision = meta.and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion"));
        self.note_some(Habit::Offered, revision.and_then(Json::as_str));
        if method == "tools/call" {
            let has_token = meta.is_some_and(|meta| meta.contains_key("progressToken"));
            self.note(Habit::Progress, if has_token { "asks for it" } else { "does not ask for it" });
        }
    }

    fn answer(&mut self, stay: &Stay<'_>, message: &MessageRow, how: &str) {
        let asked = stay.exchanges.iter().find(|exchange| Some(exchange.id) == message.exchange);
        if let Some(asked) = asked.filter(|exchange| exchange.asked_by == Leg::Server) {
            self.note(Habit::Answers, &format!("{how} {}", asked.method));
        }
    }

    fn calls(&mut self, asked: &[&ExchangeRow]) {
        for exchange in asked {
            if exchange.method.ends_with("/list") {
                self.note(Habit::Lists, &exchange.method);
            }
            if exchange.status == Status::Cancelled {
                self.note(Habit::Cancels, &exchange.method);
                if let Some(closed) = exchange.closed {
                    self.note(Habit::Patience, &about(closed - exchange.opened));
                }
            }
            if exchange.n_retries > 0 {
                self.note(Habit::Retries, &exchange.method);
            }
            if exchange.method == "tools/call" {
                self.note_some(Habit::Calls, exchange.target.as_deref());
            }
        }
        for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
            let n = asked.iter().filter(|exchange| exchange.method == method).count();
            if n > 1 {
                self.note(Habit::Pages, &format!("{method} several times"));
            }
        }
    }

    fn ends(&mut self, stay: &Stay<'_>, asked: &[&ExchangeRow]) {
        let deletes = asked.iter().any(|exchange| exchange.method == "http/delete");
        if deletes {
            self.note(Habit::Ends, "DELETE");
        } else if stay.row.closed.is_some() && stay.row.transport == tapgate_wire::record::Transport::Stdio {
            self.note(Habit::Ends, "closing its pipe, or a signal");
        } else if stay.row.closed.is_none() {
            self.note(Habit::Ends, "not seen");
        }
    }

    fn head(&mut self, message: &MessageRow) {
        let Some(head) = message.head.as_deref().filter(|_| message.from == Leg::Client) else { return };
        let head = String::from_utf8_lossy(head).into_owned();
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let name = name.trim().to_ascii_lowercase();
            if name == "user-agent" {
                self.note(Habit::UserAgent, value.trim());
            }
            // The names of mirrored arguments are the tools' own.
            let name = if name.starts_with("mcp-param-") { "mcp-param-*" } else { name.as_str() };
            self.note(Habit::Headers, name);
        }
    }

    /// Notes tools that the session was offered and never called.
    fn idle(&mut self, stay: &Stay<'_>, asked: &[&ExchangeRow]) {
        let called: BTreeSet<&str> = asked
            .iter()
            .filter(|exchange| exchange.method == "tools/call")
            .filter_map(|exchange| exchange.target.as_deref())
            .collect();
        if called.is_empty() {
            return;
        }
        let lists = stay.messages.iter().filter(|message| {
            let of = stay.exchanges.iter().find(|exchange| Some(exchange.id) == message.exchange);
            message.piece == Piece::Result && of.is_some_and(|exchange| exchange.method == "tools/list")
        });
        let mut n = 0;
        for list in lists {
            let json: Json = serde_json::from_slice(&list.body).unwrap_or_default();
            let tools = json.pointer("/result/tools").and_then(Json::as_array);
            for name in tools.into_iter().flatten().filter_map(|tool| tool.get("name")?.as_str()) {
                if n < MAX_IDLE && !called.contains(name) {
                    n += 1;
                    self.note(Habit::Idle, name);
                }
            }
        }
        // What one session did not call, another may have.
        let calls = self.habits.get(&Habit::Calls).cloned().unwrap_or_default();
        if let Some(idle) = self.habits.get_mut(&Habit::Idle) {
            idle.retain(|name| !calls.contains(name));
        }
    }

    fn note(&mut self, habit: Habit, value: &str) {
        let values = self.habits.entry(habit).or_default();
        if values.len() < MAX_VALUES || habit == Habit::Idle {
            values.insert(value.to_owned());
        }
    }

    fn note_some(&mut self, habit: Habit, value: Option<&str>) {
        if let Some(value) = value {
            self.note(habit, value);
        }
    }
}

/// A length of time as people choose them: the nearest whole second above one.
fn about(span: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    if span < SECOND { unit::span(span) } else { format!("{} s", (span + SECOND / 2) / SECOND) }
}

/// The list that a notification says has changed.
fn list_of_change(method: &str) -> Option<&'static str> {
    match method {
        "notifications/tools/list_changed" => Some("tools/list"),
        "notifications/prompts/list_changed" => Some("prompts/list"),
        "notifications/resources/list_changed" => Some("resources/list"),
        _ => None,
    }
}
