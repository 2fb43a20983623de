//! JSON, read without loss.
