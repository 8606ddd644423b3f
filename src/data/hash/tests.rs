use super::*;
use crate::data::random::tests::seeded;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What is stored: value and deadline, the latter perhaps in the past.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

const THRESHOLDS: Thresholds = Thresholds {
    hash_max_listpack_entries: 12,
    hash_max_listpack_value: 32,
    list_max_listpack_size: 0,
    set_max_intset_entries: 0,
    set_max_listpack_entries: 0,
    set_max_listpack_value: 0,
    zset_max_listpack_entries: 0,
    zset_max_listpack_value: 0,
    hll_sparse_max_bytes: 0,
};

#[derive(Debug, Clone)]
enum Op {
    Set(Vec<u8>, Vec<u8>),
    SetNew(Vec<u8>, Vec<u8>),
    SetKeepingDeadline(Vec<u8>, Vec<u8>),
    Increment(Vec<u8>, i64),
    Remove(Vec<u8>),
    Expire(Vec<u8>, u64, Condition),
    Persist(Vec<u8>),
    Wait(u64),
    RemoveExpired(usize),
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    (0u32..20).prop_map(|n| if n % 2 == 0 { n.to_string() } else { format!("name {n}") }.into_bytes())
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        10 => prop_oneof![Just(i64::MAX), Just(i64::MIN), -5i64..5].prop_map(|n| n.to_string().into_bytes()),
        10 => prop::collection::vec(any::<u8>(), 0..30),
        1 => (33usize..300).prop_map(|len| vec![b'v'; len]),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    use Condition::*;
    prop::sample::select(vec![Always, Always, Always, IfNone, IfSome, IfLater, IfEarlier])
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (names(), values()).prop_map(|(name, value)| Op::Set(name, value)),
        2 => (names(), values()).prop_map(|(name, value)| Op::SetNew(name, value)),
        2 => (names(), values()).prop_map(|(name, value)| Op::SetKeepingDeadline(name, value)),
        3 => (names(), -3i64..4).prop_map(|(name, by)| Op::Increment(name, by)),
        4 => names().prop_map(Op::Remove),
        5 => (names(), 0u64..40, conditions()).prop_map(|(name, ms, when)| Op::Expire(name, ms, when)),
        1 => names().prop_map(Op::Persist),
        2 => (1u64..8).prop_map(Op::Wait),
        1 => (0usize..4).prop_map(Op::RemoveExpired),
    ]
}

fn live<'m>(model: &'m Model, name: &[u8], now_ms: u64) -> Option<&'m (Vec<u8>, Option<u64>)> {
    model.get(name).filter(|(_, deadline_ms)| deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms))
}

