//! One shard's table, as DashMap's raw API hands it out: entries by hash.
//!
//! The table is a `RawTable` of pointer-sized slots. What hashbrown leaves unsafe of it, such as iteration, is used and
//! argued in this file alone.

use dashmap::SharedValue;
use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use super::entry::Entry;
use crate::data::prefetch::{CACHE_LINE, prefetch};

pub type Table = hashbrown::raw::RawTable<(Entry, SharedValue<()>)>;

/// A key's hash: 32 seeded bits, spread over 64.
///
/// The spread is a bijection, so the 32 bits are all there is to remember of a key in order to find it again
/// (the deadline queue does). 32 bits serve a single shard of any size that fits into memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHash(u32);

impl KeyHash {
    pub fn from_bits(bits: u32) -> KeyHash {
        KeyHash(bits)
    }

    pub fn bits(self) -> u32 {
        self.0
    }

    fn spread(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Hashes keys with the seed of this process, so that no one can prepare keys that collide.
#[derive(Clone)]
pub struct KeyHasher(FixedState);

impl KeyHasher {
    pub fn with_seed(seed: u64) -> KeyHasher {
        KeyHasher(FixedState::with_seed(seed))
    }

    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let mut hasher = self.0.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        KeyHash((hash ^ (hash >> 32)) as u32)
    }
}

impl BuildHasher for KeyHasher {
    type Hasher = <FixedState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

pub fn find<'t>(table: &'t Table, hash: KeyHash, key: &[u8]) -> Option<&'t Entry> {
    table.get(hash.spread(), |(entry, _)| entry.key() == key).map(|(entry, _)| entry)
}

pub fn find_mut<'t>(table: &'t mut Table, hash: KeyHash, key: &[u8]) -> Option<&'t mut Entry> {
    table.get_mut(hash.spread(), |(entry, _)| entry.key() == key).map(|(entry, _)| entry)
}

/// The first entry of that hash which `wanted` accepts. The table itself compares only seven bits of a hash.
pub fn find_by_hash<'t>(
    table: &'t Table,
    hasher: &KeyHasher,
    hash: KeyHash,
    mut wanted: impl FnMut(&Entry) -> bool,
) -> Option<&'t Entry> {
    let is_it = |(entry, _): &(Entry, _)| wanted(entry) && hasher.hash(entry.key()) == hash;
    table.get(hash.spread(), is_it).map(|(entry, _)| entry)
}

/// Adds an entry whose key is not in the table.
pub fn insert<'t>(table: &'t mut Table, hasher: &KeyHasher, hash: KeyHash, entry: Entry) -> &'t mut Entry {
    let slot = (entry, SharedValue::new(()));
    &mut table.insert_entry(hash.spread(), slot, |(entry, _)| hasher.hash(entry.key()).spread()).0
}

pub fn remove(table: &mut Table, hash: KeyHash, key: &[u8]) -> Option<Entry> {
    table.remove_entry(hash.spread(), |(entry, _)| entry.key() == key).map(|(entry, _)| entry)
}

/// As [`find_by_hash`], and takes the entry out.
pub fn remove_by_hash(
    table: &mut Table,
    hasher: &KeyHasher,
    hash: KeyHash,
    mut wanted: impl FnMut(&Entry) -> bool,
) -> Option<Entry> {
    let is_it = |(entry, _): &(Entry, _)| wanted(entry) && hasher.hash(entry.key()) == hash;
    table.remove_entry(hash.spread(), is_it).map(|(entry, _)| entry)
}

/// Asks for the lines of a table in which the look-up of `hash` will begin.
pub fn prefetch_slots(table: &Table, hash: KeyHash) {
    prefetch_from(table.data_end().as_ptr().cast(), table.buckets() - 1, hash);
}

fn prefetch_from(data_end: *const u8, mask: usize, hash: KeyHash) {
    let home = hash.spread() as usize & mask;
    // hashbrown's layout: slots lie in front of `data_end` in reverse, one control byte each behind it.
    let slot = size_of::<(Entry, SharedValue<()>)>();
    prefetch(data_end.wrapping_add(home));
    prefetch(data_end.wrapping_sub((home + 1) * slot));
    prefetch(data_end.wrapping_sub((home + 1) * slot + CACHE_LINE));
}

