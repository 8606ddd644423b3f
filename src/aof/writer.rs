//! What the thread `aof` does, without the thread: puts appended effects in order, closes them in commit groups,
//! writes and syncs those, and tells who waits.
//!
//! ```text
//!  batches, each in order ──► waiting (gaps) ──► group: text ──► one append ──► sync ──► Event::Durable
//!                                                  ▲                 │ no space: truncate, keep the group,
//!                                                  └─────────────────┘ try again in a second
//!                                                                    │ anything else: poisoned for good
//! ```
//!
//! Time comes in from outside and nothing here blocks but the storage, so that the crash tests replay from a seed.

use super::batch::Batch;
use super::compaction::{Delta, Switch};
use super::log_file::{self, LogFile, Written};
use super::recovery::Recovered;
use super::stats::Shared;
use super::storage::Storage;
use super::{Event, Policy};
use crate::execute::log::{Health, Seq};
use crate::keyspace::effects::Records;
use crate::limits;
use crate::machine::reason;
use crossbeam_channel::Sender;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::{Duration, Instant};

/// How often `everysec` syncs.
pub const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How often a full disk is tried again.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Emptied batches that are kept.
const SPARE_MAX: usize = 4;

/// What the clocks say.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub unix_ms: u64,
    pub instant: Instant,
}

/// Where the log ends: all before it is on disk.
#[derive(Debug, Clone)]
pub struct End {
    /// The growing segment, and its size.
    pub segment: String,
    pub size_bytes: u64,
    pub seq: Seq,
}

/// Where the log ends, or why that cannot be said.
pub type Located = Result<End, String>;

pub struct Writer {
    pub(super) segment: LogFile,
    /// What the records of the segment's group count for in the backlog.
    backlog_bytes: usize,
    /// Batches, by the number of the next record in each: one waits for those in between, which another thread sends,
    /// for room in the group, or for a compaction to be heard of.
    waiting: BTreeMap<Seq, Batch>,
    /// The last compaction that has been heard of.
    pub(super) generation: u32,
    /// Empty, to be filled again; [`SPARE_MAX`] at most.
    spare: Vec<Batch>,
    /// The last record that is on disk for certain.
    pub(super) synced: Seq,
    /// Records up to this one are to be synced whatever the policy. The last may have been numbered and not sent yet.
    wanted: Seq,
    /// Who is to be told where the log ends, once it holds the record that they know of.
    asked: Vec<(Seq, Sender<Located>)>,
    last_sync: Instant,
    policy: Policy,
    state: State,
    /// While a compaction runs: what has changed in the shards that are in the new base already.
    pub(super) delta: Option<Delta>,
    /// Its last step, to be taken as soon as every record before it is written.
    pub(super) switch: Option<Switch>,
    pub(super) shared: Arc<Shared>,
    notify: Box<dyn FnMut(Event) + Send>,
    pub(super) storage: Arc<dyn Storage>,
}

enum State {
    Sound,
    /// No space: the group is closed and waits to be written.
    Full {
        since_try: Instant,
    },
    Poisoned(String),
}

impl Writer {
    /// Goes on where recovery ended.
    pub fn new(recovered: Recovered, policy: Policy, notify: Box<dyn FnMut(Event) + Send>, now: Now) -> Self {
        let Recovered { manifest, segment, end, report, storage } = recovered;
        let name = manifest.growing().name.clone();
        let seq = end.seq;
        let (size_bytes, last_ms) = (end.end.offset, end.last_ms);
        let tail = log_file::Tail { seq, last_ms, size_bytes, db: end.db, closed: end.closed };
        let writer = Self {
            segment: LogFile::new(name, segment, tail),
            backlog_bytes: 0,
            waiting: BTreeMap::new(),
            generation: 0,
            spare: Vec::new(),
            synced: seq,
            wanted: seq,
            asked: Vec::new(),
            last_sync: now.instant,
            policy,
            state: State::Sound,
            delta: None,
            switch: None,
            shared: Arc::new(Shared::new(seq)),
            notify,
            storage,
        };
        writer.shared.stats.size_bytes.store(report.size_bytes, Relaxed);
        writer.shared.stats.base_bytes.store(report.base_bytes, Relaxed);
        writer.publish();
        writer
    }

    pub fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Whether more effects may go into the group.
    pub fn has_room(&self) -> bool {
        match self.state {
            State::Sound => self.segment.group_bytes() < limits::LOG_GROUP,
            // They are set aside or dropped.
            State::Full { .. } | State::Poisoned(_) => true,
        }
    }

