//! The connection itself: who is there, in which protocol, and how it ends.

mod auth;
mod client;
mod client_kill;
mod client_list;

pub use client_list::describe_client;

use super::args::Args;
use super::context::Context;
use super::error::{Done, Error};
use super::pubsub;
use super::row::{Command, Flags, Group, Run};
use crate::acl::Login;
use crate::protocol::{Reply, Wire};
use crate::session::Replies;

pub static ROWS: &[Command] = &[
    Command {
        name: "auth",
        arity: -2,
        flags: Flags::FAST.and(Flags::NO_AUTH).and(Flags::SENSITIVE),
        syntax: "[username] password",
        summary: "Authenticates the connection.",
        complexity: "O(N) where N is the number of passwords of the user.",
        run: Run::Serve(auth::auth),
        ..ROW
    },
    Command {
        name: "client",
        arity: -2,
        summary: "A container for commands about client connections.",
        since: "2.4.0",
        complexity: "Depends on the subcommand.",
        run: Run::Container(client::ROWS),
        ..ROW
    },
    Command {
        name: "echo",
        arity: 2,
        flags: Flags::FAST,
        syntax: "message",
        summary: "Returns the given string.",
        run: Run::Serve(echo),
        ..ROW
    },
    Command {
        name: "hello",
        arity: -1,
        flags: Flags::FAST.and(Flags::NO_AUTH).and(Flags::SENSITIVE),
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        summary: "Handshakes with the server: version of the protocol, authentication, name.",
        since: "6.0.0",
        run: Run::Serve(auth::hello),
        ..ROW
    },
    Command {
        name: "ping",
        arity: -1,
        flags: Flags::FAST.and(Flags::PUBSUB),
        syntax: "[message]",
        summary: "Returns the server's liveliness response.",
        run: Run::Serve(ping),
        ..ROW
    },
    Command {
        name: "quit",
        arity: -1,
        flags: Flags::FAST.and(Flags::NO_AUTH).and(Flags::PUBSUB).and(Flags::AT_ONCE),
        summary: "Closes the connection.",
        run: Run::Serve(quit),
        ..ROW
    },
    Command { name: "post", ..CROSS_PROTOCOL },
    Command { name: "host:", ..CROSS_PROTOCOL },
    Command {
        name: "reset",
        arity: 1,
        flags: Flags::FAST.and(Flags::NO_AUTH).and(Flags::PUBSUB).and(Flags::AT_ONCE),
        summary: "Makes the connection as it was when it was new.",
        since: "6.2.0",
        run: Run::Serve(reset),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Connection, ..Command::ROW };

/// A RESP2 subscriber reads nothing but messages, so that is what it gets.
fn ping(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let session = &*context.session;
    let as_message =
        reply.wire() == Wire::Resp2 && pubsub::is_restricted(session.subscriptions.as_deref(), session.resp);
    match args.left() {
        0 | 1 if as_message => {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.rest().next().unwrap_or_default());
        }
        0 => reply.status("PONG"),
        1 => reply.bulk(args.next()),
        _ => return Err(Error::wrong_arity("ping")),
    }
    Ok(())
}

fn echo(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    reply.bulk(args.next());
    Ok(())
}

/// What an HTTP request begins with. A page that a browser shows may send one to a port on this machine, with commands
/// in its body: the connection ends before they are looked at.
const CROSS_PROTOCOL: Command = Command {
    arity: -1,
    flags: Flags::FAST.and(Flags::NO_AUTH).and(Flags::PUBSUB).and(Flags::AT_ONCE),
    summary: "Closes the connection: this is no HTTP server.",
    run: Run::Serve(refuse_http),
    ..ROW
};

fn refuse_http(_: &mut Args, context: &mut Context, _: &mut Reply) -> Done {
    tracing::warn!("closing {}: it speaks HTTP", context.session.client.origin.address);
    context.session.closing = true;
    Err(Error::fixed("ERR this is no HTTP server"))
}

fn quit(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.session.closing = true;
    reply.ok();
    Ok(())
}

/// What a library says of itself by CLIENT SETINFO stays: it is still the same library.
fn reset(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let session = &mut *context.session;
    session.transaction = None;
    session.unwatch(&context.server.keyspace);
    if let Some(subscriptions) = session.subscriptions.take() {
        context.server.broker.forget(*subscriptions);
    }
    session.db = 0;
    session.resp = 2;
    session.replies = Replies::On;
    session.no_evict = false;
    session.no_touch = false;
    if std::mem::take(&mut session.monitors) {
        context.server.monitors.leave(session.client.id);
    }
    session.log_in(Login::anonymous(&context.server.acl), &context.server.acl);
    session.client.names().name.clear();
    reply.speak(args.form(), session.resp);
    reply.status("RESET");
    Ok(())
}

/// One of two words.
fn on_or_off(args: &mut Args) -> Result<bool, Error> {
    let on = args.keyword("ON");
    if !on && !args.keyword("OFF") {
        return Err(Error::SYNTAX);
    }
    args.finish().map(|()| on)
}

/// Names of clients and libraries are words of printable ASCII, so that CLIENT LIST stays readable.
fn is_printable_word(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}
