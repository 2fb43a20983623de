//! What changed between two JSON Schemas, for those who send what the schema describes or read it.

use std::collections::BTreeSet;

use super::Value;
use super::drift::{Class, Pen, members};

/// Who has to keep to the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The client sends it: what is refused now and was not before breaks it.
    In,
    /// The server sends it: what comes now and did not before breaks who reads it.
    Out,
}

/// How a keyword changed what the schema accepts.
enum Turn {
    /// It accepts less.
    Tighter,
    /// It accepts more.
    Looser,
    /// It accepts something else.
    Other,
    /// It accepts the same.
    Same,
}

impl Direction {
    fn class(self, turn: &Turn) -> Class {
        match (self, turn) {
            (_, Turn::Same) => Class::Cosmetic,
            (Self::In, Turn::Looser) | (Self::Out, Turn::Tighter) => Class::Compatible,
            _ => Class::Breaking,
        }
    }
}

/// Notes what changed between two schemas at `path`.
pub(super) fn compare(pen: &mut Pen<'_>, direction: Direction, path: &str, was: &Value, now: &Value) {
    if was.members().is_none() || now.members().is_none() {
        // A schema may be `true` or `false`.
        let turn = match (was, now) {
            (Value::Word("true"), _) | (_, Value::Word("false")) => Turn::Tighter,
            (Value::Word("false"), _) | (_, Value::Word("true")) => Turn::Looser,
            _ => Turn::Other,
        };
        return pen.changed(direction.class(&turn), path, Some(was), Some(now));
    }
    let known = |name: &str| {
        (
            was.get("properties").and_then(|all| all.get(name)),
            now.get("properties").and_then(|all| all.get(name)),
        )
    };
    members(was, now, &mut |name, one, other| {
        let path = join(path, name);
        match name {
            "description" | "$comment" => pen.told(&path, one, other),
            "title" | "$schema" | "$id" | "deprecated" | "readOnly" | "writeOnly" => {
                pen.changed(Class::Cosmetic, &path, one, other);
            }
            "properties" | "patternProperties" => properties(pen, direction, &path, (one, other), now),
            "required" => required(pen, direction, &path, (one, other), &|name| {
                // What is new or gone is told where it stands.
                matches!(known(name), (Some(_), Some(_)) | (None, None))
            }),
            "$defs" | "definitions" | "dependentSchemas" => definitions(pen, direction, &path, one, other),
            "type" => {
                let turn = sets(&types(one), &types(other), one.is_none(), other.is_none());
                pen.changed(direction.class(&turn), &path, one, other);
            }
            "enum" => {
                let turn = sets(&listed(one), &listed(other), one.is_none(), other.is_none());
                pen.changed(direction.class(&turn), &path, one, other);
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                choices(pen, direction, &path, one, other, name == "allOf");
            }
            "items"
            | "additionalProperties"
            | "contains"
            | "propertyNames"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "additionalItems" => {
                let anything = Value::Word("true");
                compare(pen, direction, &path, one.unwrap_or(&anything), other.unwrap_or(&anything));
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains" => {
                pen.changed(direction.class(&bound(one, other, true)), &path, one, other);
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" | "maxContains" => {
                pen.changed(direction.class(&bound(one, other, false)), &path, one, other);
            }
            "const" | "pattern" | "format" | "multipleOf" | "uniqueItems" | "not" | "if" | "then"
            | "else" | "$ref" | "$dynamicRef" | "dependentRequired" | "contentEncoding"
            | "contentMediaType" | "x-mcp-header" => {
                let turn = match (one, other) {
                    (None, _) => Turn::Tighter,
                    (_, None) => Turn::Looser,
                    _ => Turn::Other,
                };
                pen.changed(direction.class(&turn), &path, one, other);
            }
            // Also `default` and `examples`, which models copy into what they send.
            _ => pen.changed(Class::ChangedText, &path, one, other),
        }
    });
}

/// A path one member longer.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn properties(
    pen: &mut Pen<'_>,
    direction: Direction,
    path: &str,
    (was, now): (Option<&Value>, Option<&Value>),
    schema: &Value,
) {
    let none = Value::object([]);
    members(was.unwrap_or(&none), now.unwrap_or(&none), &mut |name, one, other| {
        let path = join(path, name);
        match (one, other) {
            (Some(one), Some(other)) => compare(pen, direction, &path, one, other),
            (Some(_), None) => pen.changed(Class::Breaking, &path, one, other),
            (None, _) => {
                let is_required = listed(schema.get("required")).contains(&Value::text(name));
                let breaks = direction == Direction::In && is_required;
                if breaks {
                    pen.note(Class::Breaking, &path, "added, required", one, other);
                } else {
                    pen.changed(Class::Compatible, &path, one, other);
                }
            }
        }
    });
}

