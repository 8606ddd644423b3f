//! What the client does beside running commands, each in a file of its own, over one connection.
//!
//! ```text
//!   stat, latency ─────────────────────────────> one request after another, for ever
//!   scan ──────────────┐
//!   bigkeys, hotkeys ──┴─> walk (SCAN, page by page) ─> what each page is asked
//!   pipe ──────────────────────────────────────> stdin as it is; replies are only counted
//! ```

pub mod bigkeys;
pub mod hotkeys;
pub mod latency;
pub mod pipe;
pub mod scan;
pub mod stat;
mod walk;

use std::io::{self, Write};

use super::connection::{Connection, Error};
use super::interrupt::Interrupt;
use super::options::{Mode, Options};
use bigkeys::Measure;
use walk::Walk;

/// Does what is asked for, if that is not to run commands. Whether every reply was free of errors.
pub fn run(options: &Options) -> Result<bool, Error> {
    let Options { target, format, repeat, mode, .. } = options;
    if let Mode::Pipe { patience } = mode {
        return pipe::run(target, *patience);
    }
    // Ctrl-C ends a walk, and what it has found is told; anything else it simply ends.
    let interrupt = mode.selection().map(|_| Interrupt::listen()).transpose()?;
    let mut connection = Connection::open(target, interrupt.clone())?;
    let walk = |selection, pages_between| {
        let interrupt = interrupt.clone().unwrap_or_default();
        Walk { selection, pages_between, interval: repeat.interval, interrupt }
    };
    match mode {
        Mode::Stat => stat::run(&mut connection, *repeat),
        Mode::Latency { history } => latency::run(&mut connection, *history, *repeat, format),
        Mode::Scan(selection) => scan::run(&mut connection, &walk(selection, 1), format),
        Mode::BigKeys(selection) => bigkeys::run(&mut connection, &walk(selection, 100), Measure::Elements),
        Mode::MemKeys { selection, samples } => {
            bigkeys::run(&mut connection, &walk(selection, 100), Measure::Memory { samples: *samples })
        }
        Mode::HotKeys(selection) => hotkeys::run(&mut connection, &walk(selection, 100), target.db),
        Mode::Commands | Mode::Pipe { .. } => return Ok(true),
    }
    .map(|()| true)
}

/// Writes at once: whoever reads along wants to see it now.
fn print(text: impl AsRef<[u8]>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref()).and_then(|()| out.flush()).map_err(Error::Output)
}

fn println(text: std::fmt::Arguments<'_>) -> Result<(), Error> {
    print(format!("{text}\n"))
}
