//! Thousands of short lives of a log on a disk that fails, each from one seed.
//!
//! After every end of a life, clean, killed or without power, in the middle of a compaction or not, the log is recovered
//! and must hold a prefix of what was appended, cut between commands, with everything in it that had been called durable.

use super::memory::{Faults, MemoryStorage, Random};
use crate::aof::batch::Batch;
use crate::aof::compaction::{Catalog, Compaction, Requested, Step};
use crate::aof::recovery::{self, Recovered};
use crate::aof::writer::{Now, Writer};
use crate::aof::{Error, Event, Policy};
use crate::execute::log::Seq;
use crate::keyspace::effects::Effects;
use crate::protocol::Words;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const HISTORIES: u64 = 4_000;
/// Of a keyspace that is cut shard by shard.
const SHARDS: usize = 4;

#[test]
fn whatever_the_disk_does_promises_are_kept() {
    let mut switches = 0;
    for seed in 0..HISTORIES {
        // A panic inside names the seed; `History::new(seed).run()` replays it.
        let _name = NameOnPanic(seed);
        let mut history = History::new(seed);
        history.run();
        switches += history.switches;
    }
    assert!(switches > HISTORIES / 10, "only {switches} compactions came to their end");
}

struct NameOnPanic(u64);

impl Drop for NameOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the failing seed is {}", self.0);
        }
    }
}

/// Database and number.
type Key = (u8, u64);

#[derive(Clone)]
enum Change {
    Set(String),
    Append(String),
    Remove,
}

/// What one command did: changes that are there all or none.
type Unit = Vec<(Key, Change)>;
type State = BTreeMap<Key, String>;

fn apply(state: &mut State, unit: &[(Key, Change)]) {
    for (key, change) in unit {
        match change {
            Change::Set(value) => drop(state.insert(*key, value.clone())),
            // Not the same when it is done twice.
            Change::Append(value) => state.entry(*key).or_default().push_str(value),
            Change::Remove => drop(state.remove(key)),
        }
    }
}

fn push(effects: &mut Effects, (db, key): Key, change: &Change) {
    let key = format!("key {key}");
    match change {
        Change::Set(value) => effects.push(db, &[b"SET", key.as_bytes(), value.as_bytes()]),
        Change::Append(value) => effects.push(db, &[b"APPEND", key.as_bytes(), value.as_bytes()]),
        Change::Remove => effects.push(db, &[b"DEL", key.as_bytes()]),
    }
}

fn parse(words: Words<'_>) -> (u64, Change) {
    let words: Vec<&str> = words.iter().map(|word| str::from_utf8(word).unwrap()).collect();
    let key = words[1].strip_prefix("key ").unwrap().parse().unwrap();
    let change = match words[0] {
        "SET" => Change::Set(words[2].to_owned()),
        "APPEND" => Change::Append(words[2].to_owned()),
        _ => Change::Remove,
    };
    (key, change)
}

fn shard_of(key: Key) -> usize {
    key.1 as usize % SHARDS
}

struct History {
    random: Random,
    storage: MemoryStorage,
    /// Everything appended that may still be there, in order.
    units: Vec<Unit>,
    /// What they come to.
    state: State,
    appended: u64,
    switches: u64,
    /// The disk may fail in this life.
    faulty: bool,
    /// One in so many appends is not sent at once.
    held_back_every: u64,
    clock: Now,
    promises: Arc<Promises>,
}

#[derive(Default)]
struct Promises {
    durable: Mutex<Seq>,
    /// The policy answers clients before a sync.
    answers_early: AtomicBool,
    /// A sync has failed after clients had been answered so.
    broken: AtomicBool,
}

impl Promises {
    fn hear(&self, event: Event) {
        match event {
            Event::Durable(Seq::MAX) | Event::Synced(_) => {}
            Event::Durable(seq) => *self.durable.lock().unwrap() = seq,
            Event::Failed { durable, reason } => {
                assert!(durable >= *self.durable.lock().unwrap());
                let broken = reason.starts_with("syncing") && self.answers_early.load(Relaxed);
                self.broken.fetch_or(broken, Relaxed);
            }
        }
    }
}

/// One command's effects, numbered.
struct Appended {
    first: Seq,
    generation: u32,
    effects: Effects,
}

