use super::*;
use crate::data::random::tests::seeded;
use crate::data::set::Set;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Low enough that a few dozen steps cross every threshold.
fn tight() -> Thresholds {
    Thresholds { zset_max_listpack_entries: 8, zset_max_listpack_value: 6, ..Thresholds::default() }
}

type Pair = (Vec<u8>, f64);

fn by_order(a: &Pair, b: &Pair) -> Ordering {
    a.1.partial_cmp(&b.1).expect("no score is NaN").then_with(|| a.0.cmp(&b.0))
}

/// A sorted vector: what a sorted set is, said as plainly as possible.
#[derive(Debug, Clone, Default)]
struct Model(Vec<Pair>);

impl Model {
    fn score(&self, member: &[u8]) -> Option<f64> {
        self.0.iter().find(|pair| pair.0 == member).map(|pair| pair.1)
    }

    fn set(&mut self, member: &[u8], score: f64) -> Change {
        let change = match self.remove(member) {
            None => Change::Added,
            Some(old) if old == score => Change::Unchanged,
            Some(_) => Change::Updated,
        };
        self.0.push((member.to_vec(), score));
        self.0.sort_by(by_order);
        change
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.0.iter().position(|pair| pair.0 == member)?;
        Some(self.0.remove(at).1)
    }
}

fn pairs<'a>(iter: impl IntoIterator<Item = (Element<'a>, f64)>) -> Vec<Pair> {
    iter.into_iter().map(|(member, score)| (member.to_vec(), score)).collect()
}

fn zset_of(members: &[(&str, f64)]) -> ZSet {
    let mut zset = ZSet::new();
    for (member, score) in members {
        zset.set(member.as_bytes(), *score, &tight());
    }
    zset
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0..30i64).prop_map(|n| n.to_string().into_bytes()),
        3 => "[a-c]{0,3}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-3..4i32).prop_map(f64::from),
        2 => (-8..8i32).prop_map(|n| f64::from(n) / 3.0),
        1 => any::<f64>().prop_filter("a score", |score| !score.is_nan()),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

fn score_bound() -> impl Strategy<Value = ScoreBound> {
    (score(), any::<bool>()).prop_map(|(score, exclusive)| ScoreBound { score, exclusive })
}

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<u8>, f64),
    Incr(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRange(prop::sample::Index, prop::sample::Index),
    PopMin,
    PopMax,
    Count(ScoreBound, ScoreBound),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (member(), score()).prop_map(|(member, score)| Step::Set(member, score)),
        3 => (member(), score()).prop_map(|(member, score)| Step::Incr(member, score)),
        6 => member().prop_map(Step::Remove),
        1 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(a, b)| Step::RemoveRange(a, b)),
        1 => Just(Step::PopMin),
        1 => Just(Step::PopMax),
        3 => (score_bound(), score_bound()).prop_map(|(min, max)| Step::Count(min, max)),
    ]
}

/// Takes the pair at a rank away, as ZPOPMIN and ZPOPMAX do.
fn pop(zset: &mut ZSet, rank: usize) -> Option<Pair> {
    let ranks = rank..(rank + 1).min(zset.len());
    let popped = pairs(zset.range(ranks.clone())).pop();
    zset.remove_range(ranks);
    popped
}

