//! Durations and timestamps as CEL writes them.

const SECOND: i64 = 1_000_000_000;

/// Reads a CEL duration: numbers with units, as in `1h30m`, `-1.5s`, `250ms`; also `d` for days, as the short form does.
///
/// Returns nanoseconds, or `None` if the text is no duration or does not fit.
pub fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let units = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(units)?;
        let scale = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3_600 * SECOND,
            "d" => 86_400 * SECOND,
            _ => return None,
        };
        sum = sum.checked_add(scaled(number, scale)?)?;
        rest = next;
    }
    Some(sign * sum)
}

/// Reads a decimal number times `scale`, exactly; digits below one are cut off.
pub(crate) fn scaled(number: &str, scale: i64) -> Option<i64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || part.contains('.') {
        return None;
    }
    let mut value = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.checked_mul(scale)? };
    let mut step = scale;
    for digit in part.chars() {
        step /= 10;
        value = value.checked_add(i64::from(digit.to_digit(10)?) * step)?;
    }
    Some(value)
}

/// Reads an RFC 3339 timestamp, as in `2026-07-28T10:00:00.5Z` or `…+02:00`; nanoseconds since the Unix epoch.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone)?;
    let mut clock = clock.splitn(3, ':');
    let (hour, minute) = (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    let second = clock.next()?;
    let (whole, part) = second.split_once('.').unwrap_or((second, "0"));
    if part.is_empty() || hour > 23 || minute > 59 {
        return None;
    }
    let nanos = digits(whole, 2).filter(|s| *s < 60)? * SECOND + scaled(&format!("0.{part}"), SECOND)?;
    let seconds = days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 - offset(zone)?;
    seconds.checked_mul(SECOND)?.checked_add(nanos)
}

fn digits(text: &str, n: usize) -> Option<i64> {
    (text.len() == n && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The zone's distance from UTC in seconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > longest {
        return None;
    }
    // Years begin in March here, so that the leap day is the last one.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (m * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::{SECOND, duration, timestamp};

    #[test]
    fn durations_are_read_exactly() {
        for (text, nanos) in [
            ("1s", Some(SECOND)),
            ("250ms", Some(250_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("1h30m", Some(5_400 * SECOND)),
            ("-2m", Some(-120 * SECOND)),
            ("0", Some(0)),
            ("7d", Some(604_800 * SECOND)),
            (".5s", Some(500_000_000)),
            ("3µs", Some(3_000)),
            ("1", None),
            ("s", None),
            ("1.2.3s", None),
            ("", None),
            ("-", None),
            ("99999999999h", None),
            ("1é", None),
        ] {
            assert_eq!(duration(text), nanos, "{text}");
        }
    }

    #[test]
    fn timestamps_are_read_exactly() {
        for (text, nanos) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-07-28T10:00:00Z", Some(1_785_232_800 * SECOND)),
            ("2026-07-28T12:00:00+02:00", Some(1_785_232_800 * SECOND)),
            ("2024-02-29T00:00:00.25Z", Some(1_709_164_800 * SECOND + 250_000_000)),
            ("1969-12-31T23:59:59Z", Some(-SECOND)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-07-28T10:00:00", None),
            ("2026-07-28 10:00:00Z", None),
            ("2026-07-28T10:00:60Z", None),
            ("9999-12-31T00:00:00Z", None),
            ("2026-07-28T10:00:00.Z", None),
            ("T", None),
        ] {
            assert_eq!(timestamp(text), nanos, "{text}");
        }
    }
}
