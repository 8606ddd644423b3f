//! Memory as the allocator and the operating system count it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tikv_jemalloc_ctl::{epoch, stats};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// What the program has asked for.
    pub allocated: usize,
    /// What the operating system has given.
    pub resident: usize,
    /// The most that was ever seen allocated; noted whenever anyone looks, at least once per sweep.
    pub peak: usize,
}

pub fn usage() -> Usage {
    // The figures are a snapshot; without a new epoch they are old, never wrong.
    let _ = epoch::advance();
    let allocated = stats::allocated::read().unwrap_or(0);
    let peak = PEAK.fetch_max(allocated, Ordering::Relaxed).max(allocated);
    Usage { allocated, resident: resident(), peak }
}

/// Second field of `/proc/self/statm`, in pages of 4 KiB; where there is no such file, jemalloc's own count.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = statm.as_deref().and_then(|s| s.split(' ').nth(1)?.parse::<usize>().ok());
    pages.map_or_else(|| stats::resident::read().unwrap_or(0), |pages| pages * 4096)
}
