//! One shard under its lock: the only place where entries come, go and change their deadlines,
//! so that table, deadline queue and watchers always agree.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::entry::{Content, Entry};
use super::expiry::Deadlines;
use super::object::Object;
use super::table::{self, KeyHash, KeyHasher, Table};
use super::watch::Watchers;

/// Keys that are due are asked for so many at a time.
const DUE_AHEAD: usize = 16;

/// What a shard keeps beside its table. Padded to a cache line, as neighbours belong to other threads.
#[derive(Default)]
#[repr(align(64))]
pub struct Side {
    /// Number of the last log record that changed this shard; stored under the exclusive lock.
    written: AtomicU64,
    /// The log generation that this shard's records belong to; it moves on when a compaction has cut the shard.
    generation: AtomicU32,
    pub watchers: Watchers,
    /// Clients that wait for a key of this shard to change; counted up under the exclusive lock.
    pub waiting: AtomicUsize,
    /// Keys that have a deadline.
    expiring: AtomicU32,
    /// Taken under the shard's own lock, or for one look at the head.
    deadlines: Mutex<Deadlines>,
    /// Hashes, by when their next field comes due. A note may be early, never late or missing: when it surfaces,
    /// the hash says when its next field is really due.
    field_deadlines: Mutex<Deadlines>,
    /// Whether there is any such note.
    has_fields: AtomicBool,
}

/// What has come due in an entry.
pub enum Due {
    /// All of it: it was taken out.
    Entry(Entry),
    /// Fields of these names, which were removed from its hash.
    Fields(Vec<Vec<u8>>),
}

impl Side {
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    pub fn set_written(&self, seq: u64) {
        self.written.store(seq, Ordering::Release);
    }

    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn set_generation(&self, generation: u32) {
        self.generation.store(generation, Ordering::Release);
    }

    /// Keys that have a deadline.
    pub fn expiring(&self) -> usize {
        self.expiring.load(Ordering::Relaxed) as usize
    }

    /// A key has lost its deadline, or is gone with it.
    fn deadline_removed(&self) {
        if self.expiring.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.deadlines().clear();
        }
    }

    pub fn deadlines(&self) -> MutexGuard<'_, Deadlines> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn field_deadlines(&self) -> MutexGuard<'_, Deadlines> {
        self.field_deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the queues of deadlines.
    pub fn deadline_bytes(&self) -> usize {
        // Without deadlines the queues are empty and own nothing.
        match self.has_deadlines() {
            true => self.deadlines().heap_bytes() + self.field_deadlines().heap_bytes(),
            false => 0,
        }
    }

    /// Whether any key or field has a deadline; without one, nothing is ever due.
    pub fn has_deadlines(&self) -> bool {
        self.expiring() > 0 || self.has_fields.load(Ordering::Relaxed)
    }

    /// When the next note surfaces, be it for a key or for a field.
    pub fn next_due_ms(&self) -> Option<u64> {
        if !self.has_deadlines() {
            return None;
        }
        [self.deadlines().next_ms(), self.field_deadlines().next_ms()].into_iter().flatten().min()
    }
}

/// A shard that may be read.
#[derive(Clone, Copy)]
pub struct Shard<'a> {
    pub table: &'a Table,
    pub side: &'a Side,
    pub hasher: &'a KeyHasher,
}

impl<'a> Shard<'a> {
    /// The entry, due or not.
    pub fn find(&self, hash: KeyHash, key: &[u8]) -> Option<&'a Entry> {
        table::find(self.table, hash, key)
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the table, without what its slots point to.
    pub fn table_bytes(&self) -> usize {
        self.table.allocation_info().1.size()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a Entry> + use<'a> {
        table::iter(self.table)
    }
}

/// A shard that may be changed.
pub struct ShardMut<'a> {
    pub table: &'a mut Table,
    pub side: &'a Side,
    pub hasher: &'a KeyHasher,
}

