//! The sorted set behind ZADD and its kin: members by score, then by their bytes.
//!
//! ```text
//!   listpack   few, short   member, score, member, score ... in order        pairs
//!   skiplist   any          a dict of members, a counting tree of positions  table, tree
//! ```
//!
//! The names, and the rules by which the one becomes the other, are those of Redis 7.2. (There is
//! no skip list; clients know the encoding by that name.)
//!
//! Every kind of range is first turned into ranks, which takes logarithmic time, and then
//! read, counted or removed by rank: see [`ZSet::by_score`], [`ZSet::by_lex`] and [`ZSet::range`].

mod algebra;
mod bound;
mod pairs;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use self::algebra::{Aggregate, Input, Source, difference, intersection, intersection_count, union};
pub use self::bound::{LexBound, ScoreBound, parse_float};
use self::table::Table;
use super::Thresholds;
use super::dict::Ahead;
use super::packed::{Element, IntText, Packed};
use super::random::{Rng, below, choose};
use smallvec::SmallVec;
use std::iter::from_fn;
use std::ops::Range;

/// Scores are never NaN: whoever adds one has made sure.
#[derive(Default, Clone)]
pub struct ZSet {
    body: Body,
}

#[derive(Clone)]
enum Body {
    Pairs(Packed),
    Table(Box<Table>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Pairs(Packed::new())
    }
}

/// What setting a score has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Added,
    Updated,
    Unchanged,
}

/// Infinities of either sign do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

impl ZSet {
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty sorted set for `count` arguments of ZADD, the first member of them `first_len` bytes.
    pub fn for_members(first_len: usize, count: usize, limits: &Thresholds) -> Self {
        let mut zset = Self::new();
        if first_len > limits.zset_max_listpack_value {
            zset.become_table();
        }
        zset.expect(count, limits);
        zset
    }

    /// Before `count` more members come: grows now where so many alone would be too many.
    pub fn expect(&mut self, count: usize, limits: &Thresholds) {
        if count > limits.zset_max_listpack_entries {
            self.become_table();
        }
    }

    pub fn len(&self) -> usize {
        match &self.body {
            Body::Pairs(pairs) => pairs::len(pairs),
            Body::Table(table) => table.members.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.body {
            Body::Pairs(pairs) => pairs::find(pairs, member).map(|(_, score)| score),
            Body::Table(table) => table.score(member),
        }
    }

    /// Adds the member, or changes its score.
    pub fn set(&mut self, member: &[u8], score: f64, limits: &Thresholds) -> Change {
        debug_assert!(!score.is_nan());
        match &mut self.body {
            Body::Pairs(pairs) => match pairs::find(pairs, member) {
                Some((_, old)) if old == score => return Change::Unchanged,
                Some((cursor, _)) => {
                    pairs::remove(pairs, cursor);
                    pairs::insert(pairs, member, score);
                    return Change::Updated;
                }
                None if fits(pairs, member, limits) => pairs::insert(pairs, member, score),
                None => self.become_table().insert(member, score),
            },
            Body::Table(table) => match table.members.position(member) {
                Some(position) if table.members.at(position).score == score => return Change::Unchanged,
                Some(position) => {
                    table.set_score(position, score);
                    return Change::Updated;
                }
                None => table.insert(member, score),
            },
        }
        Change::Added
    }

    /// Adds to the member's score; a missing member gets what would be added. Returns the new score.
    pub fn incr(&mut self, member: &[u8], by: f64, limits: &Thresholds) -> Result<f64, NotANumber> {
        let score = self.score(member).map_or(by, |score| score + by);
        if score.is_nan() {
            return Err(NotANumber);
        }
        self.set(member, score, limits);
        Ok(score)
    }

    /// Returns the score that the member had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.body {
            Body::Pairs(pairs) => {
                let (cursor, score) = pairs::find(pairs, member)?;
                pairs::remove(pairs, cursor);
                Some(score)
            }
            Body::Table(table) => {
                let position = table.members.position(member)?;
                Some(table.remove(position).score)
            }
        }
    }

    /// Calls `f` with about `count` members from `cursor` on, and returns the next cursor, 0 when all is done;
    /// see [`Dict::scan`](super::dict::Dict::scan). What is compact comes whole.
    pub fn scan(&self, cursor: u64, count: usize, f: &mut dyn FnMut(Element<'_>, f64)) -> u64 {
        if let Body::Table(table) = &self.body {
            let mut f = |entry: &table::Entry| f(Element::Bytes(&entry.member), entry.score);
            return table.members.scan(cursor, count, &mut f);
        }
        self.iter().for_each(|(member, score)| f(member, score));
        0
    }

    /// What is read first of its members, for prefetching.
    pub fn address(&self) -> *const u8 {
        match &self.body {
            Body::Pairs(pairs) => pairs.address(),
            Body::Table(table) => std::ptr::from_ref(&**table).cast(),
        }
    }

    /// Where its members lie, if they are many.
    pub fn dict(&self) -> Option<&dyn Ahead> {
        match &self.body {
            Body::Table(table) => Some(&table.members),
            Body::Pairs(_) => None,
        }
    }

    pub fn encoding(&self) -> &'static str {
        match &self.body {
            Body::Pairs(_) => "listpack",
            Body::Table(_) => "skiplist",
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match &self.body {
            Body::Pairs(pairs) => pairs.heap_bytes(),
            Body::Table(table) => table.heap_bytes(),
        }
    }
}