/// Where a table's slots lie, so that they can be asked for without its lock. What moves the table meanwhile makes
/// that useless, not wrong.
#[derive(Default)]
pub struct Outline {
    data_end: AtomicPtr<u8>,
    mask: AtomicUsize,
}

impl Outline {
    /// Called under the exclusive lock, behind all changes.
    #[inline]
    pub fn note(&self, table: &Table) {
        let (data_end, mask) = (table.data_end().as_ptr().cast(), table.buckets() - 1);
        // Nearly always nothing has moved, and the line stays with all who read it.
        if self.data_end.load(Relaxed) != data_end || self.mask.load(Relaxed) != mask {
            self.data_end.store(data_end, Relaxed);
            self.mask.store(mask, Relaxed);
        }
    }

    #[cfg(test)]
    pub fn is_of(&self, table: &Table) -> bool {
        self.data_end.load(Relaxed) == table.data_end().as_ptr().cast()
            && self.mask.load(Relaxed) == table.buckets() - 1
    }

    /// As [`prefetch_slots`].
    #[inline]
    pub fn prefetch_slots(&self, hash: KeyHash) {
        prefetch_from(self.data_end.load(Relaxed), self.mask.load(Relaxed), hash);
    }
}

/// Asks for the entries that the look-up of `hash` will compare with.
pub fn prefetch_entries(table: &Table, hash: KeyHash) {
    each_candidate(table, hash, |entry| {
        prefetch(entry.address());
        prefetch(entry.address().wrapping_add(CACHE_LINE));
    });
}

/// Asks for the objects of the entries that the look-up of `hash` will compare with.
pub fn prefetch_objects(table: &Table, hash: KeyHash) {
    each_candidate(table, hash, |entry| {
        if let Some(object) = entry.object() {
            prefetch(std::ptr::from_ref(object).cast());
        }
    });
}

/// Asks for what is read first of what those objects hold: the start of a collection, small ones as a whole.
pub fn prefetch_contents(table: &Table, hash: KeyHash) {
    each_candidate(table, hash, |entry| {
        if let Some(object) = entry.object() {
            let lines = [0, 1, 2, 3].map(|line| object.address().wrapping_add(line * CACHE_LINE));
            lines.into_iter().for_each(prefetch);
        }
    });
}

/// The entries that the look-up of `hash` will compare with: nearly always one or none.
fn each_candidate(table: &Table, hash: KeyHash, mut look: impl FnMut(&Entry)) {
    // SAFETY: the iterator borrows the table, and the buckets that it yields are full.
    for bucket in unsafe { table.iter_hash(hash.spread()) } {
        // SAFETY: as above.
        look(unsafe { &bucket.as_ref().0 });
    }
}

/// Gives memory back once a table is mostly empty; rare enough to be worth a rehash.
pub fn shrink(table: &mut Table, hasher: &KeyHasher) {
    if table.buckets() >= 64 && table.len() * 8 < table.buckets() {
        table.shrink_to(table.len() * 2, |(entry, _)| hasher.hash(entry.key()).spread());
    }
}

pub fn iter(table: &Table) -> impl Iterator<Item = &Entry> {
    // SAFETY: the iterator borrows the table, which cannot change or move meanwhile; a bucket that it
    // yields is full, so the reference is to an initialised entry.
    unsafe { table.iter().map(|bucket| &bucket.as_ref().0) }
}

/// The entry in bucket `index`, for sampling. `None` where the bucket is empty.
pub fn bucket(table: &Table, index: usize) -> Option<&Entry> {
    assert!(index < table.buckets());
    // SAFETY: the index is in range; a full bucket holds an initialised entry. The empty singleton table reports
    // one bucket, which is never full.
    unsafe { table.is_bucket_full(index).then(|| &table.bucket(index).as_ref().0) }
}
