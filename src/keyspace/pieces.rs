//! Large collections go into a compaction's base piece by piece, so that no lock is held for long.
//!
//! ```text
//!   cut of the shard      piece   piece   piece            the rest of the shard is in the base
//!   ────────┬───────────────┬───────┬───────┬──────►       the collection's records go to the delta all the while
//! ```
//!
//! The log replays the base and then the delta. So a member that changes between two pieces ends right whether or not
//! it was copied before: its last record in the delta says what it is. A member that nobody changes is met by
//! the walk, however the table grows meanwhile (SCAN's guarantee). That holds for sets, sorted sets and hashes, whose
//! records say what a member *is*. Two things need care:
//!
//! - A list's records speak of positions, and a record that moves or copies a whole value takes along what is in the base
//!   by then. Before such a write the rest is copied at once, under the lock that the write holds anyway.
//! - A key that is empty for a moment in the replay, though it was not really, loses its deadline: so the last
//!   piece records the deadline once more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Keyspace;
use super::effects::Effects;
use super::entry::Entry;
use super::lock::Place;
use super::object::{Object, Type};
use super::shard::Shard;
use super::snapshot::Records;

/// Members of a collection that is copied apart from its shard, and of one piece.
const LARGE_MEMBERS: usize = 2048;
const PIECE_MEMBERS: usize = 1024;

/// The large collections that are not yet copied to their end.
#[derive(Default)]
pub struct Pieces {
    /// How many; what a write looks at.
    count: AtomicUsize,
    waiting: Mutex<BTreeMap<Place, Vec<Large>>>,
}

struct Large {
    key: Box<[u8]>,
    kind: Type,
    /// Where the walk goes on: a cursor, or an index of a list.
    next: u64,
    is_done: bool,
}

/// What one piece came to.
enum Copied {
    Part,
    /// The last of it. True if the key has a deadline, which is to be recorded.
    All(bool),
}

impl Pieces {
    /// Notes a collection that is too large to be copied with its shard. Called under the shard's lock.
    pub(super) fn set_aside(&self, place: Place, entry: &Entry) -> bool {
        let is_large = entry.object().is_some_and(|object| members(object) >= LARGE_MEMBERS);
        if is_large {
            let large = Large { key: entry.key().into(), kind: entry.kind(), next: 0, is_done: false };
            self.waiting().entry(place).or_default().push(large);
            self.count.fetch_add(1, Ordering::Release);
        }
        is_large
    }

    pub(super) fn clear(&self) {
        self.waiting().clear();
        self.count.store(0, Ordering::Release);
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Place, Vec<Large>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<(Place, Box<[u8]>)> {
        self.waiting().iter().find_map(|(place, large)| Some((*place, large.first()?.key.clone())))
    }

    /// Runs `copy` on a collection that still waits. Called under the shard's lock.
    fn with<R>(&self, place: Place, key: &[u8], copy: impl FnOnce(&mut Large) -> R) -> Option<R> {
        self.waiting().get_mut(&place)?.iter_mut().find(|large| *large.key == *key).map(copy)
    }

    fn forget(&self, place: Place, key: &[u8]) {
        let mut waiting = self.waiting();
        let Some(of_shard) = waiting.get_mut(&place) else { return };
        of_shard.retain(|large| *large.key != *key);
        if of_shard.is_empty() {
            waiting.remove(&place);
        }
        let left = waiting.values().map(Vec::len).sum();
        self.count.store(left, Ordering::Release);
    }

    fn of(&self, place: Place, wanted: impl Fn(&Large) -> bool) -> Vec<Box<[u8]>> {
        let waiting = self.waiting();
        let large = waiting.get(&place).into_iter().flatten();
        large.filter(|large| wanted(large)).map(|large| large.key.clone()).collect()
    }
}

impl Keyspace {
    /// Copies the next piece of a large collection; `None` once all are copied. `record` appends effects to the log while
    /// the shard is locked, and returns their number.
    pub fn copy_piece(&self, record: impl FnOnce(Effects, u32) -> u64) -> Option<Effects> {
        let (place, key) = self.cuts.pieces.next()?;
        let mut effects = Effects::new();
        let copied =
            self.with_shard(place, |shard| self.copy(shard, place, &key, PIECE_MEMBERS, &mut effects));
        match copied {
            Some(Copied::Part) => return Some(effects),
            Some(Copied::All(true)) => self.record_deadline(place, &key, record),
            Some(Copied::All(false)) | None => {}
        }
        self.cuts.pieces.forget(place, &key);
        Some(effects)
    }

