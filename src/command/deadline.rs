//! Deadlines in arguments: seconds or milliseconds, from now or from 1970.

use super::error::Error;

/// How a number states a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
}

impl Unit {
    /// By SET's and GETEX's option names.
    pub fn of_option(word: &[u8]) -> Option<Unit> {
        let options = [
            ("EX", Unit::Seconds),
            ("PX", Unit::Milliseconds),
            ("EXAT", Unit::UnixSeconds),
            ("PXAT", Unit::UnixMilliseconds),
        ];
        options.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, unit)| unit)
    }

    /// The number as Unix milliseconds; negative where it lies before 1970. `None` on overflow.
    pub fn unix_ms(self, value: i64, now_ms: u64) -> Option<i64> {
        let ms = match self {
            Unit::Seconds | Unit::UnixSeconds => value.checked_mul(1000)?,
            Unit::Milliseconds | Unit::UnixMilliseconds => value,
        };
        match self {
            Unit::Seconds | Unit::Milliseconds => ms.checked_add(i64::try_from(now_ms).ok()?),
            Unit::UnixSeconds | Unit::UnixMilliseconds => Some(ms),
        }
    }
}

/// A deadline that must be positive as it is written, as SET, GETEX and SETEX demand.
pub fn positive(unit: Unit, value: i64, now_ms: u64, command: &str) -> Result<u64, Error> {
    let at = if value > 0 { unit.unix_ms(value, now_ms) } else { None };
    at.and_then(|ms| u64::try_from(ms).ok()).ok_or_else(|| Error::invalid_expire(command))
}
