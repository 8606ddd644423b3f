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
use super::manifest::{Entry, Kind, MANIFEST, Manifest, parse_file_name};
use super::mark;
use super::record::Apply;
use super::replay::{Replayed, replay};
use super::storage::{Appender, Storage};
use crate::execute::log::Seq;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

/// A log that has been read to its end, ready for [`super::Aof::start`].
pub struct Recovered {
    pub(super) manifest: Manifest,
    /// The growing segment, behind its last whole group.
    pub(super) segment: Box<dyn Appender>,
    pub(super) end: Replayed,
    pub report: Report,
    /// Holds the lock on the directory.
    pub(super) claim: Arc<dyn Storage>,
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

/// How far reading has come, in bytes: done and total.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Claims the directory, applies what the log holds and mends its tail. An empty directory becomes an empty log.
pub fn open(
    storage: Arc<dyn Storage>,
    apply: &mut Apply<'_>,
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
    let mut report = Report { strangers: strangers(&*storage, &manifest)?, ..Report::default() };
    let end = replay_all(&*storage, &manifest, &mut report, apply, progress)?;
    let segment = mend(&*storage, manifest.growing(), &end, &mut report)?;
    remove_unused(&*storage, &manifest)?;
    Ok(Recovered { manifest, segment, end, report, claim: storage })
}

/// Makes the first segment and the first manifest.
fn begin(storage: &dyn Storage) -> Result<Manifest> {
    for name in storage.list().doing("listing", "the directory")? {
        if parse_file_name(&name).is_none() {
            continue;
        }
        if !is_stillborn(storage, &name).doing("reading", &name)? {
            return Err(Damage::new(MANIFEST, None, format!("is missing, but there is {name}")).into());
        }
        storage.remove(&name).doing("removing", &name)?;
    }
    let name = Kind::Segment.file_name(1);
    create_file(storage, &name)?;
    let entry = Entry { kind: Kind::Segment, name, first: 1, last: None };
    let manifest = Manifest { entries: vec![entry], unused: Vec::new() };
    manifest.store(storage)?;
    Ok(manifest)
}

/// Makes a log file that holds nothing but its header, on disk before any manifest can name it.
pub(super) fn create_file(storage: &dyn Storage, name: &str) -> Result<Box<dyn Appender>> {
    let mut file = storage.create(name).doing("creating", name)?;
    file.append(mark::HEADER).doing("writing", name)?;
    file.sync().doing("syncing", name)?;
    Ok(file)
}

/// Whether a file is what a crash leaves of a first start: not more than a header, perhaps not on disk.
fn is_stillborn(storage: &dyn Storage, name: &str) -> std::io::Result<bool> {
    let mut start = Vec::new();
    storage.read(name, 0)?.take(mark::HEADER.len() as u64 + 1).read_to_end(&mut start)?;
    Ok(mark::HEADER.starts_with(&start)
        || start.iter().all(|&byte| byte == 0) && start.len() <= mark::HEADER.len())
}

fn strangers(storage: &dyn Storage, manifest: &Manifest) -> Result<Vec<String>> {
    let mut names = storage.list().doing("listing", "the directory")?;
    names.retain(|name| parse_file_name(name).is_some() && !manifest.names().any(|known| known == name));
    Ok(names)
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
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Damage::new(name, None, "is missing, but MANIFEST names it").into())
        }
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
    let mut tail = storage.read(name, offset).doing("reading", name)?;
    let mut copy = storage.create(&kept).doing("creating", &kept)?;
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        if (&mut tail).take(COPY_BYTES).read_to_end(&mut chunk).doing("reading", name)? == 0 {
            break;
        }
        copy.append(&chunk).doing("writing", &kept)?;
    }
    copy.sync().doing("syncing", &kept)?;
    storage.sync_directory().doing("syncing the directory for", &kept)?;
    Ok(kept)
}

const COPY_BYTES: u64 = 1 << 20;

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
