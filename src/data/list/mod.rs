//! Lists: a queue of texts that is changed at its ends, and now and then in the middle.
//!
//! ```text
//! short   [ packed block ]                                     "listpack"
//! long    queue of nodes: [ packed ] [ packed ] ... [ packed ]   "quicklist"
//! ```
//!
//! A list is one block up to `list-max-listpack-size`, by default 8 KiB; from there on that bounds each
//! node. So no change moves more bytes than a node has, and an index is found by counting nodes.
//! A long list that shrinks below half of one node is short again.

mod nodes;
#[cfg(test)]
mod tests;

use super::Thresholds;
use super::packed::{Element, Needle, Packed};
pub use nodes::Iter;
use nodes::{Limit, Nodes, remove_equal};
use std::ops::Range;

#[derive(Clone)]
pub struct List(Repr);

#[derive(Clone)]
enum Repr {
    Short(Packed),
    Long(Box<Nodes>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Front,
    Back,
}

/// Where an element goes, seen from its pivot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Before,
    After,
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// What is read first of its elements, for prefetching.
    pub fn address(&self) -> *const u8 {
        match &self.0 {
            Repr::Short(elements) => elements.address(),
            Repr::Long(nodes) => std::ptr::from_ref(&**nodes).cast(),
        }
    }

