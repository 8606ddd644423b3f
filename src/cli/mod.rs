//! `limpid cli`: the server's commands from a terminal or a script.
//!
//! ```text
//!   arguments ──────┐                             ┌─ format ──> one reply, exit code
//!   lines of stdin ─┼─> words ─> connection ══════┤
//!   terminal ───────┘   (RESP over one socket)    └─ shell ───> replies, hints, completion
//!   bytes of stdin ───> pipe ══> as they are; replies are only counted
//! ```
//!
//! A client like any other: it knows the protocol and nothing of the server's insides.

pub mod check;
mod complete;
mod connection;
mod docs;
mod format;
mod history;
mod options;
mod pipe;
mod session;
mod shell;

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use connection::Error;
use options::Options;
pub use options::command;
use session::Session;

use crate::protocol::words;

/// Runs with the arguments that follow `limpid cli`.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let options = match options::parse(args) {
        Ok(options) => options,
        Err(error) => {
            // Help on stdout, complaints on stderr; if neither can be written, there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match dispatch(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has gone, as `head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every reply was free of errors.
fn dispatch(options: &Options) -> Result<bool, Error> {
    if options.pipe {
        return pipe::run(&options.target);
    }
    if options.command.is_empty() && io::stdin().is_terminal() {
        return shell::run(options);
    }
    let mut session = Session::connect(options.target.clone(), options.output, None)?;
    if options.command.is_empty() { each_line(&mut session) } else { session.run(&options.command) }
}

/// Commands from a file or a pipe, one a line.
fn each_line(session: &mut Session) -> Result<bool, Error> {
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
        line.clear();
    }
    Ok(all_well)
}