/// By rank: 0 is the member with the lowest score.
impl ZSet {
    /// The rank of a member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        let rank = match &self.body {
            Body::Pairs(pairs) => {
                pairs::rank(pairs, |other, its_score| pairs::is_before(other, its_score, member, score))
            }
            Body::Table(table) => table.rank(member, score),
        };
        Some((rank, score))
    }

    /// The ranks of the members between two scores.
    pub fn by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        match &self.body {
            Body::Pairs(pairs) => forward(
                pairs::rank(pairs, |_, score| min.is_above(score)),
                pairs::rank(pairs, |_, score| max.reaches(score)),
            ),
            Body::Table(table) => forward(
                table.rank_of_score(min.score, min.exclusive),
                table.rank_of_score(max.score, !max.exclusive),
            ),
        }
    }

    /// The ranks of the members between two others. Means something only where all scores are the same.
    pub fn by_lex(&self, min: LexBound, max: LexBound) -> Range<usize> {
        let rank = |before: &dyn Fn(&[u8]) -> bool| match &self.body {
            Body::Pairs(pairs) => {
                pairs::rank(pairs, |member, _| before(member.as_bytes(&mut IntText::default())))
            }
            Body::Table(table) => table.rank_by_member(before),
        };
        forward(rank(&|member| min.is_above(member)), rank(&|member| max.reaches(member)))
    }

    /// The members at these ranks, of which there are as many; in order.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        self.walk(ranks, false)
    }

    /// As [`ZSet::range`], but from the highest rank to the lowest.
    pub fn range_rev(&self, ranks: Range<usize>) -> Iter<'_> {
        self.walk(ranks, true)
    }

    /// All members, in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    fn walk(&self, ranks: Range<usize>, reverse: bool) -> Iter<'_> {
        let walk = match &self.body {
            Body::Pairs(pairs) => Walk::Pairs(pairs::iter(pairs, ranks)),
            Body::Table(table) => Walk::Table(table, table.order.iter(ranks)),
        };
        Iter { walk, reverse, ahead: SmallVec::new() }
    }

    /// Removes the members at these ranks, of which there are as many.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        match &mut self.body {
            Body::Pairs(pairs) => pairs.remove_range(2 * ranks.start..2 * ranks.end),
            Body::Table(table) => ranks.clone().for_each(|_| table.remove_at(ranks.start)),
        }
    }
}

