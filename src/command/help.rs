//! HELP of a command with subcommands, told from its rows.

use super::row::Command;
use crate::protocol::Reply;

/// A line for the command, and two for each of its subcommands.
pub fn help(parent: &str, subcommands: &[Command], reply: &mut Reply) {
    reply.array(1 + 2 * subcommands.len());
    reply.status(&format!("{parent} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for row in subcommands {
        reply.status(format!("{} {}", row.name.to_ascii_uppercase(), row.syntax).trim_end());
        reply.status(&format!("    {}", row.summary));
    }
}
