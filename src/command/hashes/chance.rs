//! HRANDFIELD.

use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::data::hash::{Field, Hash};
use crate::keyspace::View;
use crate::limits::OUTPUT_MAX;
use crate::protocol::{Reply, Wire};

/// What RESP adds to a text, at least.
const REPLY_OVERHEAD: usize = 6;

pub(super) fn hrandfield(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    if args.is_done() {
        let hash = view.read::<Hash>(key)?;
        match hash.and_then(|hash| hash.random(view.now_ms(), &mut view.random())) {
            Some(field) => reply.bulk(field.name.as_bytes(&mut [0; 20])),
            None => reply.null(),
        }
        return Ok(());
    }
    let count = args.long();
    args.check()?;
    let values = args.keyword("WITHVALUES");
    args.finish()?;
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::fixed("ERR value is out of range"));
    }
    let Some(hash) = view.read::<Hash>(key)? else {
        reply.array(0);
        return Ok(());
    };
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        let sample = hash.sample(size, view.now_ms(), &mut view.random());
        begin(sample.len(), values, reply);
        sample.into_iter().for_each(|field| say(field, values, reply));
        return Ok(());
    }
    let typical = hash.heap_bytes() / hash.len(view.now_ms()).max(1) + REPLY_OVERHEAD;
    if size.saturating_mul(typical) > OUTPUT_MAX {
        return Err(Error::fixed("ERR value is out of range"));
    }
    let mut random = view.random();
    begin(size, values, reply);
    let draws = (0..size).filter_map(|_| hash.random(view.now_ms(), &mut random));
    draws.for_each(|field| say(field, values, reply));
    Ok(())
}

fn begin(fields: usize, values: bool, reply: &mut Reply) {
    let flat = values && reply.wire() != Wire::Resp3;
    reply.array(if flat { fields * 2 } else { fields });
}

/// RESP3 wraps each field and its value.
fn say(field: Field<'_>, values: bool, reply: &mut Reply) {
    if values && reply.wire() == Wire::Resp3 {
        reply.array(2);
    }
    reply.bulk(field.name.as_bytes(&mut [0; 20]));
    if values {
        reply.bulk(field.value.as_bytes(&mut [0; 20]));
    }
}
