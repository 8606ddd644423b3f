//! SET, its older forms, and what shares its options.

use super::put_string;
use crate::command::args::{Args, parse_int};
use crate::command::deadline::{self, Unit};
use crate::command::error::{Done, Error};
use crate::command::key_use::KeyUse;
use crate::keyspace::{Edit, event};
use crate::protocol::{Form, Reply, Words};

/// What SET was asked for besides key and value.
#[derive(Default)]
struct SetOptions<'a> {
    only_if_missing: bool,
    only_if_present: bool,
    get: bool,
    keep_ttl: bool,
    expire: Option<Expire<'a>>,
}

/// A deadline as it was written. It is read when the words around it have proved to be grammatical.
struct Expire<'a> {
    unit: Unit,
    value: &'a [u8],
}

impl<'a> Expire<'a> {
    /// Takes EX, PX, EXAT or PXAT and its number; repeated, the last one counts, but the unit must be the same.
    fn take(args: &mut Args<'a>, earlier: &Option<Expire<'a>>) -> Option<Expire<'a>> {
        let unit = Unit::of_option(args.peek()?)?;
        if args.left() < 2 || earlier.as_ref().is_some_and(|earlier| earlier.unit != unit) {
            return None;
        }
        args.next();
        Some(Expire { unit, value: args.next() })
    }

    fn deadline(&self, now_ms: u64, command: &str) -> Result<u64, Error> {
        let value = parse_int(self.value).ok_or(Error::NOT_AN_INTEGER)?;
        deadline::positive(self.unit, value, now_ms, command)
    }
}

impl<'a> SetOptions<'a> {
    fn parse(args: &mut Args<'a>) -> Result<SetOptions<'a>, Error> {
        let mut options = SetOptions::default();
        while !args.is_done() {
            if !options.only_if_present && args.keyword("NX") {
                options.only_if_missing = true;
            } else if !options.only_if_missing && args.keyword("XX") {
                options.only_if_present = true;
            } else if args.keyword("GET") {
                options.get = true;
            } else if options.expire.is_none() && args.keyword("KEEPTTL") {
                options.keep_ttl = true;
            } else if !options.keep_ttl
                && let Some(expire) = Expire::take(args, &options.expire)
            {
                options.expire = Some(expire);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn is_set_option(word: &[u8]) -> bool {
    Unit::of_option(word).is_some()
        || [&b"NX"[..], b"XX", b"GET", b"KEEPTTL"].iter().any(|option| word.eq_ignore_ascii_case(option))
}

/// With GET, the old value is read.
pub(super) fn key_use(words: Words<'_>) -> KeyUse {
    let gets = words.iter().skip(3).any(|word| word.eq_ignore_ascii_case(b"GET"));
    if gets { KeyUse::RW_ACCESS_UPDATE } else { KeyUse::OW_UPDATE }
}

pub(super) fn set(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    if args.form() == Form::Text && args.left() > 1 {
        return set_words(key, args, edit, reply);
    }
    let value = args.next();
    let options = SetOptions::parse(args)?;
    set_value(key, value, &options, edit, reply)
}

/// Plain text: several words are one value, unless an option's name is among them.
fn set_words(key: &[u8], args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let mut extra = args.words().iter().skip(3);
    if !extra.clone().any(is_set_option) {
        let sentence = args.rest().collect::<Vec<_>>().join(&b' ');
        return set_value(key, &sentence, &SetOptions::default(), edit, reply);
    }
    let first_is_option = extra.next().is_some_and(is_set_option);
    let value = args.next();
    match SetOptions::parse(args) {
        Ok(options) => set_value(key, value, &options, edit, reply),
        Err(error) if first_is_option => Err(error),
        Err(error) => Err(Error::new(format!(
            "{}; a value of several words that holds an option's name must be quoted",
            error.text()
        ))),
    }
}

fn set_value(key: &[u8], value: &[u8], options: &SetOptions, edit: &mut Edit, reply: &mut Reply) -> Done {
    let mut deadline = match &options.expire {
        Some(expire) => Some(expire.deadline(edit.now_ms(), "set")?),
        None => None,
    };
    let conditional = options.only_if_missing || options.only_if_present || options.get || options.keep_ttl;
    if conditional {
        let old = edit.peek(edit.db(), key);
        let exists = old.is_some();
        if options.get {
            match old {
                Some(entry) => reply.bulk(entry.bytes().ok_or(Error::WRONG_TYPE)?),
                None => {
                    edit.notify(event::KEYMISS, key);
                    reply.null();
                }
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
    put_string(edit, key, value, deadline);
    notify_set(edit, key, options.expire.is_some());
    if !options.get {
        reply.ok();
    }
    Ok(())
}

/// A deadline that comes with the value is told by itself.
fn notify_set(edit: &Edit, key: &[u8], expires: bool) {
    edit.notify(event::SET, key);
    if expires {
        edit.notify(event::EXPIRE, key);
    }
}

pub(super) fn setnx(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, value) = (args.next(), args.next());
    let missing = edit.peek(edit.db(), key).is_none();
    if missing {
        put_string(edit, key, value, None);
        notify_set(edit, key, false);
    }
    reply.int(missing.into());
    Ok(())
}

pub(super) fn set_expiring(
    args: &mut Args,
    edit: &mut Edit,
    reply: &mut Reply,
    unit: Unit,
    name: &str,
) -> Done {
    let (key, time, value) = (args.next(), args.int(), args.next());
    args.check()?;
    let deadline = deadline::positive(unit, time, edit.now_ms(), name)?;
    put_string(edit, key, value, Some(deadline));
    notify_set(edit, key, true);
    reply.ok();
    Ok(())
}

pub(super) fn getset(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, value) = (args.next(), args.next());
    let options = SetOptions { get: true, ..SetOptions::default() };
    set_value(key, value, &options, edit, reply)
}

/// What GETEX may do to the deadline.
enum GetexOption<'a> {
    Leave,
    Persist,
    Expire(Expire<'a>),
}

impl<'a> GetexOption<'a> {
    fn parse(args: &mut Args<'a>) -> Result<GetexOption<'a>, Error> {
        let (mut persist, mut expire) = (false, None);
        while !args.is_done() {
            if expire.is_none() && args.keyword("PERSIST") {
                persist = true;
            } else if !persist && let Some(taken) = Expire::take(args, &expire) {
                expire = Some(taken);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(match expire {
            Some(expire) => GetexOption::Expire(expire),
            None if persist => GetexOption::Persist,
            None => GetexOption::Leave,
        })
    }
}

pub(super) fn getex(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let option = GetexOption::parse(args)?;
    let Some(value) = edit.reading().string(key)? else {
        reply.null();
        return Ok(());
    };
    reply.bulk(value);
    match option {
        GetexOption::Leave => {}
        GetexOption::Persist => {
            if edit.get(key).is_some_and(|entry| entry.deadline().is_some()) {
                edit.set_deadline(key, None);
                edit.record(&[b"PERSIST", key]);
                edit.notify(event::PERSIST, key);
            }
        }
        GetexOption::Expire(expire) => {
            let deadline = expire.deadline(edit.now_ms(), "getex")?;
            if deadline > edit.now_ms() {
                edit.set_deadline(key, Some(deadline));
                edit.record(&[b"PEXPIREAT", key, itoa::Buffer::new().format(deadline).as_bytes()]);
                edit.notify(event::EXPIRE, key);
            } else {
                edit.remove(key);
                edit.record(&[b"DEL", key]);
                edit.notify(event::DEL, key);
            }
        }
    }
    Ok(())
}
