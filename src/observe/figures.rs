//! Everything that is counted, at one moment.

use std::collections::BTreeMap;

use super::threads::{self, Thread};
use crate::command::{Server, table};
use crate::keyspace::DatabaseSize;
use crate::memory;
use crate::metrics::histogram::Distribution;
use crate::metrics::{CommandTotals, LogFigures};
use crate::session::pubsub::Kind;

/// One command that has been called.
#[derive(Clone)]
pub struct CommandFigures {
    pub index: usize,
    pub name: String,
    pub totals: CommandTotals,
    /// `None` where `latency-tracking` has been off all the time.
    pub latencies: Option<Distribution>,
}

#[cfg_attr(test, derive(Default))]
pub struct Figures {
    pub now_ms: u64,
    pub started_ms: u64,
    pub commands: Vec<CommandFigures>,
    /// All commands' latencies.
    pub latencies: Distribution,
    pub error_replies: BTreeMap<Box<str>, u64>,
    pub connections: u64,
    pub rejected: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    pub evicted: u64,
    pub clients: usize,
    pub blocked: usize,
    pub maxclients: usize,
    pub channels: usize,
    pub patterns: usize,
    pub slow_requests: usize,
    pub databases: Vec<(u8, DatabaseSize)>,
    pub memory: memory::Usage,
    /// `maxmemory`; 0 without a limit.
    pub memory_max: u64,
    pub log: Option<LogFigures>,
    pub threads: Vec<Thread>,
}

impl Figures {
    pub fn of(server: &Server, now_ms: u64) -> Figures {
        let metrics = &server.metrics;
        let (maxclients, memory_max) = {
            let config = server.config();
            (config.maxclients, config.maxmemory)
        };
        let commands: Vec<CommandFigures> = table::all()
            .map(|found| CommandFigures {
                index: found.index,
                name: found.full_name(),
                totals: metrics.command(found.index),
                latencies: metrics.latencies(found.index),
            })
            .filter(|command| command.totals != CommandTotals::default())
            .collect();
        let mut latencies = Distribution::default();
        commands.iter().filter_map(|command| command.latencies.as_ref()).for_each(|l| latencies.add_all(l));
        Figures {
            now_ms,
            started_ms: server.started_ms,
            commands,
            latencies,
            error_replies: metrics.error_codes(),
            connections: metrics.reactor.connections.get(),
            rejected: metrics.reactor.rejected.get(),
            bytes_in: metrics.reactor.bytes_in.get(),
            bytes_out: metrics.bytes_out(),
            hits: metrics.sum(|worker| &worker.hits),
            misses: metrics.sum(|worker| &worker.misses),
            expired: metrics.sum(|worker| &worker.expired) + metrics.janitor.expired.get(),
            evicted: metrics.evicted(),
            clients: server.clients.len(),
            blocked: server.line.len() + server.pauses.waiting(),
            maxclients,
            channels: server.broker.channels(Kind::Channel) + server.broker.channels(Kind::Shard),
            patterns: server.broker.patterns(),
            slow_requests: metrics.slow.log().len(),
            databases: server.keyspace.databases().map(|db| (db, server.keyspace.size(db))).collect(),
            memory: memory::usage(),
            memory_max,
            log: server.persistence.figures(),
            threads: threads::all(),
        }
    }

    pub fn calls(&self) -> u64 {
        self.commands.iter().map(|command| command.totals.calls).sum()
    }

    pub fn keys(&self) -> usize {
        self.databases.iter().map(|(_, size)| size.keys).sum()
    }

    pub fn command(&self, index: usize) -> Option<&CommandFigures> {
        self.commands.iter().find(|command| command.index == index)
    }
}
