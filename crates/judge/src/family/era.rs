//! Eras and revisions: who speaks which, and what a revision does not have.

mod rules;

use bytes::Bytes;
use tapgate_wire::json::{each, find};
use tapgate_wire::record::{Era, Transport};
use tapgate_wire::revision::{self, EXTENSION_METHODS, Revision};
use tapgate_wire::rule::Side;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

use self::rules as rule;
pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Heard, Place, side};
use crate::quote::{plain, quote};

/// What it remembers: what each side showed to know, and what was said already.
#[derive(Debug, Default)]
pub(super) struct Eras {
    /// A handshake succeeded.
    greeted: bool,
    /// The server answered a modern request as only a modern server does.
    is_modern: bool,
    /// It refused `server/discover` as a legacy server does.
    refused: bool,
    /// The batch whose parts are being heard.
    batch: Option<u64>,
    /// What the client declared last, which most often is what it declares next.
    client_can: Option<Bytes>,
    /// What was said once and is not said again.
    told: Vec<&'static str>,
}

impl Family for Eras {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        if heard.in_batch && self.batch != Some(heard.n) {
            self.batch = Some(heard.n);
            let text = format!("The {} sent a batch.", side(heard.from).word());
            // Where nobody knows the revision, it may be the one that allows batches, which names itself in no header.
            if heard.revision.is_some() {
                by(cx, &rule::BATCH, heard, heard.from, "", &text);
            }
        }
        match heard.shape().kind {
            Kind::Request => self.request(cx, heard),
            Kind::Notification => self.notification(cx, heard),
            Kind::Result if heard.from == Leg::Server => self.result(cx, heard),
            Kind::Error if heard.from == Leg::Server => self.error(cx, heard),
            _ => {}
        }
    }
}

impl Eras {
    fn once(&mut self, what: &'static str) -> bool {
        let is_new = !self.told.contains(&what);
        if is_new {
            self.told.push(what);
        }
        is_new
    }

    fn request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        if heard.asks("initialize") {
            if let Some(offered) = shape.text(Member::OfferedRevision)
                && Revision::era_of(&offered) == Some(Era::Modern)
            {
                let text = format!("The client offers {} in initialize.", quote(&*offered));
                by(cx, &rule::HANDSHAKE_NAMES_MODERN, heard, heard.from, "protocolVersion", &text);
            }
            if self.is_modern && self.once("mixed") {
                cx.find(
                    &rule::MIXED,
                    heard,
                    "initialize",
                    "The client sent initialize after the server had answered a request without a handshake.",
                );
            }
            return;
        }
        if shape.raw(Member::MetaRevision).is_some() && heard.from == Leg::Client {
            if self.greeted && cx.session.transport == Transport::Stdio && self.once("mixed") {
                cx.find(
                    &rule::MIXED,
                    heard,
                    "_meta",
                    "After a handshake the client sent a request that names its own revision.",
                );
            }
            self.declared(cx, heard);
        }
        method_in_revision(cx, heard);
    }

    fn notification(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        if heard.tells("notifications/initialized") {
            return;
        }
        let is_modern = heard.revision.is_some_and(|revision| revision.era() == Era::Modern);
        if is_modern && heard.tells("notifications/message") && self.once("logging") {
            by(cx, &rule::DEPRECATED, heard, heard.from, "logging", "The server sends log messages.");
        }
        method_in_revision(cx, heard);
    }

    fn result(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(call) = heard.call else { return };
        let shape = heard.shape();
        if call.method == "initialize" {
            self.greeted = true;
            if let Some(agreed) = shape.text(Member::AgreedRevision)
                && Revision::era_of(&agreed) == Some(Era::Modern)
            {
                let text = format!("The server answers initialize with {}.", quote(&*agreed));
                by(cx, &rule::HANDSHAKE_NAMES_MODERN, heard, heard.from, "protocolVersion", &text);
            }
            if cx.session.transport == Transport::Sse {
                cx.find(
                    &rule::HTTP_SSE,
                    heard,
                    "",
                    "The session's messages go over an event stream with an endpoint event.",
                );
            }
            return;
        }
        if call.revision != Some(Revision::V2026_07_28) {
            return;
        }
        self.is_modern |= shape.raw(Member::ResultType).or(shape.raw(Member::SupportedRevisions)).is_some();
        if call.method == "server/discover"
            && cx.session.server_declares(&["logging"]) == Some(true)
            && self.once("logging")
        {
            by(
                cx,
                &rule::DEPRECATED,
                heard,
                heard.from,
                "logging",
                "The server declares the capability logging.",
            );
        }
        if let Some(raw) = shape.raw(Member::InputRequests) {
            self.inputs(cx, heard, raw);
        }
    }

    /// What a server asks of a client inside an answer.
    fn inputs(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, raw: &[u8]) {
        each(raw, &mut |_, input| {
            let method = find(input, &["method"]).map(plain).unwrap_or_default();
            let what = match method.as_str() {
                "sampling/createMessage" => "sampling",
                "roots/list" => "roots",
                _ => return,
            };
            if self.once(what) {
                let text = format!("The server asks for {what} in inputRequests.");
                by(cx, &rule::DEPRECATED, heard, heard.from, what, &text);
            }
            let context =
                find(input, &["params", "includeContext"]).map(plain).filter(|context| context != "none");
            if let Some(context) = context.filter(|_| self.once("includeContext")) {
                let text = format!("The server asks for sampling with includeContext `{}`.", quote(&context));
                by(cx, &rule::DEPRECATED, heard, heard.from, "includeContext", &text);
            }
        });
    }

    /// What a modern client declares with each request.
    fn declared(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(raw) = heard.shape().raw(Member::MetaCapabilities) else { return };
        if self.client_can.as_ref() == Some(raw) {
            return;
        }
        self.client_can = Some(raw.clone());
        for what in ["roots", "sampling"] {
            if find(raw, &[what]).is_some() && self.once(what) {
                let text = format!("The client declares the capability {what}.");
                by(cx, &rule::DEPRECATED, heard, heard.from, what, &text);
            }
        }
    }

    fn error(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let (Some(call), Some(code)) = (heard.call, heard.shape().int(Member::ErrorCode)) else { return };
        let knows_era = matches!(code, -32_022..=-32_020);
        if call.method == "initialize" {
            if knows_era {
                let supported = heard.shape().inside(Member::ErrorData, &["supported"]);
                let supported =
                    supported.map_or(String::new(), |raw| format!("; it supports {}", quote(&raw)));
                cx.find(
                    &rule::LEGACY_TO_MODERN,
                    heard,
                    "initialize",
                    format_args!("The server answered initialize with the error {code}{supported}."),
                );
            }
            return;
        }
        if call.revision != Some(Revision::V2026_07_28) {
            return;
        }
        if self.is_modern {
            retired(cx, heard, code);
        } else if !knows_era {
            self.refused_modern(cx, heard, &call.method, code);
        }
    }

    /// A server that never showed that it is modern refuses a modern request.
    fn refused_modern(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, method: &str, code: i64) {
        if method == "server/discover" {
            self.refused = true;
            return;
        }
        let says = heard.shape().text(Member::ErrorMessage).unwrap_or_default();
        let wants_greeting = says.to_ascii_lowercase().contains("initializ");
        if (self.refused || wants_greeting) && self.once("modern-to-legacy") {
            let text = format!(
                "{} without a handshake was answered with the error {code}: {}.",
                quote(method),
                quote(&*says)
            );
            cx.find(&rule::MODERN_TO_LEGACY, heard, method, text);
        }
    }
}

