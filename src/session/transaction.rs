//! MULTI's queue and WATCH's keys.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::keyspace::Keyspace;
use crate::keyspace::lock::Place;
use crate::keyspace::watch::Dirty;
use crate::protocol::OwnedWords;

/// A transaction that is being queued.
#[derive(Default)]
pub struct Transaction {
    pub queue: Vec<Queued>,
    /// What the queue holds, in bytes.
    pub bytes: usize,
    /// A request could not be queued: EXEC will refuse.
    pub aborted: bool,
    /// Some request of it may grow the data set.
    pub grows: bool,
    /// Some request of it may run for long.
    pub is_long: bool,
}

pub struct Queued {
    /// The command's place in the table.
    pub index: usize,
    pub words: OwnedWords,
}

/// Keys that WATCH guards, until EXEC, DISCARD, UNWATCH or the end of the session.
#[derive(Default)]
pub struct Watching {
    /// Whether each key existed when it was watched.
    keys: BTreeMap<WatchedKey, bool>,
    bytes: usize,
    pub dirty: Arc<Dirty>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchedKey {
    pub db: u8,
    pub key: Box<[u8]>,
}

/// What a key costs beside its own bytes, which are kept here and by its shard: its places in both.
const KEY_OVERHEAD: usize = 192;

impl Watching {
    /// `begin` has the client told of changes from now on, and says whether the key exists.
    pub fn watch(&mut self, db: u8, key: &[u8], begin: impl FnOnce(&Arc<Dirty>) -> bool) {
        if let Entry::Vacant(new) = self.keys.entry(WatchedKey { db, key: key.into() }) {
            new.insert(begin(&self.dirty));
            self.bytes += KEY_OVERHEAD + 2 * key.len();
        }
    }

    pub fn keys(&self) -> impl ExactSizeIterator<Item = &WatchedKey> {
        self.keys.keys()
    }

    /// Keys that existed when they were watched: if one is due by now, it has changed.
    pub fn existing_keys(&self) -> impl Iterator<Item = &WatchedKey> {
        self.keys.iter().filter(|(_, existed)| **existed).map(|(key, _)| key)
    }

    /// What is kept for them, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Nobody tells this client of changes any more.
    pub fn release(&self, keyspace: &Keyspace) {
        for watched in self.keys() {
            keyspace.with_shard(Place::of(watched.db, &watched.key), |shard| {
                shard.side.watchers.remove(&watched.key, &self.dirty)
            });
        }
    }
}
