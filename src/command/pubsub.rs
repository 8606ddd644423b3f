//! Publish and subscribe.

use super::args::Args;
use super::context::Context;
use super::error::Done;
use super::help;
use super::row::{Channels, Command, Flags, Group, Run};
use crate::acl::Categories;
use crate::keyspace::pattern::Pattern;
use crate::protocol::Reply;
use crate::session::Subscriptions;
use crate::session::pubsub::{Kind, Subscriber};

pub static ROWS: &[Command] = &[
    Command {
        name: "subscribe",
        arity: -2,
        channels: Channels::Subscribed,
        flags: Flags::PUBSUB.and(Flags::PUSHES),
        syntax: "channel [channel ...]",
        summary: "Listens for messages published to channels.",
        complexity: "O(N) where N is the number of channels to subscribe to.",
        run: Run::Serve(|args, context, reply| subscribe(args, context, reply, Kind::Channel)),
        ..ROW
    },
    Command {
        name: "unsubscribe",
        arity: -1,
        flags: Flags::PUBSUB.and(Flags::PUSHES),
        syntax: "[channel [channel ...]]",
        summary: "Stops listening to messages posted to channels.",
        complexity: "O(N) where N is the number of channels to unsubscribe.",
        run: Run::Serve(|args, context, reply| unsubscribe(args, context, reply, Kind::Channel)),
        ..ROW
    },
    Command {
        name: "psubscribe",
        arity: -2,
        channels: Channels::Patterns,
        flags: Flags::PUBSUB.and(Flags::PUSHES),
        syntax: "pattern [pattern ...]",
        summary: "Listens for messages published to channels that match one or more patterns.",
        complexity: "O(N) where N is the number of patterns to subscribe to.",
        run: Run::Serve(|args, context, reply| subscribe(args, context, reply, Kind::Pattern)),
        ..ROW
    },
    Command {
        name: "punsubscribe",
        arity: -1,
        flags: Flags::PUBSUB.and(Flags::PUSHES),
        syntax: "[pattern [pattern ...]]",
        summary: "Stops listening to messages published to channels that match one or more patterns.",
        complexity: "O(N) where N is the number of patterns to unsubscribe.",
        run: Run::Serve(|args, context, reply| unsubscribe(args, context, reply, Kind::Pattern)),
        ..ROW
    },
    Command {
        name: "ssubscribe",
        arity: -2,
        channels: Channels::Subscribed,
        flags: Flags::PUBSUB.and(Flags::PUSHES),
        syntax: "shardchannel [shardchannel ...]",
        summary: "Listens for messages published to shard channels.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to subscribe to.",
        run: Run::Serve(|args, context, reply| subscribe(args, context, reply, Kind::Shard)),
        ..ROW
    },
    Command {
        name: "sunsubscribe",
        arity: -1,
        flags: Flags::PUBSUB.and(Flags::PUSHES),
        syntax: "[shardchannel [shardchannel ...]]",
        summary: "Stops listening to messages posted to shard channels.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to unsubscribe.",
        run: Run::Serve(|args, context, reply| unsubscribe(args, context, reply, Kind::Shard)),
        ..ROW
    },
    Command {
        name: "publish",
        arity: 3,
        channels: Channels::Published,
        flags: Flags::FAST.and(Flags::TELLS),
        syntax: "channel message",
        summary: "Posts a message to a channel.",
        complexity: "O(N+M) where N is the number of subscribers and M the number of patterns.",
        run: Run::Serve(|args, context, reply| publish(args, context, reply, Kind::Channel)),
        ..ROW
    },
    Command {
        name: "spublish",
        arity: 3,
        channels: Channels::Published,
        flags: Flags::FAST.and(Flags::TELLS),
        syntax: "shardchannel message",
        summary: "Posts a message to a shard channel.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of subscribers of the shard channel.",
        run: Run::Serve(|args, context, reply| publish(args, context, reply, Kind::Shard)),
        ..ROW
    },
    Command {
        name: "pubsub",
        arity: -2,
        syntax: "subcommand",
        summary: "A container for Pub/Sub commands.",
        since: "2.8.0",
        run: Run::Container(SUBCOMMANDS),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::PubSub, since: "2.0.0", ..Command::ROW };
const SUB: Command = Command { since: "2.8.0", ..ROW };

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "channels",
        arity: -2,
        syntax: "[pattern]",
        summary: "Returns the active channels.",
        complexity: "O(N) where N is the number of active channels.",
        run: Run::Serve(|args, context, reply| channels(args, context, reply, Kind::Channel)),
        ..SUB
    },
    Command {
        name: "numsub",
        arity: -2,
        syntax: "[channel [channel ...]]",
        summary: "Returns a count of subscribers to channels.",
        complexity: "O(N) where N is the number of requested channels.",
        run: Run::Serve(|args, context, reply| numsub(args, context, reply, Kind::Channel)),
        ..SUB
    },
    Command {
        name: "numpat",
        arity: 2,
        summary: "Returns a count of unique pattern subscriptions.",
        run: Run::Serve(|_, context, reply| {
            reply.int(context.server.broker.patterns() as i64);
            Ok(())
        }),
        ..SUB
    },
    Command {
        name: "shardchannels",
        arity: -2,
        syntax: "[pattern]",
        summary: "Returns the active shard channels.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of active shard channels.",
        run: Run::Serve(|args, context, reply| channels(args, context, reply, Kind::Shard)),
        ..SUB
    },
    Command {
        name: "shardnumsub",
        arity: -2,
        syntax: "[shardchannel [shardchannel ...]]",
        summary: "Returns a count of subscribers to shard channels.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of requested shard channels.",
        run: Run::Serve(|args, context, reply| numsub(args, context, reply, Kind::Shard)),
        ..SUB
    },
    Command { about: Some(Categories::NONE), ..help::row(Group::PubSub, "6.2.0") },
];

