//! Compaction: a shorter log that says the same, written while the server works. No fork; extra memory is one
//! shard's bytes, or a piece of a large collection.
//!
//! ```text
//!   thread `compaction`: for each shard:  cut under its lock --> base file
//!   writers meanwhile:   records of shards already cut --> the log's delta
//!   at the end:          one switch of MANIFEST makes base + delta the log
//! ```
//!
//! The files are [`crate::aof::compaction`]'s, the cuts [`crate::keyspace::cut`]'s; this joins the two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::aof::Aof;
use crate::aof::compaction::{Compacted, Compaction};
use crate::command::context::Rewrite;
use crate::execute::log::Log;
use crate::keyspace::Keyspace;
use crate::keyspace::effects::Effects;
use crate::limits::SHARDS;
use crate::machine::now_ms;
use crate::memory;
use crate::progress::Progress;

/// More shards than this are not cut at once for a write that spans cut and uncut ones: the compaction begins anew.
const FORCED_MAX: usize = 64;
/// After so many beginnings it no longer gives way, so that it surely comes to its end: such a write then
/// waits until all its shards are cut.
const ATTEMPTS: u32 = 3;

/// Runs compactions, one at a time, each on a thread of its own.
pub struct Compactor {
    keyspace: Arc<Keyspace>,
    aof: Arc<Aof>,
    /// States before the last compaction that stay restorable.
    keep: usize,
    files: Mutex<Files>,
    released: Condvar,
    failed: AtomicBool,
    /// Unix milliseconds at which the one that is running has begun; 0 while none is.
    began_ms: AtomicU64,
    /// How the last one went, for INFO.
    last_ms: AtomicU64,
    runs: AtomicU64,
    shards_done: AtomicU64,
    failures: AtomicU64,
    failed_ms: AtomicU64,
}

/// Who needs the log's files to stay as they are, or is about to replace them.
#[derive(Default)]
struct Files {
    user: Option<User>,
    /// A compaction is to begin when the reader is done.
    is_scheduled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Compaction,
    Reader,
}

/// While this lives, no compaction runs.
pub struct Held(Arc<Compactor>);

impl Drop for Held {
    fn drop(&mut self) {
        let is_scheduled = std::mem::take(&mut self.0.files().is_scheduled);
        self.0.release();
        // Otherwise somebody else has been quicker, and the wish is fulfilled.
        if is_scheduled && let Err(why) = self.0.start() {
            tracing::info!("no compaction begins: {why}");
        }
    }
}

/// Why a compaction has come to nothing.
enum Stop {
    /// A write needed too many shards at once.
    GaveWay,
    Failed(String),
}

impl Compactor {
    pub fn new(keyspace: Arc<Keyspace>, aof: Arc<Aof>, keep: usize) -> Arc<Compactor> {
        Arc::new(Compactor {
            keyspace,
            aof,
            keep,
            files: Mutex::default(),
            released: Condvar::new(),
            failed: AtomicBool::new(false),
            began_ms: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            shards_done: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            failed_ms: AtomicU64::new(0),
        })
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self) {
        self.files().user = None;
        self.released.notify_all();
    }

    /// Waits for the end of a running compaction, and keeps others from beginning.
    pub fn hold_files(self: &Arc<Self>) -> Held {
        let mut files = self.files();
        while files.user.is_some() {
            files = self.released.wait(files).unwrap_or_else(PoisonError::into_inner);
        }
        files.user = Some(User::Reader);
        Held(Arc::clone(self))
    }

    pub fn is_running(&self) -> bool {
        self.files().user == Some(User::Compaction)
    }

    pub fn is_scheduled(&self) -> bool {
        self.files().is_scheduled
    }

    pub fn last_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Unix milliseconds of the last failure; 0 if there was none.
    pub fn failed_ms(&self) -> u64 {
        self.failed_ms.load(Ordering::Relaxed)
    }

    /// Milliseconds that the last one took; `None` before the first has ended.
    pub fn last_ms(&self) -> Option<u64> {
        (self.runs() > 0).then(|| self.last_ms.load(Ordering::Relaxed))
    }

    /// For how many milliseconds one has been running.
    pub fn running_ms(&self) -> Option<u64> {
        let began = self.began_ms.load(Ordering::Relaxed);
        (began > 0).then(|| now_ms().saturating_sub(began))
    }

