//! Floating-point numbers as Redis 7.2 prints them.

use std::io::{Cursor, Write};

/// Integers up to here are printed in full, without an exponent.
const INTEGER_MAX: f64 = (1u64 << 62) as f64;

/// Appends the shortest text that reads back as `value`: `3`, `0.1`, `1e+20`, `1.5e-9`, `inf`, `-inf`, `nan`.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value < 0.0 { b"-inf" } else { b"inf" });
    } else if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else if value.abs() <= INTEGER_MAX && value.fract() == 0.0 {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        write_digits(out, value);
    }
}

/// Lays out the shortest digits: in full where few zeros are needed, else with an exponent.
fn write_digits(out: &mut Vec<u8>, value: f64) {
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let mut digits = [0; 17];
    let (count, exponent) = shortest_digits(value.abs(), &mut digits);
    let digits = &digits[..count];
    // The value is 0.DIGITS times ten to the power of `point`; `scale` is the last digit's power.
    let point = exponent + 1;
    let scale = point - count as i32;
    if scale >= 0 && exponent.abs() < count as i32 + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + scale as usize, b'0');
    } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        if point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

/// Fills in the fewest digits that tell `value` from its neighbours; returns how many they are
/// and the power of ten of the first.
fn shortest_digits(value: f64, digits: &mut [u8; 17]) -> (usize, i32) {
    let mut text = Cursor::new([0; 32]);
    let _ = write!(text, "{value:e}");
    let length = text.position() as usize;
    let (mut count, mut exponent, mut negative, mut in_exponent) = (0, 0, false, false);
    for &byte in &text.get_ref()[..length] {
        match byte {
            b'e' => in_exponent = true,
            b'-' => negative = true,
            b'0'..=b'9' if in_exponent => exponent = exponent * 10 + i32::from(byte - b'0'),
            b'0'..=b'9' => {
                digits[count] = byte;
                count += 1;
            }
            _ => {}
        }
    }
    (count, if negative { -exponent } else { exponent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        write_double(&mut out, value);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn as_redis_prints_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-3.25, "-3.25"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e15, "1000000000000000"),
            (4611686018427387904.0, "4611686018427387904"),
            (4611686018427389000.0, "4611686018427389000"),
            (1e19, "1e+19"),
            (1e20, "1e+20"),
            (1.5e300, "1.5e+300"),
            (123456789012345680000.0, "123456789012345680000"),
            (0.001, "0.001"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (0.0000015, "1.5e-6"),
            (1.5e-9, "1.5e-9"),
            (-2.5e-100, "-2.5e-100"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
        ] {
            assert_eq!(written(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            let read: f64 = written(value).parse().expect("a number");
            prop_assert!(read.to_bits() == bits || value.is_nan() && read.is_nan());
        }

        #[test]
        fn decimals_stay_short(units in -1_000_000i64..1_000_000, decimals in 0u32..4) {
            let value = units as f64 / 10f64.powi(decimals as i32);
            prop_assert_eq!(written(value), format!("{value}"));
        }
    }
}
