//! CLIENT KILL.

use super::client_list::Kind;
use crate::command::args::{Args, parse_int};
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::protocol::Reply;
use crate::session::Client;

/// What a client must be to be closed; what is not asked for does not matter.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Kind>,
    user: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    max_age_seconds: Option<u64>,
    /// The client that asks is spared.
    spare_self: bool,
}

impl<'a> Filter<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Filter<'a>, Error> {
        let mut filter = Filter { spare_self: true, ..Filter::default() };
        while !args.is_done() {
            let option = args.next();
            let value = args.next();
            args.check()?;
            let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
            if is("ID") {
                let id = parse_int(value).filter(|&id| id > 0);
                let id = id.ok_or(Error::fixed("ERR client-id should be greater than 0"))?;
                filter.id = Some(id as u64);
            } else if is("TYPE") {
                filter.kind = Some(Kind::parse(value)?);
            } else if is("ADDR") {
                filter.address = Some(value);
            } else if is("LADDR") {
                filter.local_address = Some(value);
            } else if is("USER") {
                filter.user = Some(value);
            } else if is("MAXAGE") {
                let age = parse_int(value);
                let age = age.ok_or(Error::fixed("ERR maxage is not an integer or out of range"))?;
                if age <= 0 {
                    return Err(Error::fixed("ERR maxage should be greater than 0"));
                }
                filter.max_age_seconds = Some(age as u64);
            } else if is("SKIPME") && value.eq_ignore_ascii_case(b"yes") {
                filter.spare_self = true;
            } else if is("SKIPME") && value.eq_ignore_ascii_case(b"no") {
                filter.spare_self = false;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client, now_ms: u64) -> bool {
        let age_seconds = now_ms.saturating_sub(client.connected_ms) / 1000;
        self.id.is_none_or(|id| id == client.id)
            && self.kind.is_none_or(|kind| kind == Kind::of(client))
            && self.user.is_none_or(|user| *user == *client.names().user)
            && self.address.is_none_or(|address| address == client.origin.address.as_bytes())
            && self.local_address.is_none_or(|address| address == client.origin.local_address.as_bytes())
            && self.max_age_seconds.is_none_or(|age| age_seconds >= age)
    }
}

/// `CLIENT KILL ip:port`, or options and their values.
pub fn kill(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    if args.left() == 1 {
        let filter = Filter { address: Some(args.next()), ..Filter::default() };
        return match close_all(&filter, context) {
            0 => Err(Error::fixed("ERR No such client")),
            _ => {
                reply.ok();
                Ok(())
            }
        };
    }
    let filter = Filter::parse(args)?;
    if let Some(user) = filter.user.filter(|user| context.server.acl.user(user).is_none()) {
        return Err(Error::new(format!("ERR No such user '{}'", String::from_utf8_lossy(user))));
    }
    reply.int(close_all(&filter, context) as i64);
    Ok(())
}

/// Returns how many go. The client that asks gets its reply first.
fn close_all(filter: &Filter, context: &mut Context) -> usize {
    let own_id = context.session.client.id;
    let mut closed = 0;
    for client in context.server.clients.all() {
        let is_self = client.id == own_id;
        if !filter.matches(&client, context.now_ms) || (is_self && filter.spare_self) {
            continue;
        }
        closed += 1;
        if is_self {
            context.session.closing = true;
        } else {
            context.server.control.close(client.id);
        }
    }
    closed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OwnedWords;

    fn parse(request: &str) -> Result<(), String> {
        let words = OwnedWords::from_words(format!("client kill {request}").split(' '));
        let mut args = Args::of_subcommand(words.words());
        Filter::parse(&mut args).map(drop).map_err(|error| error.text().to_string())
    }

    #[test]
    fn wrong_options_are_named() {
        for (request, error) in [
            ("id 10 wrong", "ERR syntax error"),
            ("id str", "ERR client-id should be greater than 0"),
            ("id -1", "ERR client-id should be greater than 0"),
            ("id 0", "ERR client-id should be greater than 0"),
            ("type wrong", "ERR Unknown client type 'wrong'"),
            ("skipme maybe", "ERR syntax error"),
            ("maxage old", "ERR maxage is not an integer or out of range"),
            ("what ever", "ERR syntax error"),
        ] {
            assert_eq!(parse(request), Err(error.into()), "{request}");
        }
        assert_eq!(
            parse("ID 7 TYPE normal USER default ADDR 1.2.3.4:5 LADDR ::1 SKIPME no MAXAGE 3"),
            Ok(())
        );
    }
}
