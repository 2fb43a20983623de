//! Values of JSON, as JSON Schema compares them.

use std::cmp::Ordering;

use serde_json::Value as Json;

/// How much it takes to compare a value.
pub(super) fn weight(value: &Json) -> usize {
    match value {
        Json::String(text) => 1 + text.len() / 256,
        Json::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Json::Object(members) => 1 + members.values().map(weight).sum::<usize>(),
        _ => 1,
    }
}

/// Whether an item is there twice.
pub(super) fn has_twice(items: &[Json]) -> bool {
    items.iter().enumerate().any(|(n, item)| items.iter().skip(n + 1).any(|other| same(item, other)))
}

/// Whether two values mean the same: 1 and 1.0 do, and the order of members does not count.
pub(crate) fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            left == right
                || left.as_f64().partial_cmp(&right.as_f64()) == Some(Ordering::Equal)
                    && (left.is_f64() || right.is_f64())
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

/// The type of a value, with its article.
pub(super) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
