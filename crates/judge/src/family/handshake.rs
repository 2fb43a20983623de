//! The handshake of legacy sessions: how far it comes, and who stops it.

mod rules;

use std::fmt::Write as _;

use tapgate_engine::fact::Exchange;
use tapgate_wire::fault::FaultKind;
use tapgate_wire::record::{Era, Piece, Status, Transport};
use tapgate_wire::revision::Revision;
use tapgate_wire::rule::Side;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Nanos, Rule};

use self::rules as rule;
pub(super) use self::rules::RULES;
use super::{Family, exit, frame};
use crate::event::{Cx, Event, Heard, Place, Stray};
use crate::quote::{line, quote};

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds that a client may be silent, an answer may take before it is slow, and before it counts as none.
const SILENT: u64 = 5 * SECOND;
const SLOW: u64 = 10 * SECOND;
const NONE: u64 = 30 * SECOND;

/// Nanoseconds after the end of its pipe in which a server's process ends, if it is to be taken for the reason.
const EXITING: u64 = 5 * SECOND;

/// Requests without `notifications/initialized` on HTTP, where it may still be on its way: so many, and it is missing.
const MOST_UNREADY: u8 = 3;

/// What it remembers: how far the handshake came, and what was said about it.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    stage: Stage,
    asked: Option<(Nanos, u64)>,
    offered: Option<String>,
    /// The answer that names another revision.
    differs: Option<u64>,
    /// The client and the server said something.
    spoke: (bool, bool),
    /// The client closed its pipe.
    has_left: bool,
    /// The connection ended before `initialize` was answered, with this HTTP status; why, the process may tell yet.
    unanswered: Option<(Place, Option<u16>)>,
    is_over: bool,
    /// Lines that are no messages, since `initialize` was asked.
    n_noise: u32,
    n_unready: u8,
    /// A package manager said on standard error that it installs something.
    installs: bool,
    /// Rules of which one finding a session is enough.
    told: Vec<&'static str>,
}

/// How far it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    None,
    Asked,
    Answered,
    Ready,
}

impl Family for Handshakes {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) => self.message(cx, heard),
            Event::Piece(piece) if piece.piece == Piece::Stderr => {
                self.installs |= self.stage < Stage::Answered && frame::is_installer(piece.bytes);
            }
            Event::Piece(piece) => self.piece(cx, piece),
            Event::Closed(exchange) if *exchange.method == *b"initialize" => self.closed(cx, exchange),
            Event::Left => {
                self.has_left = true;
                self.gone(cx);
            }
            // What its process left open is found as the end of the process.
            Event::Exited { status } if !exit::was_told_to(*status) => drop(self.once(&rule::UNANSWERED)),
            Event::Exited { .. } => self.cut_off(cx),
            Event::Ended => {
                // A session on pipes ends with them, which may be before its process.
                if std::mem::replace(&mut self.is_over, true) {
                    self.cut_off(cx);
                }
                self.gone(cx);
            }
            Event::Tick => self.tick(cx),
            _ => {}
        }
    }
}

impl Handshakes {
    fn once(&mut self, rule: &'static Rule) -> bool {
        let is_new = !self.told.contains(&rule.id);
        if is_new {
            self.told.push(rule.id);
        }
        is_new
    }

    fn message(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let kind = heard.shape().kind;
        match heard.from {
            Leg::Client => self.spoke.0 = true,
            Leg::Server => self.spoke.1 |= kind != Kind::Other,
        }
        match (kind, heard.from) {
            // Once both are ready nothing can be wrong but a second greeting.
            (Kind::Request, Leg::Client) if heard.asks("initialize") => self.greeting(cx, heard),
            _ if self.stage == Stage::Ready => {}
            (Kind::Request, Leg::Client) => self.request(cx, heard),
            (Kind::Request, Leg::Server) => self.server_request(cx, heard),
            (Kind::Notification, Leg::Client) if heard.tells("notifications/initialized") => {
                self.ready(cx, heard);
            }
            (Kind::Result, Leg::Server) if heard.answers("initialize") => self.answer(cx, heard),
            _ => {}
        }
    }

