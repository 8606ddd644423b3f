//! Which keys are asked for most: a sample of each worker's requests, kept in a Space-Saving sketch.
//!
//! ```text
//!   worker-0: one request of 64 --keys--> [ 128 slots: key, count, how much of it may be another key's ]
//!   worker-1: one request of 64 --keys--> [ 128 slots ]            every 10 s all counts are halved
//!                                              |
//!                      HOTKEYS, the dashboard: merged when somebody asks
//! ```
//!
//! A key that makes more than 1/128 of a worker's requests is always in a slot. A newcomer takes the slot of the
//! smallest count and inherits it as its error, so count less error is never too much. As counts are halved, a
//! steady key's count stands for the last ten to twenty seconds.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::Counter;
use crate::limits::{HOT_KEY_BYTES, HOT_KEY_SLOTS};

/// One request of so many is looked at, on average.
const SAMPLED: u64 = 64;
const HALVED_EVERY_MS: u64 = 10_000;

/// A key and how often it is used, as far as the sample can tell.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKey {
    pub db: u8,
    /// Its first bytes, where it is very long.
    pub key: Box<[u8]>,
    pub per_second: f64,
}

/// One worker's.
#[derive(Default)]
pub struct Sampler {
    /// Requests to pass over. The worker alone counts.
    to_pass: Counter,
    randomness: Counter,
    sketch: Mutex<Sketch>,
}

impl Sampler {
    /// Whether this request is one of the sample.
    #[inline]
    pub fn takes(&self) -> bool {
        let left = self.to_pass.get();
        if left > 0 {
            self.to_pass.set(left - 1);
            return false;
        }
        self.draw();
        true
    }

    /// Between half and one and a half of the mean, so that no rhythm of a client's hides from the sample.
    #[cold]
    fn draw(&self) {
        let random =
            self.randomness.get().wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.randomness.set(random);
        self.to_pass.set(SAMPLED / 2 - 1 + (random >> 33) % SAMPLED);
    }

    pub fn sketch(&self) -> MutexGuard<'_, Sketch> {
        self.sketch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Slot {
    db: u8,
    key: Box<[u8]>,
    /// How much of the count may be other keys'.
    error: u32,
}

/// Keys by the hash of their whole name; what is compared with every key lies apart.
#[derive(Default)]
pub struct Sketch {
    hasher: RandomState,
    hashes: Vec<u64>,
    counts: Vec<u32>,
    slots: Vec<Slot>,
}

impl Sketch {
    pub fn note(&mut self, db: u8, key: &[u8]) {
        let hash = self.hash(db, key);
        if let Some(at) = self.hashes.iter().position(|known| *known == hash) {
            self.counts[at] = self.counts[at].saturating_add(1);
            return;
        }
        let slot = Slot { db, key: key[..key.len().min(HOT_KEY_BYTES)].into(), error: 0 };
        if self.slots.len() < HOT_KEY_SLOTS {
            self.hashes.push(hash);
            self.counts.push(1);
            self.slots.push(slot);
            return;
        }
        let Some((at, &least)) = self.counts.iter().enumerate().min_by_key(|(_, count)| **count) else {
            return;
        };
        self.hashes[at] = hash;
        self.counts[at] = least.saturating_add(1);
        self.slots[at] = Slot { error: least, ..slot };
    }

    fn hash(&self, db: u8, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u8(db);
        hasher.write(key);
        hasher.finish()
    }

    fn halve(&mut self) {
        self.counts.iter_mut().for_each(|count| *count /= 2);
        self.slots.iter_mut().for_each(|slot| slot.error = slot.error.div_ceil(2));
    }

    fn clear(&mut self) {
        *self = Sketch::default();
    }

    /// Each key with the count that is certainly its own.
    fn certain(&self) -> impl Iterator<Item = (u8, &[u8], u32)> {
        self.slots
            .iter()
            .zip(&self.counts)
            .map(|(slot, count)| (slot.db, &*slot.key, count.saturating_sub(slot.error)))
    }
}

/// When all workers' sketches were last halved, in Unix milliseconds.
#[derive(Default)]
pub struct Ageing(AtomicU64);

impl Ageing {
    /// To be called now and then. Counts begin to age with the first call.
    pub fn age<'a>(&self, now_ms: u64, samplers: impl Iterator<Item = &'a Sampler>) {
        let last_ms = self.0.load(Ordering::Relaxed);
        // The first call only notes the time, and so does one behind which the clock was set back.
        let begins = last_ms == 0 || now_ms < last_ms;
        if !begins && now_ms < last_ms + HALVED_EVERY_MS {
            return;
        }
        self.0.store(now_ms, Ordering::Relaxed);
        if !begins {
            samplers.for_each(|sampler| sampler.sketch().halve());
        }
    }

