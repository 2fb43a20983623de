//! Tools and prompts against the lock file that pins them.

use std::collections::BTreeSet;

use tapgate_engine::bridge::hold::{KINDS, Withheld};
use tapgate_engine::surface::Page;
use tapgate_wire::fault::Severity;
use tapgate_wire::record::Offered;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;
use tapgate_wire::shape::Member;
use tapgate_wire::{Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard};

/// Definitions that one session is told of.
const MAX_TOLD: usize = 1_000;

static HELD: Rule = Rule {
    id: "lock.held",
    about: "A tool or prompt is not what the lock file says, so a tap with --locked holds it back.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "tapgate, mcp.lock; Spec 2025-11-25, server/tools, Security Considerations",
    fix: "Look at it with `tapgate lock diff mcp.lock SESSION`, and let it pass with `tapgate lock approve`.",
    fires: &[
        r#"locked
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"read","description":"and sends"},{"name":"write"}]}
    "#,
        r#"locked
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"read"},{"name":"write"},{"name":"new"}]}
    "#,
        r#"holds
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"write","inputSchema":{"type":"object"}}]}
    "#,
        r#"holds
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"read"}
        server> fail 1 -32602 held
    "#,
    ],
    quiet: &[
        r#"holds
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"write"}
        server> answer 1 {"content":[]}
    "#,
        r#"locked
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"wr\u0069te"},{"name":"read"}]}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"new"}]}
    "#,
    ],
};

static MISSING: Rule = Rule {
    id: "lock.missing",
    about: "The server does not offer a tool or prompt that the lock file has.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, mcp.lock",
    fix: "Take it out with `tapgate lock update` if it is gone for good.",
    fires: &[r#"locked
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"read"}]}
    "#],
    quiet: &[
        r#"locked
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"read"}],"nextCursor":"x"}
    "#,
        r#"locked
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list {"cursor":"x"}
        server> answer 1 {"tools":[{"name":"read"}]}
    "#,
    ],
};

pub(super) const RULES: &[&Rule] = &[&HELD, &MISSING];

/// What was told: digests of definitions, and names of what is missing.
#[derive(Debug, Default)]
pub(super) struct Locked {
    told: BTreeSet<String>,
}

impl Family for Locked {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        if let Some(withheld) = cx.session.withheld.clone() {
            return self.kept(cx, heard, &withheld);
        }
        let Some(lock) = &cx.session.lock else { return };
        let Some(told) = heard.page().filter(|page| heard.from == Leg::Server && KINDS.contains(&page.kind)) else {
            return;
        };
        let kind = told.kind;
        // A lock that was made where nobody listed them says nothing of prompts.
        if kind != Offered::Tools && !lock.surface.kinds.contains_key(&kind) {
            return;
        }
        let noun = if kind == Offered::Prompts { "prompt" } else { "tool" };
        let page = Page::of(kind, told.items().map(|item| item.raw), told.next);
        for item in &page.items {
            if lock.has(kind, &item.name, &item.digest) || !self.is_news(&item.digest) {
                continue;
            }
            let why = lock.why_held(kind, &item.name);
            cx.find(
                &HELD,
                heard,
                short(&item.name),
                format_args!("The {noun} `{}` {why}.", short(&item.name)),
            );
        }
        let asked = heard.call.map(|call| call.request.raw());
        let is_whole = page.next.is_none()
            && asked.is_some_and(|raw| tapgate_wire::json::find(raw, &["params", "cursor"]).is_none());
        let listed: BTreeSet<_> = page.items.iter().map(|item| item.name.as_str()).collect();
        for name in lock.names(kind).difference(&listed).filter(|_| is_whole) {
            if self.is_news(name) {
                cx.find(
                    &MISSING,
                    heard,
                    short(name),
                    format_args!("The server does not offer the {noun} `{}`.", short(name)),
                );
            }
        }
    }
}

impl Locked {
    /// Says on the client's leg what it does not get.
    fn kept(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, withheld: &Withheld) {
        if heard.asks("tools/call")
            && let Some(tool) = heard.shape().text(Member::Name)
            && let Some(why) = withheld.get(&*tool)
        {
            let tool = short(&tool);
            cx.find(&HELD, heard, &tool, format_args!("tapgate refused a call of `{tool}`, which {why}."));
        }
        if heard.answers("tools/list") {
            for (tool, why) in withheld {
                if self.is_news(tool) {
                    let tool = short(tool);
                    let text = format_args!("tapgate left `{tool}` out of the list; it {why}.");
                    cx.find(&HELD, heard, &tool, text);
                }
            }
        }
    }

    fn is_news(&mut self, key: &str) -> bool {
        self.told.len() < MAX_TOLD && self.told.insert(key.to_owned())
    }
}

/// A name as a sentence may quote it.
fn short(name: &str) -> String {
    name.chars().take(80).collect()
}
