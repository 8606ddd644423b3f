//! Options of Redis that have one value here.

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

pub static ROWS: &[Fixed] = &[
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
    immutable("databases", "16"),
    immutable("daemonize", "no"),
    immutable("supervised", "no"),
    immutable("cluster-enabled", "no"),
    immutable("enable-debug-command", "yes"),
];

pub fn find(name: &str) -> Option<&'static Fixed> {
    ROWS.iter().find(|fixed| fixed.name.eq_ignore_ascii_case(name))
}

const _: () = assert!(crate::limits::DATABASES == 16);
const _: () = assert!(crate::limits::BULK_MAX == 536_870_912 && crate::limits::QUERY_MAX == 1_073_741_824);
const _: () = assert!(crate::limits::OUTPUT_MAX == 1_073_741_824 && crate::limits::POSTED_MAX == 33_554_432);
