//! What operators and functions do to values.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value as Json;

use super::{Evaluator, Failure, Found};
use crate::Value;
use crate::ast::Binary;
use crate::check::Function;

impl<'a> Evaluator<'a> {
    /// Applies a function to its arguments; the checker has seen that they are as many as it takes.
    pub(super) fn apply(
        &mut self,
        function: Function,
        first: Value<'a>,
        second: Option<&Value<'a>>,
    ) -> Found<'a> {
        self.spend(super::weight(&first))?;
        match function {
            Function::Size => size(&first),
            Function::Contains => between(&first, second, |text, part| text.contains(part)),
            Function::StartsWith => between(&first, second, |text, part| text.starts_with(part)),
            Function::EndsWith => between(&first, second, |text, part| text.ends_with(part)),
            Function::LowerAscii => cased(&first, str::to_ascii_lowercase),
            Function::UpperAscii => cased(&first, str::to_ascii_uppercase),
            Function::Int => whole(&first),
            Function::Double => number(&first),
            Function::Text => text(first),
            Function::Duration => match first {
                Value::Duration(_) => Ok(first),
                Value::Text(text) => {
                    crate::time::duration(&text).map(Value::Duration).ok_or(Failure::Unreadable)
                }
                other => Err(Failure::Misfit(other.kind())),
            },
            Function::Timestamp => match first {
                Value::Time(_) => Ok(first),
                Value::Text(text) => {
                    crate::time::timestamp(&text).map(Value::Time).ok_or(Failure::Unreadable)
                }
                other => Err(Failure::Misfit(other.kind())),
            },
            Function::Hours => part(&first, 3_600_000_000_000),
            Function::Minutes => part(&first, 60_000_000_000),
            Function::Seconds => part(&first, 1_000_000_000),
            Function::Milliseconds => part(&first, 1_000_000),
        }
    }
}

/// Whether two values that are neither lists nor maps are the same; numbers are compared across their kinds.
pub(super) fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        _ => compared(left, right) == Some(Ordering::Equal),
    }
}

/// Whether the order that `operator` asks for holds; never for what is not a number.
pub(super) fn ordered(operator: Binary, left: &Value<'_>, right: &Value<'_>) -> Result<bool, Failure> {
    let order = match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Double(number), Value::Int(_) | Value::Double(_)) if number.is_nan() => return Ok(false),
        (Value::Int(_) | Value::Double(_), Value::Double(number)) if number.is_nan() => return Ok(false),
        _ => compared(left, right),
    };
    let order = order.ok_or(Failure::Misfit(left.kind()))?;
    Ok(match operator {
        Binary::Less => order.is_lt(),
        Binary::LessOrEqual => order.is_le(),
        Binary::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn compared(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(a), Value::Int(b))
        | (Value::Duration(a), Value::Duration(b))
        | (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Text(a), Value::Text(b)) => Some(a.as_ref().cmp(b.as_ref())),
        _ => None,
    }
}

/// Sums, differences, products, quotients and remainders, within the range of their kind.
pub(super) fn sum<'a>(operator: Binary, left: Value<'a>, right: Value<'a>) -> Found<'a> {
    let plus = operator == Binary::Add;
    let joined =
        |a: i64, b: i64| if plus { a.checked_add(b) } else { a.checked_sub(b) }.ok_or(Failure::Range);
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            let value = match operator {
                Binary::Add => a.checked_add(b),
                Binary::Subtract => a.checked_sub(b),
                Binary::Multiply => a.checked_mul(b),
                Binary::Divide => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            value.map(Value::Int).ok_or(Failure::Range)
        }
        (Value::Double(a), Value::Double(b)) => match operator {
            Binary::Add => Ok(Value::Double(a + b)),
            Binary::Subtract => Ok(Value::Double(a - b)),
            Binary::Multiply => Ok(Value::Double(a * b)),
            Binary::Divide => Ok(Value::Double(a / b)),
            _ => Err(Failure::Misfit("double")),
        },
        (Value::Text(a), Value::Text(b)) if plus => Ok(Value::Text(Cow::Owned(a.into_owned() + &b))),
        (Value::Duration(a), Value::Duration(b)) if additive(operator) => joined(a, b).map(Value::Duration),
        (Value::Time(a), Value::Duration(b)) if additive(operator) => joined(a, b).map(Value::Time),
        (Value::Duration(a), Value::Time(b)) if plus => joined(a, b).map(Value::Time),
        (Value::Time(a), Value::Time(b)) if operator == Binary::Subtract => joined(a, b).map(Value::Duration),
        (a, b) => match (super::list(&a), super::list(&b)) {
            (Some(mut items), Some(more)) if plus => {
                items.extend(more);
                Ok(Value::List(items))
            }
            _ => Err(Failure::Misfit(b.kind())),
        },
    }
}

