//! The one place of this crate that reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tapgate_wire::Nanos;
use tapgate_wire::record::UnixNanos;

/// Counts monotonic nanoseconds from the moment it started, and remembers what the wall clock said then.
///
/// Copies count from the same moment; a process starts one and hands copies to its edges.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    wall_at_start: UnixNanos,
}

impl Clock {
    /// Starts a clock: its [`Nanos`] are 0 now.
    #[expect(clippy::disallowed_methods, reason = "this is where the crate reads the clocks")]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            origin: Instant::now(),
            // Nanoseconds since 1970 fit an i64 until the year 2262.
            wall_at_start: UnixNanos::try_from(wall.as_nanos()).unwrap_or(UnixNanos::MAX),
        }
    }

    /// Says how long the clock has run.
    pub fn now(&self) -> Nanos {
        Nanos(self.origin.elapsed().as_nanos() as u64)
    }

    /// Says what the wall clock said when this clock started; add a [`Nanos`] to get a time of day.
    ///
    /// A wall clock that is set later changes nothing here, so times of one process stay in order.
    pub fn wall_at_start(&self) -> UnixNanos {
        self.wall_at_start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_count_from_the_same_moment_and_never_back() {
        let clock = Clock::start();
        let copy = clock;
        let first = clock.now();
        let second = copy.now();
        assert!(first <= second);
        assert!(clock.wall_at_start() > 1_600_000_000_000_000_000, "nanoseconds, not microseconds");
        assert_eq!(clock.wall_at_start(), copy.wall_at_start());
    }
}
