//! From a directory to a log that can be written on.
//!
//! ```text
//! MANIFEST ──► base ──► delta ──► segment ┄┄ torn tail ──► 00000004.aof.torn
//!              every record of every whole group ──► apply
//! ```
//!
//! Ends in one of two ways: everything that had been promised is applied, or one error that names the file and
//! the line, with nothing in the directory changed. Does not expire, check or understand records; that is
//! for `apply`.

use super::error::{Damage, Doing, Error, Result};
use super::groups::Position;
use super::log_file::LogFile;
use super::manifest::{Entry, Kind, MANIFEST, Manifest, parse_file_name};
use super::mark;
use super::record::Apply;
use super::replay::{Replayed, replay};
use super::storage::{Appender, Storage, copy};
use crate::execute::log::Seq;
use crate::protocol::Words;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

/// A log that has been read to its end, ready for [`super::Aof::start`].
pub struct Recovered {
    pub(super) manifest: Manifest,
    /// The growing segment, behind its last whole group.
    pub(super) segment: Box<dyn Appender>,
    pub(super) end: Replayed,
    pub report: Report,
    /// Keeps the directory locked.
    pub(super) storage: Arc<dyn Storage>,
}

/// What recovery found, for the line that the server prints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub records: u64,
    pub groups: u64,
    pub size_bytes: u64,
    /// Of these, in the base and its delta.
    pub base_bytes: u64,
    pub last_seq: Seq,
    pub torn: Option<Torn>,
    /// Log files that `MANIFEST` does not name. They are left alone.
    pub strangers: Vec<String>,
}

/// The tail that was cut off the growing segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    pub file: String,
    pub offset: u64,
    pub line: u64,
    pub size_bytes: u64,
    pub why: &'static str,
    /// Where the tail is kept.
    pub kept: String,
}

/// What takes the records of a log in their order, and may be done with them later.
pub trait Target {
    /// The error says why the record cannot be.
    fn apply(&mut self, db: u8, words: Words<'_>) -> std::result::Result<(), String>;

    /// Returns when all records so far are applied. The error is the first that could not be, counted from 0, and why.
    fn settle(&mut self) -> std::result::Result<(), (u64, String)>;
}

/// At once, one by one.
impl<F: FnMut(u8, Words<'_>) -> std::result::Result<(), String>> Target for F {
    fn apply(&mut self, db: u8, words: Words<'_>) -> std::result::Result<(), String> {
        self(db, words)
    }

    fn settle(&mut self) -> std::result::Result<(), (u64, String)> {
        Ok(())
    }
}

/// How far reading has come, in bytes: done and total.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Claims the directory, applies what the log holds and mends its tail. An empty directory becomes an empty log.
pub fn open(
    storage: Arc<dyn Storage>,
    target: &mut dyn Target,
    progress: &mut Progress<'_>,
) -> Result<Recovered> {
    storage.lock().map_err(|error| match error.kind() {
        // Says by itself who holds it.
        ErrorKind::ResourceBusy => Error::Busy(error.to_string()),
        _ => Error::Storage { doing: "locking the directory".to_owned(), error },
    })?;
    let manifest = match Manifest::load(&*storage)? {
        Some(manifest) => manifest,
        None => begin(&*storage)?,
    };
    let strangers = manifest.strangers(storage.list().doing("listing", "the directory")?);
    let mut report = Report { strangers, ..Report::default() };
    let end = fill(&*storage, &manifest, &mut report, target, progress)?;
    let segment = mend(&*storage, manifest.growing(), &end, &mut report)?;
    remove_unused(&*storage, &manifest)?;
    Ok(Recovered { manifest, segment, end, report, storage })
}

/// What Redis keeps its data in, by default.
const OF_REDIS: [&str; 3] = ["appendonlydir", "appendonly.aof", "dump.rdb"];

/// Makes the first segment and the first manifest.
fn begin(storage: &dyn Storage) -> Result<Manifest> {
    let names = storage.list().doing("listing", "the directory")?;
    if let Some(foreign) = names.iter().find(|name| OF_REDIS.contains(&name.as_str())) {
        return Err(Error::Refused(format!(
            "this is a directory of Redis, of which limpid cannot read {foreign}: give another with --dir \
             (a running Redis can be copied key by key with DUMP and RESTORE)"
        )));
    }
    for name in names {
        if parse_file_name(&name).is_none() {
            continue;
        }
        if !is_stillborn(storage, &name).doing("reading", &name)? {
            return Err(Damage::new(MANIFEST, None, format!("is missing, but there is {name}")).into());
        }
        storage.remove(&name).doing("removing", &name)?;
    }
    let name = Kind::Segment.file_name(1);
    LogFile::create(storage, name.clone(), 0)?;
    let entry = Entry { kind: Kind::Segment, name, first: 1, last: None };
    let manifest = Manifest { entries: vec![entry], unused: Vec::new() };
    manifest.store(storage)?;
    Ok(manifest)
}

/// Whether a file is what a crash leaves of a first start: no more than a header, of which the end may have become zeros.
fn is_stillborn(storage: &dyn Storage, name: &str) -> std::io::Result<bool> {
    let mut start = Vec::new();
    storage.read(name, 0)?.take(mark::HEADER.len() as u64 + 1).read_to_end(&mut start)?;
    let zeros = start.iter().rev().take_while(|&&byte| byte == 0).count();
    let written = &start[..start.len() - zeros];
    Ok(start.len() <= mark::HEADER.len() && mark::HEADER.starts_with(written))
}

/// Replays all live files and waits for the last record.
fn fill(
    storage: &dyn Storage,
    manifest: &Manifest,
    report: &mut Report,
    target: &mut dyn Target,
    progress: &mut Progress<'_>,
) -> Result<Replayed> {
    let end = replay_all(storage, manifest, report, &mut |db, words| target.apply(db, words), progress);
    match target.settle() {
        Ok(()) => end,
        // It comes before whatever else is wrong.
        Err((record, why)) => Err(locate(storage, manifest, record, why)),
    }
}

/// Reads the log of a running server once more. Nothing may be written meanwhile.
pub fn reread(storage: &dyn Storage, manifest: &Manifest, target: &mut dyn Target) -> Result<()> {
    fill(storage, manifest, &mut Report::default(), target, &mut |_, _| {}).map(drop)
}

/// Where a record is, counted from 0, that turned out to be none when others behind it had been read.
fn locate(storage: &dyn Storage, manifest: &Manifest, mut record: u64, why: String) -> Error {
    let mut find = |_, _: Words<'_>| match record.checked_sub(1) {
        Some(rest) => {
            record = rest;
            Ok(())
        }
        None => Err(why.clone()),
    };
    let found = replay_all(storage, manifest, &mut Report::default(), &mut find, &mut |_, _| {});
    found.err().unwrap_or_else(|| Damage::new(MANIFEST, None, why).into())
}

