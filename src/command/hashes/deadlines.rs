//! How long fields live.

use super::{FIELDS_MISMATCH, FIELDS_NOT_POSITIVE, NO_FIELDS_WORD, record_deadline, record_gone};
use crate::command::args::Args;
use crate::command::deadline::Unit;
use crate::command::error::{Done, Error};
use crate::data::hash::{Condition, DEADLINE_MAX_MS, Expire, Hash, Lifetime};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

/// A deadline as it is written, as Unix milliseconds.
pub(super) fn field_deadline(unit: Unit, value: i64, now_ms: u64, command: &str) -> Result<u64, Error> {
    if value < 0 {
        return Err(Error::fixed("ERR invalid expire time, must be >= 0"));
    }
    let at = unit.unix_ms(value, now_ms).and_then(|at| u64::try_from(at).ok());
    at.filter(|&at| at <= DEADLINE_MAX_MS).ok_or_else(|| Error::invalid_expire(command))
}

/// FIELDS, their number, and all of them.
pub(super) fn fields_behind_word<'a>(
    args: &mut Args<'a>,
) -> Result<impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a>, Error> {
    counted_fields(args, FIELDS_NOT_POSITIVE)
}

fn counted_fields<'a>(
    args: &mut Args<'a>,
    not_positive: Error,
) -> Result<impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a>, Error> {
    if !args.keyword("FIELDS") {
        return Err(NO_FIELDS_WORD);
    }
    let count = args.int_in(1..=i64::MAX, not_positive);
    args.check()?;
    if usize::try_from(count) != Ok(args.left()) {
        return Err(FIELDS_MISMATCH);
    }
    Ok(args.rest())
}

fn condition(args: &mut Args) -> Condition {
    let conditions = [
        ("NX", Condition::IfNone),
        ("XX", Condition::IfSome),
        ("GT", Condition::IfLater),
        ("LT", Condition::IfEarlier),
    ];
    let found = conditions.into_iter().find(|(word, _)| args.keyword(word));
    found.map_or(Condition::Always, |(_, condition)| condition)
}

pub(super) fn hexpire(args: &mut Args, edit: &mut Edit, reply: &mut Reply, unit: Unit, name: &str) -> Done {
    let key = args.next();
    edit.read::<Hash>(key)?;
    let value = args.int();
    args.check()?;
    let at = field_deadline(unit, value, edit.now_ms(), name)?;
    let condition = condition(args);
    let fields = counted_fields(args, Error::fixed("ERR Parameter `numFields` should be greater than 0"))?;
    reply.array(fields.len());
    expire_fields(edit, key, at, condition, fields, |outcome| {
        reply.int(match outcome {
            Expire::NoField => -2,
            Expire::ConditionUnmet => 0,
            Expire::Set => 1,
            Expire::Removed => 2,
        });
    })?;
    Ok(())
}

/// Gives fields a deadline, or removes them where it has passed, and records that.
pub(super) fn expire_fields<'a>(
    edit: &mut Edit,
    key: &[u8],
    at: u64,
    condition: Condition,
    fields: impl Iterator<Item = &'a [u8]>,
    mut say: impl FnMut(Expire),
) -> Done {
    let now_ms = edit.now_ms();
    let mut hash = edit.write::<Hash>(key)?;
    let (mut set, mut gone) = (Vec::new(), Vec::new());
    for field in fields {
        let outcome = hash.as_mut().map_or(Expire::NoField, |hash| hash.expire(field, at, condition, now_ms));
        match outcome {
            Expire::Set => set.push(field),
            Expire::Removed => gone.push(field),
            Expire::NoField | Expire::ConditionUnmet => {}
        }
        say(outcome);
    }
    if !set.is_empty() {
        record_deadline(edit, key, at, &set);
        edit.notify(event::HEXPIRE, key);
    }
    record_gone(edit, key, &gone);
    Ok(())
}

pub(super) fn time_to_live(
    args: &mut Args,
    view: &View,
    reply: &mut Reply,
    say: fn(u64, u64) -> u64,
) -> Done {
    let hash = view.read::<Hash>(args.next())?;
    let fields = fields_behind_word(args)?;
    reply.array(fields.len());
    for field in fields {
        let lifetime = hash.map_or(Lifetime::NoField, |hash| hash.lifetime(field, view.now_ms()));
        reply.int(match lifetime {
            Lifetime::NoField => -2,
            Lifetime::Unlimited => -1,
            Lifetime::Until(at) => say(at, view.now_ms()) as i64,
        });
    }
    Ok(())
}

pub(super) fn hpersist(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    edit.read::<Hash>(key)?;
    let fields = fields_behind_word(args)?;
    reply.array(fields.len());
    persist_fields(edit, key, fields, |before| {
        reply.int(match before {
            Lifetime::NoField => -2,
            Lifetime::Unlimited => -1,
            Lifetime::Until(_) => 1,
        });
    })
}

/// Makes fields forget their deadlines, and records those that had one.
pub(super) fn persist_fields<'a>(
    edit: &mut Edit,
    key: &[u8],
    fields: impl Iterator<Item = &'a [u8]>,
    mut say: impl FnMut(Lifetime),
) -> Done {
    let now_ms = edit.now_ms();
    let mut hash = edit.write::<Hash>(key)?;
    let mut persisted = Vec::new();
    for field in fields {
        let before = hash.as_mut().map_or(Lifetime::NoField, |hash| hash.persist(field, now_ms));
        if let Lifetime::Until(_) = before {
            persisted.push(field);
        }
        say(before);
    }
    if !persisted.is_empty() {
        let mut digits = itoa::Buffer::new();
        let mut words: Vec<&[u8]> = vec![b"FIELDS", digits.format(persisted.len()).as_bytes()];
        words.append(&mut persisted);
        edit.record_each(b"HPERSIST", key, words.into_iter());
        edit.notify(event::HPERSIST, key);
    }
    Ok(())
}
