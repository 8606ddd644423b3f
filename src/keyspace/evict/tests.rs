//! What is chosen, against what an exact policy would choose, on seeded traces.

use std::collections::{BTreeMap, HashMap};

use super::{Eviction, Policy};
use crate::keyspace::effects::Effects;
use crate::keyspace::lock::{Locked, Mode, Places};
use crate::keyspace::{Content, Edit, Keyspace, View, random};

const NOW_MS: u64 = 1_795_000_000_000;

fn keyspace(policy: Policy, samples: usize) -> Keyspace {
    let keyspace = Keyspace::new(7, NOW_MS, crossbeam_channel::unbounded().0);
    keyspace.evictor.set(policy, samples);
    keyspace.usage.set(policy.counts_uses(), 10, 1);
    keyspace
}

fn locked<'k>(keyspace: &'k Keyspace, key: &[u8], mode: Mode) -> Locked<'k> {
    let mut places = Places::new();
    places.key(0, key);
    Locked::many(keyspace, places, mode)
}

fn set(keyspace: &Keyspace, key: &str, deadline: Option<u64>, now_ms: u64) {
    let locked = locked(keyspace, key.as_bytes(), Mode::Exclusive);
    let mut edit = Edit::new(keyspace, locked, Effects::new(), 0, now_ms);
    edit.put(key.as_bytes(), Content::Bytes(b"value"), deadline);
    edit.finish();
}

fn get(keyspace: &Keyspace, key: &str, now_ms: u64) -> bool {
    View::new(keyspace, locked(keyspace, key.as_bytes(), Mode::Shared), 0, now_ms)
        .get(key.as_bytes())
        .is_some()
}

/// Evicts one key and returns it.
fn evict(keyspace: &Keyspace, now_ms: u64) -> Option<String> {
    let mut gone = Vec::new();
    let Eviction::Took(entry) = keyspace.evict(now_ms, |_, _, entry| gone.push(entry.key().to_vec())) else {
        return None;
    };
    assert_eq!(gone, [entry.key()], "it is told of once");
    Some(String::from_utf8_lossy(entry.key()).into_owned())
}

/// Keys by a Zipf law: the one of rank r is asked for with odds of 1 to r to the power of the skew.
struct Zipf {
    up_to: Vec<f64>,
}

impl Zipf {
    fn new(keys: usize, skew: f64) -> Zipf {
        let mut sum = 0.0;
        let add = |rank: usize| {
            sum += (rank as f64).powf(-skew);
            sum
        };
        Zipf { up_to: (1..=keys).map(add).collect() }
    }

    fn draw(&self, random: u64) -> usize {
        let wanted = random as f64 / u64::MAX as f64 * self.up_to.last().expect("there are keys");
        self.up_to.partition_point(|up_to| *up_to < wanted).min(self.up_to.len() - 1)
    }
}

/// The share of requests that find their key, where so many keys fit and every miss is filled. A request takes 10 ms.
fn hit_ratio(policy: Policy, samples: usize, skew: f64) -> f64 {
    let keyspace = keyspace(policy, samples);
    let (zipf, mut rng) = (Zipf::new(KEYS, skew), random::source(3, 0));
    let (mut resident, mut hits) = (0, 0);
    for request in 0..REQUESTS {
        let (key, now_ms) = (zipf.draw(rng()).to_string(), NOW_MS + request as u64 * 10);
        if get(&keyspace, &key, now_ms) {
            hits += usize::from(request >= WARM_UP);
            continue;
        }
        if resident == FIT {
            evict(&keyspace, now_ms).expect("all keys may go");
            resident -= 1;
        }
        set(&keyspace, &key, None, now_ms);
        resident += 1;
    }
    hits as f64 / (REQUESTS - WARM_UP) as f64
}

/// The same for the policy that always takes the key which was not used for the longest time.
fn hit_ratio_of_exact_lru(skew: f64) -> f64 {
    let (zipf, mut rng) = (Zipf::new(KEYS, skew), random::source(3, 0));
    let (mut used, mut by_use, mut hits) = (HashMap::new(), BTreeMap::new(), 0);
    for request in 0..REQUESTS {
        let key = zipf.draw(rng());
        match used.insert(key, request) {
            Some(before) => {
                by_use.remove(&before);
                hits += usize::from(request >= WARM_UP);
            }
            None if used.len() > FIT => {
                let (_, oldest) = by_use.pop_first().expect("some key is resident");
                used.remove(&oldest);
            }
            None => {}
        }
        by_use.insert(request, key);
    }
    hits as f64 / (REQUESTS - WARM_UP) as f64
}

const KEYS: usize = 10_000;
const FIT: usize = 1_000;
const REQUESTS: usize = 60_000;
const WARM_UP: usize = 20_000;

#[test]
fn a_few_samples_are_nearly_as_good_as_exact_lru() {
    for skew in [0.8, 1.0, 1.2] {
        let exact = hit_ratio_of_exact_lru(skew);
        let by_chance = hit_ratio(Policy::AllKeysRandom, 5, skew);
        let sampled = hit_ratio(Policy::AllKeysLru, 5, skew);
        let closely = hit_ratio(Policy::AllKeysLru, 20, skew);
        assert!(sampled > exact - 0.015, "skew {skew}: {sampled:.3}, exact LRU {exact:.3}");
        assert!(closely > exact - 0.008, "skew {skew}: {closely:.3}, exact LRU {exact:.3}");
        assert!(sampled > by_chance + 0.01, "skew {skew}: {sampled:.3}, by chance {by_chance:.3}");
    }
}