fn required(
    pen: &mut Pen<'_>,
    direction: Direction,
    path: &str,
    (was, now): (Option<&Value>, Option<&Value>),
    is_told: &dyn Fn(&str) -> bool,
) {
    let (old, new) = (listed(was), listed(now));
    for (name, turn) in old
        .difference(&new)
        .map(|name| (name, Turn::Looser))
        .chain(new.difference(&old).map(|name| (name, Turn::Tighter)))
    {
        let Some(name) = name.as_str().filter(|name| is_told(name)) else { continue };
        let (was, now) = match turn {
            Turn::Looser => (Some(Value::text(&*name)), None),
            _ => (None, Some(Value::text(&*name))),
        };
        pen.changed(direction.class(&turn), path, was.as_ref(), now.as_ref());
    }
    if old == new {
        pen.changed(Class::Cosmetic, path, was, now);
    }
}

fn definitions(
    pen: &mut Pen<'_>,
    direction: Direction,
    path: &str,
    was: Option<&Value>,
    now: Option<&Value>,
) {
    let none = Value::object([]);
    members(was.unwrap_or(&none), now.unwrap_or(&none), &mut |name, one, other| {
        let path = join(path, name);
        match (one, other) {
            (Some(one), Some(other)) => compare(pen, direction, &path, one, other),
            // Whether anybody uses it is told by the `$ref` that came or went.
            _ => pen.changed(Class::Compatible, &path, one, other),
        }
    });
}

/// Compares alternatives, or with `all` what must hold together: by value, and by place where their number is the same.
fn choices(
    pen: &mut Pen<'_>,
    direction: Direction,
    path: &str,
    was: Option<&Value>,
    now: Option<&Value>,
    all: bool,
) {
    let of = |value: Option<&Value>| value.and_then(Value::items).unwrap_or_default().to_vec();
    let (old, new) = (of(was), of(now));
    let (gone, come): (Vec<_>, Vec<_>) = (
        old.iter().filter(|item| !new.contains(item)).collect(),
        new.iter().filter(|item| !old.contains(item)).collect(),
    );
    if gone.is_empty() && come.is_empty() {
        return pen.changed(Class::Cosmetic, path, was, now);
    }
    if old.len() == new.len() && was.is_some() && now.is_some() {
        for (n, (one, other)) in old.iter().zip(&new).enumerate() {
            if one != other {
                compare(pen, direction, &join(path, &n.to_string()), one, other);
            }
        }
        return;
    }
    // No alternatives at all accept everything.
    let turn = match (gone.is_empty(), come.is_empty()) {
        _ if was.is_none() => Turn::Tighter,
        _ if now.is_none() => Turn::Looser,
        (false, false) => Turn::Other,
        (true, _) => {
            if all {
                Turn::Tighter
            } else {
                Turn::Looser
            }
        }
        (_, true) => {
            if all {
                Turn::Looser
            } else {
                Turn::Tighter
            }
        }
    };
    pen.changed(direction.class(&turn), path, was, now);
}

/// How a set of what is accepted changed; one that is not given accepts everything.
fn sets(was: &BTreeSet<Value>, now: &BTreeSet<Value>, was_any: bool, now_any: bool) -> Turn {
    match (was_any, now_any) {
        (true, _) => Turn::Tighter,
        (_, true) => Turn::Looser,
        _ if now == was => Turn::Same,
        _ if now.is_superset(was) => Turn::Looser,
        _ if was.is_superset(now) => Turn::Tighter,
        _ => Turn::Other,
    }
}

fn listed(list: Option<&Value>) -> BTreeSet<Value> {
    list.and_then(Value::items).unwrap_or_default().iter().cloned().collect()
}

/// The types that a schema accepts; every integer is a number.
fn types(value: Option<&Value>) -> BTreeSet<Value> {
    let mut types = match value {
        Some(one @ Value::Text(_)) => BTreeSet::from([one.clone()]),
        other => listed(other),
    };
    if types.contains(&Value::text("number")) {
        types.insert(Value::text("integer"));
    }
    types
}

fn bound(was: Option<&Value>, now: Option<&Value>, is_least: bool) -> Turn {
    let read = |value: Option<&Value>| match value {
        Some(Value::Number(digits)) => digits.parse::<f64>().ok(),
        _ => None,
    };
    match (was, now) {
        (None, _) => Turn::Tighter,
        (_, None) => Turn::Looser,
        _ => match (read(was), read(now)) {
            (Some(was), Some(now)) if was < now => {
                if is_least {
                    Turn::Tighter
                } else {
                    Turn::Looser
                }
            }
            (Some(was), Some(now)) if was > now => {
                if is_least {
                    Turn::Looser
                } else {
                    Turn::Tighter
                }
            }
            _ => Turn::Other,
        },
    }
}