fn apply(op: Op, hash: &mut Hash, model: &mut Model, now_ms: &mut u64) {
    let now = *now_ms;
    match op {
        Op::Set(name, value) => {
            assert_eq!(hash.set(&name, &value, now, &THRESHOLDS), live(model, &name, now).is_none());
            model.insert(name, (value, None));
        }
        Op::SetNew(name, value) => {
            let new = live(model, &name, now).is_none();
            assert_eq!(hash.set_new(&name, &value, now, &THRESHOLDS), new);
            if new {
                model.insert(name, (value, None));
            }
        }
        Op::SetKeepingDeadline(name, value) => {
            let old = live(model, &name, now);
            assert_eq!(hash.set_keeping_deadline(&name, &value, now, &THRESHOLDS), old.is_none());
            let deadline_ms = old.and_then(|old| old.1);
            model.insert(name, (value, deadline_ms));
        }
        Op::Increment(name, by) => {
            let (value, deadline_ms) = live(model, &name, now).cloned().unwrap_or((b"0".to_vec(), None));
            let sum = match Element::Bytes(&value).int() {
                Some(value) => value.checked_add(by).ok_or(IncrementError::Overflow),
                None => Err(IncrementError::NotAnInteger),
            };
            assert_eq!(hash.increment(&name, by, now, &THRESHOLDS), sum);
            if let Ok(sum) = sum {
                model.insert(name, (sum.to_string().into_bytes(), deadline_ms));
            }
        }
        Op::Remove(name) => {
            let found = live(model, &name, now).is_some();
            assert_eq!(hash.remove(&name, now), found);
            if found {
                model.remove(&name);
            }
        }
        Op::Expire(name, ms, condition) => {
            let deadline_ms = (now + ms).saturating_sub(10);
            let expected = expire(model, &name, deadline_ms, condition, now);
            assert_eq!(hash.expire(&name, deadline_ms, condition, now), expected);
        }
        Op::Persist(name) => {
            let lifetime = hash.lifetime(&name, now);
            assert_eq!(hash.persist(&name, now), lifetime);
            if let Lifetime::Until(_) = lifetime {
                model.entry(name).and_modify(|field| field.1 = None);
            }
        }
        Op::Wait(ms) => *now_ms += ms,
        Op::RemoveExpired(max) => {
            let mut removed = BTreeSet::new();
            let count = hash.remove_expired(now, max, |name| assert!(removed.insert(name.to_vec())));
            let expired = model.keys().filter(|name| live(model, name, now).is_none()).count();
            assert_eq!((count, removed.len()), (expired.min(max), expired.min(max)));
            for name in removed {
                assert!(live(model, &name, now).is_none() && model.remove(&name).is_some());
            }
        }
    }
}

fn expire(model: &mut Model, name: &[u8], new: u64, condition: Condition, now: u64) -> Expire {
    let Some(&(_, old)) = live(model, name, now) else { return Expire::NoField };
    let comparable = old.unwrap_or(u64::MAX);
    let met = match condition {
        Condition::Always => true,
        Condition::IfNone => old.is_none(),
        Condition::IfSome => old.is_some(),
        Condition::IfLater => new > comparable,
        Condition::IfEarlier => new < comparable,
    };
    if !met {
        return Expire::ConditionUnmet;
    }
    if new <= now {
        model.remove(name);
        return Expire::Removed;
    }
    model.entry(name.to_vec()).and_modify(|field| field.1 = Some(new));
    Expire::Set
}

