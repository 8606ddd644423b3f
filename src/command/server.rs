//! The server itself.

use super::args::Args;
use super::context::Context;
use super::error::Done;
use super::info;
use super::row::{Command, Flags, Group, Run};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[Command {
    name: "info",
    arity: -1,
    syntax: "[section [section ...]]",
    summary: "Returns information and statistics about the server.",
    run: Run::Serve(info),
    ..ROW
}];

const ROW: Command = Command { group: Group::Server, flags: Flags::DANGEROUS, ..Command::ROW };

fn info(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let wanted: Vec<String> =
        args.rest().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect();
    reply.verbatim("txt", info::text(context, &wanted).as_bytes());
    Ok(())
}
