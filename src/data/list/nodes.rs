//! A long list: a queue of packed blocks, each small enough that a change inside it is quick.

use super::{End, Place};
use crate::data::packed::{self, Element, Needle, Packed};
use std::collections::{VecDeque, vec_deque};
use std::ops::Range;

/// How much one node holds; a single element may exceed it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    bytes: usize,
    len: usize,
}

impl Limit {
    /// From `list-max-listpack-size`. A number of elements comes with a bound in bytes too.
    pub fn new(list_max_listpack_size: i32) -> Self {
        match list_max_listpack_size {
            size @ ..0 => Self { bytes: 2048 << size.unsigned_abs().min(5), len: usize::MAX },
            len => Self { bytes: 8192, len: len.max(1) as usize },
        }
    }

    pub fn holds(self, bytes: usize, len: usize) -> bool {
        bytes <= self.bytes && len <= self.len
    }

    /// Whether `elements` may take `text` in.
    pub fn admits(self, elements: &Packed, text: &[u8]) -> bool {
        self.holds(elements.bytes() + Packed::bytes_for(text), elements.len() + 1)
    }

    /// Below this, nodes are merged and a list is one block again: far enough from the limit that the
    /// next change does not undo it.
    pub fn half(self) -> Self {
        Self { bytes: self.bytes / 2, len: self.len / 2 }
    }
}

/// From so many nodes on, a new one at an end gets the room that the one beside it came to need: its block need not be
/// moved again and again while it grows, nor leave blocks of each size behind. What may stay unused is little beside the
/// others.
const ROOMY_FROM: usize = 16;

/// Never empty.
#[derive(Clone)]
struct Node {
    elements: Packed,
    /// Kept here too, so that finding an index touches no block.
    len: usize,
}

impl Node {
    fn new(elements: Packed) -> Self {
        Self { len: elements.len(), elements }
    }

    /// Changes the elements and keeps `len` true.
    fn change<R>(&mut self, change: impl FnOnce(&mut Packed) -> R) -> R {
        let result = change(&mut self.elements);
        self.len = self.elements.len();
        result
    }
}

#[derive(Clone)]
pub(super) struct Nodes {
    nodes: VecDeque<Node>,
    len: usize,
}

impl Nodes {
    pub fn new(elements: Packed) -> Self {
        let len = elements.len();
        let nodes = if len == 0 { VecDeque::new() } else { VecDeque::from([Node::new(elements)]) };
        Self { nodes, len }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Exact up to 64 nodes, then by a sample of them.
    pub fn heap_bytes(&self) -> usize {
        let step = self.nodes.len() / 64 + 1;
        let sampled: usize = self.nodes.iter().step_by(step).map(|node| node.elements.heap_bytes()).sum();
        let blocks = sampled * self.nodes.len() / self.nodes.len().div_ceil(step).max(1);
        size_of::<Self>() + self.nodes.capacity() * size_of::<Node>() + blocks
    }

    /// Becomes one block, where what is left fits into `limit` in one node.
    pub fn take_single(&mut self, limit: Limit) -> Option<Packed> {
        if self.nodes.len() > 1 {
            return None;
        }
        let Some(node) = self.nodes.front_mut() else { return Some(Packed::new()) };
        limit.holds(node.elements.bytes(), node.len).then(|| std::mem::take(&mut node.elements))
    }

    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        let (node, within) = self.locate(index);
        self.nodes.get(node)?.elements.get(within)
    }

