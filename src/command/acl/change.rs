//! ACL commands that change users, and close the connections of those who lose by it.

use std::path::{Path, PathBuf};

use crate::acl::{Changed, DEFAULT_USER, FileError, LoadError, Loaded, is_word};
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;
use crate::session::pubsub::Kind;

pub fn set_user(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let name = args.next();
    if !is_word(name) {
        return Err(Error::fixed("ERR Usernames can't contain spaces or null characters"));
    }
    let rules: Vec<&[u8]> = args.rest().collect();
    let server = context.server;
    // Until this is done, the server listens where it does.
    let _changing = context.begin_change()?;
    let may_open = server.config().check_exposure(false);
    let changed = server.acl.set_user(name, &rules, may_open);
    let changed = changed.map_err(|why| Error::new(format!("ERR {why}")))?;
    changed.iter().for_each(|changed| close_listeners(changed, context));
    reply.ok();
    Ok(())
}

pub fn delete_users(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let names: Vec<&[u8]> = args.rest().collect();
    if names.contains(&DEFAULT_USER) {
        return Err(Error::fixed("ERR The 'default' user cannot be removed"));
    }
    let gone: Vec<&[u8]> = names.into_iter().filter(|name| context.server.acl.delete(name)).collect();
    gone.iter().for_each(|name| close_all_of(name, context));
    reply.int(gone.len() as i64);
    Ok(())
}

pub fn load(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let path = acl_file(context)?;
    let text = context.server.control.read_file(&path).map_err(|why| {
        Error::new(format!("ERR Error loading ACLs, opening file '{}': {why}", path.display()))
    })?;
    let server = context.server;
    // Until this is done, the server listens where it does.
    let _changing = context.begin_change()?;
    let may_open = server.config().check_exposure(false);
    let loaded = server.acl.load(&text, may_open);
    let Loaded { default, others } = loaded.map_err(|why| not_loaded(why, &path))?;
    close_listeners(&default, context);
    others.iter().for_each(|name| close_all_of(name, context));
    reply.ok();
    Ok(())
}

fn not_loaded(why: LoadError, path: &Path) -> Error {
    Error::new(match why {
        LoadError::Wrong(lines) => {
            let named = |wrong: &FileError| format!("{}:{wrong}. ", path.display());
            let named: String = lines.iter().map(named).collect();
            format!(
                "ERR {named}WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
            )
        }
        LoadError::Open(why) => format!("ERR {why}"),
    })
}

pub fn save(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let path = acl_file(context)?;
    let text: Vec<u8> =
        context.server.acl.users().iter().flat_map(|user| [user.line(), vec![b'\n']].concat()).collect();
    context.server.control.replace_file(&path, &text).map_err(|why| {
        tracing::warn!("cannot write the ACL file {}: {why}", path.display());
        Error::fixed(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    reply.ok();
    Ok(())
}

fn acl_file(context: &Context) -> Result<PathBuf, Error> {
    let path = context.server.config().aclfile.clone();
    if path.as_os_str().is_empty() {
        return Err(Error::fixed(
            "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
             SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in \
             order to store users in the Redis configuration.",
        ));
    }
    Ok(path)
}

/// The clients of a user who is gone, or has to log in again.
fn close_all_of(name: &[u8], context: &mut Context) {
    for client in context.server.clients.all() {
        if *client.names().user == *name {
            close(client.id, context);
        }
    }
}

/// The clients of a user who listen to what they may not listen to any more.
fn close_listeners(changed: &Changed, context: &mut Context) {
    let user = &changed.after;
    if user.allows_channels_of(&changed.before) {
        return;
    }
    let is_lost = |kind: Kind, name: &[u8]| !user.allows_channel(name, kind == Kind::Pattern);
    let listeners = context.server.broker.listeners_where(is_lost);
    for client in context.server.clients.all() {
        if listeners.contains(&client.id) && client.names().user == *user.name {
            close(client.id, context);
        }
    }
}

/// The client that asks gets its reply first.
fn close(client: u64, context: &mut Context) {
    if client == context.session.client.id {
        context.session.closing = true;
    } else {
        context.server.control.close(client);
    }
}