fn check(hash: &Hash, model: &Model, now: u64, seed: u64) {
    let owned = |field: Field<'_>| (field.name.to_vec(), (field.value.to_vec(), field.deadline_ms));
    let expected: Model = model
        .iter()
        .filter(|(name, _)| live(model, name, now).is_some())
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect();

    assert_eq!((hash.len(now), hash.is_empty(now)), (expected.len(), expected.is_empty()));
    assert_eq!(hash.iter(now).count(), expected.len());
    assert_eq!(hash.iter(now).map(owned).collect::<Model>(), expected);
    assert_eq!(hash.next_deadline(), model.values().filter_map(|field| field.1).min());

    for name in (0..20).flat_map(|n| [n.to_string().into_bytes(), format!("name {n}").into_bytes()]) {
        let field = expected.get(&name);
        assert_eq!(hash.get(&name, now), field.map(|(value, _)| Element::Bytes(value)));
        let lifetime = match field {
            None => Lifetime::NoField,
            Some((_, None)) => Lifetime::Unlimited,
            Some((_, Some(deadline_ms))) => Lifetime::Until(*deadline_ms),
        };
        assert_eq!(hash.lifetime(&name, now), lifetime);
    }

    let (mut scanned, mut cursor) = (Model::new(), 0);
    loop {
        cursor = hash.scan(cursor, 3, now, &mut |field| {
            assert!(scanned.insert(field.name.to_vec(), owned(field).1).is_none())
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned, expected);

    let mut rng = seeded(seed);
    assert_eq!(hash.random(now, &mut rng).is_some(), !expected.is_empty());
    let sample = hash.sample(3, now, &mut rng);
    assert_eq!(sample.len(), expected.len().min(3));
    let sample: Model = sample.into_iter().chain(hash.random(now, &mut rng)).map(owned).collect();
    assert!(sample.len() >= expected.len().min(3));
    assert!(sample.iter().all(|(name, field)| expected.get(name) == Some(field)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn behaves_like_a_map(ops in prop::collection::vec(ops(), 1..100), seed: u64) {
        let (mut hash, mut model, mut now_ms) = (Hash::new(), Model::new(), 1000);
        for op in ops {
            apply(op, &mut hash, &mut model, &mut now_ms);
            check(&hash, &model, now_ms, seed);
        }
        check(&hash.clone(), &model, now_ms, seed);
    }
}

#[test]
fn a_plain_small_hash_is_a_block_and_nothing_else() {
    assert_eq!(size_of::<Hash>(), 16);
    let mut hash = Hash::new();
    for (name, value) in
        [("name", "Ada"), ("born", "1815"), ("city", "London"), ("visits", "12"), ("lang", "en")]
    {
        assert!(hash.set(name.as_bytes(), value.as_bytes(), 0, &THRESHOLDS));
    }
    // Texts, three bytes around each of eight, two integers in five and three; six for the header.
    let text_bytes = "namebornvisitscitylang".len() + "AdaLondonen".len();
    assert!(hash.heap_bytes() <= (6 + text_bytes + 8 * 2 + 5 + 3_usize).next_multiple_of(16));
}

#[test]
fn encodings_follow_the_thresholds() {
    let mut hash = Hash::new();
    for n in 0..12 {
        hash.set(format!("name {n}").as_bytes(), &[b'v'; 32], 0, &THRESHOLDS);
        assert_eq!(hash.encoding(), "listpack");
    }
    let mut long_value = hash.clone();
    long_value.set(b"name 3", &[b'v'; 33], 0, &THRESHOLDS);
    assert_eq!((long_value.len(0), long_value.encoding()), (12, "hashtable"));

    hash.expire(b"name 3", 10, Condition::Always, 0);
    assert_eq!(hash.encoding(), "listpackex");
    hash.set(b"name 12", b"v", 0, &THRESHOLDS);
    assert_eq!((hash.len(0), hash.encoding()), (13, "hashtable"));
    assert_eq!(hash.lifetime(b"name 3", 0), Lifetime::Until(10));
    assert_eq!(hash.lifetime(b"name 3", 10), Lifetime::NoField);
}

#[test]
fn every_field_is_drawn_as_often() {
    for len in [5, 40] {
        let mut hash = Hash::new();
        for n in 0..len * 2 {
            hash.set(format!("{n}").as_bytes(), b"v", 0, &THRESHOLDS);
            if n % 2 == 1 {
                hash.expire(format!("{n}").as_bytes(), 5, Condition::Always, 0);
            }
        }
        let mut rng = seeded(len as u64);
        let mut times: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for _ in 0..1000 {
            for field in hash.sample(len / 2, 9, &mut rng).into_iter().chain(hash.random(9, &mut rng)) {
                *times.entry(field.name.to_vec()).or_default() += 1;
            }
        }
        let mean = 1000 * (len / 2 + 1) / len;
        assert_eq!(times.len(), len);
        assert!(times.values().all(|n| (mean * 4 / 5..mean * 6 / 5).contains(n)), "{times:?}");
    }
}

#[test]
fn a_deadline_beyond_all_clocks_is_cut_to_what_a_command_may_say() {
    for entries in [1, 30] {
        let mut hash = Hash::new();
        for n in 0..entries {
            hash.set(format!("{n}").as_bytes(), b"v", 0, &THRESHOLDS);
        }
        assert_eq!(hash.expire(b"0", u64::MAX, Condition::Always, 0), Expire::Set);
        assert_eq!(hash.lifetime(b"0", 1), Lifetime::Until(DEADLINE_MAX_MS));
    }
}
