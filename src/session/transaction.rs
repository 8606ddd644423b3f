//! MULTI's queue and WATCH's keys.

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
}

pub struct Queued {
    /// The command's place in the table.
    pub index: usize,
    pub words: OwnedWords,
}

/// Keys that WATCH guards, until EXEC, DISCARD, UNWATCH or the end of the session.
#[derive(Default)]
pub struct Watching {
    pub keys: Vec<WatchedKey>,
    pub dirty: Arc<Dirty>,
}

impl Watching {
    /// Nobody tells this client of changes any more.
    pub fn release(&self, keyspace: &Keyspace) {
        for watched in &self.keys {
            keyspace.with_shard(Place::of(watched.db, &watched.key), |shard| {
                shard.side.watchers.remove(&watched.key, &self.dirty)
            });
        }
    }
}

pub struct WatchedKey {
    pub db: u8,
    pub key: Box<[u8]>,
    /// The key existed when it was watched: if it is due by now, it has changed.
    pub existed: bool,
}
