//! Whole values, one or many: GET, GETDEL, MGET, MSET, MSETNX.

use super::put_string;
use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub(super) fn get(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    match view.string(args.next())? {
        Some(value) => reply.bulk(value),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn getdel(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    match edit.reading().string(key)? {
        Some(value) => reply.bulk(value),
        None => {
            reply.null();
            return Ok(());
        }
    }
    edit.remove(key);
    edit.record(&[b"DEL", key]);
    edit.notify(event::DEL, key);
    Ok(())
}

/// A key of another type reads as missing.
pub(super) fn mget(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let keys = args.rest();
    reply.array(keys.len());
    for key in keys {
        match view.get(key).and_then(|entry| entry.bytes()) {
            Some(value) => reply.bulk(value),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) fn mset(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    put_pairs(pairs(args, "mset")?, edit);
    reply.ok();
    Ok(())
}

pub(super) fn msetnx(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let pairs = pairs(args, "msetnx")?;
    let all_missing = pairs.clone().all(|(key, _)| edit.peek(edit.db(), key).is_none());
    if all_missing {
        put_pairs(pairs, edit);
    }
    reply.int(all_missing.into());
    Ok(())
}

fn pairs<'a>(
    args: &mut Args<'a>,
    name: &str,
) -> Result<impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a>, Error> {
    let words = args.rest();
    if !words.len().is_multiple_of(2) {
        return Err(Error::wrong_arity(name));
    }
    let values = words.clone().skip(1).step_by(2);
    Ok(words.step_by(2).zip(values))
}

fn put_pairs<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>, edit: &mut Edit) {
    for (key, value) in pairs {
        put_string(edit, key, value, None);
        edit.notify(event::SET, key);
    }
}
