//! SCAN: a walk over all keys in steps, with nothing to remember between two of them but a number.
//!
//! ```text
//!   cursor   |  shard  | position |      0: the start, and the end
//!            | 32 bits | 32 bits  |
//! ```
//!
//! A key's position is its hash: the same for as long as the process lives, whatever the size of the table that it
//! lies in. A step takes the entries of smallest position from the cursor on. So a key that is there from start to
//! end is passed exactly once, whatever is inserted, removed or resized meanwhile.

use super::entry::Entry;
use super::shard::Shard;
use super::view::View;
use crate::limits::SHARDS;

/// A shard is walked in at most so many steps, as each looks at all of its entries...
const STEPS_MAX: usize = 16;
/// ...but a step does not grow past so many entries for that.
const STEP_ENTRIES_MAX: usize = 128;

/// One step from `cursor`: hands on about `count` live entries and returns the cursor of the next step.
///
/// One shard is locked at a time. Empty ones are passed over, so that a small database takes few steps.
pub fn step(view: &View, cursor: u64, count: usize, mut visit: impl FnMut(&Entry)) -> u64 {
    let mut left = count;
    let mut from = cursor as u32;
    for index in (cursor >> 32) as usize..SHARDS {
        let next = view.shard(view.db(), index, |shard| {
            let mut ahead = entries_from(&shard, from, view.now_ms());
            if left == 0 && !ahead.is_empty() {
                return Some(from);
            }
            let next = keep_smallest(&mut ahead, left.max((shard.len() / STEPS_MAX).min(STEP_ENTRIES_MAX)));
            left = left.saturating_sub(ahead.len());
            ahead.iter().for_each(|(_, entry)| visit(entry));
            next
        });
        if let Some(position) = next.flatten() {
            return (index as u64) << 32 | u64::from(position);
        }
        from = 0;
    }
    0
}

fn entries_from<'a>(shard: &Shard<'a>, from: u32, now_ms: u64) -> Vec<(u32, &'a Entry)> {
    let position = |entry: &Entry| shard.hasher.hash(entry.key()).bits();
    let live = shard.iter().filter(|entry| !entry.is_due(now_ms));
    live.map(|entry| (position(entry), entry)).filter(|(position, _)| *position >= from).collect()
}

