//! Where it listens.

use super::{Opt, Shape};
use crate::config::value::{addresses, joined, number, octal, time};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "port",
        value: "PORT",
        help: "TCP port; 0 takes a free one, or none where there is a TLS port or a Unix socket",
        more: "The line that the server prints when it is ready says which port that is.",
        live: true,
        get: |c| c.port.to_string(),
        set: |c, v| number(v, 0, 65_535).map(|n| c.port = n as u16),
        ..Opt::ROW
    },
    Opt {
        name: "bind",
        value: "ADDRESS ...",
        shape: Shape::Words,
        help: "addresses to listen on, IPv4 or IPv6; beyond loopback only with a password",
        more: "`127.0.0.1 -::1` is both loopbacks, the second if the machine has it (in quotes, as a flag); `*` and `::*` are all addresses. Beyond them a TLS port alone that asks for certificates will do, too; otherwise the server does not start.",
        live: true,
        get: |c| joined(&c.bind),
        set: |c, v| addresses(v).map(|addresses| c.bind = addresses),
        ..Opt::ROW
    },
    Opt {
        name: "unixsocket",
        value: "PATH",
        help: "Unix socket to listen on; empty: none",
        more: "Where a killed server has left its socket behind, the next one takes over; another server's socket, or a file of another kind, is left alone.",
        get: |c| c.unixsocket.display().to_string(),
        set: |c, v| {
            c.unixsocket = v.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "unixsocketperm",
        value: "MODE",
        help: "permissions of the Unix socket, as three octal digits; 0: as the system makes it",
        get: |c| format!("{:o}", c.unixsocket_permissions),
        set: |c, v| octal(v, 0o777).map(|mode| c.unixsocket_permissions = mode),
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
        set: |c, v| time(v, "s", 0, 86_400 * 365).map(|n| c.tcp_keepalive_seconds = n as u32),
        ..Opt::ROW
    },
];
