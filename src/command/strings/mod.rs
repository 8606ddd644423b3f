//! Strings: text, numbers in text, and anything else that is bytes.

mod lcs;
mod numbers;
mod ranges;
mod set;
mod values;

use super::deadline::Unit;
use super::error::Error;
use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use crate::keyspace::{Content, Edit, Object};

pub static ROWS: &[Command] = &[
    Command {
        name: "get",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the string value of a key.",
        run: Run::Read(values::get),
        ..ROW
    },
    Command {
        name: "set",
        arity: -3,
        keys: Keys::one(),
        uses: Uses::Told(KeyUse::RW_ACCESS_UPDATE, set::key_use),
        flags: Flags::GROWS,
        syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
        run: Run::Write(set::set),
        ..ROW
    },
    Command {
        name: "setnx",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::OW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key value",
        summary: "Sets the string value of a key only when the key doesn't exist.",
        run: Run::Write(set::setnx),
        ..ROW
    },
    Command {
        name: "setex",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::OW_UPDATE]),
        flags: Flags::GROWS,
        syntax: "key seconds value",
        summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
        since: "2.0.0",
        run: Run::Write(|args, edit, reply| set::set_expiring(args, edit, reply, Unit::Seconds, "setex")),
        ..ROW
    },
    Command {
        name: "psetex",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::OW_UPDATE]),
        flags: Flags::GROWS,
        syntax: "key milliseconds value",
        summary: "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist.",
        since: "2.6.0",
        run: Run::Write(|args, edit, reply| {
            set::set_expiring(args, edit, reply, Unit::Milliseconds, "psetex")
        }),
        ..ROW
    },
    Command {
        name: "getset",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key value",
        summary: "Returns the previous string value of a key after setting it to a new value.",
        run: Run::Write(set::getset),
        ..ROW
    },
    Command {
        name: "getdel",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the string value of a key after deleting the key.",
        since: "6.2.0",
        run: Run::Write(values::getdel),
        ..ROW
    },
    Command {
        name: "getex",
        arity: -2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::FAST,
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
        summary: "Returns the string value of a key after setting its expiration time.",
        since: "6.2.0",
        run: Run::Write(set::getex),
        ..ROW
    },
    Command {
        name: "mget",
        arity: -2,
        keys: Keys::rest(),
        flags: Flags::FAST,
        syntax: "key [key ...]",
        summary: "Atomically returns the string values of one or more keys.",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Read(values::mget),
        ..ROW
    },
    Command {
        name: "mset",
        arity: -3,
        keys: Keys::range(1, -1, 2),
        uses: Uses::Each(&[KeyUse::OW_UPDATE]),
        flags: Flags::GROWS,
        syntax: "key value [key value ...]",
        summary: "Atomically creates or modifies the string values of one or more keys.",
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Write(values::mset),
        ..ROW
    },
    Command {
        name: "msetnx",
        arity: -3,
        keys: Keys::range(1, -1, 2),
        uses: Uses::Each(&[KeyUse::OW_INSERT]),
        flags: Flags::GROWS,
        syntax: "key value [key value ...]",
        summary: "Atomically modifies the string values of one or more keys only when all keys don't exist.",
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Write(values::msetnx),
        ..ROW
    },
    Command {
        name: "strlen",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the length of a string value.",
        since: "2.2.0",
        run: Run::Read(ranges::strlen),
        ..ROW
    },
    Command {
        name: "append",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key value",
        summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
        since: "2.0.0",
        complexity: "O(N) where N is the length of what is appended, amortised: the value grows in place.",
        run: Run::Write(ranges::append),
        ..ROW
    },
    Command {
        name: "setrange",
        arity: 4,
        keys: Keys::one(),
        flags: Flags::GROWS,
        syntax: "key offset value",
        summary: "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.",
        since: "2.2.0",
        complexity: "O(N) where N is the length of what is written and of the zeros before it.",
        run: Run::Write(ranges::setrange),
        ..ROW
    },
    Command {
        name: "getrange",
        arity: 4,
        keys: Keys::one(),
        syntax: "key start end",
        summary: "Returns a substring of the string stored at a key.",
        since: "2.4.0",
        complexity: "O(N) where N is the length of the substring.",
        run: Run::Read(ranges::getrange),
        ..ROW
    },
    Command {
        name: "substr",
        arity: 4,
        keys: Keys::one(),
        syntax: "key start end",
        summary: "Returns a substring from a string value: GETRANGE's older name.",
        complexity: "O(N) where N is the length of the substring.",
        run: Run::Read(ranges::getrange),
        ..ROW
    },
    Command {
        name: "incr",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key",
        summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        run: Run::Write(numbers::incr),
        ..ROW
    },
    Command {
        name: "decr",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key",
        summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        run: Run::Write(numbers::decr),
        ..ROW
    },
    Command {
        name: "incrby",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key increment",
        summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        run: Run::Write(numbers::incrby),
        ..ROW
    },
    Command {
        name: "decrby",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key decrement",
        summary: "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.",
        run: Run::Write(numbers::decrby),
        ..ROW
    },
    Command {
        name: "incrbyfloat",
        arity: 3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key increment",
        summary: "Increments the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        since: "2.6.0",
        run: Run::Write(numbers::incrbyfloat),
        ..ROW
    },
    Command {
        name: "lcs",
        arity: -3,
        keys: Keys::range(1, 2, 1),
        flags: Flags::LONG,
        syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
        summary: "Finds the longest common subsequence of two strings.",
        since: "7.0.0",
        complexity: "O(N*M) where N and M are the lengths of the two strings.",
        run: Run::Read(lcs::lcs),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::String, ..Command::ROW };

/// The effect of every command that ends with a string in a key.
pub fn record_set(edit: &mut Edit, key: &[u8], value: &[u8], deadline: Option<u64>) {
    match deadline {
        None => edit.record(&[b"SET", key, value]),
        Some(at) => {
            let mut digits = itoa::Buffer::new();
            edit.record(&[b"SET", key, value, b"PXAT", digits.format(at).as_bytes()]);
        }
    }
}

/// Creates or replaces a string, deadline and all, and records it. What is told of it is the caller's.
pub fn put_string(edit: &mut Edit, key: &[u8], value: &[u8], deadline: Option<u64>) {
    edit.put(key, Content::Bytes(value), deadline);
    record_set(edit, key, value, deadline);
}

/// Gives a string another value, or creates it, and records that. A deadline stays.
pub fn update_string(edit: &mut Edit, key: &[u8], value: &[u8]) {
    let deadline = match edit.get_mut(key) {
        Some(entry) => {
            entry.set_bytes(value);
            entry.deadline()
        }
        None => {
            edit.put(key, Content::Bytes(value), None);
            None
        }
    };
    record_set(edit, key, value, deadline);
}

/// A string to be edited in place, empty where the key was missing. Recording is the caller's, and so is to leave no empty string behind.
pub fn string_mut<'e>(edit: &'e mut Edit, key: &[u8]) -> Result<&'e mut Vec<u8>, Error> {
    if edit.get_mut(key).is_none() {
        edit.put(key, Content::Object(Box::new(Object::Bytes(vec![]))), None);
    }
    edit.get_mut(key).and_then(|entry| entry.bytes_mut()).ok_or(Error::WRONG_TYPE)
}
