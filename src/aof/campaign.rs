//! Thousands of short lives of a log on a disk that fails, each from one seed.
//!
//! After every end of a life, clean, killed or without power, in the middle of a compaction or not, the log is recovered
//! and must hold a prefix of what was appended, cut between commands, with everything in it that had been called durable.

use super::compaction::{Catalog, Compaction, Step};
use super::memory::{Faults, MemoryStorage, Random};
use super::recovery::{self, Recovered};
use super::writer::{Appended, Now, Writer};
use super::{Error, Event, Policy};
use crate::execute::log::Seq;
use crate::keyspace::effects::Effects;
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

/// A change: database and key, and the new value if it is not a removal.
type Change = ((u8, u64), Option<String>);
/// What one command did: changes that are there all or none.
type Unit = Vec<Change>;
type State = BTreeMap<(u8, u64), String>;

fn apply(state: &mut State, unit: &[Change]) {
    for (key, value) in unit {
        match value {
            Some(value) => state.insert(*key, value.clone()),
            None => state.remove(key),
        };
    }
}

fn push(effects: &mut Effects, (db, key): (u8, u64), value: Option<&String>) {
    let key = format!("key {key}");
    match value {
        Some(value) => effects.push(db, &[b"SET", key.as_bytes(), value.as_bytes()]),
        None => effects.push(db, &[b"DEL", key.as_bytes()]),
    }
}

fn shard_of(key: (u8, u64)) -> usize {
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
            Event::Durable(Seq::MAX) | Event::Healed(_) | Event::Drained => {}
            Event::Durable(seq) => *self.durable.lock().unwrap() = seq,
            Event::Failed { durable, reason } => {
                assert!(durable >= *self.durable.lock().unwrap());
                let broken = reason.starts_with("syncing") && self.answers_early.load(Relaxed);
                self.broken.fetch_or(broken, Relaxed);
            }
        }
    }
}

/// One process, from its start to its end.
struct Life {
    writer: Writer,
    catalog: Arc<Catalog>,
    steps: Arc<Mutex<Vec<Step>>>,
    compaction: Option<Compaction>,
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
        Self {
            random: Random(seed),
            storage: MemoryStorage::new(!seed),
            units: Vec::new(),
            state: State::new(),
            appended: 0,
            switches: 0,
            clock: Now { unix_ms: 1_763_886_000_000, instant: Instant::now() },
            promises: Arc::default(),
        }
    }

    fn run(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            self.plan_faults();
            // With faults about, recovery may fail; then the next one must do.
            let end = self.recover().map_or(End::PowerLoss, |recovered| self.live(recovered));
            if end == End::PowerLoss || !self.storage.has_power() {
                self.storage.crash();
            }
            self.storage.set_faults(Faults::default());
        }
        match self.recover() {
            Ok(_) => {}
            // What a client was told of before a sync that then failed is gone: that is worth refusing to start.
            Err(Error::Damage(_)) if self.promises.broken.load(Relaxed) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn plan_faults(&mut self) {
        let random = &mut self.random;
        let mut faults = Faults::default();
        match random.below(8) {
            0 => faults.write_error_every = 1 + random.below(40),
            1 => faults.sync_error_every = 1 + random.below(40),
            2 => faults.capacity = Some(random.below(12_000) as usize),
            3..6 => faults.power_ends_at = Some(self.storage.operations() + random.below(80)),
            _ => {}
        }
        self.storage.set_faults(faults);
    }

    /// Recovers, and checks what came of it against what was appended.
    fn recover(&mut self) -> super::Result<Recovered> {
        let mut state = State::new();
        let storage = Arc::new(self.storage.clone());
        let recovered = recovery::open(
            storage,
            &mut |db, words| {
                let key = str::from_utf8(words.get(1)).unwrap().strip_prefix("key ").unwrap();
                let value = (words.len() == 3).then(|| str::from_utf8(words.get(2)).unwrap().to_owned());
                apply(&mut state, &[((db, key.parse().unwrap()), value)]);
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
        let mut life = Life { writer, catalog, steps, compaction: None, generations: [0; SHARDS] };
        for _ in 0..self.random.below(80) {
            self.step(&mut life);
        }
        let end = [End::Clean, End::Killed, End::PowerLoss][self.random.below(3) as usize];
        if end == End::Clean && life.writer.close(self.clock).is_ok() {
            let records: usize = self.units.iter().map(Vec::len).sum();
            *self.promises.durable.lock().unwrap() = records as Seq;
        }
        if let (End::Killed | End::PowerLoss, Some(compaction)) = (end, life.compaction) {
            // The process that would tidy up is gone.
            std::mem::forget(compaction);
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

    /// Appends a few commands, which reach the writer in any order.
    fn append(&mut self, life: &mut Life) {
        let mut sent = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let mut effects = Effects::new();
            let mut unit = Unit::new();
            for _ in 0..1 + self.random.below(3) {
                let key = (self.random.below(2) as u8, self.random.below(40));
                self.appended += 1;
                let padding = "v".repeat(self.random.below(300) as usize);
                let value = (!self.random.one_in(4)).then(|| format!("{} {padding}", self.appended));
                push(&mut effects, key, value.as_ref());
                unit.push((key, value));
            }
            let shards: Vec<usize> = unit.iter().map(|(key, _)| shard_of(*key)).collect();
            let generation = self.common_generation(life, &shards);
            let shared = &life.writer.shared;
            shared.backlog_bytes.fetch_add(effects.size_bytes(), Relaxed);
            let first = shared.next.fetch_add(u64::from(effects.records()), Relaxed);
            apply(&mut self.state, &unit);
            self.units.push(unit);
            sent.push(Appended { first, generation, effects });
        }
        while !sent.is_empty() {
            let next = self.random.below(sent.len() as u64) as usize;
            life.pump();
            life.writer.take(sent.swap_remove(next));
        }
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
        let mut effects = Effects::new();
        for (key, value) in self.state.iter().filter(|(key, _)| shard_of(**key) == shard) {
            push(&mut effects, *key, Some(value));
        }
        if compaction.write(&effects, self.clock.unix_ms).is_err() {
            life.compaction = None;
        }
    }

    /// Goes on with a compaction, or begins one.
    fn compact(&mut self, life: &mut Life) {
        let Some(compaction) = &mut life.compaction else {
            let steps = life.steps.clone();
            let send = Box::new(move |step| steps.lock().unwrap().push(step));
            life.compaction = Compaction::begin(life.catalog.clone(), life.writer.shared.clone(), send).ok();
            return life.pump();
        };
        let generation = compaction.generation();
        let uncut = life.generations.iter().position(|&cut| cut != generation);
        match uncut {
            _ if self.random.one_in(20) => life.compaction = None,
            Some(shard) => self.cut(life, shard),
            None => self.switch(life),
        }
        life.pump();
    }

    fn switch(&mut self, life: &mut Life) {
        let Some(mut compaction) = life.compaction.take() else { return };
        let keep = self.random.below(3) as usize;
        let Ok((_, outcome)) = compaction.request_switch(keep, self.clock.unix_ms) else { return };
        life.pump();
        life.writer.commit(self.clock);
        match outcome.try_recv() {
            Ok(outcome) => self.switches += u64::from(compaction.conclude(Ok(outcome)).is_ok()),
            // The disk is full: it is given up.
            Err(_) => drop(compaction),
        }
    }
}

impl Life {
    /// Hands the compaction's steps to the writer, as the channel would.
    fn pump(&mut self) {
        let steps = std::mem::take(&mut *self.steps.lock().unwrap());
        steps.into_iter().for_each(|step| self.writer.compaction_step(step));
    }
}
