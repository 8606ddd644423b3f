//! The log of this server, or none: opened by configuration; what commands ask of it.

mod backup;
mod figures;
mod waiters;

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::aof::recovery::Target;
use crate::aof::storage::FileStorage;
use crate::aof::{self, Aof, Event, Policy};
use crate::command::Persistence;
use crate::command::context::Rewrite;
use crate::compaction::Compactor;
use crate::config::{Config, Fsync};
use crate::execute::log::{Health, Log, NoLog, Seq};
use crate::execute::replay::Replay;
use crate::keyspace::Keyspace;
use crate::machine::now_ms;
use crate::memory;
use crate::metrics::{LogFigures, Metrics};
use crate::progress::Progress;
use crate::protocol::Words;
use crate::session::blocking::State;
use crate::session::{Blocked, Outlet, Work};
use crate::worker::Verdict;
use waiters::Waiters;

/// After a compaction that failed, growth starts the next one not before so long.
const RETRY_COMPACTION_MS: u64 = 60_000;

/// The log, read and ready to go on.
pub enum Opened {
    Off,
    Recovered { recovered: Box<aof::recovery::Recovered>, policy: Policy, dir: PathBuf },
}

/// The log at work.
pub enum Handle {
    Off,
    Aof(Arc<On>),
}

/// What the configuration promises, in a user's words.
pub fn promise(config: &Config) -> &'static str {
    match (config.appendonly, config.appendfsync) {
        (false, _) => "in memory only: nothing survives a stop",
        (true, Fsync::Always) => "durable: what is acknowledged is on disk",
        (true, Fsync::Everysec) => "durable within a second",
        (true, Fsync::No) => "durable when the operating system writes it",
    }
}

/// Reads the whole log into the keyspace; `loading` is told of bytes done and bytes in all. The error is one line that
/// says what to do.
pub fn open(
    config: &Config,
    keyspace: &Arc<Keyspace>,
    loading: &mut dyn FnMut(u64, u64),
) -> Result<Opened, String> {
    if !config.appendonly {
        return Ok(Opened::Off);
    }
    let policy = policy_of(config.appendfsync);
    let dir = config.dir.display();
    let storage =
        FileStorage::open(&config.dir).map_err(|e| format!("cannot use the directory {dir}: {e}"))?;
    let mut replay = Replay::new(Arc::clone(keyspace));
    let progress = Progress::new("loading the log");
    let began = Instant::now();
    let recovered = aof::recovery::open(Arc::new(storage), &mut replay, &mut |done, total| {
        progress.show(done, total);
        loading(done, total);
    });
    progress.finish();
    let recovered = recovered.map_err(|e| format!("cannot load the log in {dir}: {e}"))?;
    report(&recovered.report, began.elapsed());
    Ok(Opened::Recovered { recovered: Box::new(recovered), policy, dir: config.dir.clone() })
}

/// What recovery has found and mended, or left alone.
fn report(found: &aof::recovery::Report, took: Duration) {
    if found.records > 0 {
        let (records, bytes) = (found.records, found.size_bytes);
        tracing::info!("loaded {records} records, {bytes} bytes, in {:.3} seconds", took.as_secs_f64());
    }
    if let Some(torn) = &found.torn {
        tracing::warn!(
            "cut a torn tail off {} at byte {}, line {}: {} bytes that nobody was promised ({}); kept as {}",
            torn.file,
            torn.offset,
            torn.line,
            torn.size_bytes,
            torn.why,
            torn.kept
        );
    }
    for stranger in &found.strangers {
        tracing::warn!("left {stranger} alone: it is no part of the log");
    }
}

impl Target for Replay {
    fn apply(&mut self, db: u8, words: Words<'_>) -> Result<(), String> {
        self.take(db, words)
    }

    fn settle(&mut self) -> Result<(), (u64, String)> {
        Replay::settle(self)
    }
}

impl Opened {
    pub fn loaded(&self, keys: usize) -> String {
        match self {
            Opened::Off => "nothing loaded".into(),
            Opened::Recovered { .. } => format!("loaded {keys} key{}", if keys == 1 { "" } else { "s" }),
        }
    }

