//! Which keys take most memory: found by a walk over all of them, a little each second, while somebody is looking.
//!
//! A shard is locked, for reading, only for as long as it takes to look at a few hundred of its slots. What moves
//! meanwhile may be missed or seen twice; the next walk comes soon.

use std::time::{Duration, Instant};

use crate::keyspace::entry::Entry;
use crate::keyspace::lock::Place;
use crate::keyspace::{Keyspace, sample};
use crate::limits::{DASHBOARD_LIST, HOT_KEY_BYTES};

/// How long it works each second.
const BUDGET: Duration = Duration::from_millis(5);
/// Slots looked at under one hold of a shard's lock.
const SLOTS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigKey {
    pub db: u8,
    /// Its first bytes, where it is very long.
    pub key: Vec<u8>,
    pub kind: &'static str,
    pub bytes: usize,
}

#[derive(Default)]
pub struct BigKeys {
    /// Of the walk before.
    found: Vec<BigKey>,
    /// Of this walk, so far.
    finding: Vec<BigKey>,
    /// What is still to be walked, in reverse, and where in the last of them to go on.
    places: Vec<Place>,
    slot: usize,
}

impl BigKeys {
    /// The biggest first.
    pub fn found(&self) -> Vec<BigKey> {
        let mut all: Vec<BigKey> = self.finding.clone();
        let is_new = |old: &&BigKey| !all.iter().any(|new| new.db == old.db && new.key == old.key);
        let others: Vec<BigKey> = self.found.iter().filter(is_new).cloned().collect();
        all.extend(others);
        all.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
        all.truncate(DASHBOARD_LIST);
        all
    }

    /// Goes on for a few milliseconds, or to the end of the walk.
    pub fn walk(&mut self, keyspace: &Keyspace) {
        let until = Instant::now() + BUDGET;
        if self.places.is_empty() {
            self.places = keyspace.all_places().collect();
            self.places.reverse();
        }
        while let Some(&place) = self.places.last() {
            let (from, finding) = (self.slot, &mut self.finding);
            let is_end = sample::slots(keyspace, place, from..from + SLOTS, |entry| {
                consider(finding, place.db, entry)
            });
            self.slot = if is_end { 0 } else { from + SLOTS };
            if is_end {
                self.places.pop();
            }
            if Instant::now() >= until {
                break;
            }
        }
        if self.places.is_empty() {
            self.found = std::mem::take(&mut self.finding);
        }
    }
}

fn consider(finding: &mut Vec<BigKey>, db: u8, entry: &Entry) {
    let bytes = entry.heap_bytes();
    if finding.len() == DASHBOARD_LIST && finding.last().is_some_and(|least| least.bytes >= bytes) {
        return;
    }
    let key = &entry.key()[..entry.key().len().min(HOT_KEY_BYTES)];
    finding.retain(|known| known.db != db || known.key != key);
    let at = finding.partition_point(|other| other.bytes >= bytes);
    finding.insert(at, BigKey { db, key: key.to_vec(), kind: entry.kind().name(), bytes });
    finding.truncate(DASHBOARD_LIST);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::effects::Effects;
    use crate::keyspace::lock::{Locked, Mode, Places};
    use crate::keyspace::{Content, Edit};

    #[test]
    fn finds_the_biggest_however_many_there_are() {
        let keyspace = Keyspace::new(7, 0, crossbeam_channel::unbounded().0);
        let mut places = Places::new();
        places.database(0);
        let mut edit =
            Edit::new(&keyspace, Locked::many(&keyspace, places, Mode::Exclusive), Effects::default(), 0, 1);
        for i in 0..5_000 {
            let size = if i % 100 == 0 { 10_000 + i } else { 10 };
            edit.put(format!("key:{i}").as_bytes(), Content::Bytes(&vec![b'x'; size]), None);
        }
        edit.finish();
        let mut big = BigKeys::default();
        while big.found.is_empty() {
            big.walk(&keyspace);
        }
        let names: Vec<String> =
            big.found().iter().map(|key| String::from_utf8_lossy(&key.key).into_owned()).collect();
        let expected: Vec<String> = (0..DASHBOARD_LIST).map(|i| format!("key:{}", 4_900 - i * 100)).collect();
        assert_eq!(names, expected);
        assert!(big.found()[0].bytes >= 14_900 && big.found()[0].kind == "string");
    }
}
