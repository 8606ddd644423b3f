//! The janitor: sweeps keys that are due, and frees what others had no time to free.
//!
//! ```text
//!   every period: shard by shard, remove what is due, record DEL or HDEL  --> log
//!   workers --Garbage--> [ crossbeam channel ] --> freed here, off everyone's path
//! ```
//!
//! Clients never depend on it: a key that is due is gone for every command from its deadline on.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::command::Server;
use crate::execute::log::Log;
use crate::keyspace::Garbage;
use crate::keyspace::edit::due_fields;
use crate::keyspace::effects::Effects;
use crate::keyspace::lock::Place;
use crate::keyspace::shard::Due;
use crate::worker::now_ms;

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
        loop {
            // Looked at first: garbage that never ends must not keep the sweep from its time.
            if Instant::now() >= next_sweep {
                self.round();
                next_sweep = Instant::now() + self.period();
            }
            crossbeam_channel::select! {
                recv(stopped) -> _ => return,
                recv(self.garbage) -> garbage => drop(garbage),
                default(next_sweep.saturating_duration_since(Instant::now())) => {}
            }
        }
    }

    /// What is done once per period.
    fn round(&self) {
        if self.server.sweeps() {
            self.sweep();
        }
        self.compact_if_grown();
        crate::memory::usage();
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

    /// Removes every key that is due. Returns how many.
    pub fn sweep(&self) -> usize {
        let began = Instant::now();
        let mut swept = 0;
        for place in self.server.keyspace.all_places() {
            while self.server.keyspace.has_due(place, now_ms()) {
                swept += self.sweep_shard(place);
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
        self.server.keyspace.with_shard_mut(place, |mut shard| {
            let mut effects = Effects::new();
            let watchers = &shard.side.watchers;
            shard.remove_due(now_ms(), SWEPT_MAX, |entry| {
                // Watchers are not told: the key has ended at its deadline, and EXEC looks at that itself.
                effects.push(place.db, &[b"DEL", entry.key()]);
                gone.push(entry);
            });
            shard.remove_due_fields(now_ms(), SWEPT_MAX, |key, due| {
                match due {
                    Due::Entry(entry) => {
                        effects.push(place.db, &[b"DEL", key]);
                        gone.push(entry);
                    }
                    Due::Fields(names) => due_fields(&mut effects, place.db, key, &names),
                }
                watchers.changed(key);
            });
            if !effects.is_empty() {
                shard.side.set_written(self.log.append(effects, shard.side.generation()));
            }
        });
        self.log.ring();
        gone.len()
    }
}
