//! How the log is doing, for whoever watches the server.

use super::histogram::Distribution;

/// Counts since the start, and gauges as they are now.
#[derive(Default)]
pub struct LogFigures {
    /// Why writes are refused, where they are.
    pub refusing: Option<String>,
    pub records: u64,
    pub groups: u64,
    pub written_bytes: u64,
    pub syncs: u64,
    pub last_seq: u64,
    pub synced_seq: u64,
    /// Unix milliseconds of the last mark that is on disk; 0 before the first.
    pub synced_ms: u64,
    pub size_bytes: u64,
    pub base_bytes: u64,
    pub backlog_bytes: u64,
    pub last_sync_us: u64,
    pub sync_nanos: Distribution,
    pub group_records: Distribution,
    pub compaction: CompactionFigures,
}

#[derive(Default)]
pub struct CompactionFigures {
    pub running: bool,
    /// For how many milliseconds it has been running, if it is.
    pub running_ms: Option<u64>,
    /// One is to begin when whoever reads the log's files is done.
    pub scheduled: bool,
    pub shards_done: u64,
    pub shards_total: u64,
    pub runs: u64,
    pub failures: u64,
    pub last_failed: bool,
    /// Milliseconds that the last one took; `None` before the first has ended.
    pub last_ms: Option<u64>,
}
