//! An extendible hash index: hash -> position, never rebuilt as a whole.
//!
//! ```text
//!   hash:  1 0 1 1 0 0 ... ------------------------------+
//!          \_____/ the first `depth` bits                | the rest
//!   directory  000 001 010 011 100 101 110 111           v
//!               |   |   \  /    \   \   /  /      table: u32 positions
//!   segments   [a] [b]   [c]     [------d-----]   of at most SEGMENT_MAX elements
//! ```
//!
//! A segment of depth d owns every hash that begins with its d-bit prefix; 2^(depth - d) slots of
//! the directory name it. A full segment splits in two by the next bit, two sparse siblings merge:
//! that is all the work a growing or shrinking index ever does at once, besides doubling or halving
//! the directory, which holds one word for some hundreds of elements.
//!
//! The index knows no keys: whoever calls tells how to compare a position and how to hash it.

use super::chunks::Chunks;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::mem;

/// Elements of a segment before it splits: what a table of 512 buckets takes.
pub const SEGMENT_MAX: usize = 448;
/// Two siblings with no more elements than this together become one segment.
const MERGE_MAX: usize = SEGMENT_MAX / 2;
/// Bits of a prefix at most. Also keeps the directory's bits of the hash apart from the table's.
const DEPTH_MAX: u32 = 24;

#[derive(Clone)]
pub struct Index {
    /// Empty, or 2^`depth` numbers of segments.
    directory: Vec<u32>,
    depth: u32,
    /// Segments whose own depth is `depth`; when there are none, half the directory suffices.
    deepest: u32,
    segments: Chunks<Segment>,
}

#[derive(Clone)]
struct Segment {
    table: HashTable<u32>,
    /// The first `depth` bits of every hash in here.
    prefix: u32,
    depth: u32,
}

impl Index {
    pub const fn new() -> Self {
        Self { directory: Vec::new(), depth: 0, deepest: 0, segments: Chunks::new() }
    }

