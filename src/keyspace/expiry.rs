//! Which keys of a shard come due, and when.
//!
//! A binary heap of eight-byte notes: the deadline in ticks above, 32 bits of the key's hash below. A note is a
//! hint, never the truth: the entry holds its own deadline. Setting, changing or deleting a key leaves the old
//! note behind; it is dropped when it surfaces, and all are rebuilt when most are stale.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::KeyHash;

/// 2025-01-01T00:00:00Z: ticks count from here, so that 32 bits reach beyond 2042.
const EPOCH_MS: u64 = 1_735_689_600_000;
const TICK_MS: u64 = 128;
/// Notes that may be stale before a rebuild is considered.
const STALE_MIN: usize = 64;

/// Rounded up: a note never surfaces before its key is due.
fn tick_of(deadline_ms: u64) -> u32 {
    u32::try_from(deadline_ms.saturating_sub(EPOCH_MS).div_ceil(TICK_MS)).unwrap_or(u32::MAX)
}

#[derive(Default)]
pub struct Deadlines {
    notes: BinaryHeap<Reverse<u64>>,
}

impl Deadlines {
    /// A key has got a deadline, or another one.
    pub fn note(&mut self, hash: KeyHash, deadline_ms: u64) {
        self.notes.push(Reverse(u64::from(tick_of(deadline_ms)) << 32 | u64::from(hash.bits())));
    }

    /// The hash of a key that may be due, taken off the queue.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<KeyHash> {
        let Reverse(note) = *self.notes.peek()?;
        // A deadline of exactly `now_ms` is due; its tick may still lie ahead by less than one tick.
        if (note >> 32) * TICK_MS + EPOCH_MS > now_ms {
            return None;
        }
        self.notes.pop();
        Some(KeyHash::from_bits(note as u32))
    }

    /// When the next note surfaces.
    pub fn next_ms(&self) -> Option<u64> {
        self.notes.peek().map(|Reverse(note)| (note >> 32) * TICK_MS + EPOCH_MS)
    }

    /// Whether so many notes are stale that the queue is worth rebuilding from the entries;
    /// `live` is how many keys have a deadline now.
    pub fn is_bloated(&self, live: usize) -> bool {
        self.notes.len() > 2 * live + STALE_MIN
    }

    pub fn rebuild(&mut self, entries: impl Iterator<Item = (KeyHash, u64)>) {
        self.notes = entries
            .map(|(hash, deadline_ms)| {
                Reverse(u64::from(tick_of(deadline_ms)) << 32 | u64::from(hash.bits()))
            })
            .collect();
    }

    /// How many notes there are, the stale ones among them.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// The hash in the note at this place; the nearest deadline is first, the others are nearly in order.
    pub fn at(&self, place: usize) -> Option<KeyHash> {
        self.notes.as_slice().get(place).map(|Reverse(note)| KeyHash::from_bits(*note as u32))
    }

    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Deadlines::default();
    }

    pub fn heap_bytes(&self) -> usize {
        self.notes.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_surface_in_order_and_never_early() {
        let mut d = Deadlines::default();
        let base = EPOCH_MS + 1_000_000;
        for (bits, at) in [(1, base + 5_000), (2, base + 1), (3, base + 60_000)] {
            d.note(KeyHash::from_bits(bits), at);
        }
        assert_eq!(d.pop_due(base), None);
        assert_eq!(d.pop_due(base + TICK_MS + 1), Some(KeyHash::from_bits(2)));
        assert_eq!(d.pop_due(base + 4_999), None);
        assert_eq!(d.pop_due(base + 90_000), Some(KeyHash::from_bits(1)));
        assert_eq!(d.pop_due(base + 90_000), Some(KeyHash::from_bits(3)));
    }

    #[test]
    fn a_key_that_is_touched_again_and_again_does_not_grow_the_queue_without_bound() {
        let mut d = Deadlines::default();
        let hash = KeyHash::from_bits(9);
        d.note(hash, EPOCH_MS);
        for i in 0..1_000 {
            d.note(hash, EPOCH_MS + i);
            if d.is_bloated(1) {
                d.rebuild([(hash, EPOCH_MS + i)].into_iter());
            }
        }
        assert!(d.notes.len() <= STALE_MIN + 3);
    }

    #[test]
    fn far_deadlines_saturate() {
        let mut d = Deadlines::default();
        d.note(KeyHash::from_bits(1), u64::MAX);
        assert_eq!(d.pop_due(EPOCH_MS + 10), None);
    }
}
