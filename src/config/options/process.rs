//! Threads and the server's own log.

use super::Opt;
use crate::config::value::{number, one_of};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "workers",
        value: "N",
        help: "threads that run commands",
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
];
