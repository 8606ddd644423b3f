//! ACL commands that change nothing.

use super::users::in_category;
use crate::acl::{Categories, Denied, Selector};
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::{permission, table};
use crate::protocol::{OwnedWords, Reply};

pub fn cat(args: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    let names: Vec<&str> = match args.left() {
        0 => Categories::NAMED.iter().map(|(name, _)| *name).collect(),
        1 => {
            let name = args.next();
            let category = Categories::named(name).ok_or_else(|| {
                let shown = String::from_utf8_lossy(&name[..name.len().min(128)]);
                Error::new(format!("ERR Unknown category '{shown}'"))
            })?;
            in_category(category)
        }
        _ => return Err(Error::unknown_subcommand_or_arity(args.words())),
    };
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

pub fn get_user(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let Some(user) = context.server.acl.user(args.next()) else {
        reply.null();
        return Ok(());
    };
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    let passwords = user.passwords();
    reply.array(passwords.len());
    passwords.iter().for_each(|hash| reply.bulk(hash.as_bytes()));
    selector_to(reply, user.root());
    reply.bulk(b"selectors");
    reply.array(user.selectors().len());
    for selector in user.selectors() {
        reply.map(3);
        selector_to(reply, selector);
    }
    Ok(())
}

fn selector_to(reply: &mut Reply, selector: &Selector) {
    reply.bulk(b"commands");
    reply.bulk(&selector.commands());
    reply.bulk(b"keys");
    reply.bulk(&selector.keys());
    reply.bulk(b"channels");
    reply.bulk(&selector.channels());
}

pub fn list(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let users = context.server.acl.users();
    reply.array(users.len());
    users.iter().for_each(|user| reply.bulk(&user.line()));
    Ok(())
}

pub fn users(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let users = context.server.acl.users();
    reply.array(users.len());
    users.iter().for_each(|user| reply.bulk(&user.name));
    Ok(())
}

pub fn who_am_i(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    reply.bulk(&context.session.login.user(&context.server.acl).name);
    Ok(())
}

pub fn dry_run(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let name = args.next();
    let user = context.server.acl.user(name);
    let user = user.ok_or_else(|| Error::new(format!("ERR User '{}' not found", shown(name))))?;
    let mut request = OwnedWords::new(args.form());
    args.rest().for_each(|word| request.push(word));
    let words = request.words();
    let found = table::find_request(words)
        .ok_or_else(|| Error::new(format!("ERR Command '{}' not found", shown(words.get(0)))))?;
    if !found.command.takes(words.len()) {
        return Err(Error::wrong_arity(&found.full_name()));
    }
    let Err(denied) = permission::check(&user, found, words) else {
        reply.ok();
        return Ok(());
    };
    let user = shown(&user.name);
    let answer = match denied {
        Denied::Command => {
            format!("User {user} has no permissions to run the '{}' command", found.full_name())
        }
        Denied::Key(key) => format!("User {user} has no permissions to access the '{}' key", shown(&key)),
        Denied::Channel(channel) => {
            format!("User {user} has no permissions to access the '{}' channel", shown(&channel))
        }
        Denied::Option(option) => {
            format!("User {user} has no permissions to read the keys that the {option} option makes up")
        }
    };
    reply.bulk(answer.as_bytes());
    Ok(())
}
