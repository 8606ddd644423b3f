//! The last minutes, a sample a second, and what has changed within the last few seconds.

use std::collections::VecDeque;
use std::sync::Arc;

use super::figures::Figures;
use crate::limits::HISTORY_SECONDS;
use crate::metrics::histogram::Distribution;

/// Names of a sample's values, in their order: rates per second, latencies in microseconds.
pub const COLUMNS: [&str; 21] = [
    "t", "ops", "in", "out", "hits", "misses", "expired", "evicted", "errors", "p50", "p99", "p999",
    "memory", "resident", "clients", "keys", "backlog", "syncs", "sync_p50", "sync_p99", "group",
];

/// `NaN`: there was nothing to measure.
pub type Sample = [f64; COLUMNS.len()];

/// A percentile stands for ten to twenty seconds: figures are kept from then, and changed for newer ones.
const WINDOW_MS: u64 = 10_000;

#[derive(Default)]
pub struct History {
    samples: VecDeque<Sample>,
    last: Option<Arc<Figures>>,
    /// Where the window begins, and where the next one will.
    window: Option<[Arc<Figures>; 2]>,
    /// What each thread did of the time since the last look: 1 is all of it.
    busy: Vec<(String, f64)>,
}

impl History {
    pub fn add(&mut self, now: Figures) {
        let now = Arc::new(now);
        if self.last.as_ref().is_some_and(|before| now.now_ms < before.now_ms) {
            // The clock was set back: what is kept would be in the way until it comes there again.
            *self = History::default();
        }
        if let Some(before) = &self.last {
            // A second look within the same moment has nothing to tell.
            if now.now_ms == before.now_ms {
                return;
            }
            if self.samples.len() == HISTORY_SECONDS {
                self.samples.pop_front();
            }
            self.samples.push_back(sample(before, &now));
            self.busy = busy(before, &now);
        }
        self.window = Some(match self.window.take() {
            None => [Arc::clone(&now), Arc::clone(&now)],
            Some([_, next]) if now.now_ms >= next.now_ms + WINDOW_MS => [next, Arc::clone(&now)],
            Some(window) => window,
        });
        self.last = Some(now);
    }

    pub fn last(&self) -> Option<&Figures> {
        self.last.as_deref()
    }

    /// Figures from the beginning of the window that `last` is the end of.
    pub fn window_start(&self) -> Option<&Figures> {
        self.window.as_ref().map(|[start, _]| &**start)
    }

    pub fn busy(&self) -> &[(String, f64)] {
        &self.busy
    }

    /// Samples taken after this moment; if it is yet to come, all: whoever asks has samples of before the clock was set
    /// back.
    pub fn samples_since(&self, since_ms: f64) -> impl Iterator<Item = &Sample> {
        let is_to_come = self.last().is_some_and(|last| since_ms > last.now_ms as f64);
        self.samples.iter().filter(move |sample| is_to_come || sample[0] > since_ms)
    }
}

fn sample(before: &Figures, now: &Figures) -> Sample {
    let seconds = (now.now_ms - before.now_ms) as f64 / 1000.0;
    // Counters go back only where they have been reset.
    let rate = |of: fn(&Figures) -> u64| of(now).saturating_sub(of(before)) as f64 / seconds;
    let latencies = now.latencies.since(&before.latencies);
    let logs = before.log.as_ref().zip(now.log.as_ref());
    let syncs = logs.map(|(before, now)| now.sync_nanos.since(&before.sync_nanos));
    let groups = logs.map(|(before, now)| {
        (now.groups.saturating_sub(before.groups), now.records.saturating_sub(before.records))
    });
    [
        now.now_ms as f64,
        rate(Figures::calls),
        rate(|figures| figures.bytes_in),
        rate(|figures| figures.bytes_out),
        rate(|figures| figures.hits),
        rate(|figures| figures.misses),
        rate(|figures| figures.expired),
        rate(|figures| figures.evicted),
        rate(|figures| figures.error_replies.values().sum()),
        micros(&latencies, 50.0),
        micros(&latencies, 99.0),
        micros(&latencies, 99.9),
        now.memory.used as f64,
        now.memory.resident as f64,
        now.clients as f64,
        now.keys() as f64,
        now.log.as_ref().map_or(f64::NAN, |log| log.backlog_bytes as f64),
        syncs.as_ref().map_or(f64::NAN, |syncs| syncs.count() as f64 / seconds),
        syncs.as_ref().map_or(f64::NAN, |syncs| micros(syncs, 50.0)),
        syncs.as_ref().map_or(f64::NAN, |syncs| micros(syncs, 99.0)),
        groups.map_or(f64::NAN, |(groups, records)| records as f64 / groups as f64),
    ]
}

/// A percentile in microseconds; of nothing it is `NaN`.
pub fn micros(latencies: &Distribution, percent: f64) -> f64 {
    if latencies.count() == 0 { f64::NAN } else { latencies.percentile(percent) as f64 / 1000.0 }
}

fn busy(before: &Figures, now: &Figures) -> Vec<(String, f64)> {
    let seconds = (now.now_ms - before.now_ms) as f64 / 1000.0;
    let earlier = |name: &str| before.threads.iter().find(|thread| thread.name == name);
    let share =
        |name: &str, cpu: f64| (cpu - earlier(name).map_or(cpu, |thread| thread.cpu_seconds)) / seconds;
    now.threads
        .iter()
        .map(|thread| (thread.name.clone(), share(&thread.name, thread.cpu_seconds).max(0.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut history = History::default();
        let mut look = |now_ms| {
            history.add(Figures { now_ms, ..Figures::default() });
            let start_ms = history.window_start().map(|start| start.now_ms);
            (history.samples_since(0.0).map(|sample| sample[0]).collect::<Vec<_>>(), start_ms)
        };
        look(50_000);
        look(51_000);
        assert_eq!(look(51_000), (vec![51_000.0], Some(50_000)));
        assert_eq!(look(9_000), (vec![], Some(9_000)));
        assert_eq!(look(10_000), (vec![10_000.0], Some(9_000)));
        // A page that has samples of before gets all of the new ones.
        assert_eq!(history.samples_since(51_000.0).count(), 1);
        assert_eq!(history.samples_since(10_000.0).count(), 0);
    }
}
