//! Messages that are made here.

use std::borrow::Cow;

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::escape_into;
use tapgate_wire::shape::Id;

use crate::bridge::failure;
use crate::bridge::translate::Draft;

/// Why something is not done: an error whose message is made when it leaves.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub code: i64,
    pub text: Cow<'static, str>,
    /// Raw JSON; nothing where there is none.
    pub data: &'static str,
}

impl Refusal {
    pub fn new(code: i64, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into(), data: "" }
    }

    /// Parameters that make no sense.
    pub fn params(text: &'static str) -> Self {
        Self::new(failure::INVALID_PARAMS, text)
    }

    pub fn message(&self) -> Message {
        error(self.code, &self.text, Some(self.data.as_bytes()).filter(|data| !data.is_empty()))
    }
}

/// An error; its id is put in when it leaves.
pub(super) fn error(code: i64, text: &str, data: Option<&[u8]>) -> Message {
    Message::parse(failure::error(None, code, text, data))
}

/// A result; its id is put in when it leaves.
pub(super) fn result(result: &[u8]) -> Message {
    Message::parse(failure::result(None, result))
}

/// A message with another id; the very bytes that it has when that is its id already.
pub(super) fn with_id(message: &Message, id: &Id) -> Message {
    if message.shape().id.as_ref() == Some(id) {
        return message.clone();
    }
    let mut draft = Draft::of(message);
    draft.set(&["id"], &id.0);
    draft.into_message()
}

/// A request with a number as its id.
pub(super) fn request(id: u64, method: &str, params: &[u8]) -> Message {
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":"#);
    Message::parse([head.as_bytes(), params, b"}"].concat().into())
}

/// A notification.
pub(super) fn notification(method: &str, params: &[u8]) -> Message {
    let head = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":"#);
    Message::parse([head.as_bytes(), params, b"}"].concat().into())
}

/// An object with one member that is raw JSON.
pub(super) fn object(name: &str, value: &[u8]) -> Vec<u8> {
    [b"{", string(name).as_slice(), b":", value, b"}"].concat()
}

/// A JSON string.
pub(super) fn string(text: &str) -> Vec<u8> {
    let mut out = vec![b'"'];
    escape_into(text.as_bytes(), &mut out);
    out.push(b'"');
    out
}

/// An error that has the server as its cause.
pub(super) fn failed(server: &str, why: &str) -> Message {
    error(failure::INTERNAL, why, Some(&object("upstream", &string(server))))
}

/// The values of a JSON array.
pub(super) fn values(array: Bytes) -> Vec<Bytes> {
    let mut values = Vec::new();
    Draft::of_value(array).each(&[], &mut |value| {
        values.push(value.clone().into_bytes());
        Some(value)
    });
    values
}
