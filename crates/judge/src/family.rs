//! The families of rules: one file each, one line each in [`FAMILIES`].

mod answer;
mod auth;
mod cache;
mod capability;
mod era;
mod exit;
mod frame;
mod handshake;
mod header;
mod hidden;
mod injected;
mod list;
mod lock;
mod meta;
mod pairing;
mod progress;
mod request;
mod result;
mod resume;
mod retry;
mod rounds;
mod schema;
mod session;
mod subscription;
mod task;
mod timing;

use std::fmt::Debug;

use tapgate_wire::Rule;

use crate::event::{Cx, Event};

/// Rules that need the same memory.
///
/// A family keeps nothing that grows without a bound, and says nothing about what it did not see.
pub(crate) trait Family: Debug + Send {
    /// Hears what happened in its session, and finds.
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>);
}

/// A family's rules, and how one of it begins for a session.
struct Row {
    rules: &'static [&'static Rule],
    begin: fn() -> Box<dyn Family>,
}

/// Every family, in the order of the manual.
const FAMILIES: &[Row] = &[
    Row { rules: frame::RULES, begin: || Box::<frame::Frames>::default() },
    Row { rules: pairing::RULES, begin: || Box::<pairing::Pairing>::default() },
    Row { rules: handshake::RULES, begin: || Box::<handshake::Handshakes>::default() },
    Row { rules: era::RULES, begin: || Box::<era::Eras>::default() },
    Row { rules: session::RULES, begin: || Box::<session::Sessions>::default() },
    Row { rules: resume::RULES, begin: || Box::<resume::Resumption>::default() },
    Row { rules: exit::RULES, begin: || Box::<exit::Exits>::default() },
    Row { rules: capability::RULES, begin: || Box::<capability::Capabilities>::default() },
    Row { rules: header::RULES, begin: || Box::<header::Headers>::default() },
    Row { rules: meta::RULES, begin: || Box::<meta::Meta>::default() },
    Row { rules: rounds::RULES, begin: || Box::<rounds::Rounds>::default() },
    Row { rules: list::RULES, begin: || Box::<list::Lists>::default() },
    Row { rules: cache::RULES, begin: || Box::<cache::Caching>::default() },
    Row { rules: request::RULES, begin: || Box::<request::Requests>::default() },
    Row { rules: answer::RULES, begin: || Box::<answer::Answers>::default() },
    Row { rules: subscription::RULES, begin: || Box::<subscription::Subscriptions>::default() },
    Row { rules: progress::RULES, begin: || Box::<progress::Progress>::default() },
    Row { rules: task::RULES, begin: || Box::<task::Tasks>::default() },
    Row { rules: timing::RULES, begin: || Box::<timing::Timing>::default() },
    Row { rules: retry::RULES, begin: || Box::<retry::Retries>::default() },
    Row { rules: auth::RULES, begin: || Box::<auth::Auth>::default() },
    Row { rules: schema::RULES, begin: || Box::<schema::Schemas>::default() },
    Row { rules: result::RULES, begin: || Box::<result::Results>::default() },
    Row { rules: hidden::RULES, begin: || Box::<hidden::Hidden>::default() },
    Row { rules: lock::RULES, begin: || Box::<lock::Locked>::default() },
    Row { rules: injected::RULES, begin: || Box::<injected::Injected>::default() },
];

/// Rules that say exactly what others say in general: where one is found of a message, those are not.
const EXACTER: &[(&str, &[&str])] = &[
    ("handshake.noise", &["frame.not-json"]),
    ("rpc.missing-id", &["track.answer-without-id"]),
    ("era.future-method", &["capability.client-lacks"]),
    ("era.batch", &["header.on-batch"]),
    ("cancel.other-side", &["track.cancel-unknown"]),
    ("rounds.other-params", &["track.state-unknown"]),
    ("rounds.state-missing", &["track.state-unknown"]),
    ("rounds.state-changed", &["track.state-unknown"]),
];

/// Whether a finding of one rule says all that a finding of the other says, and more.
pub(crate) fn is_exacter(one: &Rule, other: &Rule) -> bool {
    EXACTER.iter().any(|(exact, general)| *exact == one.id && general.contains(&other.id))
}

/// One of each family, for a new session.
pub(crate) fn all() -> Vec<Box<dyn Family>> {
    FAMILIES.iter().map(|row| (row.begin)()).collect()
}

/// Every rule, in the order of the manual.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|row| row.rules.iter().copied())
}

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}
