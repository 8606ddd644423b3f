//! WAIT and WAITAOF: how safe this connection's writes are.
//!
//! WAIT never waits, as there are no replicas. WAITAOF waits for the disk; where the log is synced before each
//! reply, that is no wait at all.

use super::ROW;
use crate::acl::Categories;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::row::{Command, Flags, Run};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "wait",
        arity: 3,
        flags: Flags::BLOCKING,
        about: Some(Categories::CONNECTION),
        syntax: "numreplicas timeout",
        summary: "Returns how many replicas have this connection's writes; there are none.",
        since: "3.0.0",
        run: Run::Serve(wait),
        ..ROW
    },
    Command {
        name: "waitaof",
        arity: 4,
        flags: Flags::BLOCKING,
        about: Some(Categories::CONNECTION),
        syntax: "numlocal numreplicas timeout",
        summary: "Returns whether this connection's writes are on the local disk, and on how many replicas'.",
        since: "7.2.0",
        run: Run::Serve(waitaof),
        ..ROW
    },
];

/// A time to wait; `None` is for ever.
fn timeout(args: &mut Args) -> Option<u64> {
    let timeout_ms = args.int_or(Error::fixed("ERR timeout is not an integer or out of range"));
    if timeout_ms < 0 {
        args.fail(Error::fixed("ERR timeout is negative"));
    }
    u64::try_from(timeout_ms).ok().filter(|&ms| ms > 0)
}

fn wait(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    args.int();
    timeout(args);
    args.check()?;
    reply.int(0);
    Ok(())
}

fn waitaof(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let locals = args.int();
    if !(0..=1).contains(&locals) {
        args.fail(Error::fixed("ERR value is out of range, value must between 0 and 1"));
    }
    if args.int() < 0 {
        args.fail(Error::fixed("ERR value is out of range, must be positive"));
    }
    let timeout_ms = timeout(args);
    args.check()?;
    if context.server.persistence.synced_seq().is_none() {
        if locals > 0 {
            let text = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
            return Err(Error::fixed(text));
        }
        return answer(false, reply);
    }
    if locals == 0 {
        let written = context.session.written;
        return answer(context.server.persistence.synced_seq() >= Some(written), reply);
    }
    match context.wait_for_disk(context.session.written, timeout_ms)? {
        None => Ok(()),
        Some(synced) => answer(synced, reply),
    }
}

/// There are no replicas that could have anything.
fn answer(synced: bool, reply: &mut Reply) -> Done {
    reply.array(2);
    reply.int(synced.into());
    reply.int(0);
    Ok(())
}
