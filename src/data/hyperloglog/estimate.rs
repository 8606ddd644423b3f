//! The hash, and the estimate, by Redis's choice of both: MurmurHash64A, and Otmar Ertl's "New cardinality
//! estimation algorithms for HyperLogLog sketches" (2017).

use super::{INDEX_BITS, REGISTERS};

/// The highest value a register comes to have.
const VALUE_MAX: usize = (u64::BITS - INDEX_BITS) as usize + 1;

/// How many registers have each value.
pub struct Histogram {
    /// Six bits are read of a dense register, even of one that no element can have made.
    counts: [u32; 64],
}

impl Histogram {
    pub fn new() -> Self {
        Self { counts: [0; 64] }
    }

    pub fn add(&mut self, value: u8, registers: usize) {
        self.counts[usize::from(value)] += registers as u32;
    }

    pub fn estimate(&self) -> u64 {
        /// 1 / (2 ln 2).
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let m = REGISTERS as f64;
        let share = |value: usize| f64::from(self.counts[value]) / m;
        let mut z = m * tau((m - f64::from(self.counts[VALUE_MAX])) / m);
        for value in (1..VALUE_MAX).rev() {
            z = 0.5 * (z + f64::from(self.counts[value]));
        }
        z += m * sigma(share(0));
        (ALPHA * m * m / z).round() as u64
    }
}

/// x + the sum of x^(2^k) * 2^(k-1) for k = 1, 2, ...
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut factor) = (x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - the sum of (1 - x^(2^-k))^2 * 2^-k for k = 1, 2, ...) / 3
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut sum, mut factor) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        factor *= 0.5;
        let before = sum;
        sum -= (1.0 - x).powi(2) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// MurmurHash64A.
pub fn hash(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |word: u64| {
        let word = word.wrapping_mul(M);
        (word ^ (word >> 47)).wrapping_mul(M)
    };
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks();
    for word in words {
        hash = (hash ^ mix(u64::from_le_bytes(*word))).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 47)).wrapping_mul(M);
    hash ^ (hash >> 47)
}