/// One process, from its start to its end.
struct Life {
    writer: Writer,
    catalog: Arc<Catalog>,
    steps: Arc<Mutex<Vec<Step>>>,
    compaction: Option<Compaction>,
    switching: Option<(Compaction, Requested)>,
    /// Numbered, and sent only later: their shards are locked meanwhile.
    unsent: Vec<(Vec<usize>, Appended)>,
    /// Records come before the steps that were sent before them: their lane had a message in the channel already.
    overtakes: bool,
    /// Which compaction has cut each shard.
    generations: [u32; SHARDS],
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Clean,
    Killed,
    PowerLoss,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        Self {
            held_back_every: 1 + random.below(4),
            random,
            storage: MemoryStorage::new(!seed),
            units: Vec::new(),
            state: State::new(),
            appended: 0,
            switches: 0,
            faulty: false,
            clock: Now { unix_ms: 1_763_886_000_000, instant: Instant::now() },
            promises: Arc::default(),
        }
    }

    fn run(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            self.plan_faults();
            let end = match self.recover() {
                Ok(recovered) => self.live(recovered),
                // What a client was told of before a sync that then failed is gone: that is worth refusing to start.
                Err(Error::Damage(_)) if self.promises.broken.load(Relaxed) => return,
                Err(Error::Damage(damage)) => panic!("{damage}"),
                // The disk fails already; the next recovery must do.
                Err(_) => End::PowerLoss,
            };
            if end == End::PowerLoss || !self.storage.has_power() {
                self.storage.crash();
            }
            self.faulty = false;
            self.storage.set_faults(Faults::default());
        }
        match self.recover() {
            Ok(_) => {}
            Err(Error::Damage(_)) if self.promises.broken.load(Relaxed) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn plan_faults(&mut self) {
        let random = &mut self.random;
        let mut faults = Faults::default();
        self.faulty = true;
        match random.below(9) {
            0 => faults.write_error_every = 1 + random.below(40),
            1 => faults.sync_error_every = 1 + random.below(40),
            2 => faults.name_error_every = 1 + random.below(20),
            3 => faults.capacity = Some(random.below(12_000) as usize),
            4..7 => faults.power_ends_at = Some(self.storage.operations() + random.below(80)),
            _ => self.faulty = false,
        }
        self.storage.set_faults(faults);
    }

    /// Recovers, and checks what came of it against what was appended.
    fn recover(&mut self) -> crate::aof::Result<Recovered> {
        let mut state = State::new();
        let storage = Arc::new(self.storage.clone());
        let recovered = recovery::open(
            storage,
            &mut |db, words: Words<'_>| {
                let (key, change) = parse(words);
                apply(&mut state, &[((db, key), change)]);
                Ok(())
            },
            &mut |done, total| assert!(done <= total),
        )?;
        let seq = recovered.report.last_seq;
        let (mut kept, mut records, mut expected) = (0, 0, State::new());
        while records < seq {
            apply(&mut expected, &self.units[kept]);
            records += self.units[kept].len() as Seq;
            kept += 1;
        }
        assert_eq!(records, seq, "half of a command is there");
        assert!(state == expected, "the state is not that after record {seq}");
        let mut durable = self.promises.durable.lock().unwrap();
        if self.promises.broken.load(Relaxed) {
            *durable = durable.min(seq);
        }
        assert!(seq >= *durable, "{durable} records were durable, {seq} are left");
        drop(durable);
        self.units.truncate(kept);
        self.state = state;
        Ok(recovered)
    }

    fn policy(&mut self) -> Policy {
        let policies = [Policy::Always, Policy::Always, Policy::Everysec, Policy::No];
        policies[self.random.below(4) as usize]
    }

    fn live(&mut self, recovered: Recovered) -> End {
        let policy = self.policy();
        self.promises.answers_early.store(policy != Policy::Always, Relaxed);
        let promises = self.promises.clone();
        let storage: Arc<MemoryStorage> = Arc::new(self.storage.clone());
        let catalog = Arc::new(Catalog::new(storage, recovered.manifest.clone()));
        let notify = Box::new(move |event| promises.hear(event));
        let writer = Writer::new(recovered, policy, notify, self.clock);
        let steps = Arc::default();
        let mut life = Life {
            writer,
            catalog,
            steps,
            compaction: None,
            switching: None,
            unsent: Vec::new(),
            overtakes: self.random.one_in(2),
            generations: [0; SHARDS],
        };
        for _ in 0..self.random.below(80) {
            self.step(&mut life);
        }
        let end = [End::Clean, End::Killed, End::PowerLoss][self.random.below(3) as usize];
        if end == End::Clean {
            life.send_if(|_| true);
            let closed = life.writer.close(self.clock);
            assert!(closed.is_ok() || self.faulty, "{closed:?}");
            if closed.is_ok() {
                let records: usize = self.units.iter().map(Vec::len).sum();
                *self.promises.durable.lock().unwrap() = records as Seq;
            }
        } else {
            // The process that would tidy up is gone.
            std::mem::forget((life.compaction, life.switching));
        }
        end
    }

    fn step(&mut self, life: &mut Life) {
        match self.random.below(14) {
            0..=4 => self.append(life),
            5 | 6 => life.writer.commit(self.clock),
            7 => {
                self.clock.instant += Duration::from_millis(self.random.below(1_500));
                self.clock.unix_ms += self.random.below(1_500);
                life.writer.tick(self.clock);
            }
            8 if self.random.one_in(4) => {
                let policy = self.policy();
                life.writer.set_policy(policy, self.clock);
                self.promises.answers_early.store(policy != Policy::Always, Relaxed);
            }
            9 if self.random.one_in(4) => self.storage.add_capacity(self.random.below(2_000) as usize),
            10.. => self.compact(life),
            _ => {}
        }
    }

    /// Appends a command; it and those before reach the writer in any order.
    fn append(&mut self, life: &mut Life) {
        let unit: Unit = (0..1 + self.random.below(3)).map(|_| self.change()).collect();
        let shards: Vec<usize> = unit.iter().map(|(key, _)| shard_of(*key)).collect();
        life.send_of_shards(&shards);
        let generation = self.common_generation(life, &shards);
        let mut effects = Effects::new();
        unit.iter().for_each(|(key, change)| push(&mut effects, *key, change));
        let shared = &life.writer.shared;
        shared.backlog_bytes.fetch_add(effects.size_bytes(), Relaxed);
        let first = shared.next.0.fetch_add(u64::from(effects.records()), Relaxed);
        apply(&mut self.state, &unit);
        self.units.push(unit);
        life.unsent.push((shards, Appended { first, generation, effects }));
        let (random, every) = (&mut self.random, self.held_back_every);
        life.send_if(|_| !random.one_in(every));
    }

    fn change(&mut self) -> (Key, Change) {
        let key = (self.random.below(2) as u8, self.random.below(40));
        self.appended += 1;
        let value = format!("{}:{}", self.appended, "v".repeat(self.random.below(300) as usize));
        let change = match self.random.below(4) {
            0 => Change::Remove,
            1 => Change::Append(value),
            _ => Change::Set(value),
        };
        (key, change)
    }

    /// What an append to these shards names. If only some are cut, the others are cut now.
    fn common_generation(&mut self, life: &mut Life, shards: &[usize]) -> u32 {
        let newest = shards.iter().map(|&shard| life.generations[shard]).max().unwrap_or(0);
        if life.compaction.as_ref().is_some_and(|compaction| compaction.generation() == newest) {
            shards.iter().for_each(|&shard| self.cut(life, shard));
        }
        newest
    }

    fn cut(&mut self, life: &mut Life, shard: usize) {
        let Some(compaction) = &mut life.compaction else { return };
        if life.generations[shard] == compaction.generation() {
            return;
        }
        life.generations[shard] = compaction.generation();
        life.send_of_shards(&[shard]);
        let Some(compaction) = &mut life.compaction else { return };
        let mut effects = Effects::new();
        for (key, value) in self.state.iter().filter(|(key, _)| shard_of(**key) == shard) {
            push(&mut effects, *key, &Change::Set(value.clone()));
        }
        if compaction.write(&effects, self.clock.unix_ms).is_err() {
            life.compaction = None;
        }
    }

    /// Goes on with a compaction, or begins one.
    fn compact(&mut self, life: &mut Life) {
        self.switches += u64::from(life.conclude());
        if life.switching.is_some() {
            return;
        }
        let Some(compaction) = &mut life.compaction else {
            let steps = life.steps.clone();
            let send = Box::new(move |step| steps.lock().unwrap().push(step));
            life.compaction = Compaction::begin(life.catalog.clone(), life.writer.shared.clone(), send).ok();
            if !life.overtakes {
                life.pump();
            }
            return;
        };
        let generation = compaction.generation();
        let uncut = life.generations.iter().position(|&cut| cut != generation);
        match uncut {
            _ if self.random.one_in(20) => life.compaction = None,
            Some(shard) => self.cut(life, shard),
            None => self.switch(life),
        }
        if !life.overtakes {
            life.pump();
        }
    }

    fn switch(&mut self, life: &mut Life) {
        let Some(mut compaction) = life.compaction.take() else { return };
        let keep = self.random.below(3) as usize;
        let Ok(requested) = compaction.request_switch(keep, self.clock.unix_ms) else { return };
        life.switching = Some((compaction, requested));
    }
}