/// The verbs of the confirmations.
fn verbs(kind: Kind) -> (&'static [u8], &'static [u8]) {
    match kind {
        Kind::Channel => (b"subscribe", b"unsubscribe"),
        Kind::Pattern => (b"psubscribe", b"punsubscribe"),
        Kind::Shard => (b"ssubscribe", b"sunsubscribe"),
    }
}

fn confirm(reply: &mut Reply, verb: &[u8], name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(verb);
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.int(count as i64);
}

fn subscribe(args: &mut Args, context: &mut Context, reply: &mut Reply, kind: Kind) -> Done {
    let session = &mut *context.session;
    // The outlet is gone only when the connection is, and then nobody reads this reply.
    let Some(outlet) = session.outlet.upgrade() else { return Ok(()) };
    let wire = reply.wire();
    let subscriptions = session.subscriptions.get_or_insert_with(|| {
        Box::new(Subscriptions::new(Subscriber::new(session.client.id, outlet, wire)))
    });
    subscriptions.subscriber.set_wire(wire);
    for name in args.rest() {
        context.server.broker.subscribe(subscriptions, kind, name);
        confirm(reply, verbs(kind).0, Some(name), subscriptions.count(kind));
    }
    Ok(())
}

fn unsubscribe(args: &mut Args, context: &mut Context, reply: &mut Reply, kind: Kind) -> Done {
    let verb = verbs(kind).1;
    let Some(subscriptions) = &mut context.session.subscriptions else {
        let count = args.left();
        args.rest().for_each(|name| confirm(reply, verb, Some(name), 0));
        if count == 0 {
            confirm(reply, verb, None, 0);
        }
        return Ok(());
    };
    let names: Vec<Box<[u8]>> = match args.left() {
        0 => subscriptions.names(kind).iter().cloned().collect(),
        _ => args.rest().map(Into::into).collect(),
    };
    for name in &names {
        context.server.broker.unsubscribe(subscriptions, kind, name);
        confirm(reply, verb, Some(name), subscriptions.count(kind));
    }
    if names.is_empty() {
        confirm(reply, verb, None, subscriptions.count(kind));
    }
    if subscriptions.is_empty() {
        context.session.subscriptions = None;
    }
    Ok(())
}

fn publish(args: &mut Args, context: &mut Context, reply: &mut Reply, kind: Kind) -> Done {
    let (channel, message) = (args.next(), args.next());
    reply.int(context.publish(kind, channel, message) as i64);
    Ok(())
}

fn channels(args: &mut Args, context: &mut Context, reply: &mut Reply, kind: Kind) -> Done {
    let pattern = args.peek().map_or(Pattern::All, Pattern::new);
    let _ = args.rest();
    let names = context.server.broker.active(kind, &pattern);
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

fn numsub(args: &mut Args, context: &mut Context, reply: &mut Reply, kind: Kind) -> Done {
    reply.array(args.left() * 2);
    for name in args.rest() {
        reply.bulk(name);
        reply.int(context.server.broker.listeners(kind, name) as i64);
    }
    Ok(())
}

/// Whether this client may run only the commands of [`Flags::PUBSUB`]: RESP3 clients can tell messages from replies.
pub fn is_restricted(subscriptions: Option<&Subscriptions>, resp: u8) -> bool {
    resp < 3 && subscriptions.is_some_and(|subscriptions| !subscriptions.is_empty())
}
