//! How long clients may stay, and what they may make the server keep for them.

use super::{Opt, Shape};
use crate::config::clients::ClientsMemory;
use crate::config::value::{bytes, number, time};
use crate::limits;

pub static ROWS: &[Opt] = &[
    Opt {
        name: "maxclients",
        value: "N",
        help: "connections at the same time",
        more: "One more gets an error and is closed. The limit on open files is raised to fit; where it cannot be, this number shrinks, and the log says so.",
        live: true,
        get: |c| c.maxclients.to_string(),
        set: |c, v| number(v, 1, 1_000_000).map(|n| c.maxclients = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "timeout",
        value: "SECONDS",
        help: "close a client that has sent nothing for so long; 0: never",
        more: "Who waits for a key or for messages may stay.",
        live: true,
        get: |c| c.timeout_seconds.to_string(),
        set: |c, v| time(v, "s", 0, i64::from(u32::MAX)).map(|n| c.timeout_seconds = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "client-output-buffer-limit",
        value: "CLASS HARD SOFT SECONDS ...",
        shape: Shape::Words,
        adds_up: true,
        help: "close a client for which more than HARD bytes wait, or more than SOFT for so long; 0: no limit",
        more: "Classes are normal, replica and pubsub: one a line, or all on one. Past 1 GiB every client is closed.",
        live: true,
        get: |c| c.output_limits.text(),
        set: |c, v| c.output_limits.set(v),
        ..Opt::ROW
    },
    Opt {
        name: "client-query-buffer-limit",
        value: "BYTES",
        help: "close a client whose unfinished request, or transaction, is larger",
        more: "From 1 MiB to 1 GiB.",
        live: true,
        get: |c| c.query_bytes_max.to_string(),
        set: |c, v| bytes(v, 1 << 20, limits::QUERY_MAX as i64).map(|n| c.query_bytes_max = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "maxmemory-clients",
        value: "BYTES|PERCENT%",
        help: "memory of all clients' buffers; past it, the largest are closed. 0: no limit",
        more: "A percentage is of `maxmemory`. A client may ask to be spared by CLIENT NO-EVICT.",
        live: true,
        get: |c| c.clients_memory.text(),
        set: |c, v| {
            c.clients_memory = ClientsMemory::parse(v)?;
            Ok(())
        },
        ..Opt::ROW
    },
];
