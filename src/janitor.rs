//! The janitor: sweeps keys that are due, frees what others had no time to free, and evicts what they had no time to.
//!
//! ```text
//!   every period: shard by shard, remove what is due, record DEL or HDEL  --> log; every second or so: chores
//!   workers --Garbage--> [ crossbeam channel ] --> freed here, off everyone's path
//!   workers, CONFIG SET --> memory is full: evict, record DEL, for a while; look for garbage; go on --> log
//! ```
//!
//! Clients never depend on it: a key that is due is gone for every command from its deadline on.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::command::Server;
use crate::execute::log::{Health, Log};
use crate::execute::room::{Evicted, evict};
use crate::keyspace::Garbage;
use crate::keyspace::edit::{due_fields, told_of_due};
use crate::keyspace::effects::Effects;
use crate::keyspace::entry::Entry;
use crate::keyspace::event::{self, Events};
use crate::keyspace::lock::Place;
use crate::keyspace::shard::Due;
use crate::limits::LOG_BACKLOG_MAX;
use crate::machine::now_ms;
use crate::memory;
use crate::session::Notification;
use crate::worker::Pool;

/// The least time from chores to chores.
const CHORES_PERIOD: Duration = Duration::from_secs(1);
/// How long keys are evicted before garbage is looked for.
const EVICTING: Duration = Duration::from_micros(500);
/// How long the log is left alone with the records of that, once it falls behind.
const EVICTING_PAUSE: Duration = Duration::from_millis(5);
/// Keys, and fields of hashes, removed under one hold of a shard's lock.
const SWEPT_MAX: usize = 256;

pub struct Janitor {
    thread: JoinHandle<()>,
    stop: Sender<()>,
}

/// What the janitor works on.
pub struct Duties {
    pub server: Arc<Server>,
    pub log: Arc<dyn Log>,
    pub garbage: Receiver<Garbage>,
    /// Tells subscribers what was removed.
    pub pool: Arc<Pool>,
    /// Memory is over its limit.
    pub full: Receiver<()>,
}

impl Janitor {
    pub fn start(duties: Duties) -> std::io::Result<Janitor> {
        let (stop, stopped) = bounded(1);
        let thread = thread::Builder::new().name("janitor".into()).spawn(move || duties.run(&stopped))?;
        Ok(Janitor { thread, stop })
    }

    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the janitor has panicked");
        }
    }
}

impl Duties {
    fn run(&self, stopped: &Receiver<()>) {
        let mut next_sweep = Instant::now() + self.period();
        let mut next_chores = next_sweep;
        let mut evicting = false;
        loop {
            // Looked at first: garbage that never ends must not keep the sweep from its time.
            if Instant::now() >= next_sweep {
                if self.server.sweeps() {
                    self.sweep();
                }
                if Instant::now() >= next_chores {
                    self.chores();
                    next_chores = Instant::now() + CHORES_PERIOD;
                    evicting = true;
                }
                next_sweep = Instant::now() + self.period();
            }
            let mut idle = next_sweep.saturating_duration_since(Instant::now());
            if evicting {
                let ended = self.evict_some();
                evicting = matches!(ended, Evicted::OutOfTime | Evicted::Busy);
                idle = if evicting { self.pace(ended) } else { idle };
            }
            memory::tell();
            crossbeam_channel::select! {
                recv(stopped) -> _ => return,
                recv(self.garbage) -> garbage => drop(garbage),
                recv(self.full) -> _ => evicting = true,
                default(idle) => {}
            }
        }
    }

    /// Evicts for a short while.
    fn evict_some(&self) -> Evicted {
        let evicted = &self.server.metrics.janitor.evicted;
        let ended = evict(&self.server, &*self.log, now_ms(), Some(EVICTING), evicted);
        self.log.ring();
        self.pool.publish_notifications();
        ended
    }

    /// Between two whiles of evicting: none, unless others have to get on first, or the log with the records.
    fn pace(&self, ended: Evicted) -> Duration {
        let may_go_on = ended != Evicted::Busy && self.log.backlog_bytes() < LOG_BACKLOG_MAX / 4;
        if may_go_on { Duration::ZERO } else { EVICTING_PAUSE }
    }

    /// What is done now and then.
    fn chores(&self) {
        self.compact_if_grown();
        memory::usage();
        self.server.metrics.sample(now_ms());
    }

    fn period(&self) -> Duration {
        Duration::from_millis(self.server.config().sweep_period_ms)
    }

    fn compact_if_grown(&self) {
        let config = self.server.config();
        let (percentage, min_size) = (config.rewrite_percentage, config.rewrite_min_bytes);
        drop(config);
        self.server.persistence.rewrite_if_grown(percentage, min_size);
    }

    /// Removes every key that is due, unless the log falls behind with the records of that: the next sweep goes on then.
    /// Returns how many.
    pub fn sweep(&self) -> usize {
        let began = Instant::now();
        let (mut swept, mut now) = (0, now_ms());
        // What cannot be recorded must not be done: a record that never becomes durable would hold back every reply that
        // looks at its shard. Nobody sees a key that is due, swept or not.
        let is_recorded =
            || self.log.backlog_bytes() < LOG_BACKLOG_MAX / 4 && self.log.health() == Health::Writable;
        let goes_on = || self.server.sweeps() && is_recorded();
        for place in self.server.keyspace.all_places() {
            while self.server.keyspace.has_due(place, now) && goes_on() {
                swept += self.sweep_shard(place);
                now = now_ms();
                // A million keys may come due at once: on a busy machine whoever serves clients goes first.
                thread::yield_now();
            }
        }
        let metrics = &self.server.metrics;
        metrics.janitor.expired.add(swept as u64);
        metrics.slow.event("expire-cycle", began.elapsed().as_nanos() as u64, now_ms());
        swept
    }

    /// Expiry is an effect: each removal is recorded while the shard is locked, as any other change.
    fn sweep_shard(&self, place: Place) -> usize {
        let mut gone = Vec::new();
        let now_ms = now_ms();
        self.server.keyspace.with_shard_mut(place, |mut shard| {
            let (mut effects, mut events) = (self.log.collect(), Events::new(&self.server.keyspace.wanted));
            let watchers = &shard.side.watchers;
            let mut ended = |entry: Entry, effects: &mut Effects, events: &mut Events| {
                effects.push(place.db, &[b"DEL", entry.key()]);
                told_of_due(&entry, now_ms)
                    .iter()
                    .for_each(|event| events.push(place.db, *event, entry.key()));
                gone.push(entry);
            };
            // Watchers are not told: the key has ended at its deadline, and EXEC looks at that itself.
            shard.remove_due(now_ms, SWEPT_MAX, |entry| ended(entry, &mut effects, &mut events));
            shard.remove_due_fields(now_ms, SWEPT_MAX, |key, due| {
                match due {
                    Due::Entry(entry) => ended(entry, &mut effects, &mut events),
                    Due::Fields(names) => {
                        due_fields(&mut effects, place.db, key, &names);
                        events.push(place.db, event::HEXPIRED, key);
                    }
                }
                watchers.changed(key);
            });
            if !effects.is_empty() {
                let seq = self.log.append(effects, shard.side.generation());
                shard.side.set_written(seq);
                self.server
                    .notifications
                    .push(seq, events.take().into_iter().map(Notification::Event).collect());
            }
        });
        self.log.ring();
        self.pool.publish_notifications();
        gone.len()
    }
}
