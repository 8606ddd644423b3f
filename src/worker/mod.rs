//! The worker pool: runs requests and writes replies.
//!
//! ```text
//!   reactor --Job: connections with requests--> [ crossbeam channel ] --> worker-0 .. worker-N
//!                                                       ^                     |  runs requests (execute)
//!   aof: durable up to S --Job: connections to release--+                     |  writes to the socket itself
//!                                                                             v
//!                                            leftovers and closings go back to the reactor
//! ```
//!
//! A connection is an actor: its requests wait in its inbox, and whoever holds its turn (one worker at a time) runs
//! them in order. The turn is passed in jobs, so work behind a slow command moves to any other worker. A worker
//! never waits for the disk: replies that are not durable yet stay with their connection, which is parked until the log
//! says so.

mod jobs;
mod parking;
mod serve;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::vec;

use crate::connection::{Connection, Recycled, connection_behind};
use crate::execute::Executor;
use crate::execute::log::{Log, Seq};
use crate::session::Outlet;
use jobs::Jobs;
use parking::Parking;

pub use jobs::{PATIENCE, Relief};
pub use parking::Verdict;

/// What a worker is woken for.
pub enum Job {
    /// These connections have their turn.
    Serve(Vec<Arc<Connection>>),
    /// So have these, for what others have done. As long as it takes, requests are for other workers.
    Deliver(Vec<Arc<Connection>>),
    /// Keyspace notifications may go out.
    Publish,
    Stop,
}

/// What every worker shares.
pub struct Pool {
    jobs: Jobs<Job>,
    pub(crate) executor: Executor,
    parking: Parking,
    pub recycled: Recycled,
    /// Workers that are running something: the reactor yields to them on small machines.
    busy: AtomicUsize,
    /// Commands that may run for long, and connections that wait for one of them to end.
    long: Mutex<Long>,
    long_max: usize,
    /// Workers that one poll's requests are for, and that are enough to be at hand.
    shares_max: usize,
}

/// Connections that are worth waking another worker for.
const JOB_MIN: usize = 16;

#[derive(Default)]
struct Long {
    running: usize,
    waiting: VecDeque<Arc<Connection>>,
}

impl Pool {
    pub fn new(executor: Executor, workers: usize) -> Arc<Pool> {
        Arc::new(Pool {
            jobs: Jobs::new(workers),
            executor,
            parking: Parking::default(),
            recycled: Recycled::default(),
            busy: AtomicUsize::new(0),
            long: Mutex::default(),
            // One worker always stays free for the rest.
            long_max: workers.saturating_sub(1).max(1),
            // One core is the reactor's: on two cores a second worker would only take turns with it.
            shares_max: thread::available_parallelism()
                .map_or(1, |cores| cores.get() - 1)
                .clamp(1, workers.max(1)),
        })
    }

    pub fn start(self: &Arc<Self>, workers: usize) -> std::io::Result<Vec<JoinHandle<()>>> {
        (0..workers)
            .map(|index| {
                let pool = Arc::clone(self);
                thread::Builder::new().name(format!("worker-{index}")).spawn(move || pool.run(index))
            })
            .collect()
    }

    /// Hands connections over whose turn has come. One message, however many there are.
    pub fn submit(&self, connections: Vec<Arc<Connection>>) {
        if !connections.is_empty() {
            self.jobs.push(Job::Serve(connections));
        }
    }

    /// Hands over clients that were reached through their outlets.
    fn submit_woken(&self, woken: &mut Vec<Arc<dyn Outlet>>) {
        if !woken.is_empty() {
            self.submit_shared(woken.drain(..).filter_map(connection_behind).collect());
        }
    }

    /// Connections that others have woken: a share for each worker that has a core to run on.
    pub fn submit_shared(&self, connections: Vec<Arc<Connection>>) {
        self.share(connections, |share| self.jobs.push(Job::Deliver(share)));
    }

    /// The requests of one poll. Workers that are awake take them in their own time, see [`Pool::relieve`].
    pub fn submit_polled(&self, connections: Vec<Arc<Connection>>) {
        self.share(connections, |share| self.jobs.push_to(Job::Serve(share), self.shares_max));
    }

    fn share(&self, mut connections: Vec<Arc<Connection>>, push: impl Fn(Vec<Arc<Connection>>)) {
        let jobs = connections.len().div_ceil(JOB_MIN).clamp(1, self.shares_max);
        let share = connections.len().div_ceil(jobs);
        while connections.len() > share {
            push(connections.split_off(connections.len() - share));
        }
        if !connections.is_empty() {
            push(connections);
        }
    }

    pub fn stop(&self, workers: usize) {
        (0..workers).for_each(|_| self.jobs.push(Job::Stop));
    }

    pub fn log(&self) -> &dyn Log {
        self.executor.log()
    }

    /// Whether jobs wait for a worker.
    pub fn has_waiting(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// For the reactor, while jobs wait: sees to it that they do not wait for one slow command.
    pub fn relieve(&self, relief: &mut Relief, now: Instant) {
        self.jobs.relieve(relief, now);
    }

    /// Whether any worker has something to do.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0 || !self.jobs.is_empty()
    }

    /// The log has news: connections whose replies may leave, or never will, get their turn.
    pub fn settle(&self, verdict: Verdict) {
        let released = self.parking.settle(verdict);
        if !released.is_empty() {
            self.jobs.push(Job::Deliver(released));
        }
        self.publish_notifications();
    }

    /// Has a worker tell subscribers what has happened to keys, if there is anything that may be told.
    pub fn publish_notifications(&self) {
        if self.executor.has_notifications() {
            self.jobs.push(Job::Publish);
        }
    }

    fn park(&self, connection: Arc<Connection>, until: Seq) {
        if let Some(connection) = self.parking.park(connection, until, self.executor.log()) {
            self.submit(vec![connection]);
        }
    }

    fn run(self: &Arc<Self>, index: usize) {
        let mut worker = serve::Worker::new(self, index);
        loop {
            let waits_for_disk = self.log().durable() != Seq::MAX;
            let job = self.jobs.take(index, !waits_for_disk);
            self.busy.fetch_add(1, Ordering::Relaxed);
            match job {
                Job::Serve(connections) => worker.serve_all(connections),
                Job::Deliver(connections) => worker.deliver(connections),
                Job::Publish => worker.publish_notifications(),
                Job::Stop => return,
            }
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether a long command may start now. If so, the connections behind it move to whoever is free.
    fn begin_long(&self, behind: &mut vec::IntoIter<Arc<Connection>>) -> bool {
        let mut long = self.long.lock().unwrap_or_else(PoisonError::into_inner);
        if long.running >= self.long_max {
            return false;
        }
        long.running += 1;
        drop(long);
        self.submit(behind.by_ref().collect());
        true
    }

    /// The connection waits until a long command has ended.
    fn queue_long(&self, connection: Arc<Connection>) {
        let mut long = self.long.lock().unwrap_or_else(PoisonError::into_inner);
        if long.running < self.long_max {
            drop(long);
            return self.submit(vec![connection]);
        }
        long.waiting.push_back(connection);
    }

    fn end_long(&self) {
        let mut long = self.long.lock().unwrap_or_else(PoisonError::into_inner);
        long.running -= 1;
        let next = long.waiting.pop_front();
        drop(long);
        self.submit(next.into_iter().collect());
    }
}