    /// Takes batches in any order.
    pub fn take(&mut self, batch: Batch) {
        match batch.next() {
            Some(next) => drop(self.waiting.insert(next, batch)),
            None => self.recycle(batch),
        }
        self.admit();
    }

    /// A large one gives its memory back at once, and so do many.
    fn recycle(&mut self, mut batch: Batch) {
        if self.spare.len() < SPARE_MAX && batch.is_worth_keeping() {
            batch.clear();
            self.spare.push(batch);
        }
    }

    /// An emptied batch, or a new one.
    pub fn spare(&mut self) -> Batch {
        self.spare.pop().unwrap_or_default()
    }

    /// An unbroken row of numbers goes into the group, while it has room.
    pub(super) fn admit(&mut self) {
        if matches!(self.state, State::Full { .. }) {
            return;
        }
        while let Some(first) = self.waiting.first_entry() {
            let mut batch = first.remove();
            let mut admitted = false;
            while self.has_room()
                && self.is_next(&batch)
                && let Some((records, generation)) = batch.take()
            {
                self.encode(records, generation);
                admitted = true;
            }
            match batch.next() {
                Some(next) => drop(self.waiting.insert(next, batch)),
                None => self.recycle(batch),
            }
            if !admitted {
                return;
            }
        }
    }

    /// A lane is taken with all that is in it: so records may come here before the beginning of the compaction that they
    /// name, which was sent before they were appended, and whose delta is to hold them.
    fn is_next(&self, batch: &Batch) -> bool {
        batch.next() == Some(self.segment.last() + 1)
            && batch.next_generation().is_some_and(|generation| generation <= self.generation)
    }

    fn encode(&mut self, records: Records<'_>, generation: u32) {
        self.backlog_bytes += records.size_bytes();
        self.segment.push(records, self.synced);
        if let Some(delta) = self.delta.as_mut().filter(|delta| delta.generation == generation) {
            delta.file.push(records, Seq::MAX);
        }
    }

    /// Closes and writes the group, if there is one, and further ones until everything taken is written.
    pub fn commit(&mut self, now: Now) {
        while self.segment.has_records() {
            match self.state {
                State::Sound => {
                    self.segment.close_group(now.unix_ms);
                    self.write(now);
                }
                // Waits for `tick`.
                State::Full { .. } => break,
                State::Poisoned(_) => self.drop_group(),
            }
            self.admit();
        }
        self.advance_compaction(now);
        self.answer(now);
    }

    pub(super) fn is_sound(&self) -> bool {
        matches!(self.state, State::Sound)
    }

    /// What is due by the clock: the sync of `everysec`, another try on a full disk.
    pub fn tick(&mut self, now: Now) {
        match self.state {
            State::Poisoned(_) => {}
            // A full disk still takes a sync of what has been written.
            _ if self.due_sync().is_some_and(|due| now.instant >= due) => self.sync(now),
            State::Full { since_try } if now.instant - since_try >= RETRY_EVERY => self.retry(now),
            _ => {}
        }
    }

    /// When `tick` has something to do; `None` if never.
    pub fn due(&self) -> Option<Instant> {
        match self.state {
            State::Sound => self.due_sync(),
            State::Full { since_try } => {
                let retry = since_try + RETRY_EVERY;
                Some(self.due_sync().map_or(retry, |sync| sync.min(retry)))
            }
            State::Poisoned(_) => None,
        }
    }

    fn due_sync(&self) -> Option<Instant> {
        let waiting = self.policy == Policy::Everysec && self.synced < self.segment.written;
        waiting.then(|| self.last_sync + SYNC_EVERY)
    }

    /// Writes the closed group.
    fn write(&mut self, now: Now) {
        let Written { records, bytes } = match self.segment.write() {
            Ok(written) => written,
            Err(error) => return self.write_failed(&error, now),
        };
        let stats = &self.shared.stats;
        stats.records.fetch_add(records, Relaxed);
        stats.groups.fetch_add(1, Relaxed);
        stats.group_records.note(records);
        stats.written_bytes.fetch_add(bytes, Relaxed);
        stats.size_bytes.fetch_add(bytes, Relaxed);
        self.shrink_backlog();
        if self.policy == Policy::Always {
            self.sync(now);
        }
    }

    /// Tries a full disk again.
    fn retry(&mut self, now: Now) {
        self.state = State::Sound;
        self.write(now);
        if self.is_sound() {
            self.shared.set_health(Health::Writable);
        }
        // What was set aside meanwhile is written now; or dropped, if the disk has failed for good.
        self.admit();
        self.commit(now);
    }

