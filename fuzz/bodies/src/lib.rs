//! What the fuzz targets do with their input, as plain functions, so that every test run replays the corpus.
//!
//! *Promises*: a body panics if and only if a property does not hold; the same input gives the same outcome.
//!
//! To add a target: a function, a line in [`TARGETS`], and a folder in `fuzz/corpus/` with a first input.

mod cut;
mod filter;
mod framing;
mod mask;
mod shape;
mod sse;

#[cfg(test)]
mod tests;

/// Holds the properties of one target against an input.
pub type Body = fn(&[u8]);

/// Every target by its name, which is also the name of its folder in `fuzz/corpus/`.
pub const TARGETS: &[(&str, Body)] = &[
    ("filter", filter::run),
    ("framing", framing::run),
    ("mask", mask::run),
    ("shape", shape::run),
    ("sse", sse::run),
];
