//! INFO: sections of `name:value` lines, in Redis's names.

use std::fmt::Write;

use super::context::{Context, Server};

type Section = fn(&mut String, &Context);

/// In the order of INFO; `true`: part of what INFO says when it is not asked for anything special.
static SECTIONS: &[(&str, bool, Section)] = &[
    ("server", true, server),
    ("clients", true, clients),
    ("memory", true, memory),
    ("persistence", true, persistence),
    ("stats", true, stats),
    ("keyspace", true, keyspace),
];

/// The sections asked for; none, `default`, `all` and `everything` have Redis's meaning.
pub fn text(context: &Context, wanted: &[String]) -> String {
    let asked = |name: &str| wanted.iter().any(|w| w == name);
    let all = asked("all") || asked("everything");
    let default = wanted.is_empty() || asked("default");
    let mut out = String::new();
    for (name, is_default, write) in SECTIONS {
        if all || (default && *is_default) || asked(name) {
            if !out.is_empty() {
                out.push_str("\r\n");
            }
            let (first, rest) = name.split_at(1);
            line(&mut out, format_args!("# {}{rest}", first.to_ascii_uppercase()));
            write(&mut out, context);
        }
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
    out.push_str("\r\n");
}

macro_rules! lines {
    ($out:expr, $($name:literal: $value:expr),* $(,)?) => {
        $(line($out, format_args!("{}:{}", $name, $value));)*
    };
}

fn server(out: &mut String, context: &Context) {
    let server = context.server;
    let uptime = context.now_ms.saturating_sub(server.started_ms) / 1000;
    lines!(out,
        "redis_version": "7.2.4",
        "limpid_version": env!("CARGO_PKG_VERSION"),
        "redis_mode": "standalone",
        "os": os(),
        "arch_bits": usize::BITS,
        "process_id": std::process::id(),
        "run_id": server.run_id,
        "tcp_port": server.port,
        "server_time_usec": context.now_ms * 1000,
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime / 86_400,
        "worker_threads": server.metrics.workers.len(),
    );
}

fn os() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH)
}

fn clients(out: &mut String, context: &Context) {
    lines!(out,
        "connected_clients": context.server.clients.len(),
        "maxclients": context.server.config().maxclients,
    );
}

fn memory(out: &mut String, _: &Context) {
    let memory = crate::memory::usage();
    lines!(out,
        "used_memory": memory.allocated,
        "used_memory_human": human(memory.allocated),
        "used_memory_rss": memory.resident,
        "used_memory_rss_human": human(memory.resident),
        "used_memory_peak": memory.peak,
        "used_memory_peak_human": human(memory.peak),
        "mem_allocator": "jemalloc",
    );
}

fn human(bytes: usize) -> String {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes}B") } else { format!("{value:.2}{}", UNITS[unit]) }
}

fn persistence(out: &mut String, context: &Context) {
    context.server.persistence.info(out);
}

fn stats(out: &mut String, context: &Context) {
    let metrics = &context.server.metrics;
    lines!(out,
        "total_connections_received": metrics.reactor.connections.get(),
        "total_commands_processed": metrics.sum(|w| &w.commands),
        "total_net_input_bytes": metrics.reactor.bytes_in.get(),
        "total_net_output_bytes": metrics.sum(|w| &w.bytes_out) + metrics.reactor.bytes_out.get(),
        "rejected_connections": metrics.reactor.rejected.get(),
        "expired_keys": metrics.sum(|w| &w.expired) + metrics.janitor.expired.get(),
        "keyspace_hits": metrics.sum(|w| &w.hits),
        "keyspace_misses": metrics.sum(|w| &w.misses),
        "total_error_replies": metrics.sum(|w| &w.errors),
    );
}

fn keyspace(out: &mut String, context: &Context) {
    let server: &Server = context.server;
    for db in server.keyspace.databases() {
        let size = server.keyspace.size(db);
        if size.keys > 0 {
            line(out, format_args!("db{db}:keys={},expires={},avg_ttl=0", size.keys, size.expires));
        }
    }
}
