//! Calls of tools and their results, against what the tools were said to take and to give.

mod rules;

use serde_json::Value as Json;
use tapgate_wire::json::{each, find, unescape, unescape_lossy};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg};

pub(super) use self::rules::RULES;
use super::Family;
use super::hidden::shown;
use super::schema::{Fit, Pages, fit, same};
use crate::event::{Cx, Event, Heard};

/// Bytes for a model from which a result is large, and huge.
const LARGE: (usize, usize) = (40_000, 100_000);

/// Bytes of a result from which saying it twice matters.
const TWICE: usize = 1_000;

/// Bytes of arguments or of a structured result that are read; larger ones are not held against a schema.
const MAX_READ: usize = 1024 * 1024;

/// What it needs to remember: the tools that the client was told of.
#[derive(Debug, Default)]
pub(super) struct Results {
    pages: Pages,
}

impl Family for Results {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        self.pages.on(heard);
        match (heard.shape().kind, heard.from) {
            (Kind::Request, Leg::Client) if heard.asks("tools/call") => self.call(cx, heard),
            (Kind::Result, Leg::Server) if heard.answers("tools/call") => self.result(cx, heard),
            _ => {}
        }
    }
}

impl Results {
    fn call(&self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        // What changed while nobody looked proves nothing.
        if cx.session.partial || !self.pages.is_whole() || !heard.message.is_whole() {
            return;
        }
        let Some(name) = heard.shape().text(Member::Name) else { return };
        let Some((dialect, schema)) = self.pages.tool(&name).and_then(|tool| tool.input.as_ref()) else {
            return;
        };
        let raw = heard.shape().raw(Member::Arguments).map_or(&b"{}"[..], |raw| raw);
        let Some(arguments) = read(raw).filter(Json::is_object) else { return };
        if let Fit::Differs(why) = fit(schema, *dialect, &arguments) {
            let name = shown(&name);
            cx.find(
                &rules::ARGUMENTS,
                heard,
                &name,
                format_args!("In the arguments for `{name}`, what was sent {why}."),
            );
        }
    }

    fn result(&self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let is_complete = shape.text(Member::ResultType).is_none_or(|word| word == "complete");
        if !is_complete || shape.raw(Member::CreatedTask).is_some() || !heard.message.is_whole() {
            return;
        }
        let Some((call, raw)) = heard.call.zip(shape.raw(Member::Result)) else { return };
        let name = call.target.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let tool = if cx.session.partial { None } else { self.pages.tool(&name) };
        let output = tool.and_then(|tool| tool.output.as_ref());
        let failed = shape.flag(Member::IsError) == Some(true);
        if raw.len() < TWICE && output.is_none() && !failed {
            return;
        }
        let said = Said::of(raw);
        let name = shown(&name);
        said.judge_size(cx, heard, &name);
        if failed {
            if said.content.is_some() && !said.says_something {
                let text = format_args!("The tool `{name}` failed without a text.");
                cx.find(&rules::SILENT, heard, &name, text);
            }
            return;
        }
        let Some((dialect, schema)) = output else { return };
        match said.structured {
            None if said.content.is_some() => {
                let text =
                    format_args!("The tool `{name}` has an output schema and sent no `structuredContent`.");
                cx.find(&rules::UNSTRUCTURED, heard, &name, text);
            }
            None => {}
            Some(raw) => {
                let Some(Fit::Differs(why)) = read(raw).map(|value| fit(schema, *dialect, &value)) else {
                    return;
                };
                let text = format_args!("In the structured result of `{name}`, what was sent {why}.");
                cx.find(&rules::OUTPUT, heard, &name, text);
            }
        }
    }
}

fn read(raw: &[u8]) -> Option<Json> {
    if raw.len() > MAX_READ { None } else { serde_json::from_slice(raw).ok() }
}

/// What a result says, in the parts that matter here.
#[derive(Debug, Default)]
struct Said<'a> {
    content: Option<&'a [u8]>,
    structured: Option<&'a [u8]>,
    /// Bytes of blocks that a model reads: all but pictures, sounds and binary resources.
    n_read: usize,
    /// It has words, or a picture, or a structure, or anything else that is not blank.
    says_something: bool,
    /// The longest text.
    text: Option<&'a [u8]>,
}

impl<'a> Said<'a> {
    fn of(result: &'a [u8]) -> Self {
        let mut said = Self::default();
        each(result, &mut |name, value| match unescape(name).as_ref() {
            b"content" => said.content = Some(value),
            b"structuredContent" if value != b"null" => said.structured = Some(value),
            _ => {}
        });
        said.says_something = said.structured.is_some();
        said.n_read = said.structured.map_or(0, <[u8]>::len);
        if let Some(content) = said.content {
            each(content, &mut |_, block| said.block(block));
        }
        said
    }

    fn block(&mut self, block: &'a [u8]) {
        let (mut kind, mut text, mut is_binary) = (&b""[..], None, false);
        each(block, &mut |name, value| match unescape(name).as_ref() {
            b"type" => kind = value,
            b"text" => text = Some(value),
            b"resource" => is_binary = find(value, &["blob"]).is_some(),
            _ => {}
        });
        if is_binary || matches!(kind, b"\"image\"" | b"\"audio\"") {
            self.says_something = true;
            return;
        }
        self.n_read += block.len();
        match text {
            Some(text) => {
                self.says_something |= !unescape_lossy(text).trim().is_empty();
                if self.text.is_none_or(|other| other.len() < text.len()) {
                    self.text = Some(text);
                }
            }
            None => self.says_something |= kind != b"\"text\"",
        }
    }

    fn judge_size(&self, cx: &mut Cx<'_>, heard: &Heard<'_>, name: &str) {
        if self.n_read > LARGE.0 {
            let rule = if self.n_read > LARGE.1 { &rules::HUGE } else { &rules::LARGE };
            let text = format_args!("The result of `{name}` has {} bytes for a model to read.", self.n_read);
            cx.find(rule, heard, name, text);
        }
        let (Some(text), Some(structured)) = (self.text, self.structured) else { return };
        // A text that says the same is about as long: escaped, or laid out.
        let is_near = text.len() / 4 <= structured.len() && structured.len() / 4 <= text.len();
        if structured.len() < TWICE || !is_near {
            return;
        }
        let parsed = read(unescape(text).as_ref()).zip(read(structured));
        if parsed.is_some_and(|(text, structured)| same(&text, &structured)) {
            let text = format_args!("The result of `{name}` says {} bytes twice.", structured.len());
            cx.find(&rules::TWICE, heard, name, text);
        }
    }
}

#[cfg(test)]
mod tests;
