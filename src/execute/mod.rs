//! What happens to every request, in short stages.
//!
//! ```text
//!   words --> look up --> arity --> may it? --> room --> queue (MULTI) or run --> record --> count
//!                                                                   |
//!                                      lock the key set's shards, ascending; call the handler;
//!                                      append its effects to the log; only then release the shards
//! ```
//!
//! Effects are appended while the shards are locked, so the log's order is the apply order of every key. The number
//! that [`Executor::run`] returns says how far the log must be durable before the reply may leave.

mod lazy_expiry;
pub mod log;
mod monitor;
mod pause;
mod permission;
#[cfg(test)]
mod rebuilt;
pub mod replay;
pub mod room;
mod sample;
mod slow;
mod transaction;
mod wait;

use std::sync::Arc;

use crate::command::pubsub;
use crate::command::row::{Command, Flags, Run, Step};
use crate::command::table::{self, Found};
use crate::command::{Args, Context, Error, Keys, Server};
use crate::keyspace::lock::{Kept, Locked, Mode, Place};
use crate::keyspace::{DatabaseSize, Edit, Keyspace, Places, View, WaitKey};
use crate::metrics::WorkerCounters;
use crate::protocol::{Mark, Reply, Words};
use crate::session::notifications::Fate;
use crate::session::{Notification, Session, Woken};
use log::{Health, Log, Seq};

const NOT_IN_MULTI: Error = Error::fixed("ERR Command not allowed inside a transaction");

/// A request that has taken longer is the last of those that lock their shard only once.
const KEPT_NANOS_MAX: u64 = 20_000;

pub struct Executor {
    pub server: Arc<Server>,
    log: Arc<dyn Log>,
}

/// One request on its way.
pub(crate) struct Call<'a, 'r, 'o, 'k> {
    session: &'a mut Session,
    counters: &'a WorkerCounters,
    reply: &'r mut Reply<'o>,
    now_ms: u64,
    /// The newest record that the reply, be it an error, tells anything about.
    depends_on: Seq,
    /// The request waits: there is no reply, and it will run again.
    blocked: bool,
    /// Keys that there are, but that are of no use to this request, which goes on waiting.
    left_over: Vec<WaitKey>,
    woken: &'a mut Woken,
    kept: &'a mut Kept<'k>,
    /// What subscribers are to be told once it is durable.
    told: Vec<Notification>,
}

impl Call<'_, '_, '_, '_> {
    /// The error takes the place of whatever was written since `mark`.
    fn fail(&mut self, mark: Mark, error: &Error) {
        self.counters.error(error.text());
        self.reply.rewind(mark);
        self.reply.error(error);
    }

    /// The request did not come to run; which command it names is looked up again, as this is rare.
    fn rejected(&self, words: Words<'_>) {
        self.counters.lap();
        if let Ok(found) = resolve(words) {
            self.counters.command(found.index).rejected.add(1);
        }
    }
}

/// What came of a request.
pub struct Outcome {
    /// The record that must be durable before the reply may be sent.
    pub depends_on: Seq,
    /// No reply was written: the same request must be run again once its session is woken.
    pub blocked: bool,
}

impl Executor {
    pub fn new(server: Arc<Server>, log: Arc<dyn Log>) -> Executor {
        Executor { server, log }
    }

    pub fn log(&self) -> &dyn Log {
        &*self.log
    }

