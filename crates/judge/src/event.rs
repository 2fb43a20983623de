//! What families of rules hear, and how they answer.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt::Display;

use bytes::Bytes;
use tapgate_engine::fact::{self, Exchange, Head};
use tapgate_engine::surface;
use tapgate_wire::fault::{Fault, FaultKind};
use tapgate_wire::record::{Offered, Piece};
use tapgate_wire::revision::Revision;
use tapgate_wire::rule::Side;
use tapgate_wire::shape::Member;
use tapgate_wire::stream::Carried;
use tapgate_wire::{Kind, Leg, Message, Nanos, Rule, Shape};

use crate::page::Page;
use crate::world::{Call, Session};

/// Findings of one rule that one session gets; further ones are counted in nothing but the traffic itself.
pub(crate) const MAX_ALIKE: u32 = 20;

/// Bytes of what a finding names as its subject; what is longer is not named.
const MAX_SUBJECT: usize = 256;

/// Something that happened in a session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// The session was seen for the first time.
    Opened,
    /// A message passed; each part of a batch by itself.
    Message(&'a Heard<'a>),
    /// Something passed that is no message: stray output, standard error, HTTP without a message, a note of ours.
    Piece(&'a Stray<'a>),
    /// The framers or tracking found a message, a part of a batch or a piece odd; it was heard before if it is a message.
    Odd(&'a Stray<'a>),
    /// An exchange with codes of tracking or of ours was told; again whenever its state changes.
    Told(&'a Exchange),
    /// An exchange is over; all its messages were heard before.
    Closed(&'a Exchange),
    /// The client closed its pipe: what the server does now is an end that was asked for.
    Left,
    /// The server's process ended; what was open is still open, unless its pipe ended before.
    Exited {
        /// Its exit status, or 128 + signal.
        status: i32,
    },
    /// Time passed.
    Tick,
    /// The session is over; told again when its source is.
    Ended,
}

/// A message with what is known about it.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    /// Its number; the parts of a batch share it.
    pub n: u64,
    /// The side that sent it.
    pub from: Leg,
    /// The message.
    pub message: &'a Message,
    /// Whether it came as part of a batch.
    pub in_batch: bool,
    /// When its first and its last byte were read.
    pub first: Nanos,
    pub last: Nanos,
    /// The fields of the event that carried it, its reads, its size.
    pub carried: &'a Carried,
    /// The HTTP head that came with it: of the request for what a client sent, of the response for the first message in
    /// it. `None` on stdio, for later messages of a stream, and for messages of a stream that was joined midway.
    pub head: Option<&'a Head>,
    /// The exchange that it belongs to.
    pub exchange: Option<u64>,
    /// The call that it answers or belongs to, as it was asked; `None` for the request itself and for what is not paired.
    pub call: Option<&'a Call>,
    /// The revision by which it is to be judged: what the request says of itself, else what the session agreed on.
    pub revision: Option<Revision>,
    /// The page that it brings, taken apart when somebody first asks.
    pub page: OnceCell<Option<Page<'a>>>,
}

impl<'a> Heard<'a> {
    /// What the message is and its members.
    pub fn shape(&self) -> &Shape {
        self.message.shape()
    }

    /// The page of a list that it brings; `None` for any other message.
    pub fn page(&self) -> Option<&Page<'a>> {
        let page = self.page.get_or_init(|| {
            let call = self.call.filter(|_| self.shape().kind == Kind::Result && self.message.is_whole())?;
            Page::of(surface::listed_by(&call.method)?, self.message.shape().raw(Member::Result)?)
        });
        page.as_ref()
    }

    /// The page of tools that it brings.
    pub fn tools(&self) -> Option<&Page<'a>> {
        self.page().filter(|page| page.kind == Offered::Tools)
    }

    /// Whether it is a request of this method.
    pub fn asks(&self, method: &str) -> bool {
        self.shape().kind == Kind::Request && self.shape().method().is_some_and(|name| name == method)
    }

    /// Whether it is a notification of this method.
    pub fn tells(&self, method: &str) -> bool {
        self.shape().kind == Kind::Notification && self.shape().method().is_some_and(|name| name == method)
    }

    /// Whether it is the result of a request of this method.
    pub fn answers(&self, method: &str) -> bool {
        self.shape().kind == Kind::Result && self.call.is_some_and(|call| call.method == method)
    }
}

/// Whether this is the body of an HTTP error that was never meant as a message, such as what OAuth answers.
///
/// RFC 6750, section 3.1, and many servers: `{"error":"invalid_token"}`.
pub(crate) fn is_plain_error(head: Option<&Head>, faults: &[Fault]) -> bool {
    let is_error = |head: &Head| matches!(head, Head::Response(head) if head.status.is_client_error() || head.status.is_server_error());
    head.is_some_and(is_error) && faults.iter().any(|fault| fault.kind == FaultKind::MissingVersion)
}

