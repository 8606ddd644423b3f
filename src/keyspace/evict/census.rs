//! How many keys that may be evicted lie in which shard, so that each of them has about the same odds to be drawn,
//! however unevenly `{tags}` have spread them.

use super::super::Keyspace;
use super::super::lock::Place;
use super::policy::Policy;
use crate::data::random::scaled;

/// Draws after which shards are counted again: as many as there are keys, within these bounds.
const DRAWS_MIN: usize = 64;
const DRAWS_MAX: usize = 1024;

#[derive(Default)]
pub struct Census {
    /// Shards with such keys, and the number of those up to and in it.
    shards: Vec<(Place, usize)>,
    draws_left: usize,
}

impl Census {
    /// A shard by its share of the keys. `None` where no key may be evicted, to the best of its knowledge; it is fresh then.
    pub fn draw(&mut self, keyspace: &Keyspace, policy: Policy, random: u64) -> Option<Place> {
        if self.draws_left == 0 || self.shards.is_empty() {
            self.count(keyspace, policy);
        }
        self.draws_left -= 1;
        let (_, total) = *self.shards.last()?;
        let wanted = scaled(random, total);
        let at = self.shards.partition_point(|(_, up_to)| *up_to <= wanted);
        self.shards.get(at).map(|(place, _)| *place)
    }

    /// Waits for no lock: a shard that is being written to is there, and the next census will know how large.
    fn count(&mut self, keyspace: &Keyspace, policy: Policy) {
        self.shards.clear();
        let mut total = 0;
        for place in keyspace.all_places() {
            let counted = keyspace.try_with_shard(place, |shard| match policy.only_volatile() {
                true => shard.side.expiring(),
                false => shard.len(),
            });
            let keys = counted.unwrap_or(1);
            if keys > 0 {
                total += keys;
                self.shards.push((place, total));
            }
        }
        self.draws_left = total.clamp(DRAWS_MIN, DRAWS_MAX);
    }

    /// What it knows is no longer true.
    pub fn forget(&mut self) {
        self.draws_left = 0;
    }
}
