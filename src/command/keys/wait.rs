//! WAIT and WAITAOF: how safe this connection's writes are.
//!
//! Neither ever waits. There are no replicas, and where the log is synced before each reply, a reply already says
//! that what was written is on disk. Where it is synced now and then, WAITAOF tells how it stands.

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

/// A time to wait, which is checked and then not needed.
fn timeout(args: &mut Args) {
    let timeout_ms = args.int_or(Error::fixed("ERR timeout is not an integer or out of range"));
    if timeout_ms < 0 {
        args.fail(Error::fixed("ERR timeout is negative"));
    }
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
    timeout(args);
    args.check()?;
    let synced = context.server.persistence.synced();
    if locals > 0 && synced.is_none() {
        let text = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
        return Err(Error::fixed(text));
    }
    reply.array(2);
    reply.int(synced.is_some_and(|synced| synced >= context.session.written).into());
    reply.int(0);
    Ok(())
}
