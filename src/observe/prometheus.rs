//! `/metrics`: Prometheus's text format, or OpenMetrics where it is asked for. docs/observability.md lists the metrics.

use std::fmt;
use std::ops::RangeInclusive;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::figures::Figures;
use super::http::Response;
use crate::metrics::histogram::Distribution;
use crate::metrics::{CommandTotals, LogFigures};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub fn metrics(figures: Figures, accept: &str) -> Response {
    let mut registry = Registry::with_prefix("limpid");
    registry.register_collector(Box::new(Exposition(figures)));
    let mut text = String::new();
    let (encoded, content_type) = if accept.contains("application/openmetrics-text") {
        (prometheus_client::encoding::text::encode(&mut text, &registry), OPEN_METRICS)
    } else {
        use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
        (encode(&mut text, &registry), CONTENT_TYPE)
    };
    match encoded {
        Ok(()) => Response::new(200, content_type, text.into_bytes()),
        Err(_) => Response::text(503, "the metrics could not be written\n"),
    }
}

struct Exposition(Figures);

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exposition")
    }
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (mut out, figures) = (Writer(encoder), &self.0);
        server(&mut out, figures)?;
        commands(&mut out, figures)?;
        traffic(&mut out, figures)?;
        keyspace(&mut out, figures)?;
        memory(&mut out, figures)?;
        if let Some(log) = &figures.log {
            self::log(&mut out, log, figures.now_ms)?;
            compaction(&mut out, log)?;
        }
        out.family(
            MetricType::Counter,
            "thread_cpu",
            "Time that a thread has spent on a processor",
            Some(Unit::Seconds),
            |family| {
                figures
                    .threads
                    .iter()
                    .try_for_each(|thread| family.count(&[("thread", &thread.name)], thread.cpu_seconds))
            },
        )
    }
}

fn server(out: &mut Writer<'_>, figures: &Figures) -> fmt::Result {
    out.family(MetricType::Gauge, "build_info", "Version of the server", None, |family| {
        family.gauge(&[("version", crate::version::NUMBER)], 1.0)
    })?;
    let started = figures.started_ms as f64 / 1000.0;
    out.gauge("start_time", "Unix time at which the server was started", Some(Unit::Seconds), started)
}

fn commands(out: &mut Writer<'_>, figures: &Figures) -> fmt::Result {
    type Count = fn(&CommandTotals) -> u64;
    let commands = &figures.commands;
    let counts: [(_, _, Count); 3] = [
        ("commands", "Commands that have run", |totals| totals.calls),
        ("commands_failed", "Commands that have run and replied with an error", |totals| totals.failed),
        ("commands_rejected", "Commands that were refused before they ran", |totals| totals.rejected),
    ];
    for (name, help, count) in counts {
        out.family(MetricType::Counter, name, help, None, |family| {
            let mut rows = commands.iter();
            rows.try_for_each(|command| {
                family.count(&[("command", &command.name)], count(&command.totals) as f64)
            })
        })?;
    }
    let help = "Time that commands took to run, without waiting for the disk or the network";
    out.family(MetricType::Histogram, "command_duration", help, Some(Unit::Seconds), |family| {
        commands.iter().try_for_each(|command| match &command.latencies {
            Some(latencies) => family.seconds(&[("command", &command.name)], latencies),
            None => Ok(()),
        })
    })?;
    out.family(MetricType::Counter, "error_replies", "Error replies by their code", None, |family| {
        figures
            .error_replies
            .iter()
            .try_for_each(|(code, &count)| family.count(&[("code", code)], count as f64))
    })?;
    out.gauge("slow_requests", "Entries of the slow log", None, figures.slow_requests as f64)
}

