//! What is masked, what is not, and that nothing of a secret is left.

mod api;
mod benign;
mod canary;
mod family;
mod property;
mod rules;
mod sample;

use super::{Level, Masker, Outcome};

/// A masker with the key that tests use.
fn masker() -> Masker {
    Masker::new([7; 32], Level::Masked)
}

/// The masked bytes as text.
fn shown(outcome: &Outcome) -> String {
    String::from_utf8_lossy(outcome.masked.bytes()).into_owned()
}