    fn greeting(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let is_again = self.stage != Stage::None || (cx.session.follows.is_some() && self.asked.is_none());
        if is_again {
            cx.find(
                &rule::TWICE,
                heard,
                "initialize",
                "The client sent initialize again on the same connection.",
            );
        }
        if heard.in_batch {
            cx.find(&rule::BATCHED, heard, "initialize", "initialize came inside a batch.");
        }
        let shape = heard.shape();
        let members = [Member::OfferedRevision, Member::ClientCapabilities, Member::ClientInfo];
        let names = ["protocolVersion", "capabilities", "clientInfo"];
        lacks(cx, &rule::PARAMS, heard, members, names);
        let offered =
            shape.text(Member::OfferedRevision).map(|text| text.chars().take(64).collect::<String>());
        if let Some(offered) = offered.as_ref().filter(|name| Revision::parse(name).is_none()) {
            unknown(cx, heard, offered, Side::Client);
        }
        *self = Self {
            stage: Stage::Asked,
            asked: Some((heard.last, heard.n)),
            offered,
            spoke: self.spoke,
            installs: self.installs,
            told: std::mem::take(&mut self.told),
            ..Self::default()
        };
    }

    fn answer(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        self.stage = Stage::Answered;
        let shape = heard.shape();
        let members = [Member::AgreedRevision, Member::ServerCapabilities, Member::ServerInfo];
        lacks(cx, &rule::RESULT, heard, members, ["protocolVersion", "capabilities", "serverInfo"]);
        if let Some(agreed) = shape.text(Member::AgreedRevision) {
            if Revision::parse(&agreed).is_none() {
                unknown(cx, heard, &agreed, Side::Server);
            }
            // What no handshake can agree on is the offer's own fault.
            let is_legacy =
                |name: &str| Revision::parse(name).is_some_and(|revision| revision.era() == Era::Legacy);
            let offered = self.offered.as_ref().filter(|offered| is_legacy(offered) && **offered != agreed);
            if let Some(offered) = offered {
                self.differs = Some(heard.n);
                let text = format!(
                    "The client offered {} and the server answered {}.",
                    quote(offered),
                    quote(&*agreed)
                );
                cx.find(&rule::DIFFERS, heard, "protocolVersion", text);
            }
        }
        let took = heard.call.map_or(0, |call| heard.first.since(call.asked));
        if took > SLOW {
            let mut text = format!("The answer to initialize took {} s", took / SECOND);
            if cx.session.transport == Transport::Stdio {
                let since = heard.first.since(cx.session.opened) / SECOND;
                let _ = write!(text, ", {since} s after the session began");
            }
            if self.installs {
                text.push_str("; packages were installed meanwhile");
            }
            cx.find(&rule::SLOW, heard, "initialize", text + ".");
        }
    }

    fn ready(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        // On HTTP without a session the handshake may have passed before anybody looked.
        let is_seen = self.stage == Stage::Asked || cx.session.transport == Transport::Stdio;
        if self.stage < Stage::Answered && is_seen && !cx.session.partial {
            let text = "notifications/initialized came before the answer to initialize.";
            cx.find(&rule::EARLY_READY, heard, "notifications/initialized", text);
        }
        self.stage = Stage::Ready;
    }

