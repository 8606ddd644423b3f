//! Scores in: ZADD and ZINCRBY. The record is a plain ZADD with the scores that came of it.

use smallvec::SmallVec;

use super::open;
use crate::command::args::Args;
use crate::command::collection::{Texts, record_in_pieces};
use crate::command::error::{Done, Error};
use crate::data::zset::{Change, ZSet, parse_float};
use crate::keyspace::{Edit, event};
use crate::protocol::Reply;

const NOT_A_NUMBER: Error = Error::fixed("ERR resulting score is not a number (NaN)");

/// Scores and their members.
pub type Pairs<'a> = SmallVec<[(f64, &'a [u8]); 4]>;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub only_new: bool,
    pub only_known: bool,
    pub only_greater: bool,
    pub only_less: bool,
    pub count_changed: bool,
    pub increment: bool,
}

impl Options {
    fn parse(args: &mut Args) -> Options {
        let mut options = Options::default();
        loop {
            let option = match args.peek() {
                Some(word) if word.eq_ignore_ascii_case(b"NX") => &mut options.only_new,
                Some(word) if word.eq_ignore_ascii_case(b"XX") => &mut options.only_known,
                Some(word) if word.eq_ignore_ascii_case(b"GT") => &mut options.only_greater,
                Some(word) if word.eq_ignore_ascii_case(b"LT") => &mut options.only_less,
                Some(word) if word.eq_ignore_ascii_case(b"CH") => &mut options.count_changed,
                Some(word) if word.eq_ignore_ascii_case(b"INCR") => &mut options.increment,
                _ => return options,
            };
            *option = true;
            args.next();
        }
    }

    fn check(&self, pairs: usize) -> Done {
        if self.only_new && self.only_known {
            return Err(Error::fixed("ERR XX and NX options at the same time are not compatible"));
        }
        if [self.only_greater, self.only_less, self.only_new].into_iter().filter(|&on| on).count() > 1 {
            return Err(Error::fixed("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.increment && pairs > 1 {
            return Err(Error::fixed("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// Whether the score that a member has makes no difference.
    fn are_unconditional(&self) -> bool {
        !(self.only_new || self.only_known || self.only_greater || self.only_less || self.increment)
    }

    /// The score to set, given the one that the member has. `None`: leave it.
    fn decide(&self, current: Option<f64>, given: f64) -> Result<Option<f64>, Error> {
        let Some(current) = current else { return Ok((!self.only_known).then_some(given)) };
        if self.only_new {
            return Ok(None);
        }
        let score = if self.increment { current + given } else { given };
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        let leave = (self.only_greater && score <= current) || (self.only_less && score >= current);
        Ok((!leave).then_some(score))
    }
}

pub(super) fn zadd(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let options = Options::parse(args);
    let pairs = pairs(args, &options)?;
    add(key, &options, pairs, edit, reply)
}

/// ZADD's options are taken here as well, though nothing valid can be said with them.
pub(super) fn zincrby(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let options = Options { increment: true, ..Options::parse(args) };
    let pairs = pairs(args, &options)?;
    add(key, &options, pairs, edit, reply)
}

/// Sets the scores of members, and tells and records what came of it.
pub fn add(key: &[u8], options: &Options, pairs: Pairs<'_>, edit: &mut Edit, reply: &mut Reply) -> Done {
    if options.only_known && edit.read::<ZSet>(key)?.is_none() {
        say(reply, options, None, 0);
        return Ok(());
    }
    let limits = edit.thresholds();
    let first_len = pairs.first().map_or(0, |(_, member)| member.len());
    let zset = open(edit, key, first_len, pairs.len(), &limits)?;
    let mut changes = Texts::default();
    let (mut counted, mut last) = (0, None);
    for (given, member) in pairs {
        let score = if options.are_unconditional() {
            given
        } else {
            match options.decide(zset.score(member), given)? {
                Some(score) => score,
                None => continue,
            }
        };
        last = Some(score);
        let change = zset.set(member, score, &limits);
        if change != Change::Unchanged {
            changes.push_score(score);
            changes.push(member);
        }
        counted += i64::from(change == Change::Added || (options.count_changed && change == Change::Updated));
    }
    if !changes.is_empty() {
        record_in_pieces(edit, b"ZADD", key, &changes);
        edit.notify(if options.increment { event::ZINCR } else { event::ZADD }, key);
    }
    say(reply, options, last, counted);
    Ok(())
}

fn pairs<'a>(args: &mut Args<'a>, options: &Options) -> Result<Pairs<'a>, Error> {
    let count = args.left() / 2;
    if count == 0 || !args.left().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    options.check(count)?;
    let mut words = args.rest();
    let mut pairs = SmallVec::with_capacity(count);
    while let (Some(score), Some(member)) = (words.next(), words.next()) {
        pairs.push((parse_score(score).ok_or(Error::NOT_A_FLOAT)?, member));
    }
    Ok(pairs)
}

/// An INCR tells the new score, or that there is none.
fn say(reply: &mut Reply, options: &Options, score: Option<f64>, counted: i64) {
    match score {
        _ if !options.increment => reply.int(counted),
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// A number as `strtod` takes it; what is too large or too small for a double is no number.
pub fn parse_score(word: &[u8]) -> Option<f64> {
    let text = str::from_utf8(word).ok()?;
    let score = parse_float(text)?;
    let overflown = score.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let underflown = score == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    (!overflown && !underflown).then_some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_as_redis_reads_them() {
        for (text, score) in [
            ("1.5", 1.5),
            ("-inf", f64::NEG_INFINITY),
            ("+Infinity", f64::INFINITY),
            ("0e5", 0.0),
            ("00.0e9", 0.0),
            ("0x1.8p1", 3.0),
            ("1e-320", 1e-320),
        ] {
            assert_eq!(parse_score(text.as_bytes()), Some(score), "{text}");
        }
        for text in ["", "nan", "1e400", "-1e400", "1e-400", " 1", "1 ", "1,5", "--1"] {
            assert_eq!(parse_score(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn options_decide_by_the_score_there_is() {
        let greater = Options { only_greater: true, ..Options::default() };
        assert_eq!(greater.decide(Some(1.0), 2.0), Ok(Some(2.0)));
        assert_eq!(greater.decide(Some(2.0), 2.0), Ok(None));
        assert_eq!(greater.decide(None, 2.0), Ok(Some(2.0)));
        let less = Options { only_less: true, increment: true, ..Options::default() };
        assert_eq!(less.decide(Some(1.0), -2.0), Ok(Some(-1.0)));
        assert_eq!(less.decide(Some(1.0), 2.0), Ok(None));
        assert_eq!(less.decide(Some(f64::INFINITY), f64::NEG_INFINITY), Err(NOT_A_NUMBER));
        let known = Options { only_known: true, ..Options::default() };
        assert_eq!((known.decide(None, 1.0), known.decide(Some(0.0), 1.0)), (Ok(None), Ok(Some(1.0))));
        let new = Options { only_new: true, ..Options::default() };
        assert_eq!((new.decide(None, 1.0), new.decide(Some(0.0), 1.0)), (Ok(Some(1.0)), Ok(None)));
    }
}
