//! ACL: users and their rules. What they mean is in [`crate::acl`].

mod change;
mod log;
mod show;
pub mod users;

use super::args::Args;
use super::context::Context;
use super::error::{Done, Error};
use super::help;
use super::row::{Command, Flags, Group, Run};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[Command {
    name: "acl",
    arity: -2,
    summary: "A container for commands about users and what they may do.",
    complexity: "Depends on the subcommand.",
    run: Run::Container(SUBCOMMANDS),
    ..ROW
}];

const ROW: Command = Command { group: Group::Server, since: "6.0.0", ..Command::ROW };
const ADMIN: Flags = Flags::ADMIN.and(Flags::DANGEROUS);

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "cat",
        arity: -2,
        syntax: "[category]",
        summary: "Returns the categories of commands, or the commands of one.",
        complexity: "O(N) where N is the number of commands.",
        run: Run::Serve(show::cat),
        ..ROW
    },
    Command {
        name: "deluser",
        arity: -3,
        flags: ADMIN,
        syntax: "username [username ...]",
        summary: "Deletes users, and closes their connections.",
        complexity: "O(N) where N is the number of clients.",
        run: Run::Serve(change::delete_users),
        ..ROW
    },
    Command {
        name: "dryrun",
        arity: -4,
        flags: ADMIN,
        syntax: "username command [arg [arg ...]]",
        summary: "Says whether a user may make a request, without making it.",
        since: "7.0.0",
        run: Run::Serve(show::dry_run),
        ..ROW
    },
    Command {
        name: "genpass",
        arity: -2,
        syntax: "[bits]",
        summary: "Returns a password that nobody can guess.",
        run: Run::Serve(generate_password),
        ..ROW
    },
    Command {
        name: "getuser",
        arity: 3,
        flags: ADMIN,
        syntax: "username",
        summary: "Returns the rules of a user.",
        complexity: "O(N) where N is the number of rules.",
        run: Run::Serve(show::get_user),
        ..ROW
    },
    help::row(Group::Server, "6.0.0"),
    Command {
        name: "list",
        arity: 2,
        flags: ADMIN,
        summary: "Returns all users with their rules, as lines of an ACL file.",
        complexity: "O(N) where N is the number of users.",
        run: Run::Serve(show::list),
        ..ROW
    },
    Command {
        name: "load",
        arity: 2,
        flags: ADMIN.and(Flags::NO_MULTI),
        summary: "Reads the users anew from the ACL file: all of them, or none.",
        complexity: "O(N) where N is the number of users.",
        run: Run::Serve(change::load),
        ..ROW
    },
    Command {
        name: "log",
        arity: -2,
        flags: ADMIN,
        syntax: "[count | RESET]",
        summary: "Returns the newest requests and logins that were refused, or forgets all of them.",
        complexity: "O(N) where N is the number of entries.",
        run: Run::Serve(log::log),
        ..ROW
    },
    Command {
        name: "save",
        arity: 2,
        flags: ADMIN.and(Flags::NO_MULTI),
        summary: "Writes the users into the ACL file.",
        complexity: "O(N) where N is the number of users.",
        run: Run::Serve(change::save),
        ..ROW
    },
    Command {
        name: "setuser",
        arity: -3,
        flags: ADMIN.and(Flags::SENSITIVE),
        syntax: "username [rule [rule ...]]",
        summary: "Makes a user, or changes its rules.",
        complexity: "O(N) where N is the number of rules.",
        run: Run::Serve(change::set_user),
        ..ROW
    },
    Command {
        name: "users",
        arity: 2,
        flags: ADMIN,
        summary: "Returns the names of all users.",
        complexity: "O(N) where N is the number of users.",
        run: Run::Serve(show::users),
        ..ROW
    },
    Command {
        name: "whoami",
        arity: 2,
        summary: "Returns the name of the user that the connection acts as.",
        run: Run::Serve(show::who_am_i),
        ..ROW
    },
];

const BITS_DEFAULT: i64 = 256;
const BITS_MAX: i64 = 4096;
const WRONG_BITS: Error = Error::fixed(
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
);

/// Four bits are a hexadecimal digit.
fn generate_password(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let bits = match args.left() {
        0 => BITS_DEFAULT,
        1 => args.int(),
        _ => return Err(Error::unknown_subcommand_or_arity(args.words())),
    };
    args.check()?;
    if !(1..=BITS_MAX).contains(&bits) {
        return Err(WRONG_BITS);
    }
    let digits = bits.unsigned_abs().div_ceil(4) as usize;
    let mut bytes = vec![0; digits.div_ceil(2)];
    context.server.control.random_bytes(&mut bytes).map_err(|why| Error::new(format!("ERR {why}")))?;
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    reply.bulk(&password.as_bytes()[..digits]);
    Ok(())
}
