//! Sorted sets: members in the order of their scores.

mod add;
mod algebra;
mod pop;
mod range;
mod read;

use self::algebra::Operation;
use self::pop::End;
use self::range::{By, Form};
use super::collection::{Texts, replace, say};
use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use crate::data::Thresholds;
use crate::data::packed::Element;
use crate::data::zset::ZSet;
use crate::keyspace::event::Event;
use crate::keyspace::{Edit, WrongType};
use crate::protocol::{Reply, Wire};

pub use self::add::{Options, Pairs, add, parse_score};

pub static ROWS: &[Command] = &[
    Command {
        name: "zadd",
        arity: -4,
        keys: Keys::one(),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        summary: "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
        since: "1.2.0",
        complexity: "O(log(N)) for each member, where N is the number of members.",
        run: Run::Write(add::zadd),
        ..ROW
    },
    Command {
        name: "zincrby",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key increment member",
        summary: "Increments the score of a member in a sorted set. Creates the key if it doesn't exist.",
        since: "1.2.0",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Write(add::zincrby),
        ..ROW
    },
    Command {
        name: "zrem",
        arity: -3,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        flags: Flags::FAST,
        syntax: "key member [member ...]",
        summary: "Removes one or more members from a sorted set. Deletes the key if the last member was removed.",
        since: "1.2.0",
        complexity: "O(log(N)) for each member removed, where N is the number of members.",
        run: Run::Write(read::zrem),
        ..ROW
    },
    Command {
        name: "zcard",
        arity: 2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RO]),
        flags: Flags::FAST,
        syntax: "key",
        summary: "Returns the number of members in a sorted set.",
        since: "1.2.0",
        complexity: "O(1)",
        run: Run::Read(read::zcard),
        ..ROW
    },
    Command {
        name: "zscore",
        arity: 3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key member",
        summary: "Returns the score of a member in a sorted set.",
        since: "1.2.0",
        complexity: "O(1)",
        run: Run::Read(read::zscore),
        ..ROW
    },
    Command {
        name: "zmscore",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key member [member ...]",
        summary: "Returns the scores of one or more members in a sorted set.",
        since: "6.2.0",
        complexity: "O(N) where N is the number of members asked about.",
        run: Run::Read(read::zmscore),
        ..ROW
    },
    Command {
        name: "zrank",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key member [WITHSCORE]",
        summary: "Returns the rank of a member in a sorted set ordered by ascending scores.",
        since: "2.0.0",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Read(|args, view, reply| read::rank(args, view, reply, false)),
        ..ROW
    },
    Command {
        name: "zrevrank",
        arity: -3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key member [WITHSCORE]",
        summary: "Returns the rank of a member in a sorted set ordered by descending scores.",
        since: "2.0.0",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Read(|args, view, reply| read::rank(args, view, reply, true)),
        ..ROW
    },
    Command {
        name: "zscan",
        arity: -3,
        keys: Keys::one(),
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        summary: "Walks over the members and scores of a sorted set in steps.",
        since: "2.8.0",
        complexity: "O(COUNT) for a step.",
        run: Run::Read(read::zscan),
        ..ROW
    },
    Command {
        name: "zrandmember",
        arity: -2,
        keys: Keys::one(),
        syntax: "key [count [WITHSCORES]]",
        summary: "Returns one or more random members from a sorted set.",
        since: "6.2.0",
        complexity: "O(N) where N is the absolute value of the count.",
        run: Run::Read(read::zrandmember),
        ..ROW
    },
    Command {
        name: "zrange",
        arity: -4,
        keys: Keys::one(),
        syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        summary: "Returns members in a sorted set within a range of ranks, scores or members.",
        since: "1.2.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
        run: Run::Read(|args, view, reply| range::range(args, view, reply, Form::OPEN)),
        ..ROW
    },
    Command {
        name: "zrevrange",
        arity: -4,
        keys: Keys::one(),
        syntax: "key start stop [WITHSCORES]",
        summary: "Returns members in a sorted set within a range of ranks, in reverse order.",
        since: "1.2.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
        run: Run::Read(|args, view, reply| range::range(args, view, reply, Form::of(By::Rank, true))),
        ..ROW
    },
    Command {
        name: "zrangebyscore",
        arity: -4,
        keys: Keys::one(),
        syntax: "key min max [WITHSCORES] [LIMIT offset count]",
        summary: "Returns members in a sorted set within a range of scores.",
        since: "1.0.5",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
        run: Run::Read(|args, view, reply| range::range(args, view, reply, Form::of(By::Score, false))),
        ..ROW
    },
    Command {
        name: "zrevrangebyscore",
        arity: -4,
        keys: Keys::one(),
        syntax: "key max min [WITHSCORES] [LIMIT offset count]",
        summary: "Returns members in a sorted set within a range of scores, in reverse order.",
        since: "2.2.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
        run: Run::Read(|args, view, reply| range::range(args, view, reply, Form::of(By::Score, true))),
        ..ROW
    },
    Command {
        name: "zrangebylex",
        arity: -4,
        keys: Keys::one(),
        syntax: "key min max [LIMIT offset count]",
        summary: "Returns members in a sorted set within a lexicographical range.",
        since: "2.8.9",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
        run: Run::Read(|args, view, reply| range::range(args, view, reply, Form::of(By::Lex, false))),
        ..ROW
    },
    Command {
        name: "zrevrangebylex",
        arity: -4,
        keys: Keys::one(),
        syntax: "key max min [LIMIT offset count]",
        summary: "Returns members in a sorted set within a lexicographical range, in reverse order.",
        since: "2.8.9",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those returned.",
        run: Run::Read(|args, view, reply| range::range(args, view, reply, Form::of(By::Lex, true))),
        ..ROW
    },
    Command {
        name: "zrangestore",
        arity: -5,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination source min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        summary: "Stores a range of members from a sorted set in a key.",
        since: "6.2.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those stored.",
        run: Run::Write(range::zrangestore),
        ..ROW
    },
    Command {
        name: "zcount",
        arity: 4,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key min max",
        summary: "Returns the number of members in a sorted set that have scores within a range.",
        since: "2.0.0",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Read(|args, view, reply| range::count(args, view, reply, By::Score)),
        ..ROW
    },
    Command {
        name: "zlexcount",
        arity: 4,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key min max",
        summary: "Returns the number of members in a sorted set within a lexicographical range.",
        since: "2.8.9",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Read(|args, view, reply| range::count(args, view, reply, By::Lex)),
        ..ROW
    },
    Command {
        name: "zremrangebyrank",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        syntax: "key start stop",
        summary: "Removes members in a sorted set within a range of ranks. Deletes the key if all members were removed.",
        since: "2.0.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(|args, edit, reply| range::remove(args, edit, reply, By::Rank)),
        ..ROW
    },
    Command {
        name: "zremrangebyscore",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        syntax: "key min max",
        summary: "Removes members in a sorted set within a range of scores. Deletes the key if all members were removed.",
        since: "1.2.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(|args, edit, reply| range::remove(args, edit, reply, By::Score)),
        ..ROW
    },
    Command {
        name: "zremrangebylex",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_DELETE]),
        syntax: "key min max",
        summary: "Removes members in a sorted set within a lexicographical range. Deletes the key if all members were removed.",
        since: "2.8.9",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(|args, edit, reply| range::remove(args, edit, reply, By::Lex)),
        ..ROW
    },
    Command {
        name: "zpopmin",
        arity: -2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key [count]",
        summary: "Returns the lowest-scoring members from a sorted set after removing them. Deletes the key if the last member was popped.",
        since: "5.0.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(|args, edit, reply| pop::zpop(args, edit, reply, End::Min)),
        ..ROW
    },
    Command {
        name: "zpopmax",
        arity: -2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::FAST,
        syntax: "key [count]",
        summary: "Returns the highest-scoring members from a sorted set after removing them. Deletes the key if the last member was popped.",
        since: "5.0.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(|args, edit, reply| pop::zpop(args, edit, reply, End::Max)),
        ..ROW
    },
    Command {
        name: "bzpopmin",
        arity: -3,
        keys: Keys::range(1, -2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::BLOCKING.and(Flags::FAST),
        syntax: "key [key ...] timeout",
        summary: "Removes and returns the lowest-scoring member of the first sorted set that has one. Blocks until there is one.",
        since: "5.0.0",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Write(|args, edit, reply| pop::bzpop(args, edit, reply, End::Min)),
        ..ROW
    },
    Command {
        name: "bzpopmax",
        arity: -3,
        keys: Keys::range(1, -2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::BLOCKING.and(Flags::FAST),
        syntax: "key [key ...] timeout",
        summary: "Removes and returns the highest-scoring member of the first sorted set that has one. Blocks until there is one.",
        since: "5.0.0",
        complexity: "O(log(N)) where N is the number of members.",
        run: Run::Write(|args, edit, reply| pop::bzpop(args, edit, reply, End::Max)),
        ..ROW
    },
    Command {
        name: "zmpop",
        arity: -4,
        keys: Keys::Counted { at: 1, dest: 0 },
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        summary: "Removes and returns the lowest- or highest-scoring members of the first sorted set that has any.",
        since: "7.0.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(pop::zmpop),
        ..ROW
    },
    Command {
        name: "bzmpop",
        arity: -5,
        keys: Keys::Counted { at: 2, dest: 0 },
        uses: Uses::Each(&[KeyUse::RW_ACCESS_DELETE]),
        flags: Flags::BLOCKING,
        syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        summary: "Removes and returns the lowest- or highest-scoring members of the first sorted set that has any. Blocks until there is one.",
        since: "7.0.0",
        complexity: "O(log(N)+M) where N is the number of members and M the number of those removed.",
        run: Run::Write(pop::bzmpop),
        ..ROW
    },
    Command {
        name: "zunion",
        arity: -3,
        keys: Keys::Counted { at: 1, dest: 0 },
        flags: Flags::LONG,
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
        summary: "Returns the members that are in any of several sorted sets.",
        since: "6.2.0",
        complexity: "O(N+M*log(M)) where N is the number of members in all sorted sets and M the number of those in the result.",
        run: Run::Read(|args, view, reply| algebra::list(args, view, reply, Operation::Union)),
        ..ROW
    },
    Command {
        name: "zunionstore",
        arity: -4,
        keys: Keys::Counted { at: 2, dest: 1 },
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
        summary: "Stores the members that are in any of several sorted sets in a key.",
        since: "2.0.0",
        complexity: "O(N+M*log(M)) where N is the number of members in all sorted sets and M the number of those in the result.",
        run: Run::Write(|args, edit, reply| algebra::store(args, edit, reply, Operation::Union)),
        ..ROW
    },
    Command {
        name: "zinter",
        arity: -3,
        keys: Keys::Counted { at: 1, dest: 0 },
        flags: Flags::LONG,
        syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
        summary: "Returns the members that several sorted sets have in common.",
        since: "6.2.0",
        complexity: "O(N*K+M*log(M)) where N is the size of the smallest of K sorted sets and M the number of members in the result.",
        run: Run::Read(|args, view, reply| algebra::list(args, view, reply, Operation::Intersection)),
        ..ROW
    },
    Command {
        name: "zinterstore",
        arity: -4,
        keys: Keys::Counted { at: 2, dest: 1 },
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
        summary: "Stores the members that several sorted sets have in common in a key.",
        since: "2.0.0",
        complexity: "O(N*K+M*log(M)) where N is the size of the smallest of K sorted sets and M the number of members in the result.",
        run: Run::Write(|args, edit, reply| algebra::store(args, edit, reply, Operation::Intersection)),
        ..ROW
    },
    Command {
        name: "zdiff",
        arity: -3,
        keys: Keys::Counted { at: 1, dest: 0 },
        flags: Flags::LONG,
        syntax: "numkeys key [key ...] [WITHSCORES]",
        summary: "Returns the members of the first sorted set that no other has.",
        since: "6.2.0",
        complexity: "O(N+M*log(M)) where N is the number of members in all sorted sets and M the number of those in the result.",
        run: Run::Read(|args, view, reply| algebra::list(args, view, reply, Operation::Difference)),
        ..ROW
    },
    Command {
        name: "zdiffstore",
        arity: -4,
        keys: Keys::Counted { at: 2, dest: 1 },
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::LONG.and(Flags::GROWS),
        syntax: "destination numkeys key [key ...]",
        summary: "Stores the members of the first sorted set that no other has in a key.",
        since: "6.2.0",
        complexity: "O(N+M*log(M)) where N is the number of members in all sorted sets and M the number of those in the result.",
        run: Run::Write(|args, edit, reply| algebra::store(args, edit, reply, Operation::Difference)),
        ..ROW
    },
    Command {
        name: "zintercard",
        arity: -3,
        keys: Keys::Counted { at: 1, dest: 0 },
        flags: Flags::LONG,
        syntax: "numkeys key [key ...] [LIMIT limit]",
        summary: "Returns the number of members that several sorted sets have in common.",
        since: "7.0.0",
        complexity: "O(N*K) where N is the size of the smallest of K sorted sets.",
        run: Run::Read(algebra::zintercard),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::SortedSet, ..Command::ROW };

/// The sorted set of a key, or a new one, into which `count` members are about to go.
fn open<'e>(
    edit: &'e mut Edit,
    key: &[u8],
    first_len: usize,
    count: usize,
    limits: &Thresholds,
) -> Result<&'e mut ZSet, WrongType> {
    let zset = edit.write_or_create::<ZSet>(key)?;
    // Sorted sets that exist have members: this one is new.
    if zset.is_empty() {
        *zset = ZSet::for_members(first_len, count, limits);
    } else {
        zset.expect(count, limits);
    }
    Ok(zset)
}

/// Puts a sorted set in place of whatever the key holds, or nothing where it is empty, and records that.
pub fn put_zset(edit: &mut Edit, event: Event, key: &[u8], zset: ZSet) {
    let mut words = Texts::default();
    for (member, score) in zset.iter() {
        words.push_score(score);
        words.push_element(&member);
    }
    replace(edit, event, key, zset, b"ZADD", &words);
}

fn say_members<'z>(
    reply: &mut Reply,
    members: impl ExactSizeIterator<Item = (Element<'z>, f64)>,
    with_scores: bool,
) {
    let nested = is_nested(reply, with_scores);
    reply.array(if with_scores && !nested { 2 * members.len() } else { members.len() });
    members.for_each(|(member, score)| say_member(reply, &member, score, with_scores, nested));
}

/// RESP3 puts each member and its score in an array of their own.
fn is_nested(reply: &Reply, with_scores: bool) -> bool {
    with_scores && reply.wire() == Wire::Resp3
}

fn say_member(reply: &mut Reply, member: &Element<'_>, score: f64, with_score: bool, nested: bool) {
    if nested {
        reply.array(2);
    }
    say(reply, member);
    if with_score {
        reply.double(score);
    }
}
