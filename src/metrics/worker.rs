//! What one worker counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quanta::Clock;

use super::commands::CommandCounters;
use super::{Counter, Sampler};

/// Distinct error codes that are told apart. Redis: 128.
const ERROR_CODES_MAX: usize = 128;

/// Only the worker itself writes; others read.
#[repr(align(128))]
pub struct WorkerCounters {
    pub hits: Counter,
    pub misses: Counter,
    pub expired: Counter,
    pub evicted: Counter,
    pub errors: Counter,
    pub bytes_out: Counter,
    /// Takes the keys of some requests.
    pub sampler: Sampler,
    /// Where the command at hand began, in ticks of `clock`: nearly always where the one before it ended, so that a
    /// command costs one look at the clock.
    began: Counter,
    clock: Clock,
    commands: Box<[CommandCounters]>,
    error_codes: Mutex<BTreeMap<Box<str>, u64>>,
}

impl WorkerCounters {
    pub fn new(commands: usize) -> WorkerCounters {
        WorkerCounters {
            hits: Counter::default(),
            misses: Counter::default(),
            expired: Counter::default(),
            evicted: Counter::default(),
            errors: Counter::default(),
            bytes_out: Counter::default(),
            sampler: Sampler::default(),
            began: Counter::default(),
            clock: Clock::new(),
            commands: (0..commands).map(|_| CommandCounters::default()).collect(),
            error_codes: Mutex::default(),
        }
    }

    pub fn command(&self, index: usize) -> &CommandCounters {
        &self.commands[index]
    }

    pub fn calls(&self) -> u64 {
        self.commands.iter().map(|command| command.calls.get()).sum()
    }

    /// A command begins now, behind a pause.
    #[inline]
    pub fn start_watch(&self) {
        self.began.set(self.clock.raw());
    }

    /// Nanoseconds since the command at hand began; the next one begins here.
    #[inline]
    pub fn lap(&self) -> u64 {
        let now = self.clock.raw();
        let nanos = self.clock.delta_as_nanos(self.began.get(), now);
        self.began.set(now);
        nanos
    }

    /// For a command that runs others: its own time begins where it began, not where the last of them ended.
    pub fn began(&self) -> u64 {
        self.began.get()
    }

    pub fn set_began(&self, ticks: u64) {
        self.began.set(ticks);
    }

    /// A command has run and taken so long.
    #[inline]
    pub fn ran(&self, index: usize, nanos: u64, failed: bool, tracking: bool) {
        self.commands[index].ran(nanos, failed, tracking);
    }

    /// An error reply. Errors are rare enough for a lock of one's own.
    pub fn error(&self, text: &str) {
        self.errors.add(1);
        let code = text.split(' ').next().unwrap_or_default();
        let mut codes = self.error_codes();
        if let Some(count) = codes.get_mut(code) {
            *count += 1;
        } else if codes.len() < ERROR_CODES_MAX {
            codes.insert(code.into(), 1);
        }
    }

    pub fn error_codes(&self) -> MutexGuard<'_, BTreeMap<Box<str>, u64>> {
        self.error_codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reset(&self) {
        let Self { hits, misses, expired, evicted, errors, bytes_out, .. } = self;
        for counter in [hits, misses, expired, evicted, errors, bytes_out] {
            counter.reset();
        }
        self.commands.iter().for_each(CommandCounters::reset);
        self.error_codes().clear();
    }
}