    /// The elements of a range that lies within the list.
    pub fn range(&self, range: Range<usize>) -> Iter<'_> {
        let (first, from) = self.locate(range.start);
        let (last, to) = self.locate(range.end);
        let Some(node) = self.nodes.get(first) else { return Iter::default() };
        if first == last {
            return Iter::block(node.elements.range(from..to));
        }
        Iter {
            front: node.elements.range(from..node.len),
            nodes: self.nodes.range(first + 1..last),
            back: self.nodes[last].elements.range(0..to),
            remaining: range.len(),
        }
    }

    pub fn push(&mut self, end: End, text: &[u8], limit: Limit) {
        let node = match end {
            End::Front => self.nodes.front_mut(),
            End::Back => self.nodes.back_mut(),
        };
        match node {
            Some(node) if limit.admits(&node.elements, text) => node.change(|elements| match end {
                End::Front => elements.push_front(text),
                End::Back => elements.push_back(text),
            }),
            full => {
                let room = full.map_or(0, |node| node.elements.heap_bytes()).min(limit.bytes);
                let room = if self.nodes.len() < ROOMY_FROM { 0 } else { room };
                let node = Node::new(Packed::with_room(text, room, matches!(end, End::Front)));
                match end {
                    End::Front => self.nodes.push_front(node),
                    End::Back => self.nodes.push_back(node),
                }
            }
        }
        self.len += 1;
    }

    /// Removes `count` elements, which there are, at one end.
    pub fn discard(&mut self, end: End, count: usize) {
        self.len -= count;
        let mut rest = count;
        while rest > 0 {
            let node = match end {
                End::Front => self.nodes.front_mut(),
                End::Back => self.nodes.back_mut(),
            };
            let Some(node) = node else { break };
            let len = node.len;
            if rest < len {
                node.change(|elements| match end {
                    End::Front => elements.remove_range(0..rest),
                    End::Back => elements.remove_range(len - rest..len),
                });
                break;
            }
            rest -= len;
            match end {
                End::Front => self.nodes.pop_front(),
                End::Back => self.nodes.pop_back(),
            };
        }
        self.give_back();
    }

    /// Replaces the element at `index`, which is below the length.
    pub fn set(&mut self, index: usize, text: &[u8], limit: Limit) {
        let (n, within) = self.locate(index);
        let Node { elements, len } = &mut self.nodes[n];
        let cursor = elements.seek(within);
        let bytes = elements.bytes() - elements.bytes_at(cursor) + Packed::bytes_for(text);
        if *len == 1 {
            elements.replace_at(cursor, text);
            self.merge(n..n + 1, limit);
        } else if limit.holds(bytes, *len) {
            elements.replace_at(cursor, text);
        } else {
            let tail = elements.split_off(elements.after(cursor));
            elements.remove_at(cursor, 1);
            self.part(n, Packed::from_iter([text]), tail);
        }
    }

    /// Puts `text` beside the first element equal to `pivot`; says whether there is one.
    pub fn insert(&mut self, place: Place, pivot: &[u8], text: &[u8], limit: Limit) -> bool {
        let needle = Needle::new(pivot);
        let found = |(n, node): (usize, &Node)| node.elements.find(&needle, 1).map(|cursor| (n, cursor));
        let Some((n, cursor)) = self.nodes.iter().enumerate().find_map(found) else { return false };
        self.len += 1;
        let elements = &self.nodes[n].elements;
        let cursor = match place {
            Place::Before => cursor,
            Place::After => elements.after(cursor),
        };
        if limit.admits(elements, text) {
            self.nodes[n].change(|elements| elements.insert_at(cursor, text));
            return true;
        }
        let mut tail = self.nodes[n].elements.split_off(cursor);
        let mut middle = Packed::new();
        let head = &mut self.nodes[n].elements;
        if limit.admits(head, text) {
            head.push_back(text);
        } else if limit.admits(&tail, text) {
            tail.push_front(text);
        } else {
            middle.push_back(text);
        }
        self.part(n, middle, tail);
        self.merge(n..n + 3, limit);
        true
    }

    /// Removes up to `count` elements equal to `needle`, the first or the last ones; says how many.
    pub fn remove(&mut self, needle: &Needle<'_>, count: usize, from: End, limit: Limit) -> usize {
        let mut left = count;
        let mut touched = self.nodes.len()..0;
        for step in 0..self.nodes.len() {
            let n = match from {
                End::Front => step,
                End::Back => self.nodes.len() - 1 - step,
            };
            let removed = self.nodes[n].change(|elements| remove_equal(elements, needle, left, from));
            left -= removed;
            if removed > 0 {
                touched = touched.start.min(n)..touched.end.max(n + 1);
            }
            if left == 0 {
                break;
            }
        }
        self.len -= count - left;
        self.merge(touched, limit);
        count - left
    }

    /// The node that holds `index`, and the index within it; past the end, the end of the last node.
    fn locate(&self, index: usize) -> (usize, usize) {
        if index < self.len / 2 {
            let mut rest = index;
            for (n, node) in self.nodes.iter().enumerate() {
                if rest < node.len {
                    return (n, rest);
                }
                rest -= node.len;
            }
        } else {
            let mut behind = self.len.saturating_sub(index);
            for (n, node) in self.nodes.iter().enumerate().rev() {
                if behind <= node.len {
                    return (n, node.len - behind);
                }
                behind -= node.len;
            }
        }
        (0, 0)
    }

    /// What was node `n` is now three, some perhaps empty: what it still holds, `middle` and `tail`.
    fn part(&mut self, n: usize, middle: Packed, tail: Packed) {
        for elements in [tail, middle] {
            if !elements.is_empty() {
                self.nodes.insert(n + 1, Node::new(elements));
            }
        }
        if self.nodes[n].elements.is_empty() {
            self.nodes.remove(n);
        } else {
            self.nodes[n].change(|_| ());
        }
    }

    /// Drops the nodes among `touched` that became empty, and lets each take its successors in as long as they
    /// fill half a node at most.
    fn merge(&mut self, touched: Range<usize>, limit: Limit) {
        let first = touched.start.saturating_sub(1);
        let end = (touched.end + 1).min(self.nodes.len());
        let (mut into, mut emptied) = (first, false);
        for n in first..end {
            let elements = std::mem::take(&mut self.nodes[n].elements);
            let bytes = self.nodes[into].elements.bytes() + elements.bytes();
            let len = self.nodes[into].elements.len() + elements.len();
            if n > into && !limit.half().holds(bytes, len) && !elements.is_empty() {
                into = n;
            }
            emptied |= n > into || elements.is_empty();
            self.nodes[n].len = 0;
            self.nodes[into].change(|merged| {
                if merged.is_empty() { *merged = elements } else { merged.append(&elements) }
            });
        }
        if emptied {
            self.nodes.retain(|node| node.len > 0);
            self.give_back();
        }
    }

    /// Returns the queue's own memory once most of it is unused.
    fn give_back(&mut self) {
        if self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }
}

