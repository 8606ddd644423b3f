//! `limpid check --reseal`: takes the log as somebody has edited it, and makes the marks right again.
//!
//! Lines stay as they are and groups where they are; only `#commit` lines are made anew, and records are
//! numbered through. What follows the last mark becomes a group of its own. A line that is no record is not accepted.
//! Each file is replaced as a whole, and the one before stays beside it as `*.bak`. Should this be cut short, it can be
//! done again.

use super::check::first_seq;
use super::error::{Damage, Doing, Error, Result};
use super::manifest::{Entry, Kind, MANIFEST, Manifest, parse_file_name};
use super::mark::{self, COMMIT, Mark};
use super::record::{self, Apply, Reader};
use super::recovery::free_name;
use super::storage::{Appender, Storage, copy};
use crate::execute::log::Seq;
use crc32fast::Hasher;
use std::io::{self, BufRead, BufReader};
use std::mem;

/// What resealing a directory comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Each file that differs: its name, how many records it has now, and where the one before is kept.
    pub files: Vec<ResealedFile>,
    /// `MANIFEST` was missing or unreadable and is made from the files that are there.
    pub manifest_made: bool,
    /// `MANIFEST` says of some file other than is in it, though the file's marks are right.
    pub manifest_differs: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResealedFile {
    pub name: String,
    pub records: u64,
    /// Of these, after the last mark: nobody was promised them, unless they were added by hand.
    pub unmarked: u64,
    pub kept: String,
}

/// Says what would be done, and does it if `confirmed`. `apply` is asked about every record.
pub fn directory(
    storage: &dyn Storage,
    confirmed: bool,
    unix_ms: u64,
    apply: &mut Apply<'_>,
) -> Result<Resealed> {
    if confirmed {
        storage.lock().doing("locking", "the directory")?;
    }
    let (before, manifest_made) = match Manifest::load(storage) {
        Ok(Some(manifest)) => (manifest, false),
        Ok(None) | Err(Error::Damage(_)) => (from_files(storage)?, true),
        Err(error) => return Err(error),
    };
    let mut manifest = before.clone();
    let mut resealed = Resealed { manifest_made, ..Resealed::default() };
    for at in 0..manifest.entries.len() {
        renumber(&mut manifest, at);
        let entry = &mut manifest.entries[at];
        let outcome = one(storage, entry, confirmed, unix_ms, apply)?;
        entry.last = entry.last.and(Some(outcome.last));
        resealed.files.extend(outcome.changed);
    }
    resealed.manifest_differs = !manifest_made && manifest != before;
    if confirmed && (manifest_made || manifest != before) {
        keep_manifest(storage)?;
        manifest.store(storage)?;
    }
    Ok(resealed)
}

fn keep_manifest(storage: &dyn Storage) -> Result<()> {
    let listed = storage.list().doing("listing", "the directory")?;
    if listed.iter().any(|name| name == MANIFEST) {
        let kept = free_name(&listed, &format!("{MANIFEST}.bak"));
        copy((storage, MANIFEST), 0, u64::MAX, (storage, &kept)).doing("writing", &kept)?;
    }
    Ok(())
}

/// A segment that has grown must not overlap the next.
fn renumber(manifest: &mut Manifest, at: usize) {
    let (before, rest) = manifest.entries.split_at_mut(at);
    let last = before.iter().rev().find(|entry| entry.kind == Kind::Segment).and_then(|entry| entry.last);
    if let (Some(last), Some(entry)) = (last, rest.first_mut().filter(|entry| entry.kind == Kind::Segment)) {
        entry.first = entry.first.max(last + 1);
    }
}

/// The manifest that the log files in the directory suggest.
fn from_files(storage: &dyn Storage) -> Result<Manifest> {
    let mut entries = Vec::new();
    for name in storage.list().doing("listing", "the directory")? {
        if let Some((kind, _)) = parse_file_name(&name) {
            let first = if kind == Kind::Segment { first_seq(storage, &name)? } else { 1 };
            entries.push(Entry { kind, name, first, last: Some(0) });
        }
    }
    drop_unfinished(storage, &mut entries)?;
    match entries.last_mut() {
        Some(growing) if growing.kind == Kind::Segment => growing.last = None,
        Some(other) => return Err(Damage::new(&other.name, None, "has no segment after it").into()),
        None => {
            return Err(
                Damage::new("00000001.aof", None, "is missing, and so is every other log file").into()
            );
        }
    }
    Ok(Manifest { entries, unused: Vec::new() })
}

/// Leaves out a base that no group was written after, if there are older files: either its compaction never came to
/// the switch, or the older files say the same.
fn drop_unfinished(storage: &dyn Storage, entries: &mut Vec<Entry>) -> Result<()> {
    let Some(base) = entries.iter().rposition(|entry| entry.kind == Kind::Base).filter(|&base| base > 0)
    else {
        return Ok(());
    };
    for entry in entries[base..].iter().filter(|entry| entry.kind == Kind::Segment) {
        if storage.size_bytes(&entry.name).doing("reading", &entry.name)? > mark::HEADER.len() as u64 {
            return Ok(());
        }
    }
    entries.truncate(base);
    Ok(())
}

