//! Items in order, scores and positions side by side: a leaf, and the first items of an inner node's children.

use super::{Item, Place};
use std::cmp::Ordering;

/// Up to `N` items. The scores lie together, so that a search reads nothing else and compares several at once.
#[derive(Clone)]
pub struct Items<const N: usize> {
    scores: [f64; N],
    positions: [u32; N],
    len: u16,
}

impl<const N: usize> Items<N> {
    pub fn new() -> Self {
        Self { scores: [0.0; N], positions: [0; N], len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len.into()
    }

    pub fn get(&self, slot: usize) -> Item {
        Item { score: self.scores[slot], position: self.positions[slot] }
    }

    pub fn set(&mut self, slot: usize, item: Item) {
        self.scores[slot] = item.score;
        self.positions[slot] = item.position;
    }

    /// How many items come before the place.
    pub fn before(&self, place: &Place<impl Fn(u32) -> Ordering>) -> usize {
        self.count(place, Ordering::is_lt)
    }

    /// How many items come before the place or are at it.
    pub fn up_to(&self, place: &Place<impl Fn(u32) -> Ordering>) -> usize {
        self.count(place, Ordering::is_le)
    }

    /// Compares all scores, which takes less time than finding the way through them would.
    fn count(&self, place: &Place<impl Fn(u32) -> Ordering>, counts: fn(Ordering) -> bool) -> usize {
        let scores = &self.scores[..self.len()];
        let below = scores.iter().filter(|score| **score < place.score).count();
        let equal = scores.iter().filter(|score| **score == place.score).count();
        let ties = &self.positions[below..below + equal];
        below + ties.partition_point(|&position| counts((place.tie)(position)))
    }

    /// Inserts where there is room.
    pub fn insert(&mut self, slot: usize, item: Item) {
        let len = self.len();
        self.scores.copy_within(slot..len, slot + 1);
        self.positions.copy_within(slot..len, slot + 1);
        self.len += 1;
        self.set(slot, item);
    }

    pub fn remove(&mut self, slot: usize) -> Item {
        let removed = self.get(slot);
        let len = self.len();
        self.scores.copy_within(slot + 1..len, slot);
        self.positions.copy_within(slot + 1..len, slot);
        self.len -= 1;
        removed
    }

    /// The items from `slot` on, which leave.
    pub fn split_off(&mut self, slot: usize) -> Self {
        let mut tail = Self::new();
        tail.extend(&self.scores[slot..self.len()], &self.positions[slot..self.len()]);
        self.len = slot as u16;
        tail
    }

    pub fn append(&mut self, other: &Self) {
        self.extend(&other.scores[..other.len()], &other.positions[..other.len()]);
    }

    fn extend(&mut self, scores: &[f64], positions: &[u32]) {
        let (from, to) = (self.len(), self.len() + scores.len());
        self.scores[from..to].copy_from_slice(scores);
        self.positions[from..to].copy_from_slice(positions);
        self.len = to as u16;
    }
}
