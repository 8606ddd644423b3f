//! The log as `execute` sees it: append a group, learn what is durable, fail for good.
//!
//! Files are one implementation ([`crate::aof`]); nothing here speaks of paths or fsync, so that a
//! replicated log can stand behind the same port.

use crate::keyspace::effects::Effects;

/// The number of a record; the first record ever is 1.
pub type Seq = u64;

/// Whether the log takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Writable,
    /// Writes must be refused, with this text as the reason. Out of space heals by itself;
    /// everything else is for good.
    Refusing(String),
}

/// An append-only log of effects.
pub trait Log: Send + Sync {
    /// Where the effects of the next command are collected.
    fn collect(&self) -> Effects {
        Effects::new()
    }

    /// Takes the effects of one command or one transaction and numbers their records; returns the last one's number.
    /// `generation` is the newest of the written shards: the compaction that has cut them last.
    ///
    /// Called while the shards of the written keys are locked, so that log order is apply order
    /// for every key. Never waits for the disk. Of no effects only the memory is taken, for the next command's.
    fn append(&self, effects: Effects, generation: u32) -> Seq;

    /// The caller has let go of its locks: whatever was appended may be written now.
    fn ring(&self);

    /// Replies that describe records up to this number may be sent.
    /// [`Seq::MAX`] where the promise does not need waiting (`everysec`, `no`, or no log at all).
    fn durable(&self) -> Seq;

    /// Bytes appended and not yet written, but for the few that were appended last; the edge stops reading from sockets
    /// when it grows too far.
    fn backlog_bytes(&self) -> usize;

    /// Cheap: one relaxed load when all is well.
    fn health(&self) -> Health;
}

/// No log: `appendonly no`.
pub struct NoLog;

impl Log for NoLog {
    fn collect(&self) -> Effects {
        Effects::only_counted()
    }
    fn append(&self, _: Effects, _: u32) -> Seq {
        0
    }
    fn ring(&self) {}
    fn durable(&self) -> Seq {
        Seq::MAX
    }
    fn backlog_bytes(&self) -> usize {
        0
    }
    fn health(&self) -> Health {
        Health::Writable
    }
}