/// Removes up to `count` elements equal to `needle`, the first or the last ones; says how many.
pub(super) fn remove_equal(elements: &mut Packed, needle: &Needle<'_>, count: usize, from: End) -> usize {
    let equal = elements.iter().filter(|element| needle.matches(element)).count();
    let removed = equal.min(count);
    if removed > 0 {
        let spared = match from {
            End::Front => 0,
            End::Back => equal - removed,
        };
        let mut seen = 0;
        elements.retain(|element| {
            seen += usize::from(needle.matches(element));
            !needle.matches(element) || seen <= spared || seen > spared + removed
        });
    }
    removed
}

/// Elements in order, from either end: the rest of a first block, whole nodes, the rest of a last block.
#[derive(Clone, Default)]
pub struct Iter<'a> {
    front: packed::Iter<'a>,
    nodes: vec_deque::Iter<'a, Node>,
    back: packed::Iter<'a>,
    remaining: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn block(elements: packed::Iter<'a>) -> Self {
        Self { remaining: elements.len(), front: elements, ..Self::default() }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.remaining = self.remaining.checked_sub(1)?;
        loop {
            if let Some(element) = self.front.next() {
                return Some(element);
            }
            match self.nodes.next() {
                Some(node) => self.front = node.elements.iter(),
                None => return self.back.next(),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Element<'a>> {
        self.remaining = self.remaining.checked_sub(1)?;
        loop {
            if let Some(element) = self.back.next_back() {
                return Some(element);
            }
            match self.nodes.next_back() {
                Some(node) => self.back = node.elements.iter(),
                None => return self.front.next_back(),
            }
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
impl Nodes {
    pub fn check(&self, limit: Limit) {
        for node in &self.nodes {
            assert_eq!(node.len, node.elements.len());
            assert!(node.len == 1 || node.len > 1 && limit.holds(node.elements.bytes(), node.len));
            assert!(self.nodes.len() > 1 || !limit.half().holds(node.elements.bytes(), node.len));
        }
        assert!(!self.nodes.is_empty());
        assert_eq!(self.len, self.nodes.iter().map(|node| node.len).sum::<usize>());
    }
}
