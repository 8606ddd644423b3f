//! Latency spikes by kind of event, as the LATENCY command tells them.

use std::collections::{BTreeMap, VecDeque};

/// Samples kept of each event. Redis: 160.
const SAMPLES_MAX: usize = 160;

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub unix_seconds: u64,
    pub ms: u64,
}

#[derive(Default)]
pub struct Event {
    samples: VecDeque<Sample>,
    /// The worst ever.
    pub max_ms: u64,
}

impl Event {
    /// Oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample> + DoubleEndedIterator + '_ {
        self.samples.iter().copied()
    }

    fn note(&mut self, sample: Sample) {
        self.max_ms = self.max_ms.max(sample.ms);
        match self.samples.back_mut() {
            Some(last) if last.unix_seconds == sample.unix_seconds => last.ms = last.ms.max(sample.ms),
            _ => {
                if self.samples.len() == SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
    }
}

#[derive(Default)]
pub struct Events {
    by_name: BTreeMap<&'static str, Event>,
}

impl Events {
    pub fn note(&mut self, name: &'static str, unix_seconds: u64, ms: u64) {
        self.by_name.entry(name).or_default().note(Sample { unix_seconds, ms });
    }

    pub fn get(&self, name: &[u8]) -> Option<&Event> {
        self.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(_, event)| event)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Event)> {
        self.by_name.iter().map(|(name, event)| (*name, event))
    }

    /// Forgets these events, or all where none is named. Returns how many.
    pub fn reset(&mut self, names: &[&[u8]]) -> usize {
        let before = self.by_name.len();
        let is_named = |known: &str| names.iter().any(|name| known.as_bytes().eq_ignore_ascii_case(name));
        self.by_name.retain(|known, _| !names.is_empty() && !is_named(known));
        before - self.by_name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_a_second_and_the_worst_of_it() {
        let mut events = Events::default();
        for (second, ms) in [(1, 5), (1, 9), (1, 7), (2, 3)] {
            events.note("command", second, ms);
        }
        let event = events.get(b"COMMAND").expect("noted above");
        let samples: Vec<_> = event.samples().map(|sample| (sample.unix_seconds, sample.ms)).collect();
        assert_eq!((samples, event.max_ms), (vec![(1, 9), (2, 3)], 9));
        (0..500).for_each(|second| events.note("command", second, 1));
        assert_eq!(events.get(b"command").expect("still there").samples().len(), SAMPLES_MAX);
    }

    #[test]
    fn resets_what_is_named_or_all() {
        let mut events = Events::default();
        events.note("command", 1, 1);
        events.note("fast-command", 1, 1);
        assert_eq!(events.reset(&[b"nothing"]), 0);
        assert_eq!(events.reset(&[b"Command"]), 1);
        assert_eq!(events.reset(&[]), 1);
        assert_eq!(events.iter().len(), 0);
    }
}
