//! Strings: SET, GET and their kin.

use super::args::Args;
use super::deadline::{self, Unit};
use super::error::{Done, Error};
use super::row::{Command, Flags, Group, Keys, Run};
use crate::keyspace::{Content, Edit, View};
use crate::protocol::{Form, Reply};

pub static ROWS: &[Command] = &[
    Command {
        name: "get",
        arity: 2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the string value of a key.",
        run: Run::Read(get),
        ..ROW
    },
    Command {
        name: "set",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::GROWS,
        syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
        run: Run::Write(set),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::String, ..Command::ROW };

fn get(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    match view.string(args.next())? {
        Some(value) => reply.bulk(value),
        None => reply.null(),
    }
    Ok(())
}

/// What SET was asked for besides key and value.
#[derive(Default)]
struct SetOptions {
    only_if_missing: bool,
    only_if_present: bool,
    get: bool,
    keep_ttl: bool,
    deadline: Option<u64>,
}

impl SetOptions {
    fn parse(args: &mut Args, now_ms: u64) -> Result<SetOptions, Error> {
        let mut options = SetOptions::default();
        let mut timed = false;
        while !args.is_done() {
            let word = args.next();
            if word.eq_ignore_ascii_case(b"NX") && !options.only_if_present {
                options.only_if_missing = true;
            } else if word.eq_ignore_ascii_case(b"XX") && !options.only_if_missing {
                options.only_if_present = true;
            } else if word.eq_ignore_ascii_case(b"GET") {
                options.get = true;
            } else if word.eq_ignore_ascii_case(b"KEEPTTL") && !timed {
                options.keep_ttl = true;
            } else if let Some(unit) = Unit::of_option(word)
                && !timed
                && !options.keep_ttl
                && !args.is_done()
            {
                timed = true;
                let value = args.int();
                args.check()?;
                options.deadline = Some(deadline::positive(unit, value, now_ms, "set")?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        args.finish().map(|()| options)
    }
}

fn is_set_option(word: &[u8]) -> bool {
    Unit::of_option(word).is_some()
        || [&b"NX"[..], b"XX", b"GET", b"KEEPTTL"].iter().any(|option| word.eq_ignore_ascii_case(option))
}

fn set(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    if args.form() == Form::Text && args.left() > 1 {
        let mut extra = args.words().iter().skip(3);
        if !extra.clone().any(is_set_option) {
            let sentence = args.rest().collect::<Vec<_>>().join(&b' ');
            return set_value(key, &sentence, &SetOptions::default(), edit, reply);
        }
        let first_is_option = extra.next().is_some_and(is_set_option);
        let value = args.next();
        let options = SetOptions::parse(args, edit.now_ms());
        return match options {
            Ok(options) => set_value(key, value, &options, edit, reply),
            Err(error) if first_is_option => Err(error),
            Err(error) => Err(Error::new(format!(
                "{}; a value of several words that holds an option's name must be quoted",
                error.text()
            ))),
        };
    }
    let value = args.next();
    let options = SetOptions::parse(args, edit.now_ms())?;
    set_value(key, value, &options, edit, reply)
}

fn set_value(key: &[u8], value: &[u8], options: &SetOptions, edit: &mut Edit, reply: &mut Reply) -> Done {
    let conditional = options.only_if_missing || options.only_if_present || options.get || options.keep_ttl;
    let mut deadline = options.deadline;
    if conditional {
        let old = edit.peek(edit.db(), key);
        let exists = old.is_some();
        if options.get {
            match old {
                Some(entry) => reply.bulk(entry.bytes().ok_or(Error::WRONG_TYPE)?),
                None => reply.null(),
            }
        }
        if options.keep_ttl {
            deadline = old.and_then(|entry| entry.deadline());
        }
        if (options.only_if_missing && exists) || (options.only_if_present && !exists) {
            if !options.get {
                reply.null();
            }
            return Ok(());
        }
    }
    edit.put(key, Content::Bytes(value), deadline);
    record_set(edit, key, value, deadline);
    if !options.get {
        reply.ok();
    }
    Ok(())
}

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
