//! OBJECT: how a value is kept.

use super::ROW;
use crate::command::args::{Args, parse_int};
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Command, Keys, Run};
use crate::keyspace::View;
use crate::keyspace::entry::Entry;
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[Command {
    name: "object",
    arity: -2,
    syntax: "subcommand [key]",
    summary: "A container for commands that tell how a value is kept.",
    since: "2.2.3",
    run: Run::Container(SUBCOMMANDS),
    ..ROW
}];

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "encoding",
        arity: 3,
        keys: KEY,
        uses: Uses::Each(&[KeyUse::RO]),
        syntax: "key",
        summary: "Returns how the value of a key is encoded, by Redis's names.",
        since: "2.2.3",
        run: Run::Read(|args, view, reply| {
            ask(args, view, reply, |entry, _, reply| {
                reply.bulk(encoding(entry).as_bytes());
                Ok(())
            })
        }),
        ..ROW
    },
    Command {
        name: "freq",
        arity: 3,
        keys: KEY,
        uses: Uses::Each(&[KeyUse::RO]),
        syntax: "key",
        summary: "Returns how often a key is used, on a logarithmic scale; only where the LFU policy counts it.",
        since: "4.0.0",
        run: Run::Read(|args, view, reply| {
            ask(args, view, reply, |entry, view, reply| {
                if !view.usage().counts() {
                    return Err(NOT_COUNTED);
                }
                reply.int(view.usage().frequency(entry.access(), view.now_ms()).into());
                Ok(())
            })
        }),
        ..ROW
    },
    Command {
        name: "idletime",
        arity: 3,
        keys: KEY,
        uses: Uses::Each(&[KeyUse::RO]),
        syntax: "key",
        summary: "Returns the seconds since a key was last used.",
        since: "2.2.3",
        run: Run::Read(|args, view, reply| {
            ask(args, view, reply, |entry, view, reply| {
                if view.usage().counts() {
                    return Err(NOT_TIMED);
                }
                reply.int((view.usage().idle_ms(entry.access(), view.now_ms()) / 1000) as i64);
                Ok(())
            })
        }),
        ..ROW
    },
    Command {
        name: "refcount",
        arity: 3,
        keys: KEY,
        uses: Uses::Each(&[KeyUse::RO]),
        syntax: "key",
        summary: "Returns the number of references to the value of a key: always 1, as no value is shared.",
        since: "2.2.3",
        run: Run::Read(|args, view, reply| {
            ask(args, view, reply, |_, _, reply| {
                reply.int(1);
                Ok(())
            })
        }),
        ..ROW
    },
    help::row(ROW.group, "6.2.0"),
];

/// Behind the subcommand's name.
const KEY: Keys = Keys::range(2, 2, 1);

const NOT_COUNTED: Error = Error::fixed(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

const NOT_TIMED: Error = Error::fixed(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
     policies at runtime LRU and LFU data will take some time to adjust.",
);

type Answer = fn(&Entry, &View, &mut Reply) -> Done;

/// Asking does not count as a use of the key.
fn ask(args: &mut Args, view: &View, reply: &mut Reply, answer: Answer) -> Done {
    match view.peek(view.db(), args.next()) {
        Some(entry) => answer(entry, view, reply),
        None => {
            reply.null();
            Ok(())
        }
    }
}

/// Strings up to here share one block with their header in Redis, which calls that `embstr`.
const EMBEDDED_MAX: usize = 44;

pub fn encoding(entry: &Entry) -> &'static str {
    match (entry.object(), entry.bytes()) {
        (Some(object), _) => object.encoding(),
        (None, Some(bytes)) if parse_int(bytes).is_some() => "int",
        (None, Some(bytes)) if bytes.len() <= EMBEDDED_MAX => "embstr",
        _ => "raw",
    }
}
