//! The families of rules: one file each, one line each in the list below.

use std::fmt::Debug;

use tapgate_wire::Rule;

use crate::event::{Cx, Event};

/// Rules that need the same memory.
///
/// A family keeps nothing that grows without a bound, and says nothing about what it did not see.
pub(crate) trait Family: Debug + Default + Send {
    /// Hears what happened in its session, and finds.
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>);
}

/// One field for each family: they lie side by side in memory, and are called without a table.
macro_rules! families {
    ($($name:ident: $family:ident),* $(,)?) => {
        $(mod $name;)*

        /// One of each family, for a session.
        #[derive(Debug, Default)]
        pub(crate) struct Families {
            $($name: $name::$family),*
        }

        impl Families {
            /// Tells each what happened.
            pub fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
                $(self.$name.on(cx, event);)*
            }
        }

        /// The rules of each family.
        const RULES: &[&[&Rule]] = &[$($name::RULES),*];
    };
}

// In the order of the manual.
families! {
    frame: Frames,
    pairing: Pairing,
    handshake: Handshakes,
    era: Eras,
    session: Sessions,
    refusal: Refusals,
    resume: Resumption,
    exit: Exits,
    capability: Capabilities,
    header: Headers,
    meta: Meta,
    rounds: Rounds,
    list: Lists,
    cache: Caching,
    request: Requests,
    answer: Answers,
    subscription: Subscriptions,
    progress: Progress,
    task: Tasks,
    timing: Timing,
    retry: Retries,
    auth: Auth,
    schema: Schemas,
    result: Results,
    hidden: Hidden,
    lock: Locked,
    injected: Injected,
}

/// Rules that say exactly what others say in general: where one is found of a message, those are not.
const EXACTER: &[(&str, &[&str])] = &[
    ("handshake.noise", &["frame.not-json"]),
    ("handshake.unanswered", &["track.missing-answer"]),
    ("rpc.missing-id", &["track.answer-without-id"]),
    ("era.future-method", &["capability.client-lacks"]),
    ("era.batch", &["header.on-batch"]),
    ("cancel.other-side", &["track.cancel-unknown"]),
    ("rounds.other-params", &["track.state-unknown"]),
    ("rounds.state-missing", &["track.state-unknown"]),
    ("rounds.state-changed", &["track.state-unknown"]),
];

/// The rules of which a finding says nothing that a finding of this one does not say.
pub(crate) fn said_by(rule: &Rule) -> &'static [&'static str] {
    EXACTER.iter().find(|(exact, _)| *exact == rule.id).map_or(&[], |(_, general)| general)
}

/// Every rule, in the order of the manual.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|rules| rules.iter().copied())
}

#[cfg(test)]
#[test]
fn what_says_more_and_what_says_less_are_rules() {
    for (exact, general) in EXACTER {
        assert!(general.iter().chain([exact]).all(|id| rule(id).is_some()), "{exact} {general:?}");
    }
}

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}
