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
    /// Every shard of every database.
    everything: bool,
}

impl Places {
    pub fn new() -> Places {
        Places::default()
    }

    pub fn everything() -> Places {
        Places { places: SmallVec::new(), everything: true }
    }

    pub fn key(&mut self, db: u8, key: &[u8]) {
        self.places.push(Place::of(db, key));
    }

    pub fn all(&mut self) {
        self.everything = true;
    }

    pub fn is_everything(&self) -> bool {
        self.everything
    }

    fn in_order(mut self) -> SmallVec<[Place; 4]> {
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

    pub fn many(keyspace: &'k Keyspace, places: Places, mode: Mode) -> Locked<'k> {
        let mut locked = Locked::none(keyspace);
        if places.everything {
            locked.held.extend(keyspace.all_places().map(|place| Self::hold(keyspace, place, mode)));
        } else {
            locked.held.extend(places.in_order().into_iter().map(|p| Self::hold(keyspace, p, mode)));
        }
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

    pub fn shard(&self, place: Place) -> Option<Shard<'_>> {
        let held = &self.held[self.position(place)?];
        let table = match &held.guard {
            Guard::Shared(guard) => &**guard,
            Guard::Exclusive(guard) => &**guard,
        };
        Some(Shard { table, side: held.side, hasher: self.hasher })
    }

    pub fn shard_mut(&mut self, place: Place) -> Option<ShardMut<'_>> {
        let position = self.position(place)?;
        let held = &mut self.held[position];
        match &mut held.guard {
            Guard::Shared(_) => None,
            Guard::Exclusive(table) => {
                Some(ShardMut { table: &mut **table, side: held.side, hasher: self.hasher })
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
                ShardMut { table: &mut **s, side: x.side, hasher },
                ShardMut { table: &mut **t, side: y.side, hasher },
            )),
            _ => None,
        }
    }

    pub fn sides(&self) -> impl Iterator<Item = (Place, &'k Side)> + '_ {
        self.held.iter().map(|held| (held.place, held.side))
    }

    /// The newest record that any of these shards has seen.
    pub fn written(&self) -> u64 {
        self.held.iter().map(|held| held.side.written()).max().unwrap_or(0)
    }

    pub fn set_written(&self, seq: u64) {
        self.held.iter().for_each(|held| held.side.set_written(seq));
    }
}
