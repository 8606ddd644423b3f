//! Lists: queues of texts, pushed and popped at both ends, and waited for.

mod ends;
mod inside;
mod moves;
mod search;

use super::args::Args;
use super::error::Error;
use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use crate::data::list::End;

pub static ROWS: &[Command] = &[
    Command {
        name: "lpush",
        arity: -3,
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key element [element ...]",
        summary: "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
        complexity: "O(1) for each element.",
        run: Run::Write(|args, edit, reply| ends::push(args, edit, reply, End::Front)),
        ..ROW
    },
    Command {
        name: "rpush",
        arity: -3,
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key element [element ...]",
        summary: "Appends one or more elements to a list. Creates the key if it doesn't exist.",
        complexity: "O(1) for each element.",
        run: Run::Write(|args, edit, reply| ends::push(args, edit, reply, End::Back)),
        ..ROW
    },
    Command {
        name: "lpushx",
        arity: -3,
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key element [element ...]",
        summary: "Prepends one or more elements to a list only when the list exists.",
        since: "2.2.0",
        complexity: "O(1) for each element.",
        run: Run::Write(|args, edit, reply| ends::push_existing(args, edit, reply, End::Front)),
        ..ROW
    },
    Command {
        name: "rpushx",
        arity: -3,
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key element [element ...]",
        summary: "Appends one or more elements to a list only when the list exists.",
        since: "2.2.0",
        complexity: "O(1) for each element.",
        run: Run::Write(|args, edit, reply| ends::push_existing(args, edit, reply, End::Back)),
        ..ROW
    },
    Command {
        name: "lpop",
        arity: -2,
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key [count]",
        summary: "Returns the first elements of a list after removing them. Deletes the list if the last element was popped.",
        complexity: "O(N) where N is the number of elements returned.",
        run: Run::Write(|args, edit, reply| ends::pop(args, edit, reply, End::Front, "lpop")),
        ..ROW
    },
    Command {
        name: "rpop",
        arity: -2,
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key [count]",
        summary: "Returns the last elements of a list after removing them. Deletes the list if the last element was popped.",
        complexity: "O(N) where N is the number of elements returned.",
        run: Run::Write(|args, edit, reply| ends::pop(args, edit, reply, End::Back, "rpop")),
        ..ROW
    },
    Command {
        name: "lmpop",
        arity: -4,
        keys: Keys::Counted { at: 1, dest: 0 },
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        summary: "Returns elements from the first of several lists that isn't empty, after removing them.",
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
        run: Run::Write(ends::lmpop),
        ..ROW
    },
    Command {
        name: "llen",
        arity: 2,
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the length of a list.",
        run: Run::Read(inside::llen),
        ..ROW
    },
    Command {
        name: "lrange",
        arity: 4,
        syntax: "key start stop",
        summary: "Returns a range of elements from a list.",
        complexity: "O(S+N) where S is the number of nodes before the range and N the number of elements returned.",
        run: Run::Read(inside::lrange),
        ..ROW
    },
    Command {
        name: "lindex",
        arity: 3,
        syntax: "key index",
        summary: "Returns an element from a list by its index.",
        complexity: "O(N) where N is the number of nodes before the element; one node holds about 8 KiB.",
        run: Run::Read(inside::lindex),
        ..ROW
    },
    Command {
        name: "lset",
        arity: 4,
        flags: Flags::GROWS,
        syntax: "key index element",
        summary: "Sets the value of an element in a list by its index.",
        complexity: "O(N) where N is the number of nodes before the element; one node holds about 8 KiB.",
        run: Run::Write(inside::lset),
        ..ROW
    },
    Command {
        name: "linsert",
        arity: 5,
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS,
        syntax: "key <BEFORE | AFTER> pivot element",
        summary: "Inserts an element before or after another element in a list.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements up to the pivot.",
        run: Run::Write(inside::linsert),
        ..ROW
    },
    Command {
        name: "lrem",
        arity: 4,
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        syntax: "key count element",
        summary: "Removes elements from a list. Deletes the list if the last element was removed.",
        complexity: "O(N) where N is the length of the list.",
        run: Run::Write(inside::lrem),
        ..ROW
    },
    Command {
        name: "ltrim",
        arity: 4,
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        syntax: "key start stop",
        summary: "Removes elements from both ends of a list. Deletes the list if all elements were trimmed.",
        complexity: "O(N) where N is the number of elements removed.",
        run: Run::Write(inside::ltrim),
        ..ROW
    },
    Command {
        name: "lpos",
        arity: -3,
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        summary: "Returns the index of matching elements in a list.",
        since: "6.0.6",
        complexity: "O(N) where N is the length of the list.",
        run: Run::Read(search::lpos),
        ..ROW
    },
    Command {
        name: "lmove",
        arity: 5,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::RW_INSERT]),
        flags: Flags::GROWS,
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        summary: "Returns an element after popping it from one list and pushing it to another.",
        since: "6.2.0",
        run: Run::Write(moves::lmove),
        ..ROW
    },
    Command {
        name: "rpoplpush",
        arity: 3,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::RW_INSERT]),
        flags: Flags::GROWS,
        syntax: "source destination",
        summary: "Returns the last element of a list after moving it to the front of another list.",
        since: "1.2.0",
        run: Run::Write(moves::rpoplpush),
        ..ROW
    },
    Command {
        name: "blpop",
        arity: -3,
        keys: Keys::range(1, -2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::BLOCKING,
        syntax: "key [key ...] timeout",
        summary: "Removes and returns the first element of the first list that isn't empty. Waits until there is one otherwise.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Write(|args, edit, reply| ends::blocking_pop(args, edit, reply, End::Front)),
        ..ROW
    },
    Command {
        name: "brpop",
        arity: -3,
        keys: Keys::range(1, -2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::BLOCKING,
        syntax: "key [key ...] timeout",
        summary: "Removes and returns the last element of the first list that isn't empty. Waits until there is one otherwise.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Write(|args, edit, reply| ends::blocking_pop(args, edit, reply, End::Back)),
        ..ROW
    },
    Command {
        name: "blmpop",
        arity: -5,
        keys: Keys::Counted { at: 2, dest: 0 },
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::BLOCKING,
        syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        summary: "Removes and returns elements of the first list that isn't empty. Waits until there is one otherwise.",
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of keys and M the number of elements returned.",
        run: Run::Write(ends::blmpop),
        ..ROW
    },
    Command {
        name: "blmove",
        arity: 6,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::BLOCKING),
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        summary: "Pops an element from one list, pushes it to another and returns it. Waits until there is one otherwise.",
        since: "6.2.0",
        run: Run::Write(moves::blmove),
        ..ROW
    },
    Command {
        name: "brpoplpush",
        arity: 4,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::BLOCKING),
        syntax: "source destination timeout",
        summary: "Moves the last element of a list to the front of another and returns it. Waits until there is one otherwise.",
        since: "2.2.0",
        run: Run::Write(moves::brpoplpush),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::List, keys: Keys::one(), ..Command::ROW };

/// LEFT or RIGHT.
fn side(args: &mut Args) -> End {
    if args.keyword("LEFT") {
        End::Front
    } else {
        if !args.keyword("RIGHT") {
            args.fail(Error::SYNTAX);
        }
        End::Back
    }
}

fn side_name(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LEFT",
        End::Back => b"RIGHT",
    }
}
