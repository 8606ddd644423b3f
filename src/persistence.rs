//! The log of this server, or none: opened by configuration, and what INFO says of it.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::aof::recovery::Target;
use crate::aof::storage::FileStorage;
use crate::aof::{self, Aof, Event, Policy};
use crate::command::Persistence;
use crate::compaction::Compactor;
use crate::config::{Config, Fsync};
use crate::execute::log::{Health, Log, NoLog, Seq};
use crate::execute::replay::Replay;
use crate::keyspace::Keyspace;
use crate::metrics::histogram::Latencies;
use crate::metrics::{CompactionFigures, LogFigures, Metrics};
use crate::progress::Progress;
use crate::protocol::Words;
use crate::worker::{Verdict, now_ms};

/// The log, read and ready to go on.
pub enum Opened {
    Off,
    Recovered { recovered: Box<aof::recovery::Recovered>, policy: Policy },
}

/// The log at work.
pub enum Handle {
    Off,
    Aof { aof: Arc<Aof>, policy: Policy, compactor: Arc<Compactor> },
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
    Ok(Opened::Recovered { recovered: Box::new(recovered), policy })
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

    /// `keep`: how many states before a compaction stay restorable.
    pub fn start(
        self,
        tell: Box<dyn Fn(Verdict) + Send>,
        keyspace: Arc<Keyspace>,
        keep: usize,
        metrics: Arc<Metrics>,
    ) -> Result<Handle, String> {
        let Opened::Recovered { recovered, policy } = self else { return Ok(Handle::Off) };
        let notify = Box::new(move |event: Event| match event {
            Event::Durable(seq) | Event::Healed(seq) => tell(Verdict::Durable(seq)),
            Event::Failed { durable, reason } => {
                tracing::error!("the log has failed: {reason}");
                tell(Verdict::Failed { durable, reason });
            }
            Event::Synced(took) => metrics.slow.event("aof-fsync", took.as_nanos() as u64, now_ms()),
            Event::Drained => {}
        });
        let aof = Aof::start(*recovered, policy, notify).map_err(|e| format!("cannot start the log: {e}"))?;
        let aof = Arc::new(aof);
        let compactor = Compactor::new(keyspace, Arc::clone(&aof), keep);
        Ok(Handle::Aof { aof, policy, compactor })
    }
}

impl Handle {
    pub fn port(&self) -> Arc<dyn Log> {
        match self {
            Handle::Off => Arc::new(NoLog),
            Handle::Aof { aof, .. } => Arc::clone(aof) as Arc<dyn Log>,
        }
    }

    pub fn persistence(&self) -> Arc<dyn Persistence> {
        match self {
            Handle::Off => Arc::new(Off),
            Handle::Aof { aof, policy, compactor } => Arc::new(On {
                aof: Arc::clone(aof),
                policy: Mutex::new(*policy),
                compactor: Arc::clone(compactor),
            }),
        }
    }

    /// Writes and syncs what is left.
    pub fn close(&self) -> Result<(), String> {
        match self {
            Handle::Off => Ok(()),
            Handle::Aof { aof, .. } => aof.close(),
        }
    }
}

struct Off;

impl Persistence for Off {
    fn info(&self, out: &mut String) {
        out.push_str("loading:0\r\naof_enabled:0\r\n");
    }

    fn figures(&self) -> Option<LogFigures> {
        None
    }

    fn synced(&self) -> Option<u64> {
        None
    }

    fn sync(&self) -> Result<(), String> {
        Err("there is no log to save to: appendonly is no".into())
    }

    fn last_sync_ms(&self) -> u64 {
        0
    }

    fn rewrite(&self) -> Result<(), String> {
        Err("there is no log to rewrite: appendonly is no".into())
    }

    fn rewrite_if_grown(&self, _: u64, _: u64) {}

    fn set_fsync(&self, _: Fsync) {}
}

/// The log, and its policy as it is now.
struct On {
    aof: Arc<Aof>,
    policy: Mutex<Policy>,
    compactor: Arc<Compactor>,
}

impl On {
    /// How often a sync that is waited for is looked for.
    const PATIENCE: Duration = Duration::from_micros(200);

    fn policy(&self) -> MutexGuard<'_, Policy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn synced_seq(&self) -> u64 {
        self.aof.stats().synced_seq.load(Relaxed)
    }
}

