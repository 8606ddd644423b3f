//! CLIENT.

use super::auth::valid_name;
use super::client_kill::kill;
use super::client_list::{info, list};
use super::{is_printable_word, on_or_off};
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::row::{Command, Flags, Group, Run};
use crate::protocol::Reply;
use crate::session::Replies;
use crate::session::blocking::State;
use crate::session::pause::Paused;

pub static ROWS: &[Command] = &[
    Command {
        name: "caching",
        arity: 3,
        syntax: "<YES | NO>",
        summary: "Says whether the keys of the next command are tracked; there is no tracking.",
        since: "6.0.0",
        run: Run::Serve(caching),
        ..ROW
    },
    Command {
        name: "getname",
        arity: 2,
        summary: "Returns the name of the connection.",
        since: "2.6.9",
        run: Run::Serve(get_name),
        ..ROW
    },
    Command {
        name: "getredir",
        arity: 2,
        summary: "Returns the client that tracking notifications go to: none, as there is no tracking.",
        since: "6.0.0",
        run: Run::Serve(get_redirection),
        ..ROW
    },
    help::row(Group::Connection, "5.0.0"),
    Command {
        name: "id",
        arity: 2,
        summary: "Returns the id of the connection; ids are never used again.",
        since: "5.0.0",
        run: Run::Serve(id),
        ..ROW
    },
    Command {
        name: "info",
        arity: 2,
        summary: "Returns information about the connection.",
        since: "6.2.0",
        run: Run::Serve(info),
        ..ROW
    },
    Command {
        name: "kill",
        arity: -3,
        flags: ADMIN,
        syntax: "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME yes/no] [MAXAGE maxage]>",
        summary: "Closes connections.",
        since: "2.4.0",
        complexity: "O(N) where N is the number of clients.",
        run: Run::Serve(kill),
        ..ROW
    },
    Command {
        name: "list",
        arity: -2,
        flags: ADMIN,
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        summary: "Lists open connections.",
        since: "2.4.0",
        complexity: "O(N) where N is the number of clients.",
        run: Run::Serve(list),
        ..ROW
    },
    Command {
        name: "no-evict",
        arity: 3,
        flags: ADMIN,
        syntax: "<ON | OFF>",
        summary: "Keeps the connection from being closed when clients use too much memory.",
        since: "7.0.0",
        run: Run::Serve(no_evict),
        ..ROW
    },
    Command {
        name: "no-touch",
        arity: 3,
        syntax: "<ON | OFF>",
        summary: "Says whether the connection's commands count as uses of their keys.",
        since: "7.2.0",
        run: Run::Serve(no_touch),
        ..ROW
    },
    Command {
        name: "pause",
        arity: -3,
        flags: ADMIN,
        syntax: "timeout [WRITE | ALL]",
        summary: "Makes all clients, or those that write, wait for so many milliseconds.",
        since: "3.0.0",
        run: Run::Serve(pause),
        ..ROW
    },
    Command {
        name: "reply",
        arity: 3,
        syntax: "<ON | OFF | SKIP>",
        summary: "Says whether the connection's commands are replied to.",
        since: "3.2.0",
        run: Run::Serve(replies),
        ..ROW
    },
    Command {
        name: "setinfo",
        arity: 4,
        syntax: "<LIB-NAME libname | LIB-VER libver>",
        summary: "Says which library the client uses.",
        since: "7.2.0",
        run: Run::Serve(set_info),
        ..ROW
    },
    Command {
        name: "setname",
        arity: 3,
        syntax: "connection-name",
        summary: "Gives the connection a name.",
        since: "2.6.9",
        run: Run::Serve(set_name),
        ..ROW
    },
    Command {
        name: "tracking",
        arity: -3,
        syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        summary: "Controls client-side caching: there is none, so it can only be off.",
        since: "6.0.0",
        run: Run::Serve(tracking),
        ..ROW
    },
    Command {
        name: "trackinginfo",
        arity: 2,
        summary: "Returns how client-side caching stands for the connection.",
        since: "6.2.0",
        run: Run::Serve(tracking_info),
        ..ROW
    },
    Command {
        name: "unblock",
        arity: -3,
        flags: ADMIN,
        syntax: "client-id [TIMEOUT | ERROR]",
        summary: "Ends the wait of a client that a blocking command has blocked.",
        since: "5.0.0",
        run: Run::Serve(unblock),
        ..ROW
    },
    Command {
        name: "unpause",
        arity: 2,
        flags: ADMIN,
        summary: "Ends a pause.",
        since: "6.2.0",
        complexity: "O(N) where N is the number of clients that wait.",
        run: Run::Serve(unpause),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Connection, ..Command::ROW };
const ADMIN: Flags = Flags::ADMIN.and(Flags::DANGEROUS);

fn id(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    reply.int(context.session.client.id as i64);
    Ok(())
}

fn get_name(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    match &*context.session.client.names().name {
        "" => reply.null(),
        name => reply.bulk(name.as_bytes()),
    }
    Ok(())
}

fn set_name(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.session.client.names().name = valid_name(args.next())?;
    reply.ok();
    Ok(())
}

fn set_info(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let (option, value) = (args.next(), args.next());
    let mut names = context.session.client.names();
    let (field, name) = if option.eq_ignore_ascii_case(b"LIB-NAME") {
        (&mut names.library, "lib-name")
    } else if option.eq_ignore_ascii_case(b"LIB-VER") {
        (&mut names.library_version, "lib-ver")
    } else {
        let option = String::from_utf8_lossy(option);
        return Err(Error::new(format!("ERR Unrecognized option '{option}'")));
    };
    if !is_printable_word(value) {
        return Err(Error::new(format!("ERR {name} cannot contain spaces, newlines or special characters.")));
    }
    *field = String::from_utf8_lossy(value).into_owned();
    reply.ok();
    Ok(())
}

fn no_evict(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.session.no_evict = on_or_off(args)?;
    reply.ok();
    Ok(())
}

fn no_touch(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.session.no_touch = on_or_off(args)?;
    reply.ok();
    Ok(())
}

/// Whether this very command is replied to follows from what it has set.
fn replies(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let session = &mut *context.session;
    if args.keyword("ON") {
        session.replies = Replies::On;
        reply.ok();
    } else if args.keyword("OFF") {
        session.replies = Replies::Off;
    } else if args.keyword("SKIP") {
        if session.replies != Replies::Off {
            session.replies = Replies::SkipNext;
        }
    } else {
        return Err(Error::SYNTAX);
    }
    Ok(())
}

fn pause(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let timeout_ms = args.int_or(Error::fixed("ERR timeout is not an integer or out of range"));
    args.check()?;
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| Error::fixed("ERR timeout is negative"))?;
    let who = match args.peek() {
        None => Paused::All,
        Some(_) if args.keyword("ALL") => Paused::All,
        Some(_) if args.keyword("WRITE") => Paused::Writes,
        Some(_) => return Err(Error::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    if !args.is_done() {
        return Err(Error::unknown_subcommand_or_arity(args.words()));
    }
    context.server.pauses.begin(who, context.now_ms, context.now_ms.saturating_add(timeout_ms));
    reply.ok();
    Ok(())
}

fn unpause(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.server.pauses.end(context.woken);
    reply.ok();
    Ok(())
}

/// Only clients that wait for a key can be unblocked, not those that wait for the end of a pause.
fn unblock(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let id = args.int();
    if args.left() > 1 {
        return Err(Error::unknown_subcommand_or_arity(args.words()));
    }
    args.check()?;
    let state = match args.peek() {
        None => State::TimedOut,
        Some(_) if args.keyword("TIMEOUT") => State::TimedOut,
        Some(_) if args.keyword("ERROR") => State::Refused,
        Some(_) => return Err(Error::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let blocked = u64::try_from(id).ok().and_then(|id| context.server.line.of_client(id));
    let outlet = blocked.and_then(|blocked| blocked.end(state));
    reply.int(outlet.is_some().into());
    context.woken.others.extend(outlet);
    Ok(())
}

fn get_redirection(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    reply.int(-1);
    Ok(())
}

fn tracking_info(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.int(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}

fn tracking(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    if args.keyword("OFF") {
        args.finish()?;
        reply.ok();
        return Ok(());
    }
    match args.keyword("ON") {
        true => Err(Error::fixed("ERR client-side caching is not supported")),
        false => Err(Error::SYNTAX),
    }
}

fn caching(_: &mut Args, _: &mut Context, _: &mut Reply) -> Done {
    Err(Error::fixed(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))
}