impl Life {
    /// Hands the compaction's steps to the writer, as the channel would.
    fn pump(&mut self) {
        let steps = std::mem::take(&mut *self.steps.lock().unwrap());
        steps.into_iter().for_each(|step| self.writer.compaction_step(step));
    }

    fn send_of_shards(&mut self, shards: &[usize]) {
        self.send_if(|locked| locked.iter().any(|shard| shards.contains(shard)));
    }

    fn send_if(&mut self, mut wanted: impl FnMut(&[usize]) -> bool) {
        if !self.overtakes {
            self.pump();
        }
        // Two threads have appended them, and the second one's come first: the others are overtaken.
        let mut batches = [Batch::default(), Batch::default()];
        for (_, appended) in self.unsent.extract_if(.., |(shards, _)| wanted(shards)) {
            let Appended { first, generation, effects } = appended;
            batches[usize::from(first % 3 == 0)].push(first, generation, &effects);
        }
        let some = batches.iter().any(|batch| batch.next().is_some());
        batches.into_iter().rev().for_each(|batch| self.writer.take(batch));
        if some {
            self.pump();
        }
    }

    /// True if a compaction has come to its end.
    fn conclude(&mut self) -> bool {
        let Some((compaction, requested)) = self.switching.take() else { return false };
        match requested.outcome.try_recv() {
            Ok(outcome) => compaction.conclude(requested, Ok(outcome)).is_ok(),
            Err(_) => {
                self.switching = Some((compaction, requested));
                false
            }
        }
    }
}
