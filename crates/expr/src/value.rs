//! The values that expressions compute with.

use std::borrow::Cow;

use serde_json::Value as Json;

/// A value of an expression; texts and JSON are borrowed from whoever holds the exchange.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Nothing, as in JSON.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A length of time in nanoseconds.
    Duration(i64),
    /// A point in time in nanoseconds since the Unix epoch.
    Time(i64),
    /// A list.
    List(Vec<Value<'a>>),
    /// A JSON array or object.
    Json(&'a Json),
}

impl<'a> Value<'a> {
    /// A text that is borrowed.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A JSON value; scalars become their own kind, so that `args.n > 3` compares numbers.
    pub fn json(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => number.as_f64().map_or(Self::Null, Self::Double),
            },
            Json::String(text) => Self::text(text),
            Json::Array(_) | Json::Object(_) => Self::Json(json),
        }
    }

    /// What the value is, in the words of messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Duration(_) => "duration",
            Self::Time(_) => "timestamp",
            Self::List(_) | Self::Json(Json::Array(_)) => "list",
            Self::Json(_) => "map",
        }
    }

    /// The same value, borrowed from this one.
    pub(crate) fn borrowed(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::text(text),
            Self::List(items) => Self::List(items.iter().map(Value::borrowed).collect()),
            Self::Null => Self::Null,
            Self::Bool(truth) => Self::Bool(*truth),
            Self::Int(whole) => Self::Int(*whole),
            Self::Double(number) => Self::Double(*number),
            Self::Duration(nanos) => Self::Duration(*nanos),
            Self::Time(nanos) => Self::Time(*nanos),
            Self::Json(json) => Self::Json(json),
        }
    }

    /// The text, if the value is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether `has(field)` holds: neither null nor an empty text or list.
    pub(crate) fn is_present(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            _ => true,
        }
    }
}
