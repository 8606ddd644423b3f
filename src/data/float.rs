//! Sums of decimal texts, digit for digit as Redis prints them: INCRBYFLOAT and HINCRBYFLOAT.
//!
//! Redis adds in the 80-bit floating point of x86 and prints 17 digits behind the point, less the zeros at the end.
//! Doubles give other digits (`0.1 + 0.2`), so this is that arithmetic, exactly:
//!
//! ```text
//!   "10.5" --parse--> mantissa (64 bits, the highest is 1) * 2^exponent --plus--> rounded to 64 bits --> "10.6"
//! ```
//!
//! Rounding is to nearest, ties to even, at each of the three steps.

use std::fmt;

/// A number of 64 significant bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    /// Normalised: the highest bit is set, except in zero.
    mantissa: u64,
    /// [`INFINITE`] for infinity.
    exponent: i32,
}

const ZERO: Extended = Extended { negative: false, mantissa: 0, exponent: 0 };
const INFINITE: i32 = i32::MAX;
/// Of the largest finite number and of the smallest that is not zero.
const EXPONENT_MAX: i32 = 16383 - 63;
const EXPONENT_MIN: i32 = -16445 - 63;
/// Longer texts are no numbers. Redis: `MAX_LONG_DOUBLE_CHARS`.
const TEXT_MAX: usize = 5 << 10;
/// No exponent beyond this can be made up for by the [`TEXT_MAX`] digits before it.
const WRITTEN_EXPONENT_MAX: i64 = 1_000_000;
/// A number with its first digit beyond these powers of ten is infinite or zero for sure.
const DECIMAL_POINT_MAX: i64 = 5000;

const FRACTION_DIGITS: usize = 17;
const FRACTION: u128 = 10u128.pow(FRACTION_DIGITS as u32);
/// The largest power of ten in a limb.
const LIMB_DIGITS: u32 = 19;

impl Extended {
    /// A number as `strtold` reads it, hexadecimal and infinities included. `None` where the text is something else,
    /// NaN, or a finite number that is out of range.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended { negative, exponent: INFINITE, mantissa: 1 << 63 });
        }
        let magnitude = match unsigned {
            [b'0', b'x' | b'X', rest @ ..] => Written::parse(rest, 16, b'p')?.hexadecimal(),
            rest => Written::parse(rest, 10, b'e')?.decimal(),
        };
        Some(Extended { negative, ..magnitude? })
    }

    pub fn is_infinite(self) -> bool {
        self.exponent == INFINITE
    }

    /// The sum, where it is finite.
    pub fn plus(self, other: Extended) -> Option<Extended> {
        if self.exponent == INFINITE || other.exponent == INFINITE {
            return None;
        }
        let (large, small) = if self.rank() >= other.rank() { (self, other) } else { (other, self) };
        if small.mantissa == 0 {
            return Some(large);
        }
        let gap = large.exponent.abs_diff(small.exponent);
        let wide = u128::from(large.mantissa) << 63;
        let shifted = u128::from(small.mantissa) << 63;
        let aligned = shifted.checked_shr(gap).unwrap_or(0);
        // What falls off the end only matters as more than nothing.
        let inexact = gap > 0 && (gap >= 128 || aligned << gap != shifted);
        let bits = if large.negative == small.negative {
            wide + aligned
        } else {
            wide - aligned - u128::from(inexact)
        };
        let sum = rounded(bits, large.exponent - 63, inexact);
        let negative = large.negative && sum.mantissa != 0;
        (sum.exponent != INFINITE).then_some(Extended { negative, ..sum })
    }

    /// Orders magnitudes.
    fn rank(self) -> (bool, i32, u64) {
        (self.mantissa != 0, self.exponent, self.mantissa)
    }
}

