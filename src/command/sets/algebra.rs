//! Several sets: what they have in common, together, or apart. A key that is missing is an empty set.

use smallvec::SmallVec;

use super::put_set;
use crate::command::args::Args;
use crate::command::collection::{limit, say};
use crate::command::error::{Done, Error};
use crate::data::Thresholds;
use crate::data::packed::Element;
use crate::data::set::{Set, difference, intersection, union};
use crate::keyspace::{Edit, View, WrongType, event};
use crate::protocol::Reply;

#[derive(Clone, Copy)]
pub(super) enum Operation {
    Intersection,
    Union,
    Difference,
}

type Sets<'v> = SmallVec<[Option<&'v Set>; 8]>;

/// All of them, so that a key of another type is told even where the result is clear before.
fn read<'v, 'k>(view: &'v View, keys: impl Iterator<Item = &'k [u8]>) -> Result<Sets<'v>, WrongType> {
    keys.map(|key| view.read::<Set>(key)).collect()
}

pub(super) fn list(args: &mut Args, view: &View, reply: &mut Reply, operation: Operation) -> Done {
    let sets = read(view, args.rest())?;
    match operation {
        Operation::Union => {
            let union = union(&present(&sets), &view.thresholds());
            reply.set(union.len());
            union.iter().for_each(|member| say(reply, &member));
        }
        Operation::Intersection => say_set(reply, common(&sets).collect()),
        Operation::Difference => say_set(reply, apart(&sets).collect()),
    }
    Ok(())
}

pub(super) fn store(args: &mut Args, edit: &mut Edit, reply: &mut Reply, operation: Operation) -> Done {
    let to = args.next();
    let result = combine(edit.reading(), args, operation)?;
    reply.int(result.len() as i64);
    let event = match operation {
        Operation::Intersection => event::SINTERSTORE,
        Operation::Union => event::SUNIONSTORE,
        Operation::Difference => event::SDIFFSTORE,
    };
    put_set(edit, event, to, result);
    Ok(())
}

fn combine(view: &View, args: &mut Args, operation: Operation) -> Result<Set, WrongType> {
    let (sets, limits) = (read(view, args.rest())?, view.thresholds());
    Ok(match operation {
        Operation::Union => union(&present(&sets), &limits),
        Operation::Intersection => collect(common(&sets), &limits),
        Operation::Difference => collect(apart(&sets), &limits),
    })
}

pub(super) fn sintercard(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let count = args.int_in(1..=i64::MAX, Error::fixed("ERR numkeys should be greater than 0"));
    args.check()?;
    if count as u64 > args.left() as u64 {
        return Err(Error::fixed("ERR Number of keys can't be greater than number of args"));
    }
    let keys: SmallVec<[&[u8]; 8]> = (0..count).map(|_| args.next()).collect();
    let mut most = usize::MAX;
    while !args.is_done() {
        if args.left() < 2 || !args.keyword("LIMIT") {
            return Err(Error::SYNTAX);
        }
        most = limit(args)?;
    }
    let sets = read(view, keys.into_iter())?;
    reply.int(common(&sets).take(most).count() as i64);
    Ok(())
}

fn present<'v>(sets: &Sets<'v>) -> SmallVec<[&'v Set; 8]> {
    sets.iter().flatten().copied().collect()
}

fn common<'v>(sets: &Sets<'v>) -> impl Iterator<Item = Element<'v>> + use<'v> {
    let all_present = sets.iter().all(Option::is_some);
    let sets = if all_present { present(sets) } else { SmallVec::new() };
    intersection(&sets)
}

fn apart<'v>(sets: &Sets<'v>) -> impl Iterator<Item = Element<'v>> + use<'v> {
    let (first, others) = (sets.first().copied().flatten(), sets.iter().skip(1).flatten().copied());
    let others: SmallVec<[&Set; 8]> = others.collect();
    first.map(|first| difference(first, &others)).into_iter().flatten()
}

fn collect<'v>(members: impl Iterator<Item = Element<'v>>, limits: &Thresholds) -> Set {
    let mut set = Set::new();
    members.for_each(|member| _ = set.add_element(&member, limits));
    set
}

fn say_set(reply: &mut Reply, members: Vec<Element<'_>>) {
    reply.set(members.len());
    members.iter().for_each(|member| say(reply, member));
}