    fn request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let is_modern = heard.shape().raw(Member::MetaRevision).is_some() || heard.asks("server/discover");
        if is_modern || heard.asks("ping") || cx.session.partial {
            return;
        }
        let method = heard.shape().method().unwrap_or_default();
        let is_stdio = cx.session.transport == Transport::Stdio;
        let (rule, when) = match self.stage {
            Stage::None if is_stdio && cx.session.era != Some(Era::Modern) => {
                (&rule::MISSING, "without a handshake")
            }
            Stage::Asked => (&rule::EARLY_REQUEST, "before initialize was answered"),
            Stage::Answered => {
                self.n_unready = self.n_unready.saturating_add(1);
                if !is_stdio && self.n_unready < MOST_UNREADY {
                    return;
                }
                (&rule::NOT_READY, "without notifications/initialized")
            }
            _ => return,
        };
        if self.once(rule) {
            cx.find(rule, heard, &*method, format_args!("The client asked {} {when}.", quote(&*method)));
        }
    }

    fn server_request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let is_early = matches!(self.stage, Stage::Asked | Stage::Answered) && !heard.asks("ping");
        if is_early && !cx.session.partial && self.once(&rule::EARLY_SERVER) {
            let method = heard.shape().method().unwrap_or_default();
            let text = format!("The server asked {} before notifications/initialized.", quote(&*method));
            cx.find(&rule::EARLY_SERVER, heard, &*method, text);
        }
    }

    /// The first noise of a server, which has said nothing else.
    fn piece(&mut self, cx: &mut Cx<'_>, piece: &Stray<'_>) {
        let is_noise = piece.from == Leg::Server
            && piece.piece == Piece::Other
            && cx.session.transport == Transport::Stdio
            && piece.faults.iter().any(|fault| fault.kind == FaultKind::NotJson);
        if !is_noise {
            return;
        }
        self.n_noise = self.n_noise.saturating_add(1);
        if !self.spoke.1 && !cx.session.partial && self.once(&rule::NOISE) {
            let text = format!("Before any message the server wrote `{}`.", line(piece.bytes));
            cx.find_at(&rule::NOISE, piece.place(cx.session, Side::Server), "", text);
        }
    }

    fn closed(&mut self, cx: &mut Cx<'_>, exchange: &Exchange) {
        let place = Place {
            exchange: Some(exchange.n),
            message: exchange.messages.last().copied(),
            at: cx.now,
            revision: None,
            side: Side::Unknown,
        };
        match (exchange.status, exchange.http_status) {
            (Status::Unanswered, status) if !self.has_left => {
                self.unanswered = Some((Place { side: Side::Server, ..place }, status));
                if cx.session.transport != Transport::Stdio {
                    self.cut_off(cx);
                }
            }
            // What a login, or the way to an older transport, begins with.
            (Status::Error, Some(400 | 401 | 403 | 404 | 405)) if exchange.error_code.is_none() => {}
            (Status::Error, Some(401 | 403)) => {}
            (Status::Error, status) if !matches!(exchange.error_code, Some(-32_022..=-32_020)) => {
                let why =
                    exchange.error_text.as_ref().map_or(String::new(), |why| format!(": {}", quote(why)));
                let with = match (exchange.error_code, status) {
                    (Some(code), _) => format!("the error {code}"),
                    (None, Some(status)) => format!("HTTP status {status}"),
                    (None, None) => "an error".into(),
                };
                let text = format!("The server answered initialize with {with}{why}.");
                cx.find_at(&rule::REFUSED, place, "initialize", text);
            }
            _ => {}
        }
        if exchange.status != Status::Ok && self.stage == Stage::Asked {
            self.stage = Stage::None;
        }
    }

    /// The connection ended before the answer, and nothing else says so.
    fn cut_off(&mut self, cx: &mut Cx<'_>) {
        if let Some((place, status)) = self.unanswered.take()
            && self.once(&rule::UNANSWERED)
        {
            let text = match status {
                Some(300..=399) => "The server answered initialize with a redirect, which MCP does not know.",
                _ => "The connection ended before initialize was answered.",
            };
            cx.find_at(&rule::UNANSWERED, place, "initialize", text);
        }
    }

    /// The client goes, or the session is over.
    fn gone(&mut self, cx: &mut Cx<'_>) {
        let is_left = self.stage == Stage::Answered && self.n_unready == 0;
        if let Some(answer) = self.differs.filter(|_| is_left)
            && self.once(&rule::LEFT)
        {
            let place = Place { message: Some(answer), ..self.place(cx, Side::Unknown) };
            let text =
                "The client ended the session after an answer with another revision than it had offered.";
            cx.find_at(&rule::LEFT, place, "protocolVersion", text);
        }
    }

    fn tick(&mut self, cx: &mut Cx<'_>) {
        if self.unanswered.as_ref().is_some_and(|(place, _)| cx.now.since(place.at) >= EXITING) {
            self.cut_off(cx);
        }
        let session = cx.session;
        if session.partial || self.has_left {
            return;
        }
        if !self.spoke.0
            && session.transport != Transport::Http
            && cx.now.since(session.opened) >= SILENT
            && self.once(&rule::SILENT)
        {
            let place = self.place(cx, Side::Client);
            let text = format!("The client sent nothing in the first {} s.", SILENT / SECOND);
            cx.find_at(&rule::SILENT, place, "", text);
        }
        let waits = self.asked.filter(|_| self.stage == Stage::Asked).map(|(asked, _)| cx.now.since(asked));
        if waits.is_some_and(|waits| waits >= NONE) && self.once(&rule::UNANSWERED) {
            let asked_back = session.calls().find(|call| call.asked_by == Leg::Server);
            let why = match asked_back {
                Some(call) => format!("it waits for the client's answer to {}", quote(&call.method)),
                None if self.n_noise > 0 => format!("it wrote {} lines that are no messages", self.n_noise),
                None => "it wrote nothing".into(),
            };
            let place = self.place(cx, Side::Server);
            let text = format!("The server has not answered initialize for {} s; {why}.", NONE / SECOND);
            cx.find_at(&rule::UNANSWERED, place, "initialize", text);
        }
    }

    /// The handshake as a place, with this side at fault.
    fn place(&self, cx: &Cx<'_>, side: Side) -> Place {
        let call = cx.session.calls().find(|call| call.method == "initialize");
        Place {
            exchange: call.map(|call| call.exchange),
            message: self.asked.map(|(_, n)| n),
            at: cx.now,
            revision: None,
            side,
        }
    }
}

