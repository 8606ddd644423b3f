//! Which files make up the log: the text file `MANIFEST`, always replaced as a whole.
//!
//! ```text
//! # limpid manifest 1
//! segment 00000001.aof 1 90210               records 1 to 90210, kept for `check --until`
//! base 00000002.base.aof 1 52000             replay starts at the last base: the data set at some moment
//! delta 00000003.delta.aof 1 310             what changed while the base was being written
//! segment 00000004.aof 90211                 the segment that grows: records 90211 and up
//! unused 00000005.base.aof                   not part of the log: begun or given up by a compaction
//! #checksum 9f3c2a1b                         crc32 of everything above
//! ```
//!
//! Files are replayed in the order of these lines, which is the order of their names. Records of a base
//! or a delta are numbered from 1 in each file. The last line but one of the log itself, the growing segment,
//! is the only one without a last number; all others are complete and never change again.

use super::error::{Damage, Doing, Error, Result};
use super::mark;
use super::storage::Storage;
use crate::execute::log::Seq;
use std::fmt::Write;
use std::io::{ErrorKind, Read};

pub const MANIFEST: &str = "MANIFEST";
const TEMPORARY: &str = "MANIFEST.tmp";
const HEADER: &str = "# limpid manifest 1";
const CHECKSUM: &str = "#checksum ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Base,
    Delta,
    Segment,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Base, Kind::Delta, Kind::Segment];

    fn word(self) -> &'static str {
        match self {
            Kind::Base => "base",
            Kind::Delta => "delta",
            Kind::Segment => "segment",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Kind::Base => ".base.aof",
            Kind::Delta => ".delta.aof",
            Kind::Segment => ".aof",
        }
    }

    pub fn file_name(self, number: u64) -> String {
        format!("{number:08}{}", self.ending())
    }
}

/// The kind and number that a file's name speaks of, if it is one of the log's own.
pub fn parse_file_name(name: &str) -> Option<(Kind, u64)> {
    let (digits, ending) = name.split_at_checked(name.find('.')?)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.ending() == ending)?;
    let number = digits.parse().ok()?;
    (kind.file_name(number) == name).then_some((kind, number))
}

/// One file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    pub name: String,
    /// The number of its first record.
    pub first: Seq,
    /// The number of its last record, `first - 1` if it has none; `None` while it grows.
    pub last: Option<Seq>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// In order of replay.
    pub entries: Vec<Entry>,
    /// Files that may be removed.
    pub unused: Vec<String>,
}

impl Manifest {
    /// The files that make up the present state: from the last base on.
    pub fn live(&self) -> &[Entry] {
        let base = self.entries.iter().rposition(|entry| entry.kind == Kind::Base);
        &self.entries[base.unwrap_or(0)..]
    }

    /// The segment that is written to.
    pub fn growing(&self) -> &Entry {
        self.entries.last().expect("a manifest that names no files is refused when it is read")
    }

