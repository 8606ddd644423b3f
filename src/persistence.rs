//! The log of this server, or none: opened by configuration, and what INFO says of it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::aof::storage::FileStorage;
use crate::aof::{self, Aof, Event, Policy};
use crate::command::Persistence;
use crate::config::{Config, Fsync};
use crate::execute::log::{Health, Log, NoLog, Seq};
use crate::execute::replay::Replay;
use crate::keyspace::Keyspace;
use crate::worker::Verdict;

/// The log, read and ready to go on.
pub enum Opened {
    Off,
    Recovered { recovered: Box<aof::recovery::Recovered>, policy: Policy },
}

/// The log at work.
pub enum Handle {
    Off,
    Aof(Arc<Aof>),
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

/// Reads the whole log into the keyspace. The error is one line that says what to do.
pub fn open(config: &Config, keyspace: &Keyspace) -> Result<Opened, String> {
    if !config.appendonly {
        return Ok(Opened::Off);
    }
    let policy = match config.appendfsync {
        Fsync::Always => Policy::Always,
        Fsync::Everysec => Policy::Everysec,
        Fsync::No => Policy::No,
    };
    let dir = config.dir.display();
    let storage =
        FileStorage::open(&config.dir).map_err(|e| format!("cannot use the directory {dir}: {e}"))?;
    let mut replay = Replay::new(keyspace);
    let mut progress = Progress::default();
    let recovered = aof::recovery::open(
        Arc::new(storage),
        &mut |db, words| replay.apply(db, words),
        &mut |done, total| progress.show(done, total),
    )
    .map_err(|e| format!("cannot load the log in {dir}: {e}"))?;
    Ok(Opened::Recovered { recovered: Box::new(recovered), policy })
}

#[derive(Default)]
struct Progress {
    shown_percent: u64,
}

impl Progress {
    /// A small log loads before anyone could read a line about it.
    const WORTH_SHOWING_BYTES: u64 = 64 << 20;

    fn show(&mut self, done: u64, total: u64) {
        let percent = done * 100 / total.max(1);
        if total >= Self::WORTH_SHOWING_BYTES && percent >= self.shown_percent + 10 {
            self.shown_percent = percent;
            tracing::info!("loading the log: {percent}% of {} MiB", total >> 20);
        }
    }
}

impl Opened {
    pub fn loaded(&self, keys: usize) -> String {
        match self {
            Opened::Off => "nothing loaded".into(),
            Opened::Recovered { .. } => format!("loaded {keys} key{}", if keys == 1 { "" } else { "s" }),
        }
    }

    pub fn start(self, tell: Box<dyn Fn(Verdict) + Send>) -> Result<Handle, String> {
        let Opened::Recovered { recovered, policy } = self else { return Ok(Handle::Off) };
        let notify = Box::new(move |event: Event| match event {
            Event::Durable(seq) | Event::Healed(seq) => tell(Verdict::Durable(seq)),
            Event::Failed { durable, reason } => {
                tracing::error!("the log has failed: {reason}");
                tell(Verdict::Failed { durable, reason });
            }
            Event::Drained => {}
        });
        let aof = Aof::start(*recovered, policy, notify).map_err(|e| format!("cannot start the log: {e}"))?;
        Ok(Handle::Aof(Arc::new(aof)))
    }
}

impl Handle {
    pub fn port(&self) -> Arc<dyn Log> {
        match self {
            Handle::Off => Arc::new(NoLog),
            Handle::Aof(aof) => Arc::clone(aof) as Arc<dyn Log>,
        }
    }

    pub fn persistence(&self) -> Arc<dyn Persistence> {
        match self {
            Handle::Off => Arc::new(Off),
            Handle::Aof(aof) => Arc::clone(aof) as Arc<dyn Persistence>,
        }
    }

    /// Writes and syncs what is left.
    pub fn close(&self) -> Result<(), String> {
        match self {
            Handle::Off => Ok(()),
            Handle::Aof(aof) => aof.close(),
        }
    }
}

struct Off;

impl Persistence for Off {
    fn info(&self, out: &mut String) {
        out.push_str("loading:0\r\naof_enabled:0\r\n");
    }

    fn synced(&self) -> Option<u64> {
        None
    }
}

impl Persistence for Aof {
    fn info(&self, out: &mut String) {
        let stats = self.stats();
        let failed = matches!(self.health(), Health::Refusing(_));
        let status = if failed { "err" } else { "ok" };
        let lines = [
            ("loading", 0),
            ("aof_enabled", 1),
            ("aof_current_size", stats.size_bytes.load(Relaxed)),
            ("aof_base_size", stats.base_bytes.load(Relaxed)),
            ("aof_buffer_length", self.backlog_bytes() as u64),
            ("aof_records", stats.records.load(Relaxed)),
            ("aof_commit_groups", stats.groups.load(Relaxed)),
            ("aof_syncs", stats.syncs.load(Relaxed)),
            ("aof_last_sync_usec", stats.last_sync_us.load(Relaxed)),
            ("aof_synced_seq", stats.synced_seq.load(Relaxed)),
        ];
        for (name, value) in lines {
            // Writing to a String cannot fail.
            let _ = write!(out, "{name}:{value}\r\n");
        }
        let _ = write!(out, "aof_last_write_status:{status}\r\n");
    }

    fn synced(&self) -> Option<u64> {
        let waits_for_disk = self.durable() != Seq::MAX;
        Some(if waits_for_disk { Seq::MAX } else { self.stats().synced_seq.load(Relaxed) })
    }
}