/// Replays all live files; returns what the growing one held.
fn replay_all(
    storage: &dyn Storage,
    manifest: &Manifest,
    report: &mut Report,
    apply: &mut Apply<'_>,
    progress: &mut Progress<'_>,
) -> Result<Replayed> {
    let mut total = 0;
    for entry in manifest.live() {
        total += size_bytes(storage, &entry.name)?;
    }
    let mut done = 0;
    let mut last_ms = 0;
    let mut end = None;
    for entry in manifest.live() {
        let mut step = |bytes| {
            done += bytes;
            progress(done, total);
        };
        let mut file = replay(storage, entry, apply, &mut step)?;
        last_ms = file.last_ms.max(last_ms);
        file.last_ms = last_ms;
        report.records += file.records;
        report.groups += file.groups;
        report.size_bytes += file.end.offset;
        if entry.kind != Kind::Segment {
            report.base_bytes += file.end.offset;
        }
        end = Some(file);
    }
    let end = end.expect("a manifest that names no files is refused when it is read");
    report.last_seq = end.seq;
    Ok(end)
}

fn size_bytes(storage: &dyn Storage, name: &str) -> Result<u64> {
    match storage.size_bytes(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Damage::missing(name).into()),
        size => size.doing("reading", name),
    }
}

/// Cuts the torn tail off, once it is safe beside the log, and syncs what is there: a segment that an earlier process
/// wrote may be in the page cache only, and from now on clients see what it says.
fn mend(
    storage: &dyn Storage,
    entry: &Entry,
    end: &Replayed,
    report: &mut Report,
) -> Result<Box<dyn Appender>> {
    let name = &entry.name;
    let Position { offset, line } = end.end;
    if end.torn_bytes > 0 {
        let kept = keep_tail(storage, name, offset)?;
        let (size_bytes, why) = (end.torn_bytes, end.torn_why);
        report.torn = Some(Torn { file: name.clone(), offset, line, size_bytes, why, kept });
    }
    let mut segment = storage.open(name).doing("opening", name)?;
    if end.torn_bytes > 0 {
        segment.truncate(offset).doing("truncating", name)?;
    }
    segment.sync().doing("syncing", name)?;
    Ok(segment)
}

/// Copies what follows `offset` to a file of its own and returns that one's name.
fn keep_tail(storage: &dyn Storage, name: &str, offset: u64) -> Result<String> {
    let taken = storage.list().doing("listing", "the directory")?;
    let kept = free_name(&taken, &format!("{name}.torn"));
    copy((storage, name), offset, u64::MAX, (storage, &kept)).doing("writing", &kept)?;
    storage.sync_directory().doing("syncing the directory for", &kept)?;
    Ok(kept)
}

