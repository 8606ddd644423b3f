use super::*;
use crate::data::random::tests::seeded;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq)]
struct Pair {
    key: [u8; 4],
    value: u32,
}

impl Keyed for Pair {
    fn key(&self) -> &[u8] {
        &self.key
    }

    fn address(&self) -> *const u8 {
        self.key.as_ptr()
    }
}

fn pair(n: u32, value: u32) -> Pair {
    Pair { key: n.to_be_bytes(), value }
}

fn filled(n: u32) -> Dict<Pair> {
    let mut dict = Dict::new();
    for i in 0..n {
        assert_eq!(dict.insert(pair(i, i)), None);
    }
    dict
}

fn scan_all(dict: &Dict<Pair>, count: usize) -> Vec<Pair> {
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        cursor = dict.scan(cursor, count, &mut |pair| seen.push(pair.clone()));
        if cursor == 0 {
            return seen;
        }
    }
}

/// A whole range at a time, so that a few steps cross many splits and merges.
#[derive(Debug, Clone)]
enum Step {
    Insert(std::ops::Range<u32>, u32),
    Remove(std::ops::Range<u32>),
    Change(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..6000u32, 1..3000u32).prop_map(|(start, len)| start..start + len);
    prop_oneof![
        (range(), any::<u32>()).prop_map(|(range, value)| Step::Insert(range, value)),
        range().prop_map(Step::Remove),
        (0..6000u32, any::<u32>()).prop_map(|(n, value)| Step::Change(n, value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn does_what_a_map_does(steps in prop::collection::vec(step(), 1..24)) {
        let mut dict = Dict::new();
        let mut model: BTreeMap<u32, Pair> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(range, value) => for n in range {
                    prop_assert_eq!(dict.insert(pair(n, value)), model.insert(n, pair(n, value)));
                },
                Step::Remove(range) => for n in range {
                    prop_assert_eq!(dict.remove(&n.to_be_bytes()), model.remove(&n));
                },
                Step::Change(n, value) => {
                    let changed = dict.get_mut(&n.to_be_bytes()).map(|pair| pair.value = value);
                    prop_assert_eq!(changed, model.get_mut(&n).map(|pair| pair.value = value));
                }
            }
            prop_assert_eq!(dict.len(), model.len());
            for n in (0..9000u32).step_by(7) {
                prop_assert_eq!(dict.get(&n.to_be_bytes()), model.get(&n));
            }
        }
        let mut all: Vec<Pair> = dict.iter().cloned().collect();
        all.sort_by_key(|pair| pair.key);
        prop_assert!(all.iter().eq(model.values()));
        let mut scanned = scan_all(&dict, 10);
        scanned.sort_by_key(|pair| pair.key);
        prop_assert!(scanned.iter().eq(model.values()));
    }

    #[test]
    fn a_scan_returns_what_stays_whatever_comes_and_goes(
        counts in prop::collection::vec(1..700usize, 1..20), seed in any::<u64>()
    ) {
        let mut dict = filled(4000);
        let mut rng = seeded(seed);
        let (mut cursor, mut seen) = (0, Vec::new());
        let mut fresh = 10_000;
        for count in counts.iter().cycle() {
            cursor = dict.scan(cursor, *count, &mut |pair| seen.push(u32::from_be_bytes(pair.key)));
            if cursor == 0 {
                break;
            }
            // Of the first 4000 the multiples of three stay; splits and merges happen all around.
            for _ in 0..below(900, &mut rng) {
                let goes = below(4000, &mut rng) as u32;
                if !goes.is_multiple_of(3) {
                    dict.remove(&goes.to_be_bytes());
                }
            }
            // Not for ever: a scan in small steps would never catch up.
            for _ in 0..if fresh < 30_000 { below(900, &mut rng) } else { 0 } {
                dict.insert(pair(fresh, 0));
                fresh += 1;
            }
        }
        let once: BTreeSet<u32> = seen.iter().copied().collect();
        prop_assert_eq!(once.len(), seen.len(), "an element came twice");
        prop_assert!((0..4000).step_by(3).all(|n| once.contains(&n)));
    }
}

#[test]
fn a_scan_returns_about_as_many_as_asked() {
    let dict = filled(20_000);
    let mut cursor = 0;
    loop {
        let mut returned = 0;
        cursor = dict.scan(cursor, 10, &mut |_| returned += 1);
        assert!(cursor == 0 || returned == 10, "{returned} elements");
        assert!(cursor <= PLACE_MAX);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(dict.scan(0, usize::MAX, &mut |_| {}), 0);
    assert_eq!(dict.scan(u64::MAX, 10, &mut |_| {}), 0);
    assert_eq!(Dict::<Pair>::new().scan(0, 10, &mut |_| panic!("nothing is there")), 0);
}

#[test]
fn random_elements_are_uniform() {
    let dict = filled(1000);
    let mut rng = seeded(7);
    let mut drawn = vec![0u32; 1000];
    for _ in 0..100_000 {
        let n = dict.random(&mut rng).map(|pair| u32::from_be_bytes(pair.key));
        drawn[n.expect("the dict is not empty") as usize] += 1;
    }
    // 100 each on average, with a deviation of 10.
    assert!(drawn.iter().all(|n| (50..160).contains(n)), "{drawn:?}");
    assert!(Dict::<Pair>::new().random(&mut rng).is_none());
}

#[test]
fn memory_follows_the_size_both_ways() {
    let small = filled(10).heap_bytes();
    assert!(small < 500, "{small} bytes");
    let mut dict = filled(100_000);
    let large = dict.heap_bytes();
    assert!(large < 100_000 * (size_of::<Pair>() + 14), "{large} bytes");
    for n in 10..100_000u32 {
        dict.remove(&n.to_be_bytes());
    }
    assert!(dict.heap_bytes() < 8000, "{} bytes", dict.heap_bytes());
    assert_eq!(scan_all(&dict, 3).len(), 10);
    dict.clear();
    assert_eq!((dict.len(), dict.heap_bytes()), (0, 0));
}

#[test]
fn what_is_asked_for_ahead_is_what_a_look_up_needs() {
    let dict = filled(5_000);
    let mut candidates = 0;
    for n in 0..5_000 {
        let wanted = pair(n, n);
        let mut found = false;
        dict.each_candidate(dict.ask_for_slot(&wanted.key), |pair| {
            found |= *pair == wanted;
            candidates += 1;
        });
        assert!(found, "{n}");
    }
    assert!(candidates < 5_500, "{candidates} elements are asked for");
}
