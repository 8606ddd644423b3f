//! The keyspace: sixteen databases, each a DashMap of many small shards.
//!
//! ```text
//!   key --slot--> shard ------> [ RwLock<Table> ] --hash--> Entry (key, value, deadline: one block)
//!                   |
//!                   +---------> [ Side ]  deadlines, watchers, last log record
//! ```
//!
//! Commands see it through a [`View`] (may read) or an [`Edit`] (may change, and records what it changed). Both
//! borrow locked shards; no guard leaves this folder, and nothing here knows a socket, a file or a clock.

pub mod cut;
pub mod edit;
pub mod effects;
pub mod entry;
pub mod event;
pub mod evict;
pub mod expiry;
mod garbage;
pub mod lock;
pub mod object;
pub mod pattern;
mod pieces;
pub mod prefetch;
mod random;
mod reload;
pub mod sample;
pub mod scan;
pub mod shard;
pub mod slot;
pub mod snapshot;
mod table;
pub mod tuning;
pub mod usage;
pub mod view;
pub mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_channel::Sender;
use dashmap::DashMap;

use crate::data::prefetch::prefetch;
use crate::limits::{DATABASES, SHARDS};
use cut::Cuts;
use entry::Entry;
use event::Wanted;
use evict::Evictor;
use garbage::Pending;
use lock::{Locked, Mode, Place};
use shard::{Shard, ShardMut, Side};
use table::{KeyHasher, Outline};
use tuning::Tuning;
use usage::Usage;

pub use edit::{Edit, WaitKey};
pub use entry::Content;
pub use garbage::Garbage;
pub use lock::Places;
pub use object::{Object, Stored, Type, WrongType};
pub use table::{KeyHash, Table};
pub use view::View;

/// Objects of at least this size are freed by the thread for garbage.
const SLOW_TO_FREE_BYTES: usize = 64 << 10;

pub struct Keyspace {
    databases: [OnceLock<Database>; DATABASES],
    hasher: KeyHasher,
    seed: u64,
    /// Sources of random numbers handed out so far.
    sources: AtomicU64,
    /// How the use of entries is counted.
    pub usage: Usage,
    garbage: Sender<Garbage>,
    /// Chooses what goes when memory is full.
    pub evictor: Evictor,
    /// What has been discarded and is not freed yet.
    pub pending: Arc<Pending>,
    /// Up to where collections stay compact.
    pub tuning: Tuning,
    /// What is told of what happens to keys.
    pub wanted: Wanted,
    cuts: Cuts,
}

struct Database {
    map: DashMap<Entry, (), KeyHasher>,
    sides: Box<[Side]>,
    /// Of the tables in `map`.
    outlines: Box<[Outline]>,
}

/// Counts of one database, for INFO.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseSize {
    pub keys: usize,
    pub expires: usize,
    /// Bytes of the tables, without what their slots point to.
    pub table_bytes: usize,
    /// Bytes of the queues of deadlines.
    pub deadline_bytes: usize,
}

impl DatabaseSize {
    fn add(&mut self, shard: Shard<'_>) {
        self.keys += shard.len();
        self.expires += shard.side.expiring();
        self.table_bytes += shard.table_bytes();
        self.deadline_bytes += shard.side.deadline_bytes();
    }
}

impl Keyspace {
    /// `seed` keeps hashes and choices unpredictable; `garbage` takes what is slow to free.
    pub fn new(seed: u64, now_ms: u64, garbage: Sender<Garbage>) -> Keyspace {
        Keyspace {
            databases: [const { OnceLock::new() }; DATABASES],
            hasher: KeyHasher::with_seed(seed),
            seed,
            sources: AtomicU64::new(0),
            usage: Usage::new(now_ms),
            garbage,
            evictor: Evictor::new(random::source(seed, u64::MAX)),
            pending: Arc::default(),
            tuning: Tuning::default(),
            wanted: Wanted::default(),
            cuts: Cuts::default(),
        }
    }

    /// A source of random numbers, another one at each call.
    pub fn random(&self) -> impl FnMut() -> u64 + use<> {
        random::source(self.seed, self.sources.fetch_add(1, Ordering::Relaxed))
    }

    /// The access word of an entry that is used once more.
    #[inline]
    fn used_again(&self, access: u32, now_ms: u64) -> u32 {
        self.usage.next(access, now_ms, || self.roll())
    }

    /// One random number, from a source of the calling thread's own.
    fn roll(&self) -> u64 {
        random::roll(|| self.random()())
    }

    fn database(&self, db: u8) -> &Database {
        let slot = &self.databases[db as usize];
        slot.get().unwrap_or_else(|| {
            self.cuts.while_unchanged(|generation| slot.get_or_init(|| self.new_database(generation)))
        })
    }

    /// Creates a database that will be used in any case, so that what it takes is not put down to the first key.
    pub fn prepare(&self, db: u8) {
        self.database(db);
    }

