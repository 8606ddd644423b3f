//! What is counted of clients and their buffers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Rare events, which any thread may count.
#[derive(Default)]
pub struct ClientCounters {
    /// Closed for `client-query-buffer-limit`.
    pub query_overflows: AtomicU64,
    /// Closed for `client-output-buffer-limit`.
    pub output_overflows: AtomicU64,
    /// Closed for `maxmemory-clients`.
    pub evicted: AtomicU64,
    /// The largest buffers of the last seconds.
    pub input_peak: AtomicUsize,
    pub output_peak: AtomicUsize,
}

impl ClientCounters {
    pub fn reset(&self) {
        for counter in [&self.query_overflows, &self.output_overflows, &self.evicted] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}
