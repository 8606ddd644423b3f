//! One log file while it is written: records become lines of a group in memory, groups go behind the file's end.

use super::error::{Doing, Result};
use super::mark;
use super::record;
use super::storage::{Appender, Storage};
use crate::execute::log::Seq;
use crate::keyspace::effects::Records;
use crate::limits;
use crc32fast::Hasher;
use std::io;

pub struct LogFile {
    pub name: String,
    file: Box<dyn Appender>,
    /// Lines of the group in the making; once it is closed, the last is its mark.
    group: Vec<u8>,
    group_records: u64,
    /// What the file holds since its last mark: nothing, or its header.
    before_group: Hasher,
    /// The database that the next line belongs to.
    db: u8,
    /// The number of the last record in the file.
    pub written: Seq,
    /// The time of the last mark; they never fall, whatever the clock does.
    pub last_ms: u64,
    /// To the end of the last group, and of the last one that is there for certain.
    pub size_bytes: u64,
    synced_bytes: u64,
    /// The last group holds records: a bit that rots in it would look torn.
    pub unclosed: bool,
}

/// Where in a file writing goes on: behind its last whole group, all of which is synced.
pub struct Tail {
    /// The number of the last record.
    pub seq: Seq,
    pub last_ms: u64,
    pub size_bytes: u64,
    pub db: u8,
    pub closed: bool,
}

/// What one group came to.
pub struct Written {
    pub records: u64,
    pub bytes: u64,
}

impl LogFile {
    pub fn new(name: String, file: Box<dyn Appender>, tail: Tail) -> Self {
        let header_only = tail.size_bytes == mark::HEADER.len() as u64;
        Self {
            name,
            file,
            group: Vec::new(),
            group_records: 0,
            before_group: if header_only { mark::after_header() } else { Hasher::new() },
            db: tail.db,
            written: tail.seq,
            last_ms: tail.last_ms,
            size_bytes: tail.size_bytes,
            synced_bytes: tail.size_bytes,
            unclosed: !tail.closed,
        }
    }

    /// Makes a file that holds nothing but its header, on disk before any manifest can name it. Its first record
    /// will be the one after `seq`.
    pub fn create(storage: &dyn Storage, name: String, seq: Seq) -> Result<Self> {
        let mut file = storage.create(&name).doing("creating", &name)?;
        file.append(mark::HEADER).doing("writing", &name)?;
        file.sync().doing("syncing", &name)?;
        let tail = Tail { seq, last_ms: 0, size_bytes: mark::HEADER.len() as u64, db: 0, closed: true };
        Ok(Self::new(name, file, tail))
    }

    /// The same empty file, to be written behind another.
    pub fn behind(self, before: &LogFile) -> Self {
        Self { written: before.written, last_ms: before.last_ms, ..self }
    }

    /// The number of the last record, in the file or in the group.
    pub fn last(&self) -> Seq {
        self.written + self.group_records
    }

    pub fn has_records(&self) -> bool {
        self.group_records > 0
    }

    pub fn group_bytes(&self) -> usize {
        self.group.len()
    }

    /// Adds records to the group. `synced` is the number of the last record that is in the file for certain.
    pub fn push(&mut self, records: Records<'_>, synced: Seq) {
        if self.group.is_empty() && synced < self.written {
            mark::push_synced(&mut self.group, synced);
        }
        self.group_records += u64::from(records.count());
        // With the mark: a huge record must not be copied for the few bytes behind it.
        self.group.reserve(records.size_bytes() + mark::LINE_BYTES_MAX);
        for record in records.iter() {
            record::push(&mut self.group, record, &mut self.db);
        }
    }

    /// Ends the group with its mark. From then on it can only be written.
    pub fn close_group(&mut self, unix_ms: u64) {
        self.last_ms = self.last_ms.max(unix_ms);
        let seq = self.written + self.group_records;
        mark::push(&mut self.group, &self.before_group, seq, self.last_ms);
    }

    /// Writes the closed group. After an error it is still there, and any part of it may be in the file.
    pub fn write(&mut self) -> io::Result<Written> {
        self.file.append(&self.group)?;
        let written = Written { records: self.group_records, bytes: self.group.len() as u64 };
        self.size_bytes += written.bytes;
        self.written += written.records;
        self.unclosed = written.records > 0;
        self.before_group = Hasher::new();
        self.group_records = 0;
        self.group.clear();
        // One huge transaction must not keep its room forever.
        self.group.shrink_to(2 * limits::LOG_GROUP);
        Ok(written)
    }

    /// Gives the group up; its records' numbers stay taken.
    pub fn forget_group(&mut self) {
        self.written += std::mem::take(&mut self.group_records);
        self.group = Vec::new();
    }

    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.synced_bytes = self.size_bytes;
        Ok(())
    }

    pub fn is_synced(&self) -> bool {
        self.synced_bytes == self.size_bytes
    }

    /// Removes what a failed write left behind the last group.
    pub fn drop_part(&mut self) -> io::Result<()> {
        self.file.truncate(self.size_bytes)
    }

    /// Removes the groups that a failed sync has left in doubt.
    pub fn drop_unsynced(&mut self) -> io::Result<()> {
        self.file.truncate(self.synced_bytes)
    }
}
