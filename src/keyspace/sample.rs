//! A key at random, and a shard slot by slot.

use std::ops::Range;

use super::Keyspace;
use super::entry::Entry;
use super::lock::Place;
use super::shard::Shard;
use super::table;
use super::view::View;
use crate::data::random::below;
use crate::limits::SHARDS;

/// Shards drawn before the search goes through all of them: those drawn may hold keys that are all due.
const DRAWS: usize = 16;
/// Buckets drawn before a shard is searched in order: its table may be nearly empty.
const BUCKETS: usize = 64;

/// Looks at what lies in these slots of a shard, locked for that long. Returns whether there are no more behind them.
pub fn slots(keyspace: &Keyspace, place: Place, slots: Range<usize>, mut visit: impl FnMut(&Entry)) -> bool {
    keyspace.with_shard(place, |shard| {
        let last = shard.table.buckets();
        let entries = (slots.start..slots.end.min(last)).filter_map(|slot| table::bucket(shard.table, slot));
        entries.for_each(&mut visit);
        slots.end >= last
    })
}

/// The key of a live entry of the view's database, each with about the same odds.
pub fn random_key(view: &View) -> Option<Vec<u8>> {
    let (db, now_ms) = (view.db(), view.now_ms());
    let mut rng = view.random();
    for _ in 0..DRAWS {
        let index = random_shard(view, &mut rng)?;
        if let Some(key) = view.shard(db, index, |shard| draw(&shard, now_ms, &mut rng)).flatten() {
            return Some(key);
        }
    }
    (0..SHARDS).find_map(|index| view.shard(db, index, |shard| first(&shard, now_ms)).flatten())
}

/// A shard, with odds by its number of entries. `None` where there is no entry.
fn random_shard(view: &View, rng: &mut impl FnMut() -> u64) -> Option<usize> {
    let mut chosen = None;
    let mut total = 0;
    for index in 0..SHARDS {
        let len = view.shard(view.db(), index, |shard| shard.len()).unwrap_or(0);
        total += len;
        // The last one to win is this one with odds of len to the total so far, which makes all odds right.
        if len > 0 && below(total, rng) < len {
            chosen = Some(index);
        }
    }
    chosen
}

fn draw(shard: &Shard, now_ms: u64, rng: &mut impl FnMut() -> u64) -> Option<Vec<u8>> {
    let buckets = shard.table.buckets();
    (0..BUCKETS)
        .filter_map(|_| table::bucket(shard.table, below(buckets, rng)))
        .find(|entry| !entry.is_due(now_ms))
        .map(|entry: &Entry| entry.key().to_vec())
        .or_else(|| first(shard, now_ms))
}

fn first(shard: &Shard, now_ms: u64) -> Option<Vec<u8>> {
    shard.iter().find(|entry| !entry.is_due(now_ms)).map(|entry| entry.key().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::effects::Effects;
    use crate::keyspace::lock::{Locked, Mode, Places};
    use crate::keyspace::{Content, Edit};
    use std::collections::HashMap;

    fn keyspace_with(keys: impl Iterator<Item = (String, Option<u64>)>) -> Keyspace {
        let keyspace = Keyspace::new(7, 0, crossbeam_channel::unbounded().0);
        let mut places = Places::new();
        places.database(0);
        let mut edit =
            Edit::new(&keyspace, Locked::many(&keyspace, places, Mode::Exclusive), Effects::new(), 0, 1);
        keys.for_each(|(key, deadline)| edit.put(key.as_bytes(), Content::Bytes(b""), deadline));
        edit.finish();
        keyspace
    }

    #[test]
    fn every_key_has_its_chance_however_they_lie() {
        // Half of them share a shard.
        let keys = (0..20).map(|i| (if i % 2 == 0 { format!("{{t}}{i}") } else { i.to_string() }, None));
        let keyspace = keyspace_with(keys);
        let mut drawn = HashMap::new();
        for _ in 0..4_000 {
            let key = random_key(&View::stepwise(&keyspace, 0, 1)).expect("there are keys");
            *drawn.entry(key).or_insert(0) += 1;
        }
        assert_eq!(drawn.len(), 20);
        assert!(drawn.values().all(|&times| (120..300).contains(&times)), "{drawn:?}");
    }

    #[test]
    fn a_key_that_is_due_is_never_drawn() {
        let due = (0..500).map(|i| (format!("{{t}}{i}"), Some(1)));
        let keyspace = keyspace_with(due.clone().chain([("alive".to_string(), None)]));
        for _ in 0..20 {
            assert_eq!(random_key(&View::stepwise(&keyspace, 0, 1)), Some(b"alive".to_vec()));
        }
        assert_eq!(random_key(&View::stepwise(&keyspace_with(due), 0, 1)), None);
        assert_eq!(random_key(&View::stepwise(&keyspace_with(std::iter::empty()), 0, 1)), None);
    }
}