#[test]
fn counting_uses_beats_recency_where_popularity_stays() {
    for skew in [0.8, 1.0] {
        let (lru, lfu) = (hit_ratio(Policy::AllKeysLru, 5, skew), hit_ratio(Policy::AllKeysLfu, 5, skew));
        assert!(lfu > lru + 0.02, "skew {skew}: LFU {lfu:.3}, LRU {lru:.3}");
    }
}

#[test]
fn volatile_policies_leave_keys_without_a_deadline_alone() {
    for policy in Policy::ALL.into_iter().filter(|policy| policy.only_volatile()) {
        let keyspace = keyspace(policy, 5);
        for i in 0..300 {
            set(&keyspace, &format!("stays:{i}"), None, NOW_MS);
        }
        for i in 0..40 {
            // Two thirds of the notes are stale.
            (0..3).for_each(|n| set(&keyspace, &format!("goes:{i}"), Some(NOW_MS + 60_000 + n), NOW_MS));
        }
        for _ in 0..40 {
            let key = evict(&keyspace, NOW_MS + 1).expect("there is one left");
            assert!(key.starts_with("goes:"), "{}: {key}", policy.name());
        }
        assert_eq!(evict(&keyspace, NOW_MS + 1), None, "{}", policy.name());
        assert_eq!(keyspace.size(0).keys, 300);
    }
}

#[test]
fn nothing_goes_where_nothing_may() {
    let keyspace = keyspace(Policy::NoEviction, 5);
    set(&keyspace, "key", Some(NOW_MS + 1), NOW_MS);
    assert_eq!(evict(&keyspace, NOW_MS), None);
    keyspace.evictor.set(Policy::AllKeysLru, 5);
    assert_eq!(evict(&keyspace, NOW_MS).as_deref(), Some("key"));
    assert_eq!(evict(&keyspace, NOW_MS), None);
}

#[test]
fn the_nearest_deadlines_go_first() {
    let keyspace = keyspace(Policy::VolatileTtl, 10);
    for i in 0..1_000_u64 {
        set(&keyspace, &i.to_string(), Some(NOW_MS + 1_000_000 + i * 1_000), NOW_MS);
    }
    let gone: Vec<u64> = (0..200)
        .map(|_| evict(&keyspace, NOW_MS).and_then(|key| key.parse().ok()).expect("there are keys"))
        .collect();
    let near = gone.iter().filter(|deadline| **deadline < 400).count();
    assert!(near >= 190, "{near} of 200 are among the nearest 400: {gone:?}");
}

/// One `{tag}` puts nine tenths of the keys into one shard; each of them has the odds of any other.
#[test]
fn keys_that_share_a_shard_are_not_spared() {
    let keyspace = keyspace(Policy::AllKeysRandom, 5);
    for i in 0..3_000 {
        let key = if i % 10 == 0 { i.to_string() } else { format!("{{tag}}{i}") };
        set(&keyspace, &key, None, NOW_MS);
    }
    let gone: Vec<String> = (0..1_000).filter_map(|_| evict(&keyspace, NOW_MS)).collect();
    let tagged = gone.iter().filter(|key| key.starts_with('{')).count();
    assert!((850..950).contains(&tagged), "{tagged} of 1000");
}

#[test]
fn a_key_that_is_used_again_loses_its_place_among_the_candidates() {
    let keyspace = keyspace(Policy::AllKeysLru, 64);
    for i in 0..20_u64 {
        set(&keyspace, &i.to_string(), None, NOW_MS + i * 1_000);
    }
    // Whoever was sampled is remembered.
    for _ in 0..4 {
        evict(&keyspace, NOW_MS + 30_000).expect("there are keys");
    }
    let left: Vec<String> =
        (0..20).map(|i| i.to_string()).filter(|key| get(&keyspace, key, NOW_MS + 40_000)).collect();
    assert_eq!(left.len(), 16);
    set(&keyspace, "late", None, NOW_MS + 39_000);
    let gone: Vec<_> = (0..8).filter_map(|_| evict(&keyspace, NOW_MS + 41_000)).collect();
    assert!(gone.contains(&"late".to_owned()), "it is the one that was not used since: {gone:?}");
}

/// Whoever wants room used to wait for a reader of the shard that the best candidate lies in.
#[test]
fn nobody_waits_for_a_shard_that_others_hold() {
    let keyspace = keyspace(Policy::AllKeysRandom, 5);
    set(&keyspace, "only", None, NOW_MS);
    for mode in [Mode::Shared, Mode::Exclusive] {
        let _held = locked(&keyspace, b"only", mode);
        assert!(matches!(keyspace.evict(NOW_MS, |_, _, _| ()), Eviction::Busy));
    }
    assert_eq!(evict(&keyspace, NOW_MS).as_deref(), Some("only"));
    assert!(matches!(keyspace.evict(NOW_MS, |_, _, _| ()), Eviction::Nothing));
}
