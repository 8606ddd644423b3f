//! limpid and its peers side by side: the same load on each in turn, and what it cost.
//!
//! ```text
//! options ──> for each case, for each round: server A, server B, ...
//!                 (in turn, so that a noisy machine is noisy to all)
//!                 start the server, fill it
//!                 load ──requests──> server    (prebuilt bytes; replies are only counted)
//!                 load <──replies─── server
//!             report: medians over the rounds, ratios within each round to the baseline
//! ```
//!
//! The load generator shares the machine with the server. It is kept cheap, and the report says
//! how busy it was: near 100 % the generator is the limit and throughput is no verdict on the
//! server. CPU time per operation, which the kernel counts for the server's process alone, still is.

mod beside;
mod cases;
mod chart;
mod collections;
mod eviction;
mod load;
mod memory;
mod options;
mod peer;
mod proc;
mod replies;
mod report;
mod request;
mod restart;

use std::process::ExitCode;

use options::{Mode, Options};
use report::Report;

fn main() -> ExitCode {
    let options = options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Anything that stops the benchmark; there is nobody to handle it but the person at the terminal.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn run(options: &Options) -> Result<()> {
    let mut report = Report::new(options);
    for mode in &options.modes {
        let table = match mode {
            Mode::Load(case) => report.load(case, &cases::run(options, case)?),
            Mode::Beside(disturbance) => report.beside(disturbance, &beside::run(options, disturbance)?),
            Mode::Eviction(trace) => report.eviction(trace, &eviction::run(options, trace)?),
            Mode::Memory(filling) => report.memory(filling, &memory::per_key(options, filling)?),
            Mode::Elements(filled) => report.elements(filled, &memory::per_element(options, filled)?),
            Mode::Restart { records } => report.restart(*records, &restart::run(options, *records)?),
            Mode::Idle { connections } => {
                report.idle(*connections, &memory::per_connection(options, *connections)?)
            }
        };
        println!("{table}");
    }
    if let Some(path) = &options.markdown {
        std::fs::write(path, report.markdown()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = &options.chart {
        std::fs::write(path, report.chart()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// What each server did in each round: `rounds[server][round]`.
type Rounds<T> = Vec<Vec<T>>;
