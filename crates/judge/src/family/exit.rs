//! The server's process: how it ended, what it left open, and what it said last.

mod rules;

use std::collections::VecDeque;

use bytes::Bytes;
use tapgate_engine::fact::Exchange;
use tapgate_wire::fault::FaultKind;
use tapgate_wire::record::{Piece, Status};
use tapgate_wire::rule::Side;
use tapgate_wire::{Kind, Leg, Nanos};

use self::rules as rule;
pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Place};
use crate::quote::{line, quote};

/// Lines of standard error that are remembered, and bytes of each.
const MAX_LINES: usize = 4;
const MAX_LINE: usize = 400;

/// Characters that a finding quotes of them.
const MAX_QUOTE: usize = 200;

/// Nanoseconds that a server may take to end once its input did.
const LINGERING: u64 = 2_000_000_000;

/// The signals that people, clients and systems end a process with: HUP, INT, KILL, TERM.
const ENDING: [i32; 4] = [1, 2, 9, 15];

/// What it remembers of one process.
#[derive(Debug, Default)]
pub(super) struct Exits {
    /// The last lines of standard error.
    lines: VecDeque<Bytes>,
    /// The server sent a message.
    spoke: bool,
    /// The client sent a line that is no message, and the server has said nothing since.
    is_broken: bool,
    /// When the client closed its pipe.
    left: Option<Nanos>,
    /// The client's requests that ended with the server's pipe: how many, and the first.
    n_lost: u32,
    lost: Option<(u64, String)>,
}

impl Family for Exits {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) => {
                self.spoke |= heard.from == Leg::Server && heard.shape().kind != Kind::Other;
                self.is_broken &= heard.from == Leg::Client;
            }
            Event::Piece(piece) if piece.piece == Piece::Stderr => {
                if self.lines.len() >= MAX_LINES {
                    self.lines.pop_front();
                }
                let said = piece.bytes.trim_ascii();
                if !said.is_empty() {
                    self.lines.push_back(Bytes::copy_from_slice(said.get(..MAX_LINE).unwrap_or(said)));
                }
            }
            Event::Closed(exchange) if exchange.status == Status::Unanswered => self.lose(exchange),
            Event::Odd(odd) if odd.from == Leg::Client => {
                // A server that owes an answer may have been gone before the line came.
                let is_owed = self.n_lost > 0 || cx.session.calls().any(|call| call.asked_by == Leg::Client);
                self.is_broken |= !is_owed && odd.faults.iter().any(|fault| fault.kind == FaultKind::NotJson);
            }
            Event::Left => self.left = Some(cx.now),
            Event::Exited { status } => self.exited(cx, *status),
            _ => {}
        }
    }
}

impl Exits {
    fn lose(&mut self, exchange: &Exchange) {
        if exchange.asked_by == Leg::Client {
            self.n_lost = self.n_lost.saturating_add(1);
            let name = format!("{}{}", quote(&exchange.method), of(exchange.target.as_ref()));
            self.lost.get_or_insert((exchange.n, name));
        }
    }

    fn exited(&mut self, cx: &mut Cx<'_>, status: i32) {
        let open = cx.session.calls().filter(|call| call.asked_by == Leg::Client);
        for call in open {
            self.n_lost = self.n_lost.saturating_add(1);
            self.lost.get_or_insert_with(|| {
                (call.exchange, format!("{}{}", quote(&call.method), of(call.target.as_ref())))
            });
        }
        let signal = (129..=192).contains(&status).then_some(status - 128);
        let is_busy = self.n_lost > 0;
        let is_crash = signal.is_some_and(|signal| !ENDING.contains(&signal));
        let rule = match signal {
            // A server has to be told twice that its client went.
            Some(_) if self.left.is_some_and(|left| cx.now.since(left) >= LINGERING) => Some(&rule::LINGERS),
            // A client that goes ends what is open with it, however its server takes that.
            _ if self.left.is_some() && !is_crash => None,
            Some(_) => (is_crash || is_busy).then_some(&rule::SIGNAL),
            None if !self.spoke && !cx.session.partial => Some(&rule::START_FAILED),
            None if self.is_broken && status != 0 => Some(&rule::BROKEN_LINE),
            None if is_busy => Some(&rule::EXITED_BUSY),
            None if status != 0 => Some(&rule::EXITED),
            None => None,
        };
        if let Some(rule) = rule {
            let lingers = rule.id == rule::LINGERS.id;
            let how = match signal {
                Some(signal) if lingers => {
                    format!("went on after the end of its input, until signal {signal} ended it")
                }
                Some(signal) => format!("was killed by signal {signal}"),
                None if rule.id == rule::BROKEN_LINE.id => {
                    format!("exited with status {status} over a line that is no message")
                }
                None => format!("exited with status {status}"),
            };
            let text = format!("The server {how}{}{}.", self.left_open(), self.last_words());
            // Anybody may have sent a signal that ends a process on purpose.
            let side = if signal.is_some() && !is_crash && !lingers { Side::Unknown } else { Side::Server };
            let exchange = self.lost.as_ref().map(|(exchange, _)| *exchange);
            let place = Place { exchange, message: None, at: cx.now, revision: None, side };
            cx.find_at(rule, place, "", text);
        }
        *self = Self::default();
    }

    fn left_open(&self) -> String {
        match (&self.lost, self.n_lost) {
            (Some((_, name)), 1) => format!(" while {name} was open"),
            (Some((_, name)), n) => format!(" while {name} and {} more were open", n - 1),
            (None, _) => String::new(),
        }
    }

    /// The last lines of standard error, the latest whole as far as possible.
    fn last_words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut room = MAX_QUOTE;
        for said in self.lines.iter().rev() {
            let text = line(said).to_string();
            let n = text.chars().count();
            if n > room {
                break;
            }
            room -= n;
            words.push(text);
        }
        words.reverse();
        if words.is_empty() {
            String::new()
        } else {
            format!("; its last words were `{}`", words.join(" / "))
        }
    }
}

/// Whether a process ended by a signal that anybody may have sent.
pub(super) fn was_told_to(status: i32) -> bool {
    status.checked_sub(128).is_some_and(|signal| ENDING.contains(&signal))
}

fn of(target: Option<&Bytes>) -> String {
    target.map_or(String::new(), |target| format!(" of `{}`", quote(target)))
}
