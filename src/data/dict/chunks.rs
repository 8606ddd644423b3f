//! A dense sequence that grows and shrinks at its end without ever moving more than one chunk.
//!
//! A `Vec` of a million elements is copied whole when it grows; here only the last chunk is.
//! Every chunk but the last is full, so a position is found by a shift and a mask.

use std::iter::Flatten;
use std::ops::{Index, IndexMut};
use std::slice;

/// Elements of a full chunk.
const CHUNK: usize = 512;

#[derive(Clone)]
pub struct Chunks<T> {
    chunks: Vec<Vec<T>>,
}

/// The elements, in order of position.
pub type Iter<'a, T> = Flatten<slice::Iter<'a, Vec<T>>>;

impl<T> Chunks<T> {
    pub const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub fn push(&mut self, element: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => {
                if last.len() == last.capacity() {
                    last.reserve_exact(last.len().max(4).min(CHUNK - last.len()));
                }
                last.push(element);
            }
            _ => self.chunks.push(vec![element]),
        }
    }

    /// Removes the element at `position`; the last element takes its place.
    pub fn swap_remove(&mut self, position: usize) -> T {
        let last = self.chunks.last_mut().expect("a position exists only where there is an element");
        let mut element = last.pop().expect("no chunk is empty");
        give_back(last);
        if last.is_empty() {
            self.chunks.pop();
            give_back(&mut self.chunks);
        }
        if position < self.len() {
            std::mem::swap(&mut element, &mut self[position]);
        }
        element
    }

    pub fn iter(&self) -> Iter<'_, T> {
        self.chunks.iter().flatten()
    }

    pub fn heap_bytes(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        let elements = full + self.chunks.last().map_or(0, Vec::capacity);
        self.chunks.capacity() * size_of::<Vec<T>>() + elements * size_of::<T>()
    }
}

fn give_back<T>(vec: &mut Vec<T>) {
    if vec.len() < vec.capacity() / 4 {
        vec.shrink_to(vec.len() * 2);
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, position: usize) -> &T {
        &self.chunks[position / CHUNK][position % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, position: usize) -> &mut T {
        &mut self.chunks[position / CHUNK][position % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_shrinks_across_chunks() {
        let mut chunks = Chunks::new();
        let mut model = Vec::new();
        for i in 0..CHUNK * 3 + 7 {
            chunks.push(i);
            model.push(i);
        }
        for i in 0..model.len() {
            let position = (i * 7919) % model.len();
            assert_eq!(chunks.swap_remove(position), model.swap_remove(position));
            assert_eq!(chunks.len(), model.len());
        }
        assert_eq!(chunks.heap_bytes(), 0);
    }

    #[test]
    fn iterates_in_order_of_position() {
        let mut chunks = Chunks::new();
        (0..CHUNK * 2).for_each(|i| chunks.push(i));
        assert!(chunks.iter().copied().eq(0..CHUNK * 2));
    }
}