fn traffic(out: &mut Writer<'_>, figures: &Figures) -> fmt::Result {
    out.counter("connections", "Connections accepted", None, figures.connections)?;
    out.counter("connections_rejected", "Connections refused by maxclients", None, figures.rejected)?;
    out.gauge("clients", "Clients connected", None, figures.clients as f64)?;
    out.gauge(
        "clients_blocked",
        "Clients that wait in a blocking command or a pause",
        None,
        figures.blocked as f64,
    )?;
    out.gauge("clients_max", "maxclients", None, figures.maxclients as f64)?;
    out.counter("received", "Bytes received from clients", Some(Unit::Bytes), figures.bytes_in)?;
    out.counter("sent", "Bytes sent to clients", Some(Unit::Bytes), figures.bytes_out)?;
    out.gauge("pubsub_channels", "Channels with a subscriber", None, figures.channels as f64)?;
    out.gauge("pubsub_patterns", "Patterns with a subscriber", None, figures.patterns as f64)
}

fn keyspace(out: &mut Writer<'_>, figures: &Figures) -> fmt::Result {
    out.counter("keyspace_hits", "Keys that reads have found", None, figures.hits)?;
    out.counter("keyspace_misses", "Keys that reads have not found", None, figures.misses)?;
    out.counter("expired_keys", "Keys removed at their deadline", None, figures.expired)?;
    out.counter("evicted_keys", "Keys removed to keep memory within its limit", None, figures.evicted)?;
    let names: Vec<(String, _)> =
        figures.databases.iter().map(|(db, size)| (db.to_string(), *size)).collect();
    out.family(MetricType::Gauge, "keys", "Keys of a database", None, |family| {
        names.iter().try_for_each(|(db, size)| family.gauge(&[("db", db)], size.keys as f64))
    })?;
    out.family(
        MetricType::Gauge,
        "expiring_keys",
        "Keys of a database that have a deadline",
        None,
        |family| names.iter().try_for_each(|(db, size)| family.gauge(&[("db", db)], size.expires as f64)),
    )
}

fn memory(out: &mut Writer<'_>, figures: &Figures) -> fmt::Result {
    let memory = &figures.memory;
    let gauges = [
        ("memory_used", "Memory that the program has asked for", memory.used),
        ("memory_dataset", "Of that, what has come since the start: the data", memory.since_startup()),
        ("memory_peak", "The most that was ever used", memory.peak),
        ("memory_active", "Pages that hold any used memory", memory.active),
        ("memory_resident", "Memory of the process as the system counts it", memory.resident),
        ("memory_max", "maxmemory; 0 without a limit", figures.memory_max as usize),
    ];
    gauges.iter().try_for_each(|(name, help, bytes)| out.gauge(name, help, Some(Unit::Bytes), *bytes as f64))
}

fn log(out: &mut Writer<'_>, log: &LogFigures, now_ms: u64) -> fmt::Result {
    out.gauge(
        "log_writable",
        "Whether writes are taken: 0 once the log has failed",
        None,
        log.refusing.is_none().into(),
    )?;
    out.counter("log_records", "Records written to the log", None, log.records)?;
    out.counter("log_groups", "Commit groups written to the log", None, log.groups)?;
    out.counter("log_written", "Bytes written to the log", Some(Unit::Bytes), log.written_bytes)?;
    out.family(
        MetricType::Histogram,
        "log_sync_duration",
        "Time that the disk took to sync the log",
        Some(Unit::Seconds),
        |family| family.seconds(&[], &log.sync_nanos),
    )?;
    out.family(MetricType::Histogram, "log_group_records", "Records of one commit group", None, |family| {
        family.sizes(&log.group_records)
    })?;
    out.gauge("log_backlog", "Appended and not yet written", Some(Unit::Bytes), log.backlog_bytes as f64)?;
    out.gauge("log_size", "Files that make up the log", Some(Unit::Bytes), log.size_bytes as f64)?;
    out.gauge("log_base", "Of these, the base and its delta", Some(Unit::Bytes), log.base_bytes as f64)?;
    let undurable = log.last_seq.saturating_sub(log.synced_seq);
    out.gauge("log_undurable_records", "Records that are not on disk yet", None, undurable as f64)?;
    if log.synced_ms > 0 {
        let (help, at) = ("Unix time of the last write that is on disk", log.synced_ms as f64 / 1000.0);
        out.gauge("log_last_durable_time", help, Some(Unit::Seconds), at)?;
        let age = now_ms.saturating_sub(log.synced_ms) as f64 / 1000.0;
        out.gauge(
            "log_last_durable_age",
            "Time since the last write that is on disk",
            Some(Unit::Seconds),
            age,
        )?;
    }
    Ok(())
}

