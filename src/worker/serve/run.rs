//! The requests of one batch, one after the other, until something stops them.

use std::sync::Arc;

use super::Worker;
use crate::command::Error;
use crate::command::row::{self, Channels, Flags};
use crate::command::table::Found;
use crate::connection::{Connection, Exec, Progress};
use crate::execute::log::Seq;
use crate::execute::{look_up, may_run_long};
use crate::keyspace::lock::Kept;
use crate::keyspace::prefetch::Word;
use crate::limits;
use crate::machine::now_ms;
use crate::protocol::{Batch, Fault, Reply, Request, Wire};
use crate::session::{Blocked, Replies, Session};

/// Why a run of requests has ended.
pub enum Pause {
    /// All requests of the batch are done.
    Done,
    /// So much is to be sent that the rest of the batch waits.
    OutputFull,
    /// The next request may run for long, and as many such as may do already.
    LongQueued,
    /// The request waits for a key; whoever wakes it brings the turn along.
    Blocked,
    /// So many requests have run that the rest of the batch is for the pool.
    Enough,
    /// The session ends: nothing behind this request is run.
    Closing,
}

/// What follows a request.
enum Then {
    Next,
    /// It has not run yet: it does so once more, now.
    Again,
    /// It has not run yet, and will in a later run.
    Resume(Pause),
    Wait(Arc<Blocked>),
}

/// What a run keeps from request to request.
struct Run<'k> {
    now_ms: u64,
    /// As it was at the beginning, or when the rules may have changed: what is durable since then waits for nothing but
    /// a look.
    durable: Seq,
    /// The most that may wait for the client.
    output_max: usize,
    /// The record to wait for before the replies may leave.
    until: Seq,
    kept: Kept<'k>,
    pipelined: bool,
    /// The last request was for a collection.
    collections: bool,
}

impl<'p> Worker<'p> {
    /// Runs up to `most` requests, until the batch is done or something stops it. Also returns the record to wait for.
    pub fn run(
        &mut self,
        connection: &Connection,
        exec: &mut Exec,
        mut progress: Progress,
        most: usize,
    ) -> (Pause, Seq) {
        let session = &mut exec.session;
        self.counters().start_watch();
        let mut run = Run {
            now_ms: now_ms(),
            durable: self.pool.executor.log().durable(),
            output_max: connection.output_max(session.class()),
            until: 0,
            kept: Kept::default(),
            pipelined: progress.batch.requests.len() - progress.next > 1,
            collections: false,
        };
        let last = progress.next.saturating_add(most);
        self.ahead.restart(progress.next);
        self.out.clear();
        self.undurable.clear();
        while let Some(request) = progress.batch.requests.get(progress.next) {
            let then = if self.out.len() >= limits::OUTPUT_PAUSE {
                Then::Resume(Pause::OutputFull)
            } else if progress.next >= last {
                Then::Resume(Pause::Enough)
            } else {
                if run.pipelined {
                    self.look_along(&progress, session, &mut run);
                }
                match request.fault {
                    Some(fault) => self.refuse(request, fault, session, &mut run),
                    None => self.run_one(connection, &progress.batch, request, session, &mut run),
                }
            };
            match then {
                Then::Next => progress.next += 1,
                Then::Again => continue,
                Then::Resume(pause) => {
                    connection.resume_with(progress);
                    return (pause, run.until);
                }
                Then::Wait(blocked) => {
                    let is_over = connection.block(progress, blocked);
                    return (if is_over { Pause::Done } else { Pause::Blocked }, run.until);
                }
            }
            if session.closing {
                self.used.push(progress.batch);
                return (Pause::Closing, run.until);
            }
            if session.subscriptions.is_some() {
                self.post_published();
                if connection.has_messages() {
                    // What a client has published to itself comes before its next reply.
                    connection.resume_with(progress);
                    return (Pause::OutputFull, run.until);
                }
            }
        }
        session.publish(run.now_ms);
        self.used.push(progress.batch);
        (Pause::Done, run.until)
    }

    /// The next request of a pipeline is about to run.
    #[inline]
    fn look_along(&mut self, progress: &Progress, session: &Session, run: &mut Run<'p>) {
        let keyspace = &*self.pool.executor.server.keyspace;
        let word = |at, word| word_of(&progress.batch, at, word);
        self.ahead.step(keyspace, progress.next, |at| Some(keyspace.spot(session.db, word(at, Word::Key)?)));
        let stays = self.ahead.stays(progress.next);
        run.kept.continues(stays);
        if stays {
            self.ahead.step_elements(keyspace, &run.kept, progress.next, word);
        } else if run.collections {
            self.ahead.step_objects(keyspace, progress.next);
        }
    }

