//! Key set -> ordered shard guards.
//!
//! A command locks exactly the shards of its keys, in ascending order of (database, shard), so two commands
//! can never wait for each other in a circle. No guard leaves `keyspace`.

use dashmap::{RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;

use super::Keyspace;
use super::shard::{Shard, ShardMut, Side};
use super::slot::shard_of;
use super::table::{KeyHasher, Table};
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
    Exclusive(RwLockWriteGuard<'k, Table>),
}

struct Held<'k> {
    place: Place,
    side: &'k Side,
    guard: Guard<'k>,
}

impl Held<'_> {
    fn shard<'s>(&'s self, hasher: &'s KeyHasher) -> Shard<'s> {
        let table = match &self.guard {
            Guard::Shared(guard) => &**guard,
            Guard::Exclusive(guard) => &**guard,
        };
        Shard { table, side: self.side, hasher }
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
        let guard = Guard::Exclusive(database.map.shards()[place.shard as usize].try_write()?);
        let mut locked = Locked::none(keyspace);
        locked.held.push(Held { place, side: &database.sides[place.shard as usize], guard });
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
        let guard = match mode {
            Mode::Shared => Guard::Shared(lock.read()),
            Mode::Exclusive => Guard::Exclusive(lock.write()),
        };
        Held { place, side: &database.sides[place.shard as usize], guard }
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
            Guard::Exclusive(table) => Some(ShardMut { table, side: held.side, hasher: self.hasher }),
        }
    }

    /// Two different shards at once. `None` where either is not locked for writing.
    pub fn two_mut(&mut self, a: Place, b: Place) -> Option<(ShardMut<'_>, ShardMut<'_>)> {
        let (i, j) = (self.position(a)?, self.position(b)?);
        let [x, y] = self.held.get_disjoint_mut([i, j]).ok()?;
        let hasher = self.hasher;
        match (&mut x.guard, &mut y.guard) {
            (Guard::Exclusive(s), Guard::Exclusive(t)) => Some((
                ShardMut { table: s, side: x.side, hasher },
                ShardMut { table: t, side: y.side, hasher },
            )),
            _ => None,
        }
    }

    pub fn sides(&self) -> impl Iterator<Item = (Place, &'k Side)> + '_ {
        self.held.iter().map(|held| (held.place, held.side))
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

    fn locked(keyspace: &Keyspace, name: impl FnOnce(&mut Places)) -> Vec<Place> {
        let mut places = Places::new();
        name(&mut places);
        let locked = Locked::many(keyspace, places, Mode::Exclusive);
        locked.sides().map(|(place, _)| place).collect()
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
