//! Hashes: values by field, and how long each field lives.

mod chance;
mod deadlines;
mod expiring;
mod fields;
mod numbers;
mod walk;

use super::error::Error;
use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use crate::command::deadline::Unit;
use crate::keyspace::{Edit, event};

pub static ROWS: &[Command] = &[
    Command {
        name: "hset",
        arity: -4,
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key field value [field value ...]",
        summary: "Creates or modifies the value of a field in a hash.",
        since: "2.0.0",
        complexity: "O(1) for each field.",
        run: Run::Write(|args, edit, reply| {
            let created = fields::set_pairs(args, edit, "hset")?;
            reply.int(created);
            Ok(())
        }),
        ..ROW
    },
    Command {
        name: "hmset",
        arity: -4,
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key field value [field value ...]",
        summary: "Sets the values of multiple fields: HSET's older name.",
        since: "2.0.0",
        complexity: "O(1) for each field.",
        run: Run::Write(|args, edit, reply| {
            fields::set_pairs(args, edit, "hmset")?;
            reply.ok();
            Ok(())
        }),
        ..ROW
    },
    Command {
        name: "hsetnx",
        arity: 4,
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key field value",
        summary: "Sets the value of a field in a hash only when the field doesn't exist.",
        since: "2.0.0",
        run: Run::Write(fields::hsetnx),
        ..ROW
    },
    Command {
        name: "hget",
        arity: 3,
        flags: Flags::FAST,
        syntax: "key field",
        summary: "Returns the value of a field in a hash.",
        since: "2.0.0",
        run: Run::Read(fields::hget),
        ..ROW
    },
    Command {
        name: "hmget",
        arity: -3,
        flags: Flags::FAST,
        syntax: "key field [field ...]",
        summary: "Returns the values of several fields in a hash.",
        since: "2.0.0",
        complexity: "O(1) for each field.",
        run: Run::Read(fields::hmget),
        ..ROW
    },
    Command {
        name: "hgetall",
        arity: 2,
        syntax: "key",
        summary: "Returns all fields and values in a hash.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields.",
        run: Run::Read(fields::hgetall),
        ..ROW
    },
    Command {
        name: "hkeys",
        arity: 2,
        syntax: "key",
        summary: "Returns all fields in a hash.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields.",
        run: Run::Read(|args, view, reply| fields::each(args, view, reply, |field| field.name)),
        ..ROW
    },
    Command {
        name: "hvals",
        arity: 2,
        syntax: "key",
        summary: "Returns all values in a hash.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields.",
        run: Run::Read(|args, view, reply| fields::each(args, view, reply, |field| field.value)),
        ..ROW
    },
    Command {
        name: "hlen",
        arity: 2,
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the number of fields in a hash.",
        since: "2.0.0",
        complexity: "O(1), and O(N) where N fields are past their deadline and not removed yet.",
        run: Run::Read(fields::hlen),
        ..ROW
    },
    Command {
        name: "hstrlen",
        arity: 3,
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key field",
        summary: "Returns the length of the value of a field.",
        since: "3.2.0",
        run: Run::Read(fields::hstrlen),
        ..ROW
    },
    Command {
        name: "hexists",
        arity: 3,
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key field",
        summary: "Determines whether a field exists in a hash.",
        since: "2.0.0",
        run: Run::Read(fields::hexists),
        ..ROW
    },
    Command {
        name: "hdel",
        arity: -3,
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        flags: Flags::FAST,
        syntax: "key field [field ...]",
        summary: "Deletes fields from a hash. Deletes the hash if no fields remain.",
        since: "2.0.0",
        complexity: "O(1) for each field.",
        run: Run::Write(fields::hdel),
        ..ROW
    },
    Command {
        name: "hgetdel",
        arity: -5,
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Returns the values of fields after deleting them. Deletes the hash if no fields remain.",
        since: "8.0.0",
        complexity: "O(1) for each field.",
        run: Run::Write(fields::hgetdel),
        ..ROW
    },
    Command {
        name: "hincrby",
        arity: 4,
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key field increment",
        summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
        since: "2.0.0",
        run: Run::Write(numbers::hincrby),
        ..ROW
    },
    Command {
        name: "hincrbyfloat",
        arity: 4,
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key field increment",
        summary: "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
        since: "2.6.0",
        run: Run::Write(numbers::hincrbyfloat),
        ..ROW
    },
    Command {
        name: "hrandfield",
        arity: -2,
        syntax: "key [count [WITHVALUES]]",
        summary: "Returns one or more random fields from a hash.",
        since: "6.2.0",
        complexity: "O(N) where N is the number of fields returned; O(M) where M is the size of a small hash.",
        run: Run::Read(chance::hrandfield),
        ..ROW
    },
    Command {
        name: "hscan",
        arity: -3,
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        summary: "Walks over the fields and values of a hash in steps.",
        since: "2.8.0",
        complexity: "O(COUNT) for a step; a small hash is walked in one.",
        run: Run::Read(walk::hscan),
        ..ROW
    },
];

