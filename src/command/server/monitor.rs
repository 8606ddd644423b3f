//! MONITOR: the client is shown every request from now on.

use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;
use crate::session::pubsub::Subscriber;

pub fn monitor(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    if context.held.is_some() {
        return Err(Error::fixed("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let session = &mut *context.session;
    // The outlet is gone only when the connection is, and then nobody reads this reply.
    let Some(outlet) = session.outlet.upgrade() else { return Ok(()) };
    context.server.monitors.join(Subscriber::new(session.client.id, outlet, reply.wire()));
    session.monitors = true;
    reply.ok();
    Ok(())
}