struct Outcome {
    last: Seq,
    changed: Option<ResealedFile>,
}

/// Reseals one file into another beside it, and puts that in its place if it differs.
fn one(
    storage: &dyn Storage,
    entry: &Entry,
    confirmed: bool,
    unix_ms: u64,
    apply: &mut Apply<'_>,
) -> Result<Outcome> {
    let name = &entry.name;
    let listed = storage.list().doing("listing", "the directory")?;
    let temporary = free_name(&listed, &format!("{name}.resealed"));
    let out = match confirmed {
        true => Some(storage.create(&temporary).doing("creating", &temporary)?),
        false => None,
    };
    let mut sealer = Sealer::new(entry, out, unix_ms);
    let sealed = sealer.run(storage, apply);
    if confirmed && !(sealed.is_ok() && sealer.changed) {
        storage.remove(&temporary).doing("removing", &temporary)?;
    }
    sealed?;
    let last = entry.first - 1 + sealer.records;
    if !sealer.changed {
        return Ok(Outcome { last, changed: None });
    }
    let kept = free_name(&listed, &format!("{name}.bak"));
    if confirmed {
        copy((storage, name), 0, u64::MAX, (storage, &kept)).doing("writing", &kept)?;
        storage.sync_directory().doing("syncing the directory for", &kept)?;
        storage.rename(&temporary, name).doing("replacing", name)?;
        storage.sync_directory().doing("syncing the directory for", name)?;
    }
    let (records, unmarked) = (sealer.records, sealer.unmarked);
    Ok(Outcome { last, changed: Some(ResealedFile { name: name.clone(), records, unmarked, kept }) })
}

/// One file on its way from lines to lines.
struct Sealer<'e> {
    entry: &'e Entry,
    out: Option<Box<dyn Appender>>,
    unix_ms: u64,
    reader: Reader,
    /// The lines of the group being read, and where they begin.
    group: Vec<u8>,
    group_line: u64,
    records: u64,
    unmarked: u64,
    last_ms: u64,
    changed: bool,
}

impl<'e> Sealer<'e> {
    fn new(entry: &'e Entry, out: Option<Box<dyn Appender>>, unix_ms: u64) -> Self {
        Self {
            entry,
            out,
            unix_ms,
            reader: Reader::new(),
            group: Vec::new(),
            group_line: 1,
            records: 0,
            unmarked: 0,
            last_ms: 0,
            changed: false,
        }
    }

    fn damage(&self, line: u64, what: impl Into<String>) -> Error {
        Damage::new(&self.entry.name, line, what).into()
    }

    fn run(&mut self, storage: &dyn Storage, apply: &mut Apply<'_>) -> Result<()> {
        let name = &self.entry.name;
        let mut file = BufReader::with_capacity(1 << 20, storage.read(name, 0).doing("reading", name)?);
        let (mut line, mut number) = (Vec::new(), 0);
        while next_line(&mut file, &mut line).doing("reading", name)? {
            number += 1;
            if line.last() != Some(&b'\n') {
                return Err(self.damage(number, "this line has no end: complete it or delete it"));
            }
            if number == 1 {
                self.header(&line)?;
            }
            if line.starts_with(COMMIT) {
                self.seal(Mark::parse(&line[..line.len() - 1]), apply)?;
                self.group_line = number + 1;
            } else {
                self.group.extend_from_slice(&line);
            }
        }
        if number == 0 {
            self.header(b"")?;
        }
        if self.group == mark::HEADER {
            self.put_group()?;
        } else if !self.group.is_empty() {
            let before = self.records;
            self.seal(None, apply)?;
            self.unmarked = self.records - before;
        }
        match &mut self.out {
            Some(out) => out.sync().doing("syncing", name),
            None => Ok(()),
        }
    }

    /// A file without a header gets one.
    fn header(&mut self, line: &[u8]) -> Result<()> {
        if line == mark::HEADER {
            return Ok(());
        }
        if line.starts_with(b"# limpid aof ") {
            return Err(self.damage(1, "is of a version that this limpid does not know"));
        }
        self.changed = true;
        self.group.extend_from_slice(mark::HEADER);
        // Lines are counted as they were.
        self.group_line = 0;
        Ok(())
    }

    /// Verifies the lines of a group and closes it with a new mark, at the time of the one before.
    fn seal(&mut self, old: Option<Mark>, apply: &mut Apply<'_>) -> Result<()> {
        let mut lines = self.group.clone();
        let count = match self.reader.read(&mut lines, apply) {
            Ok(count) => count,
            Err(bad) => {
                let line = self.group_line + record::line_of(&self.group, &bad);
                return Err(self.damage(line, bad.what));
            }
        };
        self.records += count;
        self.last_ms = self.last_ms.max(old.map_or(self.unix_ms, |mark| mark.ms));
        let start = self.group.len();
        mark::push(&mut self.group, &Hasher::new(), self.entry.first - 1 + self.records, self.last_ms);
        let new = Mark::parse(&self.group[start..self.group.len() - 1]);
        self.changed |= new != old;
        self.put_group()
    }

