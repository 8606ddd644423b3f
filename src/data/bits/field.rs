//! Integers of any width at any bit of a string: BITFIELD.

use super::grow_to;

/// How an integer lies in a string: 1 to 64 bits, the highest first; unsigned ones have 63 at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    signed: bool,
    width: u32,
}

/// What to do with an integer that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Keep the low bits.
    Wrap,
    /// Take the nearest that fits.
    Saturate,
    /// Change nothing.
    Fail,
}

impl Field {
    /// As in `i16` or `u8`. `None`: Redis says "Invalid bitfield type. Use something like i16 u8. Note
    /// that u64 is not supported but i64 is."
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (signed, digits) = match text {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return None,
        };
        let width = match digits {
            [ones @ b'1'..=b'9'] => u32::from(ones - b'0'),
            [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => u32::from(tens - b'0') * 10 + u32::from(ones - b'0'),
            _ => return None,
        };
        let width_max = if signed { 64 } else { 63 };
        (width <= width_max).then_some(Self { signed, width })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn get(&self, bytes: &[u8], offset: u64) -> i64 {
        let bits = (self.window(bytes, offset) << (offset % 8)) >> (128 - self.width);
        self.low_bits(bits as i64)
    }

    /// Returns the integer that was there; `None` where nothing was changed. Grows the string.
    pub fn set(&self, bytes: &mut Vec<u8>, offset: u64, value: i64, overflow: Overflow) -> Option<i64> {
        // An unsigned field takes a negative value for the large one of the same bits.
        let exact = if self.signed { value.into() } else { (value as u64).into() };
        let old = self.get(bytes, offset);
        self.put(bytes, offset, self.fit(exact, overflow)?);
        Some(old)
    }

    /// Returns the new integer; `None` where nothing was changed. Grows the string.
    pub fn incr(&self, bytes: &mut Vec<u8>, offset: u64, by: i64, overflow: Overflow) -> Option<i64> {
        let exact = i128::from(self.get(bytes, offset)) + i128::from(by);
        let new = self.fit(exact, overflow)?;
        self.put(bytes, offset, new);
        Some(new)
    }

    fn fit(&self, exact: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = match self.signed {
            true => (i64::MIN >> (64 - self.width), i64::MAX >> (64 - self.width)),
            false => (0, i64::MAX >> (63 - self.width)),
        };
        match i64::try_from(exact) {
            Ok(value) if (min..=max).contains(&value) => Some(value),
            _ => match overflow {
                Overflow::Wrap => Some(self.low_bits(exact as i64)),
                Overflow::Saturate => Some(if exact < 0 { min } else { max }),
                Overflow::Fail => None,
            },
        }
    }

    /// What the low bits alone say.
    fn low_bits(&self, bits: i64) -> i64 {
        let unused = 64 - self.width;
        let high = bits << unused;
        if self.signed { high >> unused } else { ((high as u64) >> unused) as i64 }
    }

    fn put(&self, bytes: &mut Vec<u8>, offset: u64, value: i64) {
        grow_to(bytes, offset + u64::from(self.width));
        let shift = 128 - self.width - (offset % 8) as u32;
        let mask = (u128::MAX >> (128 - self.width)) << shift;
        let window = (self.window(bytes, offset) & !mask) | (((value as u128) << shift) & mask);
        let field = &mut bytes[self.bytes(offset)];
        field.copy_from_slice(&window.to_be_bytes()[..field.len()]);
    }

    /// The bytes that the field touches, at the high end; zeros where the string has none.
    fn window(&self, bytes: &[u8], offset: u64) -> u128 {
        let touched = self.bytes(offset);
        let there = bytes.get(touched.start..bytes.len().min(touched.end)).unwrap_or_default();
        let mut window = [0; 16];
        window[..there.len()].copy_from_slice(there);
        u128::from_be_bytes(window)
    }

    /// Nine at most.
    fn bytes(&self, offset: u64) -> std::ops::Range<usize> {
        (offset / 8) as usize..(offset + u64::from(self.width)).div_ceil(8) as usize
    }
}
