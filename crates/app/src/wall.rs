//! The one place of this crate that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use tapgate_wire::record::UnixNanos;

/// Now, in nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the wall clock")]
pub fn now() -> UnixNanos {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| UnixNanos::try_from(since.as_nanos()).unwrap_or(UnixNanos::MAX))
}
