//! A keyspace that is rebuilt from a compaction's base and delta is the one that was, whatever happened meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use super::replay::Replay;
use super::{key_set, look_up};
use crate::command::Args;
use crate::command::row::Run;
use crate::data::random::tests::seeded;
use crate::keyspace::effects::Effects;
use crate::keyspace::lock::{Kept, Mode, Place};
use crate::keyspace::{Edit, Keyspace, snapshot};
use crate::limits::RECORD_BYTES;
use crate::protocol::{OwnedWords, Reply, Wire};

const GENERATION: u32 = 7;
/// Larger than what is copied with its shard.
const MEMBERS: u64 = 3000;

fn keyspace() -> Arc<Keyspace> {
    Arc::new(Keyspace::new(7, 0, crossbeam_channel::unbounded().0))
}

/// Runs a writing command as a worker would. Returns what is to be logged. Errors of clients change nothing.
fn run(keyspace: &Keyspace, db: u8, line: &str, now_ms: u64) -> (Effects, u32) {
    let words = OwnedWords::from_words(line.split(' '));
    let words = words.words();
    let found = look_up(words).unwrap_or_else(|error| panic!("{line}: {}", error.text()));
    let Run::Write(handler) = found.command.run else { panic!("{line} writes nothing") };
    let locked = key_set(found.command, words, db).lock(keyspace, Mode::Exclusive, &mut Kept::default());
    let mut edit = Edit::new(keyspace, locked, Effects::new(), db, now_ms);
    let mut out = Vec::new();
    let _ = handler(&mut Args::new(words), &mut edit, &mut Reply::new(&mut out, Wire::Resp2));
    let logged = (edit.take_effects(), edit.generation());
    edit.finish();
    logged
}

fn replay(keyspace: &Arc<Keyspace>, files: &[Vec<Effects>]) {
    let mut replay = Replay::new(keyspace.clone());
    for record in files.iter().flatten().flat_map(Effects::iter) {
        let db = record.db;
        let words = OwnedWords::from_words(record);
        let shown = || words.words().iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
        replay.take(db, words.words()).unwrap_or_else(|error| panic!("{}: {error}", shown()));
    }
    replay.settle().expect("every record is one that was made");
}

/// Database, key, and the command that makes it.
type Made = (u8, Vec<u8>, Vec<u8>);
type Member = Vec<Vec<u8>>;

/// Each key's value as the words that make it; the order of members counts in lists only.
fn contents(keyspace: &Keyspace) -> BTreeMap<Made, Vec<Member>> {
    let mut all: BTreeMap<_, Vec<Vec<u8>>> = BTreeMap::new();
    for place in keyspace.all_places() {
        let mut effects = Effects::new();
        keyspace.with_shard(place, |shard| {
            shard.iter().for_each(|entry| snapshot::push_entry(entry, place.db, &mut effects));
        });
        for record in effects.iter() {
            let db = record.db;
            let words: Vec<Vec<u8>> = record.map(<[u8]>::to_vec).collect();
            let id = (db, words[1].clone(), words[0].clone());
            all.entry(id).or_default().extend_from_slice(&words[2..]);
        }
    }
    let members = |((db, key, verb), words): (Made, Vec<Vec<u8>>)| {
        let width = match &verb[..] {
            b"HSET" | b"ZADD" => 2,
            b"HPEXPIREAT" => 4,
            _ => 1,
        };
        let mut members: Vec<_> = words.chunks(width).map(<[_]>::to_vec).collect();
        if verb != b"RPUSH" {
            members.sort();
        }
        ((db, key, verb), members)
    };
    all.into_iter().map(members).collect()
}

struct Story {
    random: Box<dyn FnMut() -> u64>,
    keyspace: Arc<Keyspace>,
    base: Vec<Effects>,
    delta: Vec<Effects>,
}

impl Story {
    fn below(&mut self, bound: u64) -> u64 {
        (self.random)() % bound
    }