    /// A database that is created while a compaction runs has nothing to be cut.
    fn new_database(&self, generation: u32) -> Database {
        let sides: Box<[Side]> = (0..SHARDS).map(|_| Side::default()).collect();
        sides.iter().for_each(|side| side.set_generation(generation));
        let map = DashMap::with_hasher_and_shard_amount(self.hasher.clone(), SHARDS);
        Database { map, sides, outlines: (0..SHARDS).map(|_| Outline::default()).collect() }
    }

    /// Databases that anything has ever touched.
    pub fn databases(&self) -> impl Iterator<Item = u8> + '_ {
        (0..DATABASES as u8).filter(|&db| self.databases[db as usize].get().is_some())
    }

    /// Every shard of every database in use, in locking order.
    pub fn all_places(&self) -> impl Iterator<Item = Place> + '_ {
        self.databases().flat_map(|db| (0..SHARDS as u16).map(move |shard| Place { db, shard }))
    }

    pub fn size(&self, db: u8) -> DatabaseSize {
        let Some(database) = self.databases[db as usize].get() else { return DatabaseSize::default() };
        let mut size = DatabaseSize::default();
        for (lock, side) in database.map.shards().iter().zip(&database.sides) {
            size.add(Shard { table: &lock.read(), side, hasher: &self.hasher });
        }
        size
    }

    /// Runs `look` on one shard, locked for reading.
    pub fn with_shard<R>(&self, place: Place, look: impl FnOnce(Shard<'_>) -> R) -> R {
        let locked = Locked::one(self, place, Mode::Shared);
        look(locked.shard(place).expect("just locked"))
    }

    /// Runs `change` on one shard, locked for writing.
    pub fn with_shard_mut<R>(&self, place: Place, change: impl FnOnce(ShardMut<'_>) -> R) -> R {
        let mut locked = Locked::one(self, place, Mode::Exclusive);
        change(locked.shard_mut(place).expect("just locked for writing"))
    }

    /// The same, if nobody holds it.
    fn try_with_shard_mut<R>(&self, place: Place, change: impl FnOnce(ShardMut<'_>) -> R) -> Option<R> {
        let mut locked = Locked::try_one(self, place)?;
        Some(change(locked.shard_mut(place).expect("just locked for writing")))
    }

    /// A client waits no longer for a key of this shard.
    pub fn waits_no_longer(&self, place: Place) {
        let side = &self.database(place.db).sides[place.shard as usize];
        side.waiting.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// As [`Keyspace::with_shard`], if nobody is writing to it.
    fn try_with_shard<R>(&self, place: Place, look: impl FnOnce(Shard<'_>) -> R) -> Option<R> {
        let database = self.database(place.db);
        let table = database.map.shards()[place.shard as usize].try_read()?;
        let side = &database.sides[place.shard as usize];
        Some(look(Shard { table: &table, side, hasher: &self.hasher }))
    }

    /// Asks for a shard's lock, and for the lines in which the look-up of `hash` will begin.
    fn ask_for_slots(&self, place: Place, hash: KeyHash) {
        let database = self.database(place.db);
        prefetch(std::ptr::from_ref(&database.map.shards()[place.shard as usize]).cast());
        database.outlines[place.shard as usize].prefetch_slots(hash);
    }

    /// Looks at a shard's table if nobody is writing to it.
    fn peek_table(&self, place: Place, look: impl FnOnce(&Table)) {
        if let Some(table) = self.database(place.db).map.shards()[place.shard as usize].try_read() {
            look(&table);
        }
    }

    /// Whether a shard has a key or a field that may be due. Takes no shard lock.
    pub fn has_due(&self, place: Place, now_ms: u64) -> bool {
        let side = &self.database(place.db).sides[place.shard as usize];
        side.next_due_ms().is_some_and(|at| at <= now_ms)
    }

    /// Where a key lies, for looking ahead.
    pub fn spot(&self, db: u8, key: &[u8]) -> prefetch::Spot {
        (Place::of(db, key), self.hash(key))
    }

    pub fn hash(&self, key: &[u8]) -> KeyHash {
        self.hasher.hash(key)
    }

    /// Takes what is slow to free off the caller's hands. Freed on the spot when nobody listens any more.
    fn discard_table(&self, table: Table) {
        drop(self.garbage.send(Garbage::table(table, &self.pending)));
    }

    /// As [`Keyspace::free`], for one.
    pub fn free_one(&self, removed: Entry) {
        if is_slow_to_free(&removed) {
            self.free(vec![removed]);
        }
    }

    /// Frees entries, on another thread where that takes long. No shard may be locked.
    pub fn free(&self, removed: Vec<Entry>) {
        if removed.iter().any(is_slow_to_free) {
            drop(self.garbage.send(Garbage::entries(removed, &self.pending)));
        }
    }
}

fn is_slow_to_free(entry: &Entry) -> bool {
    entry.object().is_some_and(|object| object.heap_bytes() >= SLOW_TO_FREE_BYTES)
}
