//! How the log is doing: as INFO's Persistence section, by Redis's names where Redis has one, and for machines.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::On;
use crate::execute::log::{Health, Log};
use crate::metrics::histogram::Distribution;
use crate::metrics::{CompactionFigures, LogFigures};

/// Where there is no log: nothing is ever saved, and nothing goes wrong.
pub const OFF: &str = "loading:0\r\nrdb_changes_since_last_save:0\r\nrdb_bgsave_in_progress:0\r\n\
    rdb_last_save_time:0\r\nrdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:-1\r\n\
    rdb_current_bgsave_time_sec:-1\r\naof_enabled:0\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n\
    aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\naof_last_bgrewrite_status:ok\r\n\
    aof_last_write_status:ok\r\n";

pub fn write(on: &On, out: &mut String) {
    let stats = on.aof.stats();
    let compactor = &on.compactor;
    let is_sound = matches!(on.aof.health(), Health::Writable);
    let status = |is_well: bool| if is_well { "ok" } else { "err" }.to_owned();
    // Redis says -1 where there is no time to tell.
    let seconds = |ms: Option<u64>| ms.map_or("-1".to_owned(), |ms| (ms / 1000).to_string());
    let flag = |is_set: bool| u64::from(is_set).to_string();
    let lines = [
        ("loading", flag(false)),
        ("rdb_changes_since_last_save", on.aof.last_seq().saturating_sub(on.synced()).to_string()),
        ("rdb_bgsave_in_progress", flag(false)),
        ("rdb_last_save_time", (stats.synced_ms.load(Relaxed) / 1000).to_string()),
        ("rdb_last_bgsave_status", status(is_sound)),
        ("rdb_last_bgsave_time_sec", seconds(None)),
        ("rdb_current_bgsave_time_sec", seconds(None)),
        ("aof_enabled", flag(true)),
        ("aof_rewrite_in_progress", flag(compactor.is_running())),
        ("aof_rewrite_scheduled", flag(compactor.is_scheduled())),
        ("aof_last_rewrite_time_sec", seconds(compactor.last_ms())),
        ("aof_current_rewrite_time_sec", seconds(compactor.running_ms())),
        ("aof_last_bgrewrite_status", status(!compactor.last_failed())),
        ("aof_rewrites", compactor.runs().to_string()),
        ("aof_rewrite_shards_done", compactor.shards_done().to_string()),
        ("aof_rewrite_shards_total", compactor.shards().to_string()),
        ("aof_last_rewrite_msec", compactor.last_ms().unwrap_or(0).to_string()),
        ("aof_last_write_status", status(is_sound)),
        ("aof_current_size", stats.size_bytes.load(Relaxed).to_string()),
        ("aof_base_size", stats.base_bytes.load(Relaxed).to_string()),
        ("aof_buffer_length", on.aof.backlog_bytes().to_string()),
        ("aof_records", stats.records.load(Relaxed).to_string()),
        ("aof_commit_groups", stats.groups.load(Relaxed).to_string()),
        ("aof_syncs", stats.syncs.load(Relaxed).to_string()),
        ("aof_last_sync_usec", stats.last_sync_us.load(Relaxed).to_string()),
        ("aof_synced_seq", on.synced().to_string()),
    ];
    for (name, value) in lines {
        // Writing to a String cannot fail.
        let _ = write!(out, "{name}:{value}\r\n");
    }
}

pub fn figures(on: &On) -> LogFigures {
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
        sync_nanos: Distribution::of(&stats.sync_nanos),
        group_records: Distribution::of(&stats.group_records),
        compaction: CompactionFigures {
            running: compactor.is_running(),
            shards_done: compactor.shards_done(),
            shards_total: compactor.shards(),
            runs: compactor.runs(),
            failures: compactor.failures(),
            last_ms: compactor.last_ms().unwrap_or(0),
        },
    }
}
