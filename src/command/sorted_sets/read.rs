//! Members one by one: their scores and ranks, their going, some by chance.

use super::{is_nested, say_members};
use crate::command::args::Args;
use crate::command::collection::{Bound, Draw, Scan, Texts, record_removal, say};
use crate::command::error::{Done, Error};
use crate::data::packed::Element;
use crate::data::zset::ZSet;
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub(super) fn zrem(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let mut removed = Texts::default();
    if let Some(zset) = edit.write::<ZSet>(key)? {
        args.rest().filter(|member| zset.remove(member).is_some()).for_each(|member| removed.push(member));
        record_removal(edit, event::ZREM, b"ZREM", key, &removed);
    }
    reply.int(removed.len() as i64);
    Ok(())
}

pub(super) fn zcard(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    reply.int(view.read::<ZSet>(args.next())?.map_or(0, ZSet::len) as i64);
    Ok(())
}

pub(super) fn zscore(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (zset, member) = (view.read::<ZSet>(args.next())?, args.next());
    say_score(reply, zset, member);
    Ok(())
}

pub(super) fn zmscore(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (zset, members) = (view.read::<ZSet>(args.next())?, args.rest());
    reply.array(members.len());
    members.for_each(|member| say_score(reply, zset, member));
    Ok(())
}

fn say_score(reply: &mut Reply, zset: Option<&ZSet>, member: &[u8]) {
    match zset.and_then(|zset| zset.score(member)) {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// ZRANK and ZREVRANK.
pub(super) fn rank(args: &mut Args, view: &View, reply: &mut Reply, reverse: bool) -> Done {
    let (key, member) = (args.next(), args.next());
    if args.left() > 1 {
        return Err(Error::wrong_arity(if reverse { "zrevrank" } else { "zrank" }));
    }
    let with_score = args.keyword("WITHSCORE");
    args.finish()?;
    let zset = view.read::<ZSet>(key)?;
    match zset.and_then(|zset| Some((zset.len(), zset.rank(member)?))) {
        Some((len, (rank, score))) => {
            let rank = if reverse { len - 1 - rank } else { rank };
            if with_score {
                reply.array(2);
            }
            reply.int(rank as i64);
            if with_score {
                reply.double(score);
            }
        }
        None if with_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn zscan(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, cursor) = (args.next(), Scan::cursor(args)?);
    let mut found = Texts::default();
    let Some(zset) = view.read::<ZSet>(key)? else {
        Scan::say(reply, 0, &found);
        return Ok(());
    };
    let scan = Scan::options(args)?;
    let next = zset.scan(cursor, scan.count, &mut |member, score| {
        if scan.wants(&member) {
            found.push_element(&member);
            found.push_score(score);
        }
    });
    Scan::say(reply, next, &found);
    Ok(())
}

pub(super) fn zrandmember(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    let mut random = view.random();
    if args.is_done() {
        match view.read::<ZSet>(key)?.and_then(|zset| zset.random(&mut random)) {
            Some((member, _)) => say(reply, &member),
            None => reply.null(),
        }
        return Ok(());
    }
    let draw = Draw::parse(args)?;
    let with_scores = args.keyword("WITHSCORES");
    args.finish()?;
    if with_scores && matches!(draw, Draw::Different(n) | Draw::Repeated(n) if n > i64::MAX as usize / 2) {
        return Err(Error::fixed("ERR value is out of range"));
    }
    let Some(zset) = view.read::<ZSet>(key)? else {
        reply.array(0);
        return Ok(());
    };
    match draw {
        Draw::Different(count) => {
            say_members(reply, zset.sample(count, &mut random).into_iter(), with_scores);
            Ok(())
        }
        Draw::Repeated(count) => {
            let drawn = (0..count).map_while(|_| zset.random(&mut random));
            say_repeated(reply, count, drawn, with_scores)
        }
    }
}

fn say_repeated<'z>(
    reply: &mut Reply,
    count: usize,
    drawn: impl Iterator<Item = (Element<'z>, f64)>,
    with_scores: bool,
) -> Done {
    let nested = is_nested(reply, with_scores);
    let mut bound = Bound::default();
    reply.array(if with_scores && !nested { 2 * count } else { count });
    for (member, score) in drawn {
        bound.count(&member)?;
        super::say_member(reply, &member, score, with_scores, nested);
    }
    Ok(())
}