/// Cuts `bits * 2^exponent`, and a little more where `inexact`, to 64 significant bits. Inexact bits are more than 64.
fn rounded(bits: u128, exponent: i32, inexact: bool) -> Extended {
    if bits == 0 {
        return ZERO;
    }
    let excess = 64 - bits.leading_zeros() as i32;
    let (mantissa, exponent) = if excess <= 0 {
        debug_assert!(!inexact, "the bits that decide the rounding are missing");
        ((bits as u64) << -excess, exponent + excess)
    } else {
        let kept = (bits >> excess) as u64;
        match kept.checked_add(u64::from(rounds_up(bits, excess as u32, inexact))) {
            Some(mantissa) => (mantissa, exponent + excess),
            None => (1 << 63, exponent + excess + 1),
        }
    };
    Extended {
        negative: false,
        mantissa,
        exponent: if exponent > EXPONENT_MAX { INFINITE } else { exponent },
    }
}

/// Whether dropping the lowest `cut` bits (1 to 127 of them) rounds to the number above.
fn rounds_up(bits: u128, cut: u32, inexact: bool) -> bool {
    let half = 1 << (cut - 1);
    let dropped = bits & (half | (half - 1));
    let odd = bits >> cut & 1 == 1;
    dropped > half || (dropped == half && (inexact || odd))
}

/// A text taken apart: `digits * base^scale`, and for hexadecimal another `2^exponent`.
struct Written {
    digits: Big,
    /// Digits that count, so without zeros in front.
    count: i64,
    scale: i64,
    exponent: i64,
}

impl Written {
    fn parse(text: &[u8], base: u32, exponent_mark: u8) -> Option<Written> {
        let end =
            text.iter().position(|byte| byte.to_ascii_lowercase() == exponent_mark).unwrap_or(text.len());
        let (mut digits, mut count, mut scale) = (Big::default(), 0, 0);
        let (mut any, mut in_fraction) = (false, false);
        for &byte in &text[..end] {
            if byte == b'.' && !in_fraction {
                in_fraction = true;
                continue;
            }
            let digit = char::from(byte).to_digit(base)?;
            any = true;
            scale -= i64::from(in_fraction);
            count += i64::from(count > 0 || digit > 0);
            digits.multiply_add(u64::from(base), u64::from(digit));
        }
        let exponent = if end == text.len() { 0 } else { written_exponent(&text[end + 1..])? };
        any.then_some(Written { digits, count, scale, exponent })
    }

    fn hexadecimal(self) -> Option<Extended> {
        let (bits, exponent, inexact) = self.digits.highest_bits();
        let exponent = i64::from(exponent) + 4 * self.scale + self.exponent;
        in_range(rounded(bits, i32::try_from(exponent).ok()?, inexact))
    }

    fn decimal(self) -> Option<Extended> {
        let Written { mut digits, count, scale, exponent } = self;
        let power = scale + exponent;
        if digits.is_zero() {
            return Some(ZERO);
        }
        if (count + power).abs() > DECIMAL_POINT_MAX {
            return None;
        }
        let (bits, exponent, inexact) = if power >= 0 {
            digits.multiply_by_power_of_ten(power as u32);
            digits.highest_bits()
        } else {
            // Room for a quotient of more than 128 bits; a power of ten has fewer than 10/3 bits a digit.
            let room = 192 + power.unsigned_abs() as u32 * 10 / 3;
            digits.shift_left(room);
            let remainder = digits.divide_by_power_of_ten(power.unsigned_abs() as u32);
            let (bits, exponent, inexact) = digits.highest_bits();
            (bits, exponent - room as i32, inexact || remainder)
        };
        in_range(rounded(bits, exponent, inexact))
    }
}

/// Too large or too small is no number; zero itself is one.
fn in_range(value: Extended) -> Option<Extended> {
    (value.mantissa == 0 || (EXPONENT_MIN..=EXPONENT_MAX).contains(&value.exponent)).then_some(value)
}

fn written_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| (value * 10 + i64::from(digit - b'0')).min(WRITTEN_EXPONENT_MAX));
    Some(if negative { -value } else { value })
}

impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.exponent == INFINITE {
            "inf".to_owned()
        } else if self.exponent >= 0 {
            let mut whole = Big::from(self.mantissa);
            whole.shift_left(self.exponent as u32);
            whole.into_decimal()
        } else {
            let (whole, fraction) = self.split();
            let text = format!("{whole}.{fraction:0FRACTION_DIGITS$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        f.write_str(if self.negative && text != "0" { "-" } else { "" })?;
        f.write_str(&text)
    }
}

impl Extended {
    /// The parts before and behind the point, the latter in units of its last digit. Only where there is such a part.
    fn split(self) -> (u128, u128) {
        let scaled = u128::from(self.mantissa) * FRACTION;
        let cut = self.exponent.unsigned_abs();
        let rounded = match cut {
            1..128 => (scaled >> cut) + u128::from(rounds_up(scaled, cut, false)),
            _ => 0,
        };
        (rounded / FRACTION, rounded % FRACTION)
    }
}

/// A natural number of any size, lowest limb first; no zero limb is last.
#[derive(Default)]
struct Big(Vec<u64>);

impl From<u64> for Big {
    fn from(value: u64) -> Big {
        Big(if value == 0 { vec![] } else { vec![value] })
    }
}

impl Big {
    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.0 {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> 64) as u64;
        }
        if carry > 0 {
            self.0.push(carry);
        }
    }

    /// Returns the remainder.
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0;
        for limb in self.0.iter_mut().rev() {
            let dividend = u128::from(remainder) << 64 | u128::from(*limb);
            *limb = (dividend / u128::from(divisor)) as u64;
            remainder = (dividend % u128::from(divisor)) as u64;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        remainder
    }

    fn multiply_by_power_of_ten(&mut self, power: u32) {
        powers_of_ten(power).for_each(|factor| self.multiply_add(factor, 0));
    }

    /// Returns whether anything remained.
    fn divide_by_power_of_ten(&mut self, power: u32) -> bool {
        let mut remained = false;
        for divisor in powers_of_ten(power) {
            remained |= self.divide(divisor) > 0;
        }
        remained
    }

    fn shift_left(&mut self, bits: u32) {
        self.multiply_add(1 << (bits % 64), 0);
        if !self.is_zero() {
            self.0.splice(..0, std::iter::repeat_n(0, bits as usize / 64));
        }
    }

    /// At least the 65 highest bits, if it has so many; the power of two that they stand for; whether others are set.
    fn highest_bits(&self) -> (u128, i32, bool) {
        let below = self.0.len().saturating_sub(2);
        let (rest, highest) = self.0.split_at(below);
        let bits = highest.iter().rev().fold(0, |bits, &limb| bits << 64 | u128::from(limb));
        (bits, below as i32 * 64, rest.iter().any(|&limb| limb > 0))
    }

    fn into_decimal(mut self) -> String {
        let mut groups = vec![];
        while !self.is_zero() {
            groups.push(self.divide(10u64.pow(LIMB_DIGITS)));
        }
        let highest = groups.pop().unwrap_or(0);
        let rest = groups.iter().rev().map(|group| format!("{group:0width$}", width = LIMB_DIGITS as usize));
        std::iter::once(highest.to_string()).chain(rest).collect()
    }
}

