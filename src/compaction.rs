//! Compaction: a shorter log that says the same, written while the server works. No fork; extra memory is one
//! shard's bytes.
//!
//! ```text
//!   thread `compaction`: for each shard:  cut under its lock --> base file
//!   writers meanwhile:   records of shards already cut --> the log's delta
//!   at the end:          one switch of MANIFEST makes base + delta the log
//! ```
//!
//! The files are [`crate::aof::compaction`]'s, the cuts [`crate::keyspace::cut`]'s; this joins the two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::aof::Aof;
use crate::aof::compaction::{Compacted, Compaction};
use crate::keyspace::Keyspace;
use crate::keyspace::effects::Effects;
use crate::limits::SHARDS;
use crate::worker::now_ms;

/// Runs compactions, one at a time, each on a thread of its own.
pub struct Compactor {
    keyspace: Arc<Keyspace>,
    aof: Arc<Aof>,
    /// States before the last compaction that stay restorable.
    keep: usize,
    running: AtomicBool,
    failed: AtomicBool,
    /// How the last one went, for INFO.
    last_ms: AtomicU64,
    shards_done: AtomicU64,
    /// Since the start, whatever came of them.
    runs: AtomicU64,
    failures: AtomicU64,
}

impl Compactor {
    pub fn new(keyspace: Arc<Keyspace>, aof: Arc<Aof>, keep: usize) -> Arc<Compactor> {
        Arc::new(Compactor {
            keyspace,
            aof,
            keep,
            running: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            last_ms: AtomicU64::new(0),
            shards_done: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        })
    }

    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    pub fn last_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Milliseconds that the last one took.
    pub fn last_ms(&self) -> u64 {
        self.last_ms.load(Ordering::Relaxed)
    }

    /// Shards in the base of the one that is running.
    pub fn shards_done(&self) -> u64 {
        self.shards_done.load(Ordering::Relaxed)
    }

    /// Shards that there are to be done.
    pub fn shards_total(&self) -> u64 {
        (self.keyspace.databases().count() * SHARDS) as u64
    }

    /// How many have ended, and how many of these came to nothing.
    pub fn outcomes(&self) -> (u64, u64) {
        (self.runs.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    /// Starts one in the background.
    pub fn start(self: &Arc<Self>) -> Result<(), String> {
        if self.running.swap(true, Ordering::AcqRel) {
            return Err("Background append only file rewriting already in progress".into());
        }
        let compactor = Arc::clone(self);
        let started = thread::Builder::new().name("compaction".into()).spawn(move || compactor.run());
        started.map(drop).map_err(|e| {
            self.running.store(false, Ordering::Release);
            format!("cannot start a thread: {e}")
        })
    }

    fn run(&self) {
        let began = Instant::now();
        self.shards_done.store(0, Ordering::Relaxed);
        let outcome = self.compact();
        let took_ms = began.elapsed().as_millis() as u64;
        self.last_ms.store(took_ms, Ordering::Relaxed);
        self.failed.store(outcome.is_err(), Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
        match outcome {
            Ok(done) => tracing::info!(
                "compaction done in {took_ms} ms: {} records, {} bytes",
                done.base_records,
                done.base_bytes
            ),
            Err(why) => tracing::warn!("compaction abandoned, the log is whole: {why}"),
        }
        self.running.store(false, Ordering::Release);
    }

    fn compact(&self) -> Result<Compacted, String> {
        let mut compaction = self.aof.begin_compaction().map_err(|e| e.to_string())?;
        let generation = compaction.generation();
        tracing::info!("compaction {generation} begins");
        let forced = self.keyspace.begin_cuts(generation);
        let done = self
            .cut_all(&mut compaction, generation, &forced)
            .and_then(|()| compaction.finish(self.keep, now_ms()).map_err(|e| e.to_string()));
        self.keyspace.end_cuts();
        done
    }

    fn cut_all(
        &self,
        compaction: &mut Compaction,
        generation: u32,
        forced: &Receiver<Effects>,
    ) -> Result<(), String> {
        let mut write = |effects: Effects| compaction.write(&effects, now_ms()).map_err(|e| e.to_string());
        for place in self.keyspace.all_places() {
            if self.keyspace.running_cuts() != generation {
                return Err("a command needed the whole keyspace at once".into());
            }
            self.keyspace.cut(place, generation).map_or(Ok(()), &mut write)?;
            forced.try_iter().try_for_each(&mut write)?;
            self.shards_done.fetch_add(1, Ordering::Relaxed);
        }
        // Every shard is cut, so nobody can be forced to cut one any more.
        forced.try_iter().try_for_each(&mut write)
    }
}
