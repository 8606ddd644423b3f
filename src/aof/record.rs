//! One record is one line, in the words of the line protocol.
//!
//! ```text
//! SET user:2 "Jane Doe"          database 0, where each file starts
//! SELECT 3                       not a record: the lines after it belong to database 3
//! DEL user:9
//! ```

use super::mark;
use crate::keyspace::effects::Record;
use crate::limits;
use crate::protocol::quote::push_word;
use crate::protocol::{Fault, Form, Limits, Parser, Request, Span, Words, copied_words};

/// Appends a record's line, after a `SELECT` line if it is not in database `db`, which it updates.
pub fn push(out: &mut Vec<u8>, record: Record<'_>, db: &mut u8) {
    if record.db != *db {
        *db = record.db;
        out.extend_from_slice(b"SELECT ");
        out.extend_from_slice(itoa::Buffer::new().format(record.db).as_bytes());
        out.push(b'\n');
    }
    for (at, word) in record.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        push_word(out, word);
    }
    out.push(b'\n');
}

/// What takes the records of a log: the database, and the words of the command that repeats the change.
/// An error says why the record cannot be.
pub type Apply<'a> = dyn FnMut(u8, Words<'_>) -> Result<(), String> + 'a;

/// Bytes of lines that are parsed in one go: enough to be quick, few enough to stay in the cache.
const STRETCH_BYTES: usize = 32 << 10;

/// Reads lines back into records.
pub struct Reader {
    /// The database that the next line belongs to.
    pub db: u8,
    spans: Vec<Span>,
    requests: Vec<Request>,
    /// A line longer than this is read by itself, as spans do not reach so far: 512 MiB of arbitrary bytes take four times
    /// as many in quotes, and a record may hold several such words.
    spans_reach: usize,
}

/// A line that is no record.
#[derive(Debug, PartialEq, Eq)]
pub struct BadLine {
    /// How many lines come before it that are neither blank nor comments.
    pub index: u64,
    pub what: String,
}

impl Reader {
    pub fn new() -> Self {
        Self { db: 0, spans: Vec::new(), requests: Vec::new(), spans_reach: u32::MAX as usize }
    }

    /// Hands on the records of whole lines; quoted words are unquoted in place. Returns how many there were.
    pub fn read(&mut self, mut text: &mut [u8], apply: &mut Apply<'_>) -> Result<u64, BadLine> {
        let (mut lines, mut records) = (0, 0);
        while !text.is_empty() {
            let (stretch, rest) = text.split_at_mut(stretch_end(text));
            text = rest;
            if stretch.len() > self.spans_reach {
                let count = self.read_long(stretch, apply).map_err(|what| BadLine { index: lines, what })?;
                (lines, records) = (lines + count.is_some() as u64, records + count.unwrap_or(0));
                continue;
            }
            self.spans.clear();
            self.requests.clear();
            let understood = Parser::new().parse(stretch, &mut self.spans, &mut self.requests, &UNBOUNDED)
                == stretch.len();
            for request in &self.requests {
                let read = match request.fault {
                    Some(fault) => Err(fault_text(fault)),
                    None if request.form == Form::Resp => Err(NO_LINE.to_owned()),
                    None => {
                        let spans = &self.spans[request.first as usize..][..request.count as usize];
                        read_line(Words::new(stretch, spans, Form::Text), &mut self.db, apply)
                    }
                };
                records += read.map_err(|what| BadLine { index: lines, what })?;
                lines += 1;
            }
            if !understood {
                return Err(BadLine { index: lines, what: NO_LINE.to_owned() });
            }
        }
        Ok(records)
    }

    /// One line, of any length: how many records it is, or `None` if it is blank or a comment.
    fn read_long(&mut self, line: &mut [u8], apply: &mut Apply<'_>) -> Result<Option<u64>, String> {
        let words = copied_words(line).map_err(|_| fault_text(Fault::Unbalanced))?;
        match words.words() {
            words if words.is_empty() => Ok(None),
            words => read_line(words, &mut self.db, apply).map(Some),
        }
    }
}

