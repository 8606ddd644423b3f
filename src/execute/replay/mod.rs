//! Records back into the keyspace, through the same table and handlers that made them.
//!
//! ```text
//!   records, in the log's order ──► by shard of the key ──► lane 0: batch ──► thread: apply
//!                                                      └──► lane 1: batch ──► thread: apply
//!   a record of several lanes: waits until all lanes are done, and is applied before any later one
//! ```
//!
//! All records of a shard take the same lane, so each key sees its changes in the log's order.
//!
//! The moment of a replayed command is 0: no deadline lies before it, so nothing expires while the log is read.

mod lane;

use std::sync::Arc;
use std::thread;

use super::{KeySet, key_set, look_up};
use crate::command::Args;
use crate::command::row::Run;
use crate::command::table::Found;
use crate::keyspace::effects::Effects;
use crate::keyspace::lock::{Kept, Mode, Place};
use crate::keyspace::{Edit, Keyspace};
use crate::limits::REPLAY_THREADS_MAX;
use crate::protocol::{Reply, Wire, Words};
use lane::{Failure, Lane};

/// Records applied on the caller's thread before the lanes take over: a short log is not worth waking anybody.
/// Also after a record that all lanes had to wait for.
const ALONE_MIN: u32 = 1 << 10;
/// The same while such records keep coming: each time twice as many, up to this.
const ALONE_MAX: u32 = 1 << 16;

/// Applies the records of a log.
pub struct Replay {
    keyspace: Arc<Keyspace>,
    threads: usize,
    /// None until they are worth it.
    lanes: Vec<Lane>,
    failure: Arc<Failure>,
    /// Records so far.
    count: u64,
    /// So many are still applied here; no lane has any then.
    alone: u32,
    /// What `alone` begins with the next time.
    stretch: u32,
    /// Records handed over since the lanes had to be waited for.
    calm: u32,
    /// Replies that nobody reads; errors among them are looked at.
    out: Vec<u8>,
}

impl Replay {
    /// On as many threads as there are cores.
    pub fn new(keyspace: Arc<Keyspace>) -> Replay {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Replay::on_threads(keyspace, cores.min(REPLAY_THREADS_MAX))
    }

    fn on_threads(keyspace: Arc<Keyspace>, threads: usize) -> Replay {
        Replay {
            keyspace,
            threads,
            lanes: Vec::new(),
            failure: Arc::default(),
            count: 0,
            alone: ALONE_MIN,
            stretch: ALONE_MIN,
            calm: 0,
            out: Vec::new(),
        }
    }

    /// Takes a record. The error says why it cannot be applied; whether it could be may be known only later, see
    /// [`Replay::settle`].
    pub fn take(&mut self, db: u8, words: Words<'_>) -> Result<(), String> {
        let found = look_up(words).map_err(|error| error.text().to_string())?;
        if !matches!(found.command.run, Run::Write(_)) {
            return Err(format!("'{}' changes nothing and is no record", found.full_name()));
        }
        let lane = self.lane_of(found, words, db);
        if lane.is_none() {
            self.wait_for_lanes()?;
            self.begin_alone();
        }
        self.count += 1;
        match lane {
            Some(lane) if self.alone == 0 => self.hand_over(lane, found, words, db),
            _ => {
                self.alone = self.alone.saturating_sub(1);
                apply(&self.keyspace, found, words, db, &mut self.out)
            }
        }
    }

