//! How long results may be kept, and by whom (2026-07-28).
//!
//! Spec 2026-07-28, server/utilities/caching.

mod rules;

use std::collections::HashMap;

use tapgate_wire::json::{each, find};
use tapgate_wire::record::Transport;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Nanos, Rule, Shape};

use super::Family;
use crate::event::{Cx, Event, Heard};
use crate::json::{self, quote};
use rules::{MISSING, REFETCHED, SCOPE_CHANGED, WRONG};

pub(super) const RULES: &[&Rule] = &[&MISSING, &WRONG, &SCOPE_CHANGED, &REFETCHED];

/// Results, and pages that are to come, that are remembered; when full, all are forgotten.
const MAX_KEPT: usize = 1024;

/// Nanoseconds of a lifetime that must be left when the same is asked again, because clocks differ.
const SLACK: u64 = 1_000_000_000;

/// What it remembers: until when results are fresh, and the scope of the page before.
#[derive(Debug, Default)]
pub(super) struct Caching {
    /// By method and what the result depends on: the method's number and when the lifetime ends.
    fresh: HashMap<u64, (usize, Nanos)>,
    /// By method and cursor of the next page: whether the page before was public.
    pages: HashMap<u64, bool>,
}

/// Methods whose results may be kept, and what makes such a result stale.
const CACHEABLE: [(&str, &str); 6] = [
    ("prompts/list", "notifications/prompts/list_changed"),
    ("resources/list", "notifications/resources/list_changed"),
    ("resources/read", "notifications/resources/updated"),
    ("resources/templates/list", "notifications/resources/list_changed"),
    ("server/discover", ""),
    ("tools/list", "notifications/tools/list_changed"),
];

impl Family for Caching {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        if heard.revision < Some(Revision::V2026_07_28) {
            return;
        }
        match (heard.shape().kind, heard.from) {
            (Kind::Request, Leg::Client) => self.request(cx, heard),
            (Kind::Result, Leg::Server) => self.result(cx, heard),
            (Kind::Notification, Leg::Server) if !self.fresh.is_empty() => {
                let method = heard.shape().method().unwrap_or_default();
                let is_stale = |kind: usize| CACHEABLE.get(kind).is_some_and(|row| row.1 == method);
                self.fresh.retain(|_, (kind, _)| !is_stale(*kind));
            }
            _ => {}
        }
    }
}

impl Caching {
    fn request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        // Over HTTP another client may ask, which cannot know what this one was told.
        if self.fresh.is_empty() || cx.session.transport != Transport::Stdio || is_round(shape) {
            return;
        }
        let method = shape.method().unwrap_or_default();
        let Some(kind) = kind_of(&method) else { return };
        let now = heard.first.0;
        if let Some((_, until)) = self.fresh.get(&key(kind, shape))
            && now + SLACK < until.0
        {
            let left = (until.0 - now) / 1_000_000_000;
            let text = format!("`{method}` was asked again, {left} s before its answer was to be stale.");
            cx.find(&REFETCHED, heard, method.as_bytes(), text);
        }
    }

    fn result(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(call) = heard.call else { return };
        let Some(kind) = kind_of(&call.method) else { return };
        let shape = heard.shape();
        let is_question = shape.raw(Member::ResultType).is_some_and(|raw| json::is(raw, "input_required"));
        if is_question || !heard.message.is_whole() {
            return;
        }
        let (mut ttl, mut scope, mut next) = (None, None, None);
        each(
            shape.raw(Member::Result).map(std::convert::AsRef::as_ref).unwrap_or_default(),
            &mut |name, value| {
                if json::is(name, "ttlMs") {
                    ttl = Some(value);
                } else if json::is(name, "cacheScope") {
                    scope = Some(value);
                } else if json::is(name, "nextCursor") {
                    next = Some(value);
                }
            },
        );
        let method = &call.method;
        for (name, value) in [("ttlMs", ttl), ("cacheScope", scope)] {
            let Some(raw) = value else {
                cx.find(&MISSING, heard, name, format_args!("The result of `{method}` has no {name}."));
                continue;
            };
            let is_right = match name {
                "ttlMs" => json::is_integer(raw) && json::number(raw) >= Some(0.0),
                _ => json::is(raw, "public") || json::is(raw, "private"),
            };
            if !is_right {
                let text = format!("The {name} of `{method}` is `{}`.", quote(raw));
                cx.find(&WRONG, heard, name, text);
            }
        }
        let asked = call.request.shape();
        let scope = scope.map(|raw| json::is(raw, "public"));
        let before = self.pages.remove(&key(kind, asked));
        if before.is_some() && scope.is_some() && before != scope {
            let text = format!("This page of `{method}` has another cacheScope than the page before.");
            cx.find(&SCOPE_CHANGED, heard, "cacheScope", text);
        }
        if self.pages.len() + self.fresh.len() >= MAX_KEPT {
            self.pages.clear();
            self.fresh.clear();
        }
        if let Some((next, scope)) = next.zip(scope) {
            self.pages.insert(json::hash(&(kind, json::digest(next))), scope);
        }
        let lives = ttl.and_then(json::number).filter(|ttl| *ttl > 0.0 && !is_round(asked));
        if let Some(lives) = lives {
            let until = Nanos(heard.last.0.saturating_add((lives * 1e6) as u64));
            self.fresh.insert(key(kind, asked), (kind, until));
        }
    }
}

fn kind_of(method: &str) -> Option<usize> {
    CACHEABLE.iter().position(|row| row.0 == method)
}

/// What a result depends on: the method and the page or the resource.
fn key(kind: usize, request: &Shape) -> u64 {
    let params = request.raw(Member::Params);
    let cursor = params.and_then(|params| find(params, &["cursor"]));
    let of = request.raw(Member::Uri).map(std::convert::AsRef::as_ref).or(cursor);
    json::hash(&(kind, of.map_or(0, json::digest)))
}

/// Whether a request brings input; what comes of it is not kept.
fn is_round(request: &Shape) -> bool {
    request.raw(Member::RequestState).is_some() || request.raw(Member::InputResponses).is_some()
}
