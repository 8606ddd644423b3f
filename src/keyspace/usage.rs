//! When, or how often, an entry was used: what its access word says.
//!
//! ```text
//!   LRU   ticks of 64 ms                              32 bits
//!   LFU   minutes of the last decay | counter         16 | 8 bits
//! ```
//!
//! The counter is logarithmic: the more often an entry was used, the less likely one more use is to be counted. It
//! falls by one for each `lfu-decay-time` without a use. The same word is read in either way, so after a change from LRU
//! to LFU or back it takes some uses until it tells the truth. 0 is what loading leaves.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A tick of the LRU clock: fine enough to tell apart the uses of a busy second. It wraps around after 8 years.
const TICK_MS: u64 = 64;
/// Longer than that ago looks like the future.
const IDLE_MAX_MS: u64 = (u32::MAX / 2) as u64 * TICK_MS;
const IDLE_MAX_MINUTES: u16 = u16::MAX - 60;
/// A new entry begins with so many uses, so that it does not lose to the old ones at once. Redis: `LFU_INIT_VAL`.
const FREQUENCY_NEW: u8 = 5;

/// How the use of entries is counted; readable by every command without a lock.
pub struct Usage {
    /// How often, in place of when.
    counts: AtomicBool,
    log_factor: AtomicU32,
    decay_minutes: AtomicU32,
    /// When the keyspace began: what was loaded counts as last used then.
    born_ms: u64,
}

impl Usage {
    pub fn new(born_ms: u64) -> Usage {
        let (counts, log_factor, decay_minutes) = (AtomicBool::new(false), 10.into(), 1.into());
        Usage { counts, log_factor, decay_minutes, born_ms }
    }

    pub fn born_ms(&self) -> u64 {
        self.born_ms
    }

    /// `counts`: an LFU policy is in force.
    pub fn set(&self, counts: bool, log_factor: u32, decay_minutes: u32) {
        self.counts.store(counts, Ordering::Relaxed);
        self.log_factor.store(log_factor, Ordering::Relaxed);
        self.decay_minutes.store(decay_minutes, Ordering::Relaxed);
    }

    pub fn counts(&self) -> bool {
        self.counts.load(Ordering::Relaxed)
    }

    /// The word of a new entry.
    pub fn first(&self, now_ms: u64) -> u32 {
        match (now_ms, self.counts()) {
            (0, _) => 0,
            (_, true) => frequency_word(now_ms, FREQUENCY_NEW),
            (_, false) => tick(now_ms),
        }
    }

    /// The word of an entry that is used once more.
    #[inline]
    pub fn next(&self, access: u32, now_ms: u64, random: impl FnOnce() -> u64) -> u32 {
        if !self.counts() {
            return tick(now_ms);
        }
        let frequency = self.frequency(access, now_ms);
        let log_factor = self.log_factor.load(Ordering::Relaxed);
        frequency_word(now_ms, counted_on(frequency, log_factor, random))
    }

    /// The word of an entry that was last used so long ago, for RESTORE; `None` where nobody keeps that.
    pub fn idle_for(&self, idle_ms: u64, now_ms: u64) -> Option<u32> {
        let idle_ms = idle_ms.min(IDLE_MAX_MS);
        (!self.counts()).then(|| tick(now_ms.saturating_sub(idle_ms)).max(1))
    }

    /// The word of an entry that is used so often, for RESTORE; `None` where nobody keeps that.
    pub fn as_frequent_as(&self, frequency: u8, now_ms: u64) -> Option<u32> {
        self.counts().then(|| frequency_word(now_ms, frequency))
    }

    /// Milliseconds since the last use, where LRU keeps that.
    pub fn idle_ms(&self, access: u32, now_ms: u64) -> u64 {
        let used = if access == 0 { tick(self.born_ms) } else { access };
        let ticks = tick(now_ms).wrapping_sub(used);
        // A clock that was set back, or another thread's moment, may have left words of the future.
        Some(u64::from(ticks) * TICK_MS).filter(|idle_ms| *idle_ms <= IDLE_MAX_MS).unwrap_or(0)
    }

    /// The moment of the last use, the same whenever it is asked for.
    pub fn last_used_ms(&self, access: u32, now_ms: u64) -> u64 {
        (now_ms - now_ms % TICK_MS).saturating_sub(self.idle_ms(access, now_ms))
    }

    /// The counter as it is by now, where LFU keeps it.
    pub fn frequency(&self, access: u32, now_ms: u64) -> u8 {
        let word = if access == 0 { frequency_word(self.born_ms, FREQUENCY_NEW) } else { access };
        let frequency = word as u8;
        let idle_minutes = minutes(now_ms).wrapping_sub((word >> 8) as u16);
        // A clock that was set back, or another thread's moment, may have left words of the future.
        let idle_minutes = if idle_minutes > IDLE_MAX_MINUTES { 0 } else { idle_minutes };
        match self.decay_minutes.load(Ordering::Relaxed) {
            0 => frequency,
            decay_minutes => frequency.saturating_sub(clamped(u32::from(idle_minutes) / decay_minutes)),
        }
    }
}

