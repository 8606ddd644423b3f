//! Whole databases: which one, how big, exchanged, emptied.

use crate::acl::Categories;
use crate::command::args::{Args, parse_int};
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::row::{Behind, Command, Flags, Group, KeySink, Keys, Run};
use crate::keyspace::{Edit, View};
use crate::limits::DATABASES;
use crate::protocol::{Reply, Words};

pub static ROWS: &[Command] = &[
    Command {
        name: "select",
        arity: 2,
        flags: Flags::FAST.and(Flags::SELECTS),
        group: Group::Connection,
        about: None,
        syntax: "index",
        summary: "Changes the database of this connection.",
        run: Run::Serve(select),
        ..ROW
    },
    Command {
        name: "swapdb",
        arity: 3,
        keys: Keys::Found { first: 0, last: 0, step: 0, behind: Behind::Nothing, find: databases_of_swapdb },
        flags: Flags::FAST.and(Flags::DANGEROUS),
        syntax: "index1 index2",
        summary: "Exchanges two databases, for all clients at once.",
        since: "4.0.0",
        complexity: "O(S + N) where S is the number of shards and N that of the keys that clients watch.",
        run: Run::Write(swapdb),
        ..ROW
    },
    Command {
        name: "dbsize",
        arity: 1,
        keys: Keys::Every,
        flags: Flags::FAST,
        summary: "Returns the number of keys in the database.",
        complexity: "O(S) where S is the number of shards.",
        run: Run::Read(dbsize),
        ..ROW
    },
    Command {
        name: "flushdb",
        arity: -1,
        keys: Keys::Every,
        flags: Flags::DANGEROUS,
        syntax: "[ASYNC | SYNC]",
        summary: "Removes all keys of the database.",
        complexity: "O(S) where S is the number of shards; a thread of its own frees the memory.",
        run: Run::Write(flushdb),
        ..ROW
    },
    Command {
        name: "flushall",
        arity: -1,
        keys: Keys::everything(),
        flags: Flags::DANGEROUS,
        syntax: "[ASYNC | SYNC]",
        summary: "Removes all keys of all databases.",
        complexity: "O(S) where S is the number of shards; a thread of its own frees the memory.",
        run: Run::Write(flushall),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, about: Some(Categories::KEYSPACE), ..Command::ROW };

/// Redis keeps database numbers in 32 bits, and says so.
const OUT_OF_RANGE_32: Error =
    Error::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");

/// The next word as a database's number; a mistake is latched, as any other.
pub fn database(args: &mut Args) -> u8 {
    let number = args.int();
    if i32::try_from(number).is_err() {
        args.fail(OUT_OF_RANGE_32);
    }
    in_range(number).unwrap_or_else(|| {
        args.fail(Error::DB_OUT_OF_RANGE);
        0
    })
}

/// A number as that of a database, where there is one.
pub fn in_range(number: i64) -> Option<u8> {
    u8::try_from(number).ok().filter(|&db| usize::from(db) < DATABASES)
}

fn select(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let db = database(args);
    args.check()?;
    context.session.db = db;
    reply.ok();
    Ok(())
}

/// The two databases that SWAPDB names.
fn pair(words: Words<'_>) -> Result<(u8, u8), Error> {
    let number = |word: &[u8], error| {
        let number = parse_int(word).filter(|&number| i32::try_from(number).is_ok());
        number.ok_or(Error::fixed(error))
    };
    let a = number(words.get(1), "ERR invalid first DB index")?;
    let b = number(words.get(2), "ERR invalid second DB index")?;
    in_range(a).zip(in_range(b)).ok_or(Error::DB_OUT_OF_RANGE)
}

fn databases_of_swapdb(words: Words<'_>, _: u8, sink: &mut KeySink<'_>) {
    if let Ok((a, b)) = pair(words) {
        sink.database(a);
        sink.database(b);
    }
}

fn swapdb(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (a, b) = pair(args.words())?;
    if a != b && edit.size(a).keys + edit.size(b).keys > 0 {
        edit.swap_databases(a, b);
        let [mut first, mut second] = [itoa::Buffer::new(), itoa::Buffer::new()];
        let words = [&b"SWAPDB"[..], first.format(a).as_bytes(), second.format(b).as_bytes()];
        edit.record_only(edit.db(), &words);
    }
    reply.ok();
    Ok(())
}

fn dbsize(_: &mut Args, view: &View, reply: &mut Reply) -> Done {
    reply.int(view.size(view.db()).keys as i64);
    Ok(())
}

/// Both words mean the same here: the memory is always freed elsewhere.
fn async_or_sync(args: &mut Args) -> Done {
    let _ = args.keyword("ASYNC") || args.keyword("SYNC");
    args.finish()
}

fn flushdb(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    async_or_sync(args)?;
    flush(edit, edit.db());
    reply.ok();
    Ok(())
}

fn flushall(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    async_or_sync(args)?;
    (0..DATABASES as u8).for_each(|db| flush(edit, db));
    reply.ok();
    Ok(())
}

/// A database that came into use after the locks were taken is not held, so it is neither emptied nor recorded.
fn flush(edit: &mut Edit, db: u8) {
    if edit.flush(db) {
        edit.record_only(db, &[b"FLUSHDB"]);
    }
}
