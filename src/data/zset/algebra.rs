//! Sorted sets (and plain sets, whose members all score 1) taken together, in common, or apart.
//!
//! Sums of floats depend on their order, so sources are taken in Redis's: by ascending size.

use super::table::{Entry, Table};
use super::{Body, ZSet};
use crate::data::Thresholds;
use crate::data::blob::Blob;
use crate::data::dict::Dict;
use crate::data::packed::{Element, IntText};
use crate::data::set::Set;
use smallvec::SmallVec;

/// Something that gives members a score.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    ZSet(&'a ZSet),
    Set(&'a Set),
}

/// A source, and what its scores are multiplied by.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub source: Source<'a>,
    pub weight: f64,
}

/// How the scores of one member in several sources become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Sum,
    Min,
    Max,
}

/// The members that are in any source.
pub fn union(inputs: &[Input<'_>], aggregate: Aggregate, limits: &Thresholds) -> ZSet {
    let mut result = Dict::new();
    for Input { source, weight } in by_size(inputs) {
        source.for_each(&mut |member, score| {
            let score = zero_if_nan(score * weight);
            let known: Option<&mut Entry> = result.get_mut(member);
            match known {
                Some(entry) => entry.score = aggregate.of(entry.score, score),
                None => result.insert_new(Entry { member: Blob::new(member), score }),
            }
        });
    }
    ZSet::of(result, limits)
}

/// The members that are in every source.
pub fn intersection(inputs: &[Input<'_>], aggregate: Aggregate, limits: &Thresholds) -> ZSet {
    let inputs = by_size(inputs);
    let Some((smallest, others)) = inputs.split_first() else { return ZSet::new() };
    let mut result = Dict::new();
    smallest.source.for_each(&mut |member, score| {
        let first = zero_if_nan(score * smallest.weight);
        let score = others.iter().try_fold(first, |score, other| {
            let its_score = other.source.score(member)? * other.weight;
            Some(aggregate.of(score, its_score))
        });
        if let Some(score) = score {
            result.insert_new(Entry { member: Blob::new(member), score });
        }
    });
    ZSet::of(result, limits)
}

/// How many members are in every source; counts no further than `limit`.
pub fn intersection_count(sources: &[Source<'_>], limit: usize) -> usize {
    let mut sources: SmallVec<[_; 8]> = sources.into();
    sources.sort_by_key(Source::len);
    let Some((smallest, others)) = sources.split_first() else { return 0 };
    let is_common = |member: &Element<'_>| {
        let mut text = IntText::default();
        let member = member.as_bytes(&mut text);
        others.iter().all(|other| other.score(member).is_some())
    };
    match smallest {
        Source::ZSet(zset) => zset.iter().filter(|(member, _)| is_common(member)).take(limit).count(),
        Source::Set(set) => set.iter().filter(is_common).take(limit).count(),
    }
}

/// The members of the first source that no other has, with the scores that they have in it.
pub fn difference(first: Source<'_>, others: &[Source<'_>], limits: &Thresholds) -> ZSet {
    let mut result = Dict::new();
    first.for_each(&mut |member, score| {
        if others.iter().all(|other| other.score(member).is_none()) {
            result.insert_new(Entry { member: Blob::new(member), score });
        }
    });
    ZSet::of(result, limits)
}

impl Source<'_> {
    fn len(&self) -> usize {
        match self {
            Self::ZSet(zset) => zset.len(),
            Self::Set(set) => set.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::ZSet(zset) => zset.score(member),
            Self::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    fn for_each(&self, f: &mut dyn FnMut(&[u8], f64)) {
        let mut call = |member: Element<'_>, score| f(member.as_bytes(&mut IntText::default()), score);
        match self {
            Self::ZSet(zset) => zset.iter().for_each(|(member, score)| call(member, score)),
            Self::Set(set) => set.iter().for_each(|member| call(member, 1.0)),
        }
    }
}

impl Aggregate {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum => zero_if_nan(a + b),
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

impl ZSet {
    /// As small as the members allow.
    fn of(members: Dict<Entry>, limits: &Thresholds) -> Self {
        let compact = members.len() <= limits.zset_max_listpack_entries
            && members.iter().all(|entry| entry.member.len() <= limits.zset_max_listpack_value);
        if !compact {
            return Self { body: Body::Table(Box::new(Table::of(members))) };
        }
        let mut zset = Self::new();
        for Entry { member, score } in members.iter() {
            zset.set(member, *score, limits);
        }
        zset
    }
}

fn by_size<'a>(inputs: &[Input<'a>]) -> SmallVec<[Input<'a>; 8]> {
    let mut inputs: SmallVec<[_; 8]> = inputs.into();
    inputs.sort_by_key(|input| input.source.len());
    inputs
}

/// Infinities that cancel each other out, and an infinity taken zero times.
fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}