    /// Runs one request that [`look_up`] has looked up, and writes its reply.
    #[expect(clippy::too_many_arguments, reason = "all of it belongs to one worker's turn")]
    pub fn run<'k>(
        &'k self,
        session: &mut Session,
        found: Result<Found, Error>,
        words: Words<'_>,
        reply: &mut Reply<'_>,
        counters: &WorkerCounters,
        now_ms: u64,
        woken: &mut Woken,
        kept: &mut Kept<'k>,
    ) -> Outcome {
        let mut call = Call {
            session,
            counters,
            reply,
            now_ms,
            depends_on: 0,
            blocked: false,
            left_over: Vec::new(),
            woken,
            kept,
            told: Vec::new(),
        };
        if !found.as_ref().is_ok_and(|found| may_keep(found.command)) || call.session.transaction.is_some() {
            call.kept.release();
        }
        let mark = call.reply.mark();
        let admitted = found
            .and_then(|found| self.admit(found, words, call.session, now_ms))
            .and_then(|found| self.make_room(found, &mut call));
        let done = match (admitted, &mut call.session.transaction) {
            (Ok(found), Some(_)) if !is_step(found.command) => self.queue(found, words, &mut call),
            (Ok(found), _) => self.dispatch(found, words, &mut call),
            (Err(error), _) => Err(self.reject(error, words, &mut call)),
        };
        if let Err(error) = done {
            // Requests that are refused do not count as using a shard: many of them would keep it for long.
            call.kept.release();
            call.fail(mark, &error);
        }
        if !call.blocked && call.session.blocked.is_some() {
            call.kept.release();
            self.give_up_wait(call.session, call.woken);
        }
        Outcome { depends_on: call.depends_on, blocked: call.blocked }
    }

    /// A request that does not come to run spoils the transaction; EXEC itself ends it.
    #[cold]
    fn reject(&self, error: Error, words: Words<'_>, call: &mut Call) -> Error {
        call.rejected(words);
        if resolve(words).is_ok_and(is_exec) {
            self.discard(call.session);
            return transaction::exec_refused(&error);
        }
        call.session.transaction.iter_mut().for_each(|transaction| transaction.aborted = true);
        error
    }

    /// The session is over.
    pub fn end(&self, session: &mut Session, woken: &mut Woken) {
        session.unwatch(&self.server.keyspace);
        session.transaction = None;
        self.give_up_wait(session, woken);
        if let Some(subscriptions) = session.subscriptions.take() {
            self.server.broker.forget(*subscriptions);
        }
        if std::mem::take(&mut session.monitors) {
            self.server.monitors.leave(session.client.id);
        }
        self.server.clients.disconnect(session.client.id);
    }

    /// Whether this client may make this request.
    #[inline]
    fn admit(
        &self,
        found: Found,
        words: Words<'_>,
        session: &mut Session,
        now_ms: u64,
    ) -> Result<Found, Error> {
        if !session.login.is_free(&self.server.acl)
            && let Err(refused) = self.authorize(found, words, session)
        {
            return Err(self.refuse(refused, found, session, now_ms));
        }
        suits(found, session)
    }

    fn dispatch<'k>(
        &'k self,
        found: Found,
        words: Words<'_>,
        call: &mut Call<'_, '_, '_, 'k>,
    ) -> Result<(), Error> {
        call.session.client.set_last_command(found.index);
        // A request that has waited was shown when it began to.
        let is_shown = self.server.monitors.are_there() && call.session.blocked.is_none();
        let done = match found.command.run {
            Run::Read(_) => self.read(found, words, call),
            Run::Write(_) => self.write(found, words, call),
            Run::Transaction(step) => self.step(step, words, call),
            Run::Serve(_) | Run::Container(_) => {
                let done = self.serve(found, words, None, call);
                self.tell_when_durable(call);
                done
            }
        };
        if !call.blocked {
            self.count(found, words, call, done.is_err());
        }
        if is_shown {
            call.kept.release();
            self.show(found, words, call);
        }
        done
    }

    /// A command has run: how long it took, and whether that is worth a note.
    #[inline]
    fn count(&self, found: Found, words: Words<'_>, call: &mut Call, failed: bool) {
        let metrics = &*self.server.metrics;
        let nanos = call.counters.lap();
        if nanos > KEPT_NANOS_MAX {
            call.kept.release();
        }
        call.counters.ran(found.index, nanos, failed, metrics.is_tracking());
        if call.counters.sampler.takes() {
            sample::note_keys(&call.counters.sampler, found, words, call.session.db);
        }
        if metrics.slow.is_worth_a_look(nanos) {
            slow::note(&metrics.slow, found, words, &call.session.client, nanos, call.now_ms);
        }
    }

    fn read<'k>(
        &'k self,
        found: Found,
        words: Words<'_>,
        call: &mut Call<'_, '_, '_, 'k>,
    ) -> Result<(), Error> {
        let keyspace = &*self.server.keyspace;
        let mut view = if matches!(found.command.keys, Keys::Every) {
            View::stepwise(keyspace, call.session.db, call.now_ms)
        } else {
            let keys = key_set(found.command, words, call.session.db);
            let locked = keys.lock(keyspace, Mode::Shared, call.kept);
            View::new(keyspace, locked, call.session.db, call.now_ms)
        };
        let done = read_with(found, words, &mut view, call);
        call.depends_on = view.written();
        self.queue_notifications(&view, call);
        let met_due = view.met_due();
        match met_due {
            true => drop(view),
            false => call.kept.keep(view.into_locked()),
        }
        self.publish_notifications(call);
        if met_due {
            self.expire_behind(found, words, call);
        }
        done
    }

    fn write<'k>(
        &'k self,
        found: Found,
        words: Words<'_>,
        call: &mut Call<'_, '_, '_, 'k>,
    ) -> Result<(), Error> {
        self.refuse_if_unwritable()?;
        let keyspace = &*self.server.keyspace;
        let keys = key_set(found.command, words, call.session.db);
        let locked = keys.lock(keyspace, Mode::Exclusive, call.kept);
        let mut edit = Edit::new(keyspace, locked, self.log.collect(), call.session.db, call.now_ms);
        let waited = self.prepare_wait(found, &mut edit, call)?;
        let done = write_with(found, words, &mut edit, call);
        let done = self.settle_wait(waited, done, &mut edit, call);
        self.record(&mut edit, call);
        let ready = edit.finish_keeping(call.kept);
        self.wake(ready, call);
        self.publish_notifications(call);
        done
    }

    /// `held`: see [`Context`].
    fn serve(
        &self,
        found: Found,
        words: Words<'_>,
        held: Option<&dyn Fn(u8) -> DatabaseSize>,
        call: &mut Call,
    ) -> Result<(), Error> {
        let Run::Serve(handler) = found.command.run else {
            return Err(Error::unknown_subcommand_or_arity(words));
        };
        let mut args = args_of(found, words);
        let waited = call.session.blocked.take();
        if let Some(blocked) = &waited {
            self.leave_line(blocked);
        }
        let tells_later = held.is_some()
            || self.server.notifications.is_waiting()
            || call.session.written > self.log.durable();
        let mut context = Context {
            session: &mut *call.session,
            server: &self.server,
            held,
            now_ms: call.now_ms,
            woken: &mut *call.woken,
            waited: waited.map(|blocked| blocked.state()),
            waits: None,
            told: tells_later.then_some(&mut call.told),
        };
        let done = handler(&mut args, &mut context, call.reply);
        if let Some(wait) = context.waits.take() {
            self.begin_other_wait(wait, call);
        }
        done
    }

    /// Appends what was changed, while the shards are still locked. Without a change, the reply still describes
    /// what the shards hold.
    fn record(&self, edit: &mut Edit, call: &mut Call) {
        let is_changed = !edit.effects().is_empty();
        let seq = self.log.append(edit.take_effects(), edit.generation());
        if !is_changed {
            call.depends_on = edit.written();
        } else {
            edit.recorded(seq);
            call.session.written = seq;
            call.depends_on = seq;
        }
        self.queue_notifications(edit, call);
    }

    /// What has happened to keys, while they are still locked, so that nobody gets in between.
    #[inline]
    fn queue_notifications(&self, view: &View, call: &mut Call) {
        gather_events(view, call);
        self.server.notifications.push(call.depends_on, std::mem::take(&mut call.told));
    }

    /// Messages that had to wait for what their sender has written.
    #[inline]
    fn tell_when_durable(&self, call: &mut Call) {
        if !call.told.is_empty() {
            self.server.notifications.push(call.session.written, std::mem::take(&mut call.told));
            self.publish_notifications(call);
        }
    }

    /// What subscribers may be told by now.
    #[inline]
    fn publish_notifications(&self, call: &mut Call) {
        if self.server.notifications.is_waiting() {
            call.kept.release();
            self.tell_subscribers(call.woken);
        }
    }

    /// Tells subscribers what has happened and is durable. Called when no key is locked any more.
    pub fn tell_subscribers(&self, woken: &mut Woken) {
        if self.server.notifications.is_waiting() {
            let wanted = self.server.keyspace.wanted.get();
            self.server.notifications.publish(|seq| self.fate(seq), wanted, &self.server.broker, woken);
        }
    }

    /// Whether subscribers can be told of something that they could not before.
    pub fn has_notifications(&self) -> bool {
        self.server.notifications.is_ready(|seq| self.fate(seq))
    }

    fn fate(&self, seq: Seq) -> Fate {
        match self.log.durable() >= seq {
            true => Fate::Tell,
            false if self.log.health() == Health::Writable => Fate::Wait,
            false => Fate::Drop,
        }
    }

    fn refuse_if_unwritable(&self) -> Result<(), Error> {
        match self.log.health() {
            Health::Writable => Ok(()),
            Health::Refusing(reason) => Err(Error::unwritable(&reason)),
        }
    }
}

