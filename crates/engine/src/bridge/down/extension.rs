//! Extensions of a modern client: which of them a legacy server is told of, once, in its handshake.
//!
//! Spec 2026-07-28, basic/versioning, Extension Negotiation; SEP-2133: legacy peers say them inside `initialize`.

use bytes::Bytes;
use tapgate_wire::json::find;

use crate::bridge::translate::fall::server::{TASKS, entries};
use crate::bridge::translate::rise::client::object;

/// The most bytes of extensions that a server is told of; of a client that declares more it is told none.
const MAX_BYTES: usize = 2048;

/// Whether a request says that its client takes tasks.
///
/// Tasks extension, Capability Negotiation.
pub(super) fn declares_tasks(capabilities: &[u8]) -> bool {
    find(capabilities, &["extensions", TASKS]).is_some_and(|settings| settings.starts_with(b"{"))
}

/// The extensions that a legacy server can be told of, as an object in the order of their names, so that equal sets
/// have equal bytes; nothing when there are none. That of tasks is not among them: it means nothing in 2025-11-25.
pub(super) fn told(capabilities: &Bytes) -> Bytes {
    let all = find(capabilities, &["extensions"]).filter(|all| all.len() <= MAX_BYTES);
    let mut all = all.map(|all| entries(&capabilities.slice_ref(all))).unwrap_or_default();
    all.retain(|(name, settings)| name != TASKS && settings.starts_with(b"{"));
    if all.is_empty() {
        return Bytes::new();
    }
    all.sort();
    object(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(capabilities: &str) -> String {
        String::from_utf8(told(&Bytes::from(capabilities.to_owned())).to_vec()).unwrap()
    }

    #[test]
    fn equal_sets_are_told_alike_and_tasks_never() {
        let told = of(r#"{"extensions":{"b/x":{"n":1.0},"io.modelcontextprotocol/tasks":{},"a/y":{}}}"#);
        assert_eq!(told, r#"{"a/y":{},"b/x":{"n":1.0}}"#);
        assert_eq!(of(r#"{"extensions":{"a/y":{},"b/x":{"n":1.0}}}"#), told);
    }

    #[test]
    fn what_is_none_or_too_much_is_not_told() {
        let many = format!(r#"{{"extensions":{{"a/b":{{"x":"{}"}}}}}}"#, "x".repeat(MAX_BYTES));
        for none in ["{}", "7", r#"{"extensions":[]}"#, r#"{"extensions":{"a/b":true}}"#, &many] {
            assert_eq!(of(none), "", "{none}");
        }
    }

    #[test]
    fn tasks_are_declared_by_an_object() {
        for (settings, is_declared) in [("{}", true), (r#"{"x":1}"#, true), ("true", false), ("[]", false)] {
            let said = format!(r#"{{"extensions":{{"{TASKS}":{settings}}}}}"#);
            assert_eq!(declares_tasks(said.as_bytes()), is_declared, "{settings}");
        }
        assert!(!declares_tasks(br#"{"tasks":{}}"#));
    }
}
