//! How the values of options are read and written. The errors are what CONFIG SET says of them.

use super::address::Address;
use crate::keyspace::event::Classes;
use crate::limits::BIND_MAX;

pub fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

pub fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

/// Addresses between blanks.
pub fn addresses(value: &str) -> Result<Vec<Address>, String> {
    let addresses = value.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>()?;
    match addresses.len() {
        0 => Err("at least one address is needed".into()),
        1..=BIND_MAX => Ok(addresses),
        _ => Err("Too many bind addresses specified.".into()),
    }
}

/// As they are written in a configuration.
pub fn joined(addresses: &[Address]) -> String {
    addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(" ")
}

pub fn number(value: &str, min: i64, max: i64) -> Result<i64, String> {
    let number =
        value.parse::<i64>().map_err(|_| "argument couldn't be parsed into an integer".to_string())?;
    within(number, min, max)
}

pub fn octal(value: &str, max: u32) -> Result<u32, String> {
    let number = u32::from_str_radix(value, 8).ok().filter(|_| !value.starts_with('+'));
    let number = number.ok_or("argument couldn't be parsed as an octal number")?;
    match number <= max {
        true => Ok(number),
        false => Err(format!("argument must be between 0 and {max:o} inclusive")),
    }
}

/// Bytes, perhaps with a unit: `64`, `1k` (1000), `1kb` (1024), `2mb`, `1gb`.
pub fn bytes(value: &str, min: i64, max: i64) -> Result<i64, String> {
    const UNITS: [(&str, i64); 7] = [
        ("kb", 1 << 10),
        ("mb", 1 << 20),
        ("gb", 1 << 30),
        ("k", 1000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("b", 1),
    ];
    let lower = value.to_ascii_lowercase();
    let unit = UNITS.iter().find_map(|(unit, size)| Some((lower.strip_suffix(unit)?, *size)));
    let (digits, size) = unit.unwrap_or((&lower, 1));
    let number = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(size));
    within(number.ok_or("argument must be a memory value")?, min, max)
}

/// A time as a number of the option's own unit, or with one of its own: `90s`, `5m`, `1h`. `unit` is the option's.
pub fn time(value: &str, unit: &'static str, min: i64, max: i64) -> Result<i64, String> {
    const UNITS: [(&str, i64); 6] = [
        ("us", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
        ("d", 86_400_000_000),
    ];
    let length = |unit| UNITS.iter().find(|(name, _)| *name == unit).map(|(_, length)| *length);
    let own = length(unit).expect("each option's unit is in the list");
    let lower = value.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let Some(given) = length(&lower[digits.len()..]).filter(|_| !digits.is_empty()) else {
        return number(value, min, max);
    };
    let total =
        number(digits, i64::MIN, i64::MAX)?.checked_mul(given).ok_or("argument is too long a time")?;
    match total % own {
        0 => within(total / own, min, max),
        _ => Err(format!("argument must be a whole number of {unit}")),
    }
}

fn within(number: i64, min: i64, max: i64) -> Result<i64, String> {
    match (min..=max).contains(&number) {
        true => Ok(number),
        false => Err(format!("argument must be between {min} and {max} inclusive")),
    }
}

/// One of several words, in any case.
pub fn one_of(value: &str, words: &[&'static str]) -> Result<&'static str, String> {
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(value));
    found.copied().ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}

/// Percentages between blanks; none is fine.
pub fn percentiles(value: &str) -> Result<Vec<f64>, String> {
    let numbers: Result<Vec<f64>, _> = value.split_whitespace().map(str::parse).collect();
    let numbers = numbers.map_err(|_| "Invalid latency-tracking-info-percentiles parameters")?;
    match numbers.iter().all(|number| (0.0..=100.0).contains(number)) {
        true => Ok(numbers),
        false => Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into()),
    }
}

/// The letters of `notify-keyspace-events`.
pub fn event_classes(value: &str) -> Result<Classes, String> {
    Classes::parse(value).ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_and_without_a_unit() {
        for (text, value) in
            [("64", 64), ("1k", 1000), ("1KB", 1024), ("3b", 3), ("2gb", 2 << 30), ("-5", -5)]
        {
            assert_eq!(bytes(text, -5, i64::MAX), Ok(value), "{text}");
        }
        for text in ["", "k", "1 kb", "x", "9223372036854775807gb"] {
            assert_eq!(bytes(text, 0, 9), Err("argument must be a memory value".into()), "{text:?}");
        }
        assert!(bytes("10", 0, 9).is_err());
    }

    #[test]
    fn times_with_and_without_a_unit() {
        for (text, unit, value) in [
            ("300", "s", 300),
            ("5m", "s", 300),
            ("30S", "s", 30),
            ("2000ms", "s", 2),
            ("1h", "ms", 3_600_000),
            ("10ms", "us", 10_000),
            ("1d", "s", 86_400),
            ("-1", "us", -1),
        ] {
            assert_eq!(time(text, unit, -1, i64::MAX), Ok(value), "{text} in {unit}");
        }
        assert_eq!(time("1500ms", "s", 0, 9), Err("argument must be a whole number of s".into()));
        assert_eq!(time("1m", "s", 0, 9), Err("argument must be between 0 and 9 inclusive".into()));
        for text in ["", "s", "5 m", "5x", "1.5s", "m5"] {
            let why = "argument couldn't be parsed into an integer".to_string();
            assert_eq!(time(text, "s", 0, 9), Err(why), "{text:?}");
        }
        assert!(time("9223372036854775807d", "s", 0, 9).is_err());
    }

    #[test]
    fn percentiles_lie_between_0_and_100() {
        assert_eq!(percentiles("0.0 50.0  100"), Ok(vec![0.0, 50.0, 100.0]));
        assert_eq!(percentiles(""), Ok(vec![]));
        for text in ["10.0 50.0 a", "101.0", "-1", "nan"] {
            assert!(percentiles(text).is_err(), "{text}");
        }
    }
}
