//! What can go wrong between the client and the server, each in one line.

use std::fmt;
use std::io;

use super::super::format::printable;
use crate::machine::reason;
use crate::protocol::DecodeError;

#[derive(Debug)]
pub enum Error {
    /// Where there was nobody, and why.
    Connect(String, io::Error),
    /// The server would not have us: what we asked for, and its error.
    Refused(&'static str, String),
    /// The server answered a command that a mode needs with this error.
    Denied(String),
    /// The connection broke.
    Lost(io::Error),
    Closed,
    /// No reply for so many seconds.
    Silent(u64),
    Protocol(DecodeError),
    /// Ctrl-C while waiting.
    Interrupted,
    Input(io::Error),
    Output(io::Error),
}

impl Error {
    pub fn denied(error: &[u8]) -> Self {
        Error::Denied(printable(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Connect(place, error) => {
                write!(f, "Could not connect to limpid at {place}: {}", reason(error))
            }
            Error::Refused(what, error) => write!(f, "{what} failed: {error}"),
            Error::Denied(error) => write!(f, "Error: {error}"),
            Error::Lost(error) => write!(f, "Error: {}", reason(error)),
            Error::Closed => f.write_str("Error: Server closed the connection"),
            Error::Silent(seconds) => write!(f, "Error: No replies for {seconds} seconds"),
            Error::Protocol(error) => write!(f, "The server does not speak RESP: {error}"),
            Error::Interrupted => f.write_str("Interrupted"),
            Error::Input(error) => write!(f, "Cannot read commands: {}", reason(error)),
            Error::Output(error) => write!(f, "Cannot write replies: {}", reason(error)),
        }
    }
}