    fn put_group(&mut self) -> Result<()> {
        let group = mem::take(&mut self.group);
        if let Some(out) = &mut self.out {
            out.append(&group).doing("writing", &self.entry.name)?;
        }
        Ok(())
    }
}

fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(file.read_until(b'\n', line)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::Policy;
    use crate::aof::testing::memory::MemoryStorage;
    use crate::aof::testing::{SEGMENT, log, recover, with_segment};

    fn reseal(storage: &MemoryStorage, confirmed: bool) -> Result<Resealed> {
        directory(storage, confirmed, 5000, &mut |_, _| Ok(()))
    }

    /// A log with some text in it replaced, as an editor would.
    fn edited(storage: &MemoryStorage, from: &str, to: &str) -> MemoryStorage {
        let bytes = storage.contents(SEGMENT);
        let at = memchr::memmem::find(&bytes, from.as_bytes()).expect("what is to be replaced");
        with_segment(storage, &[&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat())
    }

    #[test]
    fn an_edit_is_accepted_and_the_original_kept() {
        let (storage, all) = log(3, Policy::Always, true);
        let edited = edited(&storage, "SET key:1 ", "SET other 1\n# by hand\nSET key:1 ");
        let before = edited.contents(SEGMENT);
        assert!(recover(&edited).is_err());
        let expected = ResealedFile {
            name: SEGMENT.to_owned(),
            records: 7,
            unmarked: 0,
            kept: "00000001.aof.bak".to_owned(),
        };
        let dry = reseal(&edited, false).unwrap();
        assert_eq!(dry.files, [expected]);
        assert_eq!(edited.contents(SEGMENT), before, "nothing is changed unless it is confirmed");
        assert_eq!(reseal(&edited, true).unwrap(), dry);
        assert_eq!(edited.contents("00000001.aof.bak"), before);
        let mut lines = all;
        lines.insert(1, "2 SET other 1".to_owned());
        let (recovered, state) = recover(&edited).unwrap();
        assert_eq!(recovered, lines);
        assert_eq!(state.report.last_seq, 7);
        assert_eq!(reseal(&edited, true).unwrap().files, [], "what is sealed stays as it is");
    }

    #[test]
    fn what_follows_the_last_mark_is_counted() {
        let (storage, all) = log(2, Policy::Always, false);
        let bytes = [storage.contents(SEGMENT), b"SET a 1\nSET b 2\n".to_vec()].concat();
        let storage = with_segment(&storage, &bytes);
        assert_eq!(reseal(&storage, true).unwrap().files[0].unmarked, 2);
        assert_eq!(recover(&storage).unwrap().0.len(), all.len() + 2);
    }

    #[test]
    fn a_plain_file_becomes_a_log() {
        let storage = MemoryStorage::new(1);
        storage.put(SEGMENT, b"SET a 1\nSELECT 2\nSET b \"two words\"\n");
        let resealed = reseal(&storage, true).unwrap();
        assert!(resealed.manifest_made);
        assert_eq!(recover(&storage).unwrap().0, ["0 SET a 1", "2 SET b two words"]);
    }

    #[test]
    fn a_bad_line_is_not_accepted() {
        let (storage, _) = log(3, Policy::Always, false);
        for (text, error) in [
            ("SET \"oops 1\n", "00000001.aof:6: Protocol error: unbalanced quotes in request"),
            ("SELECT 16\n", "00000001.aof:6: there is no such database"),
        ] {
            let edited = edited(&storage, "SET key:1 ", &format!("{text}SET key:1 "));
            let Err(Error::Damage(damage)) = reseal(&edited, true) else { panic!("{text} was accepted") };
            assert_eq!(damage.to_string(), error);
            assert_eq!(edited.list().unwrap(), [SEGMENT, "MANIFEST"], "nothing is left behind");
        }
        let torn = with_segment(&storage, &[storage.contents(SEGMENT), b"SET a 12".to_vec()].concat());
        let Err(Error::Damage(damage)) = reseal(&torn, false) else { panic!("half a line was accepted") };
        assert_eq!(damage.to_string(), "00000001.aof:14: this line has no end: complete it or delete it");
        let plain = MemoryStorage::new(1);
        plain.put(SEGMENT, b"SET a 1\nSET 'b 2\n");
        let Err(Error::Damage(damage)) = reseal(&plain, true) else { panic!("an open quote was accepted") };
        assert_eq!(damage.line, Some(2));
    }

    #[test]
    fn a_lost_manifest_is_made_anew() {
        let (storage, all) = log(3, Policy::Always, true);
        let bare = MemoryStorage::new(1);
        bare.put(SEGMENT, &storage.contents(SEGMENT));
        // Left behind by a compaction that never came to its end.
        bare.put("00000002.base.aof", mark::HEADER);
        bare.put("00000003.delta.aof", mark::HEADER);
        let resealed = reseal(&bare, true).unwrap();
        assert_eq!(resealed, Resealed { manifest_made: true, ..Resealed::default() });
        assert_eq!(recover(&bare).unwrap().0, all);
    }
}
