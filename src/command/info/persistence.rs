//! INFO's Persistence section: saves mean the log, rewrites its compactions.

use super::{Context, Lines, lines};

pub fn persistence(out: &mut Lines, context: &Context) {
    let log = context.server.persistence.figures();
    let is_on = log.is_some();
    // Without a log nothing is ever saved, and nothing goes wrong.
    let log = log.unwrap_or_default();
    let compaction = &log.compaction;
    let status = |is_well: bool| if is_well { "ok" } else { "err" };
    let is_sound = status(log.refusing.is_none());
    // Redis says -1 where there is no time to tell.
    let seconds = |ms: Option<u64>| ms.map_or(-1, |ms| (ms / 1000) as i64);
    lines!(out,
        "loading": 0,
        "rdb_changes_since_last_save": log.last_seq.saturating_sub(log.synced_seq),
        "rdb_bgsave_in_progress": 0,
        "rdb_last_save_time": log.synced_ms / 1000,
        "rdb_last_bgsave_status": is_sound,
        "rdb_last_bgsave_time_sec": -1,
        "rdb_current_bgsave_time_sec": -1,
        "aof_enabled": u8::from(is_on),
        "aof_rewrite_in_progress": u8::from(compaction.running),
        "aof_rewrite_scheduled": u8::from(compaction.scheduled),
        "aof_last_rewrite_time_sec": seconds(compaction.last_ms),
        "aof_current_rewrite_time_sec": seconds(compaction.running_ms),
        "aof_last_bgrewrite_status": status(!compaction.last_failed),
        "aof_last_write_status": is_sound,
    );
    if !is_on {
        return;
    }
    lines!(out,
        "aof_rewrites": compaction.runs,
        "aof_rewrite_shards_done": compaction.shards_done,
        "aof_rewrite_shards_total": compaction.shards_total,
        "aof_last_rewrite_msec": compaction.last_ms.unwrap_or(0),
        "aof_current_size": log.size_bytes,
        "aof_base_size": log.base_bytes,
        "aof_buffer_length": log.backlog_bytes,
        "aof_records": log.records,
        "aof_commit_groups": log.groups,
        "aof_syncs": log.syncs,
        "aof_last_sync_usec": log.last_sync_us,
        "aof_synced_seq": log.synced_seq,
    );
}
