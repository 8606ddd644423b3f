//! All data replaced at once, while everybody waits: DEBUG RELOAD.

use std::sync::Arc;

use super::Keyspace;
use super::lock::{Locked, Mode, Place, Places};

impl Keyspace {
    /// Replaces all data by what `fill` puts into an empty keyspace. Nobody can see or change anything meanwhile. After an
    /// error everything is as it was.
    pub fn reload<E>(&self, fill: impl FnOnce(&Arc<Keyspace>) -> Result<(), E>) -> Result<(), E> {
        let mut places = Places::new();
        places.everything();
        let mut locked = Locked::many(self, places, Mode::Exclusive);
        // Of the same seed, so that whole tables can be exchanged.
        let fresh = Arc::new(Keyspace::new(self.seed, self.usage.born_ms(), self.garbage.clone()));
        fresh.tuning.set(self.tuning.get());
        fill(&fresh)?;
        let places: Vec<Place> = locked.places().collect();
        for place in places {
            fresh.with_shard_mut(place, |mut new| {
                if let Some(mut old) = locked.shard_mut(place) {
                    old.swap(&mut new);
                }
            });
        }
        // What was there before is freed when nobody waits any more.
        drop(locked);
        Ok(())
    }
}
