//! Numbers as people read them: lengths of time, sizes, times of day.

use tapgate_wire::clock::stamp;
use tapgate_wire::record::UnixNanos;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// A length of time in nanoseconds with three digits and the unit that fits: `350µs`, `1.24ms`, `2m05s`.
pub(crate) fn span(nanos: i64) -> String {
    let n = nanos.max(0) as f64;
    match nanos.max(0) / SECOND {
        0 if nanos <= 0 => "0".to_owned(),
        0 if n < 999.5 => format!("{n}ns"),
        0 if n < 999_500.0 => format!("{}µs", three(n / 1e3)),
        0 if n < 999.5e6 => format!("{}ms", three(n / 1e6)),
        s if s < 60 => format!("{}s", three(n / 1e9)),
        s if s < 3_600 => format!("{}m{:02}s", s / 60, s % 60),
        s if s < 100 * 3_600 => format!("{}h{:02}m", s / 3_600, s % 3_600 / 60),
        s => format!("{}d{:02}h", s / DAY, s % DAY / 3_600),
    }
}

/// A size in bytes: `640 B`, `1.4 KB` (1000 bytes each).
pub(crate) fn size(bytes: u64) -> String {
    let n = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", two(n / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", two(n / 1e6)),
        _ => format!("{} GB", two(n / 1e9)),
    }
}

/// How many of what: `1 retry`, `2 retries`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// How long ago, in one unit: `3s`, `12m`, `5h`, `2d`.
pub(crate) fn ago(nanos: i64) -> String {
    match nanos.max(0) / SECOND {
        0 => "now".to_owned(),
        s if s < 60 => format!("{s}s ago"),
        s if s < 3_600 => format!("{}m ago", s / 60),
        s if s < 48 * 3_600 => format!("{}h ago", s / 3_600),
        s => format!("{}d ago", s / DAY),
    }
}

/// The time of day in UTC with milliseconds, `10:00:00.123`; with the day before it when that is not the day of `now`.
pub(crate) fn clock(at: UnixNanos, now: UnixNanos) -> String {
    let stamp = stamp(at);
    let day = stamp.get(5..10).unwrap_or_default();
    let time = stamp.get(11..23).unwrap_or_default();
    if at.div_euclid(DAY * SECOND) == now.div_euclid(DAY * SECOND) {
        time.to_owned()
    } else {
        format!("{day} {}", time.get(..8).unwrap_or_default())
    }
}

/// The time to the second, for people: `2026-07-28 10:00:00Z`.
pub(crate) fn moment(at: UnixNanos) -> String {
    let stamp = stamp(at);
    format!("{} {}Z", stamp.get(..10).unwrap_or_default(), stamp.get(11..19).unwrap_or_default())
}

fn three(n: f64) -> String {
    let places = if n < 9.995 { 2 } else { usize::from(n < 99.95) };
    format!("{n:.places$}")
}

fn two(n: f64) -> String {
    let places = usize::from(n < 9.95);
    format!("{n:.places$}")
}

#[cfg(test)]
mod tests {
    use super::{SECOND, ago, clock, moment, size, span};

    #[test]
    fn numbers_read_well() {
        for (nanos, text) in [
            (-5, "0"),
            (999, "999ns"),
            (1_234, "1.23µs"),
            (350_000, "350µs"),
            (999_600, "1.00ms"),
            (12_345_678, "12.3ms"),
            (1_500_000_000, "1.50s"),
            (125 * SECOND, "2m05s"),
            (2 * 3_600 * SECOND, "2h00m"),
            (200 * 3_600 * SECOND, "8d08h"),
        ] {
            assert_eq!(span(nanos), text, "{nanos}");
        }
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1_400, "1.4 KB"), (256_000, "256 KB"), (12_000_000, "12 MB")]
        {
            assert_eq!(size(bytes), text, "{bytes}");
        }
        assert_eq!(
            [0, 3, 200, 7_200, 300_000].map(|s| ago(s * SECOND)),
            ["now", "3s ago", "3m ago", "2h ago", "3d ago"]
        );
    }

    #[test]
    fn times_are_utc() {
        let at = 1_785_232_800 * SECOND + 123_456_789;
        assert_eq!(moment(at), "2026-07-28 10:00:00Z");
        assert_eq!(clock(at, at + SECOND), "10:00:00.123");
        assert_eq!(clock(at, at + 86_400 * SECOND), "07-28 10:00:00");
    }
}
