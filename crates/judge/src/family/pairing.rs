//! How messages belong together: what tracking found odd about answers, ids, progress and retries.

mod rules;

use std::collections::{BTreeMap, VecDeque};

use tapgate_engine::Oddity;
use tapgate_engine::fact::Exchange;
use tapgate_wire::fault::{Fault, FaultKind};
use tapgate_wire::record::Status;
use tapgate_wire::rule::Side;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Message, Rule};

pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Place, Stray, side};
use crate::quote::quote;

/// Exchanges of which it is remembered what was found; when full, the oldest is forgotten and may be told again.
const MAX_TOLD: usize = 4096;

/// Of these, the ones that are remembered when the session has ended: tracking tells of no more of them then.
const MAX_ENDED: usize = 64;

/// Exchanges whose answer could not be read that are remembered.
const MAX_UNREAD: usize = 64;

/// What it remembers.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// What was found about each exchange already, because its state is told again and again.
    told: BTreeMap<u64, u32>,
    /// Exchanges whose answer came in a coding that could not be read, so that nobody knows what it was.
    unread: VecDeque<u64>,
    /// What the client sent that is no message, and no error answered yet.
    n_broken: u32,
}

impl Family for Pairing {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Odd(odd) => {
                if let Some(exchange) = odd.exchange.filter(|_| odd.faults.iter().any(is_about_coding)) {
                    self.unread.truncate(MAX_UNREAD - 1);
                    self.unread.push_front(exchange);
                }
                if odd.from == Leg::Client && odd.faults.iter().any(|fault| fault.kind == FaultKind::NotJson)
                {
                    self.n_broken = self.n_broken.saturating_add(1);
                }
                for code in odd.codes {
                    // Who cannot read a request cannot know its id (JSON-RPC 2.0, section 5).
                    if *code == Oddity::AnswerWithoutId.code() && odd.from == Leg::Server && self.n_broken > 0
                    {
                        self.n_broken -= 1;
                        continue;
                    }
                    if let (Some(rule), Some(oddity)) = (rule_of(code), Oddity::from_code(code)) {
                        let side = if rule.side == Side::Unknown { odd.side() } else { rule.side };
                        let (subject, text) = told_of_message(cx, odd, oddity);
                        cx.find_at(rule, odd.place(cx.session, side), subject, text);
                    }
                }
            }
            Event::Told(exchange) => self.exchange(cx, exchange),
            Event::Ended => {
                while self.told.len() > MAX_ENDED {
                    self.told.pop_first();
                }
            }
            _ => {}
        }
    }
}

impl Pairing {
    fn exchange(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        for code in &exchange.findings {
            let Some(oddity) = Oddity::from_code(code).filter(|oddity| !is_of_message(*oddity)) else {
                continue;
            };
            let Some(rule) = rule_of(code) else { continue };
            let bit = 1 << (oddity as u32);
            let known = self.told.entry(exchange.n).or_default();
            // Progress may cross a cancellation on its way, and an answer the end of its session, which is nobody's mistake.
            let is_race = match oddity {
                Oddity::ProgressLate => exchange.status == Status::Cancelled,
                Oddity::LateAnswer => cx.session.ended.is_some(),
                _ => false,
            };
            let is_unread = oddity == Oddity::MissingAnswer && self.unread.contains(&exchange.n);
            if *known & bit != 0 || is_race || is_unread {
                continue;
            }
            *known |= bit;
            let (message, at) = shown(exchange, oddity);
            let place = Place {
                exchange: Some(exchange.n),
                message,
                at: at.max(exchange.opened),
                revision: cx.session.call(exchange.n).and_then(|call| call.revision).or(cx.session.revision),
                side: at_fault(rule, exchange, oddity),
            };
            cx.find_at(rule, place, &exchange.method, told_of_exchange(exchange, oddity));
        }
        if self.told.len() > MAX_TOLD {
            self.told.pop_first();
        }
    }
}

fn is_about_coding(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::UnknownCoding | FaultKind::BrokenCoding | FaultKind::CodingTooLarge)
}

fn rule_of(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == code)
}

/// Who is at fault: who asked, who answers, or whom the rule names.
fn at_fault(rule: &Rule, exchange: &Exchange, oddity: Oddity) -> Side {
    match oddity {
        Oddity::DuplicateAnswer | Oddity::LateAnswer | Oddity::ProgressLate | Oddity::MissingAnswer => {
            side(exchange.asked_by.opposite())
        }
        _ => rule.side,
    }
}

/// The message that shows it, if one surely does, and when that was.
fn shown(exchange: &Exchange, oddity: Oddity) -> (Option<u64>, tapgate_wire::Nanos) {
    let last = exchange.messages.last().copied();
    let closed = exchange.closed.unwrap_or(exchange.opened);
    match oddity {
        Oddity::DuplicateAnswer | Oddity::LateAnswer | Oddity::ProgressLate | Oddity::MissingAnswer => {
            (last, closed)
        }
        _ => (None, closed),
    }
}

