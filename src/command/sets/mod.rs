//! Sets: members without order, each once.

mod algebra;
mod chance;
mod members;

use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use crate::keyspace::Edit;
use crate::keyspace::event::Event;
use algebra::Operation;

use super::collection::{Texts, replace};
use crate::data::set::Set;

pub static ROWS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key member [member ...]",
        summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
        complexity: "O(1) for each member added.",
        run: Run::Write(members::sadd),
        ..ROW
    },
    Command {
        name: "srem",
        arity: -3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        flags: Flags::FAST,
        syntax: "key member [member ...]",
        summary: "Removes one or more members from a set. Deletes the key if the last member was removed.",
        complexity: "O(1) for each member removed.",
        run: Run::Write(members::srem),
        ..ROW
    },
    Command {
        name: "smove",
        arity: 4,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE, KeyUse::RW_INSERT]),
        flags: Flags::FAST,
        syntax: "source destination member",
        summary: "Moves a member from one set to another.",
        run: Run::Write(members::smove),
        ..ROW
    },
    Command {
        name: "scard",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the number of members in a set.",
        run: Run::Read(members::scard),
        ..ROW
    },
    Command {
        name: "sismember",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key member",
        summary: "Determines whether a member belongs to a set.",
        run: Run::Read(members::sismember),
        ..ROW
    },
    Command {
        name: "smismember",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key member [member ...]",
        summary: "Determines whether multiple members belong to a set.",
        since: "6.2.0",
        complexity: "O(N) where N is the number of members asked about.",
        run: Run::Read(members::smismember),
        ..ROW
    },
    Command {
        name: "smembers",
        arity: 2,
        keys: Keys::one(),
        syntax: "key",
        summary: "Returns all members of a set.",
        complexity: "O(N) where N is the number of members.",
        run: Run::Read(members::smembers),
        ..ROW
    },
    Command {
        name: "sscan",
        arity: -3,
        keys: Keys::one(),
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        summary: "Walks over the members of a set in steps.",
        since: "2.8.0",
        complexity: "O(COUNT) for a step.",
        run: Run::Read(members::sscan),
        ..ROW
    },
    Command {
        name: "spop",
        arity: -2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key [count]",
        summary: "Returns one or more random members from a set after removing them. Deletes the key if the last member was popped.",
        complexity: "O(N) where N is the number of members popped.",
        run: Run::Write(chance::spop),
        ..ROW
    },
    Command {
        name: "srandmember",
        arity: -2,
        keys: Keys::one(),
        syntax: "key [count]",
        summary: "Returns one or more random members from a set.",
        complexity: "O(N) where N is the absolute value of the count.",
        run: Run::Read(chance::srandmember),
        ..ROW
    },
    Command {
        name: "sinter",
        arity: -2,
        keys: Keys::rest(),
        flags: Flags::LONG,
        syntax: "key [key ...]",
        summary: "Returns the members that several sets have in common.",
        complexity: "O(N*M) where N is the size of the smallest set and M the number of sets.",
        run: Run::Read(|args, view, reply| algebra::list(args, view, reply, Operation::Intersection)),
        ..ROW
    },
    Command {
        name: "sintercard",
        arity: -3,
        keys: Keys::Counted { at: 1, dest: 0 },
        flags: Flags::LONG,
        syntax: "numkeys key [key ...] [LIMIT limit]",
        summary: "Returns the number of members that several sets have in common.",
        since: "7.0.0",
        complexity: "O(N*M) where N is the size of the smallest set and M the number of sets.",
        run: Run::Read(algebra::sintercard),
        ..ROW
    },
    Command {
        name: "sinterstore",
        arity: -3,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination key [key ...]",
        summary: "Stores the members that several sets have in common in a key.",
        complexity: "O(N*M) where N is the size of the smallest set and M the number of sets.",
        run: Run::Write(|args, edit, reply| algebra::store(args, edit, reply, Operation::Intersection)),
        ..ROW
    },
    Command {
        name: "sunion",
        arity: -2,
        keys: Keys::rest(),
        flags: Flags::LONG,
        syntax: "key [key ...]",
        summary: "Returns the members that are in any of several sets.",
        complexity: "O(N) where N is the number of members in all sets.",
        run: Run::Read(|args, view, reply| algebra::list(args, view, reply, Operation::Union)),
        ..ROW
    },
    Command {
        name: "sunionstore",
        arity: -3,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination key [key ...]",
        summary: "Stores the members that are in any of several sets in a key.",
        complexity: "O(N) where N is the number of members in all sets.",
        run: Run::Write(|args, edit, reply| algebra::store(args, edit, reply, Operation::Union)),
        ..ROW
    },
    Command {
        name: "sdiff",
        arity: -2,
        keys: Keys::rest(),
        flags: Flags::LONG,
        syntax: "key [key ...]",
        summary: "Returns the members of the first set that no other set has.",
        complexity: "O(N) where N is the number of members in all sets.",
        run: Run::Read(|args, view, reply| algebra::list(args, view, reply, Operation::Difference)),
        ..ROW
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination key [key ...]",
        summary: "Stores the members of the first set that no other set has in a key.",
        complexity: "O(N) where N is the number of members in all sets.",
        run: Run::Write(|args, edit, reply| algebra::store(args, edit, reply, Operation::Difference)),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Set, ..Command::ROW };

/// Puts a set in place of whatever the key holds, or nothing where it is empty, and records that.
fn put_set(edit: &mut Edit, event: Event, key: &[u8], set: Set) {
    let mut members = Texts::default();
    set.iter().for_each(|member| members.push_element(&member));
    replace(edit, event, key, set, b"SADD", &members);
}
