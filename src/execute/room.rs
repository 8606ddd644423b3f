//! Room for what grows: keys are evicted first where memory is over its limit.
//!
//! ```text
//!   a command that may grow --> is memory over maxmemory? --no--> it runs
//!                                     | yes
//!                                     v
//!                 evict one key after another: shard locked, DEL recorded, freed
//!                   enough: it runs    out of time: it runs, the janitor goes on    no key to evict: OOM
//! ```

use std::time::{Duration, Instant};

use super::log::{Health, Log};
use super::{Call, Executor, is_exec, is_step};
use crate::command::row::Flags;
use crate::command::table::Found;
use crate::command::{Error, Server};
use crate::keyspace::event::{self, Events};
use crate::keyspace::evict::Eviction;
use crate::memory;
use crate::metrics::Counter;
use crate::session::{Notification, Session};

const OUT_OF_MEMORY: Error = Error::fixed("OOM command not allowed when used memory > 'maxmemory'.");

/// Keys evicted between two looks at the clock.
const STEP: usize = 16;

/// How evicting has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// Memory is within its limit.
    Enough,
    /// There is more to do.
    OutOfTime,
    /// What could go is held by others at the moment.
    Busy,
    /// There is no key that the policy may evict.
    Nothing,
}

impl Executor {
    /// Before a command that may grow: memory is within its limit, or on its way there, or the command is refused.
    #[inline]
    pub(super) fn make_room(&self, found: Found, call: &mut Call) -> Result<Found, Error> {
        if !self.server.limit.is_set() || !wants_room(found, call.session) {
            return Ok(found);
        }
        self.make_room_for(found, call)
    }

    fn make_room_for(&self, found: Found, call: &mut Call) -> Result<Found, Error> {
        memory::tell();
        if excess(&self.server, self.log()) == 0 {
            self.server.limit.note(false, call.now_ms);
            return Ok(found);
        }
        call.kept.release();
        let evicted = &call.counters.evicted;
        let ended = evict(&self.server, self.log(), call.now_ms, self.server.limit.patience(), evicted);
        self.publish_notifications(call);
        match ended {
            Evicted::Enough => Ok(found),
            Evicted::OutOfTime | Evicted::Busy => {
                self.server.control.evict_on();
                Ok(found)
            }
            Evicted::Nothing => Err(OUT_OF_MEMORY),
        }
    }
}

/// What may grow the data, and whatever is queued, since a queue grows as well. A request that has waited was let in before.
fn wants_room(found: Found, session: &Session) -> bool {
    match &session.transaction {
        Some(transaction) if is_exec(found) => transaction.grows,
        Some(_) => !is_step(found.command),
        None => found.command.flags.has(Flags::GROWS) && session.blocked.is_none(),
    }
}

/// Evicts keys until memory is within its limit, for as long as there is time.
pub fn evict(
    server: &Server,
    log: &dyn Log,
    now_ms: u64,
    patience: Option<Duration>,
    evicted: &Counter,
) -> Evicted {
    if excess(server, log) == 0 || !may_evict(server, log) {
        server.limit.note(false, now_ms);
        return Evicted::Enough;
    }
    let until = patience.map(|patience| Instant::now() + patience);
    let ended = evict_until(server, log, now_ms, until, evicted);
    server.limit.note(ended != Evicted::Enough, now_ms);
    ended
}

fn evict_until(
    server: &Server,
    log: &dyn Log,
    now_ms: u64,
    until: Option<Instant>,
    evicted: &Counter,
) -> Evicted {
    while excess(server, log) > 0 {
        for _ in 0..STEP {
            match evict_one(server, log, now_ms) {
                Eviction::Took(entry) => server.keyspace.free_one(entry),
                Eviction::Nothing => return Evicted::Nothing,
                Eviction::Busy => return Evicted::Busy,
            }
            evicted.add(1);
            memory::tell_all();
            if excess(server, log) == 0 {
                return Evicted::Enough;
            }
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Evicted::OutOfTime;
        }
    }
    Evicted::Enough
}

/// Whether keys may be evicted at all now: each of them is a record, and a change. Where they may not, a write is refused
/// or waits for other reasons.
fn may_evict(server: &Server, log: &dyn Log) -> bool {
    log.health() == Health::Writable && !server.pauses.is_on()
}

/// Bytes beyond the limit. Neither what waits to be written to the log counts, nor what waits to be freed; while whole
/// tables do, nobody knows how much that is, and nothing is evicted.
fn excess(server: &Server, log: &dyn Log) -> usize {
    match server.limit.excess(0) {
        0 => 0,
        _ => server
            .keyspace
            .pending
            .bytes()
            .map_or(0, |bytes| server.limit.excess(bytes + log.backlog_bytes())),
    }
}

/// Eviction is an effect: it is recorded while the shard is locked, as any other change.
fn evict_one(server: &Server, log: &dyn Log, now_ms: u64) -> Eviction {
    let keyspace = &*server.keyspace;
    keyspace.evict(now_ms, |place, side, entry| {
        let (mut effects, mut events) = (log.collect(), Events::new(&keyspace.wanted));
        effects.push(place.db, &[b"DEL", entry.key()]);
        events.push(place.db, event::EVICTED, entry.key());
        let seq = log.append(effects, side.generation());
        side.set_written(seq);
        server.notifications.push(seq, events.take().into_iter().map(Notification::Event).collect());
    })
}
