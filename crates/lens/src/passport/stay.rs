//! What a session shows of its client's habits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;
use tapgate_store::{ExchangeId, ExchangeRow, MessageRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Again, Piece, Status, UnixNanos};

use super::{Habit, MAX_VALUES, Passport, Stay, WHY_IDLE};
use crate::call::{era_word, transport_word};
use crate::check::portable;
use crate::unit;

/// Tools that are told as never called.
const MAX_IDLE: usize = 50;

impl Passport {
    /// Adds what a session shows.
    pub fn add(&mut self, stay: &Stay<'_>) {
        self.n_sessions += 1;
        let row = stay.row;
        if let Some(era) = row.era {
            self.always(Habit::Era, era_word(era));
        }
        self.always(Habit::Transport, transport_word(row.transport));
        if let Some(revision) = &row.revision {
            self.always(Habit::Agreed, revision);
        }
        let asked: Vec<&ExchangeRow> =
            stay.exchanges.iter().filter(|exchange| exchange.asked_by == Leg::Client).collect();
        let is_rpc = |exchange: &&&ExchangeRow| !exchange.method.starts_with("http/");
        self.n_calls += asked.iter().filter(is_rpc).count() as u64;
        let first: Vec<&str> =
            asked.iter().filter(is_rpc).take(3).map(|exchange| exchange.method.as_str()).collect();
        if !first.is_empty() {
            self.always(Habit::Begins, &first.join(", "));
        }
        self.asked(&asked);
        self.reacts(&asked);
        self.ends(stay, &asked);
        let questions: HashMap<ExchangeId, &str> = stay
            .exchanges
            .iter()
            .filter(|exchange| exchange.asked_by == Leg::Server)
            .map(|exchange| (exchange.id, exchange.method.as_str()))
            .collect();
        let mut once = Once::default();
        let mut changes = Vec::new();
        for message in stay.messages {
            let json = || serde_json::from_slice::<Json>(&message.body).ok();
            match (message.from, message.piece) {
                (Leg::Client, Piece::Request) => {
                    if let Some(json) = json() {
                        self.request(&json, &mut once);
                    }
                }
                (Leg::Client, piece @ (Piece::Result | Piece::Error)) => {
                    if let Some(method) = message.exchange.and_then(|id| questions.get(&id)) {
                        let how = if piece == Piece::Result { "answers" } else { "refuses" };
                        self.always(Habit::Answers, &format!("{how} {method}"));
                    }
                }
                (Leg::Server, Piece::Notification) => {
                    let method = json().and_then(|json| Some(json.get("method")?.as_str()?.to_owned()));
                    changes.extend(method.as_deref().and_then(list_of_change).map(|list| (list, message.at)));
                }
                _ => {}
            }
            self.head(message);
        }
        for (habit, values) in once.0 {
            self.occasion(habit);
            for value in &values {
                self.note(habit, value);
            }
        }
        let mut read: HashMap<&str, UnixNanos> = HashMap::new();
        for exchange in asked.iter().filter(|exchange| exchange.method.ends_with("/list")) {
            let last = read.entry(&exchange.method).or_insert(exchange.opened);
            *last = exchange.opened.max(*last);
        }
        let is_read = |(list, at): &(&str, UnixNanos)| read.get(list).is_some_and(|last| last > at);
        for change in &changes {
            let again = is_read(change);
            self.always(Habit::Relists, if again { "fetches the list again" } else { "does nothing" });
        }
        let missed = changes.iter().any(|change| change.0 == "tools/list" && !is_read(change));
        self.idle(stay, &asked, missed);
    }

    /// A habit that shows at each of its occasions, in one way.
    fn always(&mut self, habit: Habit, value: &str) {
        self.occasion(habit);
        self.note(habit, value);
    }

    fn occasion(&mut self, habit: Habit) {
        self.habits.entry(habit).or_default().of += 1;
    }

    fn note(&mut self, habit: Habit, value: &str) {
        let values = &mut self.habits.entry(habit).or_default().values;
        if let Some(n) = values.get_mut(value) {
            *n += 1;
        } else if values.len() < MAX_VALUES {
            values.insert(value.to_owned(), 1);
        }
    }

