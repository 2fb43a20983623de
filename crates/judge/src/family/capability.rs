//! Capabilities: what is used and was not declared, what is declared and not there, and tools that were never listed.

mod rules;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use tapgate_wire::json::{each, find};
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

use self::rules as rule;
pub(super) use self::rules::RULES;
use super::Family;
use crate::event::{Cx, Event, Heard};
use crate::quote::{plain, quote};

/// Tools whose names are remembered; with more, no tool counts as unlisted.
const MAX_TOOLS: usize = 16_384;

/// Extensions that a finding names.
const MAX_EXTENSIONS: usize = 16;

const NOT_FIRST: Revisions = Revisions::since(Revision::V2025_03_26);
const TASKS: Revisions = Revisions::NONE.with(Revision::V2025_11_25, Revision::V2025_11_25);

/// What a server declares, and in which revisions that is known. The place in the list is its bit.
const FEATURES: &[(&[&str], Revisions)] = &[
    (&["tools"], Revisions::ALL),
    (&["tools", "listChanged"], Revisions::ALL),
    (&["prompts"], Revisions::ALL),
    (&["prompts", "listChanged"], Revisions::ALL),
    (&["resources"], Revisions::ALL),
    (&["resources", "listChanged"], Revisions::ALL),
    (&["resources", "subscribe"], Revisions::ALL),
    (&["completions"], NOT_FIRST),
    (&["logging"], Revisions::ALL),
    (&["tasks"], TASKS),
    (&["tasks", "list"], TASKS),
    (&["tasks", "cancel"], TASKS),
    (&["tasks", "requests", "tools", "call"], TASKS),
];

/// The feature that a client's request needs.
fn asked(method: &str) -> Option<usize> {
    Some(match method {
        "tools/list" | "tools/call" => 0,
        "prompts/list" | "prompts/get" => 2,
        "resources/list" | "resources/read" | "resources/templates/list" => 4,
        "resources/subscribe" | "resources/unsubscribe" => 6,
        "completion/complete" => 7,
        "logging/setLevel" => 8,
        "tasks/get" | "tasks/result" => 9,
        "tasks/list" => 10,
        "tasks/cancel" => 11,
        _ => return None,
    })
}

/// The feature that a server's notification needs.
fn told(method: &str) -> Option<usize> {
    Some(match method {
        "notifications/tools/list_changed" => 1,
        "notifications/prompts/list_changed" => 3,
        "notifications/resources/list_changed" => 5,
        "notifications/resources/updated" => 6,
        "notifications/message" => 8,
        _ => return None,
    })
}

const TASK_CALL: usize = 12;

/// What it remembers.
#[derive(Debug, Default)]
pub(super) struct Capabilities {
    /// What the server declared, a bit for each of [`FEATURES`].
    offers: Option<u32>,
    /// What was found already: a bit for each feature and rule.
    found: [u32; 3],
    /// Digests of the names of the tools that were listed, and whether that is all of them.
    tools: BTreeSet<u64>,
    has_all: bool,
    has_extensions: bool,
}

impl Family for Capabilities {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        let shape = heard.shape();
        match (shape.kind, heard.from) {
            (Kind::Request, Leg::Client) => self.asked(cx, heard),
            (Kind::Request, Leg::Server) => asked_back(cx, heard),
            (Kind::Notification, Leg::Server) => self.told(cx, heard),
            (Kind::Notification, Leg::Client)
                if heard.tells("notifications/roots/list_changed")
                    && cx.session.client_declares(&["roots", "listChanged"]) == Some(false)
                    && !cx.session.partial =>
            {
                let text = "The client sent notifications/roots/list_changed without roots.listChanged.";
                cx.find(&rule::CLIENT_UNDECLARED, heard, "roots.listChanged", text);
            }
            (Kind::Result, Leg::Server) => self.answered(cx, heard),
            (Kind::Error, Leg::Server) => self.refused(cx, heard),
            _ => {}
        }
    }
}

