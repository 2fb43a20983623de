//! Parameters of requests and notifications against the schema of their revision.

mod rules;

use tapgate_wire::revision::{self, Revision};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard};
use crate::json::{Type, quote};
use crate::members::{Wrong, check};
use rules::{MISSING, WRONG_TYPE};

pub(super) const RULES: &[&Rule] = &[&MISSING, &WRONG_TYPE];

/// What it needs to remember: nothing.
#[derive(Debug, Default)]
pub(super) struct Requests;

impl Family for Requests {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        let shape = heard.shape();
        if !matches!(shape.kind, Kind::Request | Kind::Notification) || !heard.message.is_whole() {
            return;
        }
        let Some(name) = shape.method() else { return };
        let Some(method) = revision::method(&name) else { return };
        // Who may send what is another family's business, and so are the handshake and the state of a task.
        if heard.revision.is_some_and(|revision| !method.is_sent_by(heard.from, revision))
            || matches!(method.name, "initialize" | "notifications/tasks/status")
        {
            return;
        }
        let params = shape.raw(Member::Params).map_or(&b"{}"[..], |params| params.as_ref());
        if !params.starts_with(b"{") {
            let text = format!("The params of `{name}` are {}, not an object.", Type::of(params).name());
            cx.find_sender(&WRONG_TYPE, heard, "params", text);
            return;
        }
        check(method.params, params, heard.revision, &mut |member, wrong| {
            // `_meta` has rules of its own.
            if member != "_meta" {
                told(cx, heard, method.name, member, wrong);
            }
        });
    }
}

fn told(cx: &mut Cx<'_>, heard: &Heard<'_>, method: &str, member: &str, wrong: Wrong) {
    match wrong {
        Wrong::Missing => {
            let revision = heard.revision.map_or("every revision", Revision::as_str);
            let text = format!("`{method}` has no `{member}`, which {revision} requires.");
            cx.find_sender(&MISSING, heard, member, text);
        }
        Wrong::Type(found, expected) => {
            let text =
                format!("`{member}` of `{}` is {}, not {expected}.", quote(method.as_bytes()), found.name());
            cx.find_sender(&WRONG_TYPE, heard, member, text);
        }
    }
}
