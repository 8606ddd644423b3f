//! What the families of collections have in common: records in pieces, scans of one value, counts, replies.

use smallvec::{SmallVec, smallvec};

use super::args::Args;
use super::error::{Done, Error};
use super::keys::walk::parse_cursor;
use crate::data::packed::{Element, IntText};
use crate::keyspace::event::{self, Event};
use crate::keyspace::pattern::Pattern;
use crate::keyspace::{Content, Edit, Stored};
use crate::limits::{OUTPUT_MAX, RECORD_BYTES, RECORD_WORDS};
use crate::protocol::Reply;
use crate::protocol::double::write_double;

/// Words that a command gathers while it works on a value: what it has changed, what it found.
#[derive(Default)]
pub struct Texts {
    bytes: SmallVec<[u8; 96]>,
    ends: SmallVec<[usize; 8]>,
}

impl Texts {
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    pub fn push_element(&mut self, element: &Element<'_>) {
        self.push(element.as_bytes(&mut IntText::default()));
    }

    /// A score, in the shortest text that reads back as the same number.
    pub fn push_score(&mut self, score: f64) {
        let mut text = Vec::new();
        write_double(&mut text, score);
        self.push(&text);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[at]]
        })
    }
}

/// Records `name key word ...`: a large change becomes several. Words that come in pairs stay together.
pub fn record_in_pieces(edit: &mut Edit, name: &[u8], key: &[u8], words: &Texts) {
    let mut piece: SmallVec<[&[u8]; 10]> = smallvec![name, key];
    let mut bytes = 0;
    for word in words.iter() {
        bytes += word.len();
        let is_full = piece.len() >= 2 + RECORD_WORDS || bytes > RECORD_BYTES;
        if is_full && piece.len() > 2 && piece.len().is_multiple_of(2) {
            edit.record(&piece);
            piece.truncate(2);
            bytes = word.len();
        }
        piece.push(word);
    }
    if piece.len() > 2 {
        edit.record(&piece);
    }
}

/// After members were removed, if any were: records that, or that the key went with the last of them.
pub fn record_removal(edit: &mut Edit, event: Event, name: &[u8], key: &[u8], removed: &Texts) {
    if removed.is_empty() {
        return;
    }
    edit.notify(event, key);
    if edit.drop_if_empty(key) {
        edit.record(&[b"DEL", key]);
    } else {
        record_in_pieces(edit, name, key, removed);
    }
}

/// Removes a key, whatever it holds, and records that.
pub fn delete(edit: &mut Edit, key: &[u8]) -> bool {
    let existed = edit.remove(key);
    if existed {
        edit.record(&[b"DEL", key]);
        edit.notify(event::DEL, key);
    }
    existed
}

/// Puts a collection in place of whatever the key holds, or nothing where it is empty. `name` and `words` make it again.
pub fn replace(
    edit: &mut Edit,
    event: Event,
    key: &[u8],
    collection: impl Stored,
    name: &[u8],
    words: &Texts,
) {
    if words.is_empty() {
        delete(edit, key);
        return;
    }
    if edit.peek(edit.db(), key).is_some() {
        edit.record(&[b"DEL", key]);
    }
    edit.put(key, Content::Object(Box::new(collection.into_object())), None);
    record_in_pieces(edit, name, key, words);
    edit.notify(event, key);
}

pub fn say(reply: &mut Reply, element: &Element<'_>) {
    reply.bulk(element.as_bytes(&mut IntText::default()));
}

pub fn say_all(reply: &mut Reply, texts: &Texts) {
    reply.array(texts.len());
    texts.iter().for_each(|text| reply.bulk(text));
}

/// A cursor, and after the key has been found, the options behind it.
pub struct Scan {
    pub pattern: Pattern,
    pub count: usize,
}

impl Scan {
    const COUNT_DEFAULT: usize = 10;

    pub fn cursor(args: &mut Args) -> Result<u64, Error> {
        parse_cursor(args.next())
    }

    pub fn options(args: &mut Args) -> Result<Scan, Error> {
        let mut scan = Scan { pattern: Pattern::All, count: Self::COUNT_DEFAULT };
        while !args.is_done() {
            if let Some(pattern) = args.keyword_and_value("MATCH") {
                scan.pattern = Pattern::new(pattern);
            } else if args.left() > 1 && args.keyword("COUNT") {
                let count = args.int();
                args.check()?;
                scan.count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(Error::SYNTAX)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(scan)
    }

    pub fn wants(&self, element: &Element<'_>) -> bool {
        self.pattern.matches(element.as_bytes(&mut IntText::default()))
    }

    pub fn say(reply: &mut Reply, cursor: u64, found: &Texts) {
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
        say_all(reply, found);
    }
}

/// How many members to draw: so many different ones, or, where negative, so many draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    Different(usize),
    Repeated(usize),
}

impl Draw {
    pub fn parse(args: &mut Args) -> Result<Draw, Error> {
        const RANGE: Error = Error::fixed(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        );
        let count = args.int();
        args.check()?;
        match count {
            0.. => Ok(Draw::Different(count as usize)),
            i64::MIN => Err(RANGE),
            _ => Ok(Draw::Repeated(count.unsigned_abs() as usize)),
        }
    }
}

/// Adds up the bytes of a reply that is as long as the client wishes.
#[derive(Default)]
pub struct Bound(usize);

impl Bound {
    pub fn count(&mut self, element: &Element<'_>) -> Done {
        self.0 += element.text_len() + b"$0\r\n\r\n".len();
        if self.0 > OUTPUT_MAX {
            return Err(Error::fixed("ERR value is out of range"));
        }
        Ok(())
    }
}

/// A count that may be zero.
pub fn count(args: &mut Args) -> Result<usize, Error> {
    let count = args.int_in(0..=i64::MAX, Error::fixed("ERR value is out of range, must be positive"));
    args.check().map(|()| count as usize)
}

/// LIMIT's number; 0 is no limit.
pub fn limit(args: &mut Args) -> Result<usize, Error> {
    let limit = args.int_in(0..=i64::MAX, Error::fixed("ERR LIMIT can't be negative"));
    args.check().map(|()| if limit == 0 { usize::MAX } else { limit as usize })
}