impl Capabilities {
    /// Whether a feature is known to be lacking: the bit is read, so that a common message costs one comparison.
    fn lacks(&self, cx: &Cx<'_>, heard: &Heard<'_>, feature: usize) -> bool {
        let Some(offers) = self.offers else { return false };
        let is_known =
            |revisions: Revisions| heard.revision.is_some_and(|revision| revisions.contains(revision));
        let is_lacking = offers >> feature & 1 == 0;
        is_lacking
            && !cx.session.partial
            && FEATURES.get(feature).is_some_and(|(_, revisions)| is_known(*revisions))
    }

    /// Finds once for each feature.
    fn find(
        &mut self,
        cx: &mut Cx<'_>,
        (rule, which): (&'static Rule, usize),
        heard: &Heard<'_>,
        feature: usize,
        says: &str,
    ) {
        let Some(found) = self.found.get_mut(which).filter(|found| **found >> feature & 1 == 0) else {
            return;
        };
        *found |= 1 << feature;
        let name = FEATURES.get(feature).map(|(path, _)| path.join(".")).unwrap_or_default();
        let text = format!("{says}, and the server did not declare {name}.");
        cx.find(rule, heard, &name, text);
    }

    fn asked(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let Some(method) = shape.method() else { return };
        if method != "tools/call" {
            return;
        }
        if shape.raw(Member::TaskAsked).is_some() && self.lacks(cx, heard, TASK_CALL) {
            self.find(cx, (&rule::NOT_OFFERED, 0), heard, TASK_CALL, "The client asked for a call as a task");
        }
        if let Some(name) = shape.text(Member::Name).filter(|_| self.has_all && !cx.session.partial)
            && !self.tools.contains(&digest(&name))
            && cx.session.why_held(&name).is_none()
        {
            let n = self.tools.len();
            let text = format!("The client called `{}`, and the list has {n} other tools.", quote(&*name));
            cx.find(&rule::TOOL_UNLISTED, heard, quote(&*name).to_string(), text);
        }
    }

    fn told(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(method) = heard.shape().method() else { return };
        let Some(feature) = told(&method) else { return };
        if feature == 1 {
            self.has_all = false;
        }
        if self.lacks(cx, heard, feature) {
            self.find(
                cx,
                (&rule::UNDECLARED_NOTIFICATION, 1),
                heard,
                feature,
                &format!("The server sent {method}"),
            );
        }
    }

    fn answered(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(call) = heard.call else { return };
        if call.method == "initialize" || call.method == "server/discover" {
            self.declared(cx, heard);
            return;
        }
        if let Some(feature) = asked(&call.method).filter(|feature| self.lacks(cx, heard, *feature)) {
            self.find(
                cx,
                (&rule::UNDECLARED_ANSWER, 2),
                heard,
                feature,
                &format!("The server answered {}", call.method),
            );
        }
        if call.method == "tools/list" {
            self.listed(heard, call.request.shape().inside(Member::Params, &["cursor"]).is_none());
        }
    }

    /// Learns one page of the list of tools.
    fn listed(&mut self, heard: &Heard<'_>, is_first: bool) {
        if is_first {
            self.tools.clear();
        }
        let was_following = is_first || !self.tools.is_empty();
        let Some(page) = heard.tools() else {
            self.has_all = false;
            return;
        };
        for name in page.items().filter_map(|tool| tool.find(&["name"])) {
            if self.tools.len() <= MAX_TOOLS {
                self.tools.insert(digest(&plain(name)));
            }
        }
        let is_last = page.next.is_none_or(|cursor| cursor == b"null");
        self.has_all = was_following && is_last && self.tools.len() <= MAX_TOOLS;
    }

    /// A request for what was not declared, or a server that declares a feature and does not know its list.
    fn refused(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(call) = heard.call else { return };
        let Some(feature) = asked(&call.method) else { return };
        if self.lacks(cx, heard, feature) {
            // What is answered all the same is the server's to declare, and what is refused was the client's to know.
            self.find(cx, (&rule::NOT_OFFERED, 0), heard, feature, &format!("{} was refused", call.method));
        }
        let is_list = matches!(call.method.as_str(), "tools/list" | "prompts/list" | "resources/list");
        let is_offered = self.offers.is_some_and(|offers| offers >> feature & 1 == 1);
        if is_list && is_offered && heard.shape().int(Member::ErrorCode) == Some(-32_601) {
            let text = format!("The server does not know {}, and declared its capability.", call.method);
            cx.find(&rule::NOT_THERE, heard, call.method.clone(), text);
        }
    }

    /// What both sides declared, once the server has.
    fn declared(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(raw) = heard.shape().raw(Member::ServerCapabilities) else { return };
        let mut offers = 0;
        for (bit, (path, _)) in FEATURES.iter().enumerate() {
            let is_there = find(raw, path).is_some_and(|value| value != b"false" && value != b"null");
            offers |= u32::from(is_there) << bit;
        }
        self.offers = Some(offers);
        let extensions = |raw: &[u8]| {
            let mut names = BTreeSet::new();
            if let Some(all) = find(raw, &["extensions"]) {
                each(all, &mut |name, _| {
                    if names.len() < MAX_EXTENSIONS {
                        names.insert(quote(&plain(name)).to_string());
                    }
                });
            }
            names
        };
        let Some(client) = cx.session.client_can.as_ref().filter(|_| !self.has_extensions) else { return };
        let (client, server) = (extensions(client), extensions(raw));
        let alone: Vec<String> = client.symmetric_difference(&server).cloned().collect();
        if !alone.is_empty() {
            self.has_extensions = true;
            let of = |side: &BTreeSet<String>| {
                alone.iter().filter(|name| side.contains(*name)).cloned().collect::<Vec<_>>()
            };
            let says = |who: &str, names: Vec<String>| {
                if names.is_empty() {
                    return String::new();
                }
                format!(" only the {who} names {}", names.join(", "))
            };
            let (ours, theirs) = (says("client", of(&client)), says("server", of(&server)));
            let and = if ours.is_empty() || theirs.is_empty() { "" } else { ";" };
            cx.find(
                &rule::EXTENSION,
                heard,
                alone.join(", "),
                format!("Of the extensions{ours}{and}{theirs}."),
            );
        }
    }
}

/// What a legacy server asks of a client.
fn asked_back(cx: &mut Cx<'_>, heard: &Heard<'_>) {
    let shape = heard.shape();
    let Some(method) = shape.method() else { return };
    if cx.session.partial
        || !matches!(&*method, "sampling/createMessage" | "elicitation/create" | "roots/list")
    {
        return;
    }
    let has_modes = heard.revision >= Some(Revision::V2025_11_25);
    let declares = |path: &[&str]| cx.session.client_declares(path);
    let lacks = |path: &'static [&'static str]| (declares(path) == Some(false)).then(|| path.join("."));
    let param = |name: &str| shape.inside(Member::Params, &[name]);
    let missing = match &*method {
        "roots/list" => lacks(&["roots"]),
        "sampling/createMessage" => {
            let with_tools = has_modes && (param("tools").is_some() || param("toolChoice").is_some());
            lacks(&["sampling"]).or_else(|| if with_tools { lacks(&["sampling", "tools"]) } else { None })
        }
        _ => lacks(&["elicitation"]).or_else(|| {
            let by_url = param("mode").is_some_and(|mode| mode == r#""url""#);
            match (has_modes, by_url) {
                (true, true) => lacks(&["elicitation", "url"]),
                // An empty object means forms, and nothing else.
                (true, false) if declares(&["elicitation", "url"]) == Some(true) => {
                    lacks(&["elicitation", "form"])
                }
                _ => None,
            }
        }),
    };
    if let Some(missing) = missing {
        let text = format!("The server asked {method}, and the client did not declare {missing}.");
        cx.find(&rule::CLIENT_LACKS, heard, &missing, text);
    }
}

fn digest(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
