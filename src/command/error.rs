//! What a client did wrong, in Redis's words.

use std::borrow::Cow;

use crate::keyspace::WrongType;
use crate::protocol::Words;

/// The text of an error reply, code and all. Clients match on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Cow<'static, str>);

pub type Done = Result<(), Error>;

impl Error {
    pub const SYNTAX: Error = Error::fixed("ERR syntax error");
    pub const NOT_AN_INTEGER: Error = Error::fixed("ERR value is not an integer or out of range");
    pub const NOT_A_FLOAT: Error = Error::fixed("ERR value is not a valid float");
    pub const WRONG_TYPE: Error =
        Error::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub const NO_SUCH_KEY: Error = Error::fixed("ERR no such key");
    pub const OUT_OF_RANGE: Error = Error::fixed("ERR index out of range");
    pub const DB_OUT_OF_RANGE: Error = Error::fixed("ERR DB index is out of range");
    pub const OVERFLOW: Error = Error::fixed("ERR increment or decrement would overflow");
    pub const UNBLOCKED: Error = Error::fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    pub const TOO_LONG: Error = Error::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

    pub const fn fixed(text: &'static str) -> Error {
        Error(Cow::Borrowed(text))
    }

    pub fn new(text: impl Into<String>) -> Error {
        Error(Cow::Owned(text.into()))
    }

    /// The log takes no writes.
    pub fn unwritable(reason: &str) -> Error {
        Error::new(format!("MISCONF Errors writing to the AOF file: {reason}"))
    }

    pub fn wrong_arity(name: &str) -> Error {
        Error::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    pub fn unknown_subcommand(words: Words<'_>) -> Error {
        let (parent, name) = subcommand(words);
        Error::new(format!("ERR unknown subcommand '{name}'. Try {parent} HELP."))
    }

    pub fn unknown_subcommand_or_arity(words: Words<'_>) -> Error {
        let (parent, name) = subcommand(words);
        Error::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {parent} HELP."
        ))
    }

    pub fn invalid_expire(name: &str) -> Error {
        Error::new(format!("ERR invalid expire time in '{name}' command"))
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

/// As the errors about them show a container and its subcommand: at most 128 bytes of what the client wrote.
fn subcommand(words: Words<'_>) -> (String, String) {
    let shown = |word: &[u8]| String::from_utf8_lossy(&word[..word.len().min(128)]).into_owned();
    (shown(words.get(0)).to_ascii_uppercase(), words.iter().nth(1).map(shown).unwrap_or_default())
}

impl AsRef<str> for Error {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Error {
        Error::WRONG_TYPE
    }
}
