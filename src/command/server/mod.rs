//! The server itself: what it is, how it is doing, how it is set up, and how it ends.

mod config;
mod debug;
mod hot_keys;
mod latency;
mod lolwut;
pub mod memory;
mod monitor;
mod replication;
mod save;
mod slowlog;

use super::args::Args;
use super::context::Context;
use super::error::Done;
use super::info;
use super::row::{Command, Flags, Group, Keys, Run};
use crate::acl::Categories;
use crate::machine;
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "backup",
        arity: 2,
        flags: ADMIN.and(Flags::REPLIES_LATER).and(Flags::NO_MULTI),
        syntax: "path",
        summary: "Copies the log as it is now to a new directory, on which a server can be started.",
        complexity: "O(N) where N is the size of the newest segment; older files are linked where that is possible.",
        run: Run::Serve(save::backup),
        ..ROW
    },
    Command {
        name: "bgrewriteaof",
        arity: 1,
        flags: ADMIN,
        summary: "Writes the log anew, shorter, while the server goes on.",
        complexity: "O(N) where N is the number of keys; a thread of its own does it.",
        run: Run::Serve(save::bgrewriteaof),
        ..ROW
    },
    Command {
        name: "bgsave",
        arity: -1,
        flags: ADMIN,
        syntax: "[SCHEDULE]",
        summary: "Has all that has been done brought to disk, and does not wait for it.",
        complexity: "As long as the disk takes.",
        run: Run::Serve(save::bgsave),
        ..ROW
    },
    Command {
        name: "config",
        arity: -2,
        summary: "A container for commands about the configuration.",
        since: "2.0.0",
        complexity: "Depends on the subcommand.",
        run: Run::Container(config::ROWS),
        ..ROW
    },
    Command {
        name: "debug",
        arity: -2,
        flags: ADMIN.and(Flags::ONE_NAME),
        syntax: "subcommand [argument ...]",
        summary: "A container for commands that tests use.",
        complexity: "Depends on the subcommand.",
        run: Run::Container(debug::ROWS),
        ..ROW
    },
    Command {
        name: "hotkeys",
        arity: -1,
        flags: ADMIN,
        syntax: "[COUNT count]",
        summary: "Returns the keys that are used most: each with its database and about how often it is used per second.",
        since: "7.2.0",
        complexity: "O(N) where N is the number of keys that the workers' samples hold.",
        run: Run::Serve(hot_keys::hot_keys),
        ..ROW
    },
    Command {
        name: "info",
        arity: -1,
        keys: Keys::everything(),
        flags: Flags::DANGEROUS,
        syntax: "[section [section ...]]",
        summary: "Returns information and statistics about the server.",
        run: Run::Serve(info),
        ..ROW
    },
    Command {
        name: "lastsave",
        arity: 1,
        flags: ADMIN.and(Flags::FAST),
        summary: "Returns the Unix time at which all that had been done was last known to be on disk.",
        run: Run::Serve(save::lastsave),
        ..ROW
    },
    Command {
        name: "latency",
        arity: -2,
        summary: "A container for commands about latency.",
        since: "2.8.13",
        complexity: "Depends on the subcommand.",
        run: Run::Container(latency::ROWS),
        ..ROW
    },
    Command {
        name: "lolwut",
        arity: -1,
        flags: Flags::FAST,
        about: Some(Categories::READ),
        syntax: "[VERSION version [height]]",
        summary: "Displays something to look at, and the version.",
        since: "5.0.0",
        run: Run::Serve(lolwut::lolwut),
        ..ROW
    },
    Command {
        name: "memory",
        arity: -2,
        summary: "A container for commands about memory.",
        since: "4.0.0",
        complexity: "Depends on the subcommand.",
        run: Run::Container(memory::ROWS),
        ..ROW
    },
    Command {
        name: "monitor",
        arity: 1,
        flags: ADMIN,
        summary: "Shows every request that the server runs, as it runs.",
        run: Run::Serve(monitor::monitor),
        ..ROW
    },
    Command {
        name: "replicaof",
        arity: 3,
        flags: ADMIN,
        syntax: "<host port | NO ONE>",
        summary: "Says whom the server follows: nobody.",
        since: "5.0.0",
        run: Run::Serve(replication::replicaof),
        ..ROW
    },
    Command {
        name: "role",
        arity: 1,
        flags: ADMIN.and(Flags::FAST),
        summary: "Returns the part that the server plays in replication.",
        since: "2.8.12",
        run: Run::Serve(replication::role),
        ..ROW
    },
    Command {
        name: "save",
        arity: 1,
        flags: ADMIN.and(Flags::REPLIES_LATER).and(Flags::NO_MULTI),
        summary: "Waits until all that has been done is on disk; the log is the only copy there is.",
        complexity: "As long as the disk takes.",
        run: Run::Serve(save::save),
        ..ROW
    },
    Command {
        name: "shutdown",
        arity: -1,
        flags: ADMIN.and(Flags::LONG).and(Flags::NO_MULTI),
        syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        summary: "Stops the server once all that was received is done and on disk.",
        complexity: "As long as the disk takes.",
        run: Run::Serve(save::shutdown),
        ..ROW
    },
    Command {
        name: "slaveof",
        arity: 3,
        flags: ADMIN,
        syntax: "<host port | NO ONE>",
        summary: "Says whom the server follows: nobody. The older name of REPLICAOF.",
        run: Run::Serve(replication::replicaof),
        ..ROW
    },
    Command {
        name: "slowlog",
        arity: -2,
        summary: "A container for commands about requests that took long.",
        since: "2.2.12",
        complexity: "Depends on the subcommand.",
        run: Run::Container(slowlog::ROWS),
        ..ROW
    },
    Command {
        name: "time",
        arity: 1,
        flags: Flags::FAST,
        summary: "Returns the server's time: Unix seconds, and microseconds of the current one.",
        since: "2.6.0",
        run: Run::Serve(time),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, ..Command::ROW };
const ADMIN: Flags = Flags::ADMIN.and(Flags::DANGEROUS);

fn info(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let wanted: Vec<String> =
        args.rest().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect();
    reply.verbatim("txt", info::text(context, &wanted).as_bytes());
    Ok(())
}

/// The one command that is about the clock itself, and so looks at it.
fn time(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let now = machine::since_epoch();
    let mut digits = itoa::Buffer::new();
    reply.array(2);
    reply.bulk(digits.format(now.as_secs()).as_bytes());
    reply.bulk(digits.format(now.subsec_micros()).as_bytes());
    Ok(())
}
