//! HSCAN.

use crate::command::args::Args;
use crate::command::collection::{Texts, say_all};
use crate::command::error::{Done, Error};
use crate::command::keys::walk::parse_cursor;
use crate::data::hash::Hash;
use crate::keyspace::View;
use crate::keyspace::pattern::Pattern;
use crate::protocol::Reply;

struct Options {
    count: usize,
    pattern: Pattern,
    values: bool,
}

impl Options {
    const COUNT_DEFAULT: usize = 10;

    fn parse(args: &mut Args) -> Result<Options, Error> {
        let mut options = Options { count: Self::COUNT_DEFAULT, pattern: Pattern::All, values: true };
        while !args.is_done() {
            if let Some(pattern) = args.keyword_and_value("MATCH") {
                options.pattern = Pattern::new(pattern);
            } else if args.keyword("NOVALUES") {
                options.values = false;
            } else if args.left() > 1 && args.keyword("COUNT") {
                let count = args.int();
                args.check()?;
                options.count = usize::try_from(count).ok().filter(|&n| n > 0).ok_or(Error::SYNTAX)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

pub(super) fn hscan(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, cursor) = (args.next(), parse_cursor(args.next())?);
    let mut found = Texts::default();
    let mut next = 0;
    if let Some(hash) = view.read::<Hash>(key)? {
        let options = Options::parse(args)?;
        next = hash.scan(cursor, options.count, view.now_ms(), &mut |field| {
            if options.pattern.matches(field.name.as_bytes(&mut [0; 20])) {
                found.push_element(&field.name);
                if options.values {
                    found.push_element(&field.value);
                }
            }
        });
    }
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    say_all(reply, &found);
    Ok(())
}
