//! Results and errors against the schema of their revision, and against how tools should fail.

mod block;
mod rules;

use std::collections::HashSet;

use tapgate_engine::fact::Head;
use tapgate_wire::json::{each, find, unescape};
use tapgate_wire::revision::{self, Revision};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, is_plain_error};
use crate::json::{self, Type, digest, quote};
use crate::members::{Wrong, check};
use crate::page::Page;
use crate::world::Call;
use rules::{
    CODE, ERROR, FAILURE, INCOMPLETE, INVALID, MANY_VALUES, MISSING, NOTHING_READ, STRUCTURED, TWICE,
    UNKNOWN_CONTENT, WRONG_TYPE,
};

pub(super) const RULES: &[&Rule] = &[
    &MISSING,
    &WRONG_TYPE,
    &UNKNOWN_CONTENT,
    &INCOMPLETE,
    &STRUCTURED,
    &TWICE,
    &NOTHING_READ,
    &MANY_VALUES,
    &ERROR,
    &CODE,
    &FAILURE,
    &INVALID,
];

/// Tools that are remembered by name; the failures of further ones are not wondered about.
const MAX_TOOLS: usize = 10_000;

/// Bytes of a structured result from which its repetition as text is worth a word.
const LARGE: usize = 16 << 10;

/// The most values of a completion.
///
/// Spec 2025-11-25, server/utilities/completion, Completion Results.
const MAX_VALUES: usize = 100;

/// What it remembers: which tools there are.
#[derive(Debug, Default)]
pub(super) struct Answers {
    tools: HashSet<u64>,
}

impl Family for Answers {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        match heard.shape().kind {
            Kind::Result if heard.message.is_whole() => self.result(cx, heard),
            Kind::Error if heard.message.is_whole() => self.error(cx, heard),
            _ => {}
        }
    }
}

impl Answers {
    fn result(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let Some(result) = shape.raw(Member::Result) else { return };
        if !result.starts_with(b"{") {
            let text = format!("The result is {}, not an object.", Type::of(result).name());
            cx.find_sender(&WRONG_TYPE, heard, "result", text);
            return;
        }
        let Some(call) = heard.call else { return };
        let Some(method) = revision::method(&call.method).filter(|_| is_final(heard, call)) else { return };
        check(method.result, result, heard.revision, &mut |member, wrong| match wrong {
            Wrong::Missing if matches!(member, "_meta" | "resultType" | "ttlMs" | "cacheScope") => {}
            Wrong::Missing => {
                let text = format!("The result of `{}` has no `{member}`.", method.name);
                cx.find_sender(&MISSING, heard, member, text);
            }
            Wrong::Type(found, expected) => {
                let text = format!("`{member}` of `{}` is {}, not {expected}.", method.name, found.name());
                cx.find_sender(&WRONG_TYPE, heard, member, text);
            }
        });
        match method.name {
            "tools/list" => self.learn(heard),
            "tools/call" => called(cx, heard, call, result),
            "prompts/get" => each(find(result, &["messages"]).unwrap_or_default(), &mut |_, message| {
                if let Some(block) = find(message, &["content"]) {
                    content(cx, heard, call, block);
                }
            }),
            "resources/read" => read(cx, heard, call, find(result, &["contents"]).unwrap_or_default()),
            "completion/complete" => {
                let mut n_values = 0;
                let values = find(result, &["completion", "values"]).unwrap_or_default();
                each(values, &mut |_, _| n_values += 1);
                if n_values > MAX_VALUES {
                    let text = format!("The completion has {n_values} values, and {MAX_VALUES} are allowed.");
                    cx.find(&MANY_VALUES, heard, "completion", text);
                }
            }
            _ => {}
        }
    }

    /// Remembers which tools there are.
    fn learn(&mut self, heard: &Heard<'_>) {
        let tools = heard.tools().into_iter().flat_map(Page::items);
        for name in tools.filter_map(|tool| tool.find(&["name"])) {
            if self.tools.len() < MAX_TOOLS {
                self.tools.insert(json::hash(&unescape(name)));
            }
        }
    }

    fn error(&self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let Some(error) = shape.raw(Member::Error) else { return };
        if is_plain_error(heard.head, &shape.faults) {
            return;
        }
        let code = shape.raw(Member::ErrorCode);
        let message = shape.raw(Member::ErrorMessage);
        let why = match (code, message) {
            _ if !error.starts_with(b"{") => Some("is no object"),
            (None, _) => Some("has no code"),
            (Some(code), _) if !json::is_integer(code) => Some("has a code that is no integer"),
            (_, None) => Some("has no message"),
            (_, Some(message)) if !message.starts_with(b"\"") => Some("has a message that is no string"),
            _ => None,
        };
        if let Some(why) = why {
            let text = format!("The error {why}.");
            cx.find_sender(&ERROR, heard, "error", text);
            return;
        }
        let Some(code) = shape.int(Member::ErrorCode) else { return };
        if is_misused(code) {
            let text = format!("The error code {code} is reserved and has no meaning.");
            cx.find_sender(&CODE, heard, code.to_string(), text);
        }
        if let Some(call) = heard.call.filter(|call| call.method == "tools/call" && heard.from == Leg::Server)
        {
            self.tool_failed(cx, heard, call, code);
        }
    }

