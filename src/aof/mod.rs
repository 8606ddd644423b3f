//! The log on disk: text files that hold what was acknowledged.
//!
//! ```text
//!  worker ─► lane ─┐ append: number, batch   thread `aof`                          directory
//!  worker ─► lane ─┼──► channel of batches ──► Writer: order, group, mark ──► 00000004.aof ──► fdatasync
//!  worker ─► lane ─┘ ring: wake if asleep         │                                  MANIFEST
//!     ▲                                           │
//!     └── Event::Durable(seq) ◄───────────────────┘        recovery ◄── files, at the start
//! ```
//!
//! Bottom up: `storage` is the port that files lie behind; `mark` and `record` are the two kinds of lines;
//! `groups` cuts a file into commit groups and `log_file` writes them; `manifest` says which files count;
//! `replay` verifies one file and `recovery` opens the directory; `batch` is what threads append to, `writer` forms
//! groups, and [`Aof`] is its thread and its handle; `compaction` makes the log shorter, `backup`
//! copies it. `check`, `reseal` and `restore` are for
//! `limpid check`. `docs/log.md` draws the format and states the promises.
//!
//! The log knows no keys and no commands: a record is words. It takes no lock of the keyspace.

mod backup;
mod batch;
pub mod check;
pub mod compaction;
mod error;
mod groups;
mod handle;
mod log_file;
pub mod manifest;
mod mark;
pub mod record;
pub mod recovery;
mod replay;
pub mod reseal;
pub mod restore;
mod stats;
pub mod storage;
#[cfg(test)]
mod testing;
pub mod time;
mod writer;

pub use backup::BackedUp;
pub use compaction::{Compacted, Compaction};
pub use error::{Damage, Error, Result};
pub use handle::Aof;
pub use replay::Replayed;
pub use stats::Stats;

use std::time::Duration;

use crate::execute::log::Seq;

/// When appended records are synced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Each group before anybody hears of it.
    Always,
    /// Once a second.
    Everysec,
    /// Whenever the operating system likes.
    No,
}

/// What the thread `aof` tells whoever holds replies back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Records up to this number are on disk.
    Durable(Seq),
    /// Records after `durable` that were appended until now may be lost: answer for them with this reason.
    Failed { durable: Seq, reason: String },
    /// A sync went well and took so long.
    Synced(Duration),
}