impl Persistence for On {
    fn info(&self, out: &mut String) {
        let stats = self.aof.stats();
        let failed = matches!(self.aof.health(), Health::Refusing(_));
        let status = if failed { "err" } else { "ok" };
        let lines = [
            ("loading", 0),
            ("rdb_changes_since_last_save", self.aof.last_seq().saturating_sub(self.synced_seq())),
            ("rdb_bgsave_in_progress", 0),
            ("rdb_last_save_time", self.last_sync_ms() / 1000),
            ("aof_enabled", 1),
            ("aof_rewrite_in_progress", u64::from(self.compactor.is_running())),
            ("aof_rewrite_shards_done", self.compactor.shards_done()),
            ("aof_last_rewrite_msec", self.compactor.last_ms()),
            ("aof_rewrite_scheduled", 0),
            ("aof_current_size", stats.size_bytes.load(Relaxed)),
            ("aof_base_size", stats.base_bytes.load(Relaxed)),
            ("aof_buffer_length", self.aof.backlog_bytes() as u64),
            ("aof_records", stats.records.load(Relaxed)),
            ("aof_commit_groups", stats.groups.load(Relaxed)),
            ("aof_syncs", stats.syncs.load(Relaxed)),
            ("aof_last_sync_usec", stats.last_sync_us.load(Relaxed)),
            ("aof_synced_seq", self.synced_seq()),
        ];
        for (name, value) in lines {
            // Writing to a String cannot fail.
            let _ = write!(out, "{name}:{value}\r\n");
        }
        let rewrite = if self.compactor.last_failed() { "err" } else { "ok" };
        let _ = write!(out, "aof_last_bgrewrite_status:{rewrite}\r\n");
        let _ = write!(out, "rdb_last_bgsave_status:{status}\r\naof_last_write_status:{status}\r\n");
    }

    fn figures(&self) -> Option<LogFigures> {
        let (stats, compactor) = (self.aof.stats(), &self.compactor);
        let (runs, failures) = compactor.outcomes();
        Some(LogFigures {
            refusing: match self.aof.health() {
                Health::Writable => None,
                Health::Refusing(reason) => Some(reason),
            },
            records: stats.records.load(Relaxed),
            groups: stats.groups.load(Relaxed),
            written_bytes: stats.written_bytes.load(Relaxed),
            syncs: stats.syncs.load(Relaxed),
            last_seq: self.aof.last_seq(),
            synced_seq: self.synced_seq(),
            synced_ms: self.last_sync_ms(),
            size_bytes: stats.size_bytes.load(Relaxed),
            base_bytes: stats.base_bytes.load(Relaxed),
            backlog_bytes: self.aof.backlog_bytes() as u64,
            sync_nanos: Latencies::of(&stats.sync_nanos),
            group_records: Latencies::of(&stats.group_records),
            compaction: CompactionFigures {
                running: compactor.is_running(),
                shards_done: compactor.shards_done(),
                shards_total: compactor.shards_total(),
                runs,
                failures,
                last_ms: compactor.last_ms(),
            },
        })
    }

    /// Naming the policy again makes the log sync what it has written by then.
    fn sync(&self) -> Result<(), String> {
        let wanted = self.aof.last_seq();
        while self.synced_seq() < wanted {
            if let Health::Refusing(reason) = self.aof.health() {
                return Err(reason);
            }
            self.aof.set_policy(*self.policy());
            thread::park_timeout(Self::PATIENCE);
        }
        Ok(())
    }

    fn last_sync_ms(&self) -> u64 {
        self.aof.stats().synced_ms.load(Relaxed)
    }

    fn rewrite(&self) -> Result<(), String> {
        self.compactor.start()
    }

    fn rewrite_if_grown(&self, percentage: u64, min_size: u64) {
        let stats = self.aof.stats();
        let (size, base) = (stats.size_bytes.load(Relaxed), stats.base_bytes.load(Relaxed));
        let grown = size >= min_size && size.saturating_sub(base) * 100 >= base.max(1) * percentage;
        if percentage > 0 && grown && !self.compactor.is_running() {
            // Refused only where one has just begun.
            let _ = self.rewrite();
        }
    }

    fn synced(&self) -> Option<u64> {
        let waits_for_disk = self.aof.durable() != Seq::MAX;
        Some(if waits_for_disk { Seq::MAX } else { self.synced_seq() })
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
