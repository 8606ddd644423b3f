//! CONFIG: the options of [`crate::config`], asked for and set while the server runs.

use super::ADMIN;
use crate::command::acl::users;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::help;
use crate::command::row::{Command, Flags, Group, Run};
use crate::config::Refusal;
use crate::keyspace::pattern::Pattern;
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "get",
        arity: -3,
        syntax: "parameter [parameter ...]",
        summary: "Returns the options whose names match the patterns, with their values.",
        complexity: "O(N) where N is the number of options times that of patterns.",
        run: Run::Serve(get),
        ..ROW
    },
    help::row(Group::Server, "5.0.0"),
    Command {
        name: "resetstat",
        arity: 2,
        summary: "Sets the figures of INFO's statistics to zero.",
        run: Run::Serve(reset_statistics),
        ..ROW
    },
    Command {
        name: "rewrite",
        arity: 2,
        flags: ADMIN.and(Flags::NO_MULTI),
        summary: "Writes the options as they are into the configuration file.",
        since: "2.8.0",
        run: Run::Serve(rewrite),
        ..ROW
    },
    Command {
        name: "set",
        arity: -4,
        flags: ADMIN.and(Flags::SENSITIVE),
        syntax: "parameter value [parameter value ...]",
        summary: "Sets options: all of them, or none.",
        complexity: "O(N) where N is the number of options.",
        run: Run::Serve(set),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Server, flags: ADMIN, since: "2.0.0", ..Command::ROW };

fn get(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let words: Vec<&[u8]> = args.rest().collect();
    let patterns: Vec<Pattern> = words.iter().map(|word| Pattern::new(&word.to_ascii_lowercase())).collect();
    let wanted = |name: &str| patterns.iter().any(|pattern| pattern.matches(name.as_bytes()));
    let found = context.server.config().matching(wanted);
    reply.map(found.len());
    for (name, value) in &found {
        // Whoever asks for an option by name gets it under the name as written.
        let asked = words.iter().find(|word| word.eq_ignore_ascii_case(name.as_bytes()));
        reply.bulk(asked.unwrap_or(&name.as_bytes()));
        reply.bulk(value.as_bytes());
    }
    Ok(())
}

fn set(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    if args.left() % 2 == 1 {
        return Err(Error::SYNTAX);
    }
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let mut settings = Vec::new();
    while !args.is_done() {
        settings.push((text(args.next()), text(args.next())));
    }
    // Sockets may have to follow, which takes a while: nobody who only reads the configuration waits for that.
    let _changing = context.begin_change()?;
    let moved = settings.iter().find(|(name, _)| moves_sockets(name));
    if let Some((name, _)) = moved.filter(|_| context.held.is_some()) {
        return Err(refused(Refusal::Wrong(
            name.clone(),
            "sockets stay as they are within a transaction".into(),
        )));
    }
    let server = context.server;
    let before = server.config().clone();
    let mut after = before.clone();
    after.set_live(&settings).map_err(refused)?;
    let reload = settings.iter().any(|(name, _)| is_about_tls(name));
    let needs_password = match after.requirepass == before.requirepass {
        true => server.acl.default_needs_password(),
        false => !after.requirepass.is_empty(),
    };
    server.control.adopt(&before, &after, needs_password, reload).map_err(refused)?;
    server.apply(&after);
    if after.requirepass != before.requirepass {
        server.acl.set_default_password(&after.requirepass);
    }
    *server.config() = after;
    reply.ok();
    Ok(())
}

fn is_about_tls(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("tls-")
}

fn moves_sockets(name: &str) -> bool {
    is_about_tls(name) || ["bind", "port"].iter().any(|option| name.eq_ignore_ascii_case(option))
}

fn refused(refusal: Refusal) -> Error {
    Error::new(match refusal {
        Refusal::Unknown(name) => {
            format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
        }
        Refusal::Wrong(name, why) => {
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")
        }
    })
}

fn reset_statistics(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    context.server.metrics.reset();
    context.server.limit.reset();
    context.server.acl.journal().reset_counts();
    reply.ok();
    Ok(())
}

fn rewrite(_: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let _changing = context.begin_change()?;
    let server = context.server;
    let config = server.config().clone();
    let users = users::lines(&server.acl, &config);
    server.control.rewrite_config(&config, &users).map_err(|why| Error::new(format!("ERR {why}")))?;
    reply.ok();
    Ok(())
}