    /// The group is done with, whether it is written or given up.
    fn shrink_backlog(&mut self) {
        let bytes = mem::take(&mut self.backlog_bytes);
        self.shared.backlog_bytes.fetch_sub(bytes, Release);
    }

    fn sync_if_behind(&mut self, now: Now) {
        if !matches!(self.state, State::Poisoned(_)) && !self.segment.is_synced() {
            self.sync(now);
        }
    }

    /// Syncs what is written and publishes it.
    pub(super) fn sync(&mut self, now: Now) {
        let started = Instant::now();
        let result = self.segment.sync();
        let stats = &self.shared.stats;
        stats.syncs.fetch_add(1, Relaxed);
        let took = started.elapsed();
        stats.last_sync_us.store(took.as_micros() as u64, Relaxed);
        stats.sync_nanos.note(took.as_nanos() as u64);
        self.last_sync = now.instant;
        match result {
            Ok(()) => {
                self.synced = self.segment.written;
                stats.synced_ms.store(self.segment.last_ms, Relaxed);
                self.publish();
                (self.notify)(Event::Durable(self.synced));
                (self.notify)(Event::Synced(took));
            }
            Err(error) => self.sync_failed(&error),
        }
    }

    /// The system may have dropped the pages and call the next sync a success: nothing after it can be believed.
    fn sync_failed(&mut self, error: &io::Error) {
        if self.policy == Policy::Always {
            // Nobody was told of these records. If they stayed readable without being on disk, the next start
            // would take them for durable. Failing at this too changes nothing for those who wait.
            let _ = self.segment.drop_unsynced();
        }
        self.poison(format!("syncing {}: {}", self.segment.name, reason(error)));
    }

    /// Stores what readers of the log may rely on.
    fn publish(&self) {
        self.shared.publish(self.synced, self.policy == Policy::Always);
    }

