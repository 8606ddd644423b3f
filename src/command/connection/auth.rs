//! AUTH and HELLO.

use super::client_list::describe_client;
use super::is_printable_word;
use crate::acl::{DEFAULT_USER, Entry, Login, Place, Reason};
use crate::command::args::{Args, parse_int};
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::info::REDIS_VERSION;
use crate::protocol::{Reply, Words};

const WRONG_PASSWORD: Error = Error::fixed("WRONGPASS invalid username-password pair or user is disabled.");

pub fn auth(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let (user, password) = match args.left() {
        1 => {
            if context.server.acl.default_takes_any_password() {
                return Err(Error::fixed(
                    "ERR AUTH <password> called without any password configured for the default user. \
                     Are you sure your configuration is correct?",
                ));
            }
            (DEFAULT_USER, args.next())
        }
        2 => (args.next(), args.next()),
        _ => return Err(Error::SYNTAX),
    };
    log_in(args.words(), context, user, password)?;
    reply.ok();
    Ok(())
}

/// A wrong password is worth an entry in ACL LOG.
fn log_in(words: Words<'_>, context: &mut Context, user: &[u8], password: &[u8]) -> Done {
    let acl = &context.server.acl;
    if let Some(account) = acl.log_in(user, password) {
        context.session.log_in(Login::proven(account, acl), acl);
        return Ok(());
    }
    let place = if context.session.transaction.is_some() { Place::Multi } else { Place::TopLevel };
    let client = describe_client(context.server, context.session, context.now_ms);
    let object = words.get(0);
    acl.journal().note(Entry::new(Reason::Auth, place, object, user, client, context.now_ms));
    Err(WRONG_PASSWORD)
}

/// All options are looked at before any takes effect.
pub fn hello(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let resp = match args.peek() {
        None => context.session.resp,
        Some(_) => match parse_int(args.next()) {
            Some(version @ (2 | 3)) => version as u8,
            Some(_) => return Err(Error::fixed("NOPROTO unsupported protocol version")),
            None => return Err(Error::fixed("ERR Protocol version is not an integer or out of range")),
        },
    };
    let (mut login, mut name) = (None, None);
    while let Some(option) = args.peek() {
        if args.left() > 2 && args.keyword("AUTH") {
            login = Some((args.next(), args.next()));
        } else if args.left() > 1 && args.keyword("SETNAME") {
            name = Some(valid_name(args.next())?);
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(Error::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    if let Some((user, password)) = login {
        log_in(args.words(), context, user, password)?;
    }
    if context.session.login.needs_password(&context.server.acl) {
        return Err(Error::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the \
             same time",
        ));
    }
    if let Some(name) = name {
        context.session.client.names().name = name;
    }
    context.session.resp = resp;
    reply.speak(args.form(), resp);
    if let Some(subscriptions) = &context.session.subscriptions {
        subscriptions.subscriber.set_wire(reply.wire());
    }
    introduce(context, reply);
    Ok(())
}

fn introduce(context: &Context, reply: &mut Reply) {
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(context.session.resp.into());
    reply.bulk(b"id");
    reply.int(context.session.client.id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}

pub fn valid_name(name: &[u8]) -> Result<String, Error> {
    match is_printable_word(name) {
        true => Ok(String::from_utf8_lossy(name).into_owned()),
        false => Err(Error::fixed("ERR Client names cannot contain spaces, newlines or special characters.")),
    }
}
