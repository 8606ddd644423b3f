//! Scripts, functions and modules, as far as there are any: none. Clients that ask which there are, and test suites that
//! begin by removing what others may have left, get a true answer; EVAL and its kin are unknown.

use super::args::Args;
use super::context::Context;
use super::error::{Done, Error};
use super::help;
use super::row::{Command, Flags, Group, Run};
use crate::acl::Categories;
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "function",
        arity: -2,
        summary: "A container for commands about functions.",
        since: "7.0.0",
        complexity: "Depends on the subcommand.",
        run: Run::Container(FUNCTION),
        ..ROW
    },
    Command {
        name: "module",
        arity: -2,
        group: Group::Server,
        summary: "A container for commands about modules.",
        since: "4.0.0",
        complexity: "Depends on the subcommand.",
        run: Run::Container(MODULE),
        ..ROW
    },
    Command {
        name: "script",
        arity: -2,
        summary: "A container for commands about scripts.",
        since: "2.6.0",
        complexity: "Depends on the subcommand.",
        run: Run::Container(SCRIPT),
        ..ROW
    },
];

static FUNCTION: &[Command] = &[
    Command {
        name: "flush",
        arity: -2,
        about: Some(Categories::SCRIPTING.and(Categories::WRITE)),
        syntax: "[ASYNC | SYNC]",
        summary: "Removes all functions, of which there are none.",
        since: "7.0.0",
        run: Run::Serve(|args, _, reply| {
            flush(args, reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
        }),
        ..ROW
    },
    help::row(Group::Scripting, "7.0.0"),
    Command {
        name: "kill",
        arity: 2,
        summary: "Ends the function that runs: none does.",
        since: "7.0.0",
        run: Run::Serve(kill),
        ..ROW
    },
    Command {
        name: "list",
        arity: -2,
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        summary: "Returns all functions, of which there are none.",
        since: "7.0.0",
        run: Run::Serve(list),
        ..ROW
    },
];

static MODULE: &[Command] = &[
    help::row(Group::Server, "5.0.0"),
    Command {
        name: "list",
        arity: 2,
        group: Group::Server,
        flags: Flags::ADMIN.and(Flags::DANGEROUS),
        summary: "Returns all modules, of which there are none.",
        since: "4.0.0",
        run: Run::Serve(|_, _, reply| {
            reply.array(0);
            Ok(())
        }),
        ..ROW
    },
];

static SCRIPT: &[Command] = &[
    Command {
        name: "exists",
        arity: -3,
        syntax: "sha1 [sha1 ...]",
        summary: "Says which scripts are known: none of them.",
        since: "2.6.0",
        complexity: "O(N) where N is the number of scripts asked for.",
        run: Run::Serve(exists),
        ..ROW
    },
    Command {
        name: "flush",
        arity: -2,
        syntax: "[ASYNC | SYNC]",
        summary: "Forgets all scripts, of which there are none.",
        since: "2.6.0",
        run: Run::Serve(|args, _, reply| {
            flush(args, reply, "ERR SCRIPT FLUSH only support SYNC|ASYNC option")
        }),
        ..ROW
    },
    help::row(Group::Scripting, "5.0.0"),
    Command {
        name: "kill",
        arity: 2,
        summary: "Ends the script that runs: none does.",
        since: "2.6.0",
        run: Run::Serve(kill),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Scripting, ..Command::ROW };

fn flush(args: &mut Args, reply: &mut Reply, otherwise: &'static str) -> Done {
    let _ = args.keyword("ASYNC") || args.keyword("SYNC");
    if !args.is_done() {
        return Err(Error::fixed(otherwise));
    }
    reply.ok();
    Ok(())
}

fn list(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    while let Some(word) = args.peek() {
        if args.keyword("LIBRARYNAME") {
            if args.is_done() {
                return Err(Error::fixed("ERR library name argument was not given"));
            }
            args.next();
        } else if !args.keyword("WITHCODE") {
            return Err(Error::new(format!("ERR Unknown argument {}", String::from_utf8_lossy(word))));
        }
    }
    reply.array(0);
    Ok(())
}

fn kill(_: &mut Args, _: &mut Context, _: &mut Reply) -> Done {
    Err(Error::fixed("NOTBUSY No scripts in execution right now."))
}

fn exists(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let scripts = args.rest();
    reply.array(scripts.len());
    scripts.for_each(|_| reply.int(0));
    Ok(())
}