    /// A number greater than that of any log file, listed or not.
    pub fn next_number(&self, names: &[String]) -> u64 {
        let names = self.names().chain(names.iter().map(String::as_str));
        names.filter_map(parse_file_name).map(|(_, number)| number).max().unwrap_or(0) + 1
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &entry.name).chain(&self.unused).map(String::as_str)
    }

    /// Those of a directory's files that look like the log's, and are no part of it.
    pub fn strangers(&self, mut listed: Vec<String>) -> Vec<String> {
        listed.retain(|name| parse_file_name(name).is_some() && self.names().all(|known| known != name));
        listed
    }

    /// The manifest that the directory holds; `None` if it has none.
    pub fn load(storage: &dyn Storage) -> Result<Option<Manifest>> {
        let mut bytes = Vec::new();
        match storage.read(MANIFEST, 0).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(Manifest::parse(&bytes)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Storage { doing: format!("reading {MANIFEST}"), error }),
        }
    }

    /// Puts this manifest in the place of the one before; a crash leaves the one or the other.
    /// Also makes every other creation and removal in the directory survive.
    pub fn store(&self, storage: &dyn Storage) -> Result<()> {
        self.prepare(storage)?;
        Self::replace(storage)
    }

    /// Everything up to the moment that counts. After an error the manifest before still holds.
    pub fn prepare(&self, storage: &dyn Storage) -> Result<()> {
        match storage.remove(TEMPORARY) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).doing("removing", TEMPORARY);
            }
            _ => {}
        }
        let mut file = storage.create(TEMPORARY).doing("creating", TEMPORARY)?;
        file.append(self.text().as_bytes()).doing("writing", TEMPORARY)?;
        file.sync().doing("syncing", TEMPORARY)?;
        // The files it names must not come after it.
        storage.sync_directory().doing("syncing the directory for", MANIFEST)
    }

    /// Makes the prepared manifest hold. After an error nobody knows which one does.
    pub fn replace(storage: &dyn Storage) -> Result<()> {
        storage.rename(TEMPORARY, MANIFEST).doing("replacing", MANIFEST)?;
        storage.sync_directory().doing("syncing the directory for", MANIFEST)
    }

    fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for Entry { kind, name, first, last } in &self.entries {
            let kind = kind.word();
            match last {
                Some(last) => writeln!(text, "{kind} {name} {first} {last}"),
                None => writeln!(text, "{kind} {name} {first}"),
            }
            .expect("a String takes everything");
        }
        for name in &self.unused {
            writeln!(text, "unused {name}").expect("a String takes everything");
        }
        let checksum = crc32fast::hash(text.as_bytes());
        writeln!(text, "{CHECKSUM}{checksum:08x}").expect("a String takes everything");
        text
    }

    pub fn parse(bytes: &[u8]) -> Result<Manifest> {
        let damage = |line: usize, what: &str| Damage::new(MANIFEST, line as u64, what);
        let text = std::str::from_utf8(bytes).map_err(|_| Damage::new(MANIFEST, None, "is not text"))?;
        let body_end = text.rfind(CHECKSUM).ok_or(Damage::new(MANIFEST, None, "is cut short"))?;
        let (body, last_line) = text.split_at(body_end);
        let expected = format!("{CHECKSUM}{:08x}\n", crc32fast::hash(body.as_bytes()));
        if last_line != expected {
            return Err(damage(body.lines().count() + 1, "the checksum does not match").into());
        }
        let mut manifest = Manifest::default();
        for (at, line) in body.lines().enumerate() {
            match at {
                0 if line == HEADER => {}
                0 => return Err(Damage::newer(MANIFEST).into()),
                _ => manifest.parse_line(line).map_err(|what| damage(at + 1, what))?,
            }
        }
        manifest.verify().map_err(|what| Damage::new(MANIFEST, None, what))?;
        Ok(manifest)
    }

    fn parse_line(&mut self, line: &str) -> std::result::Result<(), &'static str> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| mark::decimal(word.as_bytes()).ok_or("a record number was expected");
        let (kind, name, first, last) = match words[..] {
            ["unused", name] => {
                parse_file_name(name).ok_or("is not a name of a log file")?;
                self.unused.push(name.to_owned());
                return Ok(());
            }
            [kind, name, first] => (kind, name, number(first)?, None),
            [kind, name, first, last] => (kind, name, number(first)?, Some(number(last)?)),
            _ => return Err("cannot be read"),
        };
        let (named, _) = parse_file_name(name).ok_or("is not a name of a log file")?;
        if named.word() != kind {
            return Err("the file's name does not fit its kind");
        }
        if first == 0 || last.is_some_and(|last| last < first - 1) {
            return Err("the record numbers are impossible");
        }
        self.entries.push(Entry { kind: named, name: name.to_owned(), first, last });
        Ok(())
    }

    /// What every manifest keeps to, whoever wrote it.
    fn verify(&self) -> std::result::Result<(), &'static str> {
        let Some((growing, complete)) = self.entries.split_last() else { return Err("names no files") };
        if growing.kind != Kind::Segment || growing.last.is_some() {
            return Err("the last file must be a segment that may grow");
        }
        if complete.iter().any(|entry| entry.last.is_none()) {
            return Err("only the last file may grow");
        }
        if !self.entries.is_sorted_by(|a, b| a.name < b.name) {
            return Err("the files are not in the order of their names, or one is there twice");
        }
        let segments = self.entries.iter().filter(|entry| entry.kind == Kind::Segment);
        if !segments.is_sorted_by(|a, b| a.last.is_some_and(|last| last < b.first)) {
            return Err("the record numbers of its segments overlap");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::storage::FileStorage;

    fn entry(name: &str, first: Seq, last: impl Into<Option<Seq>>) -> Entry {
        let (kind, _) = parse_file_name(name).unwrap();
        Entry { kind, name: name.to_owned(), first, last: last.into() }
    }

    fn example() -> Manifest {
        Manifest {
            entries: vec![
                entry("00000001.aof", 1, 90210),
                entry("00000002.base.aof", 1, 52000),
                entry("00000003.delta.aof", 1, 0),
                entry("00000004.aof", 90211, None),
            ],
            unused: vec!["00000005.base.aof".to_owned()],
        }
    }

    #[test]
    fn replaces_itself_and_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let storage = FileStorage::open(directory.path()).unwrap();
        assert_eq!(Manifest::load(&storage).unwrap(), None);
        let manifest = example();
        manifest.store(&storage).unwrap();
        manifest.store(&storage).unwrap();
        assert_eq!(Manifest::load(&storage).unwrap(), Some(manifest));
        assert_eq!(storage.list().unwrap(), [MANIFEST]);
    }

    #[test]
    fn live_starts_at_the_last_base() {
        let names: Vec<_> = example().live().iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(names, ["00000002.base.aof", "00000003.delta.aof", "00000004.aof"]);
    }

    #[test]
    fn every_cut_and_every_flip_is_noticed() {
        let text = example().text().into_bytes();
        for end in 0..text.len() {
            assert!(Manifest::parse(&text[..end]).is_err(), "cut at {end}");
            let mut flipped = text.clone();
            flipped[end] ^= 1 << (end % 8);
            assert!(Manifest::parse(&flipped).is_err(), "flipped at {end}");
        }
    }

    #[test]
    fn only_its_own_names_are_names() {
        assert_eq!(parse_file_name("00000012.base.aof"), Some((Kind::Base, 12)));
        assert_eq!(parse_file_name("123456789.aof"), Some((Kind::Segment, 123_456_789)));
        for name in ["1.aof", "00000001.aof.torn", "0000000x.aof", "00000001", "MANIFEST", "+0000001.aof"] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }
}
