//! SLOWLOG.

use super::ADMIN;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::row::{Command, Group, Run};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "get",
        arity: -2,
        syntax: "[count]",
        summary: "Returns the newest entries of the slow log: 10, or as many as asked for; -1: all.",
        complexity: "O(N) where N is the number of entries.",
        run: Run::Serve(get),
        ..ROW
    },
    help::row(Group::Server, "6.2.0"),
    Command {
        name: "len",
        arity: 2,
        summary: "Returns the number of entries in the slow log.",
        run: Run::Serve(len),
        ..ROW
    },
    Command {
        name: "reset",
        arity: 2,
        summary: "Empties the slow log.",
        complexity: "O(N) where N is the number of entries.",
        run: Run::Serve(reset),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, flags: ADMIN, since: "2.2.12", ..Command::ROW };

const COUNT_DEFAULT: usize = 10;
const WRONG_COUNT: Error = Error::fixed("ERR count should be greater than or equal to -1");

fn get(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let count = match args.left() {
        0 => COUNT_DEFAULT,
        1 => match args.int_in(-1..=i64::MAX, WRONG_COUNT) {
            -1 => usize::MAX,
            count => count as usize,
        },
        _ => return Err(Error::unknown_subcommand_or_arity(args.words())),
    };
    args.check()?;
    let log = context.server.metrics.slow.log();
    reply.array(log.len().min(count));
    for entry in log.iter().take(count) {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.unix_seconds as i64);
        reply.int(entry.micros as i64);
        reply.array(entry.words.len());
        entry.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(entry.address.as_bytes());
        reply.bulk(entry.name.as_bytes());
    }
    Ok(())
}

fn len(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    reply.int(context.server.metrics.slow.log().len() as i64);
    Ok(())
}

fn reset(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.server.metrics.slow.log().clear();
    reply.ok();
    Ok(())
}
