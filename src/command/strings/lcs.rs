//! LCS: what two strings have in common.

use std::ops::RangeInclusive;

use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::data::lcs::Lcs;
use crate::keyspace::View;
use crate::limits::BULK_MAX;
use crate::protocol::Reply;

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl Options {
    fn parse(args: &mut Args) -> Result<Options, Error> {
        let mut options = Options::default();
        while !args.is_done() {
            if args.keyword("IDX") {
                options.idx = true;
            } else if args.keyword("LEN") {
                options.len = true;
            } else if args.keyword("WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.left() > 1 && args.keyword("MINMATCHLEN") {
                options.min_match_len = args.int();
                args.check()?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if options.idx && options.len {
            return Err(Error::fixed("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

pub(super) fn lcs(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let not_strings = |_| Error::fixed("ERR The specified keys must contain string values");
    let a = view.string(args.next()).map_err(not_strings)?.unwrap_or_default();
    let b = view.string(args.next()).map_err(not_strings)?.unwrap_or_default();
    let options = Options::parse(args)?;
    refuse_if_too_long(a, b)?;
    let lcs = Lcs::new(a, b);
    if options.idx {
        indexes(&lcs, &options, reply);
    } else if options.len {
        reply.int(lcs.length() as i64);
    } else {
        reply.bulk(&lcs.bytes());
    }
    Ok(())
}

/// Redis fills a table of 32-bit lengths, and refuses when that would be larger than a string may be. The table here
/// takes a bit where that takes 32, but what one server refuses the other had better not take long for.
fn refuse_if_too_long(a: &[u8], b: &[u8]) -> Done {
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(size_of::<u32>() as u64) > BULK_MAX as u64 {
        return Err(Error::fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

fn indexes(lcs: &Lcs, options: &Options, reply: &mut Reply) {
    let mut matches = lcs.matches();
    matches.retain(|found| found.length() as i64 >= options.min_match_len);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for found in matches {
        let length = found.length() as i64;
        reply.array(2 + usize::from(options.with_match_len));
        range(found.a, reply);
        range(found.b, reply);
        if options.with_match_len {
            reply.int(length);
        }
    }
    reply.bulk(b"len");
    reply.int(lcs.length() as i64);
}

fn range(places: RangeInclusive<usize>, reply: &mut Reply) {
    reply.array(2);
    reply.int(*places.start() as i64);
    reply.int(*places.end() as i64);
}
