//! A large hash: a dict of fields, and an order of their deadlines.

use super::pair::Pair;
use super::{Field, Fields};
use crate::data::dict::{self, Ahead, Dict};
use std::collections::BTreeSet;

#[derive(Default, Clone)]
pub(super) struct Table {
    pairs: Dict<Pair>,
    /// What the pairs own.
    pair_bytes: usize,
    /// Exactly the deadlines in the pairs, with their fields' names.
    deadlines: BTreeSet<(u64, Box<[u8]>)>,
}

impl Table {
    pub fn dict(&self) -> &dyn Ahead {
        &self.pairs
    }

    pub fn iter(&self) -> Iter<'_> {
        Iter(self.pairs.iter())
    }

    pub fn scan(&self, cursor: u64, count: usize, f: &mut dyn FnMut(Field<'_>)) -> u64 {
        self.pairs.scan(cursor, count, &mut |pair| f(pair.field()))
    }

    /// Keeps the order of deadlines true as a field's changes.
    fn reorder(&mut self, name: &[u8], old_ms: Option<u64>, new_ms: Option<u64>) {
        if old_ms != new_ms {
            if let Some(old_ms) = old_ms {
                self.deadlines.remove(&(old_ms, name.into()));
            }
            if let Some(new_ms) = new_ms {
                self.deadlines.insert((new_ms, name.into()));
            }
        }
    }
}

impl Fields for Table {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn heap_bytes(&self) -> usize {
        // A tree's nodes are two thirds full on average.
        let deadline_bytes = self.deadlines.first().map_or(0, |(_, name)| 24 * 3 / 2 + name.len());
        self.pairs.heap_bytes() + self.pair_bytes + self.deadlines.len() * deadline_bytes
    }

    fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        self.pairs.get(name).map(Pair::field)
    }

    fn at(&self, position: usize) -> Field<'_> {
        self.pairs.at(position).field()
    }

    fn put(&mut self, name: &[u8], value: &[u8], deadline_ms: Option<u64>) -> Option<Option<u64>> {
        let pair = Pair::new(name, value, deadline_ms);
        self.pair_bytes += pair.heap_bytes();
        let old = self.pairs.insert(pair);
        let overwritten = old.map(|old| {
            self.pair_bytes -= old.heap_bytes();
            old.field().deadline_ms
        });
        self.reorder(name, overwritten.flatten(), deadline_ms);
        overwritten
    }

    fn set_deadline(&mut self, name: &[u8], deadline_ms: Option<u64>) {
        if let Some(pair) = self.pairs.get(name) {
            let value = pair.field().value.to_vec();
            self.put(name, &value, deadline_ms);
        }
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(pair) = self.pairs.remove(name) {
            self.pair_bytes -= pair.heap_bytes();
            self.reorder(name, pair.field().deadline_ms, None);
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        self.deadlines.first().map(|&(deadline_ms, _)| deadline_ms)
    }

    fn expired(&self, now_ms: u64) -> usize {
        self.deadlines.iter().take_while(|&&(deadline_ms, _)| deadline_ms <= now_ms).count()
    }

    fn all_expired(&self, now_ms: u64) -> bool {
        self.deadlines.len() == self.pairs.len()
            && self.deadlines.last().is_none_or(|&(deadline_ms, _)| deadline_ms <= now_ms)
    }

    fn remove_expired(&mut self, now_ms: u64, max: usize, removed: &mut dyn FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < max && self.next_deadline().is_some_and(|deadline_ms| deadline_ms <= now_ms) {
            let Some((_, name)) = self.deadlines.pop_first() else { break };
            if let Some(pair) = self.pairs.remove(&name) {
                self.pair_bytes -= pair.heap_bytes();
            }
            removed(&name);
            count += 1;
        }
        count
    }
}

pub(super) struct Iter<'a>(dict::Iter<'a, Pair>);

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        self.0.next().map(Pair::field)
    }
}
