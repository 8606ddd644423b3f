//! MEMORY: what the allocator says, and what a key costs.

use std::fmt::Write;

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Command, Flags, Group, Keys, Run};
use crate::keyspace::{DatabaseSize, View};
use crate::memory;
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "doctor",
        arity: 2,
        summary: "Returns a report for people about what memory is used for.",
        run: Run::Serve(doctor),
        ..ROW
    },
    help::row(Group::Server, "4.0.0"),
    Command {
        name: "malloc-stats",
        arity: 2,
        flags: Flags::LONG,
        summary: "Returns the allocator's own statistics.",
        complexity: "Depends on how much memory is allocated.",
        run: Run::Serve(malloc_stats),
        ..ROW
    },
    Command {
        name: "purge",
        arity: 2,
        summary: "Has the allocator give unused memory back now, which a thread of its own does bit by bit.",
        run: Run::Serve(purge),
        ..ROW
    },
    Command {
        name: "stats",
        arity: 2,
        keys: Keys::everything(),
        summary: "Returns details about the use of memory.",
        run: Run::Serve(stats),
        ..ROW
    },
    Command {
        name: "usage",
        arity: -3,
        keys: Keys::range(2, 2, 1),
        uses: Uses::Each(&[KeyUse::RO]),
        syntax: "key [SAMPLES count]",
        summary: "Returns how many bytes of memory a key takes, value and all.",
        run: Run::Read(usage),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, since: "4.0.0", ..Command::ROW };

/// A slot of the table, and its control byte.
const SLOT_BYTES: usize = 9;

/// What memory is used for, beside the data itself. Bytes.
pub struct Parts {
    /// What clients have sent, and what waits to be sent to them.
    pub clients: usize,
    /// Records that wait to be written to the log.
    pub log: usize,
    /// Tables and queues of deadlines, by database.
    pub databases: Vec<(u8, DatabaseSize)>,
}

impl Parts {
    pub fn of(context: &Context) -> Parts {
        let server = context.server;
        Parts {
            clients: server.clients.all().iter().map(|client| client.memory_bytes()).sum(),
            log: server.persistence.backlog_bytes(),
            databases: server.keyspace.databases().map(|db| (db, context.database_size(db))).collect(),
        }
    }

    /// All that is not the data: with what was there at the start.
    pub fn overhead(&self, memory: &memory::Usage) -> usize {
        let tables: usize =
            self.databases.iter().map(|(_, size)| size.table_bytes + size.deadline_bytes).sum();
        memory.startup + self.clients + self.log + tables
    }

    fn keys(&self) -> usize {
        self.databases.iter().map(|(_, size)| size.keys).sum()
    }
}

/// Values know their size, so nothing is sampled, and SAMPLES changes nothing.
fn usage(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    while !args.is_done() {
        if !args.keyword("SAMPLES") {
            return Err(Error::SYNTAX);
        }
        let samples = args.int();
        args.check()?;
        if samples < 0 {
            return Err(Error::SYNTAX);
        }
    }
    match view.peek(view.db(), key) {
        Some(entry) => reply.int((entry.heap_bytes() + SLOT_BYTES) as i64),
        None => reply.null(),
    }
    Ok(())
}