    /// Two keys of each type; `{t}` keeps two of them in one shard.
    fn key(&mut self) -> String {
        ["hash", "set", "zset", "list", "{t}hash", "{t}other", "string"][self.below(7) as usize].to_owned()
    }

    fn command(&mut self) -> String {
        let (key, other, n, value) = (self.key(), self.key(), self.below(2 * MEMBERS), self.below(1000));
        match self.below(40) {
            0..4 => format!("HSET hash {n} {value}"),
            4..6 => format!("HDEL hash {n}"),
            6 => format!("HSET {{t}}hash {n} {value}"),
            7..10 => format!("SADD set {n}"),
            10..12 => format!("SREM set {n}"),
            12..15 => format!("ZADD zset {value} {n}"),
            15..17 => format!("ZREM zset {n}"),
            17..19 => format!("RPUSH list {n}"),
            19 => format!("LPOP list {}", value % 5 + 1),
            20 => format!("LSET list {} {n}", value % 7),
            21 => format!("ZREMRANGEBYRANK zset 0 {n}"),
            22 => format!("SPOP set {value}"),
            23 => format!("EXPIREAT {key} {}", 10_000_000 + value),
            24 => format!("PERSIST {key}"),
            25 => format!("HPEXPIREAT hash {} FIELDS 1 {n}", 10_000_000_000 + value),
            26 => format!("APPEND string {n}"),
            27 if self.below(3) == 0 => format!("RENAME {key} {other}"),
            28 if self.below(3) == 0 && key != other => format!("COPY {key} {other} REPLACE"),
            29 if self.below(3) == 0 && key != other => format!("COPY {key} {other} DB 1 REPLACE"),
            30 if self.below(3) == 0 => format!("MOVE {key} 1"),
            31 if self.below(8) == 0 => "SWAPDB 0 1".to_owned(),
            32 if self.below(8) == 0 => format!("DEL {key}"),
            33 if self.below(20) == 0 => "FLUSHDB".to_owned(),
            34 => format!("SINTERSTORE {{t}}other set {}", if n % 2 == 0 { "set" } else { "nothing" }),
            _ => format!("HSET {{t}}hash {value} {n}"),
        }
    }

    fn step(&mut self) {
        let db = u8::from(self.below(8) == 0);
        let line = self.command();
        let (effects, generation) = run(&self.keyspace, db, &line, 1000);
        if generation == GENERATION {
            self.delta.push(effects);
        }
    }

    fn fill(&mut self) {
        for n in 0..MEMBERS {
            for line in [
                format!("HSET hash {n} v{n}"),
                format!("HSET {{t}}hash {n} v{n}"),
                format!("SADD set {n}"),
                format!("ZADD zset {n} {n}"),
                format!("RPUSH list {n}"),
            ] {
                run(&self.keyspace, 0, &line, 1000);
            }
        }
        run(&self.keyspace, 1, "SET string there", 1000);
    }

    fn compact(&mut self) {
        let forced = self.keyspace.begin_cuts(GENERATION, usize::MAX);
        let places: Vec<Place> = self.keyspace.all_places().collect();
        for places in places.chunks(128) {
            for &place in places {
                self.base.extend(self.keyspace.cut(place, GENERATION));
                self.base.extend(forced.try_iter());
            }
            loop {
                for _ in 0..self.below(12) {
                    self.step();
                }
                let delta = &mut self.delta;
                let piece = self.keyspace.copy_piece(|effects, generation| {
                    assert_eq!(generation, GENERATION);
                    delta.push(effects);
                    1
                });
                let Some(piece) = piece else { break };
                self.base.push(piece);
                self.base.extend(forced.try_iter());
            }
        }
        self.base.extend(forced.try_iter());
        self.keyspace.end_cuts(GENERATION);
    }
}

