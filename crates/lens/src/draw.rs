//! Draws pages.

mod json;
mod table;
mod text;
mod waterfall;

pub use json::{escaped, json};
pub use text::text;

/// What a drawing of text needs to know about where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; no line is longer. At least 20 are used.
    pub width: usize,
    /// Whether tones have colours.
    pub colour: Colour,
    /// Now, for ages and for times of another day, in nanoseconds since the Unix epoch.
    pub now: tapgate_wire::record::UnixNanos,
}

/// Whether tones have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// They have none.
    Off,
    /// They have the terminal's own, by ANSI's numbers.
    On,
}

#[cfg(test)]
mod tests;
