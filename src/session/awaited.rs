//! Waits that are not for a key: for the disk, or for work that another thread does.

use std::sync::{Arc, OnceLock};

/// What a blocked request asks about when it runs again.
pub enum Awaited {
    /// Records up to this one on disk.
    Synced(u64),
    Work(Arc<Work>),
}

/// Something that no worker may be kept busy with.
#[derive(Default)]
pub struct Work {
    outcome: OnceLock<Result<(), String>>,
}

impl Work {
    /// It is done; whoever waits is to be woken after this.
    pub fn finish(&self, outcome: Result<(), String>) {
        // Only the thread that does it calls this, once.
        let _ = self.outcome.set(outcome);
    }

    pub fn outcome(&self) -> Option<Result<(), String>> {
        self.outcome.get().cloned()
    }
}
