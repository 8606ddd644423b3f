//! `pidfile`: the process number, for whoever wants to signal the server.

use std::fs;
use std::path::{Path, PathBuf};

/// There while the server runs.
pub struct PidFile(PathBuf);

impl PidFile {
    /// An empty path asks for none.
    pub fn write(path: &Path) -> Result<Option<PidFile>, String> {
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let cannot = |e| format!("cannot write the pidfile {}: {e}", path.display());
        fs::write(path, format!("{}\n", std::process::id())).map_err(cannot)?;
        // By its full name: what is written at the start is what goes at the end.
        Ok(Some(PidFile(fs::canonicalize(path).map_err(cannot)?)))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another server's number is not ours to take away.
        let is_ours =
            fs::read_to_string(&self.0).is_ok_and(|text| text.trim() == std::process::id().to_string());
        if is_ours && let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!("cannot remove the pidfile {}: {error}", self.0.display());
        }
    }
}