fn tick(ms: u64) -> u32 {
    (ms / TICK_MS) as u32
}

/// Wraps around after 45 days.
fn minutes(ms: u64) -> u16 {
    (ms / 60_000) as u16
}

fn frequency_word(now_ms: u64, frequency: u8) -> u32 {
    u32::from(minutes(now_ms)) << 8 | u32::from(frequency)
}

fn clamped(periods: u32) -> u8 {
    u8::try_from(periods).unwrap_or(u8::MAX)
}

/// One more use, with odds of 1 to what was counted beyond a new entry's uses, times the factor.
fn counted_on(frequency: u8, log_factor: u32, random: impl FnOnce() -> u64) -> u8 {
    let beyond = u64::from(frequency.saturating_sub(FREQUENCY_NEW));
    let odds = beyond * u64::from(log_factor) + 1;
    let counted = frequency < u8::MAX && (odds == 1 || random() <= u64::MAX / odds);
    frequency + u8::from(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::random;

    const NOW_MS: u64 = 1_795_000_000_000;

    fn counting(log_factor: u32, decay_minutes: u32) -> Usage {
        let usage = Usage::new(NOW_MS);
        usage.set(true, log_factor, decay_minutes);
        usage
    }

    /// Uses some entries so often, and says how often they seem to be used, on average.
    fn used(usage: &Usage, times: u32) -> u32 {
        const ENTRIES: u64 = 20;
        let one = |entry| {
            let mut rng = random::source(1, entry);
            let word = (0..times).fold(usage.first(NOW_MS), |word, _| usage.next(word, NOW_MS, &mut rng));
            u32::from(usage.frequency(word, NOW_MS))
        };
        (0..ENTRIES).map(one).sum::<u32>() / ENTRIES as u32
    }

    #[test]
    fn the_clock_says_when() {
        let usage = Usage::new(NOW_MS);
        let word = usage.first(NOW_MS);
        assert_eq!(usage.idle_ms(word, NOW_MS), 0);
        assert_eq!(usage.idle_ms(word, NOW_MS + 9_920) / 1000, 9);
        assert_eq!(usage.idle_ms(word, NOW_MS - 9_999), 0, "the clock was set back");
        assert_eq!(usage.next(word, NOW_MS + 9_999, || 0), usage.first(NOW_MS + 9_999));
        assert_eq!(usage.idle_ms(0, NOW_MS + 2_048), 2_048, "what was loaded is as old as the keyspace");
    }

    /// The table in Redis's documentation of `lfu-log-factor`, give or take chance.
    #[test]
    fn the_counter_is_logarithmic() {
        for (factor, times, about) in [
            (0, 100, 104),
            (0, 1_000, 255),
            (1, 100, 18),
            (1, 1_000, 49),
            (10, 100, 10),
            (10, 1_000, 18),
            (10, 100_000, 142),
            (100, 1_000, 11),
        ] {
            let frequency = used(&counting(factor, 1), times);
            assert!(frequency.abs_diff(about) <= 2 + about / 16, "{factor} {times}: {frequency}");
        }
    }

    #[test]
    fn the_counter_falls_with_time() {
        let usage = counting(10, 2);
        let word = frequency_word(NOW_MS, 20);
        let after = |minutes: u64| usage.frequency(word, NOW_MS + minutes * 60_000);
        assert_eq!([after(0), after(1), after(4), after(39), after(40), after(4_000)], [20, 20, 18, 1, 0, 0]);
        let later = usage.next(word, NOW_MS + 4 * 60_000, || u64::MAX);
        assert_eq!(usage.frequency(later, NOW_MS + 4 * 60_000), 18, "what has fallen away is gone");
        assert_eq!(usage.frequency(word, NOW_MS - 60_000), 20, "the clock was set back");
        assert_eq!(counting(10, 0).frequency(word, NOW_MS + 4_000 * 60_000), 20, "0: never");
        assert_eq!(usage.frequency(0, NOW_MS), FREQUENCY_NEW, "what was loaded counts as new");
    }

    #[test]
    fn a_word_can_be_set_for_the_policy_in_force_alone() {
        let (clock, counter) = (Usage::new(NOW_MS), counting(10, 1));
        assert_eq!((clock.as_frequent_as(9, NOW_MS), counter.idle_for(9, NOW_MS)), (None, None));
        let word = clock.idle_for(6_400, NOW_MS).expect("LRU");
        assert_eq!(clock.idle_ms(word, NOW_MS), 6_400);
        let word = counter.as_frequent_as(200, NOW_MS).expect("LFU");
        assert_eq!(counter.frequency(word, NOW_MS), 200);
    }
}
