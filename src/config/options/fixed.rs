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
    fixed("protected-mode", "no"),
    fixed("tls-cluster", "no"),
    fixed("tls-replication", "no"),
    // What TLS 1.3 leaves to choose is chosen well.
    fixed("tls-ciphers", ""),
    fixed("tls-ciphersuites", ""),
    fixed("tls-prefer-server-ciphers", "no"),
    fixed("tls-dh-params-file", ""),
    fixed("tls-client-cert-file", ""),
    fixed("tls-client-key-file", ""),
    fixed("pidfile", ""),
    immutable("databases", "16"),
    immutable("daemonize", "no"),
    immutable("supervised", "no"),
    immutable("cluster-enabled", "no"),
];

pub fn find(name: &str) -> Option<&'static Fixed> {
    ROWS.iter().find(|fixed| fixed.name.eq_ignore_ascii_case(name))
}

const _: () = assert!(crate::limits::DATABASES == 16);
const _: () = assert!(crate::limits::BULK_MAX == 536_870_912);