#[test]
fn base_and_delta_make_what_was() {
    for seed in 0..40 {
        let (base, delta) = (Vec::new(), Vec::new());
        let mut story = Story { random: Box::new(seeded(seed)), keyspace: keyspace(), base, delta };
        story.fill();
        story.compact();
        let rebuilt = keyspace();
        replay(&rebuilt, &[story.base, story.delta]);
        let (was, is) = (contents(&story.keyspace), contents(&rebuilt));
        assert!(was.keys().eq(is.keys()), "seed {seed}: {:?} and {:?}", names(&was), names(&is));
        for (id, members) in &was {
            assert!(is[id] == *members, "seed {seed}: {:?} differs", id);
        }
    }
}

/// The compaction ends when it finds nothing left to copy and nothing sent: so whoever copies the rest of a list for it
/// has sent that by the time at which nothing is left.
#[test]
fn what_is_copied_has_been_sent() {
    let keyspace = keyspace();
    for n in 0..MEMBERS {
        run(&keyspace, 0, &format!("RPUSH list {n}"), 1000);
    }
    for generation in GENERATION..GENERATION + 300 {
        let forced = keyspace.begin_cuts(generation, usize::MAX);
        assert!(keyspace.cut(Place::of(0, b"list"), generation).is_some());
        thread::scope(|scope| {
            scope.spawn(|| run(&keyspace, 0, "LSET list 0 other", 1000));
            while !keyspace.is_all_copied() {
                std::hint::spin_loop();
            }
            assert!(forced.try_recv().is_ok(), "in round {}", generation - GENERATION);
        });
        keyspace.end_cuts(generation);
    }
}

/// What one command adds goes into several records, each with whole pairs.
#[test]
fn large_changes_are_recorded_in_pieces() {
    let keyspace = keyspace();
    let member = "m".repeat(RECORD_BYTES / 3);
    let pairs: Vec<String> = (0..10).map(|n| format!("{n} {member}{n}")).collect();
    let (effects, _) = run(&keyspace, 0, &format!("ZADD zset {}", pairs.join(" ")), 1000);
    let pairs: Vec<usize> = effects.iter().map(|record| (record.len() - 2) / 2).collect();
    assert_eq!(pairs, [3, 3, 3, 1]);
    let rebuilt = self::keyspace();
    replay(&rebuilt, &[vec![effects]]);
    assert!(contents(&keyspace) == contents(&rebuilt));
}

/// A writer that has slept through the end of one compaction does not end the next.
#[test]
fn only_the_compaction_that_is_meant_ends() {
    let keyspace = keyspace();
    let _first = keyspace.begin_cuts(GENERATION, 0);
    keyspace.end_cuts(GENERATION);
    let _next = keyspace.begin_cuts(GENERATION + 1, 0);
    keyspace.end_cuts(GENERATION);
    assert_eq!(keyspace.running_cuts(), GENERATION + 1);
    keyspace.end_cuts(GENERATION + 1);
    assert_eq!(keyspace.running_cuts(), 0);
}

/// As long as any key of the shard has a deadline, the queue is not simply emptied.
#[test]
fn deadlines_of_keys_that_are_gone_do_not_pile_up() {
    let keyspace = keyspace();
    let place = Place::of(0, b"{t}stays");
    run(&keyspace, 0, "SET {t}stays v PX 1000000", 1000);
    for n in 0..10_000 {
        run(&keyspace, 0, &format!("SET {{t}}{n} v PX 1000000"), 1000);
        run(&keyspace, 0, &format!("DEL {{t}}{n}"), 1000);
    }
    let bytes = keyspace.with_shard(place, |shard| shard.side.deadline_bytes());
    assert!(bytes < 4 << 10, "{bytes} bytes for one deadline");
}

fn names<V>(of: &BTreeMap<(u8, Vec<u8>, Vec<u8>), V>) -> Vec<String> {
    let show = |(db, key, verb): &(u8, Vec<u8>, Vec<u8>)| {
        format!("{db} {} {}", verb.escape_ascii(), key.escape_ascii())
    };
    of.keys().map(show).collect()
}
