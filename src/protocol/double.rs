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
