//! The connection itself.

use super::args::Args;
use super::context::Context;
use super::error::{Done, Error};
use super::row::{Command, Flags, Group, Run};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "ping",
        arity: -1,
        flags: Flags::FAST.and(Flags::PUBSUB),
        syntax: "[message]",
        summary: "Returns the server's liveliness response.",
        run: Run::Serve(ping),
        ..ROW
    },
    Command {
        name: "quit",
        arity: -1,
        flags: Flags::FAST.and(Flags::NO_AUTH).and(Flags::PUBSUB),
        summary: "Closes the connection.",
        run: Run::Serve(quit),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Connection, ..Command::ROW };

fn ping(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    match args.left() {
        0 => reply.status("PONG"),
        1 => reply.bulk(args.next()),
        _ => return Err(Error::wrong_arity("ping")),
    }
    Ok(())
}

fn quit(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.session.closing = true;
    reply.ok();
    Ok(())
}
