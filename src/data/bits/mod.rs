//! Strings as arrays of bits: SETBIT, BITCOUNT, BITPOS, BITOP; and of integers: [`field`].
//!
//! Bit 0 is the highest bit of the first byte. Past its end, a string goes on with zeros.

pub mod field;
#[cfg(test)]
mod tests;

use std::ops::Range;

/// Whether the bit is set.
pub fn get(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte & mask(offset) != 0)
}

/// Returns the bit that was there. Grows the string to hold the new one.
pub fn set(bytes: &mut Vec<u8>, offset: u64, bit: bool) -> bool {
    let old = get(bytes, offset);
    grow_to(bytes, offset + 1);
    let byte = &mut bytes[(offset / 8) as usize];
    *byte = if bit { *byte | mask(offset) } else { *byte & !mask(offset) };
    old
}

/// Makes the string at least so many bits long. Callers bound how long a string may be.
pub fn grow_to(bytes: &mut Vec<u8>, bits: u64) {
    let needed = bits.div_ceil(8) as usize;
    if bytes.len() < needed {
        bytes.resize(needed, 0);
    }
}

fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// What the ends of a range count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Byte,
    Bit,
}

/// How many bits are set from `first` to `last`, both included; negative ones count from the end.
pub fn count(bytes: &[u8], first: i64, last: i64, unit: Unit) -> u64 {
    if first < 0 && last < 0 && first > last {
        return 0;
    }
    let bits = range(bytes, first, last, unit);
    if bits.is_empty() {
        return 0;
    }
    let covered = &bytes[(bits.start / 8) as usize..bits.end.div_ceil(8) as usize];
    let ahead = covered[0] & !(0xff >> (bits.start % 8));
    let behind = covered[covered.len() - 1] & !(0xff << (7 - (bits.end - 1) % 8));
    count_all(covered) - u64::from(ahead.count_ones() + behind.count_ones())
}

/// How many bits of the string are set.
pub fn count_all(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let words = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()));
    words.chain(rest.iter().map(|byte| u64::from(byte.count_ones()))).sum()
}

/// The first bit with that value from `first` to `last`, both included; negative ones count from the end.
/// Without a `last`, the zeros past the end of the string count too, unless the range begins there.
pub fn position(bytes: &[u8], bit: bool, first: i64, last: Option<i64>, unit: Unit) -> Option<u64> {
    let bits = range(bytes, first, last.unwrap_or(-1), unit);
    if bits.is_empty() {
        return None;
    }
    let found = find(bytes, bit, bits.start).filter(|found| *found < bits.end);
    found.or((!bit && last.is_none()).then_some(bits.end))
}

/// The first bit with that value from `start` on, which is in the string.
fn find(bytes: &[u8], bit: bool, start: u64) -> Option<u64> {
    let other = if bit { 0x00 } else { 0xff };
    let first = (start / 8) as usize;
    let in_first = (bytes[first] ^ other) & (0xff >> (start % 8));
    let (index, differing) = if in_first != 0 {
        (first, in_first)
    } else {
        let index = first + 1 + find_other(&bytes[first + 1..], other)?;
        (index, bytes[index] ^ other)
    };
    Some(index as u64 * 8 + u64::from(differing.leading_zeros()))
}

/// The first byte that is not `byte`.
fn find_other(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let skipped = 8 * words.iter().take_while(|word| **word == [byte; 8]).count();
    bytes[skipped..].iter().position(|other| *other != byte).map(|index| skipped + index)
}

/// The bits of the string between two ends, both included.
fn range(bytes: &[u8], first: i64, last: i64, unit: Unit) -> Range<u64> {
    let bits_each = match unit {
        Unit::Byte => 8,
        Unit::Bit => 1,
    };
    let len = bytes.len() as i64 * (8 / bits_each);
    let from_start = |index: i64| if index < 0 { (index + len).max(0) } else { index };
    let (first, last) = (from_start(first), from_start(last).min(len - 1));
    if first > last {
        return 0..0;
    }
    (first * bits_each) as u64..((last + 1) * bits_each) as u64
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    And,
    Or,
    Xor,
    /// Of one source.
    Not,
}

/// As long as the longest source; the others go on with zeros.
pub fn combine(op: Op, sources: &[&[u8]]) -> Vec<u8> {
    let Some((first, others)) = sources.split_first() else { return Vec::new() };
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = Vec::with_capacity(len);
    result.extend_from_slice(first);
    result.resize(len, 0);
    if op == Op::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    for source in others {
        let (common, rest) = result.split_at_mut(source.len());
        let pairs = common.iter_mut().zip(*source);
        match op {
            Op::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                rest.fill(0);
            }
            Op::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Op::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Op::Not => {}
        }
    }
    result
}
