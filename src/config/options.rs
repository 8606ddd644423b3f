//! The table of options.

use super::value::{boolean, bytes, number, one_of, percentiles, yes_no};
use super::{Config, Fsync};

/// One option, as flag, directive and CONFIG parameter.
pub struct Opt {
    pub name: &'static str,
    /// Redis's other name for it, if any.
    pub alias: &'static str,
    /// What the value looks like.
    pub value: &'static str,
    pub help: &'static str,
    /// May be changed while the server runs.
    pub live: bool,
    pub get: fn(&Config) -> String,
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

impl Opt {
    const ROW: Opt = Opt {
        name: "",
        alias: "",
        value: "",
        help: "",
        live: false,
        get: |_| String::new(),
        set: |_, _| Ok(()),
    };
}

/// Up to where a collection stays in its compact encoding.
macro_rules! threshold {
    ($name:literal, $alias:literal, $value:literal, $help:literal, $field:ident, $parse:ident) => {
        Opt {
            name: $name,
            alias: $alias,
            value: $value,
            help: $help,
            live: true,
            get: |c| c.thresholds.$field.to_string(),
            set: |c, v| $parse(v, 0, i64::MAX).map(|n| c.thresholds.$field = n as usize),
        }
    };
}

pub static OPTIONS: &[Opt] = &[
    Opt {
        name: "port",
        value: "PORT",
        help: "TCP port; 0 takes a free one",
        get: |c| c.port.to_string(),
        set: |c, v| number(v, 0, 65_535).map(|n| c.port = n as u16),
        ..Opt::ROW
    },
    Opt {
        name: "bind",
        value: "ADDRESS ...",
        help: "addresses to listen on, IPv4 or IPv6",
        get: |c| c.bind.join(" "),
        set: |c, v| {
            let addresses: Vec<String> = v.split_whitespace().map(str::to_string).collect();
            match addresses.iter().find(|a| a.parse::<std::net::IpAddr>().is_err()) {
                Some(wrong) => Err(format!("'{wrong}' is not an IP address")),
                None if addresses.is_empty() => Err("at least one address is needed".into()),
                None => {
                    c.bind = addresses;
                    Ok(())
                }
            }
        },
        ..Opt::ROW
    },
    Opt {
        name: "dir",
        value: "DIRECTORY",
        help: "where the append-only file lives; made if missing",
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
        get: |c| yes_no(c.appendonly),
        set: |c, v| boolean(v).map(|b| c.appendonly = b),
        ..Opt::ROW
    },
    Opt {
        name: "auto-aof-rewrite-percentage",
        value: "PERCENT",
        help: "compact the log when it has grown by this much; 0 never does",
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
    Opt {
        name: "appendfsync",
        value: "always|everysec|no",
        help: "when a write counts as safe: before its reply, within a second, or as the system likes",
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
        name: "workers",
        value: "N",
        help: "threads that run commands",
        get: |c| c.workers.to_string(),
        set: |c, v| number(v, 1, 1024).map(|n| c.workers = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "requirepass",
        value: "PASSWORD",
        help: "what clients have to say first, by AUTH; empty: nothing",
        live: true,
        get: |c| c.requirepass.clone(),
        set: |c, v| {
            c.requirepass = v.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "maxclients",
        value: "N",
        help: "connections at the same time",
        live: true,
        get: |c| c.maxclients.to_string(),
        set: |c, v| number(v, 1, 1_000_000).map(|n| c.maxclients = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "tcp-backlog",
        value: "N",
        help: "connections that wait to be accepted",
        get: |c| c.tcp_backlog.to_string(),
        set: |c, v| number(v, 1, 65_535).map(|n| c.tcp_backlog = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "tcp-keepalive",
        value: "SECONDS",
        help: "probe silent peers after this long; 0 never does",
        live: true,
        get: |c| c.tcp_keepalive_seconds.to_string(),
        set: |c, v| number(v, 0, 86_400 * 365).map(|n| c.tcp_keepalive_seconds = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "sweep-period",
        value: "MILLISECONDS",
        help: "how often expired keys are swept; no client sees one meanwhile",
        live: true,
        get: |c| c.sweep_period_ms.to_string(),
        set: |c, v| number(v, 10, 3_600_000).map(|n| c.sweep_period_ms = n as u64),
        ..Opt::ROW
    },
    Opt {
        name: "loglevel",
        value: "LEVEL",
        help: "debug, verbose, notice, warning or nothing",
        get: |c| c.loglevel.clone(),
        set: |c, v| {
            let level = one_of(v, &["debug", "verbose", "notice", "warning", "nothing"])?;
            c.loglevel = level.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "slowlog-log-slower-than",
        value: "MICROSECONDS",
        help: "commands that take so long go into the slow log; negative: none does",
        live: true,
        get: |c| c.slowlog_slower_than_us.to_string(),
        set: |c, v| number(v, -1, i64::MAX).map(|n| c.slowlog_slower_than_us = n),
        ..Opt::ROW
    },
    Opt {
        name: "slowlog-max-len",
        value: "N",
        help: "entries that the slow log keeps",
        live: true,
        get: |c| c.slowlog_max_len.to_string(),
        set: |c, v| number(v, 0, 1_000_000).map(|n| c.slowlog_max_len = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "latency-monitor-threshold",
        value: "MILLISECONDS",
        help: "commands that take so long are samples for LATENCY; 0: none is",
        live: true,
        get: |c| c.latency_monitor_ms.to_string(),
        set: |c, v| number(v, 0, i64::MAX).map(|n| c.latency_monitor_ms = n as u64),
        ..Opt::ROW
    },
    Opt {
        name: "latency-tracking",
        value: "yes|no",
        help: "keep a histogram of each command's time",
        live: true,
        get: |c| yes_no(c.latency_tracking),
        set: |c, v| boolean(v).map(|b| c.latency_tracking = b),
        ..Opt::ROW
    },
    Opt {
        name: "latency-tracking-info-percentiles",
        value: "PERCENT ...",
        help: "what INFO latencystats says of each histogram",
        live: true,
        get: |c| c.latency_percentiles.iter().map(f64::to_string).collect::<Vec<_>>().join(" "),
        set: |c, v| percentiles(v).map(|percentiles| c.latency_percentiles = percentiles),
        ..Opt::ROW
    },
    threshold!(
        "hash-max-listpack-entries",
        "hash-max-ziplist-entries",
        "N",
        "fields that a hash keeps in one packed block",
        hash_max_listpack_entries,
        number
    ),
    threshold!(
        "hash-max-listpack-value",
        "hash-max-ziplist-value",
        "BYTES",
        "size of a field or value up to which its hash stays packed",
        hash_max_listpack_value,
        bytes
    ),
    Opt {
        name: "list-max-listpack-size",
        alias: "list-max-ziplist-size",
        value: "N",
        help: "elements of a list's node; -1 to -5: 4, 8, 16, 32 or 64 KiB instead",
        live: true,
        get: |c| c.thresholds.list_max_listpack_size.to_string(),
        set: |c, v| number(v, -5, i32::MAX.into()).map(|n| c.thresholds.list_max_listpack_size = n as i32),
    },
    threshold!(
        "set-max-intset-entries",
        "",
        "N",
        "integers that a set keeps in one sorted array",
        set_max_intset_entries,
        number
    ),
    threshold!(
        "set-max-listpack-entries",
        "",
        "N",
        "members that a set keeps in one packed block",
        set_max_listpack_entries,
        number
    ),
    threshold!(
        "set-max-listpack-value",
        "",
        "BYTES",
        "size of a member up to which its set stays packed",
        set_max_listpack_value,
        bytes
    ),
    threshold!(
        "zset-max-listpack-entries",
        "zset-max-ziplist-entries",
        "N",
        "members that a sorted set keeps in one packed block",
        zset_max_listpack_entries,
        number
    ),
    threshold!(
        "zset-max-listpack-value",
        "zset-max-ziplist-value",
        "BYTES",
        "size of a member up to which its sorted set stays packed",
        zset_max_listpack_value,
        bytes
    ),
];

/// An option of Redis that has one value here: what clients and tools ask for gets a true answer, and the wish for
/// anything else an honest refusal.
pub struct Fixed {
    pub name: &'static str,
    pub value: &'static str,
    /// Redis itself refuses to change it while running.
    pub immutable: bool,
}

impl Fixed {
    pub fn set(&self, value: &str) -> Result<(), String> {
        match value.eq_ignore_ascii_case(self.value) {
            true => Ok(()),
            false => Err(format!("limpid knows only '{}' here", self.value)),
        }
    }
}

const fn fixed(name: &'static str, value: &'static str) -> Fixed {
    Fixed { name, value, immutable: false }
}

const fn immutable(name: &'static str, value: &'static str) -> Fixed {
    Fixed { name, value, immutable: true }
}

pub static FIXED: &[Fixed] = &[
    // One log, no snapshots, and never a fork.
    fixed("save", ""),
    fixed("rdbcompression", "no"),
    fixed("rdbchecksum", "yes"),
    fixed("dbfilename", ""),
    fixed("aof-use-rdb-preamble", "no"),
    fixed("no-appendfsync-on-rewrite", "no"),
    fixed("stop-writes-on-bgsave-error", "yes"),
    // All memory is used that is needed.
    fixed("maxmemory", "0"),
    fixed("maxmemory-policy", "noeviction"),
    fixed("maxmemory-clients", "0"),
    fixed("activedefrag", "no"),
    // What takes long to free is always freed by another thread.
    fixed("lazyfree-lazy-eviction", "yes"),
    fixed("lazyfree-lazy-expire", "yes"),
    fixed("lazyfree-lazy-server-del", "yes"),
    fixed("lazyfree-lazy-user-del", "yes"),
    fixed("lazyfree-lazy-user-flush", "yes"),
    fixed("replica-lazy-flush", "yes"),
    // Idle clients stay; clients that do not read are closed.
    fixed("timeout", "0"),
    fixed("proto-max-bulk-len", "536870912"),
    fixed("client-query-buffer-limit", "1073741824"),
    fixed("client-output-buffer-limit", "normal 1073741824 0 0 slave 1073741824 0 0 pubsub 33554432 0 0"),
    // One server, by itself.
    fixed("replicaof", ""),
    fixed("slaveof", ""),
    fixed("masterauth", ""),
    fixed("masteruser", ""),
    fixed("min-replicas-to-write", "0"),
    fixed("replica-read-only", "yes"),
    fixed("replica-serve-stale-data", "yes"),
    fixed("protected-mode", "no"),
    fixed("tls-port", "0"),
    fixed("unixsocket", ""),
    fixed("pidfile", ""),
    fixed("logfile", ""),
    immutable("databases", "16"),
    immutable("daemonize", "no"),
    immutable("supervised", "no"),
    immutable("cluster-enabled", "no"),
    immutable("enable-debug-command", "yes"),
];

pub fn find(name: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|opt| {
        opt.name.eq_ignore_ascii_case(name) || !opt.alias.is_empty() && opt.alias.eq_ignore_ascii_case(name)
    })
}

pub fn find_fixed(name: &str) -> Option<&'static Fixed> {
    FIXED.iter().find(|fixed| fixed.name.eq_ignore_ascii_case(name))
}

const _: () = assert!(crate::limits::DATABASES == 16);
const _: () = assert!(crate::limits::BULK_MAX == 536_870_912 && crate::limits::QUERY_MAX == 1_073_741_824);
const _: () = assert!(crate::limits::OUTPUT_MAX == 1_073_741_824 && crate::limits::POSTED_MAX == 33_554_432);
