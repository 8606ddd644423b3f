//! Threads and the server's own log.

use std::path::PathBuf;

use super::Opt;
use crate::config::value::{number, one_of};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "workers",
        value: "N",
        help: "threads that run commands",
        default: "one per core, two at least",
        more: "The second one is for everyone else while a slow command holds the first.",
        get: |c| c.workers.to_string(),
        set: |c, v| number(v, 1, 1024).map(|n| c.workers = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "loglevel",
        value: "LEVEL",
        help: "debug, verbose, notice, warning or nothing",
        live: true,
        get: |c| c.loglevel.clone(),
        set: |c, v| {
            let level = one_of(v, &["debug", "verbose", "notice", "warning", "nothing"])?;
            c.loglevel = level.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "log-format",
        value: "text|json",
        help: "lines of the server's own log: for people, or an object each",
        get: |c| c.log_format.clone(),
        set: |c, v| one_of(v, &["text", "json"]).map(|format| c.log_format = format.into()),
        ..Opt::ROW
    },
    Opt {
        name: "logfile",
        value: "FILE",
        help: "where the server's own log goes; opened again on SIGHUP; empty: standard error",
        get: |c| c.logfile.clone(),
        set: |c, v| {
            c.logfile = v.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "pidfile",
        value: "PATH",
        help: "a file with the server's process number, from when it is ready until it stops; empty: none",
        get: |c| c.pidfile.display().to_string(),
        set: |c, v| {
            c.pidfile = PathBuf::from(v);
            Ok(())
        },
        ..Opt::ROW
    },
];
