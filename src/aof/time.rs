//! Unix milliseconds as people write them: `2026-01-31T23:59:59.250Z` (RFC 3339).

/// Reads Unix milliseconds or an RFC 3339 time, with any offset from UTC.
pub fn parse(text: &str) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    let valid = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
    // A leap second is the first of the next minute.
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_ms, zone) = parse_fraction(rest)?;
    let seconds = days_from_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from((seconds - parse_zone(zone)?) * 1000 + fraction_ms).ok()
}

fn fields(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Splits `.25Z` into 250 ms and `Z`.
fn parse_fraction(text: &str) -> Option<(i64, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = text.find(|char: char| !char.is_ascii_digit())?;
    let (digits, zone) = text.split_at(end);
    let ms = format!("{:0<3.3}", digits).parse().ok()?;
    (!digits.is_empty()).then_some((ms, zone))
}

/// Seconds east of Greenwich.
fn parse_zone(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, offset) = text.split_at_checked(1)?;
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let [hours, minutes, _] = fields(&format!("{offset}:00"), ':', [2, 2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn days_before_year(year: i64) -> i64 {
    let last = year - 1;
    last * 365 + last / 4 - last / 100 + last / 400
}

fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    days_before_year(year) - days_before_year(1970) + months + day - 1
}

/// RFC 3339, in UTC, with milliseconds.
pub fn format(unix_ms: u64) -> String {
    let (seconds, ms) = (unix_ms / 1000, unix_ms % 1000);
    let (mut day, second) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Never too late, and at most a year too early.
    let mut year = 1970 + day / 366;
    while days_from_epoch(year + 1, 1, 1) <= day {
        year += 1;
    }
    day -= days_from_epoch(year, 1, 1);
    let mut month = 1;
    while day >= days_in(year, month) {
        day -= days_in(year, month);
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        for (text, ms) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T12:00:00.000Z", 951_825_600_000),
            ("2025-11-23T08:20:00.123Z", 1_763_886_000_123),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
        ] {
            assert_eq!(format(ms), text);
            assert_eq!(parse(text), Some(ms));
        }
        assert_eq!(parse("1763886000123"), Some(1_763_886_000_123));
        assert_eq!(parse("2025-11-23 10:20:00.1234+02:00"), Some(1_763_886_000_123));
        assert_eq!(parse("2025-11-23T03:50:00-04:30"), Some(1_763_886_000_000));
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2025-11-23",
            "2025-11-23T08:20:00",
            "2025-02-29T08:20:00Z",
            "2025-13-01T08:20:00Z",
            "2025-11-23T24:20:00Z",
            "2025-11-23T08:20:00.Z",
            "2025-11-23T08:20:00+2:00",
            "1969-12-31T23:59:59Z",
            "2025-11-23Té8:20:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_round_trips(ms in 0..253_402_300_800_000u64) {
            prop_assert_eq!(parse(&format(ms)), Some(ms));
        }
    }
}
