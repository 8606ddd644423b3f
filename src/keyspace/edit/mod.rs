//! What a writing command may do, and the record of what it did.
//!
//! Rule: whoever changes a key records the effect, in words that repeat it exactly. Recording is also what tells
//! watchers, so a command that changed nothing records nothing and disturbs nobody.

mod due;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;

use super::effects::Effects;
use super::entry::{Content, Entry};
use super::event;
use super::lock::{Kept, Locked, Place};
use super::object::{Object, Stored, WrongType};
use super::shard::ShardMut;
use super::table::{self, KeyHasher, Table};
use super::view::{Scope, View};
use super::{Keyspace, snapshot};
use crate::limits::SHARDS;

pub use due::{due_fields, told_of_due};

pub struct Edit<'k> {
    view: View<'k>,
    effects: Effects,
    /// Freed after the locks are released.
    removed: Vec<Entry>,
    expired: u32,
    /// Changed keys that some client waits for.
    ready: Vec<WaitKey>,
    /// Whether the command may wait, and what it waits for if it does.
    may_block: bool,
    has_waited: bool,
    wait: Option<Wait>,
}

/// A key that clients wait for.
pub type WaitKey = (u8, Box<[u8]>);

/// The command has found nothing and wants to wait until one of these keys changes.
pub struct Wait {
    pub keys: Vec<WaitKey>,
    /// `None`: for ever.
    pub timeout_ms: Option<u64>,
}

impl<'k> Deref for Edit<'k> {
    type Target = View<'k>;

    fn deref(&self) -> &View<'k> {
        &self.view
    }
}

impl DerefMut for Edit<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.view
    }
}

