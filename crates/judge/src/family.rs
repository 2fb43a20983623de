//! The families of rules: one file each, one line each in [`FAMILIES`].

mod header;
mod hidden;
mod injected;
mod result;
mod schema;

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
    Row { rules: header::RULES, begin: || Box::<header::Headers>::default() },
    Row { rules: schema::RULES, begin: || Box::<schema::Schemas>::default() },
    Row { rules: result::RULES, begin: || Box::<result::Results>::default() },
    Row { rules: hidden::RULES, begin: || Box::<hidden::Hidden>::default() },
    Row { rules: injected::RULES, begin: || Box::<injected::Injected>::default() },
];

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