fn unknown(cx: &mut Cx<'_>, heard: &Heard<'_>, name: &str, side: Side) {
    let place =
        Place { exchange: heard.exchange, message: Some(heard.n), at: heard.first, revision: None, side };
    let text = format!("The {} names the revision `{}`.", side.word(), quote(name));
    cx.find_at(&rule::UNKNOWN_REVISION, place, "protocolVersion", text);
}

/// Finds which of revision, capabilities and identity are missing or of a wrong type.
fn lacks(
    cx: &mut Cx<'_>,
    rule: &'static Rule,
    heard: &Heard<'_>,
    [revision, capabilities, identity]: [Member; 3],
    [revision_name, capabilities_name, identity_name]: [&str; 3],
) {
    let shape = heard.shape();
    if !heard.message.is_whole() {
        return;
    }
    let mut missing = Vec::new();
    if shape.text(revision).is_none() {
        missing.push(revision_name.to_owned());
    }
    if !shape.raw(capabilities).is_some_and(|raw| raw.starts_with(b"{")) {
        missing.push(capabilities_name.to_owned());
    }
    if shape.raw(identity).is_none() {
        missing.push(identity_name.to_owned());
    } else {
        let lacks = |name: &&&str| shape.text_inside(identity, &[name]).is_none();
        let names = ["name", "version"];
        missing.extend(names.iter().filter(lacks).map(|name| format!("{identity_name}/{name}")));
    }
    if !missing.is_empty() {
        let list = missing.join(", ");
        cx.find(rule, heard, &list, format_args!("Missing or of a wrong type: {list}."));
    }
}
