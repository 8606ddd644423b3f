//! Several sorted sets, or plain sets: what they have together, in common, or apart.

use smallvec::SmallVec;

use super::add::parse_score;
use super::{put_zset, say_members};
use crate::command::args::Args;
use crate::command::collection::limit;
use crate::command::error::{Done, Error};
use crate::data::Thresholds;
use crate::data::zset::{
    Aggregate, Input, Source, ZSet, difference, intersection, intersection_count, union,
};
use crate::keyspace::{Edit, Object, View, WrongType, event};
use crate::protocol::Reply;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    Intersection,
    Difference,
}

/// A missing key is `None`.
type Sources<'v> = SmallVec<[Option<Source<'v>>; 8]>;

pub(super) fn list(args: &mut Args, view: &View, reply: &mut Reply, operation: Operation) -> Done {
    let sources = sources(args, view)?;
    let options = Options::parse(args, operation, sources.len(), true)?;
    let result = combine(&sources, operation, &options, &view.thresholds());
    say_members(reply, result.iter(), options.with_scores);
    Ok(())
}

pub(super) fn store(args: &mut Args, edit: &mut Edit, reply: &mut Reply, operation: Operation) -> Done {
    let to = args.next();
    let result = {
        let sources = sources(args, edit.reading())?;
        let options = Options::parse(args, operation, sources.len(), false)?;
        combine(&sources, operation, &options, &edit.thresholds())
    };
    reply.int(result.len() as i64);
    let event = match operation {
        Operation::Union => event::ZUNIONSTORE,
        Operation::Intersection => event::ZINTERSTORE,
        Operation::Difference => event::ZDIFFSTORE,
    };
    put_zset(edit, event, to, result);
    Ok(())
}

pub(super) fn zintercard(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let sources = sources(args, view)?;
    let mut most = usize::MAX;
    while !args.is_done() {
        if args.left() < 2 || !args.keyword("LIMIT") {
            return Err(Error::SYNTAX);
        }
        most = limit(args)?;
    }
    let all: Option<SmallVec<[Source; 8]>> = sources.into_iter().collect();
    reply.int(all.map_or(0, |sources| intersection_count(&sources, most)) as i64);
    Ok(())
}

/// `numkeys key [key ...]`
fn sources<'v>(args: &mut Args, view: &'v View) -> Result<Sources<'v>, Error> {
    let count = args.int();
    args.check()?;
    if count < 1 {
        let name = String::from_utf8_lossy(args.words().get(0)).to_ascii_lowercase();
        return Err(Error::new(format!("ERR at least 1 input key is needed for '{name}' command")));
    }
    if count as u64 > args.left() as u64 {
        return Err(Error::SYNTAX);
    }
    let sources: Result<Sources, WrongType> = (0..count).map(|_| source(view, args.next())).collect();
    Ok(sources?)
}

fn source<'v>(view: &'v View, key: &[u8]) -> Result<Option<Source<'v>>, WrongType> {
    let Some(entry) = view.get(key) else { return Ok(None) };
    match entry.object() {
        Some(Object::ZSet(zset)) => Ok(Some(Source::ZSet(zset))),
        Some(Object::Set(set)) => Ok(Some(Source::Set(set))),
        _ => Err(WrongType),
    }
}

#[derive(Debug)]
struct Options {
    weights: SmallVec<[f64; 8]>,
    aggregate: Aggregate,
    with_scores: bool,
}

impl Options {
    fn parse(args: &mut Args, operation: Operation, sources: usize, lists: bool) -> Result<Options, Error> {
        let mut weights: SmallVec<[f64; 8]> = SmallVec::from_elem(1.0, sources);
        let (mut aggregate, mut with_scores) = (Aggregate::Sum, false);
        let scored = operation != Operation::Difference;
        while !args.is_done() {
            if scored && args.left() > sources && args.keyword("WEIGHTS") {
                for weight in &mut weights {
                    let word = parse_score(args.next());
                    *weight = word.ok_or(Error::fixed("ERR weight value is not a float"))?;
                }
            } else if scored && args.left() > 1 && args.keyword("AGGREGATE") {
                aggregate = parse_aggregate(args)?;
            } else if lists && args.keyword("WITHSCORES") {
                with_scores = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(Options { weights, aggregate, with_scores })
    }
}

fn parse_aggregate(args: &mut Args) -> Result<Aggregate, Error> {
    let words = [("SUM", Aggregate::Sum), ("MIN", Aggregate::Min), ("MAX", Aggregate::Max)];
    let word = words.into_iter().find(|(word, _)| args.keyword(word));
    word.map(|(_, aggregate)| aggregate).ok_or(Error::SYNTAX)
}

fn combine(sources: &Sources, operation: Operation, options: &Options, limits: &Thresholds) -> ZSet {
    let inputs = sources.iter().zip(&options.weights).filter_map(|(source, &weight)| {
        let source = (*source)?;
        Some(Input { source, weight })
    });
    let inputs: SmallVec<[Input; 8]> = inputs.collect();
    match operation {
        Operation::Union => union(&inputs, options.aggregate, limits),
        Operation::Intersection if inputs.len() < sources.len() => ZSet::new(),
        Operation::Intersection => intersection(&inputs, options.aggregate, limits),
        Operation::Difference => {
            let Some(Some(first)) = sources.first() else { return ZSet::new() };
            let others: SmallVec<[Source; 8]> = sources.iter().skip(1).flatten().copied().collect();
            difference(*first, &others, limits)
        }
    }
}