    /// Before a write to these shards, which are locked for it: the rest of their lists is copied.
    #[cold]
    pub(super) fn copy_lists<'s>(&self, shards: impl Iterator<Item = (Place, Shard<'s>)>) {
        if self.cuts.pieces.is_empty() {
            return;
        }
        for (place, shard) in shards {
            for key in self.cuts.pieces.of(place, |large| large.kind == Type::List) {
                // Its deadline was copied with it.
                self.copy_rest(shard, place, &key);
            }
        }
    }

    /// Before a write that moves whole values of this shard, all of them or one: the rest of them is copied. Returns
    /// those whose deadline is to be recorded again.
    pub(super) fn copy_values(&self, shard: Shard<'_>, place: Place, only: Option<&[u8]>) -> Vec<Box<[u8]>> {
        if self.cuts.pieces.is_empty() {
            return Vec::new();
        }
        let mut keys = self.cuts.pieces.of(place, |large| only.is_none_or(|key| *large.key == *key));
        keys.retain(|key| self.copy_rest(shard, place, key));
        keys
    }

    /// Copies all that is left of a collection. Returns whether its deadline is to be recorded again.
    fn copy_rest(&self, shard: Shard<'_>, place: Place, key: &[u8]) -> bool {
        let mut effects = Effects::new();
        let copied = self.copy(shard, place, key, usize::MAX, &mut effects);
        // Before it is forgotten: the compaction ends when it finds nothing more to copy and nothing sent.
        self.send_forced(effects, shard.side.generation());
        self.cuts.pieces.forget(place, key);
        matches!(copied, Some(Copied::All(true)))
    }

    /// `None` if there is nothing to copy any more.
    fn copy(
        &self,
        shard: Shard<'_>,
        place: Place,
        key: &[u8],
        most: usize,
        effects: &mut Effects,
    ) -> Option<Copied> {
        let entry = shard.find(self.hash(key), key);
        self.cuts.pieces.with(place, key, |large| {
            let entry = entry.filter(|entry| entry.kind() == large.kind && !large.is_done)?;
            let object = entry.object()?;
            large.next = push_members(object, Records::new(effects, place.db, key), large.next, most);
            if large.next != 0 {
                return Some(Copied::Part);
            }
            large.is_done = true;
            match (entry.deadline(), large.kind) {
                (None, _) => Some(Copied::All(false)),
                // It has not changed since the cut.
                (Some(at), Type::List) => {
                    Records::new(effects, place.db, key).deadline(at);
                    Some(Copied::All(false))
                }
                (Some(_), _) => Some(Copied::All(true)),
            }
        })?
    }

    /// Whether nothing is left to be copied.
    #[cfg(test)]
    pub fn is_all_copied(&self) -> bool {
        self.cuts.pieces.is_empty()
    }

    fn record_deadline(&self, place: Place, key: &[u8], record: impl FnOnce(Effects, u32) -> u64) {
        let hash = self.hash(key);
        self.with_shard_mut(place, |mut shard| {
            let Some(at) = shard.find_mut(hash, key).and_then(|entry| entry.deadline()) else { return };
            let mut effects = Effects::new();
            Records::new(&mut effects, place.db, key).deadline(at);
            shard.side.set_written(record(effects, shard.side.generation()));
        });
    }
}

fn members(object: &Object) -> usize {
    match object {
        Object::Bytes(_) => 0,
        Object::List(list) => list.len(),
        Object::Set(set) => set.len(),
        Object::ZSet(zset) => zset.len(),
        Object::Hash(hash) => hash.len(0),
    }
}

/// Adds about `most` members from `next` on. Returns where to go on, 0 at the end.
fn push_members(object: &Object, mut records: Records<'_>, next: u64, most: usize) -> u64 {
    match object {
        Object::Bytes(_) => 0,
        Object::List(list) => {
            let start = next as usize;
            let end = start.saturating_add(most).min(list.len());
            list.range(start..end).for_each(|element| records.element(b"RPUSH", element));
            records.finish(b"RPUSH");
            if end == list.len() { 0 } else { end as u64 }
        }
        Object::Set(set) => {
            let next = set.scan(next, most, &mut |member| records.element(b"SADD", member));
            records.finish(b"SADD");
            next
        }
        Object::ZSet(zset) => {
            let next = zset.scan(next, most, &mut |member, score| records.scored(member, score));
            records.finish(b"ZADD");
            next
        }
        Object::Hash(hash) => {
            // At moment 0 no field is due: all are there.
            let next = hash.scan(next, most, 0, &mut |field| records.field(&field));
            records.finish(b"HSET");
            next
        }
    }
}