fn read_with(found: Found, words: Words<'_>, view: &mut View, call: &mut Call) -> Result<(), Error> {
    let Run::Read(handler) = found.command.run else { return Err(Error::SYNTAX) };
    view.set_reading(true);
    view.set_touching(!call.session.no_touch);
    let (hits, misses) = (view.hits(), view.misses());
    let done = handler(&mut args_of(found, words), view, call.reply);
    call.counters.hits.add(u64::from(view.hits() - hits));
    call.counters.misses.add(u64::from(view.misses() - misses));
    done
}

fn write_with(found: Found, words: Words<'_>, edit: &mut Edit, call: &mut Call) -> Result<(), Error> {
    let Run::Write(handler) = found.command.run else { return Err(Error::SYNTAX) };
    edit.set_reading(false);
    edit.set_touching(!call.session.no_touch);
    let expired = edit.expired();
    let done = handler(&mut args_of(found, words), edit, call.reply);
    call.counters.expired.add(u64::from(edit.expired() - expired));
    done
}

/// Events, in their order among the messages of a transaction.
fn gather_events(view: &View, call: &mut Call) {
    call.told.extend(view.take_events().into_iter().map(Notification::Event));
}

fn args_of(found: Found, words: Words<'_>) -> Args<'_> {
    match found.parent {
        Some(_) => Args::of_subcommand(words),
        None => Args::new(words),
    }
}

/// Whether a command runs at once even between MULTI and EXEC.
fn is_step(command: &Command) -> bool {
    match command.run {
        Run::Transaction(step) => step != Step::Unwatch,
        _ => command.flags.has(Flags::AT_ONCE),
    }
}

/// The shards that a request needs; nearly always one.
enum KeySet {
    One(Place),
    Many(Places),
}

impl KeySet {
    /// Locks them, but for what is kept locked already.
    #[inline]
    fn lock<'k>(self, keyspace: &'k Keyspace, mode: Mode, kept: &mut Kept<'k>) -> Locked<'k> {
        match self {
            KeySet::One(place) => kept.one(keyspace, place, mode),
            KeySet::Many(places) => Locked::many(keyspace, places, mode),
        }
    }
}

fn key_set(command: &Command, words: Words<'_>, db: u8) -> KeySet {
    if let Keys::Range { first: 1, last: 1, .. } = command.keys {
        return KeySet::One(Place::of(db, words.get(1)));
    }
    let mut places = Places::new();
    command.keys.each(words, db, &mut places);
    KeySet::Many(places)
}

/// Whether a request of this row may take over the lock of the one before it: it needs one shard, and waits for nothing.
fn may_keep(command: &Command) -> bool {
    matches!(command.run, Run::Read(_) | Run::Write(_))
        && matches!(command.keys, Keys::Range { first: 1, last: 1, .. })
        && !command.flags.has(Flags::LONG)
        && !command.flags.has(Flags::BLOCKING)
}

fn is_exec(found: Found) -> bool {
    matches!(found.command.run, Run::Transaction(Step::Exec))
}

/// Whether a request may run for long, or EXEC any of its queue. To queue one takes no time.
pub fn may_run_long(found: Found, session: &Session) -> bool {
    match &session.transaction {
        None => found.command.flags.has(Flags::LONG),
        Some(transaction) => is_exec(found) && transaction.is_long,
    }
}

/// Finds the row and checks the number of words.
pub fn look_up(words: Words<'_>) -> Result<Found, Error> {
    let found = resolve(words)?;
    if found.command.takes(words.len()) || stands_for_bare_name(found, words) {
        return Ok(found);
    }
    Err(match found.parent {
        Some(parent) if parent.flags.has(Flags::ONE_NAME) => Error::unknown_subcommand_or_arity(words),
        _ => Error::wrong_arity(&found.full_name()),
    })
}

/// Finds the row, down to the subcommand. A container that takes its bare name runs its first subcommand then.
fn resolve(words: Words<'_>) -> Result<Found, Error> {
    let found = table::find(words.get(0)).ok_or_else(|| unknown_command(words))?;
    let Run::Container(rows) = found.command.run else { return Ok(found) };
    match rows.first() {
        _ if words.len() > 1 => match table::find_subcommand(found, words.get(1)) {
            Some(found) => Ok(found),
            // One command to the outside: it is known, and says itself what it does not know.
            None if found.command.flags.has(Flags::ONE_NAME) => Ok(found),
            None => Err(Error::unknown_subcommand(words)),
        },
        Some(first) if found.command.takes(1) => Ok(Found { command: first, ..found }),
        _ => Err(Error::wrong_arity(found.command.name)),
    }
}

/// The first subcommand of a container that takes its bare name: the name that its arity counts is not there.
fn stands_for_bare_name(found: Found, words: Words<'_>) -> bool {
    let own = table::at(found.index).map(|own| own.command.subcommands());
    words.len() == 1 && found.parent.is_none() && own.is_some_and(|subcommands| !subcommands.is_empty())
}

/// Redis's text: up to 128 bytes of the name, and of all the arguments together.
fn unknown_command(words: Words<'_>) -> Error {
    const SHOWN_MAX: usize = 128;
    let clip = |word: &[u8], most: usize| String::from_utf8_lossy(&word[..word.len().min(most)]).into_owned();
    let mut shown = String::new();
    for word in words.iter().skip(1) {
        if shown.len() >= SHOWN_MAX {
            break;
        }
        shown.push_str(&format!("'{}' ", clip(word, SHOWN_MAX - shown.len())));
    }
    Error::new(format!(
        "ERR unknown command '{}', with args beginning with: {shown}",
        clip(words.get(0), SHOWN_MAX)
    ))
}

/// Whether this command may run as things stand with this client.
fn suits(found: Found, session: &Session) -> Result<Found, Error> {
    if session.transaction.is_some() && found.command.flags.has(Flags::NO_MULTI) {
        return Err(NOT_IN_MULTI);
    }
    if session.monitors && (found.command.is_read() || found.command.is_write()) {
        return Err(Error::fixed("ERR Replica can't interact with the keyspace"));
    }
    if !found.command.flags.has(Flags::PUBSUB)
        && pubsub::is_restricted(session.subscriptions.as_deref(), session.resp)
    {
        return Err(Error::new(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            found.full_name()
        )));
    }
    Ok(found)
}
