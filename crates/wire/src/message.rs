//! A message keeps its bytes; a change is a splice.

use bytes::Bytes;

use crate::shape::Shape;

/// One message: the bytes as they came, their shape, and the edits that tapgate decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    raw: Bytes,
    shape: Shape,
}
