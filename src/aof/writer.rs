//! What the thread `aof` does, without the thread: puts appended effects in order, closes them in commit groups,
//! writes and syncs those, and tells who waits.
//!
//! ```text
//!  appended, nearly in order ──► early (gaps) ──► group: text ──► one append ──► sync ──► Event::Durable
//!                                                   ▲                 │ no space: truncate, keep the group,
//!                                                   └─────────────────┘ try again in a second
//!                                                                     │ anything else: poisoned for good
//! ```
//!
//! Time comes in from outside and nothing here blocks but the storage, so that the crash tests replay from a seed.

use super::mark;
use super::record;
use super::recovery::Recovered;
use super::stats::Shared;
use super::storage::{Appender, Storage};
use super::{Event, Policy};
use crate::execute::log::{Health, Seq};
use crate::keyspace::effects::Effects;
use crate::limits;
use crc32fast::Hasher;
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

/// What the clocks say.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub unix_ms: u64,
    pub instant: Instant,
}

/// The effects of one command or one transaction, numbered.
pub struct Appended {
    pub first: Seq,
    pub effects: Effects,
}

/// A segment open for writing, behind its last whole group.
struct Segment {
    name: String,
    file: Box<dyn Appender>,
    /// To the end of the last group, and of the last one that is there for certain.
    size_bytes: u64,
    synced_bytes: u64,
    /// The database that the next line would belong to.
    db: u8,
    /// Its last group holds records: a bit that rots in it would look torn.
    unclosed: bool,
}

pub struct Writer {
    segment: Segment,
    /// What the segment holds since its last mark: nothing, or its header.
    before_group: Hasher,
    group: Group,
    /// The number of the next record to go into a group.
    next: Seq,
    /// Effects that overtook others between being numbered and being sent.
    early: BTreeMap<Seq, Effects>,
    /// The last record in the segment, and the last one that is there for certain.
    written: Seq,
    synced: Seq,
    last_ms: u64,
    last_sync: Instant,
    policy: Policy,
    state: State,
    /// The backlog has been over its limit since the edge was last told that it is not.
    overflowed: bool,
    shared: Arc<Shared>,
    notify: Box<dyn FnMut(Event) + Send>,
    /// Keeps the directory locked.
    _claim: Arc<dyn Storage>,
}