    pub fn new() -> Self {
        Self(Repr::Short(Packed::new()))
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Short(packed) => packed.len(),
            Repr::Long(nodes) => nodes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Short(_) => "listpack",
            Repr::Long(_) => "quicklist",
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Short(packed) => packed.heap_bytes(),
            Repr::Long(nodes) => nodes.heap_bytes(),
        }
    }

    /// Where a client's index points: from the first element, or, negative, from behind the last.
    pub fn index(&self, index: i64) -> Option<usize> {
        let from_end = |back: u64| (self.len() as u64).checked_sub(back);
        let index = if index < 0 { from_end(index.unsigned_abs())? } else { index as u64 };
        (index < self.len() as u64).then_some(index as usize)
    }

    /// What a client's inclusive range covers, cut to what there is.
    pub fn span(&self, start: i64, stop: i64) -> Range<usize> {
        let len = i64::try_from(self.len()).unwrap_or(i64::MAX);
        let absolute = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
        let from = absolute(start).clamp(0, len);
        let to = absolute(stop).saturating_add(1).clamp(from, len);
        from as usize..to as usize
    }

    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        match &self.0 {
            Repr::Short(packed) => packed.get(index),
            Repr::Long(nodes) => nodes.get(index),
        }
    }

    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// The elements of a range that lies within the list, from either end; found by counting nodes.
    pub fn range(&self, range: Range<usize>) -> Iter<'_> {
        match &self.0 {
            Repr::Short(packed) => Iter::block(packed.range(range)),
            Repr::Long(nodes) => nodes.range(range),
        }
    }

    /// The element at an end.
    pub fn peek(&self, end: End) -> Option<Element<'_>> {
        match end {
            End::Front => self.get(0),
            End::Back => self.get(self.len().checked_sub(1)?),
        }
    }

    pub fn push(&mut self, end: End, text: &[u8], thresholds: &Thresholds) {
        let limit = limit(thresholds);
        match self.growing(text, limit) {
            Repr::Short(packed) => match end {
                End::Front => packed.push_front(text),
                End::Back => packed.push_back(text),
            },
            Repr::Long(nodes) => nodes.push(end, text, limit),
        }
    }

    /// Takes one element. To take many, or to save the copy: read them by [`List::range`], then
    /// [`List::discard`] them.
    pub fn pop(&mut self, end: End, thresholds: &Thresholds) -> Option<Vec<u8>> {
        let text = self.peek(end)?.to_vec();
        self.discard(end, 1, thresholds);
        Some(text)
    }

    /// Removes `count` elements at an end, or all there are.
    pub fn discard(&mut self, end: End, count: usize, thresholds: &Thresholds) {
        let len = self.len();
        let count = count.min(len);
        match &mut self.0 {
            Repr::Short(packed) => match end {
                End::Front => packed.remove_range(0..count),
                End::Back => packed.remove_range(len - count..len),
            },
            Repr::Long(nodes) => nodes.discard(end, count),
        }
        self.shrunk(thresholds);
    }

    /// Keeps the elements of a range that lies within the list.
    pub fn trim(&mut self, range: Range<usize>, thresholds: &Thresholds) {
        self.discard(End::Back, self.len() - range.end, thresholds);
        self.discard(End::Front, range.start, thresholds);
    }

    /// Replaces the element at `index`; says whether there is one.
    pub fn set(&mut self, index: usize, text: &[u8], thresholds: &Thresholds) -> bool {
        if index >= self.len() {
            return false;
        }
        let limit = limit(thresholds);
        match self.growing(text, limit) {
            Repr::Short(packed) => packed.replace(index, text),
            Repr::Long(nodes) => nodes.set(index, text, limit),
        }
        self.shrunk(thresholds);
        true
    }

    /// Puts `text` beside the first element equal to `pivot`; says whether there is one.
    pub fn insert(&mut self, place: Place, pivot: &[u8], text: &[u8], thresholds: &Thresholds) -> bool {
        let limit = limit(thresholds);
        match self.growing(text, limit) {
            Repr::Short(packed) => {
                let Some(found) = packed.find(&Needle::new(pivot), 1) else { return false };
                let cursor = match place {
                    Place::Before => found,
                    Place::After => packed.after(found),
                };
                packed.insert_at(cursor, text);
                true
            }
            Repr::Long(nodes) => {
                let found = nodes.insert(place, pivot, text, limit);
                self.shrunk(thresholds);
                found
            }
        }
    }

    /// Removes elements equal to `text`: all for a `count` of 0, else the first `count` ones, or the last ones
    /// where it is negative. Says how many.
    pub fn remove(&mut self, text: &[u8], count: i64, thresholds: &Thresholds) -> usize {
        let from = if count < 0 { End::Back } else { End::Front };
        let count = match count.unsigned_abs() {
            0 => self.len(),
            count => self.len().min(usize::try_from(count).unwrap_or(usize::MAX)),
        };
        let needle = Needle::new(text);
        let removed = match &mut self.0 {
            Repr::Short(packed) => remove_equal(packed, &needle, count, from),
            Repr::Long(nodes) => nodes.remove(&needle, count, from, limit(thresholds)),
        };
        self.shrunk(thresholds);
        removed
    }

    /// Indexes of elements equal to `text`, in the order of looking.
    pub fn positions(&self, text: &[u8], search: Search) -> Vec<usize> {
        let elements = self.iter().enumerate();
        match search.from {
            End::Front => search.run(elements, text),
            End::Back => search.run(elements.rev(), text),
        }
    }

    /// The representation that is to take `text` in: the long one, if the short one would grow too large.
    fn growing(&mut self, text: &[u8], limit: Limit) -> &mut Repr {
        if let Repr::Short(packed) = &mut self.0
            && !limit.admits(packed, text)
        {
            self.0 = Repr::Long(Box::new(Nodes::new(std::mem::take(packed))));
        }
        &mut self.0
    }

    fn shrunk(&mut self, thresholds: &Thresholds) {
        if let Repr::Long(nodes) = &mut self.0
            && let Some(packed) = nodes.take_single(limit(thresholds).half())
        {
            self.0 = Repr::Short(packed);
        }
    }
}

/// What [`List::positions`] looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    pub from: End,
    /// Equal elements passed over first.
    pub skip: usize,
    /// Positions wanted; 0 for all.
    pub count: usize,
    /// Elements looked at; 0 for all.
    pub depth: usize,
}

impl Search {
    fn run<'a>(self, elements: impl Iterator<Item = (usize, Element<'a>)>, text: &[u8]) -> Vec<usize> {
        let needle = Needle::new(text);
        let depth = if self.depth == 0 { usize::MAX } else { self.depth };
        let count = if self.count == 0 { usize::MAX } else { self.count };
        let (mut passed, mut found) = (0, Vec::new());
        for (index, element) in elements.take(depth) {
            if needle.matches(&element) {
                passed += 1;
                if passed > self.skip {
                    found.push(index);
                }
                if found.len() == count {
                    break;
                }
            }
        }
        found
    }
}

fn limit(thresholds: &Thresholds) -> Limit {
    Limit::new(thresholds.list_max_listpack_size)
}
