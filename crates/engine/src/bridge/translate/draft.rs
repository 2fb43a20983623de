//! A message under change: every byte that no change concerns stays as it came.

use bytes::Bytes;
use tapgate_wire::Message;

/// A JSON document and the changes made to it. Paths are names of members from the root on.
#[derive(Clone, Debug)]
pub struct Draft {
    bytes: Bytes,
}

impl Draft {
    /// Begins with a message.
    pub fn of(message: &Message) -> Self {
        Self { bytes: message.to_wire() }
    }

    /// Begins with any JSON value, such as one member of a message.
    pub fn of_value(value: Bytes) -> Self {
        Self { bytes: value }
    }

    /// The raw JSON at a path, with the changes so far.
    pub fn get(&self, path: &[&str]) -> Option<Bytes> {
        let _ = path;
        None
    }

    /// Sets the member at a path to raw JSON: replaces its value, or adds it as the last member; objects that are
    /// missing on the way are made. Does nothing where the path leads through something that is no object.
    pub fn set(&mut self, path: &[&str], json: &[u8]) {
        let _ = (path, json, &self);
    }

    /// Removes the member at a path with all its repeats, if it is there.
    pub fn remove(&mut self, path: &[&str]) {
        let _ = (path, &self);
    }

    /// Changes each item of the array at a path; `None` takes the item out.
    pub fn each(&mut self, path: &[&str], change: &mut dyn FnMut(Draft) -> Option<Draft>) {
        let _ = (path, change, &self);
    }

    /// The document with the changes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The document as a message.
    pub fn into_message(self) -> Message {
        Message::parse(self.bytes)
    }
}
