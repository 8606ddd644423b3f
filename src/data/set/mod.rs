//! The set behind SADD and its kin.
//!
//! ```text
//!   intset      only integers, few      sorted, as wide as the widest   Ints
//!   listpack    few, short              one block, as they came         Packed
//!   hashtable   any                     a dict of blobs                 Dict
//! ```
//!
//! The names, and the rules by which one becomes the next, are those of Redis 7.2, since clients
//! see both. A set never returns to a smaller encoding, but for [`Set::pop_many`].

mod algebra;
mod ints;
#[cfg(test)]
mod tests;

pub use self::algebra::{difference, intersection, union};
use self::ints::Ints;
use super::Thresholds;
use super::blob::Blob;
use super::dict::{self, Ahead, Dict};
use super::packed::{self, Element, IntText, Needle, Packed, canonical_int};
use super::random::{Rng, below, choose};
use std::mem;

#[derive(Default, Clone)]
pub struct Set {
    body: Body,
}

#[derive(Clone)]
enum Body {
    Ints(Ints),
    Packed(Packed),
    Table(Box<Table>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Ints(Ints::new())
    }
}

impl Set {
    /// An empty set that becomes whatever its members need.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set for `count` arguments of SADD, of which `first` is the first.
    pub fn for_members(first: &[u8], count: usize, limits: &Thresholds) -> Self {
        let body = if count <= limits.set_max_intset_entries && canonical_int(first).is_some() {
            Body::Ints(Ints::new())
        } else if count <= limits.set_max_listpack_entries {
            Body::Packed(Packed::new())
        } else {
            Body::Table(Box::default())
        };
        Self { body }
    }

    /// Before `count` more members come: grows now where so many alone would be too many.
    pub fn expect(&mut self, count: usize, limits: &Thresholds) {
        let most = match &self.body {
            Body::Ints(_) => limits.set_max_intset_entries,
            Body::Packed(_) => limits.set_max_listpack_entries,
            Body::Table(_) => return,
        };
        if count > most {
            self.become_table();
        }
    }

    pub fn len(&self) -> usize {
        match &self.body {
            Body::Ints(ints) => ints.len(),
            Body::Packed(packed) => packed.len(),
            Body::Table(table) => table.members.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.body {
            Body::Ints(ints) => canonical_int(member).is_some_and(|value| ints.contains(value)),
            Body::Packed(packed) => packed.find(&Needle::new(member), 1).is_some(),
            Body::Table(table) => table.members.contains(member),
        }
    }

    /// As [`Set::contains`], for what another collection gave out.
    pub fn contains_element(&self, member: &Element<'_>) -> bool {
        match (&self.body, member) {
            (Body::Ints(ints), Element::Int(value)) => ints.contains(*value),
            _ => self.contains(member.as_bytes(&mut IntText::default())),
        }
    }

    /// Whether the member is new.
    pub fn add(&mut self, member: &[u8], limits: &Thresholds) -> bool {
        match &mut self.body {
            Body::Ints(ints) => {
                if let Some(value) = canonical_int(member) {
                    let added = ints.insert(value);
                    if ints.len() > limits.set_max_intset_entries {
                        self.become_table();
                    }
                    return added;
                }
                self.outgrow_ints(member, limits);
            }
            Body::Packed(packed) => {
                if packed.find(&Needle::new(member), 1).is_some() {
                    return false;
                }
                if !fits(packed.len(), packed.bytes(), member, limits) {
                    self.become_table();
                }
            }
            Body::Table(_) => {}
        }
        match &mut self.body {
            Body::Ints(_) => unreachable!("outgrown above"),
            Body::Packed(packed) => {
                packed.push_back(member);
                true
            }
            Body::Table(table) => table.add(member),
        }
    }

    /// As [`Set::add`], for what another collection gave out.
    pub fn add_element(&mut self, member: &Element<'_>, limits: &Thresholds) -> bool {
        self.add(member.as_bytes(&mut IntText::default()), limits)
    }

    /// Whether the member was in the set.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.body {
            Body::Ints(ints) => canonical_int(member).is_some_and(|value| ints.remove(value)),
            Body::Packed(packed) => {
                let Some(cursor) = packed.find(&Needle::new(member), 1) else { return false };
                packed.remove_at(cursor, 1);
                true
            }
            Body::Table(table) => {
                let Some(position) = table.members.position(member) else { return false };
                table.remove_at(position);
                true
            }
        }
    }

    /// Integers in ascending order; else in the order they came, but that a removal from a table
    /// moves its last member into the gap.
    pub fn iter(&self) -> Iter<'_> {
        match &self.body {
            Body::Ints(ints) => Iter::Ints(ints.iter()),
            Body::Packed(packed) => Iter::Packed(packed.iter()),
            Body::Table(table) => Iter::Table(table.members.iter()),
        }
    }

    /// Calls `f` with about `count` members from `cursor` on, and returns the next cursor, 0 when all is
    /// done; see [`Dict::scan`]. What is compact comes whole.
    pub fn scan(&self, cursor: u64, count: usize, f: &mut dyn FnMut(Element<'_>)) -> u64 {
        if let Body::Table(table) = &self.body {
            return table.members.scan(cursor, count, &mut |member| f(Element::Bytes(member)));
        }
        self.iter().for_each(f);
        0
    }

    /// What is read first of its members, for prefetching.
    pub fn address(&self) -> *const u8 {
        match &self.body {
            Body::Ints(ints) => ints.address(),
            Body::Packed(packed) => packed.address(),
            Body::Table(table) => std::ptr::from_ref(&**table).cast(),
        }
    }

    /// Where its members lie, if they are many.
    pub fn dict(&self) -> Option<&dyn Ahead> {
        match &self.body {
            Body::Table(table) => Some(&table.members),
            Body::Ints(_) | Body::Packed(_) => None,
        }
    }

    pub fn encoding(&self) -> &'static str {
        match &self.body {
            Body::Ints(_) => "intset",
            Body::Packed(_) => "listpack",
            Body::Table(_) => "hashtable",
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match &self.body {
            Body::Ints(ints) => ints.heap_bytes(),
            Body::Packed(packed) => packed.heap_bytes(),
            Body::Table(table) => size_of::<Table>() + table.members.heap_bytes() + table.member_bytes,
        }
    }
}

