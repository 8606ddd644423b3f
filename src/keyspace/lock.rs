//! Key set -> ordered shard guards.
//!
//! A command locks exactly the shards of its keys, in ascending order of (database, shard), so two commands
//! can never wait for each other in a circle. No guard leaves `keyspace`.

use dashmap::{RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;

use super::shard::{Shard, ShardMut, Side};
use super::slot::shard_of;
use super::table::{KeyHasher, Outline, Table};
use super::{Database, Keyspace};
use crate::limits::{DATABASES, SHARDS};

/// One shard of one database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub db: u8,
    pub shard: u16,
}

impl Place {
    pub fn of(db: u8, key: &[u8]) -> Place {
        Place { db, shard: shard_of(key) as u16 }
    }
}

/// The shards that a command is to lock: its key set, deduplicated and in locking order.
#[derive(Default, Debug)]
pub struct Places {
    places: SmallVec<[Place; 4]>,
    /// Databases of which every shard is wanted: one bit each.
    whole: u16,
    /// Every database that is in use by then.
    everything: bool,
}

const _: () = assert!(DATABASES <= u16::BITS as usize);

impl Places {
    pub fn new() -> Places {
        Places::default()
    }

    pub fn key(&mut self, db: u8, key: &[u8]) {
        self.places.push(Place::of(db, key));
    }

    pub fn database(&mut self, db: u8) {
        self.whole |= 1 << db;
    }

    pub fn everything(&mut self) {
        self.everything = true;
    }

    /// The shards, as far as they are named one by one; `None` if whole databases are among them.
    pub fn named(&self) -> Option<impl Iterator<Item = Place> + '_> {
        (self.whole == 0 && !self.everything).then(|| self.places.iter().copied())
    }

    fn in_order(mut self, keyspace: &Keyspace) -> SmallVec<[Place; 4]> {
        if self.everything {
            let in_use = keyspace.databases().chain(self.places.iter().map(|place| place.db));
            self.whole |= in_use.fold(0, |bits, db| bits | 1 << db);
        }
        if self.whole != 0 {
            let whole = self.whole;
            self.places.retain(|place| whole & (1 << place.db) == 0);
            let databases = (0..DATABASES as u8).filter(|db| whole & (1 << db) != 0);
            self.places
                .extend(databases.flat_map(|db| (0..SHARDS as u16).map(move |shard| Place { db, shard })));
        }
        if self.places.len() > 1 {
            self.places.sort_unstable();
            self.places.dedup();
        }
        self.places
    }
}

enum Guard<'k> {
    Shared(RwLockReadGuard<'k, Table>),
    Exclusive(Exclusive<'k>),
}

struct Exclusive<'k> {
    table: RwLockWriteGuard<'k, Table>,
    outline: &'k Outline,
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        self.outline.note(&self.table);
    }
}

struct Held<'k> {
    place: Place,
    side: &'k Side,
    guard: Guard<'k>,
}

impl<'k> Held<'k> {
    fn exclusive(database: &'k Database, place: Place, table: RwLockWriteGuard<'k, Table>) -> Held<'k> {
        let shard = place.shard as usize;
        let guard = Guard::Exclusive(Exclusive { table, outline: &database.outlines[shard] });
        Held { place, side: &database.sides[shard], guard }
    }

    fn shard<'s>(&'s self, hasher: &'s KeyHasher) -> Shard<'s> {
        Shard { table: self.table(), side: self.side, hasher }
    }

    fn table(&self) -> &Table {
        match &self.guard {
            Guard::Shared(table) => table,
            Guard::Exclusive(held) => &held.table,
        }
    }

    /// Who may write may read as well.
    fn serves(&self, place: Place, mode: Mode) -> bool {
        self.place == place && (mode == Mode::Shared || matches!(self.guard, Guard::Exclusive(_)))
    }
}

/// Locked shards, ascending.
pub struct Locked<'k> {
    held: SmallVec<[Held<'k>; 1]>,
    hasher: &'k KeyHasher,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Shared,
    Exclusive,
}

/// Requests that use a shard one after the other, as those of a pipeline to one key do, lock it once for so many:
/// whoever wants it as well waits for them all.
const RUN_MAX: u8 = 16;

/// The shard of the last request, locked still, where the next one seems to want the same.
///
/// Whoever holds one must release it before waiting for anything, most of all for another shard.
#[derive(Default)]
pub struct Kept<'k> {
    held: Option<Held<'k>>,
    /// Whether the request after the one that runs seems to want the same shard.
    continues: bool,
    /// Requests in a row that have used it.
    run: u8,
}

impl<'k> Kept<'k> {
    /// Before a request: whether the one behind it seems to want the same shard.
    pub fn continues(&mut self, continues: bool) {
        self.continues = continues;
    }

