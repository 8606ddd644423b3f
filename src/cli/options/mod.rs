//! The arguments of `limpid cli`, in the letters of `redis-cli`, and what they come to.
//!
//! Each file has the flags of one concern, and turns them into what the rest of the client takes.

mod mode;
mod output;
mod server;
mod tls;
mod uri;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser};

use super::connection::Target;
use super::format::Format;
pub use mode::{Mode, Selection};

pub struct Options {
    pub target: Target,
    pub format: Format,
    /// An error reply is told on standard error and is the end.
    pub stop_on_error: bool,
    pub mode: Mode,
    pub repeat: Repeat,
    /// The last argument of the command comes from standard input.
    pub last_from_input: bool,
    /// Empty: interactive, or commands from stdin.
    pub command: Vec<Vec<u8>>,
}

/// How often, and how long between; what is not said is up to the mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeat {
    pub times: Option<Times>,
    pub interval: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Exactly(u64),
    ForEver,
}

impl Times {
    /// Numbers of the rounds.
    pub fn rounds(self) -> Box<dyn Iterator<Item = u64>> {
        match self {
            Times::Exactly(count) => Box::new(0..count),
            Times::ForEver => Box::new(0..),
        }
    }
}

/// Talks to a limpid or Redis server
#[derive(Parser)]
#[command(
    name = "cli",
    bin_name = "limpid cli",
    display_name = "limpid cli",
    version = crate::version::full(),
    override_usage = "limpid cli [OPTIONS] [COMMAND [ARGUMENT]...]",
    after_help = "With a COMMAND, sends it, prints the reply and exits with 1 if that is an error. Without, reads \
                  commands: from the terminal with history, completion and hints, or one a line from stdin.",
    // -h is the host, as in redis-cli.
    disable_help_flag = true,
    disable_version_flag = true
)]
struct Arguments {
    #[command(flatten)]
    server: server::ServerFlags,
    #[command(flatten)]
    tls: tls::TlsFlags,
    #[command(flatten)]
    output: output::OutputFlags,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    mode: mode::ModeFlags,
    /// Print this
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[arg(num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    command: Vec<OsString>,
}

#[derive(Args)]
#[command(next_help_heading = "Commands")]
struct RunFlags {
    /// Run the command so many times; -1 is for ever
    #[arg(short, value_name = "TIMES", value_parser = times, allow_negative_numbers = true)]
    repeat: Option<Times>,
    /// Wait so long between: the runs of -r, the lines of --stat, the pages of --scan
    #[arg(short, value_name = "SECONDS", value_parser = seconds)]
    interval: Option<Duration>,
    /// Read the last argument of the command from standard input
    #[arg(short = 'x', requires = "command")]
    last_from_input: bool,
    /// Stop at the first error reply, and print it on standard error
    #[arg(short = 'e')]
    stop_on_error: bool,
}

fn times(text: &str) -> Result<Times, String> {
    match text.parse::<i64>() {
        Ok(count) if count < 0 => Ok(Times::ForEver),
        Ok(count) => Ok(Times::Exactly(count.unsigned_abs())),
        Err(error) => Err(error.to_string()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

/// All flags, for help, completions and the manual.
pub fn command() -> Command {
    Arguments::command()
}

pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Options, clap::Error> {
    let mut command = command().no_binary_name(true);
    let mut matches = command.try_get_matches_from_mut(args)?;
    let arguments = Arguments::from_arg_matches_mut(&mut matches)?;
    let mut complaint = |kind, text| Err(command.error(kind, text));
    let words: Vec<Vec<u8>> = arguments.command.into_iter().map(OsString::into_vec).collect();
    if let Some(option) = words.first().filter(|word| word.starts_with(b"-")) {
        let text = format!("unexpected option '{}' (see --help)", String::from_utf8_lossy(option));
        return complaint(ErrorKind::UnknownArgument, text);
    }
    let mode = arguments.mode.mode();
    if !words.is_empty() && mode != Mode::Commands {
        let text = format!("'{}' is no part of what was asked for", String::from_utf8_lossy(&words[0]));
        return complaint(ErrorKind::ArgumentConflict, text);
    }
    let resp3 = arguments.output.resp3();
    let target = match arguments.server.target(resp3, &arguments.tls) {
        Ok(target) => target,
        Err(text) => return complaint(ErrorKind::InvalidValue, text),
    };
    Ok(Options {
        target,
        format: arguments.output.format(),
        stop_on_error: arguments.run.stop_on_error,
        mode,
        repeat: Repeat { times: arguments.run.repeat, interval: arguments.run.interval },
        last_from_input: arguments.run.last_from_input,
        command: words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::connection::Address;
    use crate::cli::format::Style;

    fn try_parse(line: &str) -> Result<Options, clap::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn parsed(line: &str) -> Options {
        try_parse(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    #[test]
    fn the_flags_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn defaults_to_the_usual_place() {
        let options = parsed("");
        assert_eq!((options.target.address, options.target.db), (tcp("127.0.0.1", 6379), 0));
        assert!(options.command.is_empty() && options.mode == Mode::Commands);
    }

    #[test]
    fn h_is_the_host() {
        let target = parsed("-h example.org -p 7000 -n 3 -a secret --no-auth-warning -3").target;
        assert_eq!((target.address, target.db), (tcp("example.org", 7000), 3));
        assert_eq!(target.password.as_deref(), Some("secret"));
        assert!(target.resp3);
    }

    #[test]
    fn a_uri_says_it_all_and_flags_win() {
        let target = parsed("-u redis://me:s%20x@[::1]:7000/3 -p 7001 --no-auth-warning").target;
        assert_eq!((target.address, target.db), (tcp("::1", 7001), 3));
        assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("me"), Some("s x")));
        assert!(parsed("-u rediss://example.org --insecure").target.tls.is_some());
        assert!(try_parse("-u http://example.org").is_err());
    }

    #[test]
    fn a_socket_is_a_path() {
        assert_eq!(
            parsed("-s /run/limpid.sock -p 1").target.address,
            Address::Unix("/run/limpid.sock".into())
        );
        assert!(try_parse("-s /run/limpid.sock --tls").is_err());
    }

    #[test]
    fn what_follows_the_command_is_its_own() {
        assert_eq!(parsed("-p 1 SET -p --raw -5").command, [&b"SET"[..], b"-p", b"--raw", b"-5"]);
    }

    #[test]
    fn the_last_word_on_style_wins() {
        assert_eq!(parsed("--raw --no-raw").format.style, Style::Human);
        assert_eq!(parsed("--no-raw --raw").format.style, Style::Raw);
        assert_eq!(parsed("--raw --csv").format.style, Style::Csv);
    }

    #[test]
    fn json_speaks_resp3_unless_told_otherwise() {
        assert_eq!(parsed("--json").format.style, Style::Json);
        assert!(parsed("--json").target.resp3 && !parsed("--json -2").target.resp3);
        assert!(!parsed("").target.resp3 && parsed("-2 -3").target.resp3);
    }

    #[test]
    fn modes_exclude_each_other_and_commands() {
        assert_eq!(parsed("--stat").mode, Mode::Stat);
        assert_eq!(parsed("--latency-history").mode, Mode::Latency { history: true });
        for line in ["--stat --pipe", "--stat GET a", "--bigkeys --memkeys", "--cert a.crt", "-x"] {
            assert!(try_parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn repeats_are_read() {
        let repeat = parsed("-r 3 -i 0.5 PING").repeat;
        assert_eq!(repeat.times, Some(Times::Exactly(3)));
        assert_eq!(repeat.interval, Some(Duration::from_millis(500)));
        assert_eq!(parsed("-r -1 PING").repeat.times, Some(Times::ForEver));
        for line in ["-i -1 PING", "-i 1e300 PING", "-i nan PING", "-r x PING"] {
            assert!(try_parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in ["--fast", "-p 70000", "--tls --cacert /nowhere/ca.crt"] {
            assert!(try_parse(line).is_err(), "{line}");
        }
    }
}
