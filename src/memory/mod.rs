//! Memory as the allocator and the operating system count it.
//!
//! ```text
//!   each thread: allocated - freed, counted by jemalloc --tell--> [ TOLD: one sum ] --> used(): one load
//!                                                                        ^
//!   usage(): the allocator's own statistics, which take some work -------+  corrects by what nobody ever tells
//! ```

mod limit;

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::machine;
use tikv_jemalloc_ctl::stats_print::{Options, stats_print};
use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};
use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats};

pub use limit::Limit;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Read by the allocator when it starts. Pages that nobody has used for half a second go back to the operating
/// system, by the allocator's own thread: tables that have grown, and keys that are gone, leave theirs behind. Blocks
/// over 8 KiB are buffers and tables, and threads keep none of them at hand.
// SAFETY: jemalloc declares a `const char *` of this name, and the text ends in a zero byte.
#[unsafe(export_name = "_rjem_malloc_conf")]
static ALLOCATOR_OPTIONS: &[u8; 36] = b"dirty_decay_ms:500,lg_tcache_max:13\0";

static PEAK: AtomicUsize = AtomicUsize::new(0);
static STARTUP: OnceLock<usize> = OnceLock::new();

/// What all threads have allocated, less what they have freed, as far as they have told.
static TOLD: AtomicI64 = AtomicI64::new(0);
/// By how much that differed from the allocator's own count when it was last compared.
static DRIFT: AtomicI64 = AtomicI64::new(0);
/// A thread keeps less than this to itself.
const UNTOLD_BYTES: i64 = 1 << 10;

thread_local! {
    static TALLY: Option<Tally> = Tally::new();
}

/// One thread's part in `TOLD`.
struct Tally {
    allocated: ThreadLocal<u64>,
    freed: ThreadLocal<u64>,
    told: Cell<i64>,
}

impl Tally {
    fn new() -> Option<Tally> {
        let (allocated, freed) = (allocatedp::read().ok()?, deallocatedp::read().ok()?);
        Some(Tally { allocated, freed, told: Cell::new(0) })
    }

    fn tell(&self, at_least: i64) {
        // What another thread has allocated and this one has freed makes it negative.
        let net = self.allocated.get().wrapping_sub(self.freed.get()) as i64;
        let change = net - self.told.get();
        if change.abs() >= at_least {
            TOLD.fetch_add(change, Ordering::Relaxed);
            self.told.set(net);
        }
    }
}

/// Counts in what the calling thread has allocated and freed. Cheap: some loads, and rarely an addition.
#[inline]
pub fn tell() {
    TALLY.with(|tally| tally.iter().for_each(|tally| tally.tell(UNTOLD_BYTES)));
}

/// As [`tell`], to the last byte.
pub fn tell_all() {
    TALLY.with(|tally| tally.iter().for_each(|tally| tally.tell(1)));
}

/// Bytes allocated at the moment, give or take what threads have not told. One load.
#[inline]
pub fn used() -> usize {
    usize::try_from(TOLD.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// What the program has asked for, as its threads count it: what `maxmemory` is about.
    pub used: usize,
    /// The same as the allocator counts it, with what it keeps at hand for the threads.
    pub allocated: usize,
    /// Pages that hold any of it.
    pub active: usize,
    /// What the allocator has from the operating system.
    pub allocator_resident: usize,
    /// What the operating system has given, to the whole process.
    pub resident: usize,
    /// The most that was ever seen allocated; noted whenever anyone looks, at least once a second.
    pub peak: usize,
    /// What was allocated before any data came.
    pub startup: usize,
}

impl Usage {
    /// All but what was there before any data came.
    pub fn since_startup(&self) -> usize {
        self.used.saturating_sub(self.startup)
    }
}

pub fn usage() -> Usage {
    // The figures are a snapshot; without a new epoch they are old, never wrong.
    let _ = epoch::advance();
    let allocated = stats::allocated::read().unwrap_or(0);
    correct(allocated);
    let allocator_resident = stats::resident::read().unwrap_or(0);
    let used = used();
    Usage {
        used,
        allocated,
        active: stats::active::read().unwrap_or(0),
        allocator_resident,
        resident: machine::resident_bytes().unwrap_or(allocator_resident),
        peak: PEAK.fetch_max(used, Ordering::Relaxed).max(used),
        startup: STARTUP.get().copied().unwrap_or(0),
    }
}

/// What the allocator keeps at hand for its threads counts as allocated with it, and is nobody's.
const AT_HAND_BYTES: i64 = 4 << 20;

/// Corrects by what nobody will ever tell, as threads of libraries do. What a thread has not told yet,
/// since it is in the middle of its work, looks the same, but not twice.
fn correct(allocated: usize) {
    tell_all();
    let drift = allocated as i64 - TOLD.load(Ordering::Relaxed);
    let before = DRIFT.load(Ordering::Relaxed);
    let lasting = if (drift > 0) == (before > 0) { drift.abs().min(before.abs()) } else { 0 };
    let untold = (lasting - AT_HAND_BYTES).max(0) * drift.signum();
    TOLD.fetch_add(untold, Ordering::Relaxed);
    DRIFT.store(drift - untold, Ordering::Relaxed);
}

/// Takes the allocator's own count for the truth. Called while no other thread has anything to tell.
pub fn count_anew() {
    tell_all();
    let _ = epoch::advance();
    TOLD.store(stats::allocated::read().unwrap_or(0) as i64, Ordering::Relaxed);
}

/// Called once, before any data comes.
pub fn note_startup() {
    count_anew();
    STARTUP.get_or_init(|| usage().used);
}

/// Gives unused pages back to the operating system, all at once: for a moment, pages of each arena may stay unused no time
/// at all. The error is the allocator's.
pub fn purge() -> Result<(), String> {
    let arenas = arenas::narenas::read().map_err(|e| e.to_string())?;
    for arena in 0..arenas {
        for decay in ["dirty_decay_ms", "muzzy_decay_ms"] {
            let name = format!("arena.{arena}.{decay}\0");
            let option = name.as_bytes().name();
            // An arena that nobody has used does not exist yet, and holds nothing.
            if let Ok(usual_ms) = Access::<isize>::update(option, 0) {
                option.write(usual_ms).map_err(|e| e.to_string())?;
            }
        }
    }
    Ok(())
}

/// The allocator's own report.
pub fn report() -> String {
    let mut out = Vec::new();
    match stats_print(&mut out, Options::default()) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(e) => format!("no report: {e}\n"),
    }
}
