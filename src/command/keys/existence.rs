//! Whether keys exist, what they hold, and their end.

use super::ROW;
use crate::command::args::Args;
use crate::command::error::Done;
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Command, Flags, Keys, Run};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "del",
        arity: -2,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RM_DELETE]),
        syntax: "key [key ...]",
        summary: "Deletes one or more keys.",
        complexity: "O(N) where N is the number of keys; big values are freed by a thread of their own.",
        run: Run::Write(del),
        ..ROW
    },
    Command {
        name: "unlink",
        arity: -2,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RM_DELETE]),
        flags: Flags::FAST,
        syntax: "key [key ...]",
        summary: "Deletes one or more keys, as DEL does.",
        since: "4.0.0",
        complexity: "O(N) where N is the number of keys; big values are freed by a thread of their own.",
        run: Run::Write(del),
        ..ROW
    },
    Command {
        name: "exists",
        arity: -2,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key [key ...]",
        summary: "Counts how many of the given keys exist; a key named twice counts twice.",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Read(exists),
        ..ROW
    },
    Command {
        name: "touch",
        arity: -2,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key [key ...]",
        summary: "Marks keys as used now; counts how many of them exist.",
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Read(touch),
        ..ROW
    },
    Command {
        name: "type",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the type of the value of a key; none where there is no key.",
        run: Run::Read(kind),
        ..ROW
    },
];

fn del(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let mut removed = 0;
    for key in args.rest() {
        if edit.remove(key) {
            edit.record(&[b"DEL", key]);
            edit.notify(event::DEL, key);
            removed += 1;
        }
    }
    reply.int(removed);
    Ok(())
}

fn exists(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let found = args.rest().filter(|key| view.look(key).is_some()).count();
    reply.int(found as i64);
    Ok(())
}

fn touch(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let found = args.rest().filter(|key| view.touch(key)).count();
    reply.int(found as i64);
    Ok(())
}

fn kind(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    reply.status(view.look(args.next()).map_or("none", |entry| entry.kind().name()));
    Ok(())
}
