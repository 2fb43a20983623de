//! What a subscription asks for, or what a server agrees to.

use std::collections::BTreeSet;

use bytes::Bytes;
use tapgate_wire::json::{each, unescape};

use crate::json::{self, quote};

/// Bytes of the names in a filter that are remembered; a filter with more holds any.
const MAX_NAMES: usize = 16 << 10;

/// The switches of a filter, and the notification that each is for.
const SWITCHES: [(&str, &str); 3] = [
    ("toolsListChanged", "notifications/tools/list_changed"),
    ("promptsListChanged", "notifications/prompts/list_changed"),
    ("resourcesListChanged", "notifications/resources/list_changed"),
];

/// The lists of a filter, and the notification that each is for.
const LISTS: [(&str, &str); 2] =
    [("resourceSubscriptions", "notifications/resources/updated"), ("taskIds", "notifications/tasks")];

/// The member of a filter that a notification needs; `None` for notifications that are not subscribed to.
pub(super) fn topic_of(method: &str) -> Option<&'static str> {
    SWITCHES.iter().chain(&LISTS).find(|(_, notification)| *notification == method).map(|(name, _)| *name)
}

/// A filter.
#[derive(Debug, Default)]
pub(super) struct Filter {
    switches: [bool; 3],
    lists: [BTreeSet<Bytes>; 2],
    /// It has more names than are remembered.
    is_cut: bool,
}

impl Filter {
    pub fn of(raw: &[u8]) -> Self {
        let (mut filter, mut n_bytes) = (Self::default(), 0);
        each(raw, &mut |name, value| {
            for ((switch, _), on) in SWITCHES.iter().zip(&mut filter.switches) {
                if json::is(name, switch) {
                    *on = value == b"true";
                }
            }
            for ((list, _), names) in LISTS.iter().zip(&mut filter.lists) {
                if json::is(name, list) {
                    each(value, &mut |_, name| {
                        n_bytes += name.len();
                        if n_bytes <= MAX_NAMES {
                            names.insert(unescape(name).into_owned().into());
                        } else {
                            filter.is_cut = true;
                        }
                    });
                }
            }
        });
        filter
    }

    /// Whether a notification is among what the filter holds; one of a resource also for what is inside of it.
    pub fn holds(&self, method: &str, of: &str) -> bool {
        let switch = SWITCHES.iter().position(|(_, notification)| *notification == method);
        if let Some(place) = switch {
            return self.switches.get(place).copied().unwrap_or_default();
        }
        let list = LISTS.iter().position(|(_, notification)| *notification == method);
        let Some(names) = list.and_then(|place| self.lists.get(place)) else { return true };
        let is_meant = |name: &Bytes| {
            let is_inside = of.as_bytes().starts_with(name.strip_suffix(b"/").unwrap_or(name));
            if list == Some(0) { is_inside } else { name == of }
        };
        // A notification that does not say what it is about is wrong for another reason.
        self.is_cut || (of.is_empty() && !names.is_empty()) || names.iter().any(is_meant)
    }

    /// The first thing that this filter holds and the other does not.
    pub fn beyond(&self, other: &Self) -> Option<String> {
        for ((name, _), (own, other)) in SWITCHES.iter().zip(self.switches.iter().zip(other.switches)) {
            if *own && !other {
                return Some((*name).to_owned());
            }
        }
        if self.is_cut || other.is_cut {
            return None;
        }
        let mut lists = LISTS.iter().zip(self.lists.iter().zip(&other.lists));
        lists.find_map(|((name, _), (own, other))| {
            let more = own.iter().find(|item| !other.contains(*item))?;
            Some(format!("{name} `{}`", quote(more)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn a_filter_with_more_names_than_are_remembered_holds_any_and_is_not_compared() {
        let many: Vec<_> = (0..2000).map(|n| format!("\"file:///{n:08}\"")).collect();
        let many = Filter::of(format!(r#"{{"resourceSubscriptions":[{}]}}"#, many.join(",")).as_bytes());
        let none = Filter::of(b"{}");
        assert!(many.holds("notifications/resources/updated", "file:///else"));
        assert_eq!((many.beyond(&none), none.beyond(&many)), (None, None));
        assert!(!none.holds("notifications/resources/updated", "file:///else"));
    }

    #[test]
    fn resources_are_meant_with_what_is_inside_and_tasks_alone() {
        let filter = Filter::of(br#"{"resourceSubscriptions":["file:///a/"],"taskIds":["t"]}"#);
        for (method, of, expected) in [
            ("notifications/resources/updated", "file:///a/b", true),
            ("notifications/resources/updated", "file:///a", true),
            ("notifications/resources/updated", "file:///b", false),
            ("notifications/tasks", "t", true),
            ("notifications/tasks", "t1", false),
            ("notifications/tools/list_changed", "", false),
        ] {
            assert_eq!(filter.holds(method, of), expected, "{method} {of}");
        }
    }
}
