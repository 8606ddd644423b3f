//! HELP of every container: derived from its rows.

use super::args::Args;
use super::context::Context;
use super::error::Done;
use super::row::{Command, Group, Run};
use super::table;
use crate::protocol::Reply;

/// The row of a HELP subcommand.
pub const fn row(group: Group, since: &'static str) -> Command {
    Command {
        name: "help",
        arity: 2,
        summary: "Prints this help.",
        since,
        group,
        run: Run::Serve(help),
        ..Command::ROW
    }
}

fn help(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let lines = table::find(args.words().get(0)).map_or_else(Vec::new, |container| lines(container.command));
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.status(line));
    Ok(())
}

fn lines(container: &Command) -> Vec<String> {
    let name = container.name.to_ascii_uppercase();
    let mut lines = vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for row in container.subcommands() {
        let line = format!("{} {}", row.name.to_ascii_uppercase(), row.syntax);
        lines.push(line.trim_end().to_string());
        lines.push(format!("    {}", row.summary));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_is_named_with_its_arguments() {
        let client = table::find(b"client").expect("it is in the table");
        let lines = lines(client.command);
        assert_eq!(lines[0], "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
        assert!(lines.contains(&"PAUSE timeout [WRITE | ALL]".to_string()), "{lines:?}");
        assert!(lines.contains(&"ID".to_string()), "{lines:?}");
        assert_eq!(lines.len(), 1 + 2 * client.command.subcommands().len());
    }
}