    /// `tell` hears what becomes of replies; `wake` gets clients whose wait is over. `keep`: how many states before a
    /// compaction stay restorable.
    pub fn start(
        self,
        tell: Box<dyn Fn(Verdict) + Send>,
        wake: Wake,
        keyspace: Arc<Keyspace>,
        keep: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Handle, String> {
        let Opened::Recovered { recovered, policy, dir } = self else { return Ok(Handle::Off) };
        let waiters = Arc::new(Waiters::default());
        let (waiting, wake_waiting) = (Arc::clone(&waiters), Arc::clone(&wake));
        let notify = Box::new(move |event: Event| match event {
            Event::Durable(seq) => {
                tell(Verdict::Durable(seq));
                wake_waiting(waiting.settle(seq));
            }
            Event::Failed { durable, reason } => {
                tracing::error!("the log has failed: {reason}");
                tell(Verdict::Failed { durable, reason });
                wake_waiting(waiting.settle(Seq::MAX));
            }
            Event::Synced(took) => metrics.slow.event("aof-fsync", took.as_nanos() as u64, now_ms()),
        });
        let aof = Aof::start(*recovered, policy, notify).map_err(|e| format!("cannot start the log: {e}"))?;
        let aof = Arc::new(aof);
        let compactor = Compactor::new(Arc::clone(&keyspace), Arc::clone(&aof), keep);
        Ok(Handle::Aof(Arc::new(On {
            aof,
            policy: Mutex::new(policy),
            compactor,
            keyspace,
            dir,
            waiters,
            wake,
        })))
    }
}

/// Gives clients their turn whose wait is over.
pub type Wake = Arc<dyn Fn(Vec<Arc<dyn Outlet>>) + Send + Sync>;

impl Handle {
    pub fn port(&self) -> Arc<dyn Log> {
        match self {
            Handle::Off => Arc::new(NoLog),
            Handle::Aof(on) => Arc::clone(&on.aof) as Arc<dyn Log>,
        }
    }

    pub fn persistence(&self) -> Arc<dyn Persistence> {
        match self {
            Handle::Off => Arc::new(Off),
            Handle::Aof(on) => Arc::new(Arc::clone(on)),
        }
    }

    /// Writes and syncs what is left.
    pub fn close(&self) -> Result<(), String> {
        match self {
            Handle::Off => Ok(()),
            Handle::Aof(on) => on.aof.close(),
        }
    }
}

const NO_LOG: &str = "there is no log: appendonly is no";

struct Off;

impl Off {
    fn refuse() -> Arc<Work> {
        let work = Arc::new(Work::default());
        work.finish(Err(NO_LOG.to_owned()));
        work
    }
}

impl Persistence for Off {
    fn backlog_bytes(&self) -> usize {
        0
    }

    fn figures(&self) -> Option<LogFigures> {
        None
    }

    fn synced_seq(&self) -> Option<u64> {
        None
    }

    fn last_seq(&self) -> u64 {
        0
    }

    fn replies_wait(&self) -> bool {
        false
    }

    fn failure(&self) -> Option<String> {
        None
    }

    fn sync_soon(&self) {}

    fn when_synced(&self, _: u64, _: &Arc<Blocked>) {}

    fn last_sync_ms(&self) -> u64 {
        0
    }

    fn rewrite(&self) -> Result<Rewrite, String> {
        Err("there is no log to rewrite: appendonly is no".into())
    }

    fn rewrite_if_grown(&self, _: u64, _: u64) {}

    fn backup(&self, _: &str, _: Arc<Blocked>) -> Arc<Work> {
        Off::refuse()
    }

    fn reload(&self, _: Arc<Blocked>) -> Arc<Work> {
        Off::refuse()
    }

    fn set_fsync(&self, _: Fsync) {}
}

/// The log, and its policy as it is now.
pub struct On {
    aof: Arc<Aof>,
    policy: Mutex<Policy>,
    compactor: Arc<Compactor>,
    keyspace: Arc<Keyspace>,
    dir: PathBuf,
    /// Clients that wait for the disk.
    waiters: Arc<Waiters>,
    wake: Wake,
}

impl On {
    fn policy(&self) -> MutexGuard<'_, Policy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn synced(&self) -> Seq {
        self.aof.stats().synced_seq.load(Relaxed)
    }

