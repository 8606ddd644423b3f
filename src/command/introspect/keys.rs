//! COMMAND GETKEYS and GETKEYSANDFLAGS.

use super::has_movable_keys;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::row::{Command, KeyVisitor, Keys};
use crate::command::table::{self, Found};
use crate::protocol::{OwnedWords, Reply, Words};

/// Keys in the order in which the row names them.
#[derive(Default)]
struct Named(Vec<Vec<u8>>);

impl KeyVisitor for Named {
    fn key(&mut self, _: u8, key: &[u8]) {
        self.0.push(key.to_vec());
    }
}

pub fn keys(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let request = request(args);
    let (_, keys) = keys_of(request.words())?;
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

pub fn keys_and_flags(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let request = request(args);
    let (found, keys) = keys_of(request.words())?;
    reply.array(keys.len());
    for (nth, key) in keys.iter().enumerate() {
        let flags = found.command.key_use(nth, request.words()).names();
        reply.array(2);
        reply.bulk(key);
        reply.set(flags.len());
        flags.iter().for_each(|flag| reply.status(flag));
    }
    Ok(())
}

/// The words behind the subcommand: a request of its own.
fn request(args: &mut Args) -> OwnedWords {
    let mut request = OwnedWords::new(args.form());
    args.rest().for_each(|word| request.push(word));
    request
}

fn keys_of(request: Words<'_>) -> Result<(Found, Vec<Vec<u8>>), Error> {
    let found = table::find_request(request).ok_or(Error::fixed("ERR Invalid command specified"))?;
    let command = found.command;
    if !names_keys(command) {
        return Err(Error::fixed("ERR The command has no key arguments"));
    }
    if !command.takes(request.len()) {
        return Err(Error::fixed("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Named::default();
    command.keys.each(request, 0, &mut keys);
    if keys.0.is_empty() || !counts_right(command, request) {
        return Err(Error::fixed("ERR Invalid arguments specified for command"));
    }
    Ok((found, keys.0))
}

/// SWAPDB and its like touch keys, and name none.
fn names_keys(command: &Command) -> bool {
    command.keys.positions() != (0, 0, 0) || has_movable_keys(command)
}

/// Whether as many keys stand there as the request says.
fn counts_right(command: &Command, request: Words<'_>) -> bool {
    let Keys::Counted { at, .. } = command.keys else { return true };
    let count = request.iter().nth(at as usize).and_then(crate::command::args::parse_int);
    count.is_some_and(|count| count > 0 && count < request.len() as i64 - i64::from(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(request: &str) -> Result<Vec<String>, String> {
        let words = OwnedWords::from_words(request.split(' '));
        let text = |key: Vec<u8>| String::from_utf8_lossy(&key).into_owned();
        match keys_of(words.words()) {
            Ok((_, keys)) => Ok(keys.into_iter().map(text).collect()),
            Err(error) => Err(error.text().into()),
        }
    }

    #[test]
    fn keys_of_requests() {
        assert_eq!(keys("get key"), Ok(vec!["key".into()]));
        assert_eq!(keys("DEL a b c"), Ok(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(keys("memory usage key"), Ok(vec!["key".into()]));
        assert_eq!(keys("nosuch key"), Err("ERR Invalid command specified".into()));
        assert_eq!(keys("ping"), Err("ERR The command has no key arguments".into()));
        assert_eq!(keys("get a b"), Err("ERR Invalid number of arguments specified for command".into()));
        assert_eq!(keys("swapdb 0 1"), Err("ERR The command has no key arguments".into()));
        assert_eq!(keys("config get"), Err("ERR The command has no key arguments".into()));
        assert_eq!(keys("config nosuch"), Err("ERR Invalid command specified".into()));
    }
}
