//! What the dashboard polls.

use serde_json::{Map, Number, Value, json};
use std::sync::atomic::Ordering::Relaxed;

use super::big_keys::BigKey;
use super::figures::{CommandFigures, Figures};
use super::history::{COLUMNS, History, micros};
use crate::command::info::REDIS_VERSION;
use crate::command::{Server, table};
use crate::limits::{DASHBOARD_LIST, LOG_BACKLOG_MAX};
use crate::metrics::histogram::Distribution;
use crate::metrics::{CommandTotals, LogFigures};
use crate::protocol::quote::push_word;
use crate::session::Client;

/// Everything, with samples taken after `since_ms`.
pub fn stats(server: &Server, history: &History, big: &[BigKey], since_ms: f64, now_ms: u64) -> Value {
    let (Some(now), Some(start)) = (history.last(), history.window_start()) else {
        return json!({ "state": "loading" });
    };
    let refusal = server.persistence.failure();
    json!({
        "state": if refusal.is_some() { "refusing" } else { "ready" },
        "reason": refusal,
        "server": about(server, now_ms),
        "totals": totals(now),
        "clients": clients(server, now, now_ms),
        "memory": memory(now),
        "log": now.log.as_ref().map(|log| self::log(log, start.log.as_ref(), now_ms)),
        "databases": now.databases.iter().filter(|(_, size)| size.keys > 0).map(|(db, size)| json!({
            "db": db, "keys": size.keys, "expires": size.expires,
        })).collect::<Value>(),
        "threads": history.busy().iter().map(|(name, busy)| json!({ "name": name, "busy": number(*busy) }))
            .collect::<Value>(),
        "latency": percentiles(&now.latencies.since(&start.latencies)),
        "commands": commands(now, start),
        "slow": slow(server),
        "hot": server.metrics.hottest(now_ms, DASHBOARD_LIST).iter().map(|hot| json!({
            "key": shown(&hot.key), "db": hot.db, "per_second": number(hot.per_second),
        })).collect::<Value>(),
        "big": big.iter().map(|big| json!({
            "key": shown(&big.key), "db": big.db, "type": big.kind, "bytes": big.bytes,
        })).collect::<Value>(),
        "columns": COLUMNS,
        "samples": history.samples_since(since_ms).map(|sample| sample.iter().map(|&value| number(value)).collect::<Value>())
            .collect::<Value>(),
    })
}

/// Two decimals are enough for a page; what is no number is `null`.
fn number(value: f64) -> Value {
    Number::from_f64((value * 100.0).round() / 100.0).map_or(Value::Null, Value::Number)
}

/// A key or a word as the log would write it, so that no two look the same.
fn shown(word: &[u8]) -> String {
    let mut out = Vec::new();
    push_word(&mut out, word);
    String::from_utf8_lossy(&out).into_owned()
}

fn about(server: &Server, now_ms: u64) -> Value {
    let config = server.config();
    json!({
        "version": crate::version::NUMBER,
        "redis_version": REDIS_VERSION,
        "port": server.port.load(Relaxed),
        "pid": std::process::id(),
        "uptime_s": now_ms.saturating_sub(server.started_ms) / 1000,
        "now_ms": now_ms,
        "workers": server.metrics.workers.len(),
        "appendonly": config.appendonly,
        "appendfsync": config.appendfsync.to_string(),
        "tracking": config.latency_tracking,
        "slower_than_us": config.slowlog_slower_than_us,
    })
}

fn totals(now: &Figures) -> Value {
    json!({
        "commands": now.calls(),
        "connections": now.connections,
        "rejected": now.rejected,
        "bytes_in": now.bytes_in,
        "bytes_out": now.bytes_out,
        "hits": now.hits,
        "misses": now.misses,
        "expired": now.expired,
        "evicted": now.evicted,
        "errors": now.error_replies.values().sum::<u64>(),
    })
}

fn clients(server: &Server, now: &Figures, now_ms: u64) -> Value {
    let mut all = server.clients.all();
    all.sort_by_key(|client| std::cmp::Reverse(client.active_ms()));
    let seconds_since = |ms: u64| now_ms.saturating_sub(ms) / 1000;
    let one = |client: &Client| {
        let names = client.names();
        json!({
            "id": client.id,
            "address": client.origin.address,
            "name": names.name,
            "library": names.library,
            "db": client.glance().db,
            "age_s": seconds_since(client.connected_ms),
            "idle_s": seconds_since(client.active_ms()),
            "command": client.last_command().and_then(table::at).map(|found| found.full_name()),
        })
    };
    json!({
        "connected": now.clients,
        "blocked": now.blocked,
        "max": now.maxclients,
        "list": all.iter().take(DASHBOARD_LIST).map(|client| one(client)).collect::<Value>(),
    })
}