    /// A tool that is there, and whose call was answered with an error of the protocol.
    fn tool_failed(&self, cx: &mut Cx<'_>, heard: &Heard<'_>, call: &Call, code: i64) {
        let Some(tool) = &call.target else { return };
        if !self.tools.contains(&json::hash(&std::borrow::Cow::Borrowed(&**tool))) {
            return;
        }
        let asked = call.request.shape();
        let is_malformed = asked.raw(Member::Arguments).is_some_and(|arguments| !arguments.starts_with(b"{"));
        // What the transport refuses, and what is no call, never reached the tool.
        let is_refused = matches!(heard.head, Some(Head::Response(head)) if !head.status.is_success());
        if is_malformed || is_refused {
            return;
        }
        let name = quote(tool);
        let is_plain = asked.raw(Member::RequestState).is_none()
            && asked.raw(Member::InputResponses).is_none()
            && asked.raw(Member::TaskAsked).is_none();
        if code == -32_602 && is_plain && heard.revision.is_some() {
            let has_meta = asked.raw(Member::MetaCapabilities).is_some();
            if has_meta || heard.revision < Some(Revision::V2026_07_28) {
                let text =
                    format!("The tool `{name}` is there, and its call was answered with the error -32602.");
                cx.find(&INVALID, heard, &name, text);
            }
        } else if code == -32_603 || code == -32_000 || !(-32_768..=-32_000).contains(&code) {
            let text = format!(
                "The call of the tool `{name}` was answered with the error {code}, which models do not see."
            );
            cx.find(&FAILURE, heard, &name, text);
        }
    }
}

/// Whether a result is what its method gives in the end; the handshake and tasks are other families' business.
fn is_final(heard: &Heard<'_>, call: &Call) -> bool {
    let shape = heard.shape();
    let is_other = |raw: &bytes::Bytes| !json::is(raw, "complete");
    call.method != "initialize"
        && !call.method.starts_with("tasks/")
        && shape.raw(Member::CreatedTask).is_none()
        && !shape.raw(Member::ResultType).is_some_and(is_other)
}

/// Judges the result of a call of a tool.
fn called(cx: &mut Cx<'_>, heard: &Heard<'_>, call: &Call, result: &[u8]) {
    let (mut blocks, mut structured) = (&b""[..], None);
    each(result, &mut |name, value| {
        if json::is(name, "content") {
            blocks = value;
        } else if json::is(name, "structuredContent") {
            structured = Some(value);
        }
    });
    let tool = || call.target.as_deref().map(quote).unwrap_or_default();
    if blocks.starts_with(b"{") {
        let text = format!("The content of the tool `{}` is an object, not an array.", tool());
        cx.find(&WRONG_TYPE, heard, "content", text);
        blocks = b"";
    }
    if let Some(value) = structured.filter(|value| !value.starts_with(b"{")) {
        let text = format!(
            "The structuredContent of the tool `{}` is {}, not an object.",
            tool(),
            Type::of(value).name()
        );
        cx.find(&STRUCTURED, heard, tool(), text);
    }
    let large = structured.filter(|value| value.len() >= LARGE);
    let mut twice = 0;
    each(blocks, &mut |_, block| {
        content(cx, heard, call, block);
        if let Some(large) = large.filter(|_| twice == 0 && block.len() >= LARGE)
            && let Some(text) = find(block, &["text"])
            && digest(&unescape(text)) == digest(large)
        {
            twice = text.len();
        }
    });
    if twice > 0 {
        let text = format!("The tool `{}` gave its result twice: {twice} bytes of text repeat it.", tool());
        cx.find(&TWICE, heard, tool(), text);
    }
}

/// Judges one block of content.
fn content(cx: &mut Cx<'_>, heard: &Heard<'_>, call: &Call, block: &[u8]) {
    let of = || call.target.as_deref().map_or_else(|| call.method.clone(), quote);
    match block::judge(block, heard.revision) {
        Ok(()) => {}
        Err(block::Wrong::Type(found)) => {
            let text = format!("A block of `{}` is {}, not an object.", of(), found.name());
            cx.find(&WRONG_TYPE, heard, "content", text);
        }
        Err(block::Wrong::Unknown(kind)) => {
            let text = format!("A block of `{}` has the type `{kind}`, which its revision does not know.", of());
            cx.find(&UNKNOWN_CONTENT, heard, kind, text);
        }
        Err(block::Wrong::Lacks(kind, member)) => {
            let text = format!("A block of `{}` with the type `{kind}` has no {member}.", of());
            cx.find(&INCOMPLETE, heard, kind, text);
        }
    }
}

/// Judges what was read of a resource.
fn read(cx: &mut Cx<'_>, heard: &Heard<'_>, call: &Call, contents: &[u8]) {
    let uri = call.target.as_deref().map(quote).unwrap_or_default();
    let mut n_parts = 0;
    each(contents, &mut |_, part| {
        n_parts += 1;
        if let Err(member) = block::resource(part) {
            let text = format!("A part of `{uri}` has no {member}.");
            cx.find(&INCOMPLETE, heard, &uri, text);
        }
    });
    if n_parts == 0 && contents.starts_with(b"[") {
        cx.find(&NOTHING_READ, heard, &uri, format_args!("`{uri}` was read and nothing came."));
    }
}

/// Whether a code is reserved by JSON-RPC without a meaning; those that MCP reserves are another family's business.
///
/// JSON-RPC 2.0, section 5.1.
fn is_misused(code: i64) -> bool {
    matches!(code, -32_768..=-32_100) && !matches!(code, -32_700 | -32_603..=-32_600)
}