    /// Does something on a thread of its own, and wakes the client who waits for it.
    fn in_background(
        self: &Arc<Self>,
        name: &str,
        blocked: Arc<Blocked>,
        task: impl FnOnce(&On) -> Result<(), String> + Send + 'static,
    ) -> Arc<Work> {
        let (on, work) = (Arc::clone(self), Arc::new(Work::default()));
        let (done, waiting) = (Arc::clone(&work), Arc::clone(&blocked));
        let run = move || {
            done.finish(task(&on));
            memory::tell_all();
            (on.wake)(waiting.end(State::Woken).into_iter().collect());
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(run) {
            work.finish(Err(format!("cannot start a thread: {error}")));
            (self.wake)(blocked.end(State::Woken).into_iter().collect());
        }
        work
    }

    /// Everything from the log once more. The log is synced first, so that what was done is in it.
    fn reload_now(&self) -> Result<(), String> {
        let _files = self.compactor.hold_files();
        let began = Instant::now();
        let done = self.keyspace.reload(|fresh| {
            let mut replay = Replay::new(Arc::clone(fresh));
            self.aof.reread(&mut replay)
        });
        done.map_err(|error| error.to_string())?;
        tracing::info!("all data loaded again in {:.3} seconds", began.elapsed().as_secs_f64());
        Ok(())
    }
}

impl Persistence for Arc<On> {
    fn backlog_bytes(&self) -> usize {
        self.aof.backlog_bytes()
    }

    fn figures(&self) -> Option<LogFigures> {
        Some(figures::of(self))
    }

    fn synced_seq(&self) -> Option<u64> {
        Some(self.synced())
    }

    fn last_seq(&self) -> u64 {
        self.aof.last_seq()
    }

    fn replies_wait(&self) -> bool {
        self.aof.durable() != Seq::MAX
    }

    fn failure(&self) -> Option<String> {
        match self.aof.health() {
            Health::Writable => None,
            Health::Refusing(reason) => Some(reason),
        }
    }

    fn sync_soon(&self) {
        self.aof.sync_soon();
    }

    fn when_synced(&self, seq: u64, blocked: &Arc<Blocked>) {
        self.waiters.join(seq, blocked);
        self.aof.sync_soon();
        // What was synced or failed between the caller's look and the note has been told already.
        let settled = if self.failure().is_some() { Seq::MAX } else { self.synced() };
        (self.wake)(self.waiters.settle(settled));
    }

    fn last_sync_ms(&self) -> u64 {
        self.aof.stats().synced_ms.load(Relaxed)
    }

    fn rewrite(&self) -> Result<Rewrite, String> {
        self.compactor.start()
    }

    fn rewrite_if_grown(&self, percentage: u64, min_size: u64) {
        let stats = self.aof.stats();
        let (size, base) = (stats.size_bytes.load(Relaxed), stats.base_bytes.load(Relaxed));
        let has_grown = size >= min_size && size.saturating_sub(base) * 100 >= base.max(1) * percentage;
        if percentage == 0 || !has_grown || self.compactor.is_running() || self.compactor.is_scheduled() {
            return;
        }
        let failed_ms = self.compactor.failed_ms();
        if failed_ms == 0 || now_ms() >= failed_ms + RETRY_COMPACTION_MS {
            // Refused only where one has just begun.
            let _ = self.rewrite();
        }
    }

    fn backup(&self, path: &str, blocked: Arc<Blocked>) -> Arc<Work> {
        let path = self.dir.join(path);
        self.in_background("backup", blocked, move |on| on.back_up(&path))
    }

    fn reload(&self, blocked: Arc<Blocked>) -> Arc<Work> {
        self.in_background("reload", blocked, On::reload_now)
    }

    fn set_fsync(&self, fsync: Fsync) {
        let mut policy = self.policy();
        if *policy != policy_of(fsync) {
            *policy = policy_of(fsync);
            self.aof.set_policy(*policy);
        }
    }
}

fn policy_of(fsync: Fsync) -> Policy {
    match fsync {
        Fsync::Always => Policy::Always,
        Fsync::Everysec => Policy::Everysec,
        Fsync::No => Policy::No,
    }
}