/// Factors that fit a limb and make up a power of ten.
fn powers_of_ten(power: u32) -> impl Iterator<Item = u64> {
    let whole = std::iter::repeat_n(10u64.pow(LIMB_DIGITS), (power / LIMB_DIGITS) as usize);
    whole.chain(std::iter::once(10u64.pow(power % LIMB_DIGITS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Option<String> {
        Extended::parse(text.as_bytes()).map(|value| value.to_string())
    }

    fn sum(a: &str, b: &str) -> Option<String> {
        Some(Extended::parse(a.as_bytes())?.plus(Extended::parse(b.as_bytes())?)?.to_string())
    }

    #[test]
    fn adds_as_redis_does() {
        for (a, b, expected) in [
            ("10.50", "0.1", "10.6"),
            ("0.1", "0.2", "0.3"),
            ("5.0e3", "2.0e2", "5200"),
            ("3.0", "1.1", "4.1"),
            ("1", "-1", "0"),
            ("-1", "1", "0"),
            ("-0.5", "0.25", "-0.25"),
            ("9007199254740993", "0.5", "9007199254740993.5"),
            ("1e18", "0.125", "1000000000000000000.125"),
            ("12345678901.1", "0", "12345678901.09999999962747097"),
            ("1e19", "0.5", "10000000000000000000"),
            ("0", "1e-18", "0"),
            ("0", "-1e-18", "0"),
            ("1.234567890123456789", "0", "1.23456789012345679"),
            ("3", "1.000000000000000005", "4.00000000000000001"),
            ("0x10", "-0x1.8p1", "13"),
            ("1e22", "1e-4000", "10000000000000000000000"),
        ] {
            assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} + {b}");
        }
    }

    #[test]
    fn large_numbers_are_written_out() {
        assert_eq!(shown("1e300").map(|text| text.len()), Some(301));
        let largest = shown("1.18973149535723176502e+4932").expect("the largest number there is");
        assert!(largest.starts_with("11897314953572317650") && largest.len() == 4933, "{largest}");
        assert_eq!(sum(&largest, &largest), None, "infinite");
    }

    #[test]
    fn reads_what_strtold_reads() {
        for text in
            ["", ".", "-", "e5", "1e", "1e+", "0x", "0x.p1", "1.2.3", " 1", "1 ", "nan", "1,5", "1e5000"]
        {
            assert_eq!(shown(text), None, "{text:?}");
        }
        assert_eq!(shown("1e-5000"), None, "too small is an error, not zero");
        assert_eq!(shown(&"1".repeat(TEXT_MAX)), None);
        for (text, expected) in
            [(".5", "0.5"), ("5.", "5"), ("+5E-1", "0.5"), ("-0", "0"), ("0e99999999", "0")]
        {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text:?}");
        }
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("-Infinity", "inf"), None);
    }

    #[test]
    fn rounds_ties_to_even() {
        // 2^64 + 1 and 2^64 + 3 lie halfway between two numbers of 64 bits.
        assert_eq!(shown("18446744073709551617").as_deref(), Some("18446744073709551616"));
        assert_eq!(shown("18446744073709551619").as_deref(), Some("18446744073709551620"));
        assert_eq!(shown("18446744073709551617.00001").as_deref(), Some("18446744073709551618"));
        assert_eq!(sum("18446744073709551616", "1").as_deref(), Some("18446744073709551616"));
        assert_eq!(sum("18446744073709551618", "1").as_deref(), Some("18446744073709551620"));
        assert_eq!(sum("18446744073709551616", "-1").as_deref(), Some("18446744073709551615"));
    }

    proptest! {
        #[test]
        fn integers_add_exactly(a in any::<i32>(), b in any::<i32>()) {
            let expected = (i64::from(a) + i64::from(b)).to_string();
            prop_assert_eq!(sum(&a.to_string(), &b.to_string()), Some(expected));
        }

        #[test]
        fn small_change_adds_exactly(a in -999..1000, b in -999..1000) {
            let text = |cents: i32| format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let total = text(a + b);
            let expected = total.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(sum(&text(a), &text(b)), Some(expected.to_owned()));
        }

        #[test]
        fn doubles_read_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite() && v.abs() > 1e-3)) {
            let text = shown(&format!("{value:e}")).expect("finite");
            let back: f64 = text.parse().expect("a number");
            prop_assert!((back - value).abs() <= value.abs() * 1e-14, "{} became {}", value, text);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in proptest::collection::vec(proptest::sample::select(b"0123456789.e+-xpinf".to_vec()), 0..40)) {
            if let Some(value) = Extended::parse(&text) {
                let _ = value.to_string();
            }
        }
    }
}