/// Keeps the `count` smallest, and those that share the last one's position. Returns the position to go on from,
/// where any are left over.
fn keep_smallest<T>(ahead: &mut Vec<(u32, T)>, count: usize) -> Option<u32> {
    if ahead.len() <= count {
        return None;
    }
    let (_, (last, _), _) =
        ahead.select_nth_unstable_by_key(count.saturating_sub(1), |(position, _)| *position);
    let last = *last;
    let before = ahead.len();
    ahead.retain(|(position, _)| *position <= last);
    // Whatever is left over lies behind `last`, so that is not the greatest position.
    (ahead.len() < before).then(|| last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::effects::Effects;
    use crate::keyspace::lock::{Locked, Mode, Places};
    use crate::keyspace::{Content, Edit, Keyspace};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn keyspace(seed: u64) -> Keyspace {
        Keyspace::new(seed, 0, crossbeam_channel::unbounded().0)
    }

    fn edit(keyspace: &Keyspace, change: impl FnOnce(&mut Edit)) {
        let mut places = Places::new();
        places.database(0);
        let mut edit =
            Edit::new(keyspace, Locked::many(keyspace, places, Mode::Exclusive), Effects::new(), 0, 1);
        change(&mut edit);
        edit.finish();
    }

    fn put(edit: &mut Edit, key: &str) {
        edit.put(key.as_bytes(), Content::Bytes(b""), None);
    }

    /// A whole walk; `between` is called after each step.
    fn walk(keyspace: &Keyspace, count: usize, mut between: impl FnMut(usize)) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        let (mut cursor, mut steps) = (0, 0);
        loop {
            let view = View::stepwise(keyspace, 0, 1);
            cursor = step(&view, cursor, count, |entry| {
                let key = String::from_utf8_lossy(entry.key()).into_owned();
                *seen.entry(key).or_default() += 1;
            });
            if cursor == 0 {
                return seen;
            }
            steps += 1;
            between(steps);
        }
    }

    /// Either of one shard, or of all.
    fn name(kind: &str, i: usize, tagged: bool) -> String {
        if tagged { format!("{{t}}{kind}{i}") } else { format!("{kind}{i}") }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_key_that_stays_is_returned_exactly_once(
            seed: u64,
            stays in 0usize..400,
            tagged: bool,
            count in 1usize..100,
            churn in proptest::collection::vec((0usize..600, any::<bool>()), 0..40),
        ) {
            let keyspace = keyspace(seed);
            edit(&keyspace, |edit| (0..stays).for_each(|i| put(edit, &name("stays", i, tagged))));
            let seen = walk(&keyspace, count, |steps| {
                let Some(&(n, insert)) = churn.get(steps % churn.len().max(1)) else { return };
                edit(&keyspace, |edit| for i in 0..n {
                    let key = name("comes", i, tagged);
                    if insert { put(edit, &key) } else { edit.remove(key.as_bytes()); }
                });
                // Tables shrink only when much was removed.
                keyspace.with_shard_mut(crate::keyspace::lock::Place::of(0, b"{t}"), |mut shard| {
                    shard.remove_due(u64::MAX, 1, drop);
                });
            });
            let stayed = seen.iter().filter(|(key, _)| key.contains("stays"));
            prop_assert_eq!(stayed.clone().count(), stays);
            prop_assert!(stayed.into_iter().all(|(_, &times)| times == 1));
        }

        #[test]
        fn the_smallest_are_kept_with_their_equals(
            positions in proptest::collection::vec(0u32..20, 0..60),
            count in 1usize..20,
        ) {
            let mut kept: Vec<(u32, ())> = positions.iter().map(|&position| (position, ())).collect();
            let next = keep_smallest(&mut kept, count);
            prop_assert!(kept.len() >= count.min(positions.len()));
            let expected = positions.iter().filter(|&&position| next.is_none_or(|next| position < next)).count();
            prop_assert_eq!(kept.len(), expected);
            if let Some(next) = next {
                let fewer = positions.iter().filter(|&&position| position + 1 < next).count();
                prop_assert!(fewer < count, "no more positions than needed");
            }
        }
    }

    #[test]
    fn a_small_database_takes_one_step() {
        let keyspace = keyspace(1);
        assert_eq!(walk(&keyspace, 10, |_| panic!("a second step")).len(), 0);
        edit(&keyspace, |edit| (0..10).for_each(|i| put(edit, &name("k", i, false))));
        assert_eq!(walk(&keyspace, 10, |_| panic!("a second step")).len(), 10);
    }

    #[test]
    fn count_is_about_kept() {
        let keyspace = keyspace(2);
        edit(&keyspace, |edit| (0..5_000).for_each(|i| put(edit, &name("k", i, false))));
        let mut steps = 0;
        assert_eq!(walk(&keyspace, 100, |_| steps += 1).len(), 5_000);
        assert!((45..=50).contains(&steps), "{steps} steps of about 100");
    }

    #[test]
    fn a_cursor_that_nobody_was_given_ends_the_walk() {
        let view_of = keyspace(3);
        edit(&view_of, |edit| put(edit, "k"));
        assert_eq!(step(&View::stepwise(&view_of, 0, 1), u64::MAX, 10, |_| panic!("nothing there")), 0);
    }

    #[test]
    fn keys_that_are_due_are_passed_over() {
        let keyspace = keyspace(4);
        edit(&keyspace, |edit| edit.put(b"gone", Content::Bytes(b""), Some(1)));
        assert!(walk(&keyspace, 10, |_| {}).is_empty());
    }
}
