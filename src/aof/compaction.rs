//! A shorter log that says the same, made while writing goes on.
//!
//! ```text
//!                      begin                                      switch
//! before   segment 4 ────┬────────────── every record ──────────────┬─ goes (or stays, if it is to be kept)
//!                        │                                          │
//! new                    ├─ base 5: shard by shard, as each is cut ─┤
//!                        ├─ delta 6: records of shards already cut ─┤
//!                        │                                          ├─ segment 7 ── every record ──►
//! MANIFEST  4            4, unused 5 6 7                            5 6 7, unused 4
//! ```
//!
//! Until the switch the log is what it was before, whole: a crash, a full disk or a change of mind at any point costs
//! nothing but the new files. At the switch every record is either in the base, because its shard was cut after it was
//! appended, or in the delta. So no moment needs two growing files, and each group costs one sync, not two; the price is
//! that records of cut shards are written twice while the base grows.
//!
//! The keyspace side: ask for [`Compaction::generation`]; then, shard by shard and under the shard's lock, collect the
//! shard as effects and remember the generation in it; out of the lock, hand them to [`Compaction::write`]. An append
//! names the newest generation of its shards; if that is the running one and not that of all, the others are cut first.

use super::error::{Doing, Error, Result};
use super::log_file::LogFile;
use super::manifest::{Entry, Kind, Manifest};
use super::stats::Shared;
use super::storage::Storage;
use super::writer::{Now, Writer};
use crate::execute::log::Seq;
use crate::keyspace::effects::Effects;
use crate::limits;
use crate::machine::reason;
use crossbeam_channel::{Receiver, RecvError, Sender, bounded};
use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, PoisonError};

/// The directory, seen from outside the thread `aof`.
pub struct Catalog {
    pub storage: Arc<dyn Storage>,
    manifest: Mutex<Manifest>,
    running: AtomicBool,
    /// The last compaction begun.
    generation: AtomicU32,
}

/// Bytes of a delta's group that are worth a write.
const DELTA_WRITE_BYTES: usize = 64 << 10;

/// How a compaction reaches the thread `aof`.
pub enum Step {
    Begin(Delta),
    Finish(Box<Switch>),
    Abandon { generation: u32 },
}

/// What has changed in the shards that are in the base.
pub struct Delta {
    pub generation: u32,
    pub file: LogFile,
}

/// The last step of a compaction.
pub struct Switch {
    generation: u32,
    /// Records up to this one must be written before; all that belong to no delta are among them.
    at: Seq,
    base: LogFile,
    segment: LogFile,
    /// What is to become of the files before: the newest so many states are kept.
    keep: usize,
    manifest: Manifest,
    reply: Sender<Outcome>,
}

/// How a switch went.
type Outcome = std::result::Result<Manifest, Refusal>;

pub struct Refusal {
    why: String,
    /// It may have been made all the same: no file may be removed.
    uncertain: bool,
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { why, uncertain: false }
    }
}

/// A running compaction. Dropping it abandons it.
pub struct Compaction {
    catalog: Arc<Catalog>,
    shared: Arc<Shared>,
    send: Box<dyn Fn(Step) + Send>,
    generation: u32,
    base: Option<LogFile>,
    names: [String; 3],
}

/// What a compaction came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    pub base_bytes: u64,
    pub base_records: u64,
}

impl Catalog {
    pub fn new(storage: Arc<dyn Storage>, manifest: Manifest) -> Self {
        Self {
            storage,
            manifest: Mutex::new(manifest),
            running: AtomicBool::new(false),
            generation: AtomicU32::new(0),
        }
    }

    pub(super) fn manifest(&self) -> Manifest {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_manifest(&self, manifest: Manifest) {
        *self.manifest.lock().unwrap_or_else(PoisonError::into_inner) = manifest;
    }
}

impl Compaction {
    /// Makes the new files and tells the thread of them.
    pub fn begin(catalog: Arc<Catalog>, shared: Arc<Shared>, send: Box<dyn Fn(Step) + Send>) -> Result<Self> {
        if catalog.running.swap(true, Acquire) {
            return Err(Error::Busy("a compaction is running already".to_owned()));
        }
        let generation = catalog.generation.fetch_add(1, Relaxed) + 1;
        // From here on dropping it tidies up.
        let names = [const { String::new() }; 3];
        let mut compaction = Self { catalog, shared, send, generation, base: None, names };
        compaction.create()?;
        Ok(compaction)
    }

