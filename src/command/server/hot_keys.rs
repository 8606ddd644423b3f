//! HOTKEYS: which keys are used most, by the sample that is always taken.

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;

const COUNT_DEFAULT: usize = 16;

/// `[[key, database, uses per second], ...]`, the hottest first.
pub fn hot_keys(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let mut count = COUNT_DEFAULT;
    if !args.is_done() {
        if !args.keyword("COUNT") || args.is_done() {
            return Err(Error::SYNTAX);
        }
        count = args.int_in(1..=i64::MAX, Error::fixed("ERR COUNT must be > 0")) as usize;
    }
    args.finish()?;
    let hottest = context.server.metrics.hottest(context.now_ms, count);
    reply.array(hottest.len());
    for hot in &hottest {
        reply.array(3);
        reply.bulk(&hot.key);
        reply.int(hot.db.into());
        reply.int(hot.per_second.round() as i64);
    }
    Ok(())
}
