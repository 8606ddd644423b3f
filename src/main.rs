//! `limpid`: arguments, start, exit code.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use limpid::config::{Config, Shape, options};
use limpid::logging;
use limpid::server::Running;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|word| word.to_str()) {
        Some("cli") => return limpid::cli::run(arguments),
        Some("check") => return limpid::cli::check::run(arguments),
        _ => {}
    }
    match configure(&command().get_matches()).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("limpid: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Every option of the table is a flag.
fn command() -> clap::Command {
    let command = clap::Command::new("limpid")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A key-value store that a person can read. Without a subcommand: start the server.")
        .after_help(
            "Other uses:\n  limpid cli [-h HOST] [-p PORT] [COMMAND ...]   talk to a server\n  \
             limpid check DIR|FILE                          verify a log and say what it holds",
        )
        .arg(Arg::new("CONFIG-FILE").help("A file of directives: each option below, without its dashes"));
    options::all().fold(command, |command, opt| {
        command.arg(
            Arg::new(opt.name)
                .long(opt.name)
                .value_name(opt.value)
                .help(format!("{} [default: {}]", opt.help, (opt.get)(&Config::default())))
                .action(ArgAction::Append)
                .num_args(if opt.shape == Shape::Words { 1..=usize::MAX } else { 1..=1 })
                .allow_negative_numbers(true),
        )
    })
}

/// Defaults, then the password of the environment, then the file, then the flags.
fn configure(matches: &ArgMatches) -> Result<Config, String> {
    let requirepass = std::env::var("LIMPID_PASSWORD").unwrap_or_default();
    let mut config = Config { requirepass, ..Config::default() };
    if let Some(file) = matches.get_one::<String>("CONFIG-FILE") {
        let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {file}: {e}"))?;
        config.read(&text, file)?;
        config.file = Some(std::fs::canonicalize(file).map_err(|e| format!("cannot find {file}: {e}"))?);
    }
    for opt in options::all() {
        if let Some(values) = matches.get_many::<String>(opt.name) {
            let values: Vec<&str> = values.map(String::as_str).collect();
            // An option of several values takes them all; of any other, the last word counts.
            let from = if opt.shape == Shape::Words { 0 } else { values.len() - 1 };
            let value = values[from..].join(" ");
            config.set(opt.name, &value).map_err(|why| format!("--{why}"))?;
        }
    }
    Ok(config)
}

fn serve(config: Config) -> Result<(), String> {
    logging::start(&config)?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|e| format!("cannot listen to signals: {e}"))?;
    let running = Running::start(config)?;
    println!("{}", running.banner);
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
    running.wait()
}