/// Records that will be written together.
#[derive(Default)]
struct Group {
    /// Lines; once closed, the last is the mark.
    text: Vec<u8>,
    records: u64,
    /// What the records count for in the backlog.
    backlog_bytes: usize,
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
        let Recovered { manifest, segment: file, end, report, claim } = recovered;
        let name = manifest.growing().name.clone();
        let size_bytes = end.end.offset;
        let header_only = size_bytes == mark::HEADER.len() as u64;
        let writer = Self {
            segment: Segment {
                name,
                file,
                size_bytes,
                synced_bytes: size_bytes,
                db: end.db,
                unclosed: !end.closed,
            },
            before_group: if header_only { mark::after_header() } else { Hasher::new() },
            group: Group::default(),
            next: end.seq + 1,
            early: BTreeMap::new(),
            written: end.seq,
            synced: end.seq,
            last_ms: end.last_ms,
            last_sync: now.instant,
            policy,
            state: State::Sound,
            overflowed: false,
            shared: Arc::new(Shared::new(end.seq)),
            notify,
            _claim: claim,
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
            State::Sound => self.group.text.len() < limits::LOG_GROUP,
            // They are set aside or dropped.
            State::Full { .. } | State::Poisoned(_) => true,
        }
    }

    /// Takes effects in any order; only an unbroken row of numbers goes into the group.
    pub fn take(&mut self, Appended { first, effects }: Appended) {
        if first == self.next && !matches!(self.state, State::Full { .. }) {
            self.encode(&effects);
            self.admit_early();
        } else {
            self.early.insert(first, effects);
        }
    }

    fn admit_early(&mut self) {
        while let Some(entry) = self.early.first_entry().filter(|entry| *entry.key() == self.next) {
            let effects = entry.remove();
            self.encode(&effects);
        }
    }

    fn encode(&mut self, effects: &Effects) {
        let group = &mut self.group;
        self.next += u64::from(effects.records());
        group.records += u64::from(effects.records());
        group.backlog_bytes += effects.size_bytes();
        if matches!(self.state, State::Poisoned(_)) {
            return;
        }
        if group.text.is_empty() && self.synced < self.written {
            mark::push_synced(&mut group.text, self.synced);
        }
        for record in effects.iter() {
            record::push(&mut group.text, record, &mut self.segment.db);
        }
    }

    /// Closes and writes the group, if there is one.
    pub fn commit(&mut self, now: Now) {
        if self.group.records == 0 {
            return;
        }
        match self.state {
            State::Sound => {
                self.close_group(now.unix_ms);
                self.write(now);
            }
            // Waits for `tick`.
            State::Full { .. } => {}
            State::Poisoned(_) => self.drop_group(),
        }
    }

    fn close_group(&mut self, unix_ms: u64) {
        self.last_ms = self.last_ms.max(unix_ms);
        mark::push(&mut self.group.text, &self.before_group, self.next - 1, self.last_ms);
    }

    /// What is due by the clock: the sync of `everysec`, another try on a full disk.
    pub fn tick(&mut self, now: Now) {
        match self.state {
            State::Full { since_try } if now.instant - since_try >= RETRY_EVERY => self.retry(now),
            State::Sound if self.due_sync().is_some_and(|due| now.instant >= due) => self.sync(now),
            _ => {}
        }
    }

    /// When `tick` has something to do; `None` if never.
    pub fn due(&self) -> Option<Instant> {
        match self.state {
            State::Sound => self.due_sync(),
            State::Full { since_try } => Some(since_try + RETRY_EVERY),
            State::Poisoned(_) => None,
        }
    }

    fn due_sync(&self) -> Option<Instant> {
        let waiting = self.policy == Policy::Everysec && self.synced < self.written;
        waiting.then(|| self.last_sync + SYNC_EVERY)
    }

    /// Writes the closed group.
    fn write(&mut self, now: Now) {
        if let Err(error) = self.segment.file.append(&self.group.text) {
            return self.write_failed(&error, now);
        }
        let group = &self.group;
        let stats = &self.shared.stats;
        let bytes = group.text.len() as u64;
        self.segment.size_bytes += bytes;
        self.before_group = Hasher::new();
        self.written = self.next - 1;
        self.segment.unclosed = group.records > 0;
        stats.records.fetch_add(group.records, Relaxed);
        stats.groups.fetch_add(1, Relaxed);
        stats.written_bytes.fetch_add(bytes, Relaxed);
        stats.size_bytes.fetch_add(bytes, Relaxed);
        self.empty_group();
        if self.policy == Policy::Always {
            self.sync(now);
        }
    }

    /// Tries a full disk again.
    fn retry(&mut self, now: Now) {
        self.state = State::Sound;
        self.write(now);
        if matches!(self.state, State::Sound) {
            self.shared.set_health(Health::Writable);
            (self.notify)(Event::Healed(self.written));
            self.admit_early();
            self.commit(now);
        }
    }

    fn empty_group(&mut self) {
        let room = mem::take(&mut self.group.text);
        let backlog_bytes = mem::take(&mut self.group).backlog_bytes;
        // One huge transaction must not keep its room forever.
        if room.capacity() <= 2 * limits::LOG_GROUP {
            self.group.text = room;
            self.group.text.clear();
        }
        self.shrink_backlog(backlog_bytes);
    }

    fn shrink_backlog(&mut self, bytes: usize) {
        let before = self.shared.backlog_bytes.fetch_sub(bytes, Release);
        self.overflowed |= before > limits::LOG_BACKLOG_MAX;
        if self.overflowed && before - bytes < limits::LOG_BACKLOG_MAX / 2 {
            self.overflowed = false;
            (self.notify)(Event::Drained);
        }
    }

    /// Syncs what is written and publishes it.
    fn sync(&mut self, now: Now) {
        let started = Instant::now();
        let result = self.segment.file.sync();
        let stats = &self.shared.stats;
        stats.syncs.fetch_add(1, Relaxed);
        stats.last_sync_us.store(started.elapsed().as_micros() as u64, Relaxed);
        self.last_sync = now.instant;
        match result {
            Ok(()) => {
                self.synced = self.written;
                self.segment.synced_bytes = self.segment.size_bytes;
                stats.synced_ms.store(self.last_ms, Relaxed);
                self.publish();
                (self.notify)(Event::Durable(self.synced));
            }
            Err(error) => self.sync_failed(&error),
        }
    }

    /// The system may have dropped the pages and call the next sync a success: nothing after it can be believed.
    fn sync_failed(&mut self, error: &io::Error) {
        if self.policy == Policy::Always {
            // Nobody was told of these records. If they stayed readable without being on disk, the next start
            // would take them for durable. Failing at this too changes nothing for those who wait.
            let _ = self.segment.file.truncate(self.segment.synced_bytes);
        }
        self.poison(format!("syncing {}: {error}", self.segment.name));
    }

    /// Stores what readers of the log may rely on.
    fn publish(&self) {
        self.shared.stats.synced_seq.store(self.synced, Relaxed);
        let durable = if self.policy == Policy::Always { self.synced } else { Seq::MAX };
        self.shared.durable.store(durable, Release);
    }

    fn write_failed(&mut self, error: &io::Error, now: Now) {
        let reason = format!("writing {}: {error}", self.segment.name);
        if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return self.poison(reason);
        }
        if let Err(error) = self.segment.file.truncate(self.segment.size_bytes) {
            return self.poison(format!("{reason}; truncating it back: {error}"));
        }
        self.state = State::Full { since_try: now.instant };
        self.refuse(reason);
    }

    fn poison(&mut self, reason: String) {
        self.state = State::Poisoned(reason);
        self.drop_group();
    }

    fn refuse(&mut self, reason: String) {
        self.shared.set_health(Health::Refusing(reason.clone()));
        (self.notify)(Event::Failed { durable: self.synced, reason });
    }

    /// Answers for records that will never be written.
    fn drop_group(&mut self) {
        self.empty_group();
        if let State::Poisoned(reason) = &self.state {
            let reason = reason.clone();
            self.refuse(reason);
        }
    }

    /// Takes up another policy; what the stricter one promises is made true first.
    pub fn set_policy(&mut self, policy: Policy, now: Now) {
        if matches!(self.state, State::Sound) && self.synced < self.written {
            self.sync(now);
        }
        self.policy = policy;
        self.publish();
        (self.notify)(Event::Durable(self.shared.durable.load(Relaxed)));
    }

    /// Writes and syncs everything taken, and a last mark that vouches for it all. The error says what is lost.
    pub fn close(mut self, now: Now) -> Result<(), String> {
        self.commit(now);
        if matches!(self.state, State::Full { .. }) {
            self.retry(now);
        }
        if matches!(self.state, State::Sound) && self.synced < self.written {
            self.sync(now);
        }
        if matches!(self.state, State::Sound) && self.segment.unclosed {
            self.close_group(now.unix_ms);
            self.write(now);
            self.sync(now);
        }
        match self.state {
            State::Sound if self.early.is_empty() => Ok(()),
            State::Sound => Err(format!("record {} was numbered, but never came", self.next)),
            State::Full { .. } => Err("there is still no space for the last records".to_owned()),
            State::Poisoned(reason) => Err(reason),
        }
    }
}
