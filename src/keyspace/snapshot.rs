//! A shard as records that make it again: what a compaction writes.
//!
//! A collection becomes records of a few members each, so that no line of the log grows without bound.

use super::effects::Effects;
use super::entry::Entry;
use super::object::Object;
use super::shard::Shard;
use crate::data::packed::{Element, IntText};
use crate::protocol::double::write_double;

/// Members per record.
const MEMBERS_MAX: usize = 64;

/// Adds all that a shard of database `db` holds. Entries that are due are there as well: that they go is
/// an effect of its own.
pub fn push(shard: Shard<'_>, db: u8, effects: &mut Effects) {
    shard.iter().for_each(|entry| push_entry(entry, db, effects));
}

/// Adds one entry, as records for a key that is not there.
pub fn push_entry(entry: &Entry, db: u8, effects: &mut Effects) {
    let key = entry.key();
    let mut records = Records { effects, db, key };
    match entry.object() {
        None | Some(Object::Bytes(_)) => {
            return push_string(key, entry.bytes().unwrap_or_default(), entry.deadline(), db, effects);
        }
        Some(Object::List(list)) => records.members(b"RPUSH", list.iter().map(|e| [e.to_vec()])),
        Some(Object::Set(set)) => records.members(b"SADD", set.iter().map(|e| [e.to_vec()])),
        Some(Object::ZSet(zset)) => {
            records.members(b"ZADD", zset.iter().map(|(member, score)| [double(score), member.to_vec()]));
        }
        Some(Object::Hash(hash)) => {
            // At moment 0 no field is due: all are there.
            let fields = || hash.iter(0);
            records.members(b"HSET", fields().map(|f| [f.name.to_vec(), f.value.to_vec()]));
            for (name, at) in fields().filter_map(|f| Some((f.name, f.deadline_ms?))) {
                records.field_deadline(name, at);
            }
        }
    }
    if let Some(at) = entry.deadline() {
        effects.push(db, &[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]);
    }
}

fn push_string(key: &[u8], value: &[u8], deadline: Option<u64>, db: u8, effects: &mut Effects) {
    match deadline {
        None => effects.push(db, &[b"SET", key, value]),
        Some(at) => {
            effects.push(db, &[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(at).as_bytes()]);
        }
    }
}

fn double(value: f64) -> Vec<u8> {
    let mut text = Vec::new();
    write_double(&mut text, value);
    text
}

/// The records of one collection.
struct Records<'a> {
    effects: &'a mut Effects,
    db: u8,
    key: &'a [u8],
}

impl Records<'_> {
    /// `verb key member ...`, where a member is `N` words.
    fn members<const N: usize>(&mut self, verb: &[u8], members: impl Iterator<Item = [Vec<u8>; N]>) {
        let mut words: Vec<Vec<u8>> = Vec::with_capacity(MEMBERS_MAX * N);
        for member in members {
            words.extend(member);
            if words.len() >= MEMBERS_MAX * N {
                self.record(verb, &mut words);
            }
        }
        if !words.is_empty() {
            self.record(verb, &mut words);
        }
    }

    fn record(&mut self, verb: &[u8], words: &mut Vec<Vec<u8>>) {
        self.effects.begin(self.db, 2 + words.len());
        self.effects.word(verb);
        self.effects.word(self.key);
        words.drain(..).for_each(|word| self.effects.word(&word));
    }

    fn field_deadline(&mut self, name: Element<'_>, at: u64) {
        let mut digits = itoa::Buffer::new();
        let mut text = IntText::default();
        let words: [&[u8]; 6] = [
            b"HPEXPIREAT",
            self.key,
            digits.format(at).as_bytes(),
            b"FIELDS",
            b"1",
            name.as_bytes(&mut text),
        ];
        self.effects.push(self.db, &words);
    }
}
