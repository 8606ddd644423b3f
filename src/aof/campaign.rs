//! Thousands of short lives of a log on a disk that fails, each from one seed.
//!
//! After every end of a life, clean, killed or without power, the log is recovered and must hold a prefix of what was
//! appended, cut between commands, with everything in it that had been called durable.

use super::memory::{Faults, MemoryStorage, Random};
use super::recovery::{self, Recovered};
use super::writer::{Appended, Now, Writer};
use super::{Error, Event, Policy};
use crate::execute::log::Seq;
use crate::keyspace::effects::Effects;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const HISTORIES: u64 = 4_000;

#[test]
fn whatever_the_disk_does_promises_are_kept() {
    for seed in 0..HISTORIES {
        // A panic inside names the seed, so that `History::new(seed).run()` replays it.
        let _name = NameOnPanic(seed);
        History::new(seed).run();
    }
}

struct NameOnPanic(u64);

impl Drop for NameOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the failing seed is {}", self.0);
        }
    }
}

/// What one command did: a unit that is there whole or not at all.
type Unit = Vec<String>;

struct History {
    random: Random,
    storage: MemoryStorage,
    /// Everything appended that may still be there, in order.
    units: Vec<Unit>,
    promised: Arc<Mutex<Seq>>,
    /// The policy answers clients before a sync.
    answers_early: Arc<AtomicBool>,
    /// A sync has failed after clients had been answered, under `everysec` or `no`.
    broke_promise: Arc<AtomicBool>,
    clock: Now,
}

/// How a life ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Clean,
    Killed,
    PowerLoss,
}

impl History {
    fn new(seed: u64) -> Self {
        let clock = Now { unix_ms: 1_763_886_000_000, instant: Instant::now() };
        let random = Random(seed);
        Self {
            random,
            storage: MemoryStorage::new(!seed),
            units: Vec::new(),
            promised: Arc::default(),
            answers_early: Arc::default(),
            broke_promise: Arc::default(),
            clock,
        }
    }

    fn run(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            self.plan_faults();
            // With faults about, recovery may fail; then the next one must do.
            if let Ok(recovered) = self.recover() {
                let end = self.live(recovered);
                if end != End::PowerLoss && self.storage.has_power() {
                    self.storage.set_faults(Faults::default());
                    continue;
                }
            }
            self.storage.crash();
        }
        self.storage.set_faults(Faults::default());
        match self.recover() {
            Ok(_) => {}
            // What a client was told of before a sync that then failed is gone: that is worth refusing to start.
            Err(Error::Damage(_)) if self.broke_promise.load(Relaxed) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn plan_faults(&mut self) {
        let random = &mut self.random;
        let mut faults = Faults::default();
        match random.below(6) {
            0 => faults.write_error_every = 1 + random.below(20),
            1 => faults.sync_error_every = 1 + random.below(20),
            2 => faults.capacity = Some(random.below(6_000) as usize),
            3 | 4 => faults.power_ends_at = Some(self.storage.operations() + random.below(40)),
            _ => {}
        }
        self.storage.set_faults(faults);
    }

    /// Recovers, and checks what came of it against what was appended.
    fn recover(&mut self) -> super::Result<Recovered> {
        let mut lines = Vec::new();
        let storage = Arc::new(self.storage.clone());
        let recovered = recovery::open(
            storage,
            &mut |db, words| {
                let words: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
                lines.push(format!("{db} {}", words.join(" ")));
                Ok(())
            },
            &mut |done, total| assert!(done <= total),
        )?;
        let mut kept = 0;
        let mut rest = &lines[..];
        for unit in &self.units {
            let Some(after) = rest.strip_prefix(&unit[..]) else { break };
            (rest, kept) = (after, kept + 1);
        }
        assert_eq!(rest, &[""; 0], "a record that was not appended next, or half of a command");
        let mut promised = self.promised.lock().unwrap();
        if self.broke_promise.load(Relaxed) {
            *promised = promised.min(lines.len() as Seq);
        }
        let left = lines.len() as Seq;
        assert!(left >= *promised, "{promised} records were durable, {left} are left");
        drop(promised);
        assert_eq!(recovered.report.last_seq, lines.len() as Seq);
        self.units.truncate(kept);
        Ok(recovered)
    }

    /// One process from its start to its end.
    fn live(&mut self, recovered: Recovered) -> End {
        let policy =
            [Policy::Always, Policy::Always, Policy::Everysec, Policy::No][self.random.below(4) as usize];
        let promised = self.promised.clone();
        self.answers_early.store(policy != Policy::Always, Relaxed);
        let answers_early = self.answers_early.clone();
        let broke_promise = self.broke_promise.clone();
        let notify = Box::new(move |event| match event {
            Event::Durable(Seq::MAX) | Event::Healed(_) | Event::Drained => {}
            Event::Durable(seq) => *promised.lock().unwrap() = seq,
            Event::Failed { durable, reason } => {
                assert!(durable >= *promised.lock().unwrap());
                if reason.starts_with("syncing") && answers_early.load(Relaxed) {
                    broke_promise.store(true, Relaxed);
                }
            }
        });
        let mut writer = Writer::new(recovered, policy, notify, self.clock);
        for _ in 0..self.random.below(60) {
            self.step(&mut writer);
        }
        match self.random.below(3) {
            0 => {
                let seq = self.units.iter().map(Vec::len).sum::<usize>() as Seq;
                if writer.close(self.clock).is_ok() {
                    *self.promised.lock().unwrap() = seq;
                }
                End::Clean
            }
            1 => End::Killed,
            _ => End::PowerLoss,
        }
    }

    fn step(&mut self, writer: &mut Writer) {
        match self.random.below(10) {
            0..=4 => self.append(writer),
            5 | 6 => writer.commit(self.clock),
            7 => {
                self.clock.instant += Duration::from_millis(self.random.below(1_500));
                self.clock.unix_ms += self.random.below(1_500);
                writer.tick(self.clock);
            }
            8 if self.random.one_in(4) => {
                let policy = [Policy::Always, Policy::Everysec, Policy::No][self.random.below(3) as usize];
                writer.set_policy(policy, self.clock);
                self.answers_early.store(policy != Policy::Always, Relaxed);
            }
            9 if self.random.one_in(4) => self.storage.add_capacity(self.random.below(2_000) as usize),
            _ => {}
        }
    }

    /// Appends a few commands, which reach the writer in any order.
    fn append(&mut self, writer: &mut Writer) {
        let shared = writer.shared();
        let mut sent = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let mut effects = Effects::new();
            let mut unit = Unit::new();
            for _ in 0..1 + self.random.below(3) {
                let db = self.random.below(2) as u8;
                let key = format!("k{}", self.random.below(1000));
                let value = vec![b'v'; self.random.below(700) as usize];
                effects.push(db, &[b"SET", key.as_bytes(), &value]);
                unit.push(format!("{db} SET {key} {}", value.escape_ascii()));
            }
            shared.backlog_bytes.fetch_add(effects.size_bytes(), Relaxed);
            let first = shared.next.fetch_add(u64::from(effects.records()), Relaxed);
            self.units.push(unit);
            sent.push(Appended { first, effects });
        }
        while !sent.is_empty() {
            let next = self.random.below(sent.len() as u64) as usize;
            writer.take(sent.swap_remove(next));
        }
    }
}
