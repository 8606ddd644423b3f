//! One log file, verified and handed on record by record.
//!
//! A group counts when its mark's checksum is right, and only such groups are handed on, whole. What comes
//! after the first group that does not count is one of two things:
//!
//! - **A torn tail**: bytes that were being written when the power went. Nobody was promised them.
//! - **Damage**: bytes that had been on disk and are different now.
//!
//! The file tells them apart by what follows. Each group says how much was on disk when it was written (all
//! before it, unless a `#synced` line says less), so a later group that counts proves damage if the first bad group had been
//! on disk by then. Without such a proof the rest is torn. The very last group has no
//! witness: if a bit of it rots, it is taken for torn. So a clean stop writes one more mark behind it.
//!
//! Complete files were synced to their end before `MANIFEST` called them complete: there, everything is damage.

use super::error::{Damage, Doing, Error, Result};
use super::groups::{self, Group, Groups, Position};
use super::manifest::Entry;
use super::mark::{self, Mark};
use super::record::{self, Apply, BadLine};
use super::storage::Storage;
use crate::execute::log::Seq;
use std::io::Read;

/// What a file turned out to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The number of the last record.
    pub seq: Seq,
    pub records: u64,
    pub groups: u64,
    /// The time of the first mark, if there is one, and of the last.
    pub first_ms: Option<u64>,
    pub last_ms: u64,
    /// The database that the next record would belong to.
    pub db: u8,
    /// The last group holds no records: its mark vouches for the group before it.
    pub closed: bool,
    /// The end of the last group that counts.
    pub end: Position,
    /// Bytes after `end` that nobody was promised.
    pub torn_bytes: u64,
    /// Why the first group of the torn tail does not count.
    pub torn_why: &'static str,
}

/// Told how many more bytes of the file are done.
pub type Progress<'a> = dyn FnMut(u64) + 'a;

/// Reads a file of the log from its start to its end.
pub fn replay(
    storage: &dyn Storage,
    entry: &Entry,
    apply: &mut Apply<'_>,
    progress: &mut Progress<'_>,
) -> Result<Replayed> {
    let mut run = Run::new(entry);
    let mut groups = Groups::new(storage.read(&entry.name, 0).doing("reading", &entry.name)?);
    let mut records = record::Reader::new();
    while let Some(group) = groups.next().doing("reading", &entry.name)? {
        if let Some(mark) = run.judge(&group)? {
            let read = records.read(group.text, apply);
            let count = read.map_err(|bad| bad_line(storage, entry, &group, &bad))?;
            run.applied(mark, count, records.db, &group)?;
        }
        progress(group.size_bytes);
    }
    let tail = groups.tail();
    progress(tail.len() as u64);
    run.finish(tail, groups.position())
}

/// The state of a replay between groups.
struct Run<'e> {
    entry: &'e Entry,
    done: Replayed,
    /// The first group that does not count.
    bad: Option<Bad>,
}

struct Bad {
    at: Position,
    why: &'static str,
}

impl<'e> Run<'e> {
    fn new(entry: &'e Entry) -> Self {
        let done = Replayed {
            seq: entry.first - 1,
            records: 0,
            groups: 0,
            first_ms: None,
            last_ms: 0,
            db: 0,
            closed: true,
            end: Position { offset: mark::HEADER.len() as u64, line: 2 },
            torn_bytes: 0,
            torn_why: "",
        };
        Self { entry, done, bad: None }
    }

    fn damage(&self, line: impl Into<Option<u64>>, what: impl Into<String>) -> Error {
        Damage::new(&self.entry.name, line, what).into()
    }

    /// The mark of a group that is to be handed on.
    fn judge(&mut self, group: &Group<'_>) -> Result<Option<Mark>> {
        if group.at == Position::START {
            self.check_header(group.text)?;
        }
        match self.bad {
            None if group.sound => return Ok(Some(group.mark)),
            None => {
                let why = "the checksum of this group does not match";
                self.bad = Some(Bad { at: group.at.max(self.done.end), why });
                if let Some(text) = groups::sound_end(group) {
                    self.check_witness(&text)?;
                }
            }
            Some(_) if group.sound => self.check_witness(group.text)?,
            Some(_) => {}
        }
        Ok(None)
    }

    /// Refuses if a group that counts shows that the bad one before it had been on disk.
    fn check_witness(&self, text: &[u8]) -> Result<()> {
        let Some(Bad { at, why }) = self.bad else { return Ok(()) };
        let said = text.split(|&byte| byte == b'\n').find_map(mark::parse_synced);
        match said {
            Some(synced) if synced <= self.done.seq => Ok(()),
            _ => Err(self.damage(at.line, why)),
        }
    }

    /// The header is on disk before a file's name is in the manifest, so it is never torn.
    fn check_header(&self, start: &[u8]) -> Result<()> {
        if start.starts_with(mark::HEADER) {
            return Ok(());
        }
        Err(match start.starts_with(b"# limpid aof ") {
            true => Damage::newer(&self.entry.name).into(),
            false => self.damage(1, "does not begin with the line `# limpid aof 1`"),
        })
    }

    fn applied(&mut self, mark: Mark, count: u64, db: u8, group: &Group<'_>) -> Result<()> {
        let line = group.mark_at.line;
        let expected = self.done.seq + count;
        if mark.seq != expected {
            let what =
                format!("the records up to here are numbered to {expected}, but this mark says {}", mark.seq);
            return Err(self.damage(line, what));
        }
        if mark.ms < self.done.last_ms {
            return Err(self.damage(line, "this mark is older than the one before it"));
        }
        let done = &mut self.done;
        done.seq = mark.seq;
        done.records += count;
        done.groups += 1;
        done.first_ms.get_or_insert(mark.ms);
        done.last_ms = mark.ms;
        done.db = db;
        done.closed = count == 0;
        done.end = Position { offset: group.at.offset + group.size_bytes, line: line + 1 };
        Ok(())
    }

    fn finish(mut self, tail: &[u8], tail_at: Position) -> Result<Replayed> {
        let size_bytes = tail_at.offset + tail.len() as u64;
        if tail_at == Position::START {
            self.check_header(tail)?;
        }
        if self.bad.is_none() && size_bytes > self.done.end.offset {
            self.bad = Some(Bad { at: tail_at.max(self.done.end), why: "no #commit line follows" });
        }
        if let Some(Bad { at, why }) = self.bad {
            if self.entry.last.is_some() {
                return Err(self.damage(at.line, why));
            }
            self.done.torn_bytes = size_bytes - self.done.end.offset;
            self.done.torn_why = why;
        }
        match self.entry.last {
            Some(last) if last != self.done.seq => {
                let what = format!("ends with record {}, but MANIFEST says {last}", self.done.seq);
                Err(self.damage(self.done.end.line, what))
            }
            _ => Ok(self.done),
        }
    }
}

/// Unquoting has changed the lines in memory, so the line is looked for in the file again.
fn bad_line(storage: &dyn Storage, entry: &Entry, group: &Group<'_>, bad: &BadLine) -> Error {
    let mut text = Vec::new();
    let file = storage.read(&entry.name, group.at.offset);
    let line = match file.and_then(|file| file.take(group.size_bytes).read_to_end(&mut text)) {
        Ok(_) => group.at.line + record::line_of(&text, bad),
        Err(_) => group.at.line,
    };
    Damage::new(&entry.name, line, bad.what.clone()).into()
}
