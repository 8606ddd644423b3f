//! What threads have appended and the log's thread has not taken yet.
//!
//! Each thread fills a lane of its own, and sends a message when it puts effects into an empty one: the batch in the
//! lane then grows on until the log's thread takes it as a whole, or is handed over once it is full. So the way from
//! core to core is paid per batch, not per command. A lane is in the order of its numbers; the writer merges them.

use crate::execute::log::Seq;
use crate::keyspace::effects::{Effects, Records};
use crate::limits;
use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Numbered effects of many commands, behind one another.
#[derive(Default)]
pub struct Batch {
    effects: Effects,
    runs: Vec<Run>,
    /// Runs that were taken off the front.
    taken: usize,
}

/// Effects whose numbers follow one another, and that go into one group.
struct Run {
    first: Seq,
    /// The compaction whose base holds all shards that the effects belong to already.
    generation: u32,
    records: u32,
    bytes: Range<usize>,
}

/// A run ends when it is so long. One command is never split.
const RUN_BYTES: usize = limits::LOG_GROUP / 16;

/// Effects of this size are handed over as they are, past the lanes.
pub const COPIED_BYTES: usize = 64 << 10;

/// No batch in a lane grows beyond this. While the disk is slow, batches become many, not large: what is written is
/// given back, and other messages get in between.
const BATCH_BYTES: usize = 8 * COPIED_BYTES;

impl Run {
    fn goes_on_with(&self, first: Seq, generation: u32) -> bool {
        self.generation == generation && self.next() == first && self.bytes.len() < RUN_BYTES
    }

    /// The number behind it.
    fn next(&self) -> Seq {
        self.first + Seq::from(self.records)
    }
}

impl Batch {
    /// One command's effects, which are not copied.
    pub fn of(first: Seq, generation: u32, effects: Effects) -> Batch {
        let run = Run { first, generation, records: effects.records(), bytes: 0..effects.size_bytes() };
        Batch { effects, runs: vec![run], taken: 0 }
    }

    /// Adds one command's effects, whose numbers are higher than those before.
    pub fn push(&mut self, first: Seq, generation: u32, effects: &Effects) {
        if self.effects.capacity_bytes() == 0 {
            // From here it doubles, and is nearly all in use when it is full.
            self.effects.reserve(COPIED_BYTES);
        }
        let (records, start) = (effects.records(), self.effects.size_bytes());
        self.effects.append(effects);
        let end = self.effects.size_bytes();
        match self.runs.last_mut() {
            Some(last) if last.goes_on_with(first, generation) => {
                last.records += records;
                last.bytes.end = end;
            }
            _ => self.runs.push(Run { first, generation, records, bytes: start..end }),
        }
    }

    /// The number of the first record that was not taken yet.
    pub fn next(&self) -> Option<Seq> {
        self.runs.get(self.taken).map(|run| run.first)
    }

    /// The compaction that the records name which are taken next.
    pub fn next_generation(&self) -> Option<u32> {
        self.runs.get(self.taken).map(|run| run.generation)
    }

    /// Takes records off the front, of whole commands, and the compaction that they name.
    pub fn take(&mut self) -> Option<(Records<'_>, u32)> {
        let run = self.runs.get(self.taken)?;
        self.taken += 1;
        Some((self.effects.part(run.bytes.clone(), run.records), run.generation))
    }

    pub fn size_bytes(&self) -> usize {
        self.effects.size_bytes()
    }

    /// Whether it is small enough to be filled again.
    pub fn is_worth_keeping(&self) -> bool {
        self.effects.capacity_bytes().max(self.runs.capacity() * size_of::<Run>()) <= BATCH_BYTES
    }

    /// Whether what comes next might not fit.
    fn is_full(&self) -> bool {
        self.size_bytes() + COPIED_BYTES > BATCH_BYTES
    }

    fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Empties it, to be filled again.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.runs.clear();
        self.taken = 0;
    }
}

/// What the log's thread is told of.
pub enum Ready {
    /// This lane, which was empty, holds a batch.
    Lane(usize),
    /// This batch was full.
    Batch(Batch),
}

/// Where threads put what they append: a few lanes, nearly always one for each of them.
pub struct Lanes(Box<[Lane]>);

/// Padded to two cache lines, as processors fetch them in pairs: a neighbour belongs to another core.
#[derive(Default)]
#[repr(align(128))]
struct Lane(Mutex<Batch>);