    /// Ended so far, well or not.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Acquire)
    }

    /// Shards in the base of the one that is running.
    pub fn shards_done(&self) -> u64 {
        self.shards_done.load(Ordering::Relaxed)
    }

    pub fn shards(&self) -> u64 {
        (self.keyspace.databases().count() * SHARDS) as u64
    }

    /// How many have come to nothing since the start.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Starts one in the background.
    pub fn start(self: &Arc<Self>) -> Result<Rewrite, String> {
        let mut files = self.files();
        match files.user {
            Some(User::Compaction) => {
                return Err("Background append only file rewriting already in progress".into());
            }
            Some(User::Reader) => {
                files.is_scheduled = true;
                return Ok(Rewrite::Scheduled);
            }
            None => files.user = Some(User::Compaction),
        }
        drop(files);
        let compactor = Arc::clone(self);
        let started = thread::Builder::new().name("compaction".into()).spawn(move || compactor.run());
        started.map(|_| Rewrite::Started).map_err(|e| {
            self.release();
            format!("cannot start a thread: {e}")
        })
    }

    fn run(&self) {
        let began = Instant::now();
        self.began_ms.store(now_ms(), Ordering::Relaxed);
        let outcome = self.compact_patiently();
        let took_ms = began.elapsed().as_millis() as u64;
        self.last_ms.store(took_ms, Ordering::Relaxed);
        self.failed.store(outcome.is_err(), Ordering::Relaxed);
        self.failures.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
        match outcome {
            Ok(done) => tracing::info!(
                "compaction done in {took_ms} ms: {} records, {} bytes",
                done.base_records,
                done.base_bytes
            ),
            Err(why) => {
                self.failed_ms.store(now_ms(), Ordering::Relaxed);
                tracing::warn!("compaction abandoned, the log is whole: {why}");
            }
        }
        self.began_ms.store(0, Ordering::Relaxed);
        memory::tell_all();
        self.release();
        // Whoever waits for this to have ended may begin the next one.
        self.runs.fetch_add(1, Ordering::Release);
    }

    /// Begins again where a write did not let it go on, and in the end insists.
    fn compact_patiently(&self) -> Result<Compacted, String> {
        let mut attempt = 1;
        loop {
            match self.compact(if attempt < ATTEMPTS { FORCED_MAX } else { usize::MAX }) {
                Ok(done) => return Ok(done),
                Err(Stop::Failed(why)) => return Err(why),
                Err(Stop::GaveWay) => {
                    tracing::info!("a command needed too many shards at once: the compaction begins anew");
                }
            }
            attempt += 1;
        }
    }

    fn compact(&self, forced_max: usize) -> Result<Compacted, Stop> {
        self.shards_done.store(0, Ordering::Relaxed);
        let mut compaction = self.aof.begin_compaction().map_err(|e| Stop::Failed(e.to_string()))?;
        let generation = compaction.generation();
        tracing::info!("compaction {generation} begins");
        let forced = self.keyspace.begin_cuts(generation, forced_max);
        let done = self
            .cut_all(&mut compaction, generation, &forced)
            .and_then(|()| compaction.finish(self.keep, now_ms()).map_err(|e| Stop::Failed(e.to_string())));
        self.keyspace.end_cuts(generation);
        done
    }

    fn cut_all(
        &self,
        compaction: &mut Compaction,
        generation: u32,
        forced: &Receiver<Effects>,
    ) -> Result<(), Stop> {
        let mut write =
            |effects: Effects| compaction.write(&effects, now_ms()).map_err(|e| Stop::Failed(e.to_string()));
        let progress = Progress::new("compacting the log");
        let size_bytes = self.aof.stats().size_bytes.load(Ordering::Relaxed);
        for place in self.keyspace.all_places() {
            self.keyspace.cut(place, generation).map_or(Ok(()), &mut write)?;
            forced.try_iter().try_for_each(&mut write)?;
            while let Some(piece) = self.copy_piece() {
                write(piece)?;
                forced.try_iter().try_for_each(&mut write)?;
            }
            if self.keyspace.running_cuts() != generation {
                return Err(Stop::GaveWay);
            }
            let done = self.shards_done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.show((size_bytes * done).div_ceil(self.shards()), size_bytes);
        }
        progress.finish();
        // Every shard is cut and every collection copied, so nobody can be forced to do either any more.
        forced.try_iter().try_for_each(&mut write)
    }

    /// The next piece of a large collection, if any is waiting.
    fn copy_piece(&self) -> Option<Effects> {
        let piece = self.keyspace.copy_piece(|effects, generation| self.aof.append(effects, generation));
        self.aof.ring();
        piece
    }
}