fn additive(operator: Binary) -> bool {
    matches!(operator, Binary::Add | Binary::Subtract)
}

/// Characters of a text, items of a list, members of a map.
fn size<'a>(value: &Value<'_>) -> Found<'a> {
    let n = match value {
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Json(Json::Array(items)) => items.len(),
        Value::Json(Json::Object(members)) => members.len(),
        other => return Err(Failure::Misfit(other.kind())),
    };
    Ok(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}

fn between<'a>(text: &Value<'_>, part: Option<&Value<'_>>, holds: fn(&str, &str) -> bool) -> Found<'a> {
    let part = part.ok_or(Failure::Missing)?;
    match (text, part) {
        (Value::Text(text), Value::Text(part)) => Ok(Value::Bool(holds(text, part))),
        (Value::Text(_), other) | (other, _) => Err(Failure::Misfit(other.kind())),
    }
}

fn cased<'a>(value: &Value<'_>, change: fn(&str) -> String) -> Found<'a> {
    match value {
        Value::Text(text) => Ok(Value::Text(Cow::Owned(change(text)))),
        other => Err(Failure::Misfit(other.kind())),
    }
}

fn whole<'a>(value: &Value<'_>) -> Found<'a> {
    match value {
        Value::Int(whole) => Ok(Value::Int(*whole)),
        // 2^63 is exact as a double; what is not below it does not fit.
        Value::Double(number) if number.abs() < 9_223_372_036_854_775_808.0 => Ok(Value::Int(*number as i64)),
        Value::Double(_) => Err(Failure::Range),
        Value::Text(text) => text.parse().map(Value::Int).map_err(|_| Failure::Unreadable),
        Value::Time(nanos) => Ok(Value::Int(nanos.div_euclid(1_000_000_000))),
        other => Err(Failure::Misfit(other.kind())),
    }
}

fn number<'a>(value: &Value<'_>) -> Found<'a> {
    match value {
        Value::Int(whole) => Ok(Value::Double(*whole as f64)),
        Value::Double(number) => Ok(Value::Double(*number)),
        Value::Text(text) => text.parse().map(Value::Double).map_err(|_| Failure::Unreadable),
        other => Err(Failure::Misfit(other.kind())),
    }
}

fn text(value: Value<'_>) -> Found<'_> {
    match value {
        Value::Text(_) => Ok(value),
        Value::Int(whole) => Ok(Value::Text(Cow::Owned(whole.to_string()))),
        Value::Double(number) => Ok(Value::Text(Cow::Owned(number.to_string()))),
        Value::Bool(truth) => Ok(Value::text(if truth { "true" } else { "false" })),
        other => Err(Failure::Misfit(other.kind())),
    }
}

/// A duration in whole units, cut off towards zero.
fn part<'a>(value: &Value<'_>, unit: i64) -> Found<'a> {
    match value {
        Value::Duration(nanos) => Ok(Value::Int(nanos / unit)),
        other => Err(Failure::Misfit(other.kind())),
    }
}
