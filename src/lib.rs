//! limpid: a Redis-like key-value store that a person can read.

pub mod acl;
pub mod aof;
pub mod arguments;
pub mod cli;
pub mod command;
pub mod compaction;
pub mod config;
pub mod connection;
pub mod data;
pub mod execute;
pub mod janitor;
pub mod keyspace;
pub mod limits;
pub mod memory;
pub mod metrics;
pub mod persistence;
pub mod progress;
pub mod protocol;
pub mod reactor;
pub mod server;
pub mod session;
pub mod supervise;
pub mod transport;
pub mod version;
pub mod worker;