    fn create(&mut self) -> Result<()> {
        let storage = &*self.catalog.storage;
        let mut manifest = self.catalog.manifest();
        let listed = storage.list().doing("listing", "the directory")?;
        let first = manifest.next_number(&listed);
        let names = [(Kind::Base, first), (Kind::Delta, first + 1), (Kind::Segment, first + 2)]
            .map(|(kind, number)| kind.file_name(number));
        manifest.unused.retain(|name| listed.contains(name));
        manifest.unused.extend_from_slice(&names);
        manifest.store(storage)?;
        self.catalog.set_manifest(manifest);
        let [base, delta, _] = names.clone();
        self.names = names;
        self.base = Some(LogFile::create(storage, base, 0)?);
        let file = LogFile::create(storage, delta, 0)?;
        (self.send)(Step::Begin(Delta { generation: self.generation, file }));
        Ok(())
    }

    /// What an append must name from now on if all its shards are in the base.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Adds records to the base. Writes now and then, so not to be called under a lock.
    pub fn write(&mut self, effects: &Effects, unix_ms: u64) -> Result<()> {
        if self.shared.lost_compaction.load(Relaxed) == self.generation {
            return Err(lost("the log could not be written meanwhile"));
        }
        let Some(base) = &mut self.base else { return Ok(()) };
        base.push(effects.all(), Seq::MAX);
        if base.group_bytes() < limits::LOG_GROUP {
            return Ok(());
        }
        base.close_group(unix_ms);
        base.write().map(drop).doing("writing", &base.name)
    }

    /// The base is complete: makes it, what followed and a new segment the log. Of the states before, the
    /// newest `keep` stay restorable.
    pub fn finish(mut self, keep: usize, unix_ms: u64) -> Result<Compacted> {
        let requested = self.request_switch(keep, unix_ms)?;
        let outcome = requested.outcome.recv();
        self.conclude(requested, outcome)
    }

    pub(super) fn request_switch(&mut self, keep: usize, unix_ms: u64) -> Result<Requested> {
        let storage = &*self.catalog.storage;
        let Some(mut base) = self.base.take() else { return Err(lost("its base was not written")) };
        base.close_group(unix_ms);
        base.write().doing("writing", &base.name)?;
        base.sync().doing("syncing", &base.name)?;
        // Most of the delta reaches the disk here, while the thread goes on; little is left for it to wait for.
        let [_, delta, segment] = &self.names;
        storage.open(delta).and_then(|mut delta| delta.sync()).doing("syncing", delta)?;
        let segment = LogFile::create(storage, segment.clone(), 0)?;
        let compacted = Compacted { base_bytes: base.size_bytes, base_records: base.written };
        let (reply, outcome) = bounded(1);
        let (generation, at, manifest) = (self.generation, self.shared.last_seq(), self.catalog.manifest());
        let switch = Switch { generation, at, base, segment, keep, manifest, reply };
        (self.send)(Step::Finish(Box::new(switch)));
        // From here on the files may be the log: they are no longer removed on the way out.
        Ok(Requested { compacted, names: std::mem::take(&mut self.names), outcome })
    }

    pub(super) fn conclude(
        mut self,
        Requested { compacted, names, .. }: Requested,
        outcome: std::result::Result<Outcome, RecvError>,
    ) -> Result<Compacted> {
        let manifest = match outcome {
            Ok(Ok(manifest)) => manifest,
            Ok(Err(Refusal { why, uncertain: true })) => return Err(lost(&why)),
            Ok(Err(Refusal { why, uncertain: false })) => {
                self.names = names;
                return Err(lost(&why));
            }
            Err(RecvError) => return Err(lost("the log was closed")),
        };
        for name in &manifest.unused {
            // What stays is named as unused and goes at the next start.
            let _ = self.catalog.storage.remove(name);
        }
        self.catalog.set_manifest(manifest);
        Ok(compacted)
    }
}

/// A switch that the thread has been asked for.
pub struct Requested {
    compacted: Compacted,
    names: [String; 3],
    pub outcome: Receiver<Outcome>,
}

fn lost(why: &str) -> Error {
    Error::Storage { doing: "compacting the log".to_owned(), error: io::Error::other(why.to_owned()) }
}

impl Drop for Compaction {
    fn drop(&mut self) {
        (self.send)(Step::Abandon { generation: self.generation });
        for name in self.names.iter().filter(|name| !name.is_empty()) {
            // Most often it is there or never was; what stays is named as unused and goes at the next start.
            let _ = self.catalog.storage.remove(name);
        }
        self.catalog.running.store(false, Release);
    }
}

/// The thread's part.
impl Writer {
    pub fn compaction_step(&mut self, step: Step) {
        match step {
            Step::Begin(delta) => self.begin(delta),
            Step::Finish(switch) if self.delta_is(switch.generation) => self.switch = Some(*switch),
            Step::Finish(switch) => switch.refuse("the log could not be written meanwhile"),
            Step::Abandon { generation } if self.delta_is(generation) => self.delta = None,
            Step::Abandon { .. } => {}
        }
    }

