//! `limpid check --until TIME`: a copy of the log as it was at a moment, beside the original.
//!
//! ```text
//! kept:   base 2 ─ delta 3 ─ segment 4 ──────┐
//! live:                                base 5 ─ delta 6 ─ segment 7 ───────►
//!                    └── from here on ──┘        └── from here on ──────────►   time
//! copied, for ▲:     base 2, delta 3, segment 4 up to the last mark before ▲
//! ```
//!
//! A base and its delta describe the moment of the switch, so a state begins at its delta's last mark. Older states are
//! there if compaction was told to keep them.

use super::error::{Damage, Doing, Error, Result};
use super::groups::Groups;
use super::manifest::{Entry, Kind, MANIFEST, Manifest};
use super::mark;
use super::replay::replay;
use super::storage::{Storage, copy};
use super::time;
use crate::execute::log::Seq;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The number and the time of the last record that is in the copy.
    pub seq: Seq,
    pub ms: u64,
    pub files: Vec<String>,
}

/// Writes the log as it was at `until_ms` into an empty storage, which can be started on.
pub fn until(from: &dyn Storage, until_ms: u64, to: &dyn Storage) -> Result<Restored> {
    let missing = || Damage::new(MANIFEST, None, "is missing");
    let manifest = Manifest::load(from)?.ok_or_else(missing)?;
    let state = find_state(from, &manifest.entries, until_ms)?;
    let mut restored = Restored { seq: 0, ms: 0, files: Vec::new() };
    let mut copied = Manifest::default();
    for entry in state {
        let (end, seq, ms) = match entry.kind {
            Kind::Segment => end_at(from, entry, until_ms)?,
            Kind::Base | Kind::Delta => (u64::MAX, 0, verify(from, entry)?),
        };
        copy((from, &entry.name), 0, end, (to, &entry.name)).doing("copying", &entry.name)?;
        (restored.seq, restored.ms) = (seq.max(restored.seq), ms.max(restored.ms));
        restored.files.push(entry.name.clone());
        copied.entries.push(entry.clone());
    }
    if let Some(growing) = copied.entries.last_mut() {
        growing.last = None;
    }
    copied.store(to)?;
    Ok(restored)
}

/// The files of the newest state that begins at or before that moment, in order of replay.
fn find_state<'m>(from: &dyn Storage, entries: &'m [Entry], until_ms: u64) -> Result<&'m [Entry]> {
    let mut entries = entries;
    let mut begins = 0;
    while !entries.is_empty() {
        let start = entries.iter().rposition(|entry| entry.kind == Kind::Base).unwrap_or(0);
        let (older, state) = entries.split_at(start);
        // A newer state may be damaged: that may be why an earlier one is asked for.
        if older.last().is_some_and(|last| end_at(from, last, u64::MAX).is_ok_and(|(.., ms)| ms >= until_ms))
        {
            entries = older;
            continue;
        }
        begins = begin_ms(from, state)?;
        if begins <= until_ms {
            return Ok(state);
        }
        entries = older;
    }
    Err(Error::Refused(format!(
        "the log goes back to {}, not to {}: give that moment or a later one",
        time::format(begins),
        time::format(until_ms)
    )))
}

/// When a state begins to be what the log was: at its delta's last mark, or with its first group.
fn begin_ms(from: &dyn Storage, state: &[Entry]) -> Result<u64> {
    match state {
        [_, delta, ..] if delta.kind == Kind::Delta => verify(from, delta),
        [first, ..] => {
            let mut groups = Groups::new(from.read(&first.name, 0).doing("reading", &first.name)?);
            let group = groups.next().doing("reading", &first.name)?;
            Ok(group.map_or(0, |group| group.mark.ms))
        }
        [] => Ok(0),
    }
}

/// The time of a file's last mark, if all of it is sound.
fn verify(from: &dyn Storage, entry: &Entry) -> Result<u64> {
    Ok(replay(from, entry, &mut |_, _| Ok(()), &mut |_| {})?.last_ms)
}

/// The end of the last group up to a moment, and its number and time.
fn end_at(from: &dyn Storage, entry: &Entry, until_ms: u64) -> Result<(u64, Seq, u64)> {
    // What comes later may be damaged, too.
    let name = &entry.name;
    let mut groups = Groups::new(from.read(name, 0).doing("reading", name)?);
    let mut end = (mark::HEADER.len() as u64, entry.first - 1, 0);
    while let Some(group) = groups.next().doing("reading", name)? {
        if !group.sound || group.mark.ms > until_ms {
            break;
        }
        end = (group.at.offset + group.size_bytes, group.mark.seq, group.mark.ms);
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::Policy;
    use crate::aof::testing::memory::MemoryStorage;
    use crate::aof::testing::{SEGMENT, log, recover, with_segment};

    #[test]
    fn copies_what_was_there_at_a_moment() {
        // Groups of 1, 2, 3 and 4 records, at 1000, 1400, 1800 and 2200.
        let (storage, all) = log(4, Policy::Always, true);
        for (ms, records) in [(1000, 1), (1399, 1), (1400, 3), (2199, 6), (2200, 10), (9999, 10)] {
            let copy = MemoryStorage::new(1);
            let restored = until(&storage, ms, &copy).unwrap();
            assert_eq!(restored.seq, records);
            assert_eq!(recover(&copy).unwrap().0, all[..records as usize]);
        }
        let error = until(&storage, 999, &MemoryStorage::new(1)).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "the log goes back to 1970-01-01T00:00:01.000Z, not to 1970-01-01T00:00:00.999Z"
            ),
            "{error}"
        );
    }

    #[test]
    fn later_damage_does_not_matter() {
        let (storage, all) = log(4, Policy::Always, true);
        let mut bytes = storage.contents(SEGMENT);
        let at = bytes.len() - 100;
        bytes[at] ^= 1;
        let damaged = with_segment(&storage, &bytes);
        assert!(recover(&damaged).is_err());
        let copy = MemoryStorage::new(1);
        until(&damaged, 1800, &copy).unwrap();
        assert_eq!(recover(&copy).unwrap().0, all[..6]);
    }
}
