//! Pushing and popping, at once or when there is something to pop.

use smallvec::SmallVec;

use super::side;
use crate::command::args::Args;
use crate::command::blocking::{first_of, timeout_ms};
use crate::command::error::{Done, Error};
use crate::data::list::{End, List};
use crate::data::packed::Element;
use crate::keyspace::Edit;
use crate::keyspace::event::{self, Event};
use crate::protocol::Reply;

/// The record of a push, and what is told of it.
pub(super) fn pushed(end: End) -> (&'static [u8], Event) {
    match end {
        End::Front => (b"LPUSH", event::LPUSH),
        End::Back => (b"RPUSH", event::RPUSH),
    }
}

pub(super) fn popped(end: End) -> (&'static [u8], Event) {
    match end {
        End::Front => (b"LPOP", event::LPOP),
        End::Back => (b"RPOP", event::RPOP),
    }
}

pub(super) fn push(args: &mut Args, edit: &mut Edit, reply: &mut Reply, end: End) -> Done {
    let (key, elements) = (args.next(), args.rest());
    let thresholds = edit.thresholds();
    let list = edit.write_or_create::<List>(key)?;
    elements.clone().for_each(|element| list.push(end, element, &thresholds));
    reply.int(list.len() as i64);
    let (name, event) = pushed(end);
    edit.record_each(name, key, elements);
    edit.notify(event, key);
    Ok(())
}

pub(super) fn push_existing(args: &mut Args, edit: &mut Edit, reply: &mut Reply, end: End) -> Done {
    let (key, elements) = (args.next(), args.rest());
    let thresholds = edit.thresholds();
    let Some(list) = edit.write::<List>(key)? else {
        reply.int(0);
        return Ok(());
    };
    elements.clone().for_each(|element| list.push(end, element, &thresholds));
    reply.int(list.len() as i64);
    let (name, event) = pushed(end);
    edit.record_each(name, key, elements);
    edit.notify(event, key);
    Ok(())
}

pub(super) fn pop(args: &mut Args, edit: &mut Edit, reply: &mut Reply, end: End, name: &str) -> Done {
    const NOT_POSITIVE: Error = Error::fixed("ERR value is out of range, must be positive");
    let key = args.next();
    let count = match args.left() {
        0 => None,
        1 => Some(args.int_in(0..=i64::MAX, NOT_POSITIVE)),
        _ => return Err(Error::wrong_arity(name)),
    };
    args.check()?;
    match (edit.write::<List>(key)?, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.null_array(),
        (Some(_), None) => pop_one(edit, key, end, reply)?,
        (Some(_), Some(count)) => pop_many(edit, key, end, count, reply)?,
    }
    Ok(())
}

/// Takes one element of a list that there is, and says it.
fn pop_one(edit: &mut Edit, key: &[u8], end: End, reply: &mut Reply) -> Done {
    let thresholds = edit.thresholds();
    let Some(list) = edit.write::<List>(key)? else { return Ok(()) };
    if let Some(element) = list.peek(end) {
        reply.bulk(element.as_bytes(&mut [0; 20]));
        list.discard(end, 1, &thresholds);
    }
    let (name, event) = popped(end);
    edit.record(&[name, key]);
    edit.notify(event, key);
    edit.drop_if_empty(key);
    Ok(())
}

/// Takes up to `count` elements of a list that there is, and says them.
fn pop_many(edit: &mut Edit, key: &[u8], end: End, count: i64, reply: &mut Reply) -> Done {
    let thresholds = edit.thresholds();
    let Some(list) = edit.write::<List>(key)? else { return Ok(()) };
    let len = list.len();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(len);
    reply.array(count);
    let say = |element: Element| reply.bulk(element.as_bytes(&mut [0; 20]));
    match end {
        End::Front => list.range(0..count).for_each(say),
        End::Back => list.range(len - count..len).rev().for_each(say),
    }
    list.discard(end, count, &thresholds);
    if count > 0 {
        let (name, event) = popped(end);
        edit.record(&[name, key, itoa::Buffer::new().format(count).as_bytes()]);
        edit.notify(event, key);
        edit.drop_if_empty(key);
    }
    Ok(())
}

pub(super) fn blocking_pop(args: &mut Args, edit: &mut Edit, reply: &mut Reply, end: End) -> Done {
    let mut keys = args.rest();
    let timeout_ms = timeout_ms(keys.next_back().unwrap_or_default(), edit.now_ms())?;
    match first_of::<List>(edit, keys.clone())? {
        Some(key) => {
            reply.array(2);
            reply.bulk(key);
            pop_one(edit, key, end, reply)?;
        }
        None => {
            if !edit.wait_for(keys, timeout_ms) {
                reply.null_array();
            }
        }
    }
    Ok(())
}

/// The arguments of LMPOP, which BLMPOP has behind its timeout.
struct Mpop<'a> {
    keys: SmallVec<[&'a [u8]; 4]>,
    end: End,
    count: i64,
}

impl<'a> Mpop<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Mpop<'a>, Error> {
        let numkeys = args.int_in(1..=i64::MAX, Error::fixed("ERR numkeys should be greater than 0"));
        args.check()?;
        // A side must follow the keys.
        let numkeys = usize::try_from(numkeys).ok().filter(|&n| n < args.left()).ok_or(Error::SYNTAX)?;
        let keys = (0..numkeys).map(|_| args.next()).collect();
        let end = side(args);
        args.check()?;
        let mut count = None;
        while !args.is_done() {
            if count.is_some() || args.left() < 2 || !args.keyword("COUNT") {
                return Err(Error::SYNTAX);
            }
            count = Some(args.int_in(1..=i64::MAX, Error::fixed("ERR count should be greater than 0")));
            args.check()?;
        }
        Ok(Mpop { keys, end, count: count.unwrap_or(1) })
    }

    /// Whether any of the lists had something.
    fn pop(&self, edit: &mut Edit, reply: &mut Reply) -> Result<bool, Error> {
        let Some(key) = first_of::<List>(edit, self.keys.iter().copied())? else { return Ok(false) };
        reply.array(2);
        reply.bulk(key);
        pop_many(edit, key, self.end, self.count, reply)?;
        Ok(true)
    }
}

pub(super) fn lmpop(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    if !Mpop::parse(args)?.pop(edit, reply)? {
        reply.null_array();
    }
    Ok(())
}

pub(super) fn blmpop(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let timeout = args.next();
    let mpop = Mpop::parse(args)?;
    let timeout_ms = timeout_ms(timeout, edit.now_ms())?;
    if !mpop.pop(edit, reply)? && !edit.wait_for(mpop.keys.iter().copied(), timeout_ms) {
        reply.null_array();
    }
    Ok(())
}