/// Deadlines of single fields.
pub static DEADLINE_ROWS: &[Command] = &[
    Command {
        name: "hexpire",
        arity: -6,
        syntax: "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Sets the expiration time of fields in seconds.",
        run: Run::Write(|args, edit, reply| deadlines::hexpire(args, edit, reply, Unit::Seconds, "hexpire")),
        ..DEADLINE_ROW
    },
    Command {
        name: "hpexpire",
        arity: -6,
        syntax: "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Sets the expiration time of fields in milliseconds.",
        run: Run::Write(|args, edit, reply| {
            deadlines::hexpire(args, edit, reply, Unit::Milliseconds, "hpexpire")
        }),
        ..DEADLINE_ROW
    },
    Command {
        name: "hexpireat",
        arity: -6,
        syntax: "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Sets the expiration time of fields to a Unix timestamp in seconds.",
        run: Run::Write(|args, edit, reply| {
            deadlines::hexpire(args, edit, reply, Unit::UnixSeconds, "hexpireat")
        }),
        ..DEADLINE_ROW
    },
    Command {
        name: "hpexpireat",
        arity: -6,
        syntax: "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        summary: "Sets the expiration time of fields to a Unix timestamp in milliseconds.",
        run: Run::Write(|args, edit, reply| {
            deadlines::hexpire(args, edit, reply, Unit::UnixMilliseconds, "hpexpireat")
        }),
        ..DEADLINE_ROW
    },
    Command {
        name: "httl",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Returns the remaining time to live of fields in seconds; -1 without a deadline, -2 without a field.",
        run: Run::Read(|args, view, reply| {
            deadlines::time_to_live(args, view, reply, |at, now| at.saturating_sub(now).div_ceil(1000))
        }),
        ..DEADLINE_ROW
    },
    Command {
        name: "hpttl",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Returns the remaining time to live of fields in milliseconds; -1 without a deadline, -2 without a field.",
        run: Run::Read(|args, view, reply| {
            deadlines::time_to_live(args, view, reply, |at, now| at.saturating_sub(now))
        }),
        ..DEADLINE_ROW
    },
    Command {
        name: "hexpiretime",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Returns the expiration time of fields as Unix timestamps in seconds.",
        run: Run::Read(|args, view, reply| {
            deadlines::time_to_live(args, view, reply, |at, _| at.div_ceil(1000))
        }),
        ..DEADLINE_ROW
    },
    Command {
        name: "hpexpiretime",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Returns the expiration time of fields as Unix timestamps in milliseconds.",
        run: Run::Read(|args, view, reply| deadlines::time_to_live(args, view, reply, |at, _| at)),
        ..DEADLINE_ROW
    },
    Command {
        name: "hpersist",
        syntax: "key FIELDS numfields field [field ...]",
        summary: "Removes the expiration time of fields.",
        run: Run::Write(deadlines::hpersist),
        ..DEADLINE_ROW
    },
    Command {
        name: "hgetex",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]",
        summary: "Returns the values of fields, and sets or removes their expiration time.",
        since: "8.0.0",
        run: Run::Write(expiring::hgetex),
        ..DEADLINE_ROW
    },
    Command {
        name: "hsetex",
        arity: -6,
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]",
        summary: "Sets the values of fields, and their expiration time.",
        since: "8.0.0",
        run: Run::Write(expiring::hsetex),
        ..DEADLINE_ROW
    },
];

const ROW: Command = Command { group: Group::Hash, keys: Keys::one(), ..Command::ROW };

const DEADLINE_ROW: Command =
    Command { arity: -5, flags: Flags::FAST, since: "7.4.0", complexity: "O(1) for each field.", ..ROW };

const NO_FIELDS_WORD: Error =
    Error::fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
const FIELDS_MISMATCH: Error =
    Error::fixed("ERR The `numfields` parameter must match the number of arguments");
const FIELDS_NOT_POSITIVE: Error = Error::fixed("ERR Number of fields must be a positive integer");

/// The effect of fields' deadlines: all the same one.
fn record_deadline(edit: &mut Edit, key: &[u8], at: u64, names: &[&[u8]]) {
    let (mut at_digits, mut count_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut words: Vec<&[u8]> =
        vec![at_digits.format(at).as_bytes(), b"FIELDS", count_digits.format(names.len()).as_bytes()];
    words.extend(names);
    edit.record_each(b"HPEXPIREAT", key, words.into_iter());
    edit.note_field_deadlines(key);
}

/// The effect of fields that are no more. The hash goes with the last one.
fn record_gone(edit: &mut Edit, key: &[u8], names: &[&[u8]]) {
    if names.is_empty() {
        return;
    }
    edit.notify(event::HDEL, key);
    if edit.drop_if_empty(key) {
        edit.record(&[b"DEL", key]);
    } else {
        edit.record_each(b"HDEL", key, names.iter().copied());
    }
}