/// By chance.
impl Set {
    /// One member, each with the same odds.
    pub fn random(&self, rng: Rng) -> Option<Element<'_>> {
        (!self.is_empty()).then(|| self.at(below(self.len(), rng)))
    }

    /// `count` different members, or all of them where there are fewer.
    pub fn sample(&self, count: usize, rng: Rng) -> Vec<Element<'_>> {
        if count >= self.len() {
            return self.iter().collect();
        }
        let chosen = choose(self.len(), count, rng);
        if let Body::Table(table) = &self.body {
            return chosen.into_iter().map(|at| Element::Bytes(table.members.at(at))).collect();
        }
        let all = self.iter().enumerate();
        all.filter(|(at, _)| chosen.contains(at)).map(|(_, member)| member).collect()
    }

    /// Removes one member, each with the same odds.
    pub fn pop(&mut self, rng: Rng) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let index = below(self.len(), rng);
        let member = self.at(index).to_vec();
        match &mut self.body {
            Body::Ints(ints) => _ = ints.remove(ints.get(index)),
            Body::Packed(packed) => packed.remove(index),
            Body::Table(table) => table.remove_at(index),
        }
        Some(member)
    }

    /// Removes `count` members, or all of them where there are fewer, and hands out each. Where
    /// little is left of a table, the rest starts over as a compact set.
    pub fn pop_many(&mut self, count: usize, limits: &Thresholds, rng: Rng, f: &mut dyn FnMut(Element<'_>)) {
        if count >= self.len() {
            mem::take(self).iter().for_each(f);
            return;
        }
        let chosen = choose(self.len(), count, rng);
        let mut indexes = 0..;
        let mut keep = |member: Element<'_>| {
            let keep = !indexes.next().is_some_and(|index| chosen.contains(&index));
            if !keep {
                f(member);
            }
            keep
        };
        match &mut self.body {
            Body::Ints(ints) => ints.retain(|value| keep(Element::Int(value))),
            Body::Packed(packed) => packed.retain(|member| keep(*member)),
            Body::Table(table) => {
                // From the last on, so that what moves into a gap was not chosen.
                for &position in chosen.iter().rev() {
                    f(Element::Bytes(table.members.at(position)));
                    table.remove_at(position);
                }
                if self.len() * 5 <= count {
                    self.start_over(limits);
                }
            }
        }
    }

    fn at(&self, index: usize) -> Element<'_> {
        match &self.body {
            Body::Ints(ints) => Element::Int(ints.get(index)),
            Body::Packed(packed) => packed.get(index).expect("callers stay below the length"),
            Body::Table(table) => Element::Bytes(table.members.at(index)),
        }
    }
}

/// From one encoding to the next. Thresholds bound how much there is to move.
impl Set {
    /// Makes room for the first member that is not an integer.
    fn outgrow_ints(&mut self, member: &[u8], limits: &Thresholds) {
        let Body::Ints(ints) = &self.body else { return };
        let widest = self.iter().map(|value| value.text_len()).max().unwrap_or(0);
        let bytes = ints.len() * (widest + 2);
        if widest <= limits.set_max_listpack_value && fits(ints.len(), bytes, member, limits) {
            let mut packed = Packed::new();
            self.iter().for_each(|value| packed.push_back(value.as_bytes(&mut IntText::default())));
            self.body = Body::Packed(packed);
        } else {
            self.become_table();
        }
    }

    fn start_over(&mut self, limits: &Thresholds) {
        let mut rest = Self { body: Body::Packed(Packed::new()) };
        for member in self.iter() {
            rest.add_element(&member, limits);
        }
        *self = rest;
    }

    fn become_table(&mut self) {
        let mut table = Table::default();
        for member in self.iter() {
            table.add(member.as_bytes(&mut IntText::default()));
        }
        self.body = Body::Table(Box::new(table));
    }
}

/// Whether one block may hold another member.
fn fits(len: usize, bytes: usize, member: &[u8], limits: &Thresholds) -> bool {
    len < limits.set_max_listpack_entries
        && member.len() <= limits.set_max_listpack_value
        && bytes + member.len() < Packed::BYTES_MAX - 64
}

/// The members of a large set, and the bytes that they own beside the dict.
#[derive(Default, Clone)]
struct Table {
    members: Dict<Blob>,
    member_bytes: usize,
}

impl Table {
    fn add(&mut self, member: &[u8]) -> bool {
        if self.members.contains(member) {
            return false;
        }
        let member = Blob::new(member);
        self.member_bytes += member.heap_bytes();
        self.members.insert_new(member);
        true
    }

    fn remove_at(&mut self, position: usize) {
        self.member_bytes -= self.members.swap_remove(position).heap_bytes();
    }
}

/// The members.
pub enum Iter<'a> {
    Ints(ints::Iter<'a>),
    Packed(packed::Iter<'a>),
    Table(dict::Iter<'a, Blob>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Self::Ints(ints) => ints.next().map(Element::Int),
            Self::Packed(packed) => packed.next(),
            Self::Table(table) => table.next().map(|member| Element::Bytes(member)),
        }
    }
}
