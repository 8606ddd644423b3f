//! Counters. Each thread adds to its own, on its own cache lines; readers sum them up.
//!
//! ```text
//!   worker-0: [ hits misses ... ]  [ get: calls nanos ... ] [ set: ... ] ...  one line a command
//!   worker-1: [ hits misses ... ]  [ get: calls nanos ... ] [ set: ... ] ...
//!                                         |
//!                 INFO, LATENCY HISTOGRAM: sum over workers, when somebody asks
//! ```
//!
//! Commands are told apart by their place in the table; no name is known here.

pub mod clients;
pub mod commands;
pub mod histogram;
mod hot_keys;
pub mod latency;
mod log;
pub mod rates;
pub mod slowlog;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use commands::CommandTotals;
use histogram::Distribution;
pub use hot_keys::{HotKey, Sampler, Sketch};
pub use log::{CompactionFigures, LogFigures};
use rates::Rates;
pub use worker::WorkerCounters;

/// A counter with one writing thread, so adding needs no atomic read-modify-write.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// By any thread. The writer may be counting at this very moment: what it adds then is kept, and so, once in a
    /// blue moon, is what was there before.
    pub fn reset(&self) {
        self.set(0);
    }
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
    pub evicted: Counter,
}

pub struct Metrics {
    pub workers: Box<[WorkerCounters]>,
    pub reactor: ReactorCounters,
    pub janitor: JanitorCounters,
    pub clients: clients::ClientCounters,
    /// `latency-tracking`: whether each command's time goes into its histogram.
    tracking: AtomicBool,
    pub slow: slowlog::Slow,
    pub rates: Rates,
    ageing: hot_keys::Ageing,
}

impl Metrics {
    /// For so many threads, and so many rows of the table.
    pub fn new(workers: usize, commands: usize) -> Metrics {
        Metrics {
            workers: (0..workers).map(|_| WorkerCounters::new(commands)).collect(),
            reactor: ReactorCounters::default(),
            janitor: JanitorCounters::default(),
            clients: clients::ClientCounters::default(),
            tracking: AtomicBool::new(true),
            slow: slowlog::Slow::default(),
            rates: Rates::default(),
            ageing: hot_keys::Ageing::default(),
        }
    }

    pub fn sum(&self, of: impl Fn(&WorkerCounters) -> &Counter) -> u64 {
        self.workers.iter().map(|worker| of(worker).get()).sum()
    }

    /// One command, over all workers.
    pub fn command(&self, index: usize) -> CommandTotals {
        self.workers.iter().map(|worker| worker.command(index).totals()).sum()
    }

    /// One command's latencies, over all workers; `None` where none was taken.
    pub fn latencies(&self, index: usize) -> Option<Distribution> {
        let mut sum = Distribution::default();
        self.workers.iter().filter_map(|worker| worker.command(index).latencies()).for_each(|l| sum.add(l));
        (sum.count() > 0).then_some(sum)
    }

    /// Commands run, of any name.
    pub fn calls(&self) -> u64 {
        self.workers.iter().map(WorkerCounters::calls).sum()
    }

    /// Error replies by their code.
    pub fn error_codes(&self) -> BTreeMap<Box<str>, u64> {
        let mut sum = BTreeMap::new();
        for worker in &self.workers {
            for (code, count) in &*worker.error_codes() {
                *sum.entry(code.clone()).or_default() += count;
            }
        }
        sum
    }

    pub fn bytes_out(&self) -> u64 {
        self.sum(|worker| &worker.bytes_out) + self.reactor.bytes_out.get()
    }

    #[inline]
    pub fn is_tracking(&self) -> bool {
        self.tracking.load(Ordering::Relaxed)
    }

    pub fn set_tracking(&self, tracking: bool) {
        self.tracking.store(tracking, Ordering::Relaxed);
    }

    /// Keys that were evicted, by whomever.
    pub fn evicted(&self) -> u64 {
        self.sum(|worker| &worker.evicted) + self.janitor.evicted.get()
    }

    /// Looks at the totals now, so that rates can be told.
    pub fn sample(&self, now_ms: u64) {
        self.ageing.age(now_ms, self.samplers());
        self.rates.sample(now_ms, [self.calls(), self.reactor.bytes_in.get(), self.bytes_out()]);
    }

    /// The keys that are used most, the hottest first.
    pub fn hottest(&self, now_ms: u64, most: usize) -> Vec<HotKey> {
        self.ageing.hottest(now_ms, most, self.samplers())
    }

    fn samplers(&self) -> impl Iterator<Item = &Sampler> {
        self.workers.iter().map(|worker| &worker.sampler)
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.workers.iter().for_each(WorkerCounters::reset);
        let r = &self.reactor;
        for counter in [&r.connections, &r.rejected, &r.bytes_in, &r.bytes_out] {
            counter.reset();
        }
        self.clients.reset();
        [&self.janitor.expired, &self.janitor.evicted].into_iter().for_each(Counter::reset);
        self.rates.forget();
        self.ageing.forget(self.samplers());
    }
}
