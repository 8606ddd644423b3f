//! Options of Redis that have one value here.

/// An option of Redis that has one value here: what clients and tools ask for gets a true answer, and the wish for
/// anything else an honest refusal.
pub struct Fixed {
    pub name: &'static str,
    pub value: &'static str,
    /// Redis itself refuses to change it while running.
    pub immutable: bool,
    /// What does what somebody who wants another value may be after.
    pub instead: &'static str,
}

impl Fixed {
    pub fn set(&self, value: &str) -> Result<(), String> {
        match value.eq_ignore_ascii_case(self.value) {
            true => Ok(()),
            false if self.instead.is_empty() => Err(format!("limpid knows only '{}' here", self.value)),
            false => Err(format!("limpid knows only '{}' here; {}", self.value, self.instead)),
        }
    }
}

const fn fixed(name: &'static str, value: &'static str) -> Fixed {
    Fixed { name, value, immutable: false, instead: "" }
}

const fn immutable(name: &'static str, value: &'static str) -> Fixed {
    Fixed { name, value, immutable: true, instead: "" }
}

impl Fixed {
    const fn but(self, instead: &'static str) -> Fixed {
        Fixed { instead, ..self }
    }
}

pub static ROWS: &[Fixed] = &[
    // One log, no snapshots, and never a fork.
    fixed("save", "").but("the log keeps every write (appendonly, appendfsync)"),
    fixed("rdbcompression", "no"),
    fixed("rdbchecksum", "yes"),
    fixed("dbfilename", ""),
    fixed("aof-use-rdb-preamble", "no"),
    fixed("no-appendfsync-on-rewrite", "no"),
    fixed("stop-writes-on-bgsave-error", "yes"),
    // No entry is ever moved.
    fixed("activedefrag", "no"),
    // What takes long to free is always freed by another thread.
    fixed("lazyfree-lazy-eviction", "yes"),
    fixed("lazyfree-lazy-expire", "yes"),
    fixed("lazyfree-lazy-server-del", "yes"),
    fixed("lazyfree-lazy-user-del", "yes"),
    fixed("lazyfree-lazy-user-flush", "yes"),
    fixed("replica-lazy-flush", "yes"),
    fixed("proto-max-bulk-len", "536870912"),
    // One server, by itself.
    fixed("replicaof", ""),
    fixed("slaveof", ""),
    fixed("masterauth", ""),
    fixed("masteruser", ""),
    fixed("min-replicas-to-write", "0"),
    fixed("replica-read-only", "yes"),
    fixed("replica-serve-stale-data", "yes"),
    fixed("protected-mode", "no").but("beyond loopback nothing starts without a password, see bind"),
    fixed("tls-cluster", "no"),
    fixed("tls-replication", "no"),
    // What TLS 1.3 leaves to choose is chosen well.
    fixed("tls-ciphers", ""),
    fixed("tls-ciphersuites", ""),
    fixed("tls-prefer-server-ciphers", "no"),
    fixed("tls-dh-params-file", ""),
    fixed("tls-client-cert-file", ""),
    fixed("tls-client-key-file", ""),
    immutable("databases", "16"),
    immutable("daemonize", "no")
        .but("run it under systemd (docs/limpid.service), in a container, or with `&`"),
    // Who sets NOTIFY_SOCKET is told.
    immutable("supervised", "auto").but("NOTIFY_SOCKET says whether systemd wants to know"),
    immutable("cluster-enabled", "no"),
    immutable("enable-module-command", "no"),
    immutable("enable-protected-configs", "no"),
    fixed("aof-load-truncated", "yes"),
    fixed("sanitize-dump-payload", "yes"),
    fixed("syslog-enabled", "no"),
    immutable("always-show-logo", "no"),
];

/// Options of Redis about things that are not here; `*` ends the beginning of several names. In a file or as a flag they
/// are refused, with words that say so.
pub static ABSENT: &[&str] = &[
    "active-defrag-*",
    "active-expire-effort",
    "activerehashing",
    "aof-disable-auto-gc",
    "aof-rewrite-incremental-fsync",
    "aof-timestamp-enabled",
    "aof_rewrite_cpulist",
    "appenddirname",
    "appendfilename",
    "bgsave_cpulist",
    "bind-source-addr",
    "bio_cpulist",
    "busy-reply-threshold",
    "cluster-*",
    "crash-*",
    "disable-thp",
    "dynamic-hz",
    "hz",
    "ignore-warnings",
    "io-threads",
    "io-threads-do-reads",
    "jemalloc-bg-thread",
    "loadmodule",
    "lua-time-limit",
    "min-replicas-max-lag",
    "min-slaves-*",
    "oom-score-adj",
    "oom-score-adj-values",
    "proc-title-template",
    "propagation-error-behavior",
    "rdb-*",
    "repl-*",
    "replica-announce*",
    "replica-ignore-*",
    "replica-priority",
    "server_cpulist",
    "set-proc-title",
    "shutdown-on-*",
    "shutdown-timeout",
    "slave-*",
    "socket-mark-id",
    "stream-node-*",
    "syslog-*",
    "tracking-table-max-keys",
];

pub fn is_absent(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ABSENT.iter().any(|absent| match absent.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *absent,
    })
}

pub fn find(name: &str) -> Option<&'static Fixed> {
    ROWS.iter().find(|fixed| fixed.name.eq_ignore_ascii_case(name))
}

const _: () = assert!(crate::limits::DATABASES == 16);
const _: () = assert!(crate::limits::BULK_MAX == 536_870_912);
