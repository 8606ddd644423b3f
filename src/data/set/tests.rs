use super::*;
use crate::data::random::tests::seeded;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Low enough that a few dozen steps cross every threshold.
fn tight() -> Thresholds {
    Thresholds {
        set_max_intset_entries: 12,
        set_max_listpack_entries: 8,
        set_max_listpack_value: 6,
        ..Thresholds::default()
    }
}

fn set_of<'a>(members: impl IntoIterator<Item = &'a str>) -> Set {
    let mut set = Set::new();
    for member in members {
        set.add(member.as_bytes(), &tight());
    }
    set
}

fn members<'a>(elements: impl IntoIterator<Item = Element<'a>>) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for element in elements {
        assert!(all.insert(element.to_vec()), "a member came twice");
    }
    all
}

fn numbers(range: std::ops::Range<i64>) -> Set {
    let mut set = Set::new();
    range.for_each(|n| assert!(set.add(n.to_string().as_bytes(), &Thresholds::default())));
    set
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (-20..20i64).prop_map(|n| n.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        3 => "[a-c0-9]{0,3}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    Pop,
    PopMany(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => member().prop_map(Step::Add),
        6 => member().prop_map(Step::Remove),
        1 => Just(Step::Pop),
        1 => (0..12usize).prop_map(Step::PopMany),
    ]
}

proptest! {
    #[test]
    fn does_what_a_naive_set_does(steps in prop::collection::vec(step(), 0..120), seed in any::<u64>()) {
        let mut rng = seeded(seed);
        let mut set = Set::new();
        let mut model = BTreeSet::new();
        for step in steps {
            match step {
                Step::Add(member) => {
                    prop_assert_eq!(set.add(&member, &tight()), model.insert(member.clone()));
                    prop_assert!(set.contains(&member));
                }
                Step::Remove(member) => {
                    prop_assert_eq!(set.remove(&member), model.remove(&member));
                    prop_assert!(!set.contains(&member));
                }
                Step::Pop => {
                    let popped = set.pop(&mut rng);
                    prop_assert_eq!(popped.is_none(), model.is_empty());
                    prop_assert!(popped.is_none_or(|member| model.remove(&member)));
                }
                Step::PopMany(count) => {
                    let expected = count.min(model.len());
                    let mut popped = 0;
                    set.pop_many(count, &tight(), &mut rng, &mut |member| {
                        assert!(model.remove(&member.to_vec()));
                        popped += 1;
                    });
                    prop_assert_eq!(popped, expected);
                }
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(&members(set.iter()), &model);
            prop_assert_eq!(members(set.sample(5, &mut rng)).len(), model.len().min(5));
            prop_assert_eq!(set.random(&mut rng).is_none(), model.is_empty());
            prop_assert!(set.encoding() != "intset" || model.len() <= 12);
            prop_assert!(set.encoding() != "listpack" || model.len() <= 8);
        }
        let mut scanned = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 3, &mut |member| assert!(scanned.insert(member.to_vec())));
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(scanned, model);
    }

    #[test]
    fn algebra_agrees_with_naive_sets(
        naive in prop::collection::vec(prop::collection::btree_set(member(), 0..30), 1..5)
    ) {
        let sets: Vec<Set> = naive.iter().map(|members| {
            let mut set = Set::new();
            members.iter().for_each(|member| _ = set.add(member, &tight()));
            set
        }).collect();
        let sets: Vec<&Set> = sets.iter().collect();
        let (first, others) = naive.split_first().expect("at least one set");
        let common = first.iter().filter(|member| others.iter().all(|set| set.contains(*member)));
        let apart = first.iter().filter(|member| !others.iter().any(|set| set.contains(*member)));
        prop_assert_eq!(members(intersection(&sets)), common.cloned().collect());
        prop_assert_eq!(members(difference(sets[0], &sets[1..])), apart.cloned().collect());
        prop_assert_eq!(members(union(&sets, &tight()).iter()), naive.iter().flatten().cloned().collect());
    }
}

#[test]
fn encodings_follow_redis() {
    let limits = Thresholds::default();
    assert_eq!(numbers(0..512).encoding(), "intset");
    assert_eq!(numbers(0..513).encoding(), "hashtable");

    let mut set = numbers(0..127);
    assert!(set.add(b"text", &limits));
    assert_eq!((set.encoding(), set.len()), ("listpack", 128));
    assert!(set.add(b"more", &limits));
    assert_eq!(set.encoding(), "hashtable");

    let mut set = numbers(0..128);
    assert!(set.add(b"text", &limits));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 129));

    let mut set = Set::new();
    assert!(set.add(&[b'x'; 64], &limits));
    assert_eq!(set.encoding(), "listpack");
    assert!(set.add(&[b'y'; 65], &limits));
    assert_eq!(set.encoding(), "hashtable");

    // Only the one way of writing an integer is one.
    for text in ["01", "+1", "-0", " 1", "9223372036854775808"] {
        assert_eq!(set_of([text]).encoding(), if text.len() > 6 { "hashtable" } else { "listpack" });
    }
    // A listpack stays one when only integers are left.
    let mut set = set_of(["a", "1"]);
    set.remove(b"a");
    assert_eq!(set.encoding(), "listpack");
}

#[test]
fn arguments_foretell_the_encoding() {
    let limits = Thresholds::default();
    assert_eq!(Set::for_members(b"1", 512, &limits).encoding(), "intset");
    assert_eq!(Set::for_members(b"1", 513, &limits).encoding(), "hashtable");
    assert_eq!(Set::for_members(b"a", 128, &limits).encoding(), "listpack");
    assert_eq!(Set::for_members(b"a", 129, &limits).encoding(), "hashtable");
    let mut set = set_of(["a"]);
    set.expect(128, &limits);
    assert_eq!(set.encoding(), "listpack");
    set.expect(129, &limits);
    assert_eq!((set.encoding(), set.len()), ("hashtable", 1));
}

#[test]
fn a_table_of_which_little_is_left_starts_over() {
    let limits = Thresholds::default();
    let mut rng = seeded(3);
    let mut set = numbers(0..600);
    set.pop_many(499, &limits, &mut rng, &mut |_| {});
    assert_eq!((set.encoding(), set.len()), ("hashtable", 101));
    let mut set = numbers(0..600);
    set.pop_many(500, &limits, &mut rng, &mut |_| {});
    assert_eq!((set.encoding(), set.len()), ("listpack", 100));
}

#[test]
fn members_of_every_encoding_are_drawn_with_equal_odds() {
    let mut rng = seeded(11);
    for set in
        [set_of(["1", "2", "3", "4"]), set_of(["1", "b", "c", "d"]), set_of(["1", "b", "c", "a long one"])]
    {
        let mut drawn = std::collections::BTreeMap::<_, u32>::new();
        for _ in 0..4000 {
            *drawn.entry(set.random(&mut rng).expect("not empty").to_vec()).or_default() += 1;
        }
        assert!(drawn.len() == 4 && drawn.values().all(|n| (850..1150).contains(n)), "{drawn:?}");
    }
}

#[test]
fn memory_is_counted_and_returned() {
    let mut set = numbers(0..100_000);
    let large = set.heap_bytes();
    assert!((100_000 * 12..100_000 * 28).contains(&large), "{large}");
    let copy = set.clone();
    (0..99_999).for_each(|n| assert!(set.remove(n.to_string().as_bytes())));
    assert_eq!((copy.len(), set.len()), (100_000, 1));
    assert!(set.heap_bytes() < 1000, "{}", set.heap_bytes());
    assert!(set_of(["1", "2"]).heap_bytes() <= 16);
}
