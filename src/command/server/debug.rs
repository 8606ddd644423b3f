//! DEBUG: what tests of clients use.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ADMIN;
use crate::command::args::{Args, parse_float};
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::keys::dump::serialized_bytes;
use crate::command::keys::object::encoding;
use crate::command::row::{Command, Flags, Group, Keys, Run};
use crate::keyspace::View;
use crate::keyspace::pattern::Pattern;
use crate::protocol::{Reply, Wire};

pub static ROWS: &[Command] = &[
    Command {
        name: "change-repl-id",
        arity: 2,
        summary: "Gives the data's history a new id.",
        run: Run::Serve(change_replication_id),
        ..ROW
    },
    Command {
        name: "error",
        arity: 3,
        syntax: "message",
        summary: "Replies with this error.",
        run: Run::Serve(error),
        ..ROW
    },
    help::row(Group::Server, "1.0.0"),
    Command {
        name: "object",
        arity: 3,
        keys: Keys::range(2, 2, 1),
        syntax: "key",
        summary: "Tells how a value is kept.",
        run: Run::Read(object),
        ..ROW
    },
    Command {
        name: "protocol",
        arity: 3,
        syntax: "type",
        summary: "Replies with a value of this type: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true or false.",
        run: Run::Serve(protocol),
        ..ROW
    },
    Command {
        name: "reload",
        arity: -2,
        syntax: "[option ...]",
        flags: ADMIN.and(Flags::REPLIES_LATER).and(Flags::NO_MULTI),
        summary: "Replaces all data by what the log says. Everybody waits meanwhile.",
        run: Run::Serve(reload),
        ..ROW
    },
    Command {
        name: "set-active-expire",
        arity: 3,
        syntax: "0 | 1",
        summary: "Says whether keys that are due are swept before anyone asks for them.",
        run: Run::Serve(set_active_expire),
        ..ROW
    },
    Command {
        name: "sleep",
        arity: 3,
        flags: ADMIN.and(Flags::LONG),
        syntax: "seconds",
        summary: "Keeps the connection busy for so long.",
        run: Run::Serve(sleep),
        ..ROW
    },
    Command {
        name: "stringmatch-len",
        arity: 4,
        syntax: "pattern string",
        summary: "Tells whether a string matches a pattern.",
        run: Run::Serve(match_string),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, flags: ADMIN, ..Command::ROW };

fn sleep(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let seconds = parse_float(args.next()).unwrap_or(0.0);
    std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    reply.ok();
    Ok(())
}

fn set_active_expire(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let active = args.next() != b"0";
    context.server.active_expire.store(active, Ordering::Relaxed);
    reply.ok();
    Ok(())
}

fn change_replication_id(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    *context.server.replication_id() = context.server.control.new_id();
    reply.ok();
    Ok(())
}

fn error(args: &mut Args, _: &mut Context, _: &mut Reply) -> Done {
    Err(Error::new(String::from_utf8_lossy(args.next())))
}

/// There is nothing else to load than the log, so of Redis's options none makes a difference.
fn reload(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    while !args.is_done() {
        if !["MERGE", "NOFLUSH", "NOSAVE"].into_iter().any(|option| args.keyword(option)) {
            return Err(Error::fixed(
                "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    if context.server.persistence.synced_seq().is_none() {
        return Err(Error::fixed("ERR there is no log to load from: appendonly is no"));
    }
    match context.wait_for_work(|persistence, blocked| persistence.reload(blocked)) {
        None => Ok(()),
        Some(outcome) => outcome.map(|()| reply.ok()),
    }
}

fn match_string(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let (pattern, string) = (Pattern::new(args.next()), args.next());
    reply.int(pattern.matches(string).into());
    Ok(())
}

fn object(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let entry = view.peek(view.db(), args.next()).ok_or(Error::NO_SUCH_KEY)?;
    let idle_s = view.usage().idle_ms(entry.access(), view.now_ms()) / 1000;
    reply.status(&format!(
        "Value at:{entry:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle_s}",
        encoding(entry),
        serialized_bytes(entry, view.now_ms()),
        entry.access(),
    ));
    Ok(())
}

fn protocol(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let kind = args.next().to_ascii_lowercase();
    match &*kind {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.decimal("3.141"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.int(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.int(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.boolean(n == 1);
            }
        }
        b"attrib" => {
            if reply.wire() == Wire::Resp3 {
                reply.attributes(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if reply.wire() != Wire::Resp3 => {
            return Err(Error::fixed("ERR RESP2 is not supported by this command"));
        }
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => {
            return Err(Error::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
