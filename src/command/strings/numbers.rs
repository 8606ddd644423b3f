//! Strings that hold a number: INCR, DECR and their kin. The new value is what is recorded.

use super::update_string;
use crate::command::args::{Args, parse_int};
use crate::command::error::{Done, Error};
use crate::data::float::Extended;
use crate::keyspace::{Edit, event};
use crate::protocol::Reply;

pub(super) fn incr(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    add(args.next(), 1, edit, reply)
}

pub(super) fn decr(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    add(args.next(), -1, edit, reply)
}

pub(super) fn incrby(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, by) = (args.next(), args.int());
    args.check()?;
    add(key, by, edit, reply)
}

pub(super) fn decrby(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, by) = (args.next(), args.int());
    args.check()?;
    let by = by.checked_neg().ok_or(Error::fixed("ERR decrement would overflow"))?;
    add(key, by, edit, reply)
}

fn add(key: &[u8], by: i64, edit: &mut Edit, reply: &mut Reply) -> Done {
    let old = match edit.string(key)? {
        Some(text) => parse_int(text).ok_or(Error::NOT_AN_INTEGER)?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or(Error::OVERFLOW)?;
    update_string(edit, key, itoa::Buffer::new().format(new).as_bytes());
    edit.notify(event::INCRBY, key);
    reply.int(new);
    Ok(())
}

pub(super) fn incrbyfloat(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, by) = (args.next(), args.next());
    let old = edit.string(key)?.unwrap_or(b"0");
    let old = Extended::parse(old).ok_or(Error::NOT_A_FLOAT)?;
    let by = Extended::parse(by).ok_or(Error::NOT_A_FLOAT)?;
    let new = old.plus(by).ok_or(Error::fixed("ERR increment would produce NaN or Infinity"))?;
    let new = new.to_string();
    update_string(edit, key, new.as_bytes());
    edit.notify(event::INCRBYFLOAT, key);
    reply.bulk(new.as_bytes());
    Ok(())
}