/// `wanted`, or `wanted.2` and so on if that is taken.
pub(super) fn free_name(taken: &[String], wanted: &str) -> String {
    let numbered = (2..).map(|number| format!("{wanted}.{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).expect("there are more numbers than files")
}

/// What a compaction left behind. The manifest goes on naming these files until it is next replaced.
fn remove_unused(storage: &dyn Storage, manifest: &Manifest) -> Result<()> {
    for name in &manifest.unused {
        match storage.remove(name) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).doing("removing", name),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::Policy;
    use crate::aof::testing::memory::MemoryStorage;
    use crate::aof::testing::{SEGMENT, log, recover, with_segment};
    use proptest::prelude::*;

    /// Nothing but whole groups of 1, 2, 3 ... records, from the first on.
    fn assert_whole_groups(lines: &[String], all: &[String]) {
        assert_eq!(lines, &all[..lines.len()]);
        assert!((0..).map(|n| n * (n + 1) / 2).take_while(|&n| n <= lines.len()).any(|n| n == lines.len()));
    }

    fn damage(storage: &MemoryStorage) -> String {
        match recover(storage) {
            Err(Error::Damage(damage)) => damage.to_string(),
            Err(error) => panic!("{error}"),
            Ok((lines, _)) => panic!("recovered {} lines", lines.len()),
        }
    }

    #[test]
    fn every_cut_leaves_whole_groups_and_keeps_the_rest_beside() {
        for close in [false, true] {
            let (storage, all) = log(5, Policy::Always, close);
            let bytes = storage.contents(SEGMENT);
            for end in mark::HEADER.len()..bytes.len() {
                let cut = with_segment(&storage, &bytes[..end]);
                let (lines, recovered) = recover(&cut).unwrap();
                assert_whole_groups(&lines, &all);
                let kept = recovered.report.torn.map_or(Vec::new(), |torn| {
                    assert_eq!((torn.offset + torn.size_bytes) as usize, end);
                    cut.contents(&torn.kept)
                });
                assert_eq!([cut.contents(SEGMENT), kept].concat(), &bytes[..end]);
                assert_eq!(recover(&cut).unwrap().1.report.torn, None, "a mended log is whole");
            }
        }
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        for (policy, close) in [(Policy::Always, false), (Policy::Always, true), (Policy::Everysec, false)] {
            let (storage, all) = log(5, policy, close);
            let bytes = storage.contents(SEGMENT);
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                match recover(&with_segment(&storage, &flipped)) {
                    Ok((lines, recovered)) => {
                        assert!(recovered.report.torn.is_some(), "{policy:?}: byte {at} went unnoticed");
                        assert_whole_groups(&lines, &all);
                        // Only the last group has no witness; a closed log's holds no records.
                        let lost = all.len() - lines.len();
                        let lost_most = if close { 0 } else { 5 };
                        assert!(
                            policy != Policy::Always || lost <= lost_most,
                            "byte {at} loses {lost} records"
                        );
                    }
                    Err(Error::Damage(damage)) => assert!(damage.file == SEGMENT && damage.line.is_some()),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_segment_nothing_panics(
            at in 0..600usize,
            text in proptest::collection::vec(any::<u8>(), 0..80),
            replaced in 0..80usize,
        ) {
            let (storage, all) = log(4, Policy::No, false);
            let mut bytes = storage.contents(SEGMENT);
            let at = at.min(bytes.len());
            let end = (at + replaced).min(bytes.len());
            bytes.splice(at..end, text);
            if let Ok((lines, _)) = recover(&with_segment(&storage, &bytes)) {
                assert_whole_groups(&lines, &all);
            }
        }
    }

    #[test]
    fn a_tail_of_zeros_is_torn() {
        let (storage, all) = log(3, Policy::Always, false);
        let bytes = [storage.contents(SEGMENT), vec![0; 5000]].concat();
        let zeros = with_segment(&storage, &bytes);
        let (lines, recovered) = recover(&zeros).unwrap();
        assert_eq!(lines, all);
        let torn = recovered.report.torn.unwrap();
        assert_eq!((torn.size_bytes, torn.kept.as_str()), (5000, "00000001.aof.torn"));
    }

    #[test]
    fn torn_tails_do_not_replace_each_other() {
        let (storage, _) = log(1, Policy::Always, false);
        let torn = with_segment(&storage, &[storage.contents(SEGMENT), b"SET a".to_vec()].concat());
        torn.put("00000001.aof.torn", b"older");
        let (_, recovered) = recover(&torn).unwrap();
        assert_eq!(recovered.report.torn.unwrap().kept, "00000001.aof.torn.2");
        assert_eq!(torn.contents("00000001.aof.torn"), b"older");
    }

    #[test]
    fn groups_that_were_not_synced_may_be_lost_in_any_order() {
        // Synced were the first two groups, 400 ms apart; then a sector of the third is lost in a power cut.
        let (storage, all) = log(5, Policy::No, false);
        let mut bytes = storage.contents(SEGMENT);
        let third = memchr::memmem::find(&bytes, b"key:3 ").unwrap();
        bytes[third..third + 4].fill(0);
        let (lines, recovered) = recover(&with_segment(&storage, &bytes)).unwrap();
        assert_eq!(lines, all[..3]);
        assert_eq!(recovered.report.torn.unwrap().why, "the checksum of this group does not match");
        // The same under `always` is no power cut.
        let (storage, _) = log(5, Policy::Always, false);
        let mut bytes = storage.contents(SEGMENT);
        let third = memchr::memmem::find(&bytes, b"key:3 ").unwrap();
        bytes[third..third + 4].fill(0);
        let damage = damage(&with_segment(&storage, &bytes));
        assert_eq!(damage, "00000001.aof:9: the checksum of this group does not match");
    }

    #[test]
    fn what_is_missing_is_named() {
        let (storage, _) = log(2, Policy::Always, true);
        let bytes = storage.contents(SEGMENT);
        let bare = MemoryStorage::new(1);
        bare.put("notes.txt", b"a foreign file");
        bare.put(SEGMENT, &bytes);
        assert_eq!(damage(&bare), "MANIFEST: is missing, but there is 00000001.aof");
        let lost = MemoryStorage::new(1);
        lost.put(MANIFEST, &storage.contents(MANIFEST));
        assert_eq!(damage(&lost), "00000001.aof: is missing, but MANIFEST names it");
        for foreign in OF_REDIS {
            let redis = MemoryStorage::new(1);
            redis.put(foreign, b"REDIS0009");
            let error = recover(&redis).err().unwrap().to_string();
            assert!(error.contains(foreign) && error.contains("--dir"), "{error}");
            assert_eq!(redis.list().unwrap(), [foreign], "nothing changes when the start is refused");
        }
        let newer = [b"# limpid aof 2\n", &bytes[mark::HEADER.len()..]].concat();
        let error = recover(&with_segment(&storage, &newer)).err().unwrap().to_string();
        assert!(
            error.contains("00000001.aof:1: is of a version") && error.contains("a newer one"),
            "{error}"
        );
        let headless = with_segment(&storage, &bytes[mark::HEADER.len()..]);
        assert_eq!(damage(&headless), "00000001.aof:1: does not begin with the line `# limpid aof 1`");
        let cut = storage.contents(MANIFEST);
        let short = with_segment(&storage, &bytes);
        short.put(MANIFEST, &cut[..cut.len() - 30]);
        assert_eq!(damage(&short), "MANIFEST: is cut short");
        assert_eq!(short.list().unwrap(), [SEGMENT, MANIFEST], "nothing changes when the start is refused");
    }

    #[test]
    fn a_group_that_is_missing_or_there_twice_is_damage() {
        let (storage, _) = log(3, Policy::Always, false);
        let bytes = storage.contents(SEGMENT);
        let ends: Vec<usize> = memchr::memmem::find_iter(&bytes, b"#commit")
            .map(|at| at + memchr::memchr(b'\n', &bytes[at..]).unwrap() + 1)
            .collect();
        let without = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
        let what = "the records up to here are numbered to 4, but this mark says 6";
        assert_eq!(damage(&with_segment(&storage, &without)), format!("{SEGMENT}:9: {what}"));
        let twice = [&bytes[..ends[1]], &bytes[ends[0]..]].concat();
        let what = "the records up to here are numbered to 5, but this mark says 3";
        assert_eq!(damage(&with_segment(&storage, &twice)), format!("{SEGMENT}:12: {what}"));
    }

    #[test]
    fn a_record_that_cannot_be_applied_is_named() {
        let (storage, _) = log(3, Policy::Always, false);
        let mut seen = 0;
        let mut apply = |_, _: crate::protocol::Words<'_>| {
            seen += 1;
            if seen == 5 { Err("unknown command".to_owned()) } else { Ok(()) }
        };
        let error = open(Arc::new(storage), &mut apply, &mut |_, _| {}).err().unwrap();
        let Error::Damage(damage) = error else { panic!("{error}") };
        assert_eq!(damage.to_string(), "00000001.aof:11: unknown command");
    }

    #[test]
    fn a_copied_segment_is_left_alone() {
        let (storage, all) = log(2, Policy::Always, false);
        storage.put("00000002.aof", &storage.contents(SEGMENT));
        let (lines, recovered) = recover(&storage).unwrap();
        assert_eq!(lines, all);
        assert_eq!(recovered.report.strangers, ["00000002.aof"]);
    }
}
