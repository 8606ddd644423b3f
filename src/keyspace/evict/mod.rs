//! Eviction: which key goes when memory is full.
//!
//! ```text
//!   census: keys per shard --draw--> a shard --sample--> a few entries --rank--> [ pool: the 16 best ] --> take, if still so
//! ```
//!
//! Approximate, as Redis does it: looking at all keys would take too long, and nothing is kept in order for it. One shard is
//! locked at a time: shared to sample it, and exclusive to take the one entry out, both only where that needs no waiting. How
//! much has to go, and when to stop, is for the caller to say.

mod census;
mod draw;
mod policy;
mod pool;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Keyspace;
use super::entry::Entry;
use super::lock::Place;
use super::shard::Side;
use census::Census;
pub use policy::{Order, Policy};
use pool::{Candidate, Pool};

/// Candidates that may turn out to be gone, or in use again, before the shards are counted anew.
const TRIES: usize = 32;
/// So often in a row: then all that may go seems to lie in shards that somebody holds.
const COUNTS: usize = 4;

/// What has come of looking for a key to evict.
pub enum Eviction {
    Took(Entry),
    /// There is nothing that the policy may evict.
    Nothing,
    /// What there is lies in shards that others hold for long.
    Busy,
}

/// Chooses, and remembers good candidates.
pub struct Evictor {
    policy: AtomicU8,
    samples: AtomicUsize,
    /// Never locked by whoever holds a shard.
    chooser: Mutex<Chooser>,
}

/// What was learnt about the keys, under one policy.
struct Chooser {
    policy: Policy,
    census: Census,
    pool: Pool,
    random: Box<dyn FnMut() -> u64 + Send>,
}

impl Evictor {
    pub fn new(random: impl FnMut() -> u64 + Send + 'static) -> Evictor {
        let chooser = Chooser {
            policy: Policy::default(),
            census: Census::default(),
            pool: Pool::default(),
            random: Box::new(random),
        };
        let policy = AtomicU8::new(Policy::default() as u8);
        Evictor { policy, samples: AtomicUsize::new(5), chooser: Mutex::new(chooser) }
    }

    pub fn set(&self, policy: Policy, samples: usize) {
        self.policy.store(policy as u8, Ordering::Relaxed);
        self.samples.store(samples, Ordering::Relaxed);
    }

    pub fn policy(&self) -> Policy {
        Policy::ALL[usize::from(self.policy.load(Ordering::Relaxed))]
    }

    fn chooser(&self) -> MutexGuard<'_, Chooser> {
        self.chooser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keyspace {
    /// Takes out the entry that the policy would rather lose, or one of the best that can be found quickly. `gone` records
    /// it while its shard is locked.
    pub fn evict(&self, now_ms: u64, mut gone: impl FnMut(Place, &Side, &Entry)) -> Eviction {
        let policy = self.evictor.policy();
        let Some(order) = policy.order() else { return Eviction::Nothing };
        for tries in 1..=TRIES * COUNTS {
            let chosen = self.evictor.chooser().choose(self, policy, order, now_ms);
            match chosen {
                Choice::Nothing => return Eviction::Nothing,
                Choice::Candidate(candidate) => {
                    let still_so = |entry: &Entry| order.rank(entry, &self.usage, now_ms) >= candidate.rank;
                    let wanted = |entry: &Entry| policy.may_evict(entry) && still_so(entry);
                    if let Some(entry) = self.take_candidate(candidate, wanted, &mut gone) {
                        return Eviction::Took(entry);
                    }
                }
                Choice::Missed => {}
            }
            if tries % TRIES == 0 {
                self.evictor.chooser().census.forget();
                std::thread::yield_now();
            }
        }
        Eviction::Busy
    }

    fn take_candidate(
        &self,
        candidate: Candidate,
        wanted: impl FnMut(&Entry) -> bool,
        gone: &mut impl FnMut(Place, &Side, &Entry),
    ) -> Option<Entry> {
        let taken = self.try_with_shard_mut(candidate.place, |mut shard| {
            let entry = shard.take_by_hash(candidate.hash, wanted)?;
            shard.side.watchers.changed(entry.key());
            gone(candidate.place, shard.side, &entry);
            Some(entry)
        });
        taken.flatten()
    }
}

enum Choice {
    Candidate(Candidate),
    /// What was known is out of date.
    Missed,
    /// No key may be evicted.
    Nothing,
}

impl Chooser {
    fn choose(&mut self, keyspace: &Keyspace, policy: Policy, order: Order, now_ms: u64) -> Choice {
        if self.policy != policy {
            self.policy = policy;
            self.census.forget();
            self.pool.clear();
        }
        // One draw is enough where nothing is compared.
        let samples =
            if order == Order::Chance { 1 } else { keyspace.evictor.samples.load(Ordering::Relaxed) };
        let mut sampled = 0;
        // A small shard has less to offer than is wanted of it; each has something, unless it has just changed.
        for _ in 0..samples {
            let Some(place) = self.census.draw(keyspace, policy, (self.random)()) else {
                return Choice::Nothing;
            };
            sampled += self.sample(keyspace, place, order, samples - sampled, now_ms);
            if sampled >= samples {
                break;
            }
        }
        self.pool.take_best().map_or(Choice::Missed, Choice::Candidate)
    }

    /// Offers some keys of a shard, and returns how many samples they count as.
    fn sample(
        &mut self,
        keyspace: &Keyspace,
        place: Place,
        order: Order,
        wanted: usize,
        now_ms: u64,
    ) -> usize {
        let Chooser { policy, pool, random, .. } = self;
        let mut offered = 0;
        keyspace.try_with_shard(place, |shard| {
            draw::draw(&shard, *policy, wanted, random, |entry| {
                let rank = order.rank(entry, &keyspace.usage, now_ms);
                pool.offer(Candidate { rank, place, hash: keyspace.hash(entry.key()) });
                offered += 1;
            });
        });
        // The nearest deadlines of a shard say nothing of other shards, however many there are.
        if order == Order::Deadline { offered.min(1) } else { offered }
    }
}
