//! LATENCY: spikes by event, and a histogram of every command's time.

use std::fmt::Write;

use super::ADMIN;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::row::{Command, Group, Run};
use crate::command::table::{self, Found};
use crate::metrics::histogram::Distribution;
use crate::metrics::latency::Event;
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "doctor",
        arity: 2,
        summary: "Returns a report for people about what was slow.",
        run: Run::Serve(doctor),
        ..ROW
    },
    Command {
        name: "graph",
        arity: 3,
        syntax: "event",
        summary: "Draws the samples of an event.",
        run: Run::Serve(graph),
        ..ROW
    },
    help::row(Group::Server, "2.8.13"),
    Command {
        name: "histogram",
        arity: -2,
        syntax: "[command [command ...]]",
        summary: "Returns how many calls of each command took at most how long.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands.",
        run: Run::Serve(histogram),
        ..ROW
    },
    Command {
        name: "history",
        arity: 3,
        syntax: "event",
        summary: "Returns the samples of an event.",
        run: Run::Serve(history),
        ..ROW
    },
    Command {
        name: "latest",
        arity: 2,
        summary: "Returns the newest sample of every event.",
        run: Run::Serve(latest),
        ..ROW
    },
    Command {
        name: "reset",
        arity: -2,
        syntax: "[event [event ...]]",
        summary: "Forgets the samples of these events, or of all.",
        run: Run::Serve(reset),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, flags: ADMIN, since: "2.8.13", ..Command::ROW };

fn history(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let events = context.server.metrics.slow.events();
    let Some(event) = events.get(args.next()) else {
        reply.array(0);
        return Ok(());
    };
    reply.array(event.samples().len());
    for sample in event.samples() {
        reply.array(2);
        reply.int(sample.unix_seconds as i64);
        reply.int(sample.ms as i64);
    }
    Ok(())
}

fn latest(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let events = context.server.metrics.slow.events();
    reply.array(events.iter().len());
    for (name, event) in events.iter() {
        // An event comes with its first sample.
        let newest = event.samples().next_back();
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.int(newest.map_or(0, |sample| sample.unix_seconds) as i64);
        reply.int(newest.map_or(0, |sample| sample.ms) as i64);
        reply.int(event.max_ms as i64);
    }
    Ok(())
}

fn reset(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let names: Vec<&[u8]> = args.rest().collect();
    reply.int(context.server.metrics.slow.events().reset(&names) as i64);
    Ok(())
}

fn histogram(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let metrics = &context.server.metrics;
    let names: Vec<&[u8]> = args.rest().collect();
    let wanted = |found: &Found| names.is_empty() || names.iter().any(|name| is_named(found, name));
    let found: Vec<(Found, Distribution)> = table::all()
        .filter(wanted)
        .filter_map(|found| Some((found, metrics.latencies(found.index)?)))
        .collect();
    reply.map(found.len());
    for (found, latencies) in &found {
        reply.bulk(found.full_name().as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.int(latencies.count() as i64);
        reply.bulk(b"histogram_usec");
        let steps = latencies.by_microseconds();
        reply.map(steps.len());
        for (micros, count) in steps {
            reply.int(micros as i64);
            reply.int(count as i64);
        }
    }
    Ok(())
}

/// By its own name, or by its container's.
fn is_named(found: &Found, name: &[u8]) -> bool {
    found.full_name().as_bytes().eq_ignore_ascii_case(name)
        || found.parent.is_some_and(|parent| parent.name.as_bytes().eq_ignore_ascii_case(name))
}

fn graph(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let name = args.next();
    let events = context.server.metrics.slow.events();
    match events.get(name) {
        Some(event) => {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            reply.verbatim("txt", drawing(&name, event, context.now_ms / 1000).as_bytes());
            Ok(())
        }
        None => {
            let name = String::from_utf8_lossy(name);
            Err(Error::new(format!("ERR No samples available for event '{name}'")))
        }
    }
}

/// A column for each sample, oldest first, with its age below:
///
/// ```text
/// command - high 500 ms, low 300 ms (all time high 500 ms)
/// --------------------------------------------------------
///   #
///  ##
/// ###
///
/// 321
/// sss
/// ```
fn drawing(name: &str, event: &Event, now_seconds: u64) -> String {
    const ROWS: u64 = 4;
    let times: Vec<u64> = event.samples().map(|sample| sample.ms).collect();
    let high = times.iter().max().copied().unwrap_or(0);
    let low = times.iter().min().copied().unwrap_or(0);
    let mut out = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", event.max_ms);
    out.push_str(&"-".repeat(out.len() - 1));
    out.push('\n');
    let height = |ms: u64| 1 + (ms - low) * (ROWS - 1) / (high - low).max(1);
    for row in (1..=ROWS).rev() {
        out.extend(times.iter().map(|&ms| if height(ms) >= row { '#' } else { ' ' }));
        out.push('\n');
    }
    let ages: Vec<String> =
        event.samples().map(|sample| age(now_seconds.saturating_sub(sample.unix_seconds))).collect();
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        out.push('\n');
        out.extend(ages.iter().map(|age| age.chars().nth(row).unwrap_or(' ')));
    }
    out.push('\n');
    out
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn doctor(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let threshold_ms = context.server.config().latency_monitor_ms;
    let events = context.server.metrics.slow.events();
    let mut out = String::new();
    if threshold_ms == 0 && events.iter().len() == 0 {
        out.push_str(
            "Nobody is watching: latency-monitor-threshold is 0. \
             CONFIG SET latency-monitor-threshold 100 notes every command that takes 100 ms or more.\n",
        );
    } else if events.iter().len() == 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "All is well: nothing has taken {threshold_ms} ms or more.");
    }
    for (name, event) in events.iter() {
        let count = event.samples().len();
        let mean = event.samples().map(|sample| sample.ms).sum::<u64>() / count.max(1) as u64;
        let _ = writeln!(
            out,
            "{name}: {count} spikes, {mean} ms on average, {} ms at worst. {}",
            event.max_ms,
            advice(name)
        );
    }
    reply.verbatim("txt", out.as_bytes());
    Ok(())
}

fn advice(event: &str) -> &'static str {
    match event {
        "fast-command" => {
            "These commands do little by themselves: look for a busy machine, or for a client that waited \
             for a lock on the same keys."
        }
        "aof-fsync" => {
            "The disk was slow to say that the log is safe: look for what else writes to it. Under appendfsync always \
             every write waits for it; everysec does not."
        }
        "expire-cycle" => {
            "Many keys came due at the same time: spread their deadlines. No client has to wait for a sweep."
        }
        _ => "SLOWLOG GET names the requests; prefer SCAN to KEYS, and small ranges to whole collections.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::latency::Events;

    #[test]
    fn a_drawing_has_a_column_for_each_sample() {
        let mut events = Events::default();
        for (second, ms) in [(1, 300), (2, 400), (3, 500)] {
            events.note("command", second, ms);
        }
        let event = events.get(b"command").expect("noted above");
        assert_eq!(
            drawing("command", event, 62),
            "command - high 500 ms, low 300 ms (all time high 500 ms)\n\
             --------------------------------------------------------\n  #\n  #\n ##\n###\n\n115\nmm9\n  s\n"
        );
    }
}
