//! Members off either end, for whoever asks or waits: ZPOPMIN, ZMPOP, BZPOPMIN and their kin.

use smallvec::SmallVec;

use crate::command::args::Args;
use crate::command::blocking::{first_of, timeout_ms};
use crate::command::collection::{self, Texts, record_removal};
use crate::command::error::{Done, Error};
use crate::data::zset::ZSet;
use crate::keyspace::{Edit, WrongType, event};
use crate::protocol::{Reply, Wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

/// What was taken off, the outermost first.
struct Popped {
    members: Texts,
    scores: SmallVec<[f64; 4]>,
}

impl Popped {
    fn say(&self, reply: &mut Reply, nested: bool) {
        for (member, score) in self.members.iter().zip(&self.scores) {
            if nested {
                reply.array(2);
            }
            reply.bulk(member);
            reply.double(*score);
        }
    }
}

/// Takes up to `count` members off a sorted set; `None` where there is no key.
fn pop(edit: &mut Edit, key: &[u8], end: End, count: usize) -> Result<Option<Popped>, WrongType> {
    let Some(zset) = edit.write::<ZSet>(key)? else { return Ok(None) };
    let (mut popped, len) = (Popped { members: Texts::default(), scores: SmallVec::new() }, zset.len());
    let count = count.min(len);
    let (ranks, members) = match end {
        End::Min => (0..count, zset.range(0..count)),
        End::Max => (len - count..len, zset.range_rev(len - count..len)),
    };
    for (member, score) in members {
        popped.members.push_element(&member);
        popped.scores.push(score);
    }
    let event = match end {
        End::Min => event::ZPOPMIN,
        End::Max => event::ZPOPMAX,
    };
    if count == len {
        edit.notify(event, key);
        collection::delete(edit, key);
    } else {
        zset.remove_range(ranks);
        record_removal(edit, event, b"ZREM", key, &popped.members);
    }
    Ok(Some(popped))
}

/// ZPOPMIN and ZPOPMAX.
pub(super) fn zpop(args: &mut Args, edit: &mut Edit, reply: &mut Reply, end: End) -> Done {
    let key = args.next();
    if args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    let counted = !args.is_done();
    let count = if counted { collection::count(args)? } else { 1 };
    let nested = counted && reply.wire() == Wire::Resp3;
    let Some(popped) = pop(edit, key, end, count)? else {
        reply.array(0);
        return Ok(());
    };
    let pairs = popped.scores.len();
    reply.array(if nested { pairs } else { 2 * pairs });
    popped.say(reply, nested);
    Ok(())
}

/// BZPOPMIN and BZPOPMAX.
pub(super) fn bzpop(args: &mut Args, edit: &mut Edit, reply: &mut Reply, end: End) -> Done {
    let mut keys = args.rest();
    let timeout = timeout_ms(keys.next_back().unwrap_or_default(), edit.now_ms())?;
    if let Some(key) = first_of::<ZSet>(edit, keys.clone())?
        && let Some(popped) = pop(edit, key, end, 1)?
    {
        reply.array(3);
        reply.bulk(key);
        popped.say(reply, false);
        return Ok(());
    }
    if !edit.wait_for(keys, timeout) {
        reply.null_array();
    }
    Ok(())
}

pub(super) fn zmpop(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let request = Request::parse(args)?;
    if !request.serve(edit, reply)? {
        reply.null_array();
    }
    Ok(())
}

pub(super) fn bzmpop(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let timeout = args.next();
    let request = Request::parse(args)?;
    let timeout = timeout_ms(timeout, edit.now_ms())?;
    if !request.serve(edit, reply)? && !edit.wait_for(request.keys.iter().copied(), timeout) {
        reply.null_array();
    }
    Ok(())
}

/// `numkeys key [key ...] MIN | MAX [COUNT count]`
struct Request<'a> {
    keys: SmallVec<[&'a [u8]; 8]>,
    end: End,
    count: usize,
}

impl<'a> Request<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Request<'a>, Error> {
        let keys = args.int_in(1..=i64::MAX, Error::fixed("ERR numkeys should be greater than 0"));
        args.check()?;
        if keys as u64 >= args.left() as u64 {
            return Err(Error::SYNTAX);
        }
        let keys = (0..keys).map(|_| args.next()).collect();
        let end = if args.keyword("MIN") {
            End::Min
        } else if args.keyword("MAX") {
            End::Max
        } else {
            return Err(Error::SYNTAX);
        };
        let mut count = 1;
        if args.left() > 1 && args.keyword("COUNT") {
            count = args.int_in(1..=i64::MAX, Error::fixed("ERR count should be greater than 0"));
        }
        args.finish()?;
        Ok(Request { keys, end, count: count as usize })
    }

    /// Pops from the first key that there is. `false` where there is none.
    fn serve(&self, edit: &mut Edit, reply: &mut Reply) -> Result<bool, Error> {
        let Some(key) = first_of::<ZSet>(edit, self.keys.iter().copied())? else { return Ok(false) };
        let Some(popped) = pop(edit, key, self.end, self.count)? else { return Ok(false) };
        reply.array(2);
        reply.bulk(key);
        reply.array(popped.scores.len());
        popped.say(reply, true);
        Ok(true)
    }
}