fn stats(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    use Figure::{Count, Ratio, Tables};
    let memory = memory::usage();
    let parts = Parts::of(context);
    let overhead = parts.overhead(&memory);
    let dataset = memory.used.saturating_sub(overhead);
    let keys = parts.keys();
    let more = |part: usize, whole: usize| Figure::Difference(part as i64 - whole as i64);
    let named = |name: &str, figure| (name.to_string(), figure);
    let mut figures = vec![
        named("peak.allocated", Count(memory.peak)),
        named("total.allocated", Count(memory.used)),
        named("startup.allocated", Count(memory.startup)),
        named("replication.backlog", Count(0)),
        named("clients.slaves", Count(0)),
        named("clients.normal", Count(parts.clients)),
        named("cluster.links", Count(0)),
        named("aof.buffer", Count(parts.log)),
    ];
    let in_use = parts.databases.iter().filter(|(_, size)| size.keys > 0);
    figures.extend(in_use.map(|(db, size)| (format!("db.{db}"), Tables(*size))));
    figures.extend([
        named("overhead.total", Count(overhead)),
        named("keys.count", Count(keys)),
        named("keys.bytes-per-key", Count(memory.since_startup() / keys.max(1))),
        named("dataset.bytes", Count(dataset)),
        named("dataset.percentage", Ratio(percent(dataset, memory.since_startup()))),
        named("peak.percentage", Ratio(percent(memory.used, memory.peak))),
        named("allocator.allocated", Count(memory.allocated)),
        named("allocator.active", Count(memory.active)),
        named("allocator.resident", Count(memory.allocator_resident)),
        named("allocator-fragmentation.ratio", Ratio(ratio(memory.active, memory.allocated))),
        named("allocator-fragmentation.bytes", more(memory.active, memory.allocated)),
        named("allocator-rss.ratio", Ratio(ratio(memory.allocator_resident, memory.active))),
        named("allocator-rss.bytes", more(memory.allocator_resident, memory.active)),
        named("rss-overhead.ratio", Ratio(ratio(memory.resident, memory.allocator_resident))),
        named("rss-overhead.bytes", more(memory.resident, memory.allocator_resident)),
        named("fragmentation", Ratio(ratio(memory.resident, memory.used))),
        named("fragmentation.bytes", more(memory.resident, memory.used)),
    ]);
    reply.map(figures.len());
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        figure.say(reply);
    }
    Ok(())
}

enum Figure {
    Count(usize),
    Difference(i64),
    Ratio(f64),
    Tables(DatabaseSize),
}

impl Figure {
    fn say(&self, reply: &mut Reply) {
        match self {
            Figure::Count(count) => reply.int(*count as i64),
            Figure::Difference(difference) => reply.int(*difference),
            Figure::Ratio(ratio) => reply.double(*ratio),
            Figure::Tables(size) => {
                reply.map(2);
                reply.bulk(b"overhead.hashtable.main");
                reply.int(size.table_bytes as i64);
                reply.bulk(b"overhead.hashtable.expires");
                reply.int(size.deadline_bytes as i64);
            }
        }
    }
}

pub fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

pub fn percent(part: usize, whole: usize) -> f64 {
    ratio(part, whole) * 100.0
}

fn doctor(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let memory = memory::usage();
    reply.verbatim("txt", diagnosis(&memory).as_bytes());
    Ok(())
}

fn diagnosis(memory: &memory::Usage) -> String {
    const SMALL: usize = 16 << 20;
    let mut out = String::new();
    if memory.used < SMALL {
        return "Nothing to see: so little memory is used that no figure means anything.\n".into();
    }
    // Writing to a String cannot fail.
    if ratio(memory.peak, memory.used) > 1.5 {
        let _ = writeln!(
            out,
            "Peak: {} MiB were used at the worst, {} MiB are now. What the allocator keeps of it goes back bit by bit.",
            memory.peak >> 20,
            memory.used >> 20
        );
    }
    if ratio(memory.resident, memory.used) > 1.4 {
        let _ = writeln!(
            out,
            "Fragmentation: {} MiB are resident for {} MiB in use. Values that come and go in many sizes do that.",
            memory.resident >> 20,
            memory.used >> 20
        );
    }
    if out.is_empty() {
        out.push_str("All is well: what is used is needed.\n");
    }
    out
}

fn malloc_stats(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    reply.verbatim("txt", memory::report().as_bytes());
    Ok(())
}

fn purge(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    memory::purge().map_err(|why| Error::new(format!("ERR Error purging dirty pages: {why}")))?;
    reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_names_what_is_wrong() {
        let healthy = memory::Usage {
            used: 100 << 20,
            resident: 110 << 20,
            peak: 100 << 20,
            ..memory::Usage::default()
        };
        assert!(diagnosis(&healthy).starts_with("All is well"));
        assert!(diagnosis(&memory::Usage { peak: 200 << 20, ..healthy }).starts_with("Peak"));
        assert!(diagnosis(&memory::Usage { resident: 200 << 20, ..healthy }).starts_with("Fragmentation"));
        assert!(diagnosis(&memory::Usage::default()).starts_with("Nothing to see"));
    }
}