/// By chance.
impl ZSet {
    /// One member, each with the same odds.
    pub fn random(&self, rng: Rng) -> Option<(Element<'_>, f64)> {
        (!self.is_empty()).then(|| self.at(below(self.len(), rng)))
    }

    /// `count` different members, or all of them where there are fewer.
    pub fn sample(&self, count: usize, rng: Rng) -> Vec<(Element<'_>, f64)> {
        if count >= self.len() {
            return self.iter().collect();
        }
        let chosen = choose(self.len(), count, rng);
        if let Body::Table(_) = &self.body {
            return chosen.into_iter().map(|index| self.at(index)).collect();
        }
        let all = self.iter().enumerate();
        all.filter(|(index, _)| chosen.contains(index)).map(|(_, pair)| pair).collect()
    }

    /// In whatever order is at hand.
    fn at(&self, index: usize) -> (Element<'_>, f64) {
        match &self.body {
            Body::Pairs(pairs) => pairs::at(pairs, index),
            Body::Table(table) => {
                let entry = table.members.at(index);
                (Element::Bytes(&entry.member), entry.score)
            }
        }
    }
}

impl ZSet {
    /// Thresholds bound how much there is to move.
    fn become_table(&mut self) -> &mut Table {
        if let Body::Pairs(pairs) = &self.body {
            let mut table = Table::new();
            for (member, score) in pairs::iter(pairs, 0..pairs::len(pairs)) {
                table.insert(member.as_bytes(&mut IntText::default()), score);
            }
            self.body = Body::Table(Box::new(table));
        }
        match &mut self.body {
            Body::Table(table) => table,
            Body::Pairs(_) => unreachable!("made a table above"),
        }
    }
}

/// Whether one block may hold another member.
fn fits(pairs: &Packed, member: &[u8], limits: &Thresholds) -> bool {
    pairs::len(pairs) < limits.zset_max_listpack_entries
        && member.len() <= limits.zset_max_listpack_value
        && pairs.bytes() + member.len() < Packed::BYTES_MAX - 64
}

/// Bounds in the wrong order make an empty range.
fn forward(start: usize, end: usize) -> Range<usize> {
    start..end.max(start)
}

/// Members and scores, in one direction or the other.
pub struct Iter<'a> {
    walk: Walk<'a>,
    reverse: bool,
    /// The next few, the first of them last. Members of a table lie all over memory; looking up several at
    /// once lets the processor wait for them together, which halves the time.
    ahead: SmallVec<[(Element<'a>, f64); 16]>,
}

enum Walk<'a> {
    Pairs(pairs::Iter<'a>),
    Table(&'a Table, tree::Iter<'a>),
}

impl<'a> Iter<'a> {
    fn look_ahead(&mut self) {
        let room = self.ahead.inline_size();
        match &mut self.walk {
            Walk::Pairs(pairs) => {
                let next = || if self.reverse { pairs.next_back() } else { pairs.next() };
                self.ahead.extend(from_fn(next).take(room));
            }
            Walk::Table(table, order) => {
                let next = || if self.reverse { order.next_back() } else { order.next() };
                let pair = |item: tree::Item| (Element::Bytes(table.member(item.position)), item.score);
                self.ahead.extend(from_fn(next).take(room).map(pair));
            }
        }
        self.ahead.reverse();
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ahead.is_empty() {
            self.look_ahead();
        }
        self.ahead.pop()
    }

    /// As `next` again and again, without setting the next few aside.
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        let folded = self.ahead.drain(..).rev().fold(init, &mut f);
        match self.walk {
            Walk::Pairs(pairs) if self.reverse => pairs.rev().fold(folded, f),
            Walk::Pairs(pairs) => pairs.fold(folded, f),
            Walk::Table(table, order) if self.reverse => table.fold(order.rev(), folded, f),
            Walk::Table(table, order) => table.fold(order, folded, f),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let behind = match &self.walk {
            Walk::Pairs(pairs) => pairs.len(),
            Walk::Table(_, order) => order.len(),
        };
        let left = behind + self.ahead.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