fn take(step: Step, zset: &mut ZSet, model: &mut Model) {
    match step {
        Step::Set(member, score) => {
            assert_eq!(zset.set(&member, score, &tight()), model.set(&member, score));
        }
        Step::Incr(member, by) => {
            let score = model.score(&member).map_or(by, |score| score + by);
            let expected = if score.is_nan() { Err(NotANumber) } else { Ok(score) };
            assert_eq!(zset.incr(&member, by, &tight()), expected);
            if expected.is_ok() {
                model.set(&member, score);
            }
        }
        Step::Remove(member) => assert_eq!(zset.remove(&member), model.remove(&member)),
        Step::RemoveRange(a, b) => {
            let (a, b) = (a.index(model.0.len() + 1), b.index(model.0.len() + 1));
            // Mostly few, so that the set can grow.
            let range = a.min(b)..a.max(b).min(a.min(b) + 3);
            model.0.drain(range.clone());
            zset.remove_range(range);
        }
        Step::PopMin => {
            let expected = (!model.0.is_empty()).then(|| model.0.remove(0));
            assert_eq!(pop(zset, 0), expected);
        }
        Step::PopMax => assert_eq!(pop(zset, zset.len().saturating_sub(1)), model.0.pop()),
        Step::Count(min, max) => {
            let inside = |score: f64| {
                (if min.exclusive { score > min.score } else { score >= min.score })
                    && (if max.exclusive { score < max.score } else { score <= max.score })
            };
            let ranks = zset.by_score(min, max);
            let expected: Vec<Pair> = model.0.iter().filter(|pair| inside(pair.1)).cloned().collect();
            assert_eq!(ranks.len(), expected.len());
            assert_eq!(pairs(zset.range(ranks)), expected);
        }
    }
}

