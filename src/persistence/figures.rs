//! How the log is doing.

use std::sync::atomic::Ordering::Relaxed;

use super::On;
use crate::execute::log::{Health, Log};
use crate::metrics::histogram::Distribution;
use crate::metrics::{CompactionFigures, LogFigures};

pub fn of(on: &On) -> LogFigures {
    let (stats, compactor) = (on.aof.stats(), &on.compactor);
    LogFigures {
        refusing: match on.aof.health() {
            Health::Writable => None,
            Health::Refusing(reason) => Some(reason),
        },
        records: stats.records.load(Relaxed),
        groups: stats.groups.load(Relaxed),
        written_bytes: stats.written_bytes.load(Relaxed),
        syncs: stats.syncs.load(Relaxed),
        last_seq: on.aof.last_seq(),
        synced_seq: on.synced(),
        synced_ms: stats.synced_ms.load(Relaxed),
        size_bytes: stats.size_bytes.load(Relaxed),
        base_bytes: stats.base_bytes.load(Relaxed),
        backlog_bytes: on.aof.backlog_bytes() as u64,
        last_sync_us: stats.last_sync_us.load(Relaxed),
        sync_nanos: Distribution::of(&stats.sync_nanos),
        group_records: Distribution::of(&stats.group_records),
        compaction: CompactionFigures {
            running: compactor.is_running(),
            running_ms: compactor.running_ms(),
            scheduled: compactor.is_scheduled(),
            shards_done: compactor.shards_done(),
            shards_total: compactor.shards(),
            runs: compactor.runs(),
            failures: compactor.failures(),
            last_failed: compactor.last_failed(),
            last_ms: compactor.last_ms(),
        },
    }
}
