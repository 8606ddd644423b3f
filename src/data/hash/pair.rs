//! A field of a large hash: name, value and deadline in one allocation.
//!
//! ```text
//! | d nnnnnnn | length: u32 | deadline: u64 | name ... | value ... |
//!   |    |      ^ where n is 127
//!   |    ^ length of the name, up to 126
//!   ^ whether the deadline is there
//! ```

use super::Field;
use crate::data::blob::Blob;
use crate::data::dict::Keyed;
use crate::data::packed::Element;
use smallvec::SmallVec;

#[derive(Clone)]
pub(super) struct Pair(Blob);

const TIMED: u8 = 0x80;
/// In place of a length that needs 32 bits.
const LONG: u8 = 0x7f;

impl Pair {
    pub fn new(name: &[u8], value: &[u8], deadline_ms: Option<u64>) -> Self {
        let mut bytes: SmallVec<[u8; 256]> = SmallVec::new();
        let timed = if deadline_ms.is_some() { TIMED } else { 0 };
        if name.len() < LONG.into() {
            bytes.push(timed | name.len() as u8);
        } else {
            bytes.push(timed | LONG);
            bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        }
        if let Some(deadline_ms) = deadline_ms {
            bytes.extend_from_slice(&deadline_ms.to_le_bytes());
        }
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
        Self(Blob::new(&bytes))
    }

    pub fn field(&self) -> Field<'_> {
        let (name, value, deadline_ms) = self.parts();
        Field { name: Element::Bytes(name), value: Element::Bytes(value), deadline_ms }
    }

    /// As the allocator rounds it.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes().next_multiple_of(16)
    }

    fn parts(&self) -> (&[u8], &[u8], Option<u64>) {
        let (head, mut rest) = (self.0[0], &self.0[1..]);
        let mut name_len = usize::from(head & !TIMED);
        if name_len == usize::from(LONG) {
            let (length, after) = rest.split_first_chunk().expect("a long name's length follows the head");
            (name_len, rest) = (u32::from_le_bytes(*length) as usize, after);
        }
        let mut deadline_ms = None;
        if head & TIMED != 0 {
            let (deadline, after) = rest.split_first_chunk().expect("a timed field has its deadline next");
            (deadline_ms, rest) = (Some(u64::from_le_bytes(*deadline)), after);
        }
        let (name, value) = rest.split_at(name_len);
        (name, value, deadline_ms)
    }
}

impl Keyed for Pair {
    fn key(&self) -> &[u8] {
        self.parts().0
    }

    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_of_any_length() {
        for name_len in [0, 1, 126, 127, 128, 255, 70_000] {
            for value_len in [0, 1, 127, 128, 300] {
                for deadline_ms in [None, Some(0), Some(u64::MAX)] {
                    let (name, value) = (vec![b'n'; name_len], vec![b'v'; value_len]);
                    let pair = Pair::new(&name, &value, deadline_ms);
                    assert_eq!(pair.parts(), (&name[..], &value[..], deadline_ms));
                    assert_eq!(pair.key(), name);
                }
            }
        }
    }
}
