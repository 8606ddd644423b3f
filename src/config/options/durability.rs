//! What it keeps, and how safely.

use super::Opt;
use crate::config::Fsync;
use crate::config::value::{boolean, bytes, number, one_of, yes_no};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "dir",
        value: "DIRECTORY",
        help: "where the append-only file lives; made if missing",
        more: "One server at a time: a lock file in it keeps a second one off.",
        get: |c| c.dir.display().to_string(),
        set: |c, v| {
            c.dir = v.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "appendonly",
        value: "yes|no",
        help: "keep the data on disk",
        more: "`no` keeps everything in memory only, and nothing survives a stop.",
        get: |c| yes_no(c.appendonly),
        set: |c, v| boolean(v).map(|b| c.appendonly = b),
        ..Opt::ROW
    },
    Opt {
        name: "appendfsync",
        value: "always|everysec|no",
        help: "when a write counts as safe: before its reply, within a second, or as the system likes",
        more: "`always`: what a client has been told is on disk. `everysec`: a power cut loses at most about a second. `no`: the operating system decides.",
        live: true,
        get: |c| c.appendfsync.to_string(),
        set: |c, v| {
            c.appendfsync = match one_of(v, &["everysec", "always", "no"])? {
                "always" => Fsync::Always,
                "everysec" => Fsync::Everysec,
                _ => Fsync::No,
            };
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "auto-aof-rewrite-percentage",
        value: "PERCENT",
        help: "compact the log when it has grown by this much; 0 never does",
        more: "Without a fork; BGREWRITEAOF starts a compaction at any time.",
        live: true,
        get: |c| c.rewrite_percentage.to_string(),
        set: |c, v| number(v, 0, i64::from(u32::MAX)).map(|n| c.rewrite_percentage = n as u64),
        ..Opt::ROW
    },
    Opt {
        name: "auto-aof-rewrite-min-size",
        value: "BYTES",
        help: "a log smaller than this is left alone",
        live: true,
        get: |c| c.rewrite_min_bytes.to_string(),
        set: |c, v| bytes(v, 0, i64::MAX).map(|n| c.rewrite_min_bytes = n as u64),
        ..Opt::ROW
    },
    Opt {
        name: "aof-retain",
        value: "N",
        help: "states before a compaction that stay on disk, for `limpid check --until`",
        get: |c| c.aof_retain.to_string(),
        set: |c, v| number(v, 0, 1_000).map(|n| c.aof_retain = n as usize),
        ..Opt::ROW
    },
];
