//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC locks the union of its commands' key sets, runs them one after another on the same [`Edit`], and appends all
//! effects as one group: isolated for other clients, all or nothing for the log.

use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::{Call, Executor, gather_events, look_up, read_with, write_with};
use crate::command::args::parse_int;
use crate::command::keys::databases::in_range;
use crate::command::row::{Flags, Run, Step};
use crate::command::table::Found;
use crate::command::{Error, Keys};
use crate::keyspace::lock::{Locked, Mode, Place};
use crate::keyspace::{Edit, Places};
use crate::protocol::{OwnedWords, Words};
use crate::session::{Queued, Session, Transaction, Watching};

const EXEC_ABORT: Error = Error::fixed("EXECABORT Transaction discarded because of previous errors.");
const QUEUE_TOO_BIG: Error = Error::fixed("ERR the transaction is larger than client-query-buffer-limit");

/// An EXEC that is refused ends the transaction all the same.
pub(super) fn exec_refused(why: &Error) -> Error {
    let why = why.text().strip_prefix("ERR ").unwrap_or(why.text());
    Error::new(format!("EXECABORT Transaction discarded because of: {why}"))
}

impl Executor {
    pub(super) fn queue(&self, found: Found, words: Words<'_>, call: &mut Call) -> Result<(), Error> {
        let writes = matches!(found.command.run, Run::Write(_));
        let Some(transaction) = &mut call.session.transaction else { return Ok(()) };
        if writes && let Err(error) = self.refuse_if_unwritable() {
            transaction.aborted = true;
            return Err(error);
        }
        let words = OwnedWords::from(words);
        transaction.bytes += size_of::<Queued>() + words.size_bytes();
        if transaction.bytes > self.server.buffers.query_max() {
            self.server.metrics.clients.query_overflows.fetch_add(1, Ordering::Relaxed);
            call.session.closing = true;
            return Err(QUEUE_TOO_BIG);
        }
        transaction.grows |= found.command.flags.has(Flags::GROWS);
        transaction.is_long |= found.command.flags.has(Flags::LONG);
        transaction.queue.push(Queued { index: found.index, words });
        call.reply.status("QUEUED");
        Ok(())
    }

    pub(super) fn step(&self, step: Step, words: Words<'_>, call: &mut Call) -> Result<(), Error> {
        let in_multi = call.session.transaction.is_some();
        match (step, in_multi) {
            (Step::Multi, true) => return Err(Error::fixed("ERR MULTI calls can not be nested")),
            (Step::Multi, false) => call.session.transaction = Some(Box::default()),
            (Step::Exec, false) => return Err(Error::fixed("ERR EXEC without MULTI")),
            (Step::Exec, true) => return self.exec(call),
            (Step::Discard, false) => return Err(Error::fixed("ERR DISCARD without MULTI")),
            (Step::Discard, true) => self.discard(call.session),
            (Step::Watch, true) => return Err(Error::fixed("ERR WATCH inside MULTI is not allowed")),
            (Step::Watch, false) => self.watch(words, call),
            // Inside MULTI, UNWATCH is queued.
            (Step::Unwatch, _) => call.session.unwatch(&self.server.keyspace),
        }
        call.reply.ok();
        Ok(())
    }

    pub(super) fn discard(&self, session: &mut Session) {
        session.transaction = None;
        session.unwatch(&self.server.keyspace);
    }

    fn watch(&self, words: Words<'_>, call: &mut Call) {
        let keyspace = &*self.server.keyspace;
        let db = call.session.db;
        let watching = call.session.watching.get_or_insert_default();
        for key in words.iter().skip(1) {
            watching.watch(db, key, |dirty| {
                let hash = keyspace.hash(key);
                keyspace.with_shard(Place::of(db, key), |shard| {
                    shard.side.watchers.add(key, dirty);
                    shard.find(hash, key).is_some_and(|entry| !entry.is_due(call.now_ms))
                })
            });
        }
    }

