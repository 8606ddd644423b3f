//! A copy of the log while it is written: what a server can be started on, as of one moment.
//!
//! ```text
//!   base 5, delta 6, older segments    complete, never change again    linked, where the file system can
//!   segment 7                          grows                           copied up to the last synced group
//! ```

use super::error::{Doing, Result};
use super::manifest::Manifest;
use super::storage::{Storage, copy, link_or_copy};
use super::writer::End;
use crate::execute::log::Seq;

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// The last record in it.
    pub seq: Seq,
    pub files: usize,
    pub size_bytes: u64,
}

/// Copies what `manifest` names, up to `end`, into an empty storage. The last thing to be there is its manifest.
pub fn copy_log(from: &dyn Storage, manifest: &Manifest, end: &End, to: &dyn Storage) -> Result<BackedUp> {
    let mut backed_up = BackedUp { seq: end.seq, files: 0, size_bytes: 0 };
    for entry in &manifest.entries {
        let name = &entry.name;
        if entry.last.is_some() {
            link_or_copy((from, name), to).doing("copying", name)?;
        } else {
            debug_assert_eq!(*name, end.segment, "no compaction ends meanwhile");
            copy((from, name), 0, end.size_bytes, (to, name)).doing("copying", name)?;
        }
        backed_up.files += 1;
        backed_up.size_bytes += to.size_bytes(name).doing("reading", name)?;
    }
    Manifest { entries: manifest.entries.clone(), unused: Vec::new() }.store(to)?;
    Ok(backed_up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aof::Policy;
    use crate::aof::testing::memory::MemoryStorage;
    use crate::aof::testing::{SEGMENT, log, recover};

    #[test]
    fn a_copy_ends_where_the_log_did() {
        let (storage, all) = log(4, Policy::Always, false);
        let manifest = Manifest::load(&storage).unwrap().unwrap();
        let cut = memchr::memmem::rfind(&storage.contents(SEGMENT), b"#commit").unwrap();
        let start_of_last = memchr::memmem::rfind(&storage.contents(SEGMENT)[..cut], b"#commit").unwrap();
        let size_bytes = storage.contents(SEGMENT)[start_of_last..].iter().position(|&b| b == b'\n').unwrap();
        let size_bytes = (start_of_last + size_bytes + 1) as u64;
        let end = End { segment: SEGMENT.to_owned(), size_bytes, seq: 6 };
        let copy = MemoryStorage::new(1);
        let backed_up = copy_log(&storage, &manifest, &end, &copy).unwrap();
        assert_eq!(backed_up, BackedUp { seq: 6, files: 1, size_bytes });
        let (lines, recovered) = recover(&copy).unwrap();
        assert_eq!(lines, all[..6]);
        assert_eq!(recovered.report.torn, None);
        assert!(copy_log(&storage, &manifest, &end, &copy).is_err(), "nothing is overwritten");
    }
}
