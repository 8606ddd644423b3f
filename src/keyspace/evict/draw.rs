//! Some keys of a shard, at random or by their deadlines.

use super::super::entry::Entry;
use super::super::expiry::Deadlines;
use super::super::shard::Shard;
use super::super::table;
use super::policy::{Order, Policy};
use crate::data::random::scaled;

/// Buckets that are looked at for each key wanted, and some more; a table that holds anything is not much emptier.
const BUCKETS_PER_KEY: usize = 16;
const BUCKETS_MORE: usize = 64;
/// Notes at the head of a deadline queue: the nearest deadlines, and what is stale of them.
const NEAREST: usize = 8;

/// Up to `wanted` keys of the shard that the policy may evict.
pub fn draw<'s>(
    shard: &Shard<'s>,
    policy: Policy,
    wanted: usize,
    random: &mut dyn FnMut() -> u64,
    mut found: impl FnMut(&'s Entry),
) {
    match (policy.only_volatile(), policy.order()) {
        (false, _) => any(shard, wanted, random(), found),
        (true, Some(Order::Deadline)) => {
            let deadlines = shard.side.deadlines();
            let mut none = true;
            for entry in (0..NEAREST).filter_map(|at| noted(shard, &deadlines, at)) {
                found(entry);
                none = false;
            }
            if none {
                volatile(shard, &deadlines, wanted, random, found);
            }
        }
        (true, _) => volatile(shard, &shard.side.deadlines(), wanted, random, found),
    }
}

/// The entry that a note is about, unless the note is stale.
fn noted<'s>(shard: &Shard<'s>, deadlines: &Deadlines, at: usize) -> Option<&'s Entry> {
    let hash = deadlines.at(at)?;
    table::find_by_hash(shard.table, shard.hasher, hash, |entry| entry.deadline().is_some())
}

/// Entries lie by their hash, so those in a row are any.
fn any<'s>(shard: &Shard<'s>, wanted: usize, random: u64, mut found: impl FnMut(&'s Entry)) {
    let buckets = shard.table.buckets();
    let first = scaled(random, buckets);
    let steps = buckets.min(wanted.saturating_mul(BUCKETS_PER_KEY).saturating_add(BUCKETS_MORE));
    let mut none = true;
    (0..steps).filter_map(|step| table::bucket(shard.table, (first + step) % buckets)).take(wanted).for_each(
        |entry| {
            found(entry);
            none = false;
        },
    );
    if none {
        shard.iter().take(wanted).for_each(found);
    }
}

/// By the notes of their deadlines, of which at most two thirds, and some more, are stale.
fn volatile<'s>(
    shard: &Shard<'s>,
    deadlines: &Deadlines,
    wanted: usize,
    random: &mut dyn FnMut() -> u64,
    mut found: impl FnMut(&'s Entry),
) {
    let first = scaled(random(), deadlines.len());
    let at_random = (0..wanted).map(|_| scaled(random(), deadlines.len())).collect::<Vec<_>>();
    let in_a_row = (0..deadlines.len()).map(|step| (first + step) % deadlines.len());
    let mut left = wanted;
    for (tried, at) in at_random.into_iter().chain(in_a_row).enumerate() {
        // What lies in a row is of like deadlines; it is taken where chance has found nothing.
        if left == 0 || tried >= wanted && left < wanted {
            return;
        }
        if let Some(entry) = noted(shard, deadlines, at) {
            found(entry);
            left -= 1;
        }
    }
}
