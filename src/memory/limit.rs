//! `maxmemory`: how much the program may use, and since when it has used more.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Above it, keys are evicted before anything grows. Readable by every command without a lock.
#[derive(Default)]
pub struct Limit {
    /// 0: none.
    bytes: AtomicUsize,
    tenacity: AtomicU32,
    /// Unix milliseconds; 0 while all is well.
    exceeded_since_ms: AtomicU64,
    exceeded_ms: AtomicU64,
}

impl Limit {
    pub fn set(&self, bytes: u64, tenacity: u32) {
        self.bytes.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
        self.tenacity.store(tenacity, Ordering::Relaxed);
    }

    #[inline]
    pub fn is_set(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Bytes used beyond the limit. `uncounted` bytes are not held against it.
    pub fn excess(&self, uncounted: usize) -> usize {
        match self.bytes.load(Ordering::Relaxed) {
            0 => 0,
            limit => super::used().saturating_sub(limit).saturating_sub(uncounted),
        }
    }

    /// How long one command may go on evicting; `None`: until it is done.
    pub fn patience(&self) -> Option<Duration> {
        patience(self.tenacity.load(Ordering::Relaxed))
    }

    /// Notes whether memory is still over the limit, after what could be done about it.
    pub fn note(&self, exceeded: bool, now_ms: u64) {
        let since_ms = self.exceeded_since_ms.load(Ordering::Relaxed);
        if exceeded == (since_ms > 0) {
            return;
        }
        // Of two threads with the same news, one counts.
        let news = if exceeded { now_ms } else { 0 };
        let is_first = self
            .exceeded_since_ms
            .compare_exchange(since_ms, news, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if is_first && !exceeded {
            self.exceeded_ms.fetch_add(now_ms.saturating_sub(since_ms), Ordering::Relaxed);
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.exceeded_ms.store(0, Ordering::Relaxed);
    }

    /// Milliseconds for which memory has been over the limit by now: this time, and ever.
    pub fn exceeded_ms(&self, now_ms: u64) -> (u64, u64) {
        let current_ms = match self.exceeded_since_ms.load(Ordering::Relaxed) {
            0 => 0,
            since_ms => now_ms.saturating_sub(since_ms),
        };
        (current_ms, self.exceeded_ms.load(Ordering::Relaxed) + current_ms)
    }
}

/// Redis: half a millisecond at a tenacity of 10, in a straight line from 0; from there on 15 % more with each step, and
/// at 100 no limit.
fn patience(tenacity: u32) -> Option<Duration> {
    match tenacity {
        0..=10 => Some(Duration::from_micros(50 * u64::from(tenacity))),
        11..100 => Some(Duration::from_micros(500).mul_f64(1.15_f64.powi(tenacity as i32 - 10))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_tenacity() {
        assert_eq!(patience(0), Some(Duration::ZERO));
        assert_eq!(patience(10), Some(Duration::from_micros(500)));
        assert_eq!(patience(11), Some(Duration::from_micros(575)));
        assert!(patience(99).is_some_and(|long| long > Duration::from_secs(120)));
        assert_eq!(patience(100), None);
    }

    #[test]
    fn time_over_the_limit_adds_up() {
        let limit = Limit::default();
        limit.note(true, 100);
        limit.note(true, 150);
        assert_eq!(limit.exceeded_ms(180), (80, 80));
        limit.note(false, 200);
        limit.note(false, 300);
        limit.note(true, 1000);
        assert_eq!(limit.exceeded_ms(1001), (1, 101));
    }

    #[test]
    fn what_does_not_count_is_not_held_against_it() {
        let limit = Limit::default();
        assert_eq!(limit.excess(0), 0);
        limit.set(1, 10);
        super::super::count_anew();
        let excess = limit.excess(0);
        assert!(excess > 0, "the program uses more than a byte");
        assert_eq!(limit.excess(usize::MAX), 0);
    }
}
