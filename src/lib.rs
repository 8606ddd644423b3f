//! limpid: a Redis-like key-value store that a person can read.
//!
//! ```text
//!   thread reactor                thread worker-N                     thread aof
//!   sockets --> accept, read  --> look up, lock shards, run,   -->    group, write, sync --> files
//!               parse             append effects, release,              |
//!                 ^               reply to the socket                   |
//!                 |                 |              ^                    |
//!                 +---- Notice -----+              +----- Verdict ------+
//!
//!   thread janitor: removes what is due, frees what is big, evicts     --> aof
//!   thread compaction, while one runs: shard by shard into a new base  --> files
//!   thread observe, with a metrics port: reads what is counted, answers HTTP
//! ```
//!
//! The modules stand in groups, in the order in which a request and its data pass through them: bytes, what they say,
//! what they do, what stays of it, what is seen of it, and what holds all that together. Whoever stands further in
//! knows nothing of what is around it; `tests/conventions.rs` holds them to it. `docs/architecture.md` tells the rest.

pub mod connection;
pub mod reactor;
pub mod transport;
pub mod worker;

pub mod acl;
pub mod protocol;
pub mod session;

pub mod command;
pub mod data;
pub mod execute;
pub mod keyspace;

pub mod aof;
pub mod compaction;
pub mod janitor;
pub mod persistence;

pub mod memory;
pub mod metrics;
pub mod observe;

pub mod config;
pub mod limits;
pub mod logging;
pub mod machine;
pub mod progress;
pub mod server;
pub mod supervise;
pub mod version;

pub mod arguments;
pub mod cli;