    /// The position under `hash` that `is_it` accepts.
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let &number = self.directory.get(self.slot(hash))?;
        self.segments[number as usize].table.find(table_hash(hash), |&p| is_it(p)).copied()
    }

    /// Adds a position that is not in the index.
    pub fn insert(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        if self.directory.is_empty() {
            self.directory.push(0);
            self.deepest = 1;
            self.segments.push(Segment { table: HashTable::new(), prefix: 0, depth: 0 });
        }
        let mut number = self.directory[self.slot(hash)];
        if self.segments[number as usize].table.len() >= SEGMENT_MAX && self.may_split(number) {
            self.split(number, &hash_of);
            number = self.directory[self.slot(hash)];
        }
        let table = &mut self.segments[number as usize].table;
        table.insert_unique(table_hash(hash), position, |&p| table_hash(hash_of(p)));
    }

    /// Removes a position that is in the index.
    pub fn remove(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        let number = self.directory[self.slot(hash)];
        let table = &mut self.segments[number as usize].table;
        if let Ok(entry) = table.find_entry(table_hash(hash), |&p| p == position) {
            entry.remove();
        }
        if table.len() < table.capacity() / 8 {
            table.shrink_to(table.len() * 2, |&p| table_hash(hash_of(p)));
        }
        self.merge(number, &hash_of);
    }

    /// The element at `old` has moved to `new`.
    pub fn relocate(&mut self, hash: u64, old: u32, new: u32) {
        let number = self.directory[self.slot(hash)];
        let table = &mut self.segments[number as usize].table;
        if let Some(position) = table.find_mut(table_hash(hash), |&p| p == old) {
            *position = new;
        }
    }

    /// The positions of the segment that owns `hash`, and the last hash that it owns.
    pub fn segment(&self, hash: u64) -> Option<(impl Iterator<Item = u32>, u64)> {
        let &number = self.directory.get(self.slot(hash))?;
        let segment = &self.segments[number as usize];
        Some((segment.table.iter().copied(), hash | low_bits(64 - segment.depth)))
    }

    pub fn heap_bytes(&self) -> usize {
        let tables: usize = self.segments.iter().map(|s| table_bytes(&s.table)).sum();
        self.directory.capacity() * size_of::<u32>() + self.segments.heap_bytes() + tables
    }

    fn slot(&self, hash: u64) -> usize {
        // In two steps, since a shift by 64 would be none.
        (hash >> 1 >> (63 - self.depth)) as usize
    }

    /// The slots that name a segment.
    fn slots(&self, prefix: u32, depth: u32) -> std::ops::Range<usize> {
        let span = self.depth - depth;
        (prefix as usize) << span..(prefix as usize + 1) << span
    }

    /// Hashes spread evenly, so depths differ by one or two. Should they ever not, a segment may
    /// rather outgrow its measure than the directory.
    fn may_split(&self, number: u32) -> bool {
        let depth = self.segments[number as usize].depth;
        depth < DEPTH_MAX && depth <= self.segments.len().ilog2() + 3
    }

    fn split(&mut self, number: u32, hash_of: &impl Fn(u32) -> u64) {
        let segment = &mut self.segments[number as usize];
        let (parent_prefix, parent_depth) = (segment.prefix, segment.depth);
        let (prefix, depth) = (parent_prefix << 1, parent_depth + 1);
        let parent = mem::take(&mut segment.table);
        let bit = 1 << (64 - depth);
        let (ones, zeros): (Vec<_>, Vec<_>) =
            parent.into_iter().map(|p| (hash_of(p), p)).partition(|(hash, _)| hash & bit != 0);
        *segment = Segment { table: table_of(&zeros, SEGMENT_MAX), prefix, depth };
        let sibling = self.segments.len() as u32;
        self.segments.push(Segment { table: table_of(&ones, SEGMENT_MAX), prefix: prefix | 1, depth });

        if parent_depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&number| [number; 2]).collect();
            self.depth += 1;
            self.deepest = 0;
        }
        if depth == self.depth {
            self.deepest += 2;
        }
        let slots = self.slots(prefix | 1, depth);
        self.directory[slots].fill(sibling);
    }

    /// Joins a segment with its sibling where both are sparse.
    fn merge(&mut self, number: u32, hash_of: &impl Fn(u32) -> u64) {
        let Segment { ref table, prefix, depth } = self.segments[number as usize];
        if depth == 0 || table.len() > MERGE_MAX {
            return;
        }
        let sibling = self.directory[self.slots(prefix ^ 1, depth).start];
        let other = &self.segments[sibling as usize];
        if other.depth != depth || table.len() + other.table.len() > MERGE_MAX {
            return;
        }
        let both = table.iter().chain(&other.table).map(|&p| (hash_of(p), p));
        let table = table_of(&both.collect::<SmallVec<[_; MERGE_MAX]>>(), MERGE_MAX);
        self.segments[number as usize] = Segment { table, prefix: prefix >> 1, depth: depth - 1 };
        let slots = self.slots(prefix >> 1, depth - 1);
        self.directory[slots].fill(number);
        self.drop_segment(sibling);
        if depth == self.depth {
            self.deepest -= 2;
            self.halve_directory();
        }
    }

    /// Drops a segment that no slot names; the last one takes its number.
    fn drop_segment(&mut self, number: u32) {
        self.segments.swap_remove(number as usize);
        if (number as usize) < self.segments.len() {
            let Segment { prefix, depth, .. } = self.segments[number as usize];
            let slots = self.slots(prefix, depth);
            self.directory[slots].fill(number);
        }
    }

    fn halve_directory(&mut self) {
        while self.deepest == 0 {
            self.directory = self.directory.iter().step_by(2).copied().collect();
            self.depth -= 1;
            self.deepest = self.segments.iter().filter(|s| s.depth == self.depth).count() as u32;
        }
    }
}

/// The table takes its own bits from the two ends of the hash; the directory's bits, alike for all
/// elements of a segment, must not be among them.
fn table_hash(hash: u64) -> u64 {
    hash.rotate_left(32)
}

/// A segment may have outgrown its measure before it was split, and most of it may go to one side.
fn table_of(elements: &[(u64, u32)], capacity: usize) -> HashTable<u32> {
    let mut table = HashTable::with_capacity(capacity.max(elements.len()));
    for &(hash, position) in elements {
        table.insert_unique(table_hash(hash), position, |_| unreachable!("the capacity was reserved"));
    }
    table
}

fn low_bits(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

/// What the table holds on the heap: a slot and a tag for each bucket, and a group of tags more.
fn table_bytes(table: &HashTable<u32>) -> usize {
    match table.capacity() {
        0 => 0,
        capacity => (capacity * 8 / 7).next_power_of_two() * (size_of::<u32>() + 1) + 16,
    }
}