proptest! {
    #[test]
    fn does_what_a_sorted_vector_does(
        steps in prop::collection::vec(step(), 0..150), seed in any::<u64>()
    ) {
        let mut rng = seeded(seed);
        let (mut zset, mut model) = (ZSet::new(), Model::default());
        for step in steps {
            take(step, &mut zset, &mut model);
            prop_assert_eq!(zset.len(), model.0.len());
            prop_assert_eq!(&pairs(zset.iter()), &model.0);
            prop_assert!(zset.encoding() != "listpack" || zset.len() <= 8);
            if let Some((member, score)) = zset.random(&mut rng) {
                let member = member.to_vec();
                let rank = model.0.iter().position(|pair| pair.0 == member);
                prop_assert_eq!(zset.rank(&member), rank.map(|rank| (rank, score)));
            }
        }
        prop_assert!(pairs(zset.range_rev(0..zset.len())).iter().eq(model.0.iter().rev()));
        let mut sampled = pairs(zset.sample(5, &mut rng));
        prop_assert_eq!(sampled.len(), model.0.len().min(5));
        sampled.sort_by(by_order);
        sampled.dedup();
        prop_assert_eq!(sampled.len(), model.0.len().min(5));
        prop_assert!(sampled.iter().all(|pair| model.0.contains(pair)));
        let mut scanned = Vec::new();
        let mut cursor = 0;
        loop {
            cursor = zset.scan(cursor, 3, &mut |member, score| scanned.push((member.to_vec(), score)));
            if cursor == 0 {
                break;
            }
        }
        scanned.sort_by(by_order);
        prop_assert_eq!(scanned, model.0);
    }

    #[test]
    fn lexical_ranges_hold_what_lies_between(
        members in prop::collection::btree_set(member(), 0..30),
        bounds in prop::collection::vec((member(), 0..4), 2),
    ) {
        let mut zset = ZSet::new();
        members.iter().for_each(|member| _ = zset.set(member, 0.0, &tight()));
        let bound = |(text, kind): &'_ (Vec<u8>, i32)| match kind {
            0 => LexBound::Min,
            1 => LexBound::Max,
            2 => LexBound::Inclusive(text.clone().leak()),
            _ => LexBound::Exclusive(text.clone().leak()),
        };
        let (min, max) = (bound(&bounds[0]), bound(&bounds[1]));
        let expected: Vec<_> = members.iter().filter(|member| {
            let member = &member[..];
            (match min {
                LexBound::Min => true,
                LexBound::Inclusive(bound) => member >= bound,
                LexBound::Exclusive(bound) => member > bound,
                LexBound::Max => false,
            }) && (match max {
                LexBound::Min => false,
                LexBound::Inclusive(bound) => member <= bound,
                LexBound::Exclusive(bound) => member < bound,
                LexBound::Max => true,
            })
        }).cloned().collect();
        let found: Vec<_> = zset.range(zset.by_lex(min, max)).map(|(member, _)| member.to_vec()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn algebra_agrees_with_naive_maps(
        maps in prop::collection::vec(prop::collection::btree_map(member(), -4..5i32, 0..30), 1..4),
        weights in prop::collection::vec(-2..3i32, 4),
    ) {
        // Whole scores, so that no sum depends on its order.
        let to_scores = |map: &BTreeMap<Vec<u8>, i32>| {
            map.iter().map(|(member, n)| (member.clone(), f64::from(*n))).collect()
        };
        let naive: Vec<BTreeMap<Vec<u8>, f64>> = maps.iter().map(to_scores).collect();
        let zsets: Vec<ZSet> = naive.iter().map(|map| {
            let mut zset = ZSet::new();
            map.iter().for_each(|(member, score)| _ = zset.set(member, *score, &tight()));
            zset
        }).collect();
        let inputs: Vec<Input> = zsets.iter().zip(&weights)
            .map(|(zset, weight)| Input { source: Source::ZSet(zset), weight: f64::from(*weight) })
            .collect();
        let sources: Vec<Source> = inputs.iter().map(|input| input.source).collect();

        for (aggregate, join) in [
            (Aggregate::Sum, (|a, b| a + b) as fn(f64, f64) -> f64),
            (Aggregate::Min, f64::min),
            (Aggregate::Max, f64::max),
        ] {
            let mut all = BTreeMap::<Vec<u8>, (usize, f64)>::new();
            for (map, weight) in naive.iter().zip(&weights) {
                for (member, score) in map {
                    let score = score * f64::from(*weight);
                    let join = |known: &mut (usize, f64)| *known = (known.0 + 1, join(known.1, score));
                    all.entry(member.clone()).and_modify(join).or_insert((1, score));
                }
            }
            let sorted = |times_min: usize| {
                let chosen = all.iter().filter(|(_, (times, _))| *times >= times_min);
                let mut chosen: Vec<Pair> =
                    chosen.map(|(member, (_, score))| (member.clone(), *score)).collect();
                chosen.sort_by(by_order);
                chosen
            };
            prop_assert_eq!(pairs(union(&inputs, aggregate, &tight()).iter()), sorted(1));
            let common = sorted(naive.len());
            prop_assert_eq!(intersection_count(&sources, usize::MAX), common.len());
            prop_assert_eq!(intersection_count(&sources, 2), common.len().min(2));
            prop_assert_eq!(pairs(intersection(&inputs, aggregate, &tight()).iter()), common);
        }
        let mut apart: Vec<Pair> = naive[0].iter()
            .filter(|(member, _)| naive[1..].iter().all(|map| !map.contains_key(*member)))
            .map(|(member, score)| (member.clone(), *score)).collect();
        apart.sort_by(by_order);
        let difference = difference(sources[0], &sources[1..], &tight());
        prop_assert_eq!(pairs(difference.iter()), apart);
        prop_assert_eq!(difference.encoding() == "listpack",
            difference.len() <= 8 && difference.iter().all(|(member, _)| member.text_len() <= 6));
    }
}

#[test]
fn a_large_one_does_what_a_sorted_vector_does() {
    let mut rng = seeded(17);
    let (mut zset, mut model) = (ZSet::new(), BTreeMap::<Vec<u8>, f64>::new());
    for step in 0..30_000 {
        let member = below(if step < 20_000 { 8000 } else { 2000 }, &mut rng).to_string().into_bytes();
        // Few scores, so that many members have the same.
        let score = below(50, &mut rng) as f64;
        if below(3, &mut rng) == 0 || step > 20_000 {
            assert_eq!(zset.remove(&member), model.remove(&member));
        } else {
            zset.set(&member, score, &tight());
            model.insert(member, score);
        }
        if step % 3000 == 2999 {
            let mut sorted: Vec<Pair> = model.clone().into_iter().collect();
            sorted.sort_by(by_order);
            assert_eq!(pairs(zset.iter()), sorted);
            let third = sorted.len() / 3;
            assert_eq!(pairs(zset.range(third..2 * third)), sorted[third..2 * third]);
            assert_eq!(zset.rank(&sorted[third].0), Some((third, sorted[third].1)));
            let ties = zset.by_score(ScoreBound::inclusive(7.0), ScoreBound::inclusive(7.0));
            assert_eq!(ties.len(), sorted.iter().filter(|pair| pair.1 == 7.0).count());
        }
    }
    let (copy, len) = (zset.clone(), zset.len());
    zset.remove_range(10..len - 10);
    assert_eq!(zset.len(), 20);
    assert_eq!(zset.iter().len(), 20);
    assert_eq!(copy.iter().len(), len);
}

#[test]
fn encodings_follow_redis() {
    let limits = Thresholds::default();
    let mut zset = ZSet::new();
    (0..128).for_each(|n| _ = zset.set(format!("{n}").as_bytes(), 0.0, &limits));
    assert_eq!(zset.encoding(), "listpack");
    zset.set(b"128", 0.0, &limits);
    assert_eq!(zset.encoding(), "skiplist");

    let mut zset = ZSet::new();
    zset.set(&[b'x'; 64], 0.0, &limits);
    assert_eq!(zset.encoding(), "listpack");
    zset.set(&[b'x'; 65], 0.0, &limits);
    assert_eq!((zset.encoding(), zset.len()), ("skiplist", 2));

    assert_eq!(ZSet::for_members(64, 128, &limits).encoding(), "listpack");
    assert_eq!(ZSet::for_members(65, 1, &limits).encoding(), "skiplist");
    assert_eq!(ZSet::for_members(1, 129, &limits).encoding(), "skiplist");
}

#[test]
fn a_plain_set_scores_one() {
    let mut set = Set::new();
    ["a", "b"].iter().for_each(|member| _ = set.add(member.as_bytes(), &tight()));
    let zset = zset_of(&[("b", 5.0), ("c", 7.0)]);
    let inputs = [
        Input { source: Source::Set(&set), weight: 10.0 },
        Input { source: Source::ZSet(&zset), weight: 1.0 },
    ];
    let all = union(&inputs, Aggregate::Sum, &tight());
    assert_eq!(pairs(all.iter()), pairs(zset_of(&[("c", 7.0), ("a", 10.0), ("b", 15.0)]).iter()));
    let common = intersection(&inputs, Aggregate::Max, &tight());
    assert_eq!(pairs(common.iter()), pairs(zset_of(&[("b", 10.0)]).iter()));
}

#[test]
fn infinities_that_cancel_out_make_zero() {
    let (up, down) = (zset_of(&[("a", f64::INFINITY)]), zset_of(&[("a", f64::NEG_INFINITY)]));
    let input = |zset, weight| Input { source: Source::ZSet(zset), weight };
    let sum = union(&[input(&up, 1.0), input(&down, 1.0)], Aggregate::Sum, &tight());
    assert_eq!(sum.score(b"a"), Some(0.0));
    let none = union(&[input(&up, 0.0)], Aggregate::Sum, &tight());
    assert_eq!(none.score(b"a"), Some(0.0));
    let mut up = up;
    assert_eq!(up.incr(b"a", f64::NEG_INFINITY, &tight()), Err(NotANumber));
    assert_eq!(up.score(b"a"), Some(f64::INFINITY));
}

#[test]
fn memory_is_counted_and_returned() {
    let mut zset = ZSet::new();
    let mut rng = seeded(1);
    let empty = zset.heap_bytes();
    for n in 0..50_000 {
        zset.set(format!("member:{n}").as_bytes(), below(1 << 40, &mut rng) as f64, &tight());
    }
    let large = zset.heap_bytes();
    assert!((50_000 * 40..50_000 * 70).contains(&large), "{large}");
    (1..50_000).for_each(|_| zset.remove_range(0..1));
    assert!(zset.heap_bytes() < 3000, "{}", zset.heap_bytes());
    assert_eq!(empty, 0);
}
