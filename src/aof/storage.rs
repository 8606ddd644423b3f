//! Where the log's files live: one directory behind a port that can fail.
//!
//! Everything the log asks of a disk goes through [`Storage`] and [`Appender`], so that the crash
//! tests can stand a disk behind it that tears writes, refuses syncs and loses power. Names are plain file
//! names inside the one directory; paths exist only in [`FileStorage`].
//!
//! What a caller may rely on after a crash: the bytes of a file up to its last `sync`, and the names
//! of files up to the last `sync_directory`. Anything newer may be there, partly or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// One directory of named files.
pub trait Storage: Send + Sync {
    /// Makes a new file; an existing one is an error.
    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>>;
    /// Opens an existing file to write behind its end.
    fn open(&self, name: &str) -> io::Result<Box<dyn Appender>>;
    /// Reads a file from `offset` on.
    fn read(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>>;
    fn size_bytes(&self, name: &str) -> io::Result<u64>;
    /// All names, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Replaces `to` if it exists; a reader sees the one or the other.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the creations, renames and removals so far survive a crash.
    fn sync_directory(&self) -> io::Result<()>;
    /// Keeps every other process off the directory until the storage is dropped.
    fn lock(&self) -> io::Result<()>;
    /// Where the files lie, if that is a directory of the file system.
    fn place(&self) -> Option<&Path> {
        None
    }
}

/// An open file that only grows, except for what a failed write left behind.
pub trait Appender: Send {
    /// Writes all of `bytes` at the end. After an error any part of them may be in the file.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended so far survives a crash.
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, size_bytes: u64) -> io::Result<()>;
}

/// Copies `length` bytes of a file, or fewer if it ends before, to a new file and syncs that one.
pub fn copy(
    (from, name): (&dyn Storage, &str),
    offset: u64,
    length: u64,
    (to, new_name): (&dyn Storage, &str),
) -> io::Result<()> {
    let mut rest = from.read(name, offset)?.take(length);
    let mut copy = to.create(new_name)?;
    let mut chunk = Vec::new();
    while (&mut rest).take(COPY_BYTES).read_to_end(&mut chunk)? > 0 {
        copy.append(&chunk)?;
        chunk.clear();
    }
    copy.sync()
}

/// Gives a file that will never change again a second name in another storage; copies it where that cannot be.
pub fn link_or_copy((from, name): (&dyn Storage, &str), to: &dyn Storage) -> io::Result<()> {
    if let (Some(old), Some(new)) = (from.place(), to.place())
        && fs::hard_link(old.join(name), new.join(name)).is_ok()
    {
        return Ok(());
    }
    copy((from, name), 0, u64::MAX, (to, name))
}

const COPY_BYTES: u64 = 1 << 20;

/// The name under which a directory is claimed.
pub const LOCK_FILE: &str = "LOCK";

/// A directory of the file system. Files are readable by their owner only.
pub struct FileStorage {
    directory: PathBuf,
    /// The open lock file; the operating system lets go of it when the process ends, however it ends.
    claim: Mutex<Option<File>>,
}

impl FileStorage {
    /// Makes the directory if it is missing.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        if !directory.is_dir() {
            fs::create_dir_all(&directory)?;
            // What is acknowledged in it must not go with its name.
            if let Some(parent) = directory.canonicalize()?.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self { directory, claim: Mutex::new(None) })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Options for a file that nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Storage for FileStorage {
    fn place(&self) -> Option<&Path> {
        Some(&self.directory)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(private().append(true).create_new(true).open(self.path(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(OpenOptions::new().append(true).open(self.path(name))?))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }

    fn size_bytes(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn lock(&self) -> io::Result<()> {
        let path = self.path(LOCK_FILE);
        let mut file = private().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.take(20).read_to_string(&mut holder)?;
                let directory = self.directory.display();
                let message = format!("{directory} is in use by another limpid (pid {})", holder.trim());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        *self.claim.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(file);
        Ok(())
    }
}

impl Appender for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, size_bytes: u64) -> io::Result<()> {
        self.set_len(size_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(storage: &dyn Storage, name: &str, offset: u64) -> String {
        let mut text = String::new();
        storage.read(name, offset).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn appends_after_a_truncation_at_the_new_end() {
        let directory = tempfile::tempdir().unwrap();
        let storage = FileStorage::open(directory.path().join("data")).unwrap();
        let mut file = storage.create("a").unwrap();
        file.append(b"one two").unwrap();
        file.truncate(4).unwrap();
        file.append(b"three").unwrap();
        file.sync().unwrap();
        assert_eq!(text(&storage, "a", 0), "one three");
        assert_eq!(text(&storage, "a", 4), "three");
        assert_eq!(storage.size_bytes("a").unwrap(), 9);
        assert!(storage.create("a").is_err(), "an existing file is never overwritten");
    }

    #[test]
    fn lists_renames_and_removes() {
        let directory = tempfile::tempdir().unwrap();
        let storage = FileStorage::open(directory.path()).unwrap();
        storage.create("b").unwrap();
        storage.create("a").unwrap();
        storage.rename("a", "c").unwrap();
        storage.sync_directory().unwrap();
        assert_eq!(storage.list().unwrap(), ["b", "c"]);
        storage.remove("b").unwrap();
        assert_eq!(storage.list().unwrap(), ["c"]);
    }

    #[test]
    fn a_second_claim_names_the_holder() {
        let directory = tempfile::tempdir().unwrap();
        let first = FileStorage::open(directory.path()).unwrap();
        let second = FileStorage::open(directory.path()).unwrap();
        first.lock().unwrap();
        let error = second.lock().unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("is in use by another limpid (pid {})", std::process::id())),
            "{error}"
        );
        drop(first);
        second.lock().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let storage = FileStorage::open(directory.path()).unwrap();
        storage.create("a").unwrap();
        storage.lock().unwrap();
        for name in ["a", LOCK_FILE] {
            let mode = fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
