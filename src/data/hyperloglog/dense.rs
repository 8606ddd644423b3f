//! Every register in six bits, the lowest bits first:
//!
//! ```text
//!   11000000 22221111 33333322      three bytes, four registers
//! ```

use super::{HEADER, REGISTERS};

/// The whole string.
pub const BYTES: usize = HEADER + REGISTERS / 4 * 3;

/// Raises a register. Returns whether it was lower.
pub fn set(registers: &mut [u8], index: usize, value: u8) -> bool {
    let group = &mut registers[index / 4 * 3..][..3];
    let shift = index % 4 * 6;
    let packed = u32::from_le_bytes([group[0], group[1], group[2], 0]);
    let lower = (packed >> shift) as u8 & 63 < value;
    if lower {
        let packed = packed & !(63 << shift) | u32::from(value) << shift;
        group.copy_from_slice(&packed.to_le_bytes()[..3]);
    }
    lower
}

/// The value of each register.
pub fn values(registers: &[u8]) -> impl Iterator<Item = u8> {
    registers.as_chunks().0.iter().flat_map(|[a, b, c]| {
        let packed = u32::from_le_bytes([*a, *b, *c, 0]);
        [0, 6, 12, 18].map(|shift| (packed >> shift) as u8 & 63)
    })
}
