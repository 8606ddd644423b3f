//! How long keys live.

use super::ROW;
use crate::command::args::{Args, parse_int};
use crate::command::deadline::Unit;
use crate::command::error::{Done, Error};
use crate::command::row::{Command, Flags, Keys, Run};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "expire",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key seconds [NX | XX | GT | LT]",
        summary: "Sets the expiration time of a key in seconds.",
        run: Run::Write(|args, edit, reply| expire(args, edit, reply, Unit::Seconds, "expire")),
        ..ROW
    },
    Command {
        name: "pexpire",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key milliseconds [NX | XX | GT | LT]",
        summary: "Sets the expiration time of a key in milliseconds.",
        since: "2.6.0",
        run: Run::Write(|args, edit, reply| expire(args, edit, reply, Unit::Milliseconds, "pexpire")),
        ..ROW
    },
    Command {
        name: "expireat",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key unix-time-seconds [NX | XX | GT | LT]",
        summary: "Sets the expiration time of a key to a Unix timestamp in seconds.",
        since: "1.2.0",
        run: Run::Write(|args, edit, reply| expire(args, edit, reply, Unit::UnixSeconds, "expireat")),
        ..ROW
    },
    Command {
        name: "pexpireat",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
        summary: "Sets the expiration time of a key to a Unix timestamp in milliseconds.",
        since: "2.6.0",
        run: Run::Write(|args, edit, reply| expire(args, edit, reply, Unit::UnixMilliseconds, "pexpireat")),
        ..ROW
    },
    Command {
        name: "ttl",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the remaining time to live of a key in seconds; -1 without a deadline, -2 without a key.",
        run: Run::Read(|args, view, reply| {
            time_to_live(args, view, reply, |at, now| (at.saturating_sub(now) + 500) / 1000)
        }),
        ..ROW
    },
    Command {
        name: "pttl",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the remaining time to live of a key in milliseconds; -1 without a deadline, -2 without a key.",
        since: "2.6.0",
        run: Run::Read(|args, view, reply| time_to_live(args, view, reply, |at, now| at.saturating_sub(now))),
        ..ROW
    },
    Command {
        name: "expiretime",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the expiration time of a key as a Unix timestamp in seconds.",
        since: "7.0.0",
        run: Run::Read(|args, view, reply| time_to_live(args, view, reply, |at, _| (at + 500) / 1000)),
        ..ROW
    },
    Command {
        name: "pexpiretime",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the expiration time of a key as a Unix timestamp in milliseconds.",
        since: "7.0.0",
        run: Run::Read(|args, view, reply| time_to_live(args, view, reply, |at, _| at)),
        ..ROW
    },
    Command {
        name: "persist",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Removes the expiration time of a key.",
        since: "2.2.0",
        run: Run::Write(persist),
        ..ROW
    },
];

/// NX, XX, GT and LT of the EXPIRE family.
#[derive(Default)]
struct ExpireConditions {
    missing: bool,
    present: bool,
    greater: bool,
    less: bool,
}

impl ExpireConditions {
    fn parse(args: &mut Args) -> Result<ExpireConditions, Error> {
        let mut when = ExpireConditions::default();
        while let Some(word) = args.peek() {
            if args.keyword("NX") {
                when.missing = true;
            } else if args.keyword("XX") {
                when.present = true;
            } else if args.keyword("GT") {
                when.greater = true;
            } else if args.keyword("LT") {
                when.less = true;
            } else {
                let word = String::from_utf8_lossy(word);
                return Err(Error::new(format!("ERR Unsupported option {word}")));
            }
        }
        if when.missing && (when.present || when.greater || when.less) {
            return Err(Error::fixed("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if when.greater && when.less {
            return Err(Error::fixed("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(when)
    }

    /// No deadline counts as an infinite one.
    fn allow(&self, old: Option<u64>, new: i64) -> bool {
        let old = old.map(|at| at as i64);
        !(self.missing && old.is_some()
            || self.present && old.is_none()
            || self.greater && old.is_none_or(|old| new <= old)
            || self.less && old.is_some_and(|old| new >= old))
    }
}

fn expire(args: &mut Args, edit: &mut Edit, reply: &mut Reply, unit: Unit, name: &str) -> Done {
    let (key, value) = (args.next(), args.next());
    let when = ExpireConditions::parse(args)?;
    let value = parse_int(value).ok_or(Error::NOT_AN_INTEGER)?;
    let at = unit.unix_ms(value, edit.now_ms()).ok_or_else(|| Error::invalid_expire(name))?;
    let Some(old) = edit.peek(edit.db(), key).map(|entry| entry.deadline()) else {
        reply.changed(false);
        return Ok(());
    };
    if !when.allow(old, at) {
        reply.changed(false);
        return Ok(());
    }
    // A replayed record never expires by the clock: its moment is 0, and no deadline lies before it.
    match u64::try_from(at).ok().filter(|&at| at > edit.now_ms()) {
        Some(at) => {
            edit.set_deadline(key, Some(at));
            edit.record(&[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]);
            edit.notify(event::EXPIRE, key);
        }
        None => {
            edit.remove(key);
            edit.record(&[b"DEL", key]);
            edit.notify(event::DEL, key);
        }
    }
    reply.changed(true);
    Ok(())
}

fn time_to_live(args: &mut Args, view: &View, reply: &mut Reply, say: fn(u64, u64) -> u64) -> Done {
    reply.int(match view.look(args.next()).map(|entry| entry.deadline()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => say(at, view.now_ms()) as i64,
    });
    Ok(())
}

fn persist(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let has_deadline = edit.peek(edit.db(), key).is_some_and(|entry| entry.deadline().is_some());
    if has_deadline {
        edit.set_deadline(key, None);
        edit.record(&[b"PERSIST", key]);
        edit.notify(event::PERSIST, key);
    }
    reply.changed(has_deadline);
    Ok(())
}
