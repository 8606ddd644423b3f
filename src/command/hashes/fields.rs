//! Fields and their values.

use super::{deadlines::fields_behind_word, record_gone};
use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::data::hash::{Field, Hash};
use crate::data::packed::Element;
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

/// HSET and HMSET. Returns how many fields are new.
pub(super) fn set_pairs(args: &mut Args, edit: &mut Edit, name: &str) -> Result<i64, Error> {
    let (key, words) = (args.next(), args.rest());
    if words.len() % 2 != 0 {
        return Err(Error::wrong_arity(name));
    }
    let (now_ms, thresholds) = (edit.now_ms(), edit.thresholds());
    let hash = edit.write_or_create::<Hash>(key)?;
    let mut created = 0;
    let mut pairs = words.clone();
    while let (Some(field), Some(value)) = (pairs.next(), pairs.next()) {
        created += i64::from(hash.set(field, value, now_ms, &thresholds));
    }
    edit.record_each(b"HSET", key, words);
    edit.notify(event::HSET, key);
    Ok(created)
}

pub(super) fn hsetnx(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, field, value) = (args.next(), args.next(), args.next());
    let (now_ms, thresholds) = (edit.now_ms(), edit.thresholds());
    let set = edit.write_or_create::<Hash>(key)?.set_new(field, value, now_ms, &thresholds);
    if set {
        edit.record(&[b"HSET", key, field, value]);
        edit.notify(event::HSET, key);
    }
    reply.int(set.into());
    Ok(())
}

/// A field's value, or that there is none.
pub(super) fn say(value: Option<Element>, reply: &mut Reply) {
    match value {
        Some(value) => reply.bulk(value.as_bytes(&mut [0; 20])),
        None => reply.null(),
    }
}

pub(super) fn hget(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, field) = (args.next(), args.next());
    let hash = view.read::<Hash>(key)?;
    say(hash.and_then(|hash| hash.get(field, view.now_ms())), reply);
    Ok(())
}

pub(super) fn hmget(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, fields) = (args.next(), args.rest());
    let hash = view.read::<Hash>(key)?;
    reply.array(fields.len());
    fields.for_each(|field| say(hash.and_then(|hash| hash.get(field, view.now_ms())), reply));
    Ok(())
}

pub(super) fn hgetall(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let Some(hash) = view.read::<Hash>(args.next())? else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.len(view.now_ms()));
    for field in hash.iter(view.now_ms()) {
        reply.bulk(field.name.as_bytes(&mut [0; 20]));
        reply.bulk(field.value.as_bytes(&mut [0; 20]));
    }
    Ok(())
}

/// HKEYS and HVALS.
pub(super) fn each(
    args: &mut Args,
    view: &View,
    reply: &mut Reply,
    part: fn(Field<'_>) -> Element<'_>,
) -> Done {
    let Some(hash) = view.read::<Hash>(args.next())? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len(view.now_ms()));
    hash.iter(view.now_ms()).for_each(|field| reply.bulk(part(field).as_bytes(&mut [0; 20])));
    Ok(())
}

pub(super) fn hlen(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let hash = view.read::<Hash>(args.next())?;
    reply.int(hash.map_or(0, |hash| hash.len(view.now_ms())) as i64);
    Ok(())
}

pub(super) fn hstrlen(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, field) = (args.next(), args.next());
    let value = view.read::<Hash>(key)?.and_then(|hash| hash.get(field, view.now_ms()));
    reply.int(value.map_or(0, |value| value.text_len()) as i64);
    Ok(())
}

pub(super) fn hexists(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, field) = (args.next(), args.next());
    let hash = view.read::<Hash>(key)?;
    reply.int(hash.is_some_and(|hash| hash.contains(field, view.now_ms())).into());
    Ok(())
}

pub(super) fn hdel(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, fields) = (args.next(), args.rest());
    let now_ms = edit.now_ms();
    let Some(hash) = edit.write::<Hash>(key)? else {
        reply.int(0);
        return Ok(());
    };
    let gone: Vec<&[u8]> = fields.filter(|field| hash.remove(field, now_ms)).collect();
    reply.int(gone.len() as i64);
    record_gone(edit, key, &gone);
    Ok(())
}

pub(super) fn hgetdel(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    edit.read::<Hash>(key)?;
    let fields = fields_behind_word(args)?;
    let now_ms = edit.now_ms();
    let mut hash = edit.write::<Hash>(key)?;
    let mut gone = Vec::new();
    reply.array(fields.len());
    for field in fields {
        say(hash.as_ref().and_then(|hash| hash.get(field, now_ms)), reply);
        if hash.as_mut().is_some_and(|hash| hash.remove(field, now_ms)) {
            gone.push(field);
        }
    }
    record_gone(edit, key, &gone);
    Ok(())
}
