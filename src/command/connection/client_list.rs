//! CLIENT LIST and CLIENT INFO: a line for each client, in Redis's fields.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::command::args::{Args, parse_int};
use crate::command::context::{Context, Server};
use crate::command::error::{Done, Error};
use crate::command::table;
use crate::protocol::{Reply, Words};
use crate::session::{Client, Session};

/// By what CLIENT LIST TYPE and CLIENT KILL TYPE tell clients apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    PubSub,
    /// Replicas and their masters: nobody.
    Replication,
}

impl Kind {
    pub fn parse(word: &[u8]) -> Result<Kind, Error> {
        let kinds = [
            ("normal", Kind::Normal),
            ("pubsub", Kind::PubSub),
            ("replica", Kind::Replication),
            ("slave", Kind::Replication),
            ("master", Kind::Replication),
        ];
        let found = kinds.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        found
            .map(|(_, kind)| *kind)
            .ok_or_else(|| Error::new(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word))))
    }

    pub fn of(client: &Client) -> Kind {
        if client.is_subscriber() { Kind::PubSub } else { Kind::Normal }
    }
}

pub fn info(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.session.publish(context.now_ms);
    let mut out = String::new();
    let request_bytes = size_on_the_wire(args.words());
    push_line(&mut out, context.server, &context.session.client, context.now_ms, request_bytes);
    reply.verbatim("txt", out.as_bytes());
    Ok(())
}

pub fn list(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let mut wanted: Box<dyn Fn(&Client) -> bool> = Box::new(|_| true);
    if args.left() == 2 && args.keyword("TYPE") {
        let kind = Kind::parse(args.next())?;
        wanted = Box::new(move |client| Kind::of(client) == kind);
    } else if args.left() > 1 && args.keyword("ID") {
        let ids = args.rest().map(parse_int).collect::<Option<Vec<i64>>>();
        let ids = ids.ok_or(Error::fixed("ERR Invalid client ID"))?;
        wanted = Box::new(move |client| ids.contains(&(client.id as i64)));
    }
    args.finish()?;
    context.session.publish(context.now_ms);
    let mut out = String::new();
    for client in context.server.clients.all().iter().filter(|client| wanted(client)) {
        let is_own = client.id == context.session.client.id;
        let request_bytes = if is_own { size_on_the_wire(args.words()) } else { 0 };
        push_line(&mut out, context.server, client, context.now_ms, request_bytes);
    }
    reply.verbatim("txt", out.as_bytes());
    Ok(())
}

/// The line of a client, without its end.
pub fn describe_client(server: &Server, session: &Session, now_ms: u64) -> String {
    session.publish(now_ms);
    let mut line = String::new();
    push_line(&mut line, server, &session.client, now_ms, 0);
    line.truncate(line.trim_end().len());
    line
}

/// The request in RESP: what its query buffer holds.
fn size_on_the_wire(words: Words<'_>) -> usize {
    let digits = |n: usize| itoa::Buffer::new().format(n).len();
    let bulk = |word: &[u8]| 1 + digits(word.len()) + 2 + word.len() + 2;
    1 + digits(words.len()) + 2 + words.iter().map(bulk).sum::<usize>()
}

/// `request_bytes`: those of the request being served.
fn push_line(out: &mut String, server: &Server, client: &Client, now_ms: u64, request_bytes: usize) {
    let names = client.names();
    let glance = client.glance();
    let seconds_since = |ms: u64| now_ms.saturating_sub(ms) / 1000;
    let command = client.last_command().and_then(table::at).map_or("NULL".into(), |found| found.full_name());
    let [channels, patterns, shard_channels] = glance.subscriptions;
    let is_blocked = server.line.of_client(client.id).is_some();
    let origin = &client.origin;
    let kept = &client.kept;
    let bytes = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
    // Replies are kept in one block, messages in another; there is no buffer of a fixed size beside them.
    let blocks = [&kept.replies, &kept.posted].iter().filter(|figure| bytes(figure) > 0).count();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={channels} psub={patterns} ssub={shard_channels} multi={} \
         qbuf={} qbuf-free={} argv-mem={request_bytes} multi-mem={} rbs=0 rbp=0 obl=0 oll={blocks} omem={} \
         tot-mem={} events=r cmd={command} user={} redir=-1 resp={} lib-name={} lib-ver={} watch={}",
        client.id,
        origin.address,
        origin.local_address,
        origin.fd,
        names.name,
        seconds_since(client.connected_ms),
        seconds_since(client.active_ms()),
        flags(client, is_blocked),
        glance.db,
        glance.queued.map_or(-1, i64::from),
        kept.input() + request_bytes,
        bytes(&kept.room),
        bytes(&kept.queued),
        kept.output(),
        client.memory_bytes() + request_bytes,
        String::from_utf8_lossy(&names.user),
        glance.resp,
        names.library,
        names.library_version,
        glance.watched,
    );
}

fn flags(client: &Client, is_blocked: bool) -> String {
    let glance = client.glance();
    let letters = [
        (glance.monitors, 'O'),
        (Kind::of(client) == Kind::PubSub, 'P'),
        (glance.queued.is_some(), 'x'),
        (is_blocked, 'b'),
        (glance.dirty, 'd'),
        (glance.closing, 'c'),
        (client.origin.is_local, 'U'),
        (glance.no_evict, 'e'),
        (glance.no_touch, 'T'),
    ];
    let flags: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| letter).collect();
    if flags.is_empty() { "N".into() } else { flags }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OwnedWords;

    #[test]
    fn a_request_is_measured_as_redis_receives_it() {
        let words = OwnedWords::from_words(["client", "list"]);
        assert_eq!(size_on_the_wire(words.words()), "*2\r\n$6\r\nclient\r\n$4\r\nlist\r\n".len());
    }
}
