//! ACL LOG.

use crate::acl::Entry;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;

const COUNT_DEFAULT: i64 = 10;

pub fn log(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    if args.left() > 1 {
        return Err(Error::unknown_subcommand_or_arity(args.words()));
    }
    let mut journal = context.server.acl.journal();
    if args.keyword("RESET") {
        journal.clear();
        reply.ok();
        return Ok(());
    }
    let count = if args.is_done() { COUNT_DEFAULT } else { args.int() };
    args.check()?;
    let count = usize::try_from(count).unwrap_or(0).min(journal.iter().len());
    reply.array(count);
    journal.iter().take(count).for_each(|entry| entry_to(reply, entry, context.now_ms));
    Ok(())
}

fn entry_to(reply: &mut Reply, entry: &Entry, now_ms: u64) {
    reply.map(10);
    reply.bulk(b"count");
    reply.int(entry.count as i64);
    for (name, text) in [
        ("reason", entry.reason.name().as_bytes()),
        ("context", entry.place.name().as_bytes()),
        ("object", &*entry.object),
        ("username", &*entry.user),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(text);
    }
    reply.bulk(b"age-seconds");
    reply.double(now_ms.saturating_sub(entry.updated_ms) as f64 / 1000.0);
    reply.bulk(b"client-info");
    reply.bulk(entry.client.as_bytes());
    for (name, number) in [
        ("entry-id", entry.id),
        ("timestamp-created", entry.created_ms),
        ("timestamp-last-updated", entry.updated_ms),
    ] {
        reply.bulk(name.as_bytes());
        reply.int(number as i64);
    }
}
