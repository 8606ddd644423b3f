//! COMMAND DOCS.

use super::describe::{key_specs, listed_subcommands};
use super::syntax::{self, Argument, Kind};
use super::{named, top_level};
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::Done;
use crate::command::table::Found;
use crate::protocol::Reply;

/// Names that no command has are left out.
pub fn docs(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let found: Vec<Found> = match args.is_done() {
        true => top_level(context).collect(),
        false => args.rest().filter_map(|name| named(context, name)).collect(),
    };
    reply.map(found.len());
    found.into_iter().for_each(|found| command_to(reply, found));
    Ok(())
}

fn command_to(reply: &mut Reply, found: Found) {
    let command = found.command;
    let arguments = syntax::parse(command.syntax);
    let subcommands = listed_subcommands(found);
    let has_arguments = !arguments.is_empty() && subcommands.is_empty();
    reply.bulk(found.full_name().as_bytes());
    reply.map(4 + usize::from(has_arguments) + usize::from(!subcommands.is_empty()));
    for (name, text) in [
        ("summary", command.summary.trim_end_matches('.')),
        ("since", command.since),
        ("group", command.group.name()),
        ("complexity", command.complexity),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if has_arguments {
        let mut keys = 0;
        let specs = key_specs(command).len();
        reply.bulk(b"arguments");
        arguments_to(reply, &arguments, specs, &mut keys);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.into_iter().for_each(|sub| command_to(reply, sub));
    }
}

/// `keys` counts the keys so far: each has a spec of its own, but for the last spec, which has the rest.
fn arguments_to(reply: &mut Reply, arguments: &[Argument], specs: usize, keys: &mut usize) {
    reply.array(arguments.len());
    for argument in arguments {
        argument_to(reply, argument, specs, keys);
    }
}

fn argument_to(reply: &mut Reply, argument: &Argument, specs: usize, keys: &mut usize) {
    let flags: Vec<&str> = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
        (argument.multiple_token, "multiple_token"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    let is_group = matches!(argument.kind, Kind::OneOf | Kind::Block);
    let is_key = argument.kind == Kind::Key && specs > 0;
    let fields = [true, true, !is_group, is_key, argument.token.is_some(), !flags.is_empty(), is_group];
    reply.map(fields.iter().filter(|there| **there).count());
    pair(reply, "name", &argument.name);
    pair(reply, "type", argument.kind.name());
    if !is_group {
        pair(reply, "display_text", &argument.name);
    }
    if is_key {
        reply.bulk(b"key_spec_index");
        reply.int((*keys).min(specs - 1) as i64);
        *keys += 1;
    }
    if let Some(token) = &argument.token {
        pair(reply, "token", token);
    }
    if !flags.is_empty() {
        reply.bulk(b"flags");
        reply.set(flags.len());
        flags.iter().for_each(|flag| reply.status(flag));
    }
    if is_group {
        reply.bulk(b"arguments");
        arguments_to(reply, &argument.arguments, specs, keys);
    }
}

fn pair(reply: &mut Reply, name: &str, value: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}
