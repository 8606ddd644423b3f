//! `limpid check`: what a log holds, and whether it is whole. Changes nothing.

use super::error::{Damage, Doing, Error, Result};
use super::groups::Groups;
use super::manifest::{Entry, Kind, MANIFEST, Manifest, parse_file_name};
use super::record::{self, Apply};
use super::recovery::Progress;
use super::replay::{Replayed, replay};
use super::storage::Storage;
use super::time;
use crate::execute::log::Seq;
use std::fmt;

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In order of replay.
    pub files: Vec<FileReport>,
    /// Log files that `MANIFEST` does not name.
    pub strangers: Vec<String>,
}

/// What one file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    pub entry: Entry,
    /// Replayed at a start; the others are kept for `--until`.
    pub live: bool,
    pub size_bytes: u64,
    pub found: std::result::Result<Replayed, Damage>,
}

impl Report {
    pub fn is_whole(&self) -> bool {
        self.damage().is_none()
    }

    /// The first thing that keeps a server from starting.
    pub fn damage(&self) -> Option<&Damage> {
        self.files.iter().filter(|file| file.live).find_map(|file| file.found.as_ref().err())
    }
}

/// Verifies all files that the directory's manifest names. `apply` is asked about every record.
pub fn directory(
    storage: &dyn Storage,
    apply: &mut Apply<'_>,
    progress: &mut Progress<'_>,
) -> Result<Report> {
    let missing = || Damage::new(MANIFEST, None, "is missing");
    let manifest = Manifest::load(storage)?.ok_or_else(missing)?;
    let listed = storage.list().doing("listing", "the directory")?;
    let size = |entry: &Entry| storage.size_bytes(&entry.name).unwrap_or(0);
    let total = manifest.entries.iter().map(size).sum();
    let first_live = manifest.entries.len() - manifest.live().len();
    let mut done = 0;
    let mut files = Vec::new();
    for (at, entry) in manifest.entries.iter().enumerate() {
        let mut step = |bytes| {
            done += bytes;
            progress(done, total);
        };
        files.push(one(storage, entry.clone(), at >= first_live, apply, &mut step)?);
    }
    Ok(Report { files, strangers: manifest.strangers(listed) })
}

/// Verifies one file, which no manifest need name.
pub fn file(
    storage: &dyn Storage,
    name: &str,
    apply: &mut Apply<'_>,
    progress: &mut Progress<'_>,
) -> Result<FileReport> {
    let total = storage.size_bytes(name).doing("reading", name)?;
    let manifest = Manifest::load(storage)?.unwrap_or_default();
    let named = manifest.entries.iter().find(|entry| entry.name == name).cloned();
    let entry = match named {
        Some(entry) => entry,
        None => {
            let kind = parse_file_name(name).map_or(Kind::Segment, |(kind, _)| kind);
            Entry { kind, name: name.to_owned(), first: first_seq(storage, name)?, last: None }
        }
    };
    let live = manifest.live().contains(&entry);
    let mut done = 0;
    let mut step = |bytes| {
        done += bytes;
        progress(done, total);
    };
    one(storage, entry, live, apply, &mut step)
}

fn one(
    storage: &dyn Storage,
    entry: Entry,
    live: bool,
    apply: &mut Apply<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<FileReport> {
    let size_bytes = match storage.size_bytes(&entry.name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let found = Err(Damage::missing(&entry.name));
            return Ok(FileReport { entry, live, size_bytes: 0, found });
        }
        size => size.doing("reading", &entry.name)?,
    };
    let mut rest = size_bytes;
    let mut step = |bytes: u64| {
        rest = rest.saturating_sub(bytes);
        progress(bytes);
    };
    let found = match replay(storage, &entry, apply, &mut step) {
        Ok(replayed) => Ok(replayed),
        Err(Error::Damage(damage)) => {
            // Nothing after it is read.
            progress(rest);
            Err(damage)
        }
        Err(error) => return Err(error),
    };
    Ok(FileReport { entry, live, size_bytes, found })
}

