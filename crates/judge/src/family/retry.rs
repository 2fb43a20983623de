//! Repetition: what was asked again, why, and whether that was wise.
//!
//! Tracking links an exchange with the one that it repeats; here it gets its name. Rounds of a call and polls of a task
//! are asked again by design and are none of it.

mod rules;

use std::collections::{HashMap, VecDeque};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use tapgate_engine::fact::{Exchange, Head};
use tapgate_wire::clock::http_date;
use tapgate_wire::json::unescape_lossy;
use tapgate_wire::record::{Again, Root, Status};
use tapgate_wire::{Leg, Nanos, Rule};

use self::rules::{APPLICATION, LOGIN, RESTARTED, RESUMED, SESSION, THROTTLED, TOO_SOON, TRANSPORT, UNSAFE};
use super::Family;
use super::timing::{named, seconds};
use crate::event::{Cx, Event, Place};
use crate::page::Page;

pub(super) const RULES: &[&Rule] =
    &[&TRANSPORT, &APPLICATION, &RESUMED, &SESSION, &RESTARTED, &LOGIN, &THROTTLED, &TOO_SOON, &UNSAFE];

/// Chains whose last attempt is remembered.
const MAX_CHAINS: usize = 256;

/// Tools whose annotations are remembered.
const MAX_TOOLS: usize = 4096;

/// Open exchanges whose advertised delay is remembered.
const MAX_DELAYS: usize = 256;

/// Clocks of two machines run apart, and nobody waits to the microsecond.
const TOLERANCE: u64 = 100_000_000;

#[derive(Debug, Default)]
pub(super) struct Retries {
    /// How the last attempt of each chain ended, oldest first.
    ended: VecDeque<Ended>,
    /// What `Retry-After` said about exchanges that are open.
    delays: HashMap<u64, u64>,
    /// Whether each tool that was listed may be called twice without harm.
    tools: HashMap<String, bool>,
}

/// How the last attempt of a chain ended.
#[derive(Debug)]
struct Ended {
    chain: Root,
    exchange: u64,
    at: Nanos,
    /// Nanoseconds that the server asked to wait.
    delay: Option<u64>,
    /// Nobody knows whether it was served.
    is_unknown: bool,
    http_status: Option<u16>,
}

impl Family for Retries {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) => {
                if let Some(exchange) = heard.exchange {
                    self.head(exchange, heard.head);
                }
                if let Some(page) = heard.tools() {
                    self.listed(page);
                }
            }
            Event::Piece(piece) => {
                if let Some(exchange) = piece.exchange {
                    self.head(exchange, piece.head);
                }
            }
            Event::Closed(exchange) => self.closed(cx, exchange),
            _ => {}
        }
    }
}

impl Retries {
    /// Notes how long a response asks to wait.
    fn head(&mut self, exchange: u64, head: Option<&Head>) {
        let Some(Head::Response(head)) = head else { return };
        let delay = delay(&head.headers).filter(|_| matches!(head.status.as_u16(), 429 | 503));
        if let Some(delay) = delay.filter(|_| self.delays.len() < MAX_DELAYS) {
            self.delays.insert(exchange, delay);
        }
    }

    fn listed(&mut self, page: &Page<'_>) {
        for tool in page.items() {
            let says = |hint| tool.find(&["annotations", hint]).is_some_and(|value| value == b"true");
            if let Some(name) = tool.find(&["name"]).filter(|_| self.tools.len() < MAX_TOOLS) {
                let is_safe = says("readOnlyHint") || says("idempotentHint");
                self.tools.insert(unescape_lossy(name).into_owned(), is_safe);
            }
        }
    }