/// Whether one message shows it, with which it is told; an exchange repeats it, and those of the same id as well.
fn is_of_message(oddity: Oddity) -> bool {
    matches!(
        oddity,
        Oddity::IdReused
            | Oddity::IdTooLong
            | Oddity::TokenReused
            | Oddity::CancelInitialize
            | Oddity::CancelTask
            | Oddity::ProgressNotIncreasing
            | Oddity::StateUnknown
            | Oddity::StateAmbiguous
    )
}

fn told_of_exchange(exchange: &Exchange, oddity: Oddity) -> String {
    let says = match oddity {
        Oddity::DuplicateAnswer => "was answered more than once",
        Oddity::LateAnswer => match exchange.status {
            Status::Cancelled => "was answered after it was cancelled",
            _ => "was answered after it was given up",
        },
        Oddity::MissingAnswer => match exchange.http_status {
            Some(300..=399) => "was answered with a redirect, which MCP does not know",
            _ => "got a response that ended without its answer",
        },
        Oddity::UpstreamFailed => "did not reach the server, or its answer was lost on the way",
        Oddity::RefusedHere => "was refused by tapgate",
        Oddity::ProgressLate => "made progress after its end",
        Oddity::Forgotten => "was given up because too much was open",
        _ => "is not clearly paired",
    };
    let why = exchange.error_text.as_ref().filter(|_| oddity == Oddity::RefusedHere);
    let why = why.map_or(String::new(), |why| format!(": {}", quote(why)));
    let called = called(&exchange.method, exchange.target.as_deref(), exchange.rpc_id.as_deref());
    format!("{called} {says}{why}.")
}

/// How a call is called: its method, its target and its id.
fn called(method: &[u8], target: Option<&[u8]>, id: Option<&[u8]>) -> String {
    let id = id.map_or(String::new(), |id| format!(" (id {})", quote(id)));
    let target = target.map_or(String::new(), |target| format!(" of `{}`", quote(target)));
    format!("{}{target}{id}", quote(method))
}

/// What a message is about that shows something odd, and what it shows.
fn told_of_message(cx: &Cx<'_>, odd: &Stray<'_>, oddity: Oddity) -> (String, String) {
    let message = Message::parse(odd.bytes.clone());
    let shape = message.shape();
    let who = if odd.from == Leg::Client { "client" } else { "server" };
    let raw = |member| shape.raw(member).map_or("unknown".into(), |raw| quote(raw).to_string());
    let call = odd.exchange.and_then(|exchange| cx.session.call(exchange));
    let method =
        call.map_or_else(|| shape.method().unwrap_or_default().into_owned(), |call| call.method.clone());
    let of_call = |says: &str| {
        let id = call.map_or(shape.id.as_ref(), |call| call.request.shape().id.as_ref()).map(|id| &*id.0);
        let target = call.and_then(|call| call.target.as_deref());
        (method.clone(), format!("{} {says}.", called(method.as_bytes(), target, id)))
    };
    let text = match oddity {
        Oddity::IdReused => return of_call("has the id of another open request"),
        Oddity::IdTooLong if call.is_some() => {
            return of_call("has an id or a progress token that is too long to be paired");
        }
        Oddity::TokenReused => return of_call("has the progress token of another open request"),
        Oddity::CancelInitialize | Oddity::CancelTask => {
            return of_call("was named by notifications/cancelled");
        }
        Oddity::ProgressNotIncreasing => return of_call("made progress that did not grow"),
        Oddity::StateUnknown if shape.raw(Member::RequestState).is_none() => {
            return of_call("brings input that nobody asked it for");
        }
        Oddity::StateUnknown => return of_call("shows a requestState that was not given to it"),
        Oddity::StateAmbiguous => {
            return of_call("shows a requestState that several open requests were given");
        }
        Oddity::UnmatchedAnswer => {
            let id = shape.id.as_ref().map_or("unknown".into(), |id| quote(&id.0).to_string());
            let what = if shape.kind == Kind::Error { "an error" } else { "a result" };
            let says = format!("The {who} sent {what} with the id {id}");
            let Some(call) = call else {
                return (String::new(), format!("{says}, which no open request has."));
            };
            let asked = call.request.shape().id.as_ref().map(|id| &*id.0);
            let called = called(call.method.as_bytes(), call.target.as_deref(), asked);
            return (method, format!("{says}; that of {called}, which is open, is of the other type."));
        }
        Oddity::AnswerWithoutId => {
            format!(
                "The {who} sent the error {} without an id: {}.",
                raw(Member::ErrorCode),
                raw(Member::ErrorMessage)
            )
        }
        Oddity::CancelUnknown => {
            format!("The {who} cancelled the request {}, which is not open.", raw(Member::CancelledId))
        }
        Oddity::ProgressUnknownToken => {
            format!(
                "The {who} told progress for the token {}, which no open request gave.",
                raw(Member::ProgressToken)
            )
        }
        Oddity::IdTooLong => format!("The {who} sent an answer with an id that is too long to be paired."),
        _ => format!("What the {who} sent could belong to several open requests."),
    };
    (String::new(), text)
}
