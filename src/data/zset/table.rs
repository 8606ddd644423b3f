//! A large sorted set: its members in a dict, their order in a tree of positions.

use super::tree::{self, Place, Tree};
use crate::data::blob::Blob;
use crate::data::dict::{Dict, Keyed};
use crate::data::packed;
use crate::data::prefetch::prefetch;
use std::cmp::Ordering;

#[derive(Clone)]
pub struct Table {
    pub members: Dict<Entry>,
    pub order: Tree,
    /// What the members own beside the dict.
    member_bytes: usize,
}

#[derive(Clone)]
pub struct Entry {
    pub member: Blob,
    pub score: f64,
}

impl Keyed for Entry {
    fn key(&self) -> &[u8] {
        &self.member
    }

    fn address(&self) -> *const u8 {
        self.member.address()
    }
}

impl Table {
    pub fn new() -> Self {
        Self { members: Dict::new(), order: Tree::new(), member_bytes: 0 }
    }

    pub fn of(members: Dict<Entry>) -> Self {
        // In order, so that leaves fill up; the tree itself sees to it that each finds its place.
        let mut positions: Vec<u32> = (0..members.len() as u32).collect();
        positions.sort_unstable_by(|&a, &b| {
            let (a, b) = (members.at(a as usize), members.at(b as usize));
            a.score.total_cmp(&b.score).then_with(|| (*a.member).cmp(&b.member))
        });
        let mut order = Tree::new();
        for position in positions {
            let Entry { score, member } = members.at(position as usize);
            order.insert(position, &place(&members, *score, member));
        }
        let member_bytes = members.iter().map(|entry| entry.member.heap_bytes()).sum();
        Self { members, order, member_bytes }
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.members.get(member).map(|entry| entry.score)
    }

    /// Adds a member that is not in here.
    pub fn insert(&mut self, member: &[u8], score: f64) {
        let entry = Entry { member: Blob::new(member), score };
        let position = self.members.len() as u32;
        self.member_bytes += entry.member.heap_bytes();
        self.members.insert_new(entry);
        self.order.insert(position, &place(&self.members, score, member));
    }

    /// Changes the score of the member at `position`.
    pub fn set_score(&mut self, position: usize, score: f64) {
        let Entry { member, score: old } = self.members.at(position);
        self.order.remove(&place(&self.members, *old, member));
        self.order.insert(position as u32, &place(&self.members, score, member));
        self.members.at_mut(position).score = score;
    }

    pub fn remove(&mut self, position: usize) -> Entry {
        let Entry { member, score } = self.members.at(position);
        self.order.remove(&place(&self.members, *score, member));
        self.forget(position)
    }

    pub fn remove_at(&mut self, rank: usize) {
        let position = self.order.remove_at(rank).position;
        self.forget(position as usize);
    }

    /// Takes out a member that the order no longer names. The dict moves its last member into the
    /// gap, so the order has to know.
    fn forget(&mut self, position: usize) -> Entry {
        let last = self.members.len() - 1;
        if position != last {
            let Entry { member, score } = self.members.at(last);
            self.order.relocate(position as u32, &place(&self.members, *score, member));
        }
        let entry = self.members.swap_remove(position);
        self.member_bytes -= entry.member.heap_bytes();
        entry
    }

    pub fn rank(&self, member: &[u8], score: f64) -> usize {
        self.order.rank(&place(&self.members, score, member))
    }

    /// How many members come before a score: those who have it too, if `ties`.
    pub fn rank_of_score(&self, score: f64, ties: bool) -> usize {
        let tie = if ties { Ordering::Less } else { Ordering::Greater };
        self.order.rank(&Place { score, tie: |_| tie })
    }

    /// How many members come `before` something, which says so of the first ones and of no others.
    /// Looks only at those with the lowest score.
    pub fn rank_by_member(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        let Some(first) = self.order.iter(0..self.order.len()).next() else { return 0 };
        let tie = |position| if before(self.member(position)) { Ordering::Less } else { Ordering::Greater };
        self.order.rank(&Place { score: first.score, tie })
    }

    pub fn member(&self, position: u32) -> &[u8] {
        &self.members.at(position as usize).member
    }

    /// Folds the members at these places of the order. They lie all over memory: some at a time are asked for ahead.
    pub fn fold<'t, B>(
        &'t self,
        mut places: impl Iterator<Item = tree::Item>,
        init: B,
        mut f: impl FnMut(B, (packed::Element<'t>, f64)) -> B,
    ) -> B {
        let mut folded = init;
        let mut some = [None; 16];
        loop {
            for next in &mut some {
                *next = places.next().map(|tree::Item { score, position }| {
                    let member = &self.members.at(position as usize).member;
                    prefetch(member.address());
                    (member, score)
                });
            }
            for next in some {
                let Some((member, score)) = next else { return folded };
                folded = f(folded, (packed::Element::Bytes(member), score));
            }
        }
    }

    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.members.heap_bytes() + self.order.heap_bytes() + self.member_bytes
    }
}

/// Where a member is, or would be: among those with the same score, in the order of their bytes.
fn place(members: &Dict<Entry>, score: f64, member: &[u8]) -> Place<impl Fn(u32) -> Ordering> {
    Place { score, tie: move |position| (*members.at(position as usize).member).cmp(member) }
}