/// Codes that a modern server does not send any more, or never may.
fn retired(cx: &mut Cx<'_>, heard: &Heard<'_>, code: i64) {
    let instead = match code {
        -32_001 => "; HeaderMismatch is -32020 since the release",
        -32_002 => "; a missing resource is -32602 now",
        -32_003 => "; MissingRequiredClientCapability is -32021 since the release",
        -32_004 => "; UnsupportedProtocolVersion is -32022 since the release",
        -32_042 => "; a URL elicitation is asked by inputRequests now",
        -32_099..=-32_023 => {
            cx.find(
                &rule::RESERVED,
                heard,
                code.to_string(),
                format_args!("The server answered with the error {code}."),
            );
            return;
        }
        _ => return,
    };
    cx.find(
        &rule::RETIRED,
        heard,
        code.to_string(),
        format_args!("The server answered with the error {code}{instead}."),
    );
}

/// Whether the revision of a message has its method, and lets this side send it.
fn method_in_revision(cx: &mut Cx<'_>, heard: &Heard<'_>) {
    let shape = heard.shape();
    let Some(name) = shape.method() else { return };
    let who = side(heard.from).word();
    let Some(method) = revision::method(&name) else {
        if !EXTENSION_METHODS.contains(&&*name) && shape.kind == Kind::Request {
            let text = format!("The {who} asks {}.", quote(&*name));
            by(cx, &rule::UNKNOWN, heard, heard.from, &name, &text);
        }
        return;
    };
    let Some(revision) = heard.revision else { return };
    let is_extension = revision.era() == Era::Modern && EXTENSION_METHODS.contains(&&*name);
    if method.is_sent_by(heard.from, revision) || is_extension {
        return;
    }
    let date = revision.as_str();
    let exists = method.revisions();
    let (rule, text) = if exists.contains(revision) {
        (&rule::DIRECTION, format!("The {who} sent {name} in {date}."))
    } else if exists.iter().last().is_some_and(|last| last < revision) {
        (&rule::REMOVED, format!("The {who} sent {name}, which {date} does not have any more."))
    } else {
        (&rule::FUTURE, format!("The {who} sent {name}, which {date} does not have yet."))
    };
    by(cx, rule, heard, heard.from, &name, &text);
}

/// Finds that the side which sent a message breaks a rule that both sides can break.
fn by(cx: &mut Cx<'_>, rule: &'static Rule, heard: &Heard<'_>, from: Leg, subject: &str, text: &str) {
    let side: Side = side(from);
    let place = Place {
        exchange: heard.exchange,
        message: Some(heard.n),
        at: heard.first,
        revision: heard.revision,
        side,
    };
    cx.find_at(rule, place, subject, text);
}
