//! A new text in a file's place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// There is never a moment with half of the text, and who may read the file stays the same. One at a time for each path.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!("{name}.new"));
    let written = write_new(&temporary, path, text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What is half written is of no use; if it cannot go either, the first error says why.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_new(temporary: &Path, old: &Path, text: &[u8]) -> io::Result<()> {
    // There may be a password in it.
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(temporary)?;
    if let Ok(old) = fs::metadata(old) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_keeps_its_mode_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("the temporary directory is writable");
        let path = folder.path().join("x.conf");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        replace(&path, b"new").expect("writable");
        assert_eq!(mode(), 0o600, "nobody else needs to read it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        replace(&path, b"newer").expect("writable");
        assert_eq!(fs::read(&path).expect("there"), b"newer");
        assert_eq!(mode(), 0o640);
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
        assert!(replace(&folder.path().join("no/x.conf"), b"").is_err());
    }
}
