//! The ends of a range: by score, and by member.

/// A score at one end of a range. Infinite where the range is open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBound {
    pub score: f64,
    pub exclusive: bool,
}

impl ScoreBound {
    pub const MIN: Self = Self::inclusive(f64::NEG_INFINITY);
    pub const MAX: Self = Self::inclusive(f64::INFINITY);

    pub const fn inclusive(score: f64) -> Self {
        Self { score, exclusive: false }
    }

    pub const fn exclusive(score: f64) -> Self {
        Self { score, exclusive: true }
    }

    /// A number, with `(` before it where it does not belong to the range itself. `None`: Redis
    /// says "min or max is not a float".
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text {
            [b'(', number @ ..] => parse_lenient(number).map(Self::exclusive),
            number => parse_lenient(number).map(Self::inclusive),
        }
    }

    /// As the lower end of a range: whether a score lies below the range.
    pub fn is_above(&self, score: f64) -> bool {
        score < self.score || (self.exclusive && score == self.score)
    }

    /// As the upper end of a range: whether a score is not above the range.
    pub fn reaches(&self, score: f64) -> bool {
        score < self.score || (!self.exclusive && score == self.score)
    }
}

/// A member at one end of a range in which all scores are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    Min,
    Inclusive(&'a [u8]),
    Exclusive(&'a [u8]),
    Max,
}

impl<'a> LexBound<'a> {
    /// `-`, `+`, or a member after `[` or `(`. `None`: Redis says "min or max not valid string range item".
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            b"-" => Some(Self::Min),
            b"+" => Some(Self::Max),
            [b'[', member @ ..] => Some(Self::Inclusive(member)),
            [b'(', member @ ..] => Some(Self::Exclusive(member)),
            _ => None,
        }
    }

    /// As the lower end of a range: whether a member lies below the range.
    pub fn is_above(&self, member: &[u8]) -> bool {
        match self {
            Self::Min => false,
            Self::Inclusive(bound) => member < *bound,
            Self::Exclusive(bound) => member <= *bound,
            Self::Max => true,
        }
    }

    /// As the upper end of a range: whether a member is not above the range.
    pub fn reaches(&self, member: &[u8]) -> bool {
        match self {
            Self::Min => false,
            Self::Inclusive(bound) => member <= *bound,
            Self::Exclusive(bound) => member < *bound,
            Self::Max => true,
        }
    }
}

/// As C's `strtod`, by which Redis reads bounds: spaces may lead, and nothing at all is zero.
fn parse_lenient(text: &[u8]) -> Option<f64> {
    let text =
        str::from_utf8(text).ok()?.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    if text.is_empty() { Some(0.0) } else { parse_float(text) }
}

/// A number as C writes them: decimal or hexadecimal, or `inf`; but never NaN.
pub fn parse_float(text: &str) -> Option<f64> {
    let (sign, magnitude) = match text.as_bytes() {
        [b'-', ..] => (-1.0, &text[1..]),
        [b'+', ..] => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let magnitude = match magnitude.get(..2) {
        Some("0x" | "0X") => parse_hex(&magnitude[2..])?,
        // Rust would take a second sign.
        _ if magnitude.starts_with(['-', '+']) => return None,
        _ => magnitude.parse::<f64>().ok().filter(|number| !number.is_nan())?,
    };
    Some(sign * magnitude)
}

/// Hexadecimal digits with a point among them, perhaps, and an exponent of two after `p`.
fn parse_hex(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut number = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent = exponent.saturating_sub(4 * i32::try_from(fraction.len()).ok()?);
    (!(whole.is_empty() && fraction.is_empty())).then(|| number * 2f64.powi(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scores_as_redis_does() {
        let inclusive = |score| Some(ScoreBound::inclusive(score));
        for (text, bound) in [
            ("1.5", inclusive(1.5)),
            ("(1.5", Some(ScoreBound::exclusive(1.5))),
            ("-inf", Some(ScoreBound::MIN)),
            ("+inf", Some(ScoreBound::MAX)),
            ("Infinity", Some(ScoreBound::MAX)),
            ("1e400", Some(ScoreBound::MAX)),
            ("0x10", inclusive(16.0)),
            ("-0x.8p1", inclusive(-1.0)),
            ("", inclusive(0.0)),
            ("(", Some(ScoreBound::exclusive(0.0))),
            (" 5", inclusive(5.0)),
            (".5", inclusive(0.5)),
            ("5.", inclusive(5.0)),
            ("5 ", None),
            ("nan", None),
            ("-+1", None),
            ("0x", None),
            ("1_0", None),
            ("((1", None),
            ("[1", None),
        ] {
            assert_eq!(ScoreBound::parse(text.as_bytes()), bound, "{text:?}");
        }
        assert_eq!(ScoreBound::parse(b"\xff"), None);
    }

    #[test]
    fn reads_members_as_redis_does() {
        assert_eq!(LexBound::parse(b"-"), Some(LexBound::Min));
        assert_eq!(LexBound::parse(b"+"), Some(LexBound::Max));
        assert_eq!(LexBound::parse(b"["), Some(LexBound::Inclusive(b"")));
        assert_eq!(LexBound::parse(b"(a"), Some(LexBound::Exclusive(b"a")));
        for text in [&b""[..], b"a", b"-a", b"++"] {
            assert_eq!(LexBound::parse(text), None);
        }
    }
}
