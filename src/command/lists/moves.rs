//! From one list to another, in one step.

use super::ends::{popped, pushed};
use super::{side, side_name};
use crate::command::args::Args;
use crate::command::blocking::timeout_ms;
use crate::command::error::{Done, Error};
use crate::data::list::{End, List};
use crate::keyspace::Edit;
use crate::protocol::Reply;

/// From where to where.
struct Move<'a> {
    from: (&'a [u8], End),
    to: (&'a [u8], End),
}

impl<'a> Move<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Move<'a>, Error> {
        let (from, to) = (args.next(), args.next());
        let (from_end, to_end) = (side(args), side(args));
        args.check()?;
        Ok(Move { from: (from, from_end), to: (to, to_end) })
    }

    fn of_rpoplpush(args: &mut Args<'a>) -> Move<'a> {
        Move { from: (args.next(), End::Back), to: (args.next(), End::Front) }
    }

    /// Moves one element of a list that there is, and says it.
    fn run(&self, edit: &mut Edit, reply: &mut Reply) -> Done {
        let ((from, from_end), (to, to_end)) = (self.from, self.to);
        edit.read::<List>(to)?;
        let thresholds = edit.thresholds();
        let Some(element) = edit.write::<List>(from)?.and_then(|list| list.pop(from_end, &thresholds)) else {
            return Ok(());
        };
        edit.write_or_create::<List>(to)?.push(to_end, &element, &thresholds);
        edit.record(&[b"LMOVE", from, to, side_name(from_end), side_name(to_end)]);
        edit.touch(edit.db(), to);
        edit.notify(pushed(to_end).1, to);
        edit.notify(popped(from_end).1, from);
        edit.drop_if_empty(from);
        reply.bulk(&element);
        Ok(())
    }

    fn run_now(&self, edit: &mut Edit, reply: &mut Reply) -> Done {
        match edit.read::<List>(self.from.0)? {
            Some(_) => self.run(edit, reply)?,
            None => reply.null(),
        }
        Ok(())
    }

    fn run_or_wait(&self, timeout_ms: Option<u64>, edit: &mut Edit, reply: &mut Reply) -> Done {
        if edit.read::<List>(self.from.0)?.is_some() {
            // A destination that is no list is an error now, and nothing to wait for.
            edit.end_waiting();
            return self.run(edit, reply);
        }
        if !edit.wait_for(std::iter::once(self.from.0), timeout_ms) {
            // In a transaction there was no wait, and the reply is RPOPLPUSH's.
            if edit.has_waited() { reply.null_array() } else { reply.null() }
        }
        Ok(())
    }
}

pub(super) fn lmove(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    Move::parse(args)?.run_now(edit, reply)
}

pub(super) fn rpoplpush(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    Move::of_rpoplpush(args).run_now(edit, reply)
}

pub(super) fn blmove(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let chosen = Move::parse(args)?;
    chosen.run_or_wait(timeout_ms(args.next(), edit.now_ms())?, edit, reply)
}

pub(super) fn brpoplpush(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let chosen = Move::of_rpoplpush(args);
    chosen.run_or_wait(timeout_ms(args.next(), edit.now_ms())?, edit, reply)
}
