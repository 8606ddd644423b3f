//! Ranges, by rank, score or member: telling, storing, counting and removing them.
//!
//! ```text
//!   words --parse--> Range --ranks--> ranks, lowest first --limit--> ranks --ZSet::range--> members
//! ```

use std::ops;

use super::{put_zset, say_members};
use crate::command::args::Args;
use crate::command::collection::{Texts, delete, record_removal};
use crate::command::error::{Done, Error};
use crate::data::packed::IntText;
use crate::data::zset::{Iter, LexBound, ScoreBound, ZSet};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Range<'a> {
    /// Negative numbers count from the end.
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Range<'a> {
    fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Range<'a>, Error> {
        let rank = |word| crate::command::args::parse_int(word).ok_or(Error::NOT_AN_INTEGER);
        let score = |word| ScoreBound::parse(word).ok_or(Error::fixed("ERR min or max is not a float"));
        let lex =
            |word| LexBound::parse(word).ok_or(Error::fixed("ERR min or max not valid string range item"));
        Ok(match by {
            By::Rank => Range::Rank(rank(min)?, rank(max)?),
            By::Score => Range::Score(score(min)?, score(max)?),
            By::Lex => Range::Lex(lex(min)?, lex(max)?),
        })
    }

    /// The ranks that it stands for; in reverse, ranks are given from the highest score on.
    fn ranks(&self, zset: &ZSet, reverse: bool) -> ops::Range<usize> {
        match *self {
            Range::Rank(start, stop) => {
                let ranks = between(start, stop, zset.len());
                if reverse { zset.len() - ranks.end..zset.len() - ranks.start } else { ranks }
            }
            Range::Score(min, max) => zset.by_score(min, max),
            Range::Lex(min, max) => zset.by_lex(min, max),
        }
    }
}

/// From `start` to `stop`, both of which belong to the range, of `len` elements.
fn between(start: i64, stop: i64, len: usize) -> ops::Range<usize> {
    let from_start = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
    let start = from_start(start).max(0) as usize;
    let end = from_start(stop).saturating_add(1).clamp(0, len as i64) as usize;
    if start < end { start..end } else { 0..0 }
}

/// Leaves out `offset` ranks from where the walk begins, and all behind the next `count` (negative: none).
fn limited(ranks: ops::Range<usize>, (offset, count): (i64, i64), reverse: bool) -> ops::Range<usize> {
    let skip = usize::try_from(offset).map_or(ranks.len(), |offset| offset.min(ranks.len()));
    let left = ranks.len() - skip;
    let take = usize::try_from(count).map_or(left, |count| count.min(left));
    if reverse {
        ranks.end - skip - take..ranks.end - skip
    } else {
        ranks.start + skip..ranks.start + skip + take
    }
}

/// What the command's name has settled, and its options may no longer.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub by: Option<By>,
    pub reverse: Option<bool>,
}

impl Form {
    /// ZRANGE, where options say it all.
    pub const OPEN: Form = Form { by: None, reverse: None };

    pub const fn of(by: By, reverse: bool) -> Form {
        Form { by: Some(by), reverse: Some(reverse) }
    }
}

struct Query<'a> {
    range: Range<'a>,
    reverse: bool,
    limit: (i64, i64),
    with_scores: bool,
}

