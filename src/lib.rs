//! limpid: a Redis-like key-value store that a person can read.

pub mod aof;
pub mod cli;
pub mod command;
pub mod data;
pub mod execute;
pub mod keyspace;
pub mod limits;
pub mod protocol;
pub mod reactor;
pub mod session;
pub mod worker;