    fn closed(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        let delay = self.delays.remove(&exchange.n);
        let chain = exchange.chain.unwrap_or(Root::Own(exchange.n));
        // The latest of its chain that had ended when this one was asked.
        let before = self.ended.iter().rev().find(|ended| {
            ended.chain == chain && ended.exchange != exchange.n && ended.at <= exchange.opened
        });
        if let Some(again) = exchange.again {
            self::found(cx, exchange, again, before);
            let is_unknown =
                before.map_or(matches!(again, Again::Transport | Again::Restart), |before| before.is_unknown);
            self.may_harm(cx, exchange, is_unknown);
        }
        let is_failure = matches!(exchange.status, Status::Error | Status::Cancelled | Status::Unanswered);
        if is_failure {
            if self.ended.len() >= MAX_CHAINS {
                self.ended.pop_front();
            }
            let was_lost =
                exchange.error_code.is_none() && matches!(exchange.http_status, Some(500 | 502 | 504));
            self.ended.push_back(Ended {
                chain,
                exchange: exchange.n,
                at: exchange.closed.unwrap_or_default(),
                delay,
                is_unknown: was_lost || matches!(exchange.status, Status::Cancelled | Status::Unanswered),
                http_status: exchange.http_status,
            });
        }
    }

    /// A tool that may not be called twice was, and nobody knows whether the first call was served.
    fn may_harm(&self, cx: &mut Cx<'_>, exchange: &Exchange, is_unknown: bool) {
        if !is_unknown || exchange.method != "tools/call" || cx.session.partial {
            return;
        }
        let Some(tool) = exchange.target.as_deref().map(String::from_utf8_lossy) else { return };
        if self.tools.get(tool.as_ref()) == Some(&false) {
            let what = named(&exchange.method, exchange.target.as_deref());
            let text = format!(
                "{what} was asked again although the call before may have been served, and the tool does not say that it is idempotent."
            );
            cx.find_at(&UNSAFE, place(exchange, &UNSAFE), tool.as_bytes(), text);
        }
    }
}

/// How long `Retry-After` asks to wait, in nanoseconds.
///
/// RFC 9110, 10.2.3: seconds, or a date. Nobody here knows the date, but the response's own `Date` says when the server
/// wrote it, up to a second before it wrote the next.
fn delay(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let after = text(RETRY_AFTER)?;
    let seconds = match after.parse::<u32>() {
        Ok(seconds) => u64::from(seconds),
        Err(_) => u64::try_from(http_date(after)? - http_date(text(DATE)?)? - 1).unwrap_or(0),
    };
    seconds.checked_mul(1_000_000_000)
}

/// Names what was repeated and why.
fn found(cx: &mut Cx<'_>, exchange: &Exchange, again: Again, before: Option<&Ended>) {
    let what = named(&exchange.method, exchange.target.as_deref());
    let status = before.and_then(|before| before.http_status);
    let answered = status.map_or("an answer that refused it".to_owned(), |status| format!("HTTP {status}"));
    let (rule, text) = match again {
        Again::Transport => {
            (&TRANSPORT, format!("{what} was sent again with the same id, after no answer came."))
        }
        Again::Application if before.is_some_and(|before| before.is_unknown) => {
            (&APPLICATION, format!("{what} was asked again after no answer came."))
        }
        Again::Application => (&APPLICATION, format!("{what} was asked again after {answered}.")),
        Again::Resume => (&RESUMED, "The client came back for the rest of a stream.".to_owned()),
        Again::Session => {
            (&SESSION, format!("{what} was asked again because the server had forgotten the session."))
        }
        Again::Restart => (
            &RESTARTED,
            format!("{what} was asked again, word for word, after the client had started the server again."),
        ),
        Again::Login => (&LOGIN, format!("{what} was asked again after {answered}.")),
        Again::Throttle => (&THROTTLED, format!("{what} was asked again after {answered}.")),
    };
    cx.find_at(rule, place(exchange, rule), exchange.target.as_deref().unwrap_or_default(), text);
    let Some((before, delay)) = before.and_then(|before| Some((before, before.delay?))) else { return };
    let waited = exchange.opened.since(before.at);
    if again == Again::Throttle && waited + TOLERANCE < delay {
        let text = format!(
            "{what} was asked again after {}; the server had asked to wait {}.",
            seconds(waited),
            seconds(delay)
        );
        cx.find_at(&TOO_SOON, place(exchange, &TOO_SOON), "Retry-After", text);
    }
}

fn place(exchange: &Exchange, rule: &Rule) -> Place {
    let side = if exchange.asked_by == Leg::Client { rule.side } else { tapgate_wire::rule::Side::Server };
    Place {
        exchange: Some(exchange.n),
        message: exchange.messages.first().copied(),
        at: exchange.opened,
        revision: None,
        side,
    }
}
