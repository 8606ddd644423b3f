//! What commands share that may wait for a key.

use super::args::parse_float;
use super::error::Error;
use crate::keyspace::{Edit, Stored};

/// A timeout in seconds, as whole milliseconds, rounded up; `None`, for ever, where it is 0. It ends at a time that
/// can be told.
pub fn timeout_ms(word: &[u8], now_ms: u64) -> Result<Option<u64>, Error> {
    let seconds = parse_float(word).ok_or(Error::fixed("ERR timeout is not a float or out of range"))?;
    let ms = (seconds * 1000.0).ceil();
    if ms >= (i64::MAX as u64).saturating_sub(now_ms) as f64 {
        return Err(Error::fixed("ERR timeout is out of range"));
    }
    if ms < 0.0 {
        return Err(Error::fixed("ERR timeout is negative"));
    }
    Ok(Some(ms as u64).filter(|&ms| ms > 0))
}

/// The first of these keys that there is. One of another type is an error, but not to a client that waits already:
/// it goes on waiting for the others.
pub fn first_of<'a, T: Stored>(
    edit: &Edit,
    mut keys: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<&'a [u8]>, Error> {
    let found = keys.find_map(|key| match edit.read::<T>(key) {
        Ok(Some(_)) => Some(Ok(key)),
        Ok(None) => None,
        Err(_) if edit.has_waited() => None,
        Err(wrong) => Some(Err(wrong.into())),
    });
    found.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_counted_in_milliseconds() {
        for (word, ms) in
            [("0", None), ("-0.0", None), ("0.001", Some(1)), ("0.0001", Some(1)), ("2", Some(2000))]
        {
            assert_eq!(timeout_ms(word.as_bytes(), 5), Ok(ms), "{word}");
        }
        for (word, error) in [
            ("-1", "ERR timeout is negative"),
            ("-inf", "ERR timeout is negative"),
            ("inf", "ERR timeout is out of range"),
            ("1e30", "ERR timeout is out of range"),
            ("9223372036854775", "ERR timeout is out of range"),
            ("nan", "ERR timeout is not a float or out of range"),
            ("soon", "ERR timeout is not a float or out of range"),
        ] {
            assert_eq!(timeout_ms(word.as_bytes(), 5), Err(Error::new(error)), "{word}");
        }
    }
}