/// Something that passed and is no message, or is odd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stray<'a> {
    pub n: u64,
    pub piece: Piece,
    pub from: Leg,
    pub at: Nanos,
    pub bytes: &'a Bytes,
    pub faults: &'a [Fault],
    /// What tracking found odd about it.
    pub codes: &'a [&'static str],
    pub head: Option<&'a Head>,
    pub exchange: Option<u64>,
    /// The fields of the event that carried it, its reads, its size.
    pub carried: &'a Carried,
}

/// Where a family looks things up and leaves findings.
#[derive(Debug)]
pub(crate) struct Cx<'a> {
    /// Now: the time of the event.
    pub now: Nanos,
    /// The session that the event happened in, with the event applied, except that the call which an answer closes is
    /// still there.
    pub session: &'a Session,
    found: &'a mut Findings,
}

/// What was found since it was handed out last; of one rule about one message no more than a session may get.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<fact::Finding>,
    /// How often each rule was found of each message and exchange.
    alike: HashMap<(&'static str, Option<u64>, Option<u64>), u32>,
}

impl Findings {
    /// Whether there is room for another one of this rule about this place.
    fn has_room(&mut self, rule: &'static Rule, place: &Place) -> bool {
        let n = self.alike.entry((rule.id, place.message, place.exchange)).or_default();
        *n += 1;
        *n <= MAX_ALIKE
    }

    /// Hands out what was found.
    pub fn take(&mut self) -> Vec<fact::Finding> {
        if !self.alike.is_empty() {
            self.alike.clear();
        }
        std::mem::take(&mut self.found)
    }
}

impl<'a> Cx<'a> {
    pub fn new(now: Nanos, session: &'a Session, found: &'a mut Findings) -> Self {
        Self { now, session, found }
    }

    /// Finds that a message breaks a rule, if the rule holds in the revision of the message.
    ///
    /// `subject` names what it is about (a tool, a header, a member), or is empty; `text` says what was seen, one sentence.
    pub fn find(
        &mut self,
        rule: &'static Rule,
        heard: &Heard<'_>,
        subject: impl AsRef<[u8]>,
        text: impl Display,
    ) {
        self.find_at(rule, Place::of(rule, heard), subject, text);
    }

    /// Finds that a message breaks a rule that both peers can break: its sender is at fault.
    pub fn find_sender(
        &mut self,
        rule: &'static Rule,
        heard: &Heard<'_>,
        subject: impl AsRef<[u8]>,
        text: impl Display,
    ) {
        let side = match heard.from {
            Leg::Client => Side::Client,
            Leg::Server => Side::Server,
        };
        self.find_at(rule, Place { side, ..Place::of(rule, heard) }, subject, text);
    }

    /// Finds that a rule is broken where no message shows it, or by another side than the rule says.
    pub fn find_at(
        &mut self,
        rule: &'static Rule,
        place: Place,
        subject: impl AsRef<[u8]>,
        text: impl Display,
    ) {
        if place.revision.is_some_and(|revision| !rule.revisions.contains(revision))
            || !self.found.has_room(rule, &place)
        {
            return;
        }
        // A part of a name would be another name, and could be a part of a secret.
        let subject =
            Some(subject.as_ref()).filter(|subject| subject.len() <= MAX_SUBJECT).unwrap_or_default();
        self.found.found.push(fact::Finding {
            rule,
            side: place.side,
            severity: rule.severity,
            session: self.session.n,
            exchange: place.exchange,
            message: place.message,
            at: place.at,
            revision: place.revision,
            subject: Bytes::copy_from_slice(subject),
            text: text.to_string().into(),
        });
    }
}

impl Stray<'_> {
    /// The side that sent it, as the side at fault.
    pub fn side(&self) -> Side {
        side(self.from)
    }

    /// Where it is, with this side at fault.
    pub fn place(&self, session: &Session, side: Side) -> Place {
        Place {
            exchange: self.exchange,
            message: Some(self.n),
            at: self.at,
            revision: session.revision,
            side,
        }
    }
}

/// The peer on a leg, as the side at fault.
pub(crate) fn side(leg: Leg) -> Side {
    match leg {
        Leg::Client => Side::Client,
        Leg::Server => Side::Server,
    }
}

/// Where something is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub exchange: Option<u64>,
    pub message: Option<u64>,
    pub at: Nanos,
    /// The revision by which it is judged; without one, every rule holds.
    pub revision: Option<Revision>,
    pub side: Side,
}

impl Place {
    /// A message that breaks a rule.
    pub fn of(rule: &Rule, heard: &Heard<'_>) -> Self {
        Self {
            exchange: heard.exchange,
            message: Some(heard.n),
            at: heard.first,
            revision: heard.revision,
            side: rule.side,
        }
    }
}
