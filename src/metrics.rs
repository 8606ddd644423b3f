//! Counters. Each thread adds to its own, on its own cache lines; readers sum them up.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with one writing thread, so adding needs no atomic read-modify-write.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What one worker counts.
#[derive(Default)]
#[repr(align(128))]
pub struct WorkerCounters {
    pub commands: Counter,
    pub hits: Counter,
    pub misses: Counter,
    pub expired: Counter,
    pub errors: Counter,
    pub bytes_out: Counter,
}

/// What the reactor counts.
#[derive(Default)]
#[repr(align(128))]
pub struct ReactorCounters {
    pub connections: Counter,
    pub rejected: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
}

/// What the janitor counts.
#[derive(Default)]
#[repr(align(128))]
pub struct JanitorCounters {
    pub expired: Counter,
}

pub struct Metrics {
    pub workers: Box<[WorkerCounters]>,
    pub reactor: ReactorCounters,
    pub janitor: JanitorCounters,
}

impl Metrics {
    pub fn new(workers: usize) -> Metrics {
        Metrics {
            workers: (0..workers).map(|_| WorkerCounters::default()).collect(),
            reactor: ReactorCounters::default(),
            janitor: JanitorCounters::default(),
        }
    }

    pub fn sum(&self, of: impl Fn(&WorkerCounters) -> &Counter) -> u64 {
        self.workers.iter().map(|worker| of(worker).get()).sum()
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        for w in &self.workers {
            for counter in [&w.commands, &w.hits, &w.misses, &w.expired, &w.errors, &w.bytes_out] {
                counter.reset();
            }
        }
        let r = &self.reactor;
        for counter in [&r.connections, &r.rejected, &r.bytes_in, &r.bytes_out, &self.janitor.expired] {
            counter.reset();
        }
    }
}
