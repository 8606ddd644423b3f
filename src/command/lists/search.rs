//! LPOS.

use crate::command::args::Args;
use crate::command::error::{Done, Error};
use crate::data::list::{End, List, Search};
use crate::keyspace::View;
use crate::protocol::Reply;

/// Options of LPOS.
struct Options {
    /// Which match is the first to count, from the end where it is negative; never 0.
    rank: i64,
    /// How many matches are wanted, 0 for all; `None` for one that is not in an array.
    count: Option<i64>,
    depth: i64,
}

impl Options {
    fn parse(args: &mut Args) -> Result<Options, Error> {
        const RANK_ZERO: Error = Error::fixed(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        );
        let mut options = Options { rank: 1, count: None, depth: 0 };
        while !args.is_done() {
            if args.left() < 2 {
                return Err(Error::SYNTAX);
            } else if args.keyword("RANK") {
                options.rank = args.long();
                args.check()?;
                if options.rank == 0 {
                    return Err(RANK_ZERO);
                }
            } else if args.keyword("COUNT") {
                options.count = Some(args.int_in(0..=i64::MAX, Error::fixed("ERR COUNT can't be negative")));
            } else if args.keyword("MAXLEN") {
                options.depth = args.int_in(0..=i64::MAX, Error::fixed("ERR MAXLEN can't be negative"));
            } else {
                return Err(Error::SYNTAX);
            }
            args.check()?;
        }
        Ok(options)
    }

    fn search(&self) -> Search {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Search {
            from: if self.rank < 0 { End::Back } else { End::Front },
            skip: size(self.rank.unsigned_abs() - 1),
            count: size(self.count.unwrap_or(1).unsigned_abs()),
            depth: size(self.depth.unsigned_abs()),
        }
    }
}

pub(super) fn lpos(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, element) = (args.next(), args.next());
    let options = Options::parse(args)?;
    let list = view.read::<List>(key)?;
    let found = list.map(|list| list.positions(element, options.search())).unwrap_or_default();
    match options.count {
        Some(_) => {
            reply.array(found.len());
            found.iter().for_each(|&at| reply.int(at as i64));
        }
        None => match found.first() {
            Some(&at) => reply.int(at as i64),
            None => reply.null(),
        },
    }
    Ok(())
}
