//! The command line: one `clap` command behind parsing, help, completions and the manual page.
//!
//! ```text
//!   config::options ──> flags ─┐
//!   cli, check ────────────────┼─> command() ──> matches ──> configuration() ──> Config
//!                              └─> completions, docs/limpid.1
//! ```

#[cfg(test)]
mod manual;

use std::io;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::config::file::INCLUDE;
use crate::config::options::{self, Opt, fixed};
use crate::config::{Config, PASSWORD_VARIABLE, Shape};
use crate::{cli, version};

const FILE: &str = "CONFIG-FILE";
pub const CHECK: &str = "check-config";
pub const COMPLETIONS: &str = "completions";

/// All of `limpid`: every option of the table is a flag.
pub fn command() -> Command {
    Command::new("limpid")
        .version(version::full())
        .about("A key-value store that a person can read. Without a subcommand: start the server.")
        .override_usage("limpid [CONFIG-FILE] [OPTIONS]\n       limpid <COMMAND>")
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .arg(
            Arg::new(FILE).num_args(0..=2).help(
                "A file of directives: each option below, without its dashes; `-` reads standard input",
            ),
        )
        .arg(
            Arg::new(CHECK)
                .short('t')
                .long(CHECK)
                .action(ArgAction::SetTrue)
                .help("Say whether file and flags are good, and start nothing"),
        )
        .arg(
            Arg::new(INCLUDE)
                .long(INCLUDE)
                .value_name("FILE ...")
                .action(ArgAction::Append)
                .num_args(1..)
                .help("Further files of directives, read before the flags"),
        )
        .args(options::all().map(flag))
        .args(fixed::ROWS.iter().map(|fixed| directive(fixed.name, Shape::Words).hide(true)))
        .arg(
            // -v as in redis-server.
            Arg::new("version")
                .short('V')
                .short_alias('v')
                .long("version")
                .action(ArgAction::Version)
                .help("Print version"),
        )
        .subcommand(cli::command())
        .subcommand(cli::check::command())
        .subcommand(
            Command::new(COMPLETIONS).about("Prints what makes a shell complete limpid's arguments").arg(
                Arg::new("shell").required(true).value_parser(value_parser!(Shell)).help("For which shell"),
            ),
        )
}

fn flag(opt: &'static Opt) -> Arg {
    let default = opt.default_text();
    let default = if default.is_empty() { "none".into() } else { default };
    let flag = directive(opt.name, opt.shape).value_name(opt.value);
    let flag = if opt.alias.is_empty() { flag } else { flag.alias(opt.alias) };
    flag.help(format!("{} [default: {default}]", opt.help))
}

fn directive(name: &'static str, shape: Shape) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::Append)
        .num_args(if shape == Shape::Words { 1..=usize::MAX } else { 1..=1 })
        .allow_negative_numbers(true)
}

/// Defaults, then the environment, then the files, then the flags.
pub fn configuration(matches: &ArgMatches) -> Result<Config, String> {
    let mut config = Config::inherited(std::env::var(PASSWORD_VARIABLE).ok());
    for file in matches.get_many::<String>(FILE).into_iter().flatten() {
        config.read_file(file)?;
    }
    let include = format!("--{INCLUDE}");
    for file in matches.get_many::<String>(INCLUDE).into_iter().flatten() {
        let line = [INCLUDE.as_bytes(), b" ", &quoted(file)].concat();
        config.read(&line, &include, &std::env::current_dir().unwrap_or_default())?;
    }
    let own = options::all().map(|opt| (opt.name, opt.shape));
    for (name, shape) in own.chain(fixed::ROWS.iter().map(|fixed| (fixed.name, Shape::Words))) {
        let Some(values) = matches.get_many::<String>(name) else { continue };
        let mut words: Vec<String> = values.cloned().collect();
        if shape == Shape::Word {
            // Of a flag that is given twice, the last one counts.
            words.drain(..words.len() - 1);
        }
        config.set_words(name, &words).map_err(|why| format!("--{why}"))?;
    }
    Ok(config)
}

fn quoted(word: &str) -> Vec<u8> {
    let mut out = Vec::new();
    crate::protocol::quote::push_quoted(&mut out, word.as_bytes());
    out
}

/// Writes the completions that were asked for to standard output.
pub fn complete(matches: &ArgMatches) {
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        clap_complete::generate(*shell, &mut command(), "limpid", &mut io::stdout());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(line: &str) -> Result<Config, String> {
        let words = line.split(' ').map(|word| if word == "''" { "" } else { word });
        let matches = command().try_get_matches_from(["limpid"].into_iter().chain(words));
        matches.map_err(|error| error.to_string()).and_then(|matches| configuration(&matches))
    }

    #[test]
    fn the_command_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_option_is_a_flag() {
        let config = configured(
            "--port 1 --port 2 --bind 127.0.0.1 ::1 --slowlog-log-slower-than -1 --requirepass '' \
             --hash-max-ziplist-entries 7",
        );
        let config = config.expect("right");
        assert_eq!((config.port, config.slowlog_slower_than_us), (2, -1));
        assert_eq!(config.thresholds.hash_max_listpack_entries, 7, "by Redis's other name");
        assert_eq!(config.bind, ["127.0.0.1", "::1"].map(|address| address.parse().expect("right")));
    }

    #[test]
    fn what_has_one_value_may_be_said() {
        assert!(configured("--save '' --appendonly no --daemonize no").is_ok());
        let why = configured("--daemonize yes").err();
        assert!(
            why.as_deref().is_some_and(|why| why.starts_with("--daemonize 'yes': limpid knows only 'no'")),
            "{why:?}"
        );
        let why = configured("--save 900 1").err();
        assert!(why.as_deref().is_some_and(|why| why.starts_with("--save '900 1': ")), "{why:?}");
    }

    #[test]
    fn flags_win_over_files() {
        let folder = tempfile::tempdir().expect("the temporary directory is writable");
        let path = |name| folder.path().join(name).to_str().expect("plain").to_owned();
        std::fs::write(path("a.conf"), "port 1\nmaxclients 5\ntcp-backlog 6\n").expect("writable");
        std::fs::write(path("b.conf"), "maxclients 7\n").expect("writable");
        let config =
            configured(&format!("{} --port 2 --include {}", path("a.conf"), path("b.conf"))).expect("right");
        assert_eq!((config.port, config.maxclients, config.tcp_backlog), (2, 7, 6));
        let why = configured(&path("none.conf")).err();
        assert!(why.is_some_and(|why| why.starts_with("cannot read ")));
    }
}
