//! Memory as the allocator and the operating system count it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tikv_jemalloc_ctl::stats_print::{Options, stats_print};
use tikv_jemalloc_ctl::{epoch, stats};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Read by the allocator when it starts. Pages that nobody has used for half a second go back to the operating
/// system, by the allocator's own thread: tables that have grown, and keys that are gone, leave theirs behind.
// SAFETY: jemalloc declares a `const char *` of this name, and the text ends in a zero byte.
#[unsafe(export_name = "_rjem_malloc_conf")]
static ALLOCATOR_OPTIONS: &[u8; 19] = b"dirty_decay_ms:500\0";

static PEAK: AtomicUsize = AtomicUsize::new(0);
static STARTUP: OnceLock<usize> = OnceLock::new();

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// What the program has asked for.
    pub allocated: usize,
    /// Pages that hold any of it.
    pub active: usize,
    /// What the allocator has from the operating system.
    pub allocator_resident: usize,
    /// What the operating system has given, to the whole process.
    pub resident: usize,
    /// The most that was ever seen allocated; noted whenever anyone looks, at least once per sweep.
    pub peak: usize,
    /// What was allocated before any data came.
    pub startup: usize,
}

impl Usage {
    /// What the data takes: all but what was there before it.
    pub fn dataset(&self) -> usize {
        self.allocated.saturating_sub(self.startup)
    }
}

pub fn usage() -> Usage {
    // The figures are a snapshot; without a new epoch they are old, never wrong.
    let _ = epoch::advance();
    let allocated = stats::allocated::read().unwrap_or(0);
    let allocator_resident = stats::resident::read().unwrap_or(0);
    Usage {
        allocated,
        active: stats::active::read().unwrap_or(0),
        allocator_resident,
        resident: resident().unwrap_or(allocator_resident),
        peak: PEAK.fetch_max(allocated, Ordering::Relaxed).max(allocated),
        startup: STARTUP.get().copied().unwrap_or(0),
    }
}

/// Called once, before any data comes.
pub fn note_startup() {
    STARTUP.get_or_init(|| usage().allocated);
}

/// The allocator's own report.
pub fn report() -> String {
    let mut out = Vec::new();
    match stats_print(&mut out, Options::default()) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(e) => format!("no report: {e}\n"),
    }
}

/// Second field of `/proc/self/statm`, in pages of 4 KiB.
fn resident() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split(' ').nth(1)?.parse::<usize>().ok().map(|pages| pages * 4096)
}

/// All memory of the machine.
pub fn of_the_machine() -> Option<usize> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kib| kib << 10)
}
