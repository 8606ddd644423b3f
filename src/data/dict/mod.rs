//! A hash table of keyed elements for collections of any size, which never stalls.
//!
//! ```text
//!   key --hash--> index: small tables of positions        elements: dense chunks
//!                 [ 3 . 0 ] [ . 4 1 ] [ 2 . . ]  ------>   0 1 2 3 4
//! ```
//!
//! The elements lie densely, so that any of them is drawn at random with equal odds, and iterating
//! reads memory in order. Their positions are found through an `Index` that splits and
//! merges piece by piece: no operation does more work than one piece needs, whatever the size.
//!
//! Deliberately absent: an order. Scanning goes by hash, see [`Dict::scan`].

mod chunks;
mod index;

use self::chunks::Chunks;
pub use self::chunks::Iter;
use self::index::Index;
use super::prefetch::{CACHE_LINE, prefetch};
use super::random::{Rng, below};
use foldhash::quality::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

/// What a [`Dict`] holds. The key of an element must not change while the dict holds it.
pub trait Keyed {
    fn key(&self) -> &[u8];
    /// Where the key lies in memory, found without looking there.
    fn address(&self) -> *const u8;
}

/// A dict whose elements are asked for ahead of their use, in two steps: each reads what the one before has brought.
pub trait Ahead {
    /// Asks for the slot of the element with this key, if it is there. Returns the hash that the next step takes.
    fn ask_for_slot(&self, key: &[u8]) -> u64;
    /// Asks for the element.
    fn ask_for_element(&self, hash: u64);
}

impl<T: Keyed> Ahead for Dict<T> {
    fn ask_for_slot(&self, key: &[u8]) -> u64 {
        let hash = hash(key);
        self.each_candidate(hash, |element| prefetch(std::ptr::from_ref(element).cast()));
        hash
    }

    fn ask_for_element(&self, hash: u64) {
        self.each_candidate(hash, |element| {
            prefetch(element.address());
            prefetch(element.address().wrapping_add(CACHE_LINE));
        });
    }
}

#[derive(Clone)]
pub struct Dict<T> {
    index: Index,
    elements: Chunks<T>,
}

impl<T: Keyed> Dict<T> {
    pub const fn new() -> Self {
        Self { index: Index::new(), elements: Chunks::new() }
    }

    pub fn len(&self) -> usize {
        self.elements.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.position(key).is_some()
    }

    pub fn get(&self, key: &[u8]) -> Option<&T> {
        self.position(key).map(|position| &self.elements[position])
    }

    /// The element may be changed in anything but its key.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut T> {
        self.position(key).map(|position| &mut self.elements[position])
    }

    /// Returns the element that had the same key and was replaced.
    pub fn insert(&mut self, element: T) -> Option<T> {
        match self.position(element.key()) {
            Some(position) => Some(std::mem::replace(&mut self.elements[position], element)),
            None => {
                self.insert_new(element);
                None
            }
        }
    }

    pub fn remove(&mut self, key: &[u8]) -> Option<T> {
        self.position(key).map(|position| self.swap_remove(position))
    }

    /// In order of position.
    pub fn iter(&self) -> Iter<'_, T> {
        self.elements.iter()
    }

    /// One element, each with the same odds.
    pub fn random(&self, rng: Rng) -> Option<&T> {
        (!self.is_empty()).then(|| &self.elements[below(self.len(), rng)])
    }

    /// Calls `f` with about `count` elements from `cursor` on, and returns the next cursor: 0 when
    /// all is done. A scan begins with cursor 0.
    ///
    /// Elements come by ranges of their hashes, which never change: so one that is present from
    /// the first call to the last is returned, and only once, whatever is inserted or removed
    /// meanwhile. Cursors stay below 2^[`PLACE_BITS`], so that clients may keep them as doubles.
    pub fn scan(&self, cursor: u64, count: usize, f: &mut dyn FnMut(&T)) -> u64 {
        let mut wanted = count.max(1);
        let mut from = cursor.min(PLACE_MAX);
        while let Some((positions, last_hash)) = self.index.segment(from << (64 - PLACE_BITS)) {
            let mut found: Vec<(u64, u32)> =
                positions.map(|p| (place(self.hash_at(p)), p)).filter(|&(place, _)| place >= from).collect();
            let last = if found.len() > wanted {
                found.select_nth_unstable(wanted - 1).1.0
            } else {
                place(last_hash)
            };
            for &(_, position) in found.iter().filter(|&&(place, _)| place <= last) {
                f(&self.elements[position as usize]);
            }
            if last == PLACE_MAX {
                return 0;
            }
            if found.len() >= wanted {
                return last + 1;
            }
            wanted -= found.len();
            from = last + 1;
        }
        0
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// What the dict itself takes; not what its elements own elsewhere.
    pub fn heap_bytes(&self) -> usize {
        self.index.heap_bytes() + self.elements.heap_bytes()
    }
}

/// Elements by position, for types that keep an order of their own beside the dict. Positions are
/// `0..len()`; removing an element moves the last one into its place, and nothing else moves any.
impl<T: Keyed> Dict<T> {
    pub fn position(&self, key: &[u8]) -> Option<usize> {
        let is_it = |p: u32| self.elements[p as usize].key() == key;
        self.index.find(hash(key), is_it).map(|p| p as usize)
    }

    pub fn at(&self, position: usize) -> &T {
        &self.elements[position]
    }

    pub fn at_mut(&mut self, position: usize) -> &mut T {
        &mut self.elements[position]
    }

    /// Adds an element whose key is not in here, at position `len()`.
    pub fn insert_new(&mut self, element: T) {
        let position = u32::try_from(self.len()).expect("fewer than 2^32 elements fit in memory");
        let hash = hash(element.key());
        self.elements.push(element);
        self.index.insert(hash, position, |p| self::hash(self.elements[p as usize].key()));
    }

    pub fn swap_remove(&mut self, position: usize) -> T {
        let last = self.len() - 1;
        let hash_of = |p: u32| hash(self.elements[p as usize].key());
        self.index.remove(hash_of(position as u32), position as u32, hash_of);
        if position != last {
            self.index.relocate(self.hash_at(last as u32), last as u32, position as u32);
        }
        self.elements.swap_remove(position)
    }

    /// The elements that a look-up of `hash` would compare with: nearly always one or none.
    fn each_candidate(&self, hash: u64, mut look: impl FnMut(&T)) {
        self.index.find(hash, |position| {
            look(&self.elements[position as usize]);
            false
        });
    }

    fn hash_at(&self, position: u32) -> u64 {
        hash(self.elements[position as usize].key())
    }
}

impl<T: Keyed> Default for Dict<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Bits of a hash that order a scan.
pub const PLACE_BITS: u32 = 48;
const PLACE_MAX: u64 = (1 << PLACE_BITS) - 1;

fn place(hash: u64) -> u64 {
    hash >> (64 - PLACE_BITS)
}

/// Seeded once per process: what collides in one does not in the next.
fn hash(key: &[u8]) -> u64 {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    let mut hasher = SEED.build_hasher();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests;