    /// The keys that are used most, the hottest first.
    pub fn hottest<'a>(
        &self,
        now_ms: u64,
        most: usize,
        samplers: impl Iterator<Item = &'a Sampler>,
    ) -> Vec<HotKey> {
        let mut counts: HashMap<(u8, Box<[u8]>), u64> = HashMap::new();
        for sampler in samplers {
            for (db, key, count) in sampler.sketch().certain().filter(|(_, _, count)| *count > 1) {
                *counts.entry((db, key.into())).or_default() += u64::from(count);
            }
        }
        // Right behind a halving, a steady key's count stands for one period; from there on it grows with the time.
        let since_ms = now_ms.saturating_sub(self.0.load(Ordering::Relaxed)).min(HALVED_EVERY_MS);
        let seconds = (HALVED_EVERY_MS + since_ms) as f64 / 1000.0;
        let rate = |count: u64| (count * SAMPLED) as f64 / seconds;
        let mut hottest: Vec<HotKey> = counts
            .into_iter()
            .map(|((db, key), count)| HotKey { db, key, per_second: rate(count) })
            .collect();
        hottest.sort_by(|a, b| b.per_second.total_cmp(&a.per_second).then_with(|| a.key.cmp(&b.key)));
        hottest.truncate(most);
        hottest
    }

    pub fn forget<'a>(&self, samplers: impl Iterator<Item = &'a Sampler>) {
        samplers.for_each(|sampler| sampler.sketch().clear());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(sampler: &Sampler, requests: impl Iterator<Item = String>) {
        for key in requests.filter(|_| sampler.takes()) {
            sampler.sketch().note(0, key.as_bytes());
        }
    }

    #[test]
    fn one_request_of_sixty_four_is_taken_and_not_in_a_rhythm() {
        let sampler = Sampler::default();
        let taken: Vec<usize> = (0..64_000).filter(|_| sampler.takes()).collect();
        assert!((900..1100).contains(&taken.len()), "{}", taken.len());
        let gaps: Vec<usize> = taken.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (32..96).contains(gap)), "{gaps:?}");
        assert!(gaps.iter().collect::<std::collections::HashSet<_>>().len() > 30);
    }

    #[test]
    fn a_hot_key_among_many_is_found_on_every_worker() {
        let samplers = [Sampler::default(), Sampler::default()];
        let requests = (0..200_000).map(|i| if i % 10 == 0 { "hot".into() } else { format!("cold:{i}") });
        samplers.iter().for_each(|sampler| run(sampler, requests.clone()));
        let ageing = Ageing::default();
        ageing.age(1_000, samplers.iter());
        let hottest = ageing.hottest(1_000, 5, samplers.iter());
        // Two times 20,000 uses of it, in what counts as ten seconds.
        let (key, rate) = (&*hottest[0].key, hottest[0].per_second);
        assert!(key == b"hot" && (2_800.0..5_200.0).contains(&rate), "{hottest:?}");
        assert!(hottest.iter().skip(1).all(|other| other.per_second < rate / 10.0), "{hottest:?}");
    }

    #[test]
    fn what_is_no_longer_used_cools_down() {
        let sampler = Sampler::default();
        let ageing = Ageing::default();
        ageing.age(1, [&sampler].into_iter());
        run(&sampler, (0..64_000).map(|_| "once".into()));
        let rates: Vec<f64> = (1..=12)
            .map(|step| {
                let now_ms = 1 + step * HALVED_EVERY_MS;
                ageing.age(now_ms, [&sampler].into_iter());
                ageing.hottest(now_ms, 1, [&sampler].into_iter()).first().map_or(0.0, |key| key.per_second)
            })
            .collect();
        assert!(rates.windows(2).all(|pair| pair[1] < pair[0] || pair[1] == 0.0), "{rates:?}");
        assert_eq!(rates.last(), Some(&0.0));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_no_ageing() {
        let sampler = Sampler::default();
        let ageing = Ageing::default();
        run(&sampler, (0..64_000).map(|_| "once".into()));
        let count = |sampler: &Sampler| sampler.sketch().certain().map(|(_, _, count)| count).sum::<u32>();
        let before = count(&sampler);
        for now_ms in [90_000, 1_000] {
            ageing.age(now_ms, [&sampler].into_iter());
        }
        assert_eq!(count(&sampler), before);
        ageing.age(1_000 + HALVED_EVERY_MS, [&sampler].into_iter());
        assert_eq!(count(&sampler), before / 2);
    }

    #[test]
    fn long_keys_are_told_apart_though_only_their_beginning_is_kept() {
        let mut sketch = Sketch::default();
        let long = |last: &str| "k".repeat(HOT_KEY_BYTES) + last;
        for key in [long("a"), long("a"), long("b")] {
            sketch.note(3, key.as_bytes());
        }
        let counts: Vec<_> = sketch.certain().map(|(db, key, count)| (db, key.len(), count)).collect();
        assert_eq!(counts, [(3, HOT_KEY_BYTES, 2), (3, HOT_KEY_BYTES, 1)]);
    }
}