    fn write_failed(&mut self, error: &io::Error, now: Now) {
        let why = format!("writing {}: {}", self.segment.name, reason(error));
        if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return self.poison(why);
        }
        if let Err(error) = self.segment.drop_part() {
            return self.poison(format!("{why}; truncating it back: {}", reason(&error)));
        }
        self.state = State::Full { since_try: now.instant };
        // The space that a compaction takes is the first to be given back.
        self.abandon_compaction(&why);
        self.refuse(why);
    }

    pub(super) fn poison(&mut self, reason: String) {
        self.abandon_compaction(&reason);
        self.state = State::Poisoned(reason);
        self.drop_group();
    }

    fn refuse(&mut self, reason: String) {
        self.shared.set_health(Health::Refusing(reason.clone()));
        (self.notify)(Event::Failed { durable: self.synced, reason });
    }

    /// Answers for records that will never be written.
    fn drop_group(&mut self) {
        self.segment.forget_group();
        self.shrink_backlog();
        if let State::Poisoned(reason) = &self.state {
            let reason = reason.clone();
            self.refuse(reason);
        }
    }

    /// Has every record that is numbered by now written and synced, whatever the policy; then says where the log ends.
    pub fn sync_all(&mut self, reply: Option<Sender<Located>>, now: Now) {
        self.wanted = self.shared.last_seq();
        self.asked.extend(reply.map(|reply| (self.wanted, reply)));
        self.commit(now);
    }

    fn answer(&mut self, now: Now) {
        if self.synced < self.wanted {
            self.sync_if_behind(now);
        }
        if self.asked.is_empty() {
            return;
        }
        let located = match &self.state {
            State::Sound => Ok(End {
                segment: self.segment.name.clone(),
                size_bytes: self.segment.size_bytes,
                seq: self.segment.written,
            }),
            State::Full { .. } => Err("no space left on the device".to_owned()),
            State::Poisoned(reason) => Err(reason.clone()),
        };
        let synced = if located.is_ok() { self.synced } else { Seq::MAX };
        for (_, reply) in self.asked.extract_if(.., |(seq, _)| *seq <= synced) {
            // Whoever asked may have gone.
            let _ = reply.send(located.clone());
        }
    }

    /// Takes up another policy; what the stricter one promises is made true first.
    pub fn set_policy(&mut self, policy: Policy, now: Now) {
        self.sync_if_behind(now);
        self.policy = policy;
        self.publish();
        (self.notify)(Event::Durable(self.shared.durable()));
    }

    /// Writes and syncs everything taken, and a last mark that vouches for it all. The error says what is lost.
    pub fn close(mut self, now: Now) -> Result<(), String> {
        self.commit(now);
        if matches!(self.state, State::Full { .. }) {
            self.retry(now);
        }
        self.sync_if_behind(now);
        if self.is_sound() && self.segment.unclosed {
            self.segment.close_group(now.unix_ms);
            self.write(now);
            self.sync_if_behind(now);
        }
        self.abandon_compaction("the log was closed");
        match self.state {
            State::Sound if self.waiting.is_empty() => Ok(()),
            State::Sound => Err(format!("record {} was numbered, but never came", self.segment.last() + 1)),
            State::Full { .. } => Err("there is still no space for the last records".to_owned()),
            State::Poisoned(reason) => Err(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::testing::memory::{Faults, MemoryStorage};
    use crate::aof::testing::recover;
    use crate::keyspace::effects::Effects;

    fn writer(storage: &MemoryStorage, now: Now) -> Writer {
        Writer::new(recover(storage).unwrap().1, Policy::No, Box::new(|_| {}), now)
    }

    fn take(writer: &mut Writer, first: Seq, value_bytes: usize) {
        let mut effects = Effects::new();
        effects.push(0, &[b"SET", b"key", &vec![b'v'; value_bytes]]);
        writer.shared.backlog_bytes.fetch_add(effects.size_bytes(), Relaxed);
        writer.take(Batch::of(first, 0, effects));
    }

    #[test]
    fn a_full_disk_that_then_fails_leaves_nothing_waiting() {
        let storage = MemoryStorage::new(1);
        let now = Now { unix_ms: 1000, instant: Instant::now() };
        let mut writer = writer(&storage, now);
        storage.set_faults(Faults { capacity: Some(0), ..Faults::default() });
        for first in 1..=10 {
            take(&mut writer, first, limits::LOG_GROUP / 4);
            writer.commit(now);
        }
        assert!(matches!(writer.state, State::Full { .. }));
        assert!(!writer.waiting.is_empty());
        storage.set_faults(Faults { write_error_every: 1, ..Faults::default() });
        writer.tick(Now { instant: now.instant + RETRY_EVERY, ..now });
        assert!(matches!(writer.state, State::Poisoned(_)));
        assert!(writer.waiting.is_empty());
        assert_eq!(writer.shared.backlog_bytes.load(Relaxed), 0, "or no socket is ever read again");
    }

    /// A thread has drawn a number, and has not sent its record yet.
    #[test]
    fn a_sync_that_is_asked_for_covers_what_is_numbered() {
        let now = Now { unix_ms: 1000, instant: Instant::now() };
        let mut writer = writer(&MemoryStorage::new(1), now);
        writer.shared.next.0.fetch_add(2, Relaxed);
        take(&mut writer, 2, 10);
        let (reply, located) = crossbeam_channel::bounded(1);
        writer.sync_all(Some(reply), now);
        assert!(located.try_recv().is_err(), "record 1 is missing");
        take(&mut writer, 1, 10);
        writer.commit(now);
        assert_eq!((writer.synced, located.try_recv().unwrap().unwrap().seq), (2, 2));
    }

    #[test]
    fn a_full_disk_is_synced_all_the_same() {
        let storage = MemoryStorage::new(1);
        let now = Now { unix_ms: 1000, instant: Instant::now() };
        let mut writer = writer(&storage, now);
        writer.set_policy(Policy::Everysec, now);
        take(&mut writer, 1, 10);
        writer.commit(now);
        storage.set_faults(Faults { capacity: Some(0), ..Faults::default() });
        take(&mut writer, 2, 10);
        writer.commit(now);
        assert!(matches!(writer.state, State::Full { .. }));
        assert_eq!(writer.synced, 0);
        assert_eq!(writer.due(), Some(now.instant + SYNC_EVERY));
        writer.tick(Now { instant: now.instant + SYNC_EVERY, ..now });
        assert_eq!(writer.synced, 1, "what was acknowledged");
        assert!(matches!(writer.state, State::Full { .. }));
    }

    #[test]
    fn emptied_batches_are_few_and_not_large() {
        let now = Now { unix_ms: 1000, instant: Instant::now() };
        let mut writer = writer(&MemoryStorage::new(1), now);
        for first in 1..=100 {
            take(&mut writer, first, (first as usize % 3) * limits::LOG_GROUP);
            writer.commit(now);
        }
        assert_eq!(writer.segment.written, 100);
        assert!(writer.waiting.is_empty());
        assert!(writer.spare.len() <= SPARE_MAX);
        assert!(writer.spare.iter().all(Batch::is_worth_keeping));
    }
}
