//! The arguments of `limpid cli`, in the letters of `redis-cli`.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStringExt;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::connection::Target;
use super::format::Style;

pub struct Options {
    pub target: Target,
    pub output: Style,
    pub pipe: bool,
    /// Empty: interactive, or commands from stdin.
    pub command: Vec<Vec<u8>>,
}

/// Passwords from the environment, which does not show in a list of processes.
const PASSWORD_VARIABLES: [&str; 2] = ["LIMPID_PASSWORD", "REDISCLI_AUTH"];

pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Options, clap::Error> {
    let mut command = command().no_binary_name(true);
    let matches = command.try_get_matches_from_mut(args)?;
    let text = |name| matches.get_one::<String>(name).cloned();
    let from_environment = || PASSWORD_VARIABLES.into_iter().find_map(|name| std::env::var(name).ok());
    let words: Vec<Vec<u8>> =
        matches.get_many("command").into_iter().flatten().cloned().map(OsString::into_vec).collect();
    if let Some(option) = words.first().filter(|word| word.starts_with(b"-")) {
        let complaint = format!("unexpected option '{}' (see --help)", String::from_utf8_lossy(option));
        return Err(command.error(ErrorKind::UnknownArgument, complaint));
    }
    Ok(Options {
        target: Target {
            host: text("host").unwrap_or_default(),
            port: matches.get_one("port").copied().unwrap_or_default(),
            user: text("user"),
            password: text("password").or_else(from_environment),
            db: matches.get_one("db").copied().unwrap_or_default(),
            resp3: matches.get_flag("resp3"),
        },
        output: style(&matches),
        pipe: matches.get_flag("pipe"),
        command: words,
    })
}

fn style(matches: &ArgMatches) -> Style {
    let raw = matches.get_flag("raw") || !(matches.get_flag("no-raw") || io::stdout().is_terminal());
    if raw { Style::Raw } else { Style::Human }
}

pub fn command() -> Command {
    Command::new("cli")
        .bin_name("limpid cli")
        .about("Talks to a limpid or Redis server")
        .after_help(
            "With a COMMAND, sends it, prints the reply and exits with 1 if that is an error. Without, reads \
             commands: from the terminal with history, completion and hints, or one a line from stdin.",
        )
        .override_usage("limpid cli [OPTIONS] [COMMAND [ARGUMENT]...]")
        // -h is the host, as in redis-cli.
        .disable_help_flag(true)
        .args([
            Arg::new("host")
                .short('h')
                .long("host")
                .default_value("127.0.0.1")
                .help("Where the server listens"),
            Arg::new("port")
                .short('p')
                .long("port")
                .default_value("6379")
                .value_parser(value_parser!(u16))
                .help("On which port"),
            Arg::new("password")
                .short('a')
                .long("password")
                .visible_alias("pass")
                .help("Authenticate; LIMPID_PASSWORD or REDISCLI_AUTH keep it out of the list of processes"),
            Arg::new("user").long("user").help("Authenticate as this user"),
            Arg::new("db")
                .short('n')
                .long("db")
                .default_value("0")
                .value_parser(value_parser!(u32))
                .help("Database"),
            flag("resp3").short('3').help("Speak RESP3"),
            flag("raw")
                .long("raw")
                .overrides_with("no-raw")
                .help("Print values as they are, even on a terminal"),
            flag("no-raw")
                .long("no-raw")
                .overrides_with("raw")
                .help("Print types and quotes, even into a file"),
            flag("pipe")
                .long("pipe")
                .conflicts_with("command")
                .help("Send stdin as it is, lines or RESP, and count replies and errors"),
            flag("help").long("help").action(ArgAction::Help).help("Print this"),
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(value_parser!(OsString))
                .hide(true),
        ])
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).action(ArgAction::SetTrue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Options {
        parse(line.split_whitespace().map(OsString::from)).expect("valid arguments")
    }

    #[test]
    fn defaults_to_the_usual_place() {
        let options = parsed("");
        assert_eq!(
            (options.target.host.as_str(), options.target.port, options.target.db),
            ("127.0.0.1", 6379, 0)
        );
        assert!(options.command.is_empty());
    }

    #[test]
    fn h_is_the_host() {
        let target = parsed("-h example.org -p 7000 -n 3 -a secret -3").target;
        assert_eq!((target.host.as_str(), target.port, target.db), ("example.org", 7000, 3));
        assert_eq!(target.password.as_deref(), Some("secret"));
        assert!(target.resp3);
    }

    #[test]
    fn what_follows_the_command_is_its_own() {
        assert_eq!(parsed("-p 1 SET -p --raw -5").command, [&b"SET"[..], b"-p", b"--raw", b"-5"]);
    }

    #[test]
    fn the_last_word_on_style_wins() {
        assert_eq!(parsed("--raw --no-raw").output, Style::Human);
        assert_eq!(parsed("--no-raw --raw").output, Style::Raw);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse(["--fast"].into_iter().map(OsString::from)).is_err());
        assert!(parse(["-p", "70000"].into_iter().map(OsString::from)).is_err());
    }
}
