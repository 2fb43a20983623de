//! Protocol revisions.