    fn request(&mut self, json: &Json, once: &mut Once) {
        let method = json.get("method").and_then(Json::as_str).unwrap_or_default();
        let kind = match json.get("id") {
            Some(Json::String(_)) => "strings",
            Some(Json::Number(_)) => "numbers",
            _ => "neither strings nor numbers",
        };
        self.always(Habit::Ids, kind);
        let meta = json.pointer("/params/_meta").and_then(Json::as_object);
        self.occasion(Habit::Meta);
        for name in meta.into_iter().flat_map(serde_json::Map::keys) {
            self.note(Habit::Meta, name);
        }
        let modern = meta.and_then(|meta| meta.get("io.modelcontextprotocol/clientCapabilities"));
        let can = if method == "initialize" { json.pointer("/params/capabilities") } else { modern };
        for (name, value) in can.and_then(Json::as_object).into_iter().flatten() {
            if name == "extensions" {
                for name in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                    once.note(Habit::Extensions, name.clone());
                }
                continue;
            }
            let inner = value.as_object().into_iter().flatten();
            let on = inner.filter(|(_, value)| **value != Json::Bool(false));
            let inner: Vec<&str> = on.map(|(name, _)| name.as_str()).collect();
            let inner = if inner.is_empty() { String::new() } else { format!(" ({})", inner.join(", ")) };
            once.note(Habit::Capabilities, format!("{name}{inner}"));
        }
        let offered = json.pointer("/params/protocolVersion").filter(|_| method == "initialize");
        let named = meta.and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion"));
        for revision in [offered, named].into_iter().flatten().filter_map(Json::as_str) {
            once.note(Habit::Offered, revision.to_owned());
        }
        if method == "tools/call" {
            self.occasion(Habit::Progress);
            if meta.is_some_and(|meta| meta.contains_key("progressToken")) {
                self.note(Habit::Progress, "asks for it");
            }
        }
    }

    fn asked(&mut self, asked: &[&ExchangeRow]) {
        let mut lists = BTreeSet::new();
        for exchange in asked.iter().filter(|exchange| !exchange.method.starts_with("http/")) {
            if exchange.method.ends_with("/list") {
                lists.insert(exchange.method.as_str());
            }
            self.occasion(Habit::Cancels);
            if exchange.status == Status::Cancelled {
                self.note(Habit::Cancels, &exchange.method);
                if let Some(closed) = exchange.closed {
                    self.always(Habit::Patience, &about(closed - exchange.opened));
                }
            }
            if let ("tools/call", Some(tool)) = (exchange.method.as_str(), &exchange.target) {
                self.always(Habit::Calls, tool);
            }
        }
        self.occasion(Habit::Lists);
        for list in lists {
            self.note(Habit::Lists, list);
        }
    }

    /// What it does after an answer that is none, or that sends it away.
    fn reacts(&mut self, asked: &[&ExchangeRow]) {
        let mut chains: HashMap<ExchangeId, Vec<&ExchangeRow>> = HashMap::new();
        // In the order in which they were asked.
        for exchange in asked {
            chains.entry(exchange.chain.unwrap_or(exchange.id)).or_default().push(exchange);
        }
        let mut fetched: Vec<UnixNanos> = asked
            .iter()
            .filter(|exchange| exchange.method.starts_with("http/"))
            .map(|exchange| exchange.opened)
            .collect();
        fetched.sort_unstable();
        for failed in asked {
            let root = failed.chain.unwrap_or(failed.id);
            let chain = chains.get(&root).map(Vec::as_slice).unwrap_or_default();
            let later = chain.partition_point(|other| other.opened <= failed.opened);
            let next = chain.get(later);
            // What the server forgot is asked again in another session.
            if failed.again == Some(Again::Session) && chain.first().is_none_or(|first| first.id != root) {
                let what = if failed.method == "initialize" { "greets again" } else { "asks again" };
                self.note(Habit::Gone, what);
            }
            let is_rpc = !failed.method.starts_with("http/");
            match failed.http_status {
                Some(401 | 403) => {
                    let until = next.map_or(UnixNanos::MAX, |next| next.opened);
                    let first = fetched.partition_point(|at| *at < failed.closed.unwrap_or(failed.opened));
                    let fetched = fetched.get(first).is_some_and(|at| *at < until);
                    let what = match (next, fetched) {
                        (Some(_), true) => "logs in and asks again",
                        (Some(_), false) => "asks again at once",
                        (None, true) => "begins to log in, and asks no more",
                        (None, false) => "asks no more",
                    };
                    self.always(Habit::Unauthorized, what);
                }
                Some(404) if is_rpc => self.occasion(Habit::Gone),
                Some(429 | 503) => {
                    let what =
                        match next.map(|next| next.findings.iter().any(|code| code == "retry.too-soon")) {
                            None => "asks no more",
                            Some(true) => "asks again too soon",
                            Some(false) => "waits and asks again",
                        };
                    self.always(Habit::Throttled, what);
                }
                _ if is_rpc && matches!(failed.status, Status::Error | Status::Unanswered) => {
                    self.occasion(Habit::Retries);
                    if next.is_some() {
                        self.note(Habit::Retries, &format!("repeats {}", failed.method));
                    }
                }
                _ => {}
            }
        }
    }

    fn ends(&mut self, stay: &Stay<'_>, asked: &[&ExchangeRow]) {
        let deletes = asked.iter().any(|exchange| exchange.method == "http/delete");
        if deletes {
            self.always(Habit::Ends, "DELETE");
        } else if stay.row.closed.is_some() && stay.row.transport == tapgate_wire::record::Transport::Stdio {
            self.always(Habit::Ends, "closing its pipe, or a signal");
        } else if stay.row.closed.is_none() {
            self.always(Habit::Ends, "not seen");
        }
    }

    fn head(&mut self, message: &MessageRow) {
        let Some(head) = message.head.as_deref().filter(|_| message.from == Leg::Client) else { return };
        self.occasion(Habit::Headers);
        self.occasion(Habit::UserAgent);
        let head = String::from_utf8_lossy(head).into_owned();
        let mut names = BTreeSet::new();
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let name = name.trim().to_ascii_lowercase();
            if name == "user-agent" {
                self.note(Habit::UserAgent, value.trim());
            }
            // The names of mirrored arguments are the tools' own.
            names.insert(if name.starts_with("mcp-param-") { "mcp-param-*".to_owned() } else { name });
        }
        for name in &names {
            self.note(Habit::Headers, name);
        }
    }

    /// Notes tools that its server offers and it never called, and why.
    fn idle(&mut self, stay: &Stay<'_>, asked: &[&ExchangeRow], missed: bool) {
        let lists: Vec<_> = asked.iter().filter(|exchange| exchange.method == "tools/list").collect();
        let of: BTreeSet<ExchangeId> = lists.iter().map(|exchange| exchange.id).collect();
        let answers = stay.messages.iter().filter(|message| {
            message.piece == Piece::Result && message.exchange.is_some_and(|exchange| of.contains(&exchange))
        });
        let pages: Vec<Json> =
            answers.filter_map(|answer| serde_json::from_slice(&answer.body).ok()).collect();
        let Some(last) = pages.last() else { return };
        let is_cut = last.pointer("/result/nextCursor").is_some_and(|cursor| !cursor.is_null());
        if pages.iter().any(|page| page.pointer("/result/nextCursor").is_some_and(|next| !next.is_null())) {
            self.always(Habit::Pages, if is_cut { "reads the first pages only" } else { "reads all pages" });
        }
        let tools: Vec<&Json> =
            pages.iter().filter_map(|page| page.pointer("/result/tools")?.as_array()).flatten().collect();
        let client = stay.row.client.as_ref().map_or("", |(name, _)| name);
        let refused = portable::left_out(client, &tools, stay.now);
        let listed: BTreeSet<&str> = tools.iter().filter_map(|tool| tool.get("name")?.as_str()).collect();
        for name in listed.iter().copied().chain(stay.offered.iter().map(String::as_str)) {
            let why = match name {
                name if refused.contains(name) => Habit::Refused,
                name if listed.contains(name) => Habit::Unchosen,
                _ if is_cut => Habit::Unread,
                _ if missed => Habit::Stale,
                // Offered before or after, to somebody else: it could not know.
                _ => continue,
            };
            for habit in [Habit::Idle, why] {
                let seen = self.habits.entry(habit).or_default();
                if seen.values.len() < MAX_IDLE {
                    seen.of = 1;
                    seen.values.insert(name.to_owned(), 1);
                }
            }
        }
        // What one session did not call, another may have; and what one could not know, another did.
        let called: BTreeSet<String> = self.of(Habit::Calls).map(str::to_owned).collect();
        let known: BTreeSet<String> = self.of(Habit::Unchosen).map(str::to_owned).collect();
        for (habit, seen) in &mut self.habits {
            let is_idle = *habit == Habit::Idle || WHY_IDLE.iter().any(|(why, _)| why == habit);
            let is_unknown = matches!(habit, Habit::Unread | Habit::Stale);
            if is_idle {
                seen.values.retain(|name, _| !(called.contains(name) || is_unknown && known.contains(name)));
            }
        }
    }
}

/// What counts once in a session, however often it is said.
#[derive(Debug)]
struct Once(BTreeMap<Habit, BTreeSet<String>>);

impl Default for Once {
    /// What a session shows in any case, if only by not showing it.
    fn default() -> Self {
        let habits = [Habit::Offered, Habit::Capabilities, Habit::Extensions];
        Self(habits.into_iter().map(|habit| (habit, BTreeSet::new())).collect())
    }
}

impl Once {
    fn note(&mut self, habit: Habit, value: String) {
        self.0.entry(habit).or_default().insert(value);
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
