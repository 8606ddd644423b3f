//! SAVE and its kin, and SHUTDOWN. There are no snapshots: the log is the copy, and to save is to wait for it.

use crate::command::args::Args;
use crate::command::context::{Context, Rewrite};
use crate::command::error::{Done, Error};
use crate::protocol::Reply;

pub fn save(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    needs_log(context)?;
    let all = context.server.persistence.last_seq();
    match context.wait_for_disk(all, None)? {
        None => Ok(()),
        Some(true) => {
            reply.ok();
            Ok(())
        }
        Some(false) => Err(Error::fixed("ERR not everything is on disk yet")),
    }
}

/// Does not wait; LASTSAVE tells when it is done.
pub fn bgsave(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    args.keyword("SCHEDULE");
    args.finish()?;
    needs_log(context)?;
    if let Some(why) = context.server.persistence.failure() {
        return Err(Error::new(format!("ERR {why}")));
    }
    context.server.persistence.sync_soon();
    reply.status("Background saving started");
    Ok(())
}

pub fn bgrewriteaof(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let begun = context.server.persistence.rewrite().map_err(|why| Error::new(format!("ERR {why}")))?;
    reply.status(match begun {
        Rewrite::Started => "Background append only file rewriting started",
        Rewrite::Scheduled => "Background append only file rewriting scheduled",
    });
    Ok(())
}

pub fn lastsave(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let synced_ms = context.server.persistence.last_sync_ms();
    reply.int((synced_ms.max(context.server.started_ms) / 1000) as i64);
    Ok(())
}

pub fn backup(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let path = std::str::from_utf8(args.next()).ok().filter(|path| !path.is_empty());
    let Some(path) = path.map(str::to_owned) else { return Err(Error::fixed("ERR the path must be text")) };
    args.finish()?;
    needs_log(context)?;
    match context.wait_for_work(|persistence, blocked| persistence.backup(&path, blocked)) {
        None => Ok(()),
        Some(outcome) => outcome.map(|()| reply.ok()),
    }
}

fn needs_log(context: &Context) -> Done {
    match context.server.persistence.synced_seq() {
        Some(_) => Ok(()),
        None => Err(Error::fixed("ERR there is no log to save to: appendonly is no")),
    }
}

/// Nothing replies: the end of the connection says that it was heard. A stop always saves what there is to save; where
/// that cannot be, only NOSAVE or FORCE stops all the same.
pub fn shutdown(args: &mut Args, context: &mut Context, _: &mut Reply) -> Done {
    let (mut save, mut nosave, mut abort, mut now, mut force) = (false, false, false, false, false);
    while !args.is_done() {
        if args.keyword("SAVE") {
            save = true;
        } else if args.keyword("NOSAVE") {
            nosave = true;
        } else if args.keyword("ABORT") {
            abort = true;
        } else if args.keyword("NOW") {
            now = true;
        } else if args.keyword("FORCE") {
            force = true;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if save && nosave || abort && (save || nosave || now || force) {
        return Err(Error::SYNTAX);
    }
    if abort {
        return Err(Error::fixed("ERR No shutdown in progress."));
    }
    if !nosave && !force && context.server.persistence.failure().is_some() {
        return Err(Error::fixed("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    // Clients that wait for the end of a pause are not to miss theirs.
    context.server.pauses.end(context.woken);
    context.server.control.stop();
    context.session.closing = true;
    Ok(())
}