/// Numbers threads, in the order in which they first append.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

impl Lanes {
    pub fn new() -> Lanes {
        // Beside the workers, the janitor and a compaction append a little.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Lanes((0..cores + 1).map(|_| Lane::default()).collect())
    }

    /// Gives this thread's batch to `fill`, and tells if it was empty before, or is full now.
    pub fn fill<R>(&self, fill: impl FnOnce(&mut Batch) -> R, tell: impl FnOnce(Ready)) -> R {
        let number = THREAD.with(|&thread| thread % self.0.len());
        let mut batch = self.lock(number);
        let begins = batch.is_empty();
        let filled = fill(&mut batch);
        // Still locked: a thread that shares the lane relies on the message being there.
        if batch.is_full() {
            tell(Ready::Batch(mem::take(&mut *batch)));
        } else if begins {
            tell(Ready::Lane(number));
        }
        filled
    }

    /// Takes what a lane holds, which may be nothing by now, and leaves an empty batch there.
    pub fn take(&self, number: usize, empty: Batch) -> Batch {
        mem::replace(&mut *self.lock(number), empty)
    }

    fn lock(&self, number: usize) -> MutexGuard<'_, Batch> {
        self.0[number].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(records: u32) -> Effects {
        let mut effects = Effects::new();
        (0..records).for_each(|record| effects.push(0, &[b"DEL", record.to_string().as_bytes()]));
        effects
    }

    fn taken(batch: &mut Batch) -> Vec<(Seq, u32, u32)> {
        std::iter::from_fn(|| {
            let next = batch.next()?;
            let (records, generation) = batch.take()?;
            assert_eq!(records.iter().count(), records.count() as usize);
            Some((next, records.count(), generation))
        })
        .collect()
    }

    #[test]
    fn neighbours_are_taken_together() {
        let mut batch = Batch::default();
        for (first, generation, records) in [(5, 0, 1), (6, 0, 2), (8, 1, 1), (10, 1, 1), (11, 1, 1)] {
            batch.push(first, generation, &effects(records));
        }
        assert_eq!(taken(&mut batch), [(5, 3, 0), (8, 1, 1), (10, 2, 1)]);
        assert_eq!(batch.next(), None);
    }

    #[test]
    fn a_run_ends_but_a_command_is_whole() {
        let mut batch = Batch::default();
        let many = effects(40_000);
        assert!(many.size_bytes() > RUN_BYTES);
        batch.push(1, 0, &effects(1));
        batch.push(2, 0, &many);
        batch.push(40_002, 0, &effects(1));
        assert_eq!(taken(&mut batch), [(1, 40_001, 0), (40_002, 1, 0)]);
    }

    #[test]
    fn a_lane_says_once_that_it_has_something() {
        let lanes = Lanes::new();
        let mut messages = Vec::new();
        for first in 1..4 {
            lanes.fill(|batch| batch.push(first, 0, &effects(1)), |ready| messages.push(ready));
        }
        let [Ready::Lane(lane)] = messages[..] else { panic!("one message, not {}", messages.len()) };
        assert_eq!(taken(&mut lanes.take(lane, Batch::default())), [(1, 3, 0)]);
        let mut again = false;
        lanes.fill(|batch| batch.push(4, 0, &effects(1)), |_| again = true);
        assert!(again);
    }

    #[test]
    fn a_full_batch_is_handed_over() {
        let lanes = Lanes::new();
        let (mut batches, mut last_lane) = (Vec::new(), 0);
        let some = effects(2000);
        assert!(some.size_bytes() < COPIED_BYTES);
        for at in 0..100 {
            let first = at * 2000 + 1;
            lanes.fill(
                |batch| batch.push(first, 0, &some),
                |ready| match ready {
                    Ready::Lane(lane) => last_lane = lane,
                    Ready::Batch(batch) => batches.push(batch),
                },
            );
        }
        assert!(batches.len() >= 3);
        batches.push(lanes.take(last_lane, Batch::default()));
        let mut next = 1;
        for mut batch in batches {
            assert!(batch.is_worth_keeping(), "{} bytes", batch.effects.capacity_bytes());
            for (first, records, _) in taken(&mut batch) {
                assert_eq!(first, next);
                next += Seq::from(records);
            }
        }
        assert_eq!(next, 200_001);
        assert_eq!(taken(&mut lanes.take(last_lane, Batch::default())), []);
    }
}
