//! One thread that applies the records of its share of the shards, in order.
//!
//! Records go over in batches, and the empty batches come back: so there is a bound on what is under way, nothing is
//! allocated per record, and who has all batches back knows that everything is applied.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::apply;
use crate::command::table::Found;
use crate::keyspace::Keyspace;
use crate::keyspace::prefetch::LookAhead;
use crate::limits::{REPLAY_BATCH, REPLAY_BATCHES};
use crate::protocol::{Form, Span, Words};

/// The first record that could not be applied.
#[derive(Default)]
pub struct Failure {
    is_set: AtomicBool,
    first: Mutex<Option<(u64, String)>>,
}

impl Failure {
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    pub fn take(&self) -> Option<(u64, String)> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, record: u64, why: String) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(earlier, _)| record < *earlier) {
            *first = Some((record, why));
        }
        self.is_set.store(true, Ordering::Relaxed);
    }
}

/// Records, with their words in one piece of memory.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    records: Vec<Record>,
}

struct Record {
    number: u64,
    found: Found,
    db: u8,
    first_span: u32,
    spans: u32,
}

impl Batch {
    fn push(&mut self, number: u64, found: Found, words: Words<'_>, db: u8) {
        let first_span = self.spans.len() as u32;
        for word in words.iter() {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(word);
            self.spans.push(Span { start, end: self.bytes.len() as u32 });
        }
        self.records.push(Record { number, found, db, first_span, spans: words.len() as u32 });
    }

    fn words(&self, record: &Record) -> Words<'_> {
        let spans = &self.spans[record.first_span as usize..][..record.spans as usize];
        Words::new(&self.bytes, spans, Form::Text)
    }

    /// Empty again. One huge record must not keep its room.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * REPLAY_BATCH);
        self.spans.clear();
        self.records.clear();
    }
}

pub struct Lane {
    /// The batch being filled.
    batch: Batch,
    /// Batches that are neither here nor back.
    under_way: usize,
    full: Option<Sender<Batch>>,
    empty: Receiver<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl Lane {
    pub fn start(keyspace: Arc<Keyspace>, failure: Arc<Failure>) -> std::io::Result<Lane> {
        let (full, batches) = bounded::<Batch>(REPLAY_BATCHES);
        let (back, empty) = bounded(REPLAY_BATCHES);
        let run = move || {
            let mut applier = Applier { keyspace, failure, ahead: LookAhead::default(), out: Vec::new() };
            for mut batch in batches {
                applier.apply_all(&batch);
                batch.clear();
                if back.send(batch).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("replay".to_owned()).spawn(run)?;
        Ok(Lane { batch: Batch::default(), under_way: 0, full: Some(full), empty, thread: Some(thread) })
    }

    /// Takes a record. Returns whether this has filled a batch, which is on its way now.
    pub fn take(&mut self, number: u64, found: Found, words: Words<'_>, db: u8) -> bool {
        self.batch.push(number, found, words, db);
        let is_full = self.batch.bytes.len() >= REPLAY_BATCH;
        if is_full {
            self.send();
        }
        is_full
    }

    /// Waits until all that was taken is applied.
    pub fn wait(&mut self) {
        if !self.batch.records.is_empty() {
            self.send();
        }
        while self.under_way > 0 {
            self.batch = self.next_empty();
        }
    }

    fn send(&mut self) {
        let next = if self.under_way < REPLAY_BATCHES { None } else { Some(self.next_empty()) };
        let next = next.or_else(|| self.empty.try_recv().ok().inspect(|_| self.under_way -= 1));
        let batch = std::mem::replace(&mut self.batch, next.unwrap_or_default());
        self.under_way += 1;
        let sent = self.full.as_ref().is_some_and(|full| full.send(batch).is_ok());
        assert!(sent, "a lane's thread ends only when it is dropped");
    }

    fn next_empty(&mut self) -> Batch {
        let batch = self.empty.recv().expect("a lane's thread ends only when it is dropped");
        self.under_way -= 1;
        batch
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.full = None;
        if let Some(thread) = self.thread.take() {
            // If it has panicked, whoever waited for it has, too.
            let _ = thread.join();
        }
    }
}

/// What the thread keeps between batches.
struct Applier {
    keyspace: Arc<Keyspace>,
    failure: Arc<Failure>,
    ahead: LookAhead,
    out: Vec<u8>,
}

impl Applier {
    fn apply_all(&mut self, batch: &Batch) {
        self.ahead.restart(0);
        for (at, record) in batch.records.iter().enumerate() {
            self.ahead.step(&self.keyspace, at, |ahead| {
                let record = batch.records.get(ahead)?;
                Some(self.keyspace.spot(record.db, batch.words(record).iter().nth(1)?))
            });
            let words = batch.words(record);
            if let Err(why) = apply(&self.keyspace, record.found, words, record.db, &mut self.out) {
                self.failure.note(record.number, why);
            }
        }
    }
}
