//! Values and deadlines in one step: HGETEX and HSETEX.

use super::deadlines::{expire_fields, field_deadline, fields_behind_word, persist_fields};
use super::fields::say;
use super::{NO_FIELDS_WORD, record_deadline};
use crate::command::args::Args;
use crate::command::deadline::Unit;
use crate::command::error::{Done, Error};
use crate::data::hash::{Condition, Hash, Lifetime};
use crate::keyspace::{Edit, event};
use crate::protocol::Reply;

/// Fields and their values.
type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// What becomes of the fields' deadlines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// HGETEX leaves them, HSETEX forgets them.
    Default,
    /// PERSIST or KEEPTTL.
    Word,
    At(u64),
}

impl Life {
    /// Takes EX, PX, EXAT, PXAT and its number, or `word`; `None` where something else follows.
    fn take(args: &mut Args, word: &str, now_ms: u64, command: &str) -> Result<Option<Life>, Error> {
        if args.keyword(word) {
            return Ok(Some(Life::Word));
        }
        let Some(unit) = args.peek().and_then(Unit::of_option) else { return Ok(None) };
        args.next();
        let value = args.int_or(Error::NOT_AN_INTEGER);
        args.check()?;
        Ok(Some(Life::At(field_deadline(unit, value, now_ms, command)?)))
    }
}

pub(super) fn hgetex(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    edit.read::<Hash>(key)?;
    let mut life = Life::Default;
    while let Some(taken) = Life::take(args, "PERSIST", edit.now_ms(), "hgetex")? {
        if life != Life::Default {
            return Err(Error::fixed(
                "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified",
            ));
        }
        life = taken;
    }
    let fields = fields_behind_word(args)?;
    let now_ms = edit.now_ms();
    let hash = edit.read::<Hash>(key)?;
    reply.array(fields.len());
    fields.clone().for_each(|field| say(hash.and_then(|hash| hash.get(field, now_ms)), reply));
    match life {
        Life::Default => Ok(()),
        Life::Word => persist_fields(edit, key, fields, |_| {}),
        Life::At(at) => expire_fields(edit, key, at, Condition::Always, fields, |_| {}),
    }
}

/// The arguments of HSETEX.
struct SetEx<'a> {
    /// FNX: none of the fields may be there. FXX: all must be.
    demands: Option<bool>,
    life: Life,
    pairs: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> SetEx<'a> {
    fn parse(args: &mut Args<'a>, now_ms: u64) -> Result<SetEx<'a>, Error> {
        let mut set = SetEx { demands: None, life: Life::Default, pairs: Vec::new() };
        loop {
            let demand = if args.keyword("FNX") {
                Some(false)
            } else if args.keyword("FXX") {
                Some(true)
            } else {
                None
            };
            if demand.is_some() {
                if set.demands.is_some() {
                    return Err(Error::fixed("ERR Only one of FXX or FNX arguments can be specified"));
                }
                set.demands = demand;
            } else if let Some(life) = Life::take(args, "KEEPTTL", now_ms, "hsetex")? {
                if set.life != Life::Default {
                    return Err(Error::fixed(
                        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                set.life = life;
            } else {
                break;
            }
        }
        set.pairs = Self::parse_pairs(args)?;
        Ok(set)
    }

    fn parse_pairs(args: &mut Args<'a>) -> Result<Pairs<'a>, Error> {
        let Some(word) = args.peek() else { return Err(NO_FIELDS_WORD) };
        if !args.keyword("FIELDS") {
            return Err(Error::new(format!("ERR unknown argument: {}", String::from_utf8_lossy(word))));
        }
        let count = args.int_in(1..=i64::MAX, Error::fixed("ERR invalid number of fields"));
        args.check()?;
        if usize::try_from(count).ok().and_then(|count| count.checked_mul(2)) != Some(args.left()) {
            return Err(Error::wrong_arity("hsetex"));
        }
        Ok((0..count).map(|_| (args.next(), args.next())).collect())
    }

    fn is_allowed(&self, hash: Option<&Hash>, now_ms: u64) -> bool {
        let exists = |field| hash.is_some_and(|hash| hash.contains(field, now_ms));
        self.demands.is_none_or(|demanded| self.pairs.iter().all(|(field, _)| exists(field) == demanded))
    }
}

pub(super) fn hsetex(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, now_ms) = (args.next(), edit.now_ms());
    let set = SetEx::parse(args, now_ms)?;
    let allowed = set.is_allowed(edit.read::<Hash>(key)?, now_ms);
    reply.int(allowed.into());
    if !allowed {
        return Ok(());
    }
    let fields = set.pairs.iter().map(|(field, _)| *field);
    match set.life {
        // A deadline that has passed: what was there goes, and nothing comes.
        Life::At(at) if at <= now_ms => expire_fields(edit, key, at, Condition::Always, fields, |_| {}),
        Life::At(at) => {
            set_pairs(edit, key, &set.pairs, false)?;
            expire_fields(edit, key, at, Condition::Always, fields, |_| {})
        }
        Life::Default => set_pairs(edit, key, &set.pairs, false),
        Life::Word => set_pairs(edit, key, &set.pairs, true),
    }
}

fn set_pairs(edit: &mut Edit, key: &[u8], pairs: &[(&[u8], &[u8])], keep: bool) -> Done {
    let (now_ms, thresholds) = (edit.now_ms(), edit.thresholds());
    let hash = edit.write_or_create::<Hash>(key)?;
    let mut kept = Vec::new();
    for (field, value) in pairs {
        if keep && let Lifetime::Until(at) = hash.lifetime(field, now_ms) {
            kept.push((*field, at));
            hash.set_keeping_deadline(field, value, now_ms, &thresholds);
        } else {
            hash.set(field, value, now_ms, &thresholds);
        }
    }
    let words: Vec<&[u8]> = pairs.iter().flat_map(|&(field, value)| [field, value]).collect();
    edit.record_each(b"HSET", key, words.into_iter());
    edit.notify(event::HSET, key);
    kept.iter().for_each(|(field, at)| record_deadline(edit, key, *at, &[field]));
    Ok(())
}
