//! Keys of any type: a file per theme, each with its own rows.

pub mod databases;
pub mod dump;
pub mod existence;
pub mod expiry;
pub mod naming;
pub mod object;
pub mod sort;
pub mod wait;
pub mod walk;

use super::row::{Command, Group};

const ROW: Command = Command { group: Group::Generic, ..Command::ROW };
