//! BACKUP: the log's files in a new directory, whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use super::On;
use crate::aof::BackedUp;
use crate::aof::manifest::{MANIFEST, parse_file_name};
use crate::aof::storage::{FileStorage, LOCK_FILE};

impl On {
    /// Copies the log as it is now to a directory that does not exist yet.
    pub(super) fn back_up(&self, path: &Path) -> Result<(), String> {
        let shown = path.display();
        if path.symlink_metadata().is_ok() {
            return Err(format!("{shown} exists already"));
        }
        if path.parent() == Some(&self.dir) && is_of_the_log(path) {
            return Err(format!("{shown} is a name of the log's own"));
        }
        let parent = path.parent().filter(|parent| parent.is_dir());
        let parent = parent.ok_or_else(|| format!("there is no directory for {shown}"))?;
        let partial = partial(path).ok_or_else(|| format!("{shown} has no name"))?;
        new_directory(&partial).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!(
                    "{} exists: another BACKUP to there runs, or was cut short; remove it",
                    partial.display()
                )
            }
            _ => format!("cannot make {}: {error}", partial.display()),
        })?;
        let done = self.fill(&partial).and_then(|backed_up| {
            let moved = fs::rename(&partial, path).and_then(|()| File::open(parent)?.sync_all());
            moved.map(|()| backed_up).map_err(|error| format!("cannot name it {shown}: {error}"))
        });
        match done {
            Ok(BackedUp { seq, files, size_bytes }) => {
                // A client has chosen the path: it may not look like lines of its own.
                tracing::info!("backup in {path:?}: {files} files, {size_bytes} bytes, up to record {seq}");
                Ok(())
            }
            Err(why) => {
                // What stays is in the way of the next try, which says so.
                let _ = fs::remove_dir_all(&partial);
                Err(why)
            }
        }
    }

    fn fill(&self, directory: &Path) -> Result<BackedUp, String> {
        let storage = FileStorage::open(directory)
            .map_err(|error| format!("cannot use {}: {error}", directory.display()))?;
        let _files = self.compactor.hold_files();
        self.aof.back_up(&storage).map_err(|error| error.to_string())
    }
}

/// Whether the log may want a file of this name, now or later.
fn is_of_the_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(MANIFEST) || name == LOCK_FILE || parse_file_name(&name).is_some()
}

/// Where the copy grows before it gets its name.
fn partial(path: &Path) -> Option<PathBuf> {
    let mut name = path.file_name()?.to_os_string();
    name.push(".partial");
    Some(path.with_file_name(name))
}

/// Nobody else may look into it.
fn new_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
