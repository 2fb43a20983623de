//! Characters that nobody sees, or that look like others, in what a model and a person are told to trust.

mod letters;
mod rules;

use std::borrow::Cow;

use serde_json::Value as Json;
use tapgate_engine::surface;
use tapgate_wire::json::{each, unescape_lossy};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Heard};
use crate::page::Page;
use crate::quote::quote;

/// Bytes of one result that are searched; a larger one is left alone.
const MAX_SEARCHED: usize = 8 * 1024 * 1024;

/// Places of one message that are told.
const MAX_PLACES: usize = 20;

/// Members that are no text for anybody.
const OPAQUE: &[&str] = &["_meta", "icons", "nextCursor", "default", "const", "enum", "examples", "pattern"];

/// What it needs to remember: nothing.
#[derive(Debug, Default)]
pub(super) struct Hidden;

impl Family for Hidden {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        if heard.from != Leg::Server || heard.shape().kind != Kind::Result {
            return;
        }
        let is_told = heard.call.is_some_and(|call| {
            let lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];
            lists.contains(&call.method.as_str()) || matches!(&*call.method, "initialize" | "server/discover")
        });
        if !is_told || !heard.message.is_whole() {
            return;
        }
        let Some(result) = heard.shape().raw(Member::Result) else { return };
        if result.len() > MAX_SEARCHED || !is_worth_reading(result) {
            return;
        }
        let mut search = Search { cx, heard, subject: String::new(), path: Vec::new(), n: 0 };
        if let Some(page) = heard.page() {
            return search.page(page);
        }
        each(result, &mut |name, value| {
            let name = unescape_lossy(name);
            if matches!(&*name, "instructions" | "serverInfo") {
                search.member(&name, value);
            }
        });
    }
}

/// Whether anything odd can be in it: escapes, or characters that are odd somewhere.
fn is_worth_reading(raw: &[u8]) -> bool {
    let mut escapes = raw.split(|byte| *byte == b'\\').skip(1);
    escapes.any(|rest| matches!(rest.first(), Some(b'u' | b'b' | b'f')))
        || !raw.is_ascii() && String::from_utf8_lossy(raw).chars().any(letters::is_suspect)
}

/// One answer while it is searched.
struct Search<'c, 'a, 'h> {
    cx: &'c mut Cx<'a>,
    heard: &'c Heard<'h>,
    /// What the texts belong to: a tool, a prompt.
    subject: String,
    /// The members that lead to the text.
    path: Vec<String>,
    n: usize,
}

impl Search<'_, '_, '_> {
    fn member(&mut self, member: &str, raw: &[u8]) {
        let Ok(value) = serde_json::from_slice(raw) else { return };
        member.clone_into(&mut self.subject);
        self.value(&value);
    }

    fn page(&mut self, page: &Page<'_>) {
        for item in page.items() {
            if self.n >= MAX_PLACES {
                return;
            }
            if !is_worth_reading(item.raw) {
                continue;
            }
            let Ok(item) = serde_json::from_slice::<Json>(item.raw) else { continue };
            let name = item.get("name").or_else(|| item.get("uri")).and_then(Json::as_str);
            self.subject = shown(name.unwrap_or(surface::word(page.kind)));
            self.value(&item);
        }
    }

    fn value(&mut self, value: &Json) {
        match value {
            Json::String(text) => {
                let is_name = self.path.last().is_some_and(|member| member == "name");
                self.text(text, is_name);
            }
            Json::Array(items) => items.iter().for_each(|item| self.value(item)),
            Json::Object(members) => {
                for (name, value) in members {
                    if OPAQUE.contains(&name.as_str()) {
                        continue;
                    }
                    self.path.push(name.clone());
                    // The name of a property is what a model calls it by.
                    self.text(name, true);
                    self.value(value);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, is_name: bool) {
        if self.n >= MAX_PLACES || text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return;
        }
        for (rule, hits) in letters::odd(text, is_name) {
            let Some((at, letter)) = hits.first else { continue };
            let place = match (self.path.last(), self.path.len()) {
                (None, _) => format!("`{}`", self.subject),
                (Some(_), 1) => format!("The {} of `{}`", shown(&self.path.join("/")), self.subject),
                _ => format!("/{} of `{}`", shown(&self.path.join("/")), self.subject),
            };
            let more = match hits.n - 1 {
                0 => String::new(),
                n => format!(" and {n} more like it"),
            };
            let said = format!("{place} holds U+{:04X} at character {at}{more}.", u32::from(letter));
            self.find(rule, &said);
        }
    }

    fn find(&mut self, rule: &'static Rule, text: &str) {
        self.n += 1;
        if self.n <= MAX_PLACES {
            self.cx.find(rule, self.heard, &self.subject, text);
        }
    }
}

/// A text of a peer for a finding: short, on one line, and each character that nobody sees spelt out.
pub(crate) fn shown(text: &str) -> String {
    quote(visible(text).as_bytes()).to_string()
}

fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|letter| !letters::is_unseen(letter)) {
        return Cow::Borrowed(text);
    }
    let spell = |letter: char| {
        if letters::is_unseen(letter) { format!("<U+{:04X}>", u32::from(letter)) } else { letter.to_string() }
    };
    Cow::Owned(text.chars().take(1024).map(spell).collect())
}

#[cfg(test)]
mod tests;
