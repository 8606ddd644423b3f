//! Where the server is, and who we are.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::tls::TlsFlags;
use super::uri::Uri;
use crate::cli::connection::{Address, Target};

/// Passwords from the environment, which does not show in a list of processes.
const PASSWORD_VARIABLES: [&str; 2] = ["LIMPID_PASSWORD", "REDISCLI_AUTH"];
const WARNING: &str = "Warning: a password on the command line shows in the list of processes; \
                       LIMPID_PASSWORD, REDISCLI_AUTH or --askpass keep it out";

#[derive(Args)]
pub struct ServerFlags {
    /// Where the server listens [default: 127.0.0.1]
    #[arg(short = 'h', long)]
    host: Option<String>,
    /// On which port [default: 6379]
    #[arg(short, long)]
    port: Option<u16>,
    /// A Unix socket, in place of host and port
    #[arg(short, long, value_name = "PATH", conflicts_with_all = ["tls", "uri"])]
    socket: Option<PathBuf>,
    /// All in one: redis[s]://[[USER:]PASSWORD@]HOST[:PORT][/DB]
    #[arg(short, long)]
    uri: Option<Uri>,
    /// Authenticate; LIMPID_PASSWORD or REDISCLI_AUTH keep it out of the list of processes
    #[arg(short = 'a', long, visible_alias = "pass")]
    password: Option<String>,
    /// Authenticate as this user
    #[arg(long)]
    user: Option<String>,
    /// Ask for the password on the terminal
    #[arg(long, conflicts_with = "password")]
    askpass: bool,
    /// Be silent about passwords in the list of processes
    #[arg(long, action = ArgAction::SetTrue)]
    no_auth_warning: bool,
    /// Database
    #[arg(short = 'n', long)]
    db: Option<u32>,
}

impl ServerFlags {
    pub fn target(self, resp3: bool, tls: &TlsFlags) -> Result<Target, String> {
        let uri = self.uri.clone().unwrap_or_default();
        let tls = if tls.is_wanted() || uri.tls { Some(tls.configure()?) } else { None };
        self.warn(&uri);
        Ok(Target {
            password: self.password(&uri)?,
            address: match self.socket {
                Some(path) => Address::Unix(path),
                None => Address::Tcp {
                    host: self.host.or(uri.host).unwrap_or_else(|| "127.0.0.1".into()),
                    port: self.port.or(uri.port).unwrap_or(6379),
                },
            },
            tls,
            user: self.user.or(uri.user),
            db: self.db.or(uri.db).unwrap_or_default(),
            resp3,
        })
    }

    fn password(&self, uri: &Uri) -> Result<Option<String>, String> {
        if self.askpass {
            return rpassword::prompt_password("Please input password: ")
                .map(Some)
                .map_err(|error| format!("cannot ask for a password: {error}"));
        }
        // An empty one is none, as it is to the server.
        let variable = |name| std::env::var(name).ok().filter(|password| !password.is_empty());
        let from_environment = || PASSWORD_VARIABLES.into_iter().find_map(variable);
        Ok(self.password.clone().or_else(|| uri.password.clone()).or_else(from_environment))
    }

    /// Only a person can mend it.
    fn warn(&self, uri: &Uri) {
        let is_shown = self.password.is_some() || uri.password.is_some();
        if is_shown && !self.no_auth_warning && io::stderr().is_terminal() {
            // If it cannot be written, nobody would read it.
            let _ = writeln!(io::stderr(), "{WARNING}");
        }
    }
}
