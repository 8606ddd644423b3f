//! `limpid cli`: the server's commands from a terminal or a script.
//!
//! ```text
//!   arguments ──────┐                             ┌─ format ──> replies, exit code
//!   lines of stdin ─┼─> words ─> session ─────────┤
//!   terminal ───────┘               │             └─ shell ───> hints, completion, history
//!                                   v
//!   bytes of stdin ──> modes ──> connection ══> TCP, TLS or a Unix socket
//!   a clock ─────────────┴─────> reports
//! ```
//!
//! A client like any other: it knows the protocol and nothing of the server's insides.

pub mod check;
mod complete;
mod connection;
mod docs;
mod format;
mod history;
mod interrupt;
mod modes;
mod options;
mod session;
mod shell;

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use connection::Error;
pub use options::command;
use options::{Mode, Options, Times};
use session::Session;

use crate::protocol::words;

/// Runs with the arguments that follow `limpid cli`.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let options = match options::parse(args) {
        Ok(options) => options,
        Err(error) => {
            // Help on stdout, complaints on stderr; if neither can be written, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has gone, as `head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // If this cannot be written, the exit code still tells.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every reply was free of errors.
fn dispatch(mut options: Options) -> Result<bool, Error> {
    if options.mode != Mode::Commands {
        return modes::run(&options);
    }
    if options.command.is_empty() && io::stdin().is_terminal() {
        return shell::run(&options);
    }
    if options.last_from_input {
        let mut argument = Vec::new();
        io::stdin().lock().read_to_end(&mut argument).map_err(Error::Input)?;
        options.command.push(argument);
    }
    let mut session = Session::connect(&options)?;
    if options.command.is_empty() {
        each_line(&mut session, &options)
    } else {
        again_and_again(&mut session, &options)
    }
}

/// The command of the arguments, as often as they say.
fn again_and_again(session: &mut Session, options: &Options) -> Result<bool, Error> {
    let interval = options.repeat.interval.unwrap_or(Duration::ZERO);
    let mut all_well = true;
    for round in options.repeat.times.unwrap_or(Times::Exactly(1)).rounds() {
        if round > 0 {
            interrupt::pause(interval);
        }
        all_well &= session.run(&options.command)?;
        if !all_well && options.stop_on_error {
            break;
        }
    }
    Ok(all_well)
}

/// Commands from a file or a pipe, one a line.
fn each_line(session: &mut Session, options: &Options) -> Result<bool, Error> {
    let mut all_well = true;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).map_err(Error::Input)? > 0 {
        match words::split(&line) {
            Ok(words) if words.is_empty() => {}
            Ok(words) => all_well &= session.run(&words)?,
            Err(error) => {
                all_well = false;
                writeln!(io::stdout(), "Invalid argument(s): {error}").map_err(Error::Output)?;
            }
        }
        if !all_well && options.stop_on_error {
            break;
        }
        line.clear();
    }
    Ok(all_well)
}