    /// As [`Locked::one`], without locking what is locked already.
    pub fn one(&mut self, keyspace: &'k Keyspace, place: Place, mode: Mode) -> Locked<'k> {
        match self.held.take() {
            Some(held) if held.serves(place, mode) => {
                let mut locked = Locked::none(keyspace);
                locked.held.push(held);
                locked
            }
            other => {
                drop(other);
                self.run = 0;
                Locked::one(keyspace, place, mode)
            }
        }
    }

    /// The request is done with its shard.
    pub fn keep(&mut self, mut locked: Locked<'k>) {
        if self.continues && self.run + 1 < RUN_MAX && locked.held.len() == 1 {
            self.run += 1;
            self.held = locked.held.pop();
        }
    }

    /// Looks at a shard's table if it is kept, or if nobody is writing to it.
    pub fn peek_table(&self, keyspace: &Keyspace, place: Place, look: impl FnOnce(&Table)) {
        match &self.held {
            Some(held) if held.place == place => look(held.table()),
            _ => keyspace.peek_table(place, look),
        }
    }

    /// Nothing is kept from here on, the shard of the request that runs included.
    pub fn release(&mut self) {
        self.held = None;
        self.continues = false;
    }
}

impl<'k> Locked<'k> {
    pub fn none(keyspace: &'k Keyspace) -> Locked<'k> {
        Locked { held: SmallVec::new(), hasher: &keyspace.hasher }
    }

    pub fn one(keyspace: &'k Keyspace, place: Place, mode: Mode) -> Locked<'k> {
        let mut locked = Locked::none(keyspace);
        locked.held.push(Self::hold(keyspace, place, mode));
        locked
    }

    /// As [`Locked::one`] for writing, if nobody holds the shard.
    pub fn try_one(keyspace: &'k Keyspace, place: Place) -> Option<Locked<'k>> {
        let database = keyspace.database(place.db);
        let table = database.map.shards()[place.shard as usize].try_write()?;
        let mut locked = Locked::none(keyspace);
        locked.held.push(Held::exclusive(database, place, table));
        Some(locked)
    }

    pub fn many(keyspace: &'k Keyspace, places: Places, mode: Mode) -> Locked<'k> {
        let mut locked = Locked::none(keyspace);
        let places = places.in_order(keyspace).into_iter();
        locked.held.extend(places.map(|place| Self::hold(keyspace, place, mode)));
        locked
    }

    fn hold(keyspace: &'k Keyspace, place: Place, mode: Mode) -> Held<'k> {
        let database = keyspace.database(place.db);
        let lock = &database.map.shards()[place.shard as usize];
        match mode {
            Mode::Shared => {
                let guard = Guard::Shared(lock.read());
                Held { place, side: &database.sides[place.shard as usize], guard }
            }
            Mode::Exclusive => Held::exclusive(database, place, lock.write()),
        }
    }

    fn position(&self, place: Place) -> Option<usize> {
        match &self.held[..] {
            [only] => (only.place == place).then_some(0),
            held => held.binary_search_by_key(&place, |h| h.place).ok(),
        }
    }

    /// Where one of the command's own keys lies. A command that holds one shard has nothing to look up.
    fn position_of(&self, db: u8, key: &[u8]) -> Option<usize> {
        let [only] = &self.held[..] else { return self.position(Place::of(db, key)) };
        debug_assert!(
            only.place.db != db || only.place == Place::of(db, key),
            "a command touches only the keys that its row declares"
        );
        (only.place.db == db).then_some(0)
    }

    pub fn shard(&self, place: Place) -> Option<Shard<'_>> {
        Some(self.held[self.position(place)?].shard(self.hasher))
    }

    pub fn shard_of(&self, db: u8, key: &[u8]) -> Option<Shard<'_>> {
        Some(self.held[self.position_of(db, key)?].shard(self.hasher))
    }

    pub fn shard_mut(&mut self, place: Place) -> Option<ShardMut<'_>> {
        self.held_mut(self.position(place)?)
    }

    pub fn shard_of_mut(&mut self, db: u8, key: &[u8]) -> Option<ShardMut<'_>> {
        self.held_mut(self.position_of(db, key)?)
    }

    fn held_mut(&mut self, position: usize) -> Option<ShardMut<'_>> {
        let held = &mut self.held[position];
        match &mut held.guard {
            Guard::Shared(_) => None,
            Guard::Exclusive(Exclusive { table, .. }) => {
                Some(ShardMut { table, side: held.side, hasher: self.hasher })
            }
        }
    }

    /// Two different shards at once. `None` where either is not locked for writing.
    pub fn two_mut(&mut self, a: Place, b: Place) -> Option<(ShardMut<'_>, ShardMut<'_>)> {
        let (i, j) = (self.position(a)?, self.position(b)?);
        let [x, y] = self.held.get_disjoint_mut([i, j]).ok()?;
        let hasher = self.hasher;
        match (&mut x.guard, &mut y.guard) {
            (Guard::Exclusive(s), Guard::Exclusive(t)) => Some((
                ShardMut { table: &mut s.table, side: x.side, hasher },
                ShardMut { table: &mut t.table, side: y.side, hasher },
            )),
            _ => None,
        }
    }

