//! The slow log, and the one comparison per command that feeds it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::latency::Events;

/// Words of a request that are kept.
const WORDS_MAX: usize = 32;
/// Bytes of a word that are kept.
const WORD_MAX: usize = 128;

/// Commands that took long: for SLOWLOG and LATENCY.
pub struct Slow {
    /// From here on a command is looked at at all.
    looked_at_nanos: AtomicU64,
    /// `slowlog-log-slower-than`.
    logged_nanos: AtomicU64,
    /// `latency-monitor-threshold`.
    event_nanos: AtomicU64,
    log: Mutex<SlowLog>,
    events: Mutex<Events>,
}

impl Default for Slow {
    fn default() -> Slow {
        Slow {
            looked_at_nanos: AtomicU64::new(u64::MAX),
            logged_nanos: AtomicU64::new(u64::MAX),
            event_nanos: AtomicU64::new(u64::MAX),
            log: Mutex::default(),
            events: Mutex::default(),
        }
    }
}

impl Slow {
    /// `slowlog-log-slower-than` (negative: never), `slowlog-max-len`, `latency-monitor-threshold` (0: never).
    pub fn configure(&self, slower_than_us: i64, log_max: usize, event_ms: u64) {
        let logged = u64::try_from(slower_than_us).map_or(u64::MAX, |us| us.saturating_mul(1000));
        let event = if event_ms == 0 { u64::MAX } else { event_ms.saturating_mul(1_000_000) };
        self.logged_nanos.store(logged, Ordering::Relaxed);
        self.event_nanos.store(event, Ordering::Relaxed);
        self.looked_at_nanos.store(logged.min(event), Ordering::Relaxed);
        self.log().set_max(log_max);
    }

    #[inline]
    pub fn is_worth_a_look(&self, nanos: u64) -> bool {
        nanos >= self.looked_at_nanos.load(Ordering::Relaxed)
    }

    pub fn is_logged(&self, nanos: u64) -> bool {
        nanos >= self.logged_nanos.load(Ordering::Relaxed)
    }

    pub fn is_event(&self, nanos: u64) -> bool {
        nanos >= self.event_nanos.load(Ordering::Relaxed)
    }

    /// Something other than a command took so long; a sample for LATENCY, where it is long enough.
    pub fn event(&self, name: &'static str, nanos: u64, now_ms: u64) {
        if self.is_event(nanos) {
            self.events().note(name, now_ms / 1000, nanos / 1_000_000);
        }
    }

    pub fn log(&self) -> MutexGuard<'_, SlowLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    pub unix_seconds: u64,
    pub micros: u64,
    /// The request, shortened.
    pub words: Vec<Vec<u8>>,
    pub address: String,
    pub name: String,
}

/// Newest first.
#[derive(Default)]
pub struct SlowLog {
    entries: VecDeque<Entry>,
    next_id: u64,
    max: usize,
}

impl SlowLog {
    pub fn push(&mut self, entry: Entry) {
        self.entries.push_front(Entry { id: self.next_id, ..entry });
        self.next_id += 1;
        self.entries.truncate(self.max);
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    fn set_max(&mut self, max: usize) {
        self.max = max;
        self.entries.truncate(max);
    }
}

/// A request as the log keeps it: not too many words, none too long.
pub fn shortened<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = words.len();
    let kept = if count > WORDS_MAX { WORDS_MAX - 1 } else { count };
    let mut short: Vec<Vec<u8>> = words.take(kept).map(shortened_word).collect();
    if kept < count {
        short.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    short
}

fn shortened_word(word: &[u8]) -> Vec<u8> {
    match word.split_at_checked(WORD_MAX) {
        Some((kept, rest)) if !rest.is_empty() => {
            [kept, format!("... ({} more bytes)", rest.len()).as_bytes()].concat()
        }
        _ => word.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let (address, name) = (String::new(), String::new());
        Entry { id: 0, unix_seconds: 0, micros: 0, words: Vec::new(), address, name }
    }

    #[test]
    fn keeps_the_newest_and_counts_all() {
        let slow = Slow::default();
        slow.configure(0, 2, 0);
        (0..3).for_each(|_| slow.log().push(entry()));
        assert_eq!(slow.log().iter().map(|entry| entry.id).collect::<Vec<_>>(), [2, 1]);
        slow.configure(0, 1, 0);
        assert_eq!(slow.log().len(), 1);
    }

    #[test]
    fn thresholds_as_configured() {
        let slow = Slow::default();
        assert!(!slow.is_worth_a_look(u64::MAX - 1));
        slow.configure(10, 1, 0);
        assert!(slow.is_worth_a_look(10_000) && slow.is_logged(10_000) && !slow.is_event(10_000));
        assert!(!slow.is_worth_a_look(9_999));
        slow.configure(-1, 1, 5);
        assert!(slow.is_worth_a_look(5_000_000) && !slow.is_logged(5_000_000) && slow.is_event(5_000_000));
        slow.configure(0, 1, 0);
        assert!(slow.is_logged(0));
    }

    #[test]
    fn long_requests_are_shortened() {
        let words: Vec<String> = (0..33).map(|i| i.to_string()).collect();
        let short = shortened(words.iter().map(|word| word.as_bytes()));
        assert_eq!((short.len(), &short[31][..]), (32, &b"... (2 more arguments)"[..]));
        assert_eq!(shortened(words[..32].iter().map(|word| word.as_bytes())).len(), 32);
        let long = [b'A'; 129];
        assert_eq!(shortened_word(&long), [&long[..128], b"... (1 more bytes)"].concat());
        assert_eq!(shortened_word(&long[..128]), &long[..128]);
    }
}
