//! Elements by their place or their value.

use crate::command::args::{Args, parse_int};
use crate::command::error::{Done, Error};
use crate::data::list::{List, Place};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub(super) fn llen(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let list = view.read::<List>(args.next())?;
    reply.int(list.map_or(0, List::len) as i64);
    Ok(())
}

pub(super) fn lrange(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, start, stop) = (args.next(), args.int(), args.int());
    args.check()?;
    let Some(list) = view.read::<List>(key)? else {
        reply.array(0);
        return Ok(());
    };
    let span = list.span(start, stop);
    reply.array(span.len());
    list.range(span).for_each(|element| reply.bulk(element.as_bytes(&mut [0; 20])));
    Ok(())
}

/// An index, which is looked at only where there is a list.
fn index(word: &[u8]) -> Result<i64, Error> {
    parse_int(word).ok_or(Error::NOT_AN_INTEGER)
}

pub(super) fn lindex(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, at) = (args.next(), args.next());
    let Some(list) = view.read::<List>(key)? else {
        reply.null();
        return Ok(());
    };
    match list.index(index(at)?).and_then(|at| list.get(at)) {
        Some(element) => reply.bulk(element.as_bytes(&mut [0; 20])),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn lset(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, at, element) = (args.next(), args.next(), args.next());
    let thresholds = edit.thresholds();
    let list = edit.write::<List>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let index = list.index(index(at)?).ok_or(Error::OUT_OF_RANGE)?;
    list.set(index, element, &thresholds);
    edit.record(&[b"LSET", key, at, element]);
    edit.notify(event::LSET, key);
    reply.ok();
    Ok(())
}

pub(super) fn linsert(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, place) = (args.next(), args.next());
    let (pivot, element) = (args.next(), args.next());
    let (place, word) = match place {
        word if word.eq_ignore_ascii_case(b"BEFORE") => (Place::Before, b"BEFORE".as_slice()),
        word if word.eq_ignore_ascii_case(b"AFTER") => (Place::After, b"AFTER".as_slice()),
        _ => return Err(Error::SYNTAX),
    };
    let thresholds = edit.thresholds();
    let Some(list) = edit.write::<List>(key)? else {
        reply.int(0);
        return Ok(());
    };
    if !list.insert(place, pivot, element, &thresholds) {
        reply.int(-1);
        return Ok(());
    }
    reply.int(list.len() as i64);
    edit.record(&[b"LINSERT", key, word, pivot, element]);
    edit.notify(event::LINSERT, key);
    Ok(())
}

pub(super) fn lrem(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, count, element) = (args.next(), args.next(), args.next());
    let wanted = parse_int(count).ok_or(Error::NOT_AN_INTEGER)?;
    let thresholds = edit.thresholds();
    let list = edit.write::<List>(key)?;
    let removed = list.map_or(0, |list| list.remove(element, wanted, &thresholds));
    if removed > 0 {
        edit.record(&[b"LREM", key, count, element]);
        edit.notify(event::LREM, key);
        edit.drop_if_empty(key);
    }
    reply.int(removed as i64);
    Ok(())
}

pub(super) fn ltrim(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, start, stop) = (args.next(), args.next(), args.next());
    let from = parse_int(start).ok_or(Error::NOT_AN_INTEGER)?;
    let to = parse_int(stop).ok_or(Error::NOT_AN_INTEGER)?;
    let thresholds = edit.thresholds();
    if let Some(list) = edit.write::<List>(key)? {
        let span = list.span(from, to);
        let shortens = span.len() < list.len();
        if shortens {
            list.trim(span, &thresholds);
            edit.record(&[b"LTRIM", key, start, stop]);
        }
        // Redis tells of every trim.
        edit.notify(event::LTRIM, key);
        edit.drop_if_empty(key);
    }
    reply.ok();
    Ok(())
}
