//! A shard as records that make it again: what a compaction writes.
//!
//! A collection becomes records of a few members each, so that no line of the log grows without bound.

use super::effects::Effects;
use super::entry::Entry;
use super::object::Object;
use crate::data::hash::Field;
use crate::data::packed::{Element, IntText};
use crate::limits::{RECORD_BYTES, RECORD_WORDS};
use crate::protocol::double::write_double;

/// Adds one entry, as records for a key that is not there. One that is due as well: that it goes is an effect of its own.
pub fn push_entry(entry: &Entry, db: u8, effects: &mut Effects) {
    let key = entry.key();
    let Some(object) = entry.object() else {
        return push_string(key, entry.bytes().unwrap_or_default(), entry.deadline(), db, effects);
    };
    let mut records = Records::new(effects, db, key);
    match object {
        Object::Bytes(bytes) => return push_string(key, bytes, entry.deadline(), db, effects),
        Object::List(list) => {
            list.iter().for_each(|element| records.element(b"RPUSH", element));
            records.finish(b"RPUSH");
        }
        Object::Set(set) => {
            set.iter().for_each(|member| records.element(b"SADD", member));
            records.finish(b"SADD");
        }
        Object::ZSet(zset) => {
            zset.iter().for_each(|(member, score)| records.scored(member, score));
            records.finish(b"ZADD");
        }
        Object::Hash(hash) => {
            // At moment 0 no field is due: all are there.
            hash.iter(0).for_each(|field| records.field(&field));
            records.finish(b"HSET");
        }
    }
    if let Some(at) = entry.deadline() {
        Records::new(effects, db, key).deadline(at);
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

/// The records of one collection: `verb key member ...`, a few members each.
pub struct Records<'a> {
    effects: &'a mut Effects,
    db: u8,
    key: &'a [u8],
    /// The words of the record being made, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Fields of it that have deadlines.
    deadlines: Vec<(Vec<u8>, u64)>,
}

impl<'a> Records<'a> {
    pub fn new(effects: &'a mut Effects, db: u8, key: &'a [u8]) -> Records<'a> {
        let (bytes, ends, deadlines) = (Vec::new(), Vec::new(), Vec::new());
        Records { effects, db, key, bytes, ends, deadlines }
    }

    pub fn element(&mut self, verb: &[u8], element: Element<'_>) {
        self.begin_member(verb, element.text_len());
        self.word(element);
    }

    pub fn scored(&mut self, member: Element<'_>, score: f64) {
        self.begin_member(b"ZADD", member.text_len());
        write_double(&mut self.bytes, score);
        self.ends.push(self.bytes.len());
        self.word(member);
    }

    pub fn field(&mut self, field: &Field<'_>) {
        self.begin_member(b"HSET", field.name.text_len() + field.value.text_len());
        self.word(field.name);
        self.word(field.value);
        self.deadlines.extend(field.deadline_ms.map(|at| (field.name.to_vec(), at)));
    }

    pub fn deadline(self, at: u64) {
        let mut digits = itoa::Buffer::new();
        self.effects.push(self.db, &[b"PEXPIREAT", self.key, digits.format(at).as_bytes()]);
    }

    /// What is left over for the last record.
    pub fn finish(&mut self, verb: &[u8]) {
        if self.ends.is_empty() {
            return;
        }
        self.effects.begin(self.db, 2 + self.ends.len());
        self.effects.word(verb);
        self.effects.word(self.key);
        let mut start = 0;
        for end in self.ends.drain(..) {
            self.effects.word(&self.bytes[start..end]);
            start = end;
        }
        self.bytes.clear();
        for (name, at) in self.deadlines.drain(..) {
            let mut digits = itoa::Buffer::new();
            let at = digits.format(at).as_bytes();
            self.effects.push(self.db, &[b"HPEXPIREAT", self.key, at, b"FIELDS", b"1", &name]);
        }
    }

    fn word(&mut self, element: Element<'_>) {
        self.bytes.extend_from_slice(element.as_bytes(&mut IntText::default()));
        self.ends.push(self.bytes.len());
    }

    /// A member of so many bytes comes next, in another record if this one has no room for it.
    fn begin_member(&mut self, verb: &[u8], bytes: usize) {
        if self.ends.len() >= RECORD_WORDS || self.bytes.len() + bytes > RECORD_BYTES {
            self.finish(verb);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words and bytes of each record.
    fn sizes(effects: &Effects) -> Vec<(usize, usize)> {
        let size = |words: Vec<&[u8]>| (words.len(), words.iter().map(|word| word.len()).sum());
        effects.iter().map(|record| size(record.collect())).collect()
    }

    #[test]
    fn a_record_ends_where_it_is_full_of_words_or_bytes() {
        let mut effects = Effects::new();
        let mut records = Records::new(&mut effects, 0, b"key");
        for length in [1; RECORD_WORDS].into_iter().chain([2, RECORD_BYTES, 3, RECORD_BYTES - 3, 1]) {
            records.element(b"SADD", Element::Bytes(&vec![b'x'; length]));
        }
        records.finish(b"SADD");
        let name = b"SADDkey".len();
        assert_eq!(
            sizes(&effects),
            [
                (2 + RECORD_WORDS, name + RECORD_WORDS),
                (3, name + 2),
                (3, name + RECORD_BYTES),
                (4, name + RECORD_BYTES),
                (3, name + 1)
            ]
        );
    }

    #[test]
    fn a_member_larger_than_a_record_has_one_for_itself() {
        let mut effects = Effects::new();
        let mut records = Records::new(&mut effects, 0, b"key");
        for length in [2 * RECORD_BYTES, 1, 2 * RECORD_BYTES] {
            records.scored(Element::Bytes(&vec![b'x'; length]), 1.0);
        }
        records.finish(b"ZADD");
        assert_eq!(sizes(&effects).iter().map(|(words, _)| *words).collect::<Vec<_>>(), [4; 3]);
    }
}
