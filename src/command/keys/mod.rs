//! Keys of any type: a file per theme, each with its own rows.

pub mod databases;
pub mod existence;
pub mod expiry;
pub mod naming;
pub mod object;
pub mod walk;

use super::row::{Command, Group};

const ROW: Command = Command { group: Group::Generic, ..Command::ROW };
