//! Time as a number that travels beside bytes.

use bytes::Bytes;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

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

/// A time in nanoseconds since 1970 as RFC 3339 says it, in UTC: `2026-07-28T10:00:00.123456789Z`.
pub fn stamp(at: i64) -> String {
    let seconds = at.div_euclid(SECOND);
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3_600, of_day % 3_600 / 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:09}Z", at.rem_euclid(SECOND))
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last one.
    let days = days + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + days.div_euclid(146_097) * 400 + i64::from(month <= 2), month, day)
}

/// Seconds since 1970 of a date as HTTP headers write it today: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// RFC 9110, 5.6.7; the two obsolete forms are not read.
pub fn http_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, text) = text.trim().split_once(", ")?;
    let parts: Vec<&str> = text.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let number = |text: &str, width: usize| {
        let is_number = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<i64>().ok()).flatten()
    };
    let month = MONTHS.match_indices(month).find(|(at, found)| at % 3 == 0 && found.len() == 3)?.0 / 3 + 1;
    let (day, year) = (number(day, 2)?, number(year, 4)?);
    let clock: Option<Vec<i64>> = time.split(':').map(|part| number(part, 2)).collect();
    let [hour, minute, second] = clock?.try_into().ok()?;
    let is_real = (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let days = days(year, i64::try_from(month).ok()?, day);
    is_real.then_some(days * DAY + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // As in `date`, years begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4
        - year.rem_euclid(400) / 100
        + of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_utc() {
        assert_eq!(stamp(1_785_232_800 * SECOND + 123_456_789), "2026-07-28T10:00:00.123456789Z");
        assert_eq!(stamp(1_709_164_800 * SECOND), "2024-02-29T00:00:00.000000000Z");
        assert_eq!(stamp(-1), "1969-12-31T23:59:59.999999999Z");
        for (text, at) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 anF 1994 08:49:37 GMT", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, +6 Nov 1994 08:49:37 GMT", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), at, "{text}");
        }
        for day in [-800_000, -1, 0, 59, 60, 18_321, 200_000] {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert!(stamp(i64::MIN).ends_with('Z') && stamp(i64::MAX).ends_with('Z'));
    }
}
