//! What a reading command sees: live entries of the shards that it has locked.

use std::cell::{Cell, RefCell};

use super::entry::Entry;
use super::event::{self, Event, Events, Happened};
use super::lock::{Locked, Place};
use super::object::{Stored, Type, WrongType};
use super::shard::Shard;
use super::usage::Usage;
use super::{DatabaseSize, Keyspace};
use crate::data::Thresholds;
use crate::limits::SHARDS;

/// How much of the keyspace a command holds.
pub(super) enum Scope<'k> {
    /// The shards of its keys, or all of them.
    Locked(Locked<'k>),
    /// No shard: each is locked for as long as it is looked at.
    Stepwise,
}

pub struct View<'k> {
    pub(super) keyspace: &'k Keyspace,
    pub(super) scope: Scope<'k>,
    pub(super) db: u8,
    pub(super) now_ms: u64,
    hits: Cell<u32>,
    misses: Cell<u32>,
    /// A key was looked for that is due and still there.
    met_due: Cell<bool>,
    /// Newest log record seen in the shards that were looked at stepwise.
    seen: Cell<u64>,
    events: RefCell<Events>,
    /// Whether keys are looked up in order to be read: then it is told which ones are missing.
    reading: Cell<bool>,
    /// Whether to be read counts as being used.
    touching: Cell<bool>,
}

