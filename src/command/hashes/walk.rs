//! HSCAN.

use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::command::keys::walk::parse_cursor;
use crate::data::hash::Hash;
use crate::keyspace::View;
use crate::keyspace::pattern::Pattern;
use crate::protocol::{OwnedWords, Reply};

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
    let mut found = OwnedWords::new(args.form());
    let mut next = 0;
    if let Some(hash) = view.read::<Hash>(key)? {
        let options = Options::parse(args)?;
        next = hash.scan(cursor, options.count, view.now_ms(), &mut |field| {
            let mut text = [0; 20];
            let name = field.name.as_bytes(&mut text);
            if options.pattern.matches(name) {
                found.push(name);
                if options.values {
                    found.push(field.value.as_bytes(&mut [0; 20]));
                }
            }
        });
    }
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(found.words().len());
    found.words().iter().for_each(|word| reply.bulk(word));
    Ok(())
}