fn fault_text(fault: Fault) -> String {
    fault.text().trim_start_matches("ERR ").to_owned()
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

const NO_LINE: &str = "this is not a line of words";

/// Lines in the log are as long as their values are.
const UNBOUNDED: Limits = Limits {
    line_bytes_max: usize::MAX,
    bulk_bytes_max: 0,
    args_max: 0,
    request_bytes_max: 0,
    authenticated: true,
};

/// The length of some whole lines, all if they are few.
fn stretch_end(text: &[u8]) -> usize {
    match text.get(..STRETCH_BYTES).and_then(|head| memchr::memrchr(b'\n', head)) {
        Some(end) => end + 1,
        None => memchr::memchr(b'\n', &text[STRETCH_BYTES.min(text.len())..])
            .map_or(text.len(), |end| STRETCH_BYTES.min(text.len()) + end + 1),
    }
}

/// Returns how many records the line is: one, or none if it selects a database.
fn read_line(words: Words<'_>, db: &mut u8, apply: &mut Apply<'_>) -> Result<u64, String> {
    if words.len() == 2 && words.get(0).eq_ignore_ascii_case(b"SELECT") {
        *db = mark::decimal(words.get(1))
            .filter(|&db| db < limits::DATABASES as u64)
            .ok_or("there is no such database")? as u8;
        return Ok(0);
    }
    apply(*db, words)?;
    Ok(1)
}

/// Where in `text` the line is that a [`BadLine`] speaks of, counted from 0.
pub fn line_of(text: &[u8], bad: &BadLine) -> u64 {
    let lines = text.split(|&byte| byte == b'\n').enumerate();
    let mut counted = lines.filter(|(_, line)| !line.starts_with(b"#") && !line.trim_ascii().is_empty());
    counted.nth(bad.index as usize).map_or(0, |(at, _)| at as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::effects::Effects;
    use proptest::prelude::*;

    type Owned = (u8, Vec<Vec<u8>>);

    fn read(text: &[u8]) -> Result<Vec<Owned>, BadLine> {
        read_by(&mut Reader::new(), text)
    }

    fn read_by(reader: &mut Reader, text: &[u8]) -> Result<Vec<Owned>, BadLine> {
        let mut seen = Vec::new();
        let mut text = text.to_vec();
        let count = reader.read(&mut text, &mut |db, words| {
            seen.push((db, words.iter().map(<[u8]>::to_vec).collect()));
            Ok(())
        })?;
        assert_eq!(count, seen.len() as u64);
        Ok(seen)
    }

    /// Each line as if spans did not reach to its end.
    fn read_as_long(text: &[u8]) -> Vec<Owned> {
        let mut reader = Reader { spans_reach: 0, ..Reader::new() };
        let lines = text.split_inclusive(|&byte| byte == b'\n');
        lines.flat_map(|line| read_by(&mut reader, line).unwrap()).collect()
    }

    fn write(records: &[Owned]) -> Vec<u8> {
        let mut effects = Effects::new();
        for (db, words) in records {
            effects.push(*db, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        let (mut out, mut db) = (Vec::new(), 0);
        effects.iter().for_each(|record| push(&mut out, record, &mut db));
        out
    }

    #[test]
    fn records_are_lines_of_words() {
        let records = [
            (0, vec![b"SET".to_vec(), b"user:2".to_vec(), b"Jane Doe".to_vec()]),
            (3, vec![b"DEL".to_vec(), b"".to_vec(), b"a\nb\xff".to_vec()]),
            (3, vec![b"SADD".to_vec(), "Jürgen".as_bytes().to_vec()]),
        ];
        let text = write(&records);
        let expected = "SET user:2 \"Jane Doe\"\nSELECT 3\nDEL \"\" \"a\\nb\\xff\"\nSADD Jürgen\n";
        assert_eq!(String::from_utf8_lossy(&text), expected);
        assert_eq!(read(&text).unwrap(), records);
    }

    #[test]
    fn a_bad_line_is_found_again() {
        let text = b"# a comment\n\nSET a 1\nselect 2\n  \nSET b \"x\nSET c 3\n";
        let bad = read(text).unwrap_err();
        assert_eq!(bad.index, 2);
        assert_eq!(line_of(text, &bad), 5);
        assert!(bad.what.contains("unbalanced quotes"), "{}", bad.what);
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for (text, index) in [
            (&b"SET a 1\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"[..], 1),
            (b"SET a 1\n*2\r\n", 1),
            (b"SELECT 99\n", 0),
            (b"SELECT x\n", 0),
        ] {
            assert_eq!(read(text).unwrap_err().index, index, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn lines_that_spans_do_not_reach() {
        assert_eq!(read_as_long(b"# a 'comment\n\n  \n"), []);
        let mut reader = Reader { spans_reach: 8, ..Reader::new() };
        let bad = read_by(&mut reader, b"SET a 1\n").and_then(|_| read_by(&mut reader, b"SET b \"123456\n"));
        assert!(bad.unwrap_err().what.contains("unbalanced quotes"));
        let bad = read_by(&mut reader, b"SELECT 1234567\n").unwrap_err();
        assert_eq!((bad.index, &bad.what[..]), (0, "there is no such database"));
    }

    #[test]
    fn long_lines_cross_stretches() {
        let long = |length| vec![b"SET".to_vec(), b"k".to_vec(), vec![b'v'; length]];
        let records: Vec<Owned> =
            [10, STRETCH_BYTES - 7, STRETCH_BYTES, 3 * STRETCH_BYTES, 1].map(|n| (0, long(n))).into();
        assert_eq!(read(&write(&records)).unwrap(), records);
    }

    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..12),
            "[ -~]{0,12}".prop_map(String::into_bytes),
            any::<String>().prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn every_record_round_trips(
            records in proptest::collection::vec(
                (0..16u8, word().prop_map(|word| [b"SET".to_vec(), word].to_vec()), word()),
                0..20,
            ),
        ) {
            let records: Vec<Owned> = records
                .into_iter()
                .map(|(db, mut words, last)| { words.push(last); (db, words) })
                .collect();
            let text = write(&records);
            let text_is_lines = std::str::from_utf8(&text).is_ok_and(|text| {
                text.chars().all(|char| char == '\n' || !char.is_control())
            });
            prop_assert!(text_is_lines);
            prop_assert_eq!(&read(&text).unwrap(), &records);
            prop_assert_eq!(read_as_long(&text), records);
        }
    }
}
