//! Where it listens.

use super::{Opt, Shape};
use crate::config::value::{addresses, number, octal};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "port",
        value: "PORT",
        help: "TCP port; 0 takes a free one, or none where there is a TLS port or a Unix socket",
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
        live: true,
        get: |c| c.bind.join(" "),
        set: |c, v| addresses(v).map(|addresses| c.bind = addresses),
        ..Opt::ROW
    },
    Opt {
        name: "unixsocket",
        value: "PATH",
        help: "Unix socket to listen on; empty: none",
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
        set: |c, v| number(v, 0, 86_400 * 365).map(|n| c.tcp_keepalive_seconds = n as u32),
        ..Opt::ROW
    },
];