fn memory(now: &Figures) -> Value {
    json!({
        "used": now.memory.used,
        "resident": now.memory.resident,
        "peak": now.memory.peak,
        "dataset": now.memory.since_startup(),
        "active": now.memory.active,
        "limit": now.memory_max,
        "machine": crate::machine::memory_bytes(),
    })
}

fn log(now: &LogFigures, start: Option<&LogFigures>, now_ms: u64) -> Value {
    let since = |of: fn(&LogFigures) -> &Distribution| {
        start.map_or(of(now).clone(), |start| of(now).since(of(start)))
    };
    let groups = since(|log| &log.group_records);
    let compaction = &now.compaction;
    json!({
        "size": now.size_bytes,
        "base": now.base_bytes,
        "records": now.records,
        "groups": now.groups,
        "written": now.written_bytes,
        "backlog": now.backlog_bytes,
        "backlog_max": LOG_BACKLOG_MAX,
        "undurable": now.last_seq.saturating_sub(now.synced_seq),
        "durable_age_s": (now.synced_ms > 0).then(|| now_ms.saturating_sub(now.synced_ms) as f64 / 1000.0),
        "sync": percentiles(&since(|log| &log.sync_nanos)),
        "group": if groups.count() == 0 { Value::Null } else {
            json!({ "p50": groups.percentile(50.0), "p99": groups.percentile(99.0), "max": groups.percentile(100.0) })
        },
        "compaction": {
            "running": compaction.running,
            "done": compaction.shards_done,
            "total": compaction.shards_total,
            "runs": compaction.runs,
            "failures": compaction.failures,
            "last_ms": compaction.last_ms.unwrap_or(0),
        },
    })
}

/// In microseconds; `null` where nothing was measured.
fn percentiles(latencies: &Distribution) -> Value {
    let at = |percent: f64| number(micros(latencies, percent));
    json!({ "p50": at(50.0), "p99": at(99.0), "p999": at(99.9), "max": at(100.0) })
}

/// Those that run now first, then those that have run most.
fn commands(now: &Figures, start: &Figures) -> Value {
    let seconds = (now.now_ms.saturating_sub(start.now_ms) as f64 / 1000.0).max(1.0);
    let mut rows: Vec<(u64, &CommandFigures, Value)> = Vec::new();
    for command in &now.commands {
        let before = start.command(command.index);
        let earlier = before.map_or(CommandTotals::default(), |before| before.totals);
        let calls = command.totals.calls.saturating_sub(earlier.calls);
        let nanos = command.totals.nanos.saturating_sub(earlier.nanos);
        let latencies = command.latencies.as_ref().map(|latencies| {
            let before = before.and_then(|before| before.latencies.as_ref());
            before.map_or_else(|| latencies.clone(), |before| latencies.since(before))
        });
        let mut row = Map::new();
        row.insert("name".into(), command.name.clone().into());
        row.insert("calls".into(), command.totals.calls.into());
        row.insert("failed".into(), command.totals.failed.into());
        row.insert("rejected".into(), command.totals.rejected.into());
        row.insert("per_second".into(), number(calls as f64 / seconds));
        row.insert("busy".into(), number(nanos as f64 / 1e9 / seconds * 100.0));
        row.insert("mean".into(), number(nanos as f64 / 1000.0 / calls as f64));
        row.insert("latency".into(), latencies.as_ref().map_or(Value::Null, percentiles));
        rows.push((calls, command, Value::Object(row)));
    }
    rows.sort_by_key(|(calls, command, _)| std::cmp::Reverse((*calls, command.totals.calls)));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

fn slow(server: &Server) -> Value {
    let log = server.metrics.slow.log();
    let one = |entry: &crate::metrics::slowlog::Entry| {
        let words: Vec<String> = entry.words.iter().map(|word| shown(word)).collect();
        json!({
            "id": entry.id,
            "at_s": entry.unix_seconds,
            "micros": entry.micros,
            "request": words.join(" "),
            "address": entry.address,
            "name": entry.name,
        })
    };
    log.iter().take(DASHBOARD_LIST).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_null() {
        assert_eq!(number(f64::NAN), Value::Null);
        assert_eq!(number(1.239), json!(1.24));
        assert_eq!(percentiles(&Distribution::default())["p99"], Value::Null);
    }

    #[test]
    fn words_are_shown_so_that_nothing_is_hidden() {
        assert_eq!(shown(b"user:1"), "user:1");
        assert_eq!(shown(b"<b> \x00"), "\"<b> \\x00\"");
    }
}
