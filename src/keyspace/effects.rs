//! What one command, or one transaction, really changed.
//!
//! Effects are collected while the shards are locked, so collecting is a plain copy of bytes;
//! the log's own thread turns them into text later.

use std::ops::Range;

/// Records in apply order. A record is a database number and the words of a command that repeats
/// the change: absolute, never relative or random.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Effects {
    /// Each record: `db: u8, words: u32`, then each word as `length: u32, bytes`.
    bytes: Vec<u8>,
    records: u32,
    /// Nobody will read them: it is enough to know how many there are.
    only_counted: bool,
}

/// What comes before a record's words, and before each word.
const RECORD_HEADER: usize = size_of::<u8>() + WORD_HEADER;
const WORD_HEADER: usize = size_of::<u32>();

impl Effects {
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), records: 0, only_counted: false }
    }

    /// Effects that nobody keeps, where there is no log.
    pub const fn only_counted() -> Self {
        Self { bytes: Vec::new(), records: 0, only_counted: true }
    }

    pub fn push(&mut self, db: u8, words: &[&[u8]]) {
        if !self.only_counted {
            let words = words.iter().map(|word| WORD_HEADER + word.len());
            self.bytes.reserve(RECORD_HEADER + words.sum::<usize>());
        }
        self.begin(db, words.len());
        for word in words {
            self.word(word);
        }
    }

    /// Starts a record of `words` words; exactly that many calls of [`Effects::word`] must follow.
    pub fn begin(&mut self, db: u8, words: usize) {
        self.records += 1;
        if self.only_counted {
            return;
        }
        self.bytes.push(db);
        self.bytes.extend_from_slice(&(words as u32).to_le_bytes());
    }

    pub fn word(&mut self, word: &[u8]) {
        if self.only_counted {
            return;
        }
        self.bytes.extend_from_slice(&(word.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(word);
    }

    /// Makes room for so many bytes more.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    pub fn append(&mut self, other: &Effects) {
        self.bytes.extend_from_slice(&other.bytes);
        self.records += other.records;
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub fn records(&self) -> u32 {
        self.records
    }

    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that are allocated for them.
    pub fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// All records.
    pub fn all(&self) -> Records<'_> {
        Records { bytes: &self.bytes, count: self.records }
    }

    /// The records that lie there, of which there are `count`.
    pub fn part(&self, bytes: Range<usize>, count: u32) -> Records<'_> {
        Records { bytes: &self.bytes[bytes], count }
    }

    pub fn iter(&self) -> Iter<'_> {
        self.all().iter()
    }
}

/// Some records of effects.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    bytes: &'a [u8],
    count: u32,
}

impl<'a> Records<'a> {
    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn iter(&self) -> Iter<'a> {
        Iter { rest: self.bytes }
    }
}

/// The records, in order.
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (&db, rest) = self.rest.split_first()?;
        let (words, mut rest) = take_u32(rest);
        let body = rest;
        for _ in 0..words {
            let (length, after) = take_u32(rest);
            rest = &after[length as usize..];
        }
        let record = Record { db, words, rest: &body[..body.len() - rest.len()] };
        self.rest = rest;
        Some(record)
    }
}

/// One record: an iterator over its words.
#[derive(Clone)]
pub struct Record<'a> {
    pub db: u8,
    words: u32,
    rest: &'a [u8],
}

impl<'a> Iterator for Record<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.words == 0 {
            return None;
        }
        self.words -= 1;
        let (length, rest) = take_u32(self.rest);
        let (word, rest) = rest.split_at(length as usize);
        self.rest = rest;
        Some(word)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.words as usize, Some(self.words as usize))
    }
}

impl ExactSizeIterator for Record<'_> {}

fn take_u32(bytes: &[u8]) -> (u32, &[u8]) {
    let (head, rest) = bytes.split_first_chunk::<4>().expect("only push, begin and word write here");
    (u32::from_le_bytes(*head), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_pushed() {
        let mut effects = Effects::new();
        effects.push(0, &[b"SET", b"k", b""]);
        effects.push(3, &[b"DEL", b"\0\xff"]);
        let read: Vec<(u8, Vec<&[u8]>)> = effects.iter().map(|r| (r.db, r.collect())).collect();
        assert_eq!(read, vec![(0, vec![&b"SET"[..], b"k", b""]), (3, vec![&b"DEL"[..], b"\0\xff"])]);
        assert_eq!(effects.records(), 2);
    }
}