fn compaction(out: &mut Writer<'_>, log: &LogFigures) -> fmt::Result {
    let compaction = &log.compaction;
    out.gauge("compaction_running", "Whether the log is being compacted", None, compaction.running.into())?;
    let progress = match compaction.running {
        true => compaction.shards_done as f64 / compaction.shards_total.max(1) as f64,
        false => 0.0,
    };
    out.gauge(
        "compaction_progress",
        "How much of the keyspace is in the new base",
        Some(Unit::Ratios),
        progress,
    )?;
    out.counter("compactions", "Compactions that have ended, whatever came of them", None, compaction.runs)?;
    out.counter("compactions_failed", "Compactions that were given up", None, compaction.failures)?;
    let took = compaction.last_ms.unwrap_or(0) as f64 / 1000.0;
    out.gauge("compaction_last_duration", "Time that the last compaction took", Some(Unit::Seconds), took)
}

/// Families of metrics, one after the other.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn family(
        &mut self,
        of: MetricType,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        write: impl FnOnce(&mut Family<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(&mut Family(self.0.encode_descriptor(name, help, unit.as_ref(), of)?))
    }

    fn counter(&mut self, name: &str, help: &str, unit: Option<Unit>, count: u64) -> fmt::Result {
        self.family(MetricType::Counter, name, help, unit, |family| {
            family.0.encode_counter::<NoLabelSet, _, u64>(&count, None)
        })
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<Unit>, value: f64) -> fmt::Result {
        self.family(MetricType::Gauge, name, help, unit, |family| family.0.encode_gauge(&value))
    }
}

/// One family: a sample for each set of labels.
struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    fn count(&mut self, labels: &[(&str, &str); 1], count: f64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    fn gauge(&mut self, labels: &[(&str, &str); 1], value: f64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    /// From a microsecond to nine seconds, each step twice the one before: the histogram's own bounds, so nothing
    /// is rounded.
    fn seconds(&mut self, labels: &[(&str, &str)], nanos: &Distribution) -> fmt::Result {
        let bounds = |power: u32| (1u64 << power) as f64 / 1e9;
        self.histogram(labels, buckets(nanos, 10..=33, bounds), nanos.total() / 1e9)
    }

    /// Powers of two, up to a million. Sizes are whole numbers: below 2^n is at most 2^n - 1.
    fn sizes(&mut self, sizes: &Distribution) -> fmt::Result {
        let bounds = |power: u32| ((1u64 << power) - 1) as f64;
        self.histogram(&[], buckets(sizes, 1..=20, bounds), sizes.total())
    }

    fn histogram(&mut self, labels: &[(&str, &str)], buckets: Vec<(f64, u64)>, sum: f64) -> fmt::Result {
        let count = buckets.iter().map(|(_, count)| count).sum();
        match labels {
            [] => self.0.encode_histogram::<NoLabelSet>(sum, count, &buckets, None),
            _ => self.0.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None),
        }
    }
}

/// How many there are up to each bound, and not up to the one before.
fn buckets(of: &Distribution, powers: RangeInclusive<u32>, bound: impl Fn(u32) -> f64) -> Vec<(f64, u64)> {
    let bounds = powers.clone().map(bound).chain([f64::INFINITY]);
    bounds.zip(of.by_powers(powers)).collect()
}