/// The number of a file's first record, as its first mark tells it; 1 if it has none.
pub(super) fn first_seq(storage: &dyn Storage, name: &str) -> Result<Seq> {
    let mut groups = Groups::new(storage.read(name, 0).doing("reading", name)?);
    let Some(group) = groups.next().doing("reading", name)?.filter(|group| group.sound) else { return Ok(1) };
    let count = record::Reader::new().read(group.text, &mut |_, _| Ok(())).unwrap_or(0);
    Ok((group.mark.seq + 1).saturating_sub(count).max(1))
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileReport { entry, live, size_bytes, found } = self;
        let use_ = if *live { "" } else { ", kept for --until" };
        match found {
            Err(damage) => write!(f, "damaged: {damage}{use_}"),
            Ok(replayed) => {
                let Replayed { records, groups, seq, first_ms, last_ms, torn_bytes, torn_why, end, .. } =
                    replayed;
                write!(f, "{}: {records} records in {groups} groups, {size_bytes} bytes{use_}", entry.name)?;
                if let (Some(first_ms), Kind::Segment) = (first_ms, entry.kind) {
                    let (from, to) = (time::format(*first_ms), time::format(*last_ms));
                    write!(f, "; numbers {} to {seq}, {from} to {to}", entry.first)?;
                }
                if *torn_bytes > 0 {
                    let (line, offset) = (end.line, end.offset);
                    write!(f, "; torn: {torn_bytes} bytes from line {line}, byte {offset}: {torn_why}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::Policy;
    use crate::aof::mark::COMMIT;
    use crate::aof::testing::memory::MemoryStorage;
    use crate::aof::testing::{SEGMENT, log, with_segment};

    fn check(storage: &MemoryStorage) -> Report {
        let mut last = (0, 0);
        let report = directory(storage, &mut |_, _| Ok(()), &mut |done, total| last = (done, total)).unwrap();
        assert_eq!(last.0, last.1, "progress comes to its end");
        report
    }

    #[test]
    fn says_what_a_log_holds() {
        let (storage, _) = log(3, Policy::Always, true);
        let report = check(&storage);
        assert!(report.is_whole());
        let size = storage.contents(SEGMENT).len();
        let expected = format!(
            "00000001.aof: 6 records in 4 groups, {size} bytes; numbers 1 to 6, \
             1970-01-01T00:00:01.000Z to 1970-01-01T00:00:02.200Z"
        );
        assert_eq!(report.files[0].to_string(), expected);
        let alone = file(&storage, SEGMENT, &mut |_, _| Ok(()), &mut |_, _| {}).unwrap();
        assert_eq!(alone, report.files[0]);
    }

    #[test]
    fn says_where_it_is_torn_or_damaged() {
        let (storage, _) = log(3, Policy::Always, false);
        let bytes = storage.contents(SEGMENT);
        let torn = check(&with_segment(&storage, &[&bytes[..], b"SET a"].concat()));
        assert!(torn.is_whole());
        let text = torn.files[0].to_string();
        let expected = format!("; torn: 5 bytes from line 14, byte {}: no #commit line follows", bytes.len());
        assert!(text.ends_with(&expected), "{text}");
        let mut flipped = bytes.clone();
        flipped[20] ^= 1;
        let damaged = check(&with_segment(&storage, &flipped));
        assert!(!damaged.is_whole());
        let text = damaged.files[0].to_string();
        assert_eq!(text, "damaged: 00000001.aof:2: the checksum of this group does not match");
    }

    #[test]
    fn a_file_of_any_name_can_be_checked() {
        let (storage, _) = log(3, Policy::Always, false);
        let bytes = storage.contents(SEGMENT);
        let cut = memchr::memmem::find(&bytes, COMMIT).unwrap();
        let rest = cut + memchr::memchr(b'\n', &bytes[cut..]).unwrap() + 1;
        // The first group is gone, as if the file had begun later; the next one's checksum does not cover a header.
        storage.put("copy.txt", &bytes);
        let report = file(&storage, "copy.txt", &mut |_, _| Ok(()), &mut |_, _| {}).unwrap();
        assert_eq!(report.found.unwrap().records, 6);
        storage.put("rest.txt", &bytes[rest..]);
        let report = file(&storage, "rest.txt", &mut |_, _| Ok(()), &mut |_, _| {}).unwrap();
        assert_eq!(report.entry.first, 2);
        assert!(report.found.is_err(), "it has no header");
    }
}
