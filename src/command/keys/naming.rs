//! A value under another name: RENAME, COPY, MOVE.

use super::ROW;
use super::databases::database;
use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Behind, Command, Flags, KeySink, Keys, Run};
use crate::keyspace::{Content, Edit, event};
use crate::protocol::{Reply, Words};

pub static ROWS: &[Command] = &[
    Command {
        name: "rename",
        arity: 3,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::OW_UPDATE]),
        syntax: "key newkey",
        summary: "Renames a key; a key of the new name is overwritten.",
        run: Run::Write(|args, edit, reply| rename(args, edit, reply, Taken::Replace)),
        ..ROW
    },
    Command {
        name: "renamenx",
        arity: 3,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::OW_INSERT]),
        flags: Flags::FAST,
        syntax: "key newkey",
        summary: "Renames a key, unless there is a key of the new name.",
        run: Run::Write(|args, edit, reply| rename(args, edit, reply, Taken::Keep)),
        ..ROW
    },
    Command {
        name: "copy",
        arity: -3,
        keys: Keys::Found { first: 1, last: 2, step: 1, behind: Behind::Nothing, find: keys_of_copy },
        uses: Uses::Each(&[KeyUse::RO_ACCESS, KeyUse::OW_UPDATE]),
        flags: Flags::GROWS,
        syntax: "source destination [DB destination-db] [REPLACE]",
        summary: "Copies the value of a key to another key.",
        since: "6.2.0",
        complexity: "O(N) for collections, where N is the number of elements; O(1) for strings.",
        run: Run::Write(copy),
        ..ROW
    },
    Command {
        name: "move",
        arity: 3,
        keys: Keys::Found { first: 1, last: 1, step: 1, behind: Behind::Nothing, find: keys_of_move },
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::FAST,
        syntax: "key db",
        summary: "Moves a key to another database, unless it exists there.",
        run: Run::Write(move_),
        ..ROW
    },
];

const SAME_OBJECT: Error = Error::fixed("ERR source and destination objects are the same");

/// What to do where the new name is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Replace,
    Keep,
}

fn rename(args: &mut Args, edit: &mut Edit, reply: &mut Reply, taken: Taken) -> Done {
    let (from, to) = (args.next(), args.next());
    let db = edit.db();
    if edit.peek(db, from).is_none() {
        return Err(Error::NO_SUCH_KEY);
    }
    let renames = from != to && (taken == Taken::Replace || edit.peek(db, to).is_none());
    if renames {
        relocate(edit, from, db, to);
        edit.record(&[b"RENAME", from, to]);
        edit.touch(db, to);
        edit.notify(event::RENAME_FROM, from);
        edit.notify(event::RENAME_TO, to);
    }
    match taken {
        Taken::Replace => reply.ok(),
        Taken::Keep => reply.int(renames.into()),
    }
    Ok(())
}

/// Value and deadline go along; what has the new name goes.
fn relocate(edit: &mut Edit, from: &[u8], to_db: u8, to: &[u8]) {
    edit.moves(from);
    let Some(mut entry) = edit.take(edit.db(), from) else { return };
    make_room(edit, to_db, to);
    let deadline = entry.deadline();
    match entry.take_object() {
        Some(object) => edit.put_in(to_db, to, Content::Object(object), deadline),
        None => edit.put_in(to_db, to, Content::Bytes(entry.bytes().unwrap_or_default()), deadline),
    }
}

/// What was there goes before the other comes, so what comes is told of as new.
fn make_room(edit: &Edit, db: u8, key: &[u8]) {
    if edit.peek(db, key).is_some() {
        edit.notify_in(db, event::NEW, key);
    }
}

fn keys_of_move(words: Words<'_>, db: u8, sink: &mut KeySink<'_>) {
    let mut args = Args::new(words);
    let key = args.next();
    sink.key(db, key);
    let to = database(&mut args);
    if args.check().is_ok() {
        sink.key(to, key);
    }
}

fn move_(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let to = database(args);
    args.check()?;
    let from = edit.db();
    if from == to {
        return Err(SAME_OBJECT);
    }
    let moves = edit.peek(from, key).is_some() && edit.peek(to, key).is_none();
    if moves {
        relocate(edit, key, to, key);
        edit.record(&[b"MOVE", key, itoa::Buffer::new().format(to).as_bytes()]);
        edit.touch(to, key);
        edit.notify(event::MOVE_FROM, key);
        edit.notify_in(to, event::MOVE_TO, key);
    }
    reply.int(moves.into());
    Ok(())
}

struct Copy<'a> {
    from: &'a [u8],
    to: &'a [u8],
    to_db: u8,
    replace: bool,
}

impl<'a> Copy<'a> {
    fn parse(args: &mut Args<'a>, db: u8) -> Result<Copy<'a>, Error> {
        let mut copy = Copy { from: args.next(), to: args.next(), to_db: db, replace: false };
        while !args.is_done() {
            if args.keyword("REPLACE") {
                copy.replace = true;
            } else if args.left() > 1 && args.keyword("DB") {
                copy.to_db = database(args);
                args.check()?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        args.finish().map(|()| copy)
    }
}

fn keys_of_copy(words: Words<'_>, db: u8, sink: &mut KeySink<'_>) {
    if let Ok(copy) = Copy::parse(&mut Args::new(words), db) {
        sink.key(db, copy.from);
        sink.key(copy.to_db, copy.to);
    }
}

fn copy(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let db = edit.db();
    let Copy { from, to, to_db, replace } = Copy::parse(args, db)?;
    if (db, from) == (to_db, to) {
        return Err(SAME_OBJECT);
    }
    if edit.reading().get(from).is_none() {
        reply.int(0);
        return Ok(());
    }
    if !replace && edit.peek(to_db, to).is_some() {
        reply.int(0);
        return Ok(());
    }
    edit.moves(from);
    make_room(edit, to_db, to);
    let Some(source) = edit.peek(db, from) else { return Ok(()) };
    let deadline = source.deadline();
    match source.object() {
        Some(object) => {
            let object = Box::new(object.duplicate());
            edit.put_in(to_db, to, Content::Object(object), deadline);
        }
        None => {
            let bytes = source.bytes().unwrap_or_default().to_vec();
            edit.put_in(to_db, to, Content::Bytes(&bytes), deadline);
        }
    }
    let mut digits = itoa::Buffer::new();
    edit.record_only(db, &[b"COPY", from, to, b"DB", digits.format(to_db).as_bytes(), b"REPLACE"]);
    edit.touch(to_db, to);
    edit.notify_in(to_db, event::COPY_TO, to);
    reply.int(1);
    Ok(())
}
