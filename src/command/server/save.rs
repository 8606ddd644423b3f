//! SAVE and its kin, and SHUTDOWN. There are no snapshots: the log is the copy, and to save is to wait for it.

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;

pub fn save(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    sync(context)?;
    reply.ok();
    Ok(())
}

/// The disk is waited for here and now, as that takes no longer than to tell another thread.
pub fn bgsave(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    args.keyword("SCHEDULE");
    args.finish()?;
    sync(context)?;
    reply.status("Background saving started");
    Ok(())
}

pub fn bgrewriteaof(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.server.persistence.rewrite().map_err(|why| Error::new(format!("ERR {why}")))?;
    reply.status("Background append only file rewriting started");
    Ok(())
}

pub fn lastsave(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    reply.int((context.server.persistence.last_sync_ms() / 1000) as i64);
    Ok(())
}

fn sync(context: &Context) -> Done {
    context.server.persistence.sync().map_err(|why| Error::new(format!("ERR {why}")))
}

/// Nothing replies: the end of the connection says that it was heard. A stop always saves what there is to save.
pub fn shutdown(args: &mut Args, context: &mut Context, _: &mut Reply) -> Done {
    let (mut save, mut nosave, mut abort, mut other) = (false, false, false, false);
    while !args.is_done() {
        if args.keyword("SAVE") {
            save = true;
        } else if args.keyword("NOSAVE") {
            nosave = true;
        } else if args.keyword("ABORT") {
            abort = true;
        } else if args.keyword("NOW") || args.keyword("FORCE") {
            other = true;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if save && nosave || abort && (save || nosave || other) {
        return Err(Error::SYNTAX);
    }
    if abort {
        return Err(Error::fixed("ERR No shutdown in progress."));
    }
    // Clients that wait for the end of a pause are not to miss theirs.
    context.server.pauses.end(context.woken);
    context.server.control.stop();
    context.session.closing = true;
    Ok(())
}
