//! MEMORY: what the allocator says, and what a key costs.

use std::fmt::Write;

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Command, Flags, Group, Keys, Run};
use crate::keyspace::View;
use crate::limits::DATABASES;
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
        summary: "Asks the allocator to give unused memory back, which a thread of its own does all the time.",
        run: Run::Serve(purge),
        ..ROW
    },
    Command {
        name: "stats",
        arity: 2,
        keys: Keys::Every,
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

/// Values know their size, so nothing is sampled, and SAMPLES changes nothing.
fn usage(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    while !args.is_done() {
        if !args.keyword("SAMPLES") {
            return Err(Error::SYNTAX);
        }
        args.int_in(0..=i64::MAX, Error::SYNTAX);
        args.check()?;
    }
    match view.peek(view.db(), key) {
        Some(entry) => reply.int((entry.heap_bytes() + SLOT_BYTES) as i64),
        None => reply.null(),
    }
    Ok(())
}

enum Figure {
    Count(usize),
    Ratio(f64),
}

fn stats(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    use Figure::{Count, Ratio};
    let memory = memory::usage();
    let keys: usize = (0..DATABASES as u8).map(|db| context.database_size(db).keys).sum();
    let dataset = memory.dataset();
    let figures = [
        ("peak.allocated", Count(memory.peak)),
        ("total.allocated", Count(memory.allocated)),
        ("startup.allocated", Count(memory.startup)),
        ("replication.backlog", Count(0)),
        ("keys.count", Count(keys)),
        ("keys.bytes-per-key", Count(dataset / keys.max(1))),
        ("dataset.bytes", Count(dataset)),
        ("dataset.percentage", Ratio(percent(dataset, memory.allocated))),
        ("peak.percentage", Ratio(percent(memory.allocated, memory.peak))),
        ("allocator.allocated", Count(memory.allocated)),
        ("allocator.active", Count(memory.active)),
        ("allocator.resident", Count(memory.allocator_resident)),
        ("allocator-fragmentation.ratio", Ratio(ratio(memory.active, memory.allocated))),
        ("allocator-fragmentation.bytes", Count(memory.active.saturating_sub(memory.allocated))),
        ("allocator-rss.ratio", Ratio(ratio(memory.allocator_resident, memory.active))),
        ("allocator-rss.bytes", Count(memory.allocator_resident.saturating_sub(memory.active))),
        ("rss-overhead.ratio", Ratio(ratio(memory.resident, memory.allocator_resident))),
        ("rss-overhead.bytes", Count(memory.resident.saturating_sub(memory.allocator_resident))),
        ("fragmentation", Ratio(ratio(memory.resident, memory.allocated))),
        ("fragmentation.bytes", Count(memory.resident.saturating_sub(memory.allocated))),
    ];
    reply.map(figures.len());
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match figure {
            Count(count) => reply.int(count as i64),
            Ratio(ratio) => reply.double(ratio),
        }
    }
    Ok(())
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
    if memory.allocated < SMALL {
        return "Nothing to see: so little memory is used that no figure means anything.\n".into();
    }
    // Writing to a String cannot fail.
    if ratio(memory.peak, memory.allocated) > 1.5 {
        let _ = writeln!(
            out,
            "Peak: {} MiB were used at the worst, {} MiB are now. What the allocator keeps of it goes back bit by bit.",
            memory.peak >> 20,
            memory.allocated >> 20
        );
    }
    if ratio(memory.resident, memory.allocated) > 1.4 {
        let _ = writeln!(
            out,
            "Fragmentation: {} MiB are resident for {} MiB in use. Values that come and go in many sizes do that.",
            memory.resident >> 20,
            memory.allocated >> 20
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
    reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_names_what_is_wrong() {
        let healthy = memory::Usage {
            allocated: 100 << 20,
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
