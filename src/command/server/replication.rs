//! Replication, as far as there is any: the server follows nobody, and nobody follows it.

use crate::command::args::{Args, parse_int};
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;

pub fn replicaof(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let (host, port) = (args.next(), args.next());
    if host.eq_ignore_ascii_case(b"NO") && port.eq_ignore_ascii_case(b"ONE") {
        reply.ok();
        return Ok(());
    }
    match parse_int(port) {
        Some(0..=65_535) => Err(Error::fixed("ERR limpid does not follow other servers")),
        _ => Err(Error::fixed("ERR Invalid master port")),
    }
}

pub fn role(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    reply.array(3);
    reply.bulk(b"master");
    reply.int(0);
    reply.array(0);
    Ok(())
}
