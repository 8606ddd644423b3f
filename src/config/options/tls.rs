//! TLS. What is set here while the server runs takes the files anew, also under their old names.

use super::{Opt, Shape};
use crate::config::tls::{AskClients, Protocols};
use crate::config::value::{boolean, number, one_of, yes_no};

/// A file or a directory.
macro_rules! path {
    ($name:literal, $value:literal, $help:literal, $field:ident) => {
        Opt {
            name: $name,
            value: $value,
            help: $help,
            live: true,
            get: |c| c.tls.$field.display().to_string(),
            set: |c, v| {
                c.tls.$field = v.into();
                Ok(())
            },
            ..Opt::ROW
        }
    };
}

pub static ROWS: &[Opt] = &[
    Opt {
        name: "tls-port",
        value: "PORT",
        help: "TCP port that speaks TLS; 0: none",
        live: true,
        get: |c| c.tls.port.to_string(),
        set: |c, v| number(v, 0, 65_535).map(|n| c.tls.port = n as u16),
        ..Opt::ROW
    },
    path!(
        "tls-cert-file",
        "FILE",
        "the server's certificate, and those between it and its authority, in PEM form",
        cert_file
    ),
    path!("tls-key-file", "FILE", "the certificate's private key, in PEM form", key_file),
    path!("tls-ca-cert-file", "FILE", "authorities that vouch for clients, in PEM form", ca_cert_file),
    path!("tls-ca-cert-dir", "DIRECTORY", "the same, one or more in each of its files", ca_cert_dir),
    Opt {
        name: "tls-auth-clients",
        value: "yes|no|optional",
        help: "whether clients must show a certificate",
        more: "optional: one that is shown must be good.",
        live: true,
        get: |c| c.tls.auth_clients.name().into(),
        set: |c, v| {
            c.tls.auth_clients = AskClients::named(one_of(v, &AskClients::NAMES)?);
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "tls-protocols",
        value: "VERSION ...",
        shape: Shape::Words,
        help: "of TLSv1.2 and TLSv1.3; empty: both",
        live: true,
        get: |c| c.tls.protocols.text().into(),
        set: |c, v| {
            c.tls.protocols = Protocols::parse(v)?;
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "tls-session-caching",
        value: "yes|no",
        help: "let clients come back without a whole handshake",
        live: true,
        get: |c| yes_no(c.tls.session_caching),
        set: |c, v| boolean(v).map(|b| c.tls.session_caching = b),
        ..Opt::ROW
    },
    Opt {
        name: "tls-session-cache-size",
        value: "N",
        help: "sessions that are remembered",
        live: true,
        get: |c| c.tls.session_cache_size.to_string(),
        set: |c, v| number(v, 0, 1_000_000).map(|n| c.tls.session_cache_size = n as usize),
        ..Opt::ROW
    },
];