    /// Returns when everything taken is applied. The error is the first record that could not be, counted from 0, and why.
    pub fn settle(&mut self) -> Result<(), (u64, String)> {
        self.lanes.iter_mut().for_each(Lane::wait);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// The lane of all keys of a record; `None` if they are in several.
    fn lane_of(&self, found: Found, words: Words<'_>, db: u8) -> Option<usize> {
        let lane_of = |place: Place| usize::from(place.shard) % self.threads;
        match key_set(found.command, words, db) {
            KeySet::One(place) => Some(lane_of(place)),
            KeySet::Many(places) => {
                let mut lanes = places.named()?.map(lane_of);
                let first = lanes.next()?;
                lanes.all(|lane| lane == first).then_some(first)
            }
        }
    }

    fn hand_over(&mut self, lane: usize, found: Found, words: Words<'_>, db: u8) -> Result<(), String> {
        if self.lanes.is_empty() {
            self.lanes = (0..self.threads)
                .map(|_| Lane::start(self.keyspace.clone(), self.failure.clone()))
                .collect::<std::io::Result<_>>()
                .map_err(|error| format!("cannot start a thread: {error}"))?;
        }
        self.calm = self.calm.saturating_add(1);
        if self.lanes[lane].take(self.count - 1, found, words, db) && self.failure.is_set() {
            return Err("an earlier record cannot be applied".to_owned());
        }
        Ok(())
    }

    fn wait_for_lanes(&mut self) -> Result<(), String> {
        self.lanes.iter_mut().for_each(Lane::wait);
        if self.failure.is_set() { Err("an earlier record cannot be applied".to_owned()) } else { Ok(()) }
    }

    /// All lanes are empty. Where records that need this come often, waiting for the lanes costs more than they gain.
    fn begin_alone(&mut self) {
        if self.alone > 0 {
            return;
        }
        let is_calm = std::mem::take(&mut self.calm) > ALONE_MAX;
        self.stretch = if is_calm { ALONE_MIN } else { (2 * self.stretch).min(ALONE_MAX) };
        self.alone = self.stretch;
    }
}

/// Applies one record of a writing command.
fn apply(
    keyspace: &Keyspace,
    found: Found,
    words: Words<'_>,
    db: u8,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let Run::Write(handler) = found.command.run else { return Ok(()) };
    let locked = key_set(found.command, words, db).lock(keyspace, Mode::Exclusive, &mut Kept::default());
    let mut edit = Edit::new(keyspace, locked, Effects::only_counted(), db, 0);
    out.clear();
    let mut reply = Reply::new(out, Wire::Resp2);
    let done = handler(&mut Args::new(words), &mut edit, &mut reply);
    edit.finish();
    done.map_err(|error| error.text().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::effects::{Effects, Record};
    use crate::keyspace::snapshot;
    use crate::protocol::OwnedWords;
    use proptest::prelude::*;

    fn keyspace() -> Arc<Keyspace> {
        Arc::new(Keyspace::new(7, 0, crossbeam_channel::unbounded().0))
    }

    fn lanes(keyspace: &Arc<Keyspace>) -> Replay {
        Replay { alone: 0, ..Replay::on_threads(keyspace.clone(), 3) }
    }

    /// Everything there is, as sorted lines.
    fn contents(keyspace: &Keyspace) -> Vec<String> {
        let mut lines = Vec::new();
        for place in keyspace.all_places() {
            let mut effects = Effects::new();
            keyspace.with_shard(place, |shard| {
                shard.iter().for_each(|entry| snapshot::push_entry(entry, place.db, &mut effects));
            });
            let line = |record: Record<'_>| {
                let db = record.db;
                format!("{db} {:?}", record.map(String::from_utf8_lossy).collect::<Vec<_>>())
            };
            lines.extend(effects.iter().map(line));
        }
        lines.sort();
        lines
    }

    fn words(line: &str) -> OwnedWords {
        OwnedWords::from_words(line.split(' '))
    }

    fn record() -> impl Strategy<Value = (u8, String)> {
        let key = || (0..12u8).prop_map(|n| format!("k{n}"));
        let copy = || (0..12u8).prop_map(|n| format!("copy{n}"));
        let line = prop_oneof![
            20 => (key(), 0..1000u32).prop_map(|(key, n)| format!("SET {key} {n}")),
            10 => (key(), 0..1000u32).prop_map(|(key, n)| format!("APPEND {key} {n}")),
            5 => key().prop_map(|key| format!("DEL {key}")),
            2 => (key(), copy()).prop_map(|(from, to)| format!("COPY {from} {to} DB 1 REPLACE")),
            1 => Just("SWAPDB 0 1".to_owned()),
            1 => Just("FLUSHDB".to_owned()),
        ];
        (0..2u8, line)
    }

    proptest! {
        #[test]
        fn lanes_end_where_one_thread_does(records in proptest::collection::vec(record(), 0..300)) {
            let (alone, shared) = (keyspace(), keyspace());
            let mut here = Replay { alone: u32::MAX, ..Replay::on_threads(alone.clone(), 1) };
            let mut there = lanes(&shared);
            for (db, line) in &records {
                here.take(*db, words(line).words()).unwrap();
                there.alone = there.alone.min(3);
                there.take(*db, words(line).words()).unwrap();
            }
            prop_assert_eq!(there.settle(), Ok(()));
            prop_assert_eq!(contents(&alone), contents(&shared));
        }
    }

    #[test]
    fn the_first_record_that_cannot_be_applied_is_named() {
        let keyspace = keyspace();
        let mut replay = lanes(&keyspace);
        for n in 0..100 {
            replay.take(0, words(&format!("SET k{n} text")).words()).unwrap();
        }
        for n in [70, 30, 50] {
            replay.take(0, words(&format!("RPUSH k{n} element")).words()).unwrap();
        }
        let (record, why) = replay.settle().unwrap_err();
        assert_eq!(record, 100);
        assert!(why.starts_with("WRONGTYPE"), "{why}");
        assert!(replay.take(0, words("GET k1").words()).is_err(), "it changes nothing");
    }
}
