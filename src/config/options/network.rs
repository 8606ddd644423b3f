//! Where it listens.

use super::{Opt, Shape};
use crate::config::value::{addresses, number};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "port",
        value: "PORT",
        help: "TCP port; 0 takes a free one",
        get: |c| c.port.to_string(),
        set: |c, v| number(v, 0, 65_535).map(|n| c.port = n as u16),
        ..Opt::ROW
    },
    Opt {
        name: "bind",
        value: "ADDRESS ...",
        shape: Shape::Words,
        help: "addresses to listen on, IPv4 or IPv6",
        get: |c| c.bind.join(" "),
        set: |c, v| addresses(v).map(|addresses| c.bind = addresses),
        ..Opt::ROW
    },
    Opt {
        name: "tcp-backlog",
        value: "N",
        help: "connections that wait to be accepted",
        get: |c| c.tcp_backlog.to_string(),
        set: |c, v| number(v, 1, 65_535).map(|n| c.tcp_backlog = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "tcp-keepalive",
        value: "SECONDS",
        help: "probe silent peers after this long; 0 never does",
        live: true,
        get: |c| c.tcp_keepalive_seconds.to_string(),
        set: |c, v| number(v, 0, 86_400 * 365).map(|n| c.tcp_keepalive_seconds = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "maxclients",
        value: "N",
        help: "connections at the same time",
        live: true,
        get: |c| c.maxclients.to_string(),
        set: |c, v| number(v, 1, 1_000_000).map(|n| c.maxclients = n as usize),
        ..Opt::ROW
    },
];