impl<'k> Edit<'k> {
    /// `locked` must be exclusive. `effects` is where changes are recorded.
    pub fn new(
        keyspace: &'k Keyspace,
        locked: Locked<'k>,
        effects: Effects,
        db: u8,
        now_ms: u64,
    ) -> Edit<'k> {
        locked.cut_rest(keyspace);
        let view = View::new(keyspace, locked, db, now_ms);
        view.set_reading(false);
        Edit {
            view,
            effects,
            removed: Vec::new(),
            expired: 0,
            ready: Vec::new(),
            may_block: false,
            has_waited: false,
            wait: None,
        }
    }

    // ---- keys ----

    /// The live entry, for changing it. What is due of it goes first, and its going is recorded.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let db = self.view.db;
        let (keyspace, now_ms, touching) = (self.view.keyspace, self.view.now_ms, self.view.is_touching());
        let hash = keyspace.hash(key);
        let shard = self.shard_mut(db, key)?;
        if shard.side.has_deadlines() {
            self.expire_in(db, key);
        }
        let entry = self.shard_mut(db, key)?.into_entry(hash, key)?;
        if touching {
            entry.set_access(keyspace.used_again(entry.access(), now_ms));
        }
        Some(entry)
    }

    /// Creates or replaces a key, deadline and all.
    pub fn put(&mut self, key: &[u8], content: Content<'_>, deadline: Option<u64>) {
        self.put_in(self.view.db, key, content, deadline);
    }

    pub fn put_in(&mut self, db: u8, key: &[u8], content: Content<'_>, deadline: Option<u64>) {
        let (keyspace, now_ms) = (self.view.keyspace, self.view.now_ms);
        let hash = keyspace.hash(key);
        let Some(mut shard) = self.shard_mut(db, key) else { return };
        // Only an entry with a deadline can be due; the common one has none and costs one look-up, in `put`.
        let due =
            shard.side.has_deadlines() && shard.find_mut(hash, key).is_some_and(|entry| entry.is_due(now_ms));
        if due {
            self.expire(db, key);
        }
        let tells_new = self.view.wants(event::NEW);
        let Some(mut shard) = self.shard_mut(db, key) else { return };
        let is_new = tells_new && shard.find_mut(hash, key).is_none();
        let access = |old: Option<u32>| match old {
            Some(word) => keyspace.used_again(word, now_ms),
            None => keyspace.usage.first(now_ms),
        };
        let old = shard.put(hash, key, content, deadline, access);
        if is_new {
            self.view.notify_in(db, event::NEW, key);
        }
        self.removed.extend(old);
    }

    /// Removes a live key. One that is due goes as well, but counts as gone already.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.take(self.view.db, key).map(|entry| self.removed.push(entry)).is_some()
    }

    /// Removes a live key and hands its entry over.
    pub fn take(&mut self, db: u8, key: &[u8]) -> Option<Entry> {
        if self.is_due(db, key) {
            self.expire(db, key);
            return None;
        }
        let hash = self.view.keyspace.hash(key);
        self.shard_mut(db, key)?.remove(hash, key)
    }

    /// Returns whether the key exists. Recording is the caller's.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<u64>) -> bool {
        let db = self.view.db;
        if self.is_due(db, key) {
            self.expire(db, key);
            return false;
        }
        let hash = self.view.keyspace.hash(key);
        self.shard_mut(db, key).is_some_and(|mut shard| shard.set_deadline(hash, key, deadline))
    }

    // ---- typed values ----

    /// The value as an object of its own, where it is one.
    pub fn object_mut(&mut self, key: &[u8]) -> Option<&mut Object> {
        self.get_mut(key)?.object_mut()
    }

    pub fn write<T: Stored>(&mut self, key: &[u8]) -> Result<Option<&mut T>, WrongType> {
        self.get_mut(key).map(|entry| entry.object_mut().and_then(T::of_mut).ok_or(WrongType)).transpose()
    }

    pub fn write_or_create<T: Stored>(&mut self, key: &[u8]) -> Result<&mut T, WrongType> {
        if self.get_mut(key).is_none() {
            let object = Box::new(T::default().into_object());
            self.put(key, Content::Object(object), None);
        }
        self.write(key)?.ok_or(WrongType)
    }

    /// A collection that has become empty is no key any more. What emptied it is told before.
    pub fn drop_if_empty(&mut self, key: &[u8]) -> bool {
        let entry = self.view.peek(self.view.db, key);
        let empty = entry.and_then(|entry| entry.object()).is_some_and(Object::is_vacant);
        if empty {
            self.remove(key);
            self.notify(event::DEL, key);
        }
        empty
    }

    /// The key's value is about to be moved or copied as a whole: a running compaction that is in the midst of it
    /// copies the rest first, since the record will take along what is in the base.
    pub fn moves(&mut self, key: &[u8]) {
        let keyspace = self.view.keyspace;
        if keyspace.running_cuts() != 0 {
            self.copy_values(Place::of(self.view.db, key), Some(key));
        }
    }

    #[cold]
    fn copy_values(&mut self, place: Place, only: Option<&[u8]>) {
        let Scope::Locked(locked) = &self.view.scope else { return };
        let Some(shard) = locked.shard(place) else { return };
        for key in self.view.keyspace.copy_values(shard, place, only) {
            let deadline = shard.find(self.view.keyspace.hash(&key), &key).and_then(Entry::deadline);
            if let Some(at) = deadline {
                self.effects.push(place.db, &[b"PEXPIREAT", &key, itoa::Buffer::new().format(at).as_bytes()]);
            }
        }
    }

    // ---- whole databases ----

    /// Empties a database that the command holds. Returns whether there was anything in it.
    pub fn flush(&mut self, db: u8) -> bool {
        let (keyspace, now_ms) = (self.view.keyspace, self.view.now_ms);
        let mut changed = false;
        for place in (0..SHARDS as u16).map(|shard| Place { db, shard }) {
            let Some(mut shard) = self.shard_mut_at(place) else { return changed };
            if shard.table.is_empty() {
                continue;
            }
            changed = true;
            let table = shard.take_all();
            let hasher = shard.hasher;
            shard.side.watchers.all_changed(|key| is_live(&table, hasher, key, now_ms));
            keyspace.discard_table(table);
        }
        changed
    }

    /// Exchanges two databases; the command must hold both.
    pub fn swap_databases(&mut self, a: u8, b: u8) {
        let now_ms = self.view.now_ms;
        for shard in 0..SHARDS as u16 {
            let (place_a, place_b) = (Place { db: a, shard }, Place { db: b, shard });
            if self.view.keyspace.running_cuts() != 0 {
                self.copy_values(place_a, None);
                self.copy_values(place_b, None);
            }
            let Scope::Locked(locked) = &mut self.view.scope else { return };
            let Some((mut x, mut y)) = locked.two_mut(place_a, place_b) else { continue };
            let hasher = x.hasher;
            let both = [&*x.table, &*y.table];
            let existed = |key: &[u8]| both.iter().any(|table| is_live(table, hasher, key, now_ms));
            x.side.watchers.all_changed(existed);
            y.side.watchers.all_changed(existed);
            x.swap(&mut y);
            // Whoever waits for a key may find it now; which keys are waited for is not known here.
            for (db, shard) in [(a, &x), (b, &y)] {
                if shard.side.waiting.load(Ordering::Relaxed) > 0 {
                    self.ready.extend(table::iter(shard.table).map(|entry| (db, entry.key().into())));
                }
            }
        }
    }

    // ---- effects ----

    /// Records a change of the current database: the words of a command that repeats it. The second word is the key.
    pub fn record(&mut self, words: &[&[u8]]) {
        self.record_in(self.view.db, words);
    }

    pub fn record_in(&mut self, db: u8, words: &[&[u8]]) {
        self.effects.push(db, words);
        if let Some(key) = words.get(1) {
            self.touch(db, key);
        }
    }

    /// Records a change and tells nobody: for words that name no key, or another one first than the one that has
    /// changed. [`Edit::touch`] is the caller's.
    pub fn record_only(&mut self, db: u8, words: &[&[u8]]) {
        self.effects.push(db, words);
    }

    /// Records a key of the current database by what makes it: for a value that came from elsewhere.
    /// `replaced`: there was another one before.
    pub fn record_made(&mut self, key: &[u8], replaced: bool) {
        let db = self.view.db;
        if replaced {
            self.effects.push(db, &[b"DEL", key]);
        }
        if let Some(entry) = self.view.peek(db, key) {
            snapshot::push_entry(entry, db, &mut self.effects);
        }
        self.touch(db, key);
    }

    /// As [`Edit::record`], for words that come from an iterator.
    pub fn record_all<'w>(&mut self, key: &[u8], words: impl ExactSizeIterator<Item = &'w [u8]>) {
        self.effects.begin(self.view.db, words.len());
        words.for_each(|word| self.effects.word(word));
        self.touch(self.view.db, key);
    }

    /// As [`Edit::record`], for a command, its key, and words that come from an iterator.
    pub fn record_each<'w>(
        &mut self,
        name: &[u8],
        key: &[u8],
        rest: impl ExactSizeIterator<Item = &'w [u8]>,
    ) {
        self.effects.begin(self.view.db, 2 + rest.len());
        self.effects.word(name);
        self.effects.word(key);
        rest.for_each(|word| self.effects.word(word));
        self.touch(self.view.db, key);
    }

    /// Tells those who watch a key that it has changed; `record` does it for the key that it names.
    pub fn touch(&mut self, db: u8, key: &[u8]) {
        if let Scope::Locked(locked) = &self.view.scope
            && let Some(shard) = locked.shard_of(db, key)
        {
            shard.side.watchers.changed(key);
            if shard.side.waiting.load(Ordering::Relaxed) > 0 {
                self.ready.push((db, key.into()));
            }
        }
    }

    // ---- waiting ----

    /// The command may wait: it is neither part of a transaction nor at the end of its time.
    pub fn allow_blocking(&mut self) {
        self.may_block = true;
    }

    /// The command has waited before; what it finds now ends the wait, or does not.
    pub fn resume_waiting(&mut self) {
        self.has_waited = true;
    }

    pub fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// Whatever comes now is the reply, even that a key holds another type than the command works on.
    pub fn end_waiting(&mut self) {
        self.may_block = false;
    }

    pub fn may_block(&self) -> bool {
        self.may_block
    }

    /// Asks to wait until one of these keys of the current database changes; then the whole command runs again.
    /// `false` means that it must reply now, that there is nothing.
    pub fn wait_for<'w>(&mut self, keys: impl Iterator<Item = &'w [u8]>, timeout_ms: Option<u64>) -> bool {
        if self.may_block {
            let db = self.view.db;
            self.wait = Some(Wait { keys: keys.map(|key| (db, key.into())).collect(), timeout_ms });
        }
        self.may_block
    }

    pub fn take_wait(&mut self) -> Option<Wait> {
        self.wait.take()
    }

    /// Others that wait for these keys, which the command holds, are to look again, if there are such keys.
    pub fn ready(&mut self, keys: &[WaitKey]) {
        self.ready.extend_from_slice(keys);
    }

    /// Counts a waiting client in, while the keys are locked.
    pub fn waits(&mut self, keys: &[WaitKey]) {
        for (db, key) in keys {
            if let Scope::Locked(locked) = &self.view.scope
                && let Some(shard) = locked.shard_of(*db, key)
            {
                shard.side.waiting.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The log generation that the effects belong to.
    pub fn generation(&self) -> u32 {
        match &self.view.scope {
            Scope::Locked(locked) => locked.generation(),
            Scope::Stepwise => 0,
        }
    }

    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    pub fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// The log has numbered the effects; what these shards hold is as new as `seq`.
    pub fn recorded(&mut self, seq: u64) {
        if let Scope::Locked(locked) = &self.view.scope {
            locked.set_written(seq);
        }
    }

    /// Keys that were found to be due on the way.
    pub fn expired(&self) -> u32 {
        self.expired
    }

    /// Releases the locks, then frees what was removed. Returns the changed keys that somebody waits for, and
    /// that there are.
    pub fn finish(self) -> Vec<WaitKey> {
        self.finish_keeping(&mut Kept::default())
    }

    /// The same, but a lock is kept for the next request if nobody has to be told and nothing to be freed.
    pub fn finish_keeping(self, kept: &mut Kept<'k>) -> Vec<WaitKey> {
        let Edit { view, removed, mut ready, .. } = self;
        ready.retain(|(db, key)| view.peek(*db, key).is_some());
        let keyspace = view.keyspace;
        let locked = view.into_locked();
        if ready.is_empty() && removed.is_empty() {
            kept.keep(locked);
            return ready;
        }
        drop(locked);
        keyspace.free(removed);
        ready
    }

    // ---- below ----

    fn shard_mut(&mut self, db: u8, key: &[u8]) -> Option<ShardMut<'_>> {
        let Scope::Locked(locked) = &mut self.view.scope else { return None };
        let shard = locked.shard_of_mut(db, key);
        debug_assert!(shard.is_some(), "a command writes only the keys that its row declares");
        shard
    }

    fn shard_mut_at(&mut self, place: Place) -> Option<ShardMut<'_>> {
        match &mut self.view.scope {
            Scope::Locked(locked) => locked.shard_mut(place),
            Scope::Stepwise => None,
        }
    }
}

/// A key that is due has ended, and nobody who watches it hears of its going.
fn is_live(table: &Table, hasher: &KeyHasher, key: &[u8], now_ms: u64) -> bool {
    table::find(table, hasher.hash(key), key).is_some_and(|entry| !entry.is_due(now_ms))
}
