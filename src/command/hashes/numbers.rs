//! Fields that hold a number. The new value is what is recorded; the field's deadline stays.

use super::record_deadline;
use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::data::float::Extended;
use crate::data::hash::{Hash, IncrementError, Lifetime};
use crate::keyspace::{Edit, event};
use crate::protocol::Reply;

pub(super) fn hincrby(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, field, by) = (args.next(), args.next(), args.int());
    args.check()?;
    let (now_ms, thresholds) = (edit.now_ms(), edit.thresholds());
    // A key that is created here has no field that could be no number: the increment cannot fail.
    let hash = edit.write_or_create::<Hash>(key)?;
    let sum = hash.increment(field, by, now_ms, &thresholds).map_err(|error| match error {
        IncrementError::NotAnInteger => Error::fixed("ERR hash value is not an integer"),
        IncrementError::Overflow => Error::OVERFLOW,
    })?;
    record_value(edit, key, field, itoa::Buffer::new().format(sum).as_bytes());
    edit.notify(event::HINCRBY, key);
    reply.int(sum);
    Ok(())
}

pub(super) fn hincrbyfloat(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, field, by) = (args.next(), args.next(), args.next());
    let by = Extended::parse(by).ok_or(Error::NOT_A_FLOAT)?;
    if by.is_infinite() {
        return Err(Error::fixed("ERR value is NaN or Infinity"));
    }
    let (now_ms, thresholds) = (edit.now_ms(), edit.thresholds());
    let old = edit.read::<Hash>(key)?.and_then(|hash| hash.get(field, now_ms));
    let old = old.map_or_else(|| b"0".to_vec(), |value| value.to_vec());
    let old = Extended::parse(&old).ok_or(Error::fixed("ERR hash value is not a float"))?;
    let sum = old.plus(by).ok_or(Error::fixed("ERR increment would produce NaN or Infinity"))?.to_string();
    edit.write_or_create::<Hash>(key)?.set_keeping_deadline(field, sum.as_bytes(), now_ms, &thresholds);
    record_value(edit, key, field, sum.as_bytes());
    edit.notify(event::HINCRBYFLOAT, key);
    reply.bulk(sum.as_bytes());
    Ok(())
}

/// HSET forgets a field's deadline, so the effect of a command that keeps it states it again.
pub(super) fn record_value(edit: &mut Edit, key: &[u8], field: &[u8], value: &[u8]) {
    edit.record(&[b"HSET", key, field, value]);
    let now_ms = edit.now_ms();
    let hash = edit.read::<Hash>(key).ok().flatten();
    if let Some(Lifetime::Until(at)) = hash.map(|hash| hash.lifetime(field, now_ms)) {
        record_deadline(edit, key, at, &[field]);
    }
}
