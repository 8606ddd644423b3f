//! Why a log could not be opened or read: each error is one line that says where and what to do.

use crate::machine::reason;
use std::fmt;
use std::io;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub enum Error {
    /// The disk or the operating system said no.
    Storage { doing: String, error: io::Error },
    /// Another process has claimed the directory.
    Busy(String),
    /// A file does not hold what had been written to it.
    Damage(Damage),
    /// Nothing is wrong with the log, but this cannot be done with it.
    Refused(String),
}

/// Where a file is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub file: String,
    /// The first line, counted from 1, that may be wrong; `None` where the whole file is meant.
    pub line: Option<u64>,
    pub what: String,
    pub cure: Cure,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Look at it; accept it if it is as it should be.
    Reseal,
    /// The file is needed.
    Restore,
    /// It is right, but not for this version.
    Upgrade,
}

impl Damage {
    pub fn new(file: &str, line: impl Into<Option<u64>>, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: line.into(), what: what.into(), cure: Cure::Reseal }
    }

    pub fn missing(file: &str) -> Self {
        Self { cure: Cure::Restore, ..Self::new(file, None, "is missing, but MANIFEST names it") }
    }

    pub fn newer(file: &str) -> Self {
        let what = "is of a version that this limpid does not know";
        Self { cure: Cure::Upgrade, ..Self::new(file, 1, what) }
    }
}

impl Cure {
    fn advice(self) -> &'static str {
        match self {
            Cure::Reseal => "`limpid check` tells more, `limpid check --reseal` accepts it as it is",
            Cure::Restore => "put it back, from a backup if need be; nothing was changed",
            Cure::Upgrade => "start the limpid that wrote it, or a newer one; nothing was changed",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Storage { doing, error } => write!(f, "{doing}: {}", reason(error)),
            Error::Busy(who) => f.write_str(who),
            Error::Damage(damage) => write!(f, "the log is damaged: {damage} ({})", damage.cure.advice()),
            Error::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Error::Damage(damage)
    }
}

/// Says what was being done when the storage failed.
pub(super) trait Doing<T> {
    fn doing(self, verb: &str, name: &str) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, verb: &str, name: &str) -> Result<T> {
        self.map_err(|error| Error::Storage { doing: format!("{verb} {name}"), error })
    }
}
