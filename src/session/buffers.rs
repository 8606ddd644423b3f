//! How much the server may keep for its clients: set by the configuration, looked at by whoever adds to a buffer.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::config::Config;
use crate::config::clients::{Class, OutputLimit};
use crate::limits;

#[derive(Default)]
pub struct BufferLimits {
    /// By [`Class`].
    output: [OutputBound; 3],
    query: AtomicUsize,
    clients: AtomicUsize,
    timeout_seconds: AtomicU32,
}

#[derive(Default)]
struct OutputBound {
    hard: AtomicUsize,
    soft: AtomicUsize,
    soft_seconds: AtomicU32,
}

impl BufferLimits {
    pub fn set(&self, config: &Config, maxmemory: usize) {
        for (bound, limit) in self.output.iter().zip(config.output_limits.0) {
            bound.hard.store(limit.hard_bytes, Ordering::Relaxed);
            bound.soft.store(limit.soft_bytes, Ordering::Relaxed);
            bound.soft_seconds.store(limit.soft_seconds, Ordering::Relaxed);
        }
        self.query.store(config.query_bytes_max, Ordering::Relaxed);
        self.clients.store(config.clients_memory.of(maxmemory), Ordering::Relaxed);
        self.timeout_seconds.store(config.timeout_seconds, Ordering::Relaxed);
    }

    /// A client of this class for which more bytes wait is closed. There is always a limit.
    #[inline]
    pub fn output_max(&self, class: Class) -> usize {
        match self.output[class as usize].hard.load(Ordering::Relaxed) {
            0 => limits::OUTPUT_MAX,
            hard => hard,
        }
    }

    pub fn output(&self, class: Class) -> OutputLimit {
        let bound = &self.output[class as usize];
        OutputLimit {
            hard_bytes: self.output_max(class),
            soft_bytes: bound.soft.load(Ordering::Relaxed),
            soft_seconds: bound.soft_seconds.load(Ordering::Relaxed),
        }
    }

    /// One client's unfinished request, or its transaction.
    #[inline]
    pub fn query_max(&self) -> usize {
        self.query.load(Ordering::Relaxed)
    }

    /// What all clients take together; 0: no limit.
    pub fn clients_max(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// A client that has sent nothing for so long is closed; 0: never.
    pub fn timeout_seconds(&self) -> u32 {
        self.timeout_seconds.load(Ordering::Relaxed)
    }
}
