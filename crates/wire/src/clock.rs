//! Time as a number that travels beside bytes.

use bytes::Bytes;

/// Nanoseconds of a monotonic clock since the process started; the edge that read the bytes took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The time from `earlier` to `self` in nanoseconds, 0 if `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Bytes as one read delivered them, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When the edge had read the bytes, before it sent them on.
    pub at: Nanos,
    /// What was read.
    pub bytes: Bytes,
}