    fn begin(&mut self, delta: Delta) {
        self.generation = delta.generation;
        if self.is_sound() {
            self.delta = Some(delta);
        } else {
            self.shared.lost_compaction.store(delta.generation, Relaxed);
        }
        // Records that name it may have come before.
        self.admit();
    }

    fn delta_is(&self, generation: u32) -> bool {
        self.delta.as_ref().is_some_and(|delta| delta.generation == generation)
    }

    /// Gives a running compaction up; the log is what it was before.
    pub fn abandon_compaction(&mut self, why: &str) {
        if let Some(delta) = self.delta.take() {
            self.shared.lost_compaction.store(delta.generation, Relaxed);
        }
        if let Some(switch) = self.switch.take() {
            switch.refuse(why);
        }
    }

    /// Writes the delta's share, and makes the switch once it is due.
    pub fn advance_compaction(&mut self, now: Now) {
        let Some(delta) = &mut self.delta else { return };
        if delta.file.group_bytes() >= DELTA_WRITE_BYTES {
            delta.file.close_group(now.unix_ms);
            if let Err(error) = delta.file.write() {
                let why = format!("writing {}: {}", delta.file.name, reason(&error));
                return self.abandon_compaction(&why);
            }
        }
        let Some(switch) = self.switch.take_if(|switch| switch.at <= self.segment.written) else { return };
        let Some(delta) = self.delta.take() else { return };
        let reply = switch.reply.clone();
        let outcome = self.switch_over(switch, delta.file, now);
        // Nobody waits if the compaction was dropped; its files are named as unused by either manifest.
        let _ = reply.send(outcome);
    }

    fn switch_over(&mut self, switch: Switch, mut delta: LogFile, now: Now) -> Outcome {
        // An empty group, if need be: its mark says when the state that base and delta describe was reached.
        delta.close_group(now.unix_ms);
        let complete = delta.write().and_then(|_| delta.sync());
        complete.map_err(|error| format!("writing {}: {}", delta.name, reason(&error)))?;
        self.sync(now);
        if !self.is_sound() {
            return Err("the log has failed".to_owned().into());
        }
        let Switch { base, segment, keep, mut manifest, .. } = switch;
        manifest.succeed(&base, &delta, &segment.name, self.segment.written, keep);
        manifest.prepare(&*self.storage).map_err(|error| error.to_string())?;
        if let Err(error) = Manifest::replace(&*self.storage) {
            // Which files the next start will read is unknown: nothing can be promised in either.
            let why = error.to_string();
            self.poison(why.clone());
            return Err(Refusal { why, uncertain: true });
        }
        self.segment = segment.behind(&self.segment);
        let stats = &self.shared.stats;
        let base_bytes = base.size_bytes + delta.size_bytes;
        stats.base_bytes.store(base_bytes, Relaxed);
        stats.size_bytes.store(base_bytes + self.segment.size_bytes, Relaxed);
        Ok(manifest)
    }
}

impl Switch {
    fn refuse(self, why: &str) {
        // Nobody waits if the compaction was dropped.
        let _ = self.reply.send(Err(why.to_owned().into()));
    }
}

impl Manifest {
    /// Puts a base, its delta and a new segment in the place of the files before, whose last record is `last`.
    fn succeed(&mut self, base: &LogFile, delta: &LogFile, segment: &str, last: Seq, keep: usize) {
        if let Some(growing) = self.entries.last_mut() {
            growing.last = Some(last);
        }
        let kept = self.entries.split_off(self.start_of_kept(keep));
        let replaced = std::mem::replace(&mut self.entries, kept);
        // What earlier ones have left behind is still to be removed; what this one has made is needed now.
        self.unused.retain(|name| ![&base.name[..], &delta.name, segment].contains(&name.as_str()));
        self.unused.extend(replaced.into_iter().map(|entry| entry.name));
        let complete = |kind, file: &LogFile| Entry {
            kind,
            name: file.name.clone(),
            first: 1,
            last: Some(file.written),
        };
        let segment = Entry { kind: Kind::Segment, name: segment.to_owned(), first: last + 1, last: None };
        self.entries.extend([complete(Kind::Base, base), complete(Kind::Delta, delta), segment]);
    }

    /// Where the last `keep` states begin: each at its base, the first of all at the start.
    fn start_of_kept(&self, keep: usize) -> usize {
        let starts =
            self.entries.iter().enumerate().filter(|(at, entry)| *at == 0 || entry.kind == Kind::Base);
        let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
        starts
            .len()
            .checked_sub(keep)
            .map_or(0, |dropped| starts.get(dropped).copied().unwrap_or(self.entries.len()))
    }
}
