//! HyperLogLog: how many different elements there were, in 12 KiB at most, within a percent or so.
//!
//! ```text
//!   "HYLL" | encoding: u8 | 0 0 0 | cached count: u64, little endian | registers
//!            0 dense, 1 sparse      highest bit: not valid any more
//! ```
//!
//! A HyperLogLog is a string, and Redis's own to the byte, so that GET, SET and DUMP carry it from one server
//! to the other. Each element's hash chooses one of 16384 registers and a value for it, the number of
//! zeros that it ends with; a register keeps the highest. See `dense` and `sparse` for
//! how the registers lie in the string, and `estimate` for how they tell the count.

mod dense;
mod estimate;
mod sparse;
#[cfg(test)]
mod tests;

use self::estimate::Histogram;
use self::sparse::Outcome;

const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;

const MAGIC: &[u8; 4] = b"HYLL";
const HEADER: usize = 16;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Of the estimate: 1.04 by the square root of the number of registers.
const STANDARD_ERROR: f64 = 0.008_125;
/// In the last byte of the cached count.
const STALE: u8 = 0x80;

/// The registers are not what the header says. Redis: "INVALIDOBJ Corrupted HLL object detected".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// One that has seen nothing.
pub fn new() -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4] = SPARSE;
    sparse::clear(&mut bytes);
    bytes
}

/// Whether a string is a HyperLogLog, by its header and length.
pub fn is_valid(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.starts_with(MAGIC)
        && (bytes[4] == SPARSE || (bytes[4] == DENSE && bytes.len() == dense::BYTES))
}

/// Whether that changed a register. Past `sparse_max` bytes the registers become dense.
///
/// As all that follow, for a string that [`is_valid`].
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
    let (index, value) = register_of(element);
    let changed = set(bytes, index, value, sparse_max)?;
    if changed {
        forget_count(bytes);
    }
    Ok(changed)
}

/// How many different elements it has seen.
pub fn count(bytes: &[u8]) -> Result<u64, Corrupt> {
    Ok(histogram(bytes)?.estimate())
}

/// How many different elements all of them together have seen.
pub fn count_union(sources: &[&[u8]]) -> Result<u64, Corrupt> {
    let mut histogram = Histogram::new();
    highest(sources)?.iter().for_each(|&value| histogram.add(value, 1));
    Ok(histogram.estimate())
}

/// Lets one see what the sources have seen.
pub fn merge(bytes: &mut Vec<u8>, sources: &[&[u8]], sparse_max: usize) -> Result<(), Corrupt> {
    let registers = highest(sources)?;
    if sources.iter().any(|source| source[4] == DENSE) {
        make_dense(bytes)?;
    }
    for (index, &value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
        set(bytes, index, value, sparse_max)?;
    }
    forget_count(bytes);
    Ok(())
}

/// The value of each register.
pub fn registers(bytes: &[u8]) -> Result<Vec<u8>, Corrupt> {
    highest(&[bytes])
}

pub fn is_sparse(bytes: &[u8]) -> bool {
    bytes[4] == SPARSE
}

/// The runs of a sparse one in letters: `z:` and `Z:` with the number of zeros, `v:` with a value and how often.
pub fn spelled(bytes: &[u8]) -> Result<String, Corrupt> {
    sparse::spelled(bytes)
}

/// Gives every register its six bits. Returns whether they were runs before.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<bool, Corrupt> {
    let was_sparse = is_sparse(bytes);
    if was_sparse {
        let mut dense = vec![0; dense::BYTES];
        dense[..HEADER].copy_from_slice(&bytes[..HEADER]);
        dense[4] = DENSE;
        sparse::for_each(bytes, |index, value, count| {
            (index..index + count).for_each(|index| _ = dense::set(&mut dense[HEADER..], index, value));
        })?;
        *bytes = dense;
    }
    Ok(was_sparse)
}

/// Whether both encodings agree, and the estimate stays within five standard errors, for up to `elements` elements.
pub fn self_test(elements: u32) -> Result<bool, Corrupt> {
    let (mut sparse, mut dense) = (new(), new());
    make_dense(&mut dense)?;
    let mut checkpoint = 1;
    for seen in 1..=elements {
        let element = seen.to_le_bytes();
        add(&mut sparse, &element, usize::MAX)?;
        add(&mut dense, &element, 0)?;
        if seen == checkpoint {
            checkpoint *= 10;
            let expected = f64::from(seen);
            let off_by = (count(&dense)? as f64 - expected).abs();
            if registers(&sparse)? != registers(&dense)? || off_by > (5.0 * STANDARD_ERROR * expected).ceil()
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What was counted last, unless something has changed since.
pub fn cached_count(bytes: &[u8]) -> Option<u64> {
    let cached = *bytes[8..].first_chunk().expect("a header is 16 bytes");
    (bytes[15] & STALE == 0).then_some(u64::from_le_bytes(cached))
}

/// After any write, even one that changed no register: then it is as Redis leaves it.
pub fn forget_count(bytes: &mut [u8]) {
    bytes[15] |= STALE;
}

/// The register that an element goes to, and the value that it has for it.
fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = estimate::hash(element);
    // The bit past the last one ends the run of zeros if nothing else does.
    let rest = (hash >> INDEX_BITS) | 1 << (u64::BITS - INDEX_BITS);
    ((hash as usize) % REGISTERS, rest.trailing_zeros() as u8 + 1)
}

/// Raises a register. Returns whether it was lower.
fn set(bytes: &mut Vec<u8>, index: usize, value: u8, sparse_max: usize) -> Result<bool, Corrupt> {
    if bytes[4] == SPARSE {
        match sparse::set(bytes, index, value, sparse_max)? {
            Outcome::Unchanged => return Ok(false),
            Outcome::Changed => return Ok(true),
            Outcome::TooLarge => _ = make_dense(bytes)?,
        }
    }
    Ok(dense::set(&mut bytes[HEADER..], index, value))
}

/// Of each register the highest value.
fn highest(sources: &[&[u8]]) -> Result<Vec<u8>, Corrupt> {
    let mut registers = vec![0; REGISTERS];
    for bytes in sources {
        if bytes[4] == SPARSE {
            sparse::for_each(bytes, |index, value, count| {
                registers[index..index + count].iter_mut().for_each(|highest| *highest = value.max(*highest));
            })?;
        } else {
            let pairs = registers.iter_mut().zip(dense::values(&bytes[HEADER..]));
            pairs.for_each(|(highest, value)| *highest = value.max(*highest));
        }
    }
    Ok(registers)
}

fn histogram(bytes: &[u8]) -> Result<Histogram, Corrupt> {
    let mut histogram = Histogram::new();
    if bytes[4] == SPARSE {
        sparse::for_each(bytes, |_, value, count| histogram.add(value, count))?;
    } else {
        dense::values(&bytes[HEADER..]).for_each(|value| histogram.add(value, 1));
    }
    Ok(histogram)
}
