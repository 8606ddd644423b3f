//! Finding keys: all of a pattern, some at a time, any one.

use super::ROW;
use crate::command::args::Args;
use crate::command::collection::{Texts, say_all};
use crate::command::error::{Done, Error};
use crate::command::row::{Command, Flags, Keys, Run};
use crate::keyspace::entry::Entry;
use crate::keyspace::pattern::Pattern;
use crate::keyspace::{View, sample, scan};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "keys",
        arity: 2,
        keys: Keys::Every,
        flags: Flags::LONG.and(Flags::DANGEROUS),
        syntax: "pattern",
        summary: "Returns all key names that match a pattern.",
        complexity: "O(N) where N is the number of keys; one shard is locked at a time.",
        run: Run::Read(keys),
        ..ROW
    },
    Command {
        name: "scan",
        arity: -2,
        keys: Keys::Every,
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        summary: "Walks over the key names in steps; a key that stays is returned, whatever happens meanwhile.",
        since: "2.8.0",
        complexity: "O(COUNT) for a step, and O(S) where S shards are empty; one shard is locked at a time.",
        run: Run::Read(scan),
        ..ROW
    },
    Command {
        name: "randomkey",
        arity: 1,
        keys: Keys::Every,
        summary: "Returns a random key name.",
        complexity: "O(S) where S is the number of shards.",
        run: Run::Read(randomkey),
        ..ROW
    },
];

fn keys(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let pattern = Pattern::new(args.next());
    let mut found = Texts::default();
    view.each(|entry| {
        if pattern.matches(entry.key()) {
            found.push(entry.key());
        }
    });
    say_all(reply, &found);
    Ok(())
}

fn randomkey(_: &mut Args, view: &View, reply: &mut Reply) -> Done {
    match sample::random_key(view) {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}

/// What SCAN was asked for besides where to go on.
struct ScanOptions<'a> {
    count: usize,
    pattern: Pattern,
    /// A type's name, known or not.
    kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    const COUNT_DEFAULT: usize = 10;

    fn parse(args: &mut Args<'a>) -> Result<ScanOptions<'a>, Error> {
        let mut options = ScanOptions { count: Self::COUNT_DEFAULT, pattern: Pattern::All, kind: None };
        while !args.is_done() {
            if let Some(pattern) = args.keyword_and_value("MATCH") {
                options.pattern = Pattern::new(pattern);
            } else if let Some(kind) = args.keyword_and_value("TYPE") {
                options.kind = Some(kind);
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

    fn wants(&self, entry: &Entry) -> bool {
        let of_kind = self.kind.is_none_or(|kind| kind.eq_ignore_ascii_case(entry.kind().name().as_bytes()));
        of_kind && self.pattern.matches(entry.key())
    }
}

/// A cursor that SCAN has handed out, or any other number of 64 bits.
pub fn parse_cursor(word: &[u8]) -> Result<u64, Error> {
    let (negative, digits) = match word {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number: Option<u64> = digits.and_then(|digits| digits.parse().ok());
    // As `strtoul` has it: a negative number is its two's complement, nothing at all is 0.
    let cursor = number.map(|number| if negative { number.wrapping_neg() } else { number });
    cursor.ok_or(Error::fixed("ERR invalid cursor"))
}

fn scan(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let cursor = parse_cursor(args.next())?;
    let options = ScanOptions::parse(args)?;
    let mut found = Texts::default();
    let next = scan::step(view, cursor, options.count, |entry| {
        if options.wants(entry) {
            found.push(entry.key());
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    say_all(reply, &found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_whole_numbers_of_64_bits() {
        assert_eq!(parse_cursor(b"0"), Ok(0));
        assert_eq!(parse_cursor(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_cursor(b"-1"), Ok(u64::MAX));
        assert_eq!(parse_cursor(b""), Ok(0));
        for word in [&b"+1"[..], b" 1", b"1x", b"18446744073709551616", b"\xff"] {
            assert!(parse_cursor(word).is_err(), "{word:?}");
        }
    }
}
