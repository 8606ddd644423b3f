//! AUTH and HELLO.

use std::hint::black_box;

use super::is_printable_word;
use crate::command::args::{Args, parse_int};
use crate::command::context::{Context, Server};
use crate::command::error::{Done, Error};
use crate::command::info::REDIS_VERSION;
use crate::protocol::Reply;

/// The one user there is.
pub const DEFAULT_USER: &str = "default";

const WRONG_PASSWORD: Error = Error::fixed("WRONGPASS invalid username-password pair or user is disabled.");

pub fn auth(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let (user, password) = match args.left() {
        1 => {
            if context.server.config().requirepass.is_empty() {
                return Err(Error::fixed(
                    "ERR AUTH <password> called without any password configured for the default user. \
                     Are you sure your configuration is correct?",
                ));
            }
            (DEFAULT_USER.as_bytes(), args.next())
        }
        2 => (args.next(), args.next()),
        _ => return Err(Error::SYNTAX),
    };
    log_in(context, user, password)?;
    reply.ok();
    Ok(())
}

impl Server {
    /// Whether this is a user's password. Without a password to say, any will do.
    pub fn knows(&self, user: &[u8], password: &[u8]) -> bool {
        let secret = self.config().requirepass.clone();
        let is_right = secret.is_empty() || same(password, secret.as_bytes());
        user == DEFAULT_USER.as_bytes() && is_right
    }
}

fn log_in(context: &mut Context, user: &[u8], password: &[u8]) -> Done {
    if !context.server.knows(user, password) {
        return Err(WRONG_PASSWORD);
    }
    context.session.set_authenticated(true);
    Ok(())
}

/// Compares in a time that says nothing of where, or how much, the two differ.
fn same(given: &[u8], secret: &[u8]) -> bool {
    let mut difference = given.len() ^ secret.len();
    for (at, byte) in given.iter().enumerate() {
        difference |= usize::from(byte ^ secret[at % secret.len()]);
    }
    black_box(difference) == 0
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
        log_in(context, user, password)?;
    }
    if !context.session.authenticated {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_compared_whole() {
        assert!(same(b"secret", b"secret"));
        for given in [&b""[..], b"s", b"secres", b"Secret", b"secretsecret", b"secret "] {
            assert!(!same(given, b"secret"), "{given:?}");
        }
    }
}
