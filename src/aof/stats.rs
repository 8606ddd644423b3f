//! What the thread `aof` shares with everybody else: counters, and what is durable.

use crate::execute::log::{Health, Seq};
use crate::metrics::histogram::Histogram;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};

/// Figures for INFO. Each is right by itself; together they may be a group apart.
#[derive(Debug, Default)]
pub struct Stats {
    /// Since the start: records and groups written, the bytes of those, syncs.
    pub records: AtomicU64,
    pub groups: AtomicU64,
    pub written_bytes: AtomicU64,
    pub syncs: AtomicU64,
    /// Nanoseconds that syncs took, and records that groups held. The thread `aof` alone writes.
    pub sync_nanos: Histogram,
    pub group_records: Histogram,
    /// How long the last sync took.
    pub last_sync_us: AtomicU64,
    /// The last record that is on disk, whatever the policy, and the Unix time of its mark.
    pub synced_seq: AtomicU64,
    pub synced_ms: AtomicU64,
    /// All files that make up the log, and of these the base with its delta.
    pub size_bytes: AtomicU64,
    pub base_bytes: AtomicU64,
}

/// The number that the next record gets. Each append changes it: apart from what every reply reads.
#[repr(align(128))]
pub struct Next(pub AtomicU64);

pub struct Shared {
    pub next: Next,
    /// Bytes of effects handed over to the thread and not yet written. What lanes hold comes on top: it is little, and to
    /// count it would cost each append.
    pub backlog_bytes: AtomicUsize,
    /// The last record that is on disk.
    synced: AtomicU64,
    /// Replies wait for the disk: the policy that was asked for last says so, or the one that the thread still keeps.
    pub asked_to_wait: AtomicBool,
    waits: AtomicBool,
    pub stats: Stats,
    /// The generation of the last compaction that the thread has given up.
    pub lost_compaction: AtomicU32,
    refusing: AtomicBool,
    reason: Mutex<String>,
}

impl Shared {
    pub fn new(last_seq: Seq) -> Self {
        Self {
            next: Next(AtomicU64::new(last_seq + 1)),
            backlog_bytes: AtomicUsize::new(0),
            synced: AtomicU64::new(0),
            asked_to_wait: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            stats: Stats::default(),
            lost_compaction: AtomicU32::new(0),
            refusing: AtomicBool::new(false),
            reason: Mutex::new(String::new()),
        }
    }

    pub fn last_seq(&self) -> Seq {
        self.next.0.load(Acquire) - 1
    }

    /// What [`crate::execute::log::Log::durable`] says. A change to `always` holds at once, one from it when all that
    /// was promised is on disk.
    pub fn durable(&self) -> Seq {
        match self.asked_to_wait.load(Acquire) || self.waits.load(Acquire) {
            true => self.synced.load(Acquire),
            false => Seq::MAX,
        }
    }

    /// Told by the thread.
    pub fn publish(&self, synced: Seq, waits: bool) {
        self.stats.synced_seq.store(synced, Relaxed);
        self.synced.store(synced, Release);
        self.waits.store(waits, Release);
    }

    pub fn health(&self) -> Health {
        if !self.refusing.load(Relaxed) {
            return Health::Writable;
        }
        Health::Refusing(self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    pub fn set_health(&self, health: Health) {
        let refusing = matches!(health, Health::Refusing(_));
        if let Health::Refusing(reason) = health {
            *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        }
        self.refusing.store(refusing, Relaxed);
    }
}
