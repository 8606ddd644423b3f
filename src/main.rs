//! `limpid`: arguments, start, exit code.

use std::process::ExitCode;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use limpid::arguments;
use limpid::config::Config;
use limpid::logging;
use limpid::server::{self, Running};
use limpid::supervise::{PidFile, Supervisor};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    match words.next().as_deref().and_then(|word| word.to_str()) {
        Some("cli") => return limpid::cli::run(words),
        Some("check") => return limpid::cli::check::run(words),
        _ => {}
    }
    let matches = arguments::command().get_matches();
    if let Some(wanted) = matches.subcommand_matches(arguments::COMPLETIONS) {
        arguments::complete(wanted);
        return ExitCode::SUCCESS;
    }
    let is_check = matches.get_flag(arguments::CHECK);
    match arguments::configuration(&matches)
        .and_then(|config| if is_check { check(&config) } else { serve(config) })
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            why.lines().for_each(|line| eprintln!("limpid: {line}"));
            ExitCode::FAILURE
        }
    }
}

fn check(config: &Config) -> Result<(), String> {
    server::check(config)?;
    match &config.file {
        Some(file) => println!("limpid: {} is good", file.display()),
        None => println!("limpid: the configuration is good"),
    }
    Ok(())
}

fn serve(config: Config) -> Result<(), String> {
    logging::start(&config)?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| format!("cannot listen to signals: {e}"))?;
    let supervisor = Supervisor;
    supervisor.loading();
    let pidfile = config.pidfile.clone();
    let running = Running::start(config)?;
    let _pidfile = PidFile::write(&pidfile)?;
    println!("{}", running.banner);
    supervisor.ready(&running.banner);
    let stopper = running.stopper();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if signal == SIGHUP {
                    logging::reopen();
                    continue;
                }
                tracing::info!("signal {signal}: stopping");
                // A full channel says that the server is stopping already.
                let _ = stopper.try_send(());
            }
        })
        .map_err(|e| format!("cannot start a thread: {e}"))?;
    running.wait(|| supervisor.stopping())
}
