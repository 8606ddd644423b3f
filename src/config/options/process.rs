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
        get: |c| c.loglevel.clone(),
        set: |c, v| {
            let level = one_of(v, &["debug", "verbose", "notice", "warning", "nothing"])?;
            c.loglevel = level.into();
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
