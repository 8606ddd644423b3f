//! The sections that say one thing a line.

use std::sync::atomic::Ordering;

use super::super::context::Context;
use super::{Lines, REDIS_VERSION, lines};
use crate::acl::Reason;
use crate::machine;
use crate::session::pause::Paused;
use crate::session::pubsub::Kind;
use crate::version;

pub fn server(out: &mut Lines, context: &Context) {
    let server = context.server;
    let uptime_seconds = context.now_ms.saturating_sub(server.started_ms) / 1000;
    let executable = std::env::current_exe().unwrap_or_default();
    let file = server.config().file.clone().unwrap_or_default();
    lines!(out,
        "redis_version": REDIS_VERSION,
        "limpid_version": version::NUMBER,
        "redis_git_sha1": version::COMMIT.map_or("00000000", |commit| commit.trim_end_matches("-dirty")),
        "redis_git_dirty": u8::from(version::COMMIT.is_some_and(|commit| commit.ends_with("-dirty"))),
        "redis_mode": "standalone",
        "os": machine::kernel(),
        "arch_bits": usize::BITS,
        "process_id": std::process::id(),
        "process_supervised": "no",
        "run_id": server.run_id,
        "tcp_port": server.port.load(Ordering::Relaxed),
        "server_time_usec": context.now_ms * 1000,
        "uptime_in_seconds": uptime_seconds,
        "uptime_in_days": uptime_seconds / 86_400,
        "hz": (1000 / server.config().sweep_period_ms.max(1)).max(1),
        "lru_clock": context.now_ms / 1000 % (1 << 24),
        "multiplexing_api": if cfg!(target_os = "linux") { "epoll" } else { "kqueue" },
        "worker_threads": server.metrics.workers.len(),
        "executable": executable.display(),
        "config_file": file.display(),
    );
}

pub fn clients(out: &mut Lines, context: &Context) {
    let server = context.server;
    context.session.publish(context.now_ms);
    let glances: Vec<_> = server.clients.all().iter().map(|client| client.glance()).collect();
    let (paused, left_ms) = server.pauses.left(context.now_ms);
    let paused = match paused {
        Paused::Nobody => "none",
        Paused::Writes => "write",
        Paused::All => "all",
    };
    lines!(out,
        "connected_clients": server.clients.len(),
        "cluster_connections": 0,
        "maxclients": server.config().maxclients,
        "blocked_clients": server.line.len() + server.pauses.waiting(),
        "client_recent_max_input_buffer": server.metrics.clients.input_peak.load(Ordering::Relaxed),
        "client_recent_max_output_buffer": server.metrics.clients.output_peak.load(Ordering::Relaxed),
        "tracking_clients": 0,
        "pubsub_clients": glances.iter().filter(|g| g.subscriptions.iter().any(|n| *n > 0)).count(),
        "watching_clients": glances.iter().filter(|glance| glance.watched > 0).count(),
        "total_watched_keys": glances.iter().map(|glance| glance.watched).sum::<u32>(),
        "paused_actions": paused,
        "paused_timeout_milliseconds": left_ms,
    );
}

pub fn stats(out: &mut Lines, context: &Context) {
    let metrics = &context.server.metrics;
    let broker = &context.server.broker;
    let [commands, bytes_in, bytes_out] = metrics.rates.per_second();
    let (exceeding_ms, exceeded_ms) = context.server.limit.exceeded_ms(context.now_ms);
    let refused = |reason| context.server.acl.journal().refused(reason);
    lines!(out,
        "total_connections_received": metrics.reactor.connections.get(),
        "total_commands_processed": metrics.calls(),
        "instantaneous_ops_per_sec": commands as u64,
        "total_net_input_bytes": metrics.reactor.bytes_in.get(),
        "total_net_output_bytes": metrics.bytes_out(),
        "instantaneous_input_kbps": format_args!("{:.2}", bytes_in / 1024.0),
        "instantaneous_output_kbps": format_args!("{:.2}", bytes_out / 1024.0),
        "rejected_connections": metrics.reactor.rejected.get(),
        "expired_keys": metrics.sum(|w| &w.expired) + metrics.janitor.expired.get(),
        "evicted_keys": metrics.evicted(),
        "evicted_clients": metrics.clients.evicted.load(Ordering::Relaxed),
        "total_eviction_exceeded_time": exceeded_ms,
        "current_eviction_exceeded_time": exceeding_ms,
        "keyspace_hits": metrics.sum(|w| &w.hits),
        "keyspace_misses": metrics.sum(|w| &w.misses),
        "pubsub_channels": broker.channels(Kind::Channel),
        "pubsub_patterns": broker.patterns(),
        "pubsubshard_channels": broker.channels(Kind::Shard),
        "latest_fork_usec": 0,
        "total_forks": 0,
        "client_query_buffer_limit_disconnections": metrics.clients.query_overflows.load(Ordering::Relaxed),
        "client_output_buffer_limit_disconnections": metrics.clients.output_overflows.load(Ordering::Relaxed),
        "total_error_replies": metrics.sum(|w| &w.errors),
        "acl_access_denied_auth": refused(Reason::Auth),
        "acl_access_denied_cmd": refused(Reason::Command),
        "acl_access_denied_key": refused(Reason::Key),
        "acl_access_denied_channel": refused(Reason::Channel),
    );
}

pub fn replication(out: &mut Lines, context: &Context) {
    lines!(out,
        "role": "master",
        "connected_slaves": 0,
        "master_failover_state": "no-failover",
        "master_replid": context.server.replication_id(),
        "master_replid2": "0".repeat(40),
        "master_repl_offset": 0,
        "second_repl_offset": -1,
        "repl_backlog_active": 0,
        "repl_backlog_size": 0,
        "repl_backlog_first_byte_offset": 0,
        "repl_backlog_histlen": 0,
    );
}

/// Nothing is ever forked, so children use nothing.
pub fn cpu(out: &mut Lines, _: &Context) {
    let (user, system) = machine::cpu_seconds().unwrap_or_default();
    lines!(out,
        "used_cpu_sys": format_args!("{system:.6}"),
        "used_cpu_user": format_args!("{user:.6}"),
        "used_cpu_sys_children": "0.000000",
        "used_cpu_user_children": "0.000000",
    );
}

pub fn cluster(out: &mut Lines, _: &Context) {
    lines!(out, "cluster_enabled": 0);
}

pub fn keyspace(out: &mut Lines, context: &Context) {
    for db in context.server.keyspace.databases() {
        let size = context.database_size(db);
        if size.keys > 0 {
            out.line(format_args!("db{db}:keys={},expires={},avg_ttl=0", size.keys, size.expires));
        }
    }
}
