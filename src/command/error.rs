//! What a client did wrong, in Redis's words.

use std::borrow::Cow;

use crate::keyspace::WrongType;

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
    pub const TOO_LONG: Error = Error::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

    pub const fn fixed(text: &'static str) -> Error {
        Error(Cow::Borrowed(text))
    }

    pub fn new(text: impl Into<String>) -> Error {
        Error(Cow::Owned(text.into()))
    }

    pub fn wrong_arity(name: &str) -> Error {
        Error::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    pub fn invalid_expire(name: &str) -> Error {
        Error::new(format!("ERR invalid expire time in '{name}' command"))
    }

    pub fn text(&self) -> &str {
        &self.0
    }
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
