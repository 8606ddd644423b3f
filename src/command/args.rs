//! One argument cursor for every handler.
//!
//! A handler asks for the next key, number or keyword in turn. The first mistake is latched and everything after
//! it reads as empty, so a handler looks once, at the end: [`Args::finish`] where nothing may be left over.

use super::error::{Done, Error};
use crate::protocol::{Form, Words};

pub struct Args<'a> {
    words: Words<'a>,
    next: usize,
    error: Option<Error>,
}

impl<'a> Args<'a> {
    /// Stands behind the command's name.
    pub fn new(words: Words<'a>) -> Args<'a> {
        Args { words, next: 1, error: None }
    }

    /// Stands behind a subcommand's name.
    pub fn of_subcommand(words: Words<'a>) -> Args<'a> {
        Args { words, next: 2, error: None }
    }

    pub fn form(&self) -> Form {
        self.words.form()
    }

    /// All words, the command's name included.
    pub fn words(&self) -> Words<'a> {
        self.words
    }

    /// How many words are left.
    pub fn left(&self) -> usize {
        self.words.len().saturating_sub(self.next)
    }

    pub fn is_done(&self) -> bool {
        self.left() == 0
    }

    /// The next word; a missing one is a syntax error.
    #[expect(clippy::should_implement_trait, reason = "a cursor that latches errors is no iterator")]
    pub fn next(&mut self) -> &'a [u8] {
        if self.is_done() {
            self.fail(Error::SYNTAX);
            return b"";
        }
        self.next += 1;
        self.words.get(self.next - 1)
    }

    pub fn peek(&self) -> Option<&'a [u8]> {
        (!self.is_done()).then(|| self.words.get(self.next))
    }

    /// Takes the next word if it is this keyword, in any case.
    pub fn keyword(&mut self, word: &str) -> bool {
        let matches = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        self.next += usize::from(matches);
        matches
    }

    /// Takes the next two words if the first is this keyword and another follows.
    pub fn keyword_and_value(&mut self, word: &str) -> Option<&'a [u8]> {
        if self.left() < 2 || !self.keyword(word) {
            return None;
        }
        Some(self.next())
    }

    pub fn int(&mut self) -> i64 {
        self.int_or(Error::NOT_AN_INTEGER)
    }

    /// An integer whose sign can be turned: Redis refuses the smallest one where it means a count from either side.
    pub fn long(&mut self) -> i64 {
        const OUT_OF_RANGE: Error = Error::fixed(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        );
        let value = self.int();
        if value == i64::MIN {
            self.fail(OUT_OF_RANGE);
        }
        value
    }

    pub fn int_or(&mut self, error: Error) -> i64 {
        let word = self.next();
        parse_int(word).unwrap_or_else(|| {
            self.fail(error);
            0
        })
    }

    /// An integer in a range; outside it, or no integer at all, is the same error.
    pub fn int_in(&mut self, range: std::ops::RangeInclusive<i64>, error: Error) -> i64 {
        let value = self.int_or(error.clone());
        if !range.contains(&value) {
            self.fail(error);
        }
        value
    }

    pub fn float(&mut self) -> f64 {
        self.float_or(Error::NOT_A_FLOAT)
    }

    pub fn float_or(&mut self, error: Error) -> f64 {
        let word = self.next();
        parse_float(word).unwrap_or_else(|| {
            self.fail(error);
            0.0
        })
    }

    /// The words that are left; they count as taken.
    pub fn rest(
        &mut self,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone + use<'a> {
        let from = self.next.min(self.words.len());
        self.next = self.words.len();
        self.words.iter().skip(from)
    }

    /// Latches an error, unless one is latched already.
    pub fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// The first mistake so far.
    pub fn check(&mut self) -> Done {
        self.error.take().map_or(Ok(()), Err)
    }

    /// The first mistake so far, or a syntax error where words are left over.
    pub fn finish(&mut self) -> Done {
        if !self.is_done() {
            self.fail(Error::SYNTAX);
        }
        self.check()
    }
}

/// Redis's `string2ll`: an optional minus and digits, no leading zero or plus, within 64 bits.
pub fn parse_int(word: &[u8]) -> Option<i64> {
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [] | [b'0', ..] => return None,
        _ if digits.len() > 19 => return None,
        _ => {}
    }
    let mut value = 0i128;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i128::from(digit - b'0');
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

/// A floating point number as `strtod` takes it, without space around it; NaN is no number.
pub fn parse_float(word: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(word).ok()?;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let value = u64::from_str_radix(hex, 16).ok()? as f64;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    text.parse::<f64>().ok().filter(|value| !value.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OwnedWords;

    #[test]
    fn integers_as_redis_reads_them() {
        for (text, value) in
            [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(parse_int(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "9223372036854775808", "1e3", "abc"] {
            assert_eq!(parse_int(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn floats_as_redis_reads_them() {
        for (text, value) in [("1.5", 1.5), ("-inf", f64::NEG_INFINITY), ("1e3", 1000.0), ("0x10", 16.0)] {
            assert_eq!(parse_float(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "nan", " 1", "1 ", "abc", "1.2.3"] {
            assert_eq!(parse_float(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_first_mistake_is_the_one_reported() {
        let words = OwnedWords::from_words(["set", "x", "y"]);
        let mut args = Args::new(words.words());
        assert_eq!(args.int(), 0);
        args.fail(Error::NO_SUCH_KEY);
        assert_eq!(args.finish(), Err(Error::NOT_AN_INTEGER));
    }
}