impl<'a> Query<'a> {
    fn parse(args: &mut Args<'a>, form: Form, stores: bool) -> Result<Query<'a>, Error> {
        let (min, max) = (args.next(), args.next());
        let Form { mut by, mut reverse } = form;
        let (mut limit, mut with_scores) = ((0, -1), false);
        while !args.is_done() {
            if !stores && args.keyword("WITHSCORES") {
                with_scores = true;
            } else if args.left() > 2 && args.keyword("LIMIT") {
                limit = (args.int(), args.int());
                args.check()?;
            } else if reverse.is_none() && args.keyword("REV") {
                reverse = Some(true);
            } else if by.is_none() && args.keyword("BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.keyword("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit.1 != -1 && by == By::Rank {
            return Err(Error::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Error::fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (min, max) = if reverse && by != By::Rank { (max, min) } else { (min, max) };
        Ok(Query { range: Range::parse(by, min, max)?, reverse, limit, with_scores })
    }

    fn run<'z>(&self, zset: &'z ZSet) -> Iter<'z> {
        let mut ranks = self.range.ranks(zset, self.reverse);
        // By rank there is no limit, but for one that leaves an offset without effect.
        if !matches!(self.range, Range::Rank(..)) {
            ranks = limited(ranks, self.limit, self.reverse);
        }
        if self.reverse { zset.range_rev(ranks) } else { zset.range(ranks) }
    }
}

pub(super) fn range(args: &mut Args, view: &View, reply: &mut Reply, form: Form) -> Done {
    let key = args.next();
    let query = Query::parse(args, form, false)?;
    match view.read::<ZSet>(key)? {
        Some(zset) => say_members(reply, query.run(zset), query.with_scores),
        None => reply.array(0),
    }
    Ok(())
}

pub(super) fn zrangestore(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (to, from) = (args.next(), args.next());
    let query = Query::parse(args, Form::OPEN, true)?;
    let limits = edit.thresholds();
    let mut result = ZSet::new();
    for (member, score) in edit.reading().read::<ZSet>(from)?.into_iter().flat_map(|zset| query.run(zset)) {
        result.set(member.as_bytes(&mut IntText::default()), score, &limits);
    }
    reply.int(result.len() as i64);
    put_zset(edit, event::ZRANGESTORE, to, result);
    Ok(())
}

/// ZCOUNT and ZLEXCOUNT.
pub(super) fn count(args: &mut Args, view: &View, reply: &mut Reply, by: By) -> Done {
    let key = args.next();
    let range = Range::parse(by, args.next(), args.next())?;
    let count = view.read::<ZSet>(key)?.map_or(0, |zset| range.ranks(zset, false).len());
    reply.int(count as i64);
    Ok(())
}

/// ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX.
pub(super) fn remove(args: &mut Args, edit: &mut Edit, reply: &mut Reply, by: By) -> Done {
    let key = args.next();
    let range = Range::parse(by, args.next(), args.next())?;
    let Some(zset) = edit.write::<ZSet>(key)? else {
        reply.int(0);
        return Ok(());
    };
    let ranks = range.ranks(zset, false);
    reply.int(ranks.len() as i64);
    let event = match by {
        By::Rank => event::ZREMRANGEBYRANK,
        By::Score => event::ZREMRANGEBYSCORE,
        By::Lex => event::ZREMRANGEBYLEX,
    };
    if ranks.len() == zset.len() {
        edit.notify(event, key);
        delete(edit, key);
        return Ok(());
    }
    let mut removed = Texts::default();
    zset.range(ranks.clone()).for_each(|(member, _)| removed.push_element(&member));
    zset.remove_range(ranks);
    record_removal(edit, event, b"ZREM", key, &removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_ranks_count_from_the_end() {
        assert_eq!(between(0, -1, 3), 0..3);
        assert_eq!(between(-2, 9, 3), 1..3);
        assert_eq!(between(-9, -3, 3), 0..1);
        assert_eq!(between(1, 1, 3), 1..2);
        assert!(between(2, 1, 3).is_empty());
        assert!(between(3, 9, 3).is_empty());
        assert!(between(0, -4, 3).is_empty());
        assert!(between(i64::MIN, i64::MIN, 3).is_empty());
        assert_eq!(between(i64::MIN, i64::MAX, 3), 0..3);
        assert!(between(0, -1, 0).is_empty());
    }

    #[test]
    fn limits_count_from_where_the_walk_begins() {
        assert_eq!(limited(2..8, (1, 2), false), 3..5);
        assert_eq!(limited(2..8, (1, 2), true), 5..7);
        assert_eq!(limited(2..8, (0, -1), true), 2..8);
        assert_eq!(limited(2..8, (4, 9), false), 6..8);
        assert!(limited(2..8, (0, 0), false).is_empty());
        assert!(limited(2..8, (9, 1), true).is_empty());
        assert!(limited(2..8, (-1, -1), false).is_empty());
    }
}