    /// Answers what is no request.
    #[cold]
    fn refuse(&mut self, request: &Request, fault: Fault, session: &mut Session, run: &mut Run<'p>) -> Then {
        run.kept.release();
        let wire = Wire::of(request.form, session.resp);
        if !self.undurable.is_empty() {
            // It stands behind replies that may yet be taken back, each for itself.
            self.undurable.push((self.out.len() as u32, wire));
        }
        Reply::new(&mut self.out, wire).error(fault.text());
        session.closing |= matches!(fault, Fault::Lost(_));
        Then::Next
    }

    #[inline]
    fn run_one(
        &mut self,
        connection: &Connection,
        batch: &Batch,
        request: &Request,
        session: &mut Session,
        run: &mut Run<'p>,
    ) -> Then {
        let (pool, start) = (self.pool, self.out.len());
        let words = batch.words(request);
        let found = look_up(words);
        if !found.as_ref().is_ok_and(|found| found.command.channels == Channels::Published) {
            self.post_published();
        }
        run.collections = found.as_ref().is_ok_and(|found| found.command.group.is_of_collections());
        let pushes = has(&found, Flags::PUSHES);
        // EXEC for what it may hold.
        let may_change_policy = has(&found, Flags::ADMIN)
            || found.as_ref().is_ok_and(|found| matches!(found.command.run, row::Run::Transaction(_)));
        let long = found.as_ref().is_ok_and(|&found| may_run_long(found, session));
        let paused = pool.executor.pause(session, &found, words, run.now_ms);
        let may_wait = has(&found, Flags::BLOCKING) || has(&found, Flags::REPLIES_LATER) || paused.is_some();
        if may_wait || long {
            run.kept.release();
        }
        if may_wait && start > 0 {
            // What stands before a request that may wait is sent first.
            return Then::Resume(Pause::OutputFull);
        }
        if let Some(paused) = paused {
            return Then::Wait(paused);
        }
        if long && !self.begin_long() {
            return Then::Resume(Pause::LongQueued);
        }
        let wire = Wire::of(request.form, session.resp);
        let mut reply = Reply::bounded(&mut self.out, wire, run.output_max);
        let outcome = pool.executor.run(
            session,
            found,
            words,
            &mut reply,
            &pool.executor.server.metrics.workers[self.index],
            run.now_ms,
            &mut self.woken,
            &mut run.kept,
        );
        let overflows = reply.overflows();
        if may_change_policy {
            // CONFIG SET appendfsync holds for what stands behind it in the same pipeline.
            run.durable = pool.executor.log().durable();
        }
        if long {
            self.come_back();
            pool.end_long();
            run.now_ms = now_ms();
        }
        if outcome.blocked {
            return session.blocked.clone().map_or(Then::Again, Then::Wait);
        }
        if session.replies != Replies::On && !session.says_reply() && !pushes {
            self.out.truncate(start);
        } else if overflows {
            self.out.clear();
            self.undurable.clear();
            connection.overflow();
            session.closing = true;
        } else if outcome.depends_on > run.durable || !self.undurable.is_empty() {
            self.undurable.push((start as u32, wire));
            run.until = run.until.max(outcome.depends_on);
        }
        Then::Next
    }

    /// The next command may run for long: nobody is to wait for it who need not. Returns whether it may begin.
    fn begin_long(&mut self) -> bool {
        self.leave();
        if !self.pool.begin_long(&mut self.rest) {
            self.come_back();
            return false;
        }
        self.send_together();
        // Others may wait for what this job has done: not for this command as well.
        self.pool.submit_woken(&mut self.woken.others);
        self.pool.executor.log().ring();
        self.counters().start_watch();
        true
    }
}

/// A longer word is no key that anybody would look ahead for: hashing it takes time.
const LOOKED_AT_MAX: usize = 1 << 10;

/// A word of a request of the batch, if that has so many.
fn word_of(batch: &Batch, request: usize, word: Word) -> Option<&[u8]> {
    let words = batch.words(batch.requests.get(request)?);
    let at = match word {
        Word::Key => 1,
        Word::Element => 2,
        Word::Last => words.len().checked_sub(1)?,
    };
    (at < words.len()).then(|| words.get(at)).filter(|word| word.len() <= LOOKED_AT_MAX)
}

fn has(found: &Result<Found, Error>, flag: Flags) -> bool {
    found.as_ref().is_ok_and(|found| found.command.flags.has(flag))
}