    /// Before a write: a running compaction gets what it needs to see before that.
    pub fn cut_rest(&self, keyspace: &Keyspace) {
        if keyspace.running_cuts() == 0 {
            return;
        }
        let shards = self.held.iter().map(|held| (held.place, held.shard(self.hasher)));
        if self.held.len() > 1 {
            keyspace.cut_rest(shards.clone());
        }
        keyspace.copy_lists(shards);
    }

    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.held.iter().map(|held| held.place)
    }

    /// The log generation that a write to these shards belongs to: by now, of all that are cut.
    pub fn generation(&self) -> u32 {
        self.held.iter().map(|held| held.side.generation()).max().unwrap_or(0)
    }

    /// The newest record that any of these shards has seen.
    pub fn written(&self) -> u64 {
        self.held.iter().map(|held| held.side.written()).max().unwrap_or(0)
    }

    pub fn set_written(&self, seq: u64) {
        self.held.iter().for_each(|held| held.side.set_written(seq));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::entry::Content;

    fn locked(keyspace: &Keyspace, name: impl FnOnce(&mut Places)) -> Vec<Place> {
        let mut places = Places::new();
        name(&mut places);
        let locked = Locked::many(keyspace, places, Mode::Exclusive);
        locked.places().collect()
    }

    #[test]
    fn places_are_locked_once_and_in_order() {
        let keyspace = Keyspace::new(1, 0, crossbeam_channel::unbounded().0);
        let some = locked(&keyspace, |places| {
            for (db, key) in [(3, b"b"), (0, b"a"), (3, b"b"), (0, b"c")] {
                places.key(db, key);
            }
        });
        assert_eq!(some.len(), 3);
        assert!(some.is_sorted());
    }

    #[test]
    fn a_lock_is_kept_only_for_the_same_shard_and_not_for_ever() {
        let keyspace = Keyspace::new(1, 0, crossbeam_channel::unbounded().0);
        let (a, b) = (Place::of(0, b"a"), Place::of(0, b"b"));
        let is_free = |place| Locked::try_one(&keyspace, place).is_some();
        let mut kept = Kept::default();
        let locked = kept.one(&keyspace, a, Mode::Shared);
        kept.keep(locked);
        assert!(is_free(a), "nobody is behind it");
        kept.continues(true);
        for mode in [Mode::Exclusive, Mode::Shared] {
            let locked = kept.one(&keyspace, a, mode);
            kept.keep(locked);
            assert!(!is_free(a));
        }
        let locked = kept.one(&keyspace, b, Mode::Shared);
        assert!(is_free(a) && !is_free(b));
        kept.keep(locked);
        let locked = kept.one(&keyspace, b, Mode::Exclusive);
        kept.keep(locked);
        assert!(!is_free(b), "a reader's lock is not enough for a writer");
        kept.release();
        assert!(is_free(b));
        kept.continues(true);
        let mut in_a_row = 1;
        loop {
            let locked = kept.one(&keyspace, a, Mode::Exclusive);
            kept.keep(locked);
            if is_free(a) {
                break;
            }
            in_a_row += 1;
        }
        assert_eq!(in_a_row, RUN_MAX, "requests that have used one hold of the lock");
    }

    #[test]
    fn an_outline_is_that_of_its_table_once_it_is_unlocked() {
        let keyspace = Keyspace::new(1, 0, crossbeam_channel::unbounded().0);
        let place = Place::of(0, b"{tag}");
        let is_right = || {
            let database = keyspace.database(0);
            let shard = place.shard as usize;
            database.outlines[shard].is_of(&database.map.shards()[shard].read())
        };
        for key in (0..1000).map(|i| format!("{{tag}}{i}")) {
            let mut locked = Locked::one(&keyspace, place, Mode::Exclusive);
            let mut shard = locked.shard_mut(place).expect("it is locked for writing");
            shard.put(keyspace.hash(key.as_bytes()), key.as_bytes(), Content::Bytes(b"v"), None, |_| 0);
            drop(locked);
            assert!(is_right(), "{key}");
        }
        drop(
            Locked::one(&keyspace, place, Mode::Exclusive)
                .shard_mut(place)
                .map(|shard| std::mem::take(shard.table)),
        );
        assert!(is_right());
    }

    #[test]
    fn everything_includes_databases_that_only_the_request_names() {
        let keyspace = Keyspace::new(1, 0, crossbeam_channel::unbounded().0);
        assert_eq!(locked(&keyspace, Places::everything).len(), 0, "no database is in use");
        let all = locked(&keyspace, |places| {
            places.key(5, b"k");
            places.everything();
            places.database(2);
        });
        assert_eq!(all.len(), 2 * SHARDS);
        assert!(all.is_sorted());
        assert_eq!(locked(&keyspace, Places::everything), all, "both are in use by now");
    }
}