    fn exec(&self, call: &mut Call) -> Result<(), Error> {
        let Some(transaction) = call.session.transaction.take() else { return Err(EXEC_ABORT) };
        let watching = call.session.watching.take();
        let done = self.exec_queue(*transaction, watching.as_deref(), call);
        call.session.watching = watching;
        call.session.unwatch(&self.server.keyspace);
        done
    }

    fn exec_queue(
        &self,
        transaction: Transaction,
        watching: Option<&Watching>,
        call: &mut Call,
    ) -> Result<(), Error> {
        if transaction.aborted {
            return Err(EXEC_ABORT);
        }
        let queue = found_again(&transaction);
        if queue.iter().any(|(found, _)| matches!(found.command.run, Run::Write(_))) {
            self.refuse_if_unwritable().map_err(|why| exec_refused(&why))?;
        }
        let keyspace = &*self.server.keyspace;
        let places = union_of_keys(&queue, watching, call.session.db);
        let locked = Locked::many(keyspace, places, Mode::Exclusive);
        let mut edit = Edit::new(keyspace, locked, self.log.collect(), call.session.db, call.now_ms);
        if watching.is_some_and(|watching| has_changed(watching, &edit)) {
            call.depends_on = edit.written();
            call.reply.null_array();
            return Ok(());
        }
        call.reply.array(queue.len());
        let began = call.counters.began();
        call.counters.start_watch();
        for (found, words) in &queue {
            self.exec_one(*found, *words, &mut edit, call);
        }
        call.counters.set_began(began);
        self.record(&mut edit, call);
        self.wake(edit.finish(), call);
        self.publish_notifications(call);
        Ok(())
    }

    fn exec_one(&self, found: Found, words: Words<'_>, edit: &mut Edit, call: &mut Call) {
        let mark = call.reply.mark();
        if let Err(error) = self.authorize_queued(found, words, call.session, call.now_ms) {
            return call.fail(mark, &error);
        }
        let done = match found.command.run {
            Run::Read(_) => read_with(found, words, edit, call),
            Run::Write(_) => write_with(found, words, edit, call),
            Run::Serve(_) => {
                let size = |db| edit.size(db);
                let done = self.serve(found, words, Some(&size), call);
                edit.set_db(call.session.db);
                done
            }
            // Only UNWATCH is ever queued: the keys are unwatched when EXEC ends.
            Run::Transaction(_) => {
                call.reply.ok();
                Ok(())
            }
            Run::Container(_) => Err(Error::unknown_subcommand_or_arity(words)),
        };
        gather_events(edit, call);
        self.count(found, words, call, done.is_err());
        if self.server.monitors.are_there() {
            self.show(found, words, call);
        }
        if let Err(error) = done {
            call.fail(mark, &error);
        }
    }
}

fn found_again(transaction: &Transaction) -> Vec<(Found, Words<'_>)> {
    transaction
        .queue
        .iter()
        .filter_map(|queued| {
            let words = queued.words.words();
            look_up(words).ok().map(|found| (found, words))
        })
        .collect()
}

/// The shards of all commands and all watched keys. A SELECT in the queue moves the keys behind it, or is refused when
/// it runs and moves nothing: they are locked in every database that may be the current one by then.
fn union_of_keys(queue: &[(Found, Words<'_>)], watching: Option<&Watching>, db: u8) -> Places {
    let mut places = Places::new();
    let mut current = SmallVec::<[u8; 4]>::from_slice(&[db]);
    for watched in watching.into_iter().flat_map(Watching::keys) {
        places.key(watched.db, &watched.key);
    }
    for (found, words) in queue {
        match found.command.keys {
            Keys::None if found.command.flags.has(Flags::SELECTS) => {
                let selected = parse_int(words.get(1)).and_then(in_range);
                if let Some(db) = selected.filter(|db| !current.contains(db)) {
                    current.push(db);
                }
            }
            keys => current.iter().for_each(|db| keys.each(*words, *db, &mut places)),
        }
    }
    places
}

fn has_changed(watching: &Watching, edit: &Edit) -> bool {
    watching.dirty.is_set() || watching.existing_keys().any(|w| edit.peek(w.db, &w.key).is_none())
}
