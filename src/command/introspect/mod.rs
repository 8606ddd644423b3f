//! COMMAND: the table about itself.
//!
//! ```text
//!   row --describe--> flags, categories, key specs   --> COMMAND INFO, LIST
//!       --syntax----> arguments                      --> COMMAND DOCS
//!       --keys------> the keys of a request          --> COMMAND GETKEYS
//!       --manual----> docs/commands.md
//! ```

pub mod describe;
mod docs;
mod keys;
mod list;
#[cfg(test)]
mod manual;
pub mod syntax;
mod traits;

use super::args::Args;
use super::context::Context;
use super::error::Done;
use super::help;
use super::row::{Behind, Command, Group, Keys, Run};
use super::table::{self, Found};
use crate::acl::{Categories, Off};
use crate::protocol::Reply;
use describe::{KeySpec, Place};

pub static ROWS: &[Command] = &[Command {
    name: "command",
    arity: -1,
    summary: "Returns information about all commands; also a container for commands about commands.",
    complexity: "O(N) where N is the number of commands.",
    run: Run::Container(SUBCOMMANDS),
    ..ROW
}];

const ABOUT: Option<Categories> = Some(Categories::CONNECTION);
const ROW: Command = Command { group: Group::Server, about: ABOUT, since: "2.8.13", ..Command::ROW };

/// The first is what COMMAND alone means.
static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "info",
        arity: -2,
        syntax: "[command-name [command-name ...]]",
        summary: "Returns information about these commands, or about all.",
        complexity: "O(N) where N is the number of commands.",
        run: Run::Serve(info),
        ..ROW
    },
    Command {
        name: "count",
        arity: 2,
        summary: "Returns the number of commands.",
        run: Run::Serve(count),
        ..ROW
    },
    Command {
        name: "docs",
        arity: -2,
        syntax: "[command-name [command-name ...]]",
        summary: "Returns the documentation of these commands, or of all.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands.",
        run: Run::Serve(docs::docs),
        ..ROW
    },
    Command {
        name: "getkeys",
        arity: -3,
        syntax: "command [arg [arg ...]]",
        summary: "Returns the keys of a request.",
        complexity: "O(N) where N is the number of arguments.",
        run: Run::Serve(keys::keys),
        ..ROW
    },
    Command {
        name: "getkeysandflags",
        arity: -3,
        syntax: "command [arg [arg ...]]",
        summary: "Returns the keys of a request, and what it does to them.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of arguments.",
        run: Run::Serve(keys::keys_and_flags),
        ..ROW
    },
    Command { about: ABOUT, ..help::row(Group::Server, "5.0.0") },
    Command {
        name: "list",
        arity: -2,
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        summary: "Returns the names of all commands, or of those that pass a filter.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands.",
        run: Run::Serve(list::list),
        ..ROW
    },
];

fn count(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    reply.int(top_level(context).count() as i64);
    Ok(())
}

/// Every command that is not switched off.
fn all(context: &Context) -> impl Iterator<Item = Found> {
    let acl = &context.server.acl;
    table::all().filter(move |found| acl.switched_off(found.index) != Some(Off::Unknown))
}

/// The same without the subcommands.
fn top_level(context: &Context) -> impl Iterator<Item = Found> {
    all(context).filter(|found| found.parent.is_none())
}

/// The one of them that goes by this name.
fn named(context: &Context, name: &[u8]) -> Option<Found> {
    let acl = &context.server.acl;
    by_full_name(name).filter(|found| acl.switched_off(found.index) != Some(Off::Unknown))
}

/// By `name` or `container|subcommand`.
fn by_full_name(name: &[u8]) -> Option<Found> {
    match name.iter().position(|byte| *byte == b'|') {
        None => table::find(name),
        Some(bar) => {
            let parent = table::find(&name[..bar])?;
            table::find_subcommand(parent, &name[bar + 1..])
        }
    }
}

fn info(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    if args.is_done() {
        reply.array(top_level(context).count());
        top_level(context).for_each(|found| describe_to(reply, found));
        return Ok(());
    }
    reply.array(args.left());
    for name in args.rest() {
        match named(context, name) {
            Some(found) => describe_to(reply, found),
            None => reply.null(),
        }
    }
    Ok(())
}

fn describe_to(reply: &mut Reply, found: Found) {
    let command = found.command;
    let (first, last, step) = describe::positions(command);
    reply.array(10);
    reply.bulk(found.full_name().as_bytes());
    reply.int(command.arity.into());
    let flags = describe::flags(command);
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.status(flag));
    [first, last, step].into_iter().for_each(|position| reply.int(position.into()));
    let categories: Vec<&str> = command.categories().names().collect();
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.status(&format!("@{category}")));
    let tips = traits::tips(&found.full_name());
    reply.set(tips.len());
    tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    let specs = describe::key_specs(command);
    reply.set(specs.len());
    specs.iter().for_each(|spec| key_spec_to(reply, spec));
    let subcommands = describe::listed_subcommands(found);
    match subcommands.len() {
        0 => reply.set(0),
        length => reply.array(length),
    }
    subcommands.into_iter().for_each(|sub| describe_to(reply, sub));
}

fn key_spec_to(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(spec.flags.len());
    spec.flags.iter().for_each(|flag| reply.status(flag));
    reply.bulk(b"begin_search");
    typed_to(reply, spec.begin.0, &spec.begin.1, |reply, place| match place {
        Place::At(word) => reply.int(*word),
        Place::Behind(word) => reply.bulk(word.as_bytes()),
    });
    reply.bulk(b"find_keys");
    typed_to(reply, spec.find.0, &spec.find.1, |reply, number| reply.int(*number));
}

fn typed_to<T>(reply: &mut Reply, kind: &str, spec: &[(&str, T)], value_to: fn(&mut Reply, &T)) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(spec.len());
    for (name, value) in spec {
        reply.bulk(name.as_bytes());
        value_to(reply, value);
    }
}

/// Whether the keys of a request cannot be told by position alone.
fn has_movable_keys(command: &Command) -> bool {
    match command.keys {
        Keys::Counted { .. } => true,
        Keys::Found { behind, .. } => behind != Behind::Nothing,
        Keys::None | Keys::Every | Keys::Range { .. } => false,
    }
}
