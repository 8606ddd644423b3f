//! What it watches.

use super::{Opt, Shape};
use crate::config::value::{addresses, boolean, event_classes, joined, number, percentiles, time, yes_no};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "metrics-port",
        value: "PORT",
        help: "HTTP port of the dashboard, /metrics and /health; 0: none",
        get: |c| c.metrics_port.to_string(),
        set: |c, v| number(v, 0, 65_535).map(|n| c.metrics_port = n as u16),
        ..Opt::ROW
    },
    Opt {
        name: "metrics-bind",
        value: "ADDRESS ...",
        shape: Shape::Words,
        help: "addresses of the metrics port; others than loopback need a password",
        get: |c| joined(&c.metrics_bind),
        set: |c, v| addresses(v).map(|addresses| c.metrics_bind = addresses),
        ..Opt::ROW
    },
    Opt {
        name: "slowlog-log-slower-than",
        value: "MICROSECONDS",
        help: "commands that take so long go into the slow log; negative: none does",
        live: true,
        get: |c| c.slowlog_slower_than_us.to_string(),
        set: |c, v| time(v, "us", -1, i64::MAX).map(|n| c.slowlog_slower_than_us = n),
        ..Opt::ROW
    },
    Opt {
        name: "slowlog-max-len",
        value: "N",
        help: "entries that the slow log keeps",
        live: true,
        get: |c| c.slowlog_max_len.to_string(),
        set: |c, v| number(v, 0, 1_000_000).map(|n| c.slowlog_max_len = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "latency-monitor-threshold",
        value: "MILLISECONDS",
        help: "commands that take so long are samples for LATENCY; 0: none is",
        live: true,
        get: |c| c.latency_monitor_ms.to_string(),
        set: |c, v| time(v, "ms", 0, i64::MAX).map(|n| c.latency_monitor_ms = n as u64),
        ..Opt::ROW
    },
    Opt {
        name: "latency-tracking",
        value: "yes|no",
        help: "keep a histogram of each command's time",
        more: "INFO latencystats and LATENCY HISTOGRAM show them.",
        live: true,
        get: |c| yes_no(c.latency_tracking),
        set: |c, v| boolean(v).map(|b| c.latency_tracking = b),
        ..Opt::ROW
    },
    Opt {
        name: "latency-tracking-info-percentiles",
        value: "PERCENT ...",
        shape: Shape::Words,
        help: "what INFO latencystats says of each histogram",
        live: true,
        get: |c| c.latency_percentiles.iter().map(f64::to_string).collect::<Vec<_>>().join(" "),
        set: |c, v| percentiles(v).map(|percentiles| c.latency_percentiles = percentiles),
        ..Opt::ROW
    },
    Opt {
        name: "notify-keyspace-events",
        value: "CLASSES",
        help: "what is published of what happens to keys: K or E, and letters of A (g$lshzxetd), n, m; empty: nothing",
        more: "K publishes in channels named after keys, E in channels named after events. A is all classes but n (new keys) and m (keys that are not there).",
        live: true,
        get: |c| c.notify_keyspace_events.to_string(),
        set: |c, v| event_classes(v).map(|classes| c.notify_keyspace_events = classes),
        ..Opt::ROW
    },
];