impl<'a> ShardMut<'a> {
    /// The entry, for as long as the shard is locked.
    pub fn into_entry(self, hash: KeyHash, key: &[u8]) -> Option<&'a mut Entry> {
        table::find_mut(self.table, hash, key)
    }

    pub fn find_mut(&mut self, hash: KeyHash, key: &[u8]) -> Option<&mut Entry> {
        table::find_mut(self.table, hash, key)
    }

    /// Creates or replaces the entry, deadline and all. `access` makes its access word from the one that the key had.
    /// Returns the value that went, where freeing it may take time.
    pub fn put(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        content: Content<'_>,
        deadline: Option<u64>,
        access: impl FnOnce(Option<u32>) -> u32,
    ) -> Option<Entry> {
        if let Content::Object(object) = &content
            && let Some(at) = object.next_field_deadline()
        {
            self.note_fields(hash, at);
        }
        let Some(entry) = table::find_mut(self.table, hash, key) else {
            let entry = Entry::new(key, content, deadline);
            entry.set_access(access(None));
            table::insert(self.table, self.hasher, hash, entry);
            self.deadline_moved(hash, None, deadline);
            return None;
        };
        let (had, access) = (entry.deadline(), access(Some(entry.access())));
        let old = match content {
            Content::Bytes(bytes) if entry.object().is_none() => {
                entry.set_bytes(bytes);
                entry.set_deadline(deadline);
                None
            }
            content => Some(std::mem::replace(entry, Entry::new(key, content, deadline))),
        };
        entry.set_access(access);
        self.deadline_moved(hash, had, deadline);
        old
    }

    pub fn remove(&mut self, hash: KeyHash, key: &[u8]) -> Option<Entry> {
        let entry = table::remove(self.table, hash, key)?;
        if entry.deadline().is_some() {
            self.side.deadline_removed();
        }
        Some(entry)
    }

    /// Takes out the entry of that hash, if it is wanted.
    pub fn take_by_hash(&mut self, hash: KeyHash, wanted: impl FnMut(&Entry) -> bool) -> Option<Entry> {
        let key = table::find_by_hash(self.table, self.hasher, hash, wanted)?.key().to_vec();
        let entry = self.remove(hash, &key);
        table::shrink(self.table, self.hasher);
        entry
    }

    /// Returns whether the key exists.
    pub fn set_deadline(&mut self, hash: KeyHash, key: &[u8], deadline: Option<u64>) -> bool {
        let Some(entry) = table::find_mut(self.table, hash, key) else { return false };
        let had = entry.deadline();
        entry.set_deadline(deadline);
        self.deadline_moved(hash, had, deadline);
        true
    }

    fn deadline_moved(&mut self, hash: KeyHash, from: Option<u64>, to: Option<u64>) {
        let Some(at) = to.filter(|_| from != to) else {
            if from.is_some() && to.is_none() {
                self.side.deadline_removed();
            }
            return;
        };
        if from.is_none() {
            self.side.expiring.fetch_add(1, Ordering::Relaxed);
        }
        let mut deadlines = self.side.deadlines();
        deadlines.note(hash, at);
        if deadlines.is_bloated(self.side.expiring()) {
            let hasher = self.hasher;
            deadlines.rebuild(
                table::iter(self.table)
                    .filter_map(|entry| Some((hasher.hash(entry.key()), entry.deadline()?))),
            );
        }
    }

    /// Removes entries that are due, at most `most`, and hands each over. Returns how many.
    pub fn remove_due(&mut self, now_ms: u64, most: usize, mut gone: impl FnMut(Entry)) -> usize {
        let mut removed = 0;
        while removed < most {
            let hashes = self.pop_due(now_ms, most - removed);
            if hashes.is_empty() {
                break;
            }
            for hash in hashes {
                let due = table::remove_by_hash(self.table, self.hasher, hash, |entry| entry.is_due(now_ms));
                let Some(entry) = due else { continue };
                if entry.deadline().is_some() {
                    self.side.deadline_removed();
                }
                gone(entry);
                removed += 1;
            }
        }
        if removed > 0 {
            table::shrink(self.table, self.hasher);
        }
        removed
    }

    /// Some hashes of keys that may be due, off the queue. Their entries are asked for: they lie all over the memory, and
    /// nobody has touched them for long.
    fn pop_due(&self, now_ms: u64, most: usize) -> SmallVec<[KeyHash; DUE_AHEAD]> {
        let mut deadlines = self.side.deadlines();
        let due = std::iter::from_fn(|| deadlines.pop_due(now_ms)).take(most.min(DUE_AHEAD));
        let hashes: SmallVec<[KeyHash; DUE_AHEAD]> =
            due.inspect(|&hash| table::prefetch_slots(self.table, hash)).collect();
        hashes.iter().for_each(|&hash| table::prefetch_entries(self.table, hash));
        hashes
    }

    /// A field of this hash comes due, none sooner.
    pub fn note_fields(&mut self, hash: KeyHash, deadline_ms: u64) {
        let mut notes = self.side.field_deadlines();
        notes.note(hash, deadline_ms);
        if notes.is_bloated(self.table.len()) {
            let hasher = self.hasher;
            notes.rebuild(
                table::iter(self.table)
                    .filter_map(|entry| Some((hasher.hash(entry.key()), entry.next_field_deadline()?))),
            );
        }
        self.side.has_fields.store(true, Ordering::Relaxed);
    }

    /// Removes what is due of an entry: all of it, or up to `most` of its fields.
    pub fn remove_due_of(&mut self, hash: KeyHash, key: &[u8], now_ms: u64, most: usize) -> Option<Due> {
        let entry = table::find_mut(self.table, hash, key)?;
        if entry.is_due(now_ms) {
            return self.remove(hash, key).map(Due::Entry);
        }
        entry.next_field_deadline().filter(|&at| at <= now_ms)?;
        let Some(Object::Hash(fields)) = entry.object_mut() else { return None };
        let mut names = Vec::new();
        fields.remove_expired(now_ms, most, |name| names.push(name.to_vec()));
        Some(Due::Fields(names))
    }

    /// Removes fields that are due, about `most`, and tells of each hash. Returns how many hashes were looked at.
    pub fn remove_due_fields(&mut self, now_ms: u64, most: usize, mut gone: impl FnMut(&[u8], Due)) -> usize {
        let (mut removed, mut seen) = (0, 0);
        while removed < most {
            let mut notes = self.side.field_deadlines();
            let Some(hash) = notes.pop_due(now_ms) else {
                self.side.has_fields.store(!notes.is_empty(), Ordering::Relaxed);
                break;
            };
            drop(notes);
            for key in self.hashes_with_deadlines(hash) {
                seen += 1;
                if let Some(due) = self.remove_due_of(hash, &key, now_ms, most) {
                    removed += if let Due::Fields(names) = &due { names.len() } else { 1 };
                    gone(&key, due);
                }
                let next = table::find(self.table, hash, &key).and_then(Entry::next_field_deadline);
                if let Some(at) = next {
                    self.side.field_deadlines().note(hash, at);
                }
            }
        }
        seen
    }

    /// Keys of this hash whose fields have deadlines; nearly always one or none.
    fn hashes_with_deadlines(&self, hash: KeyHash) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        table::find_by_hash(self.table, self.hasher, hash, |entry| {
            if entry.next_field_deadline().is_some() {
                keys.push(entry.key().to_vec());
            }
            false
        });
        keys
    }

    /// Empties the shard; the old table goes to the caller, to be freed elsewhere.
    pub fn take_all(&mut self) -> Table {
        self.side.expiring.store(0, Ordering::Relaxed);
        self.side.deadlines().clear();
        self.side.field_deadlines().clear();
        self.side.has_fields.store(false, Ordering::Relaxed);
        std::mem::take(self.table)
    }

    /// Exchanges everything with another shard of the same number.
    pub fn swap(&mut self, other: &mut ShardMut<'_>) {
        std::mem::swap(self.table, other.table);
        std::mem::swap(&mut *self.side.deadlines(), &mut *other.side.deadlines());
        std::mem::swap(&mut *self.side.field_deadlines(), &mut *other.side.field_deadlines());
        let mine = self.side.has_fields.load(Ordering::Relaxed);
        let theirs = other.side.has_fields.swap(mine, Ordering::Relaxed);
        self.side.has_fields.store(theirs, Ordering::Relaxed);
        let mine = self.side.expiring.load(Ordering::Relaxed);
        let theirs = other.side.expiring.swap(mine, Ordering::Relaxed);
        self.side.expiring.store(theirs, Ordering::Relaxed);
    }
}