impl<'k> View<'k> {
    /// `now_ms` is the command's one moment: Unix milliseconds.
    pub fn new(keyspace: &'k Keyspace, locked: Locked<'k>, db: u8, now_ms: u64) -> View<'k> {
        View::with_scope(keyspace, Scope::Locked(locked), db, now_ms)
    }

    /// A view that holds nothing and goes shard by shard.
    pub fn stepwise(keyspace: &'k Keyspace, db: u8, now_ms: u64) -> View<'k> {
        View::with_scope(keyspace, Scope::Stepwise, db, now_ms)
    }

    fn with_scope(keyspace: &'k Keyspace, scope: Scope<'k>, db: u8, now_ms: u64) -> View<'k> {
        let (hits, misses) = (Cell::new(0), Cell::new(0));
        let events = RefCell::new(Events::new(&keyspace.wanted));
        let (met_due, seen) = (Cell::new(false), Cell::new(0));
        let (reading, touching) = (Cell::new(true), Cell::new(true));
        View { keyspace, scope, db, now_ms, hits, misses, met_due, seen, events, reading, touching }
    }

    /// What it has locked.
    pub fn into_locked(self) -> Locked<'k> {
        match self.scope {
            Scope::Locked(locked) => locked,
            Scope::Stepwise => Locked::none(self.keyspace),
        }
    }

    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub fn thresholds(&self) -> Thresholds {
        self.keyspace.tuning.get()
    }

    pub fn db(&self) -> u8 {
        self.db
    }

    /// Within a transaction, SELECT moves on.
    pub fn set_db(&mut self, db: u8) {
        self.db = db;
    }

    pub fn hits(&self) -> u32 {
        self.hits.get()
    }

    pub fn misses(&self) -> u32 {
        self.misses.get()
    }

    /// The newest log record that what was read may depend on.
    pub fn written(&self) -> u64 {
        match &self.scope {
            Scope::Locked(locked) => locked.written().max(self.seen.get()),
            Scope::Stepwise => self.seen.get(),
        }
    }

    /// The live entry of a key. The key must be one of the command's own, as its row declares them.
    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        let found = self.look(key);
        if self.touching.get() { found.inspect(|entry| self.used(entry)) } else { found }
    }

    /// Whether there is such a key, which counts as used in any case.
    pub fn touch(&self, key: &[u8]) -> bool {
        self.look(key).inspect(|entry| self.used(entry)).is_some()
    }

    /// As [`View::get`], for a command that only asks about the key: it does not count as used.
    pub fn look(&self, key: &[u8]) -> Option<&Entry> {
        let found = self.peek(self.db, key);
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.set(count.get() + 1);
        if found.is_none() && self.reading.get() {
            self.notify(event::KEYMISS, key);
        }
        found
    }

    /// Tells whoever has asked for it what has happened to a key of the current database.
    #[inline]
    pub fn notify(&self, event: Event, key: &[u8]) {
        self.notify_in(self.db, event, key);
    }

    #[inline]
    pub fn notify_in(&self, db: u8, event: Event, key: &[u8]) {
        self.events.borrow_mut().push(db, event, key);
    }

    pub(super) fn wants(&self, event: Event) -> bool {
        self.events.borrow().wants(event)
    }

    /// What has happened so far and was not taken yet.
    pub fn take_events(&self) -> Vec<Happened> {
        self.events.borrow_mut().take()
    }

    /// Whether keys are looked up in order to be read from now on, or in order to be changed.
    pub fn set_reading(&self, reading: bool) {
        self.reading.set(reading);
    }

    /// CLIENT NO-TOUCH: whether to be looked up counts as being used, from now on.
    pub fn set_touching(&self, touching: bool) {
        self.touching.set(touching);
    }

    pub(super) fn is_touching(&self) -> bool {
        self.touching.get()
    }

    /// A writing command reads its sources.
    pub fn reading(&self) -> &Self {
        self.set_reading(true);
        self
    }

    /// As [`View::look`], in any database, and neither a hit nor a miss.
    pub fn peek(&self, db: u8, key: &[u8]) -> Option<&Entry> {
        let Scope::Locked(locked) = &self.scope else { return None };
        let shard = locked.shard_of(db, key);
        debug_assert!(shard.is_some(), "a command touches only the keys that its row declares");
        let found = shard?.find(self.keyspace.hash(key), key)?;
        if found.is_due(self.now_ms) {
            self.met_due.set(true);
            return None;
        }
        Some(found)
    }

    /// Whether a key was looked for that is due and still there.
    pub fn met_due(&self) -> bool {
        self.met_due.get()
    }

    /// How the use of entries is counted, which says what their access words mean.
    pub fn usage(&self) -> &'k Usage {
        &self.keyspace.usage
    }

    /// A source of random numbers, another one at each call.
    pub fn random(&self) -> impl FnMut() -> u64 + use<> {
        self.keyspace.random()
    }

    fn used(&self, entry: &Entry) {
        entry.set_access(self.keyspace.used_again(entry.access(), self.now_ms));
    }

    pub fn string(&self, key: &[u8]) -> Result<Option<&[u8]>, WrongType> {
        self.get(key).map(|entry| entry.bytes().ok_or(WrongType)).transpose()
    }

    pub fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<&T>, WrongType> {
        self.get(key).map(|entry| entry.object().and_then(T::of).ok_or(WrongType)).transpose()
    }

    pub fn kind(&self, key: &[u8]) -> Option<Type> {
        self.get(key).map(Entry::kind)
    }

    pub fn size(&self, db: u8) -> DatabaseSize {
        let mut size = DatabaseSize::default();
        for index in 0..SHARDS {
            self.shard(db, index, |shard| size.add(shard));
        }
        size
    }

    /// Looks at one shard of a database. Where nothing is held, it is locked for that long; to lock one more beside those
    /// that are held could never end, so one that is not among them is not looked at.
    pub fn shard<R>(&self, db: u8, index: usize, look: impl FnOnce(Shard<'_>) -> R) -> Option<R> {
        let place = Place { db, shard: index as u16 };
        match &self.scope {
            Scope::Locked(locked) => locked.shard(place).map(look),
            Scope::Stepwise => Some(self.keyspace.with_shard(place, |shard| {
                self.seen.set(self.seen.get().max(shard.side.written()));
                look(shard)
            })),
        }
    }

    /// Live entries of the current database, shard by shard.
    pub fn each(&self, mut look: impl FnMut(&Entry)) {
        for index in 0..SHARDS {
            self.shard(self.db, index, |shard| {
                shard.iter().filter(|entry| !entry.is_due(self.now_ms)).for_each(&mut look)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::effects::Effects;
    use crate::keyspace::lock::{Mode, Places};
    use crate::keyspace::{Content, Edit};

    /// Whoever held the shards of one database had waited for those of another one.
    #[test]
    fn what_is_not_held_is_not_waited_for() {
        let keyspace = Keyspace::new(1, 0, crossbeam_channel::unbounded().0);
        let all_of = |db| {
            let mut places = Places::new();
            places.database(db);
            Locked::many(&keyspace, places, Mode::Exclusive)
        };
        let mut edit = Edit::new(&keyspace, all_of(0), Effects::new(), 0, 1);
        edit.put(b"k", Content::Bytes(b""), None);
        edit.finish();
        assert_eq!(View::new(&keyspace, all_of(0), 0, 1).size(0).keys, 1);
        assert_eq!(View::new(&keyspace, all_of(1), 1, 1).size(0).keys, 0, "as good as empty");
        assert_eq!(View::stepwise(&keyspace, 1, 1).size(0).keys, 1, "locked shard by shard");
    }
}
