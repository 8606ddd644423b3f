//! One connection's turn.

mod run;

use std::sync::{Arc, MutexGuard};
use std::vec;

use super::Pool;
use crate::connection::{Connection, Exec, Held, Turn, connection_behind};
use crate::keyspace::prefetch::LookAhead;
use crate::limits;
use crate::memory;
use crate::metrics::WorkerCounters;
use crate::protocol::{Batch, Wire};
use crate::session::Woken;
use run::Pause;

/// A buffer that large replies have grown is not kept.
const OUT_KEPT_MAX: usize = 16 * limits::READ_CHUNK;

/// Used buffers go back to the reactor at the end of a job, or when there are so many.
const USED_MAX: usize = 64;

/// Waiting clients that one worker serves in a row before it shares them with the others.
const WAITING_SERVED_MAX: usize = 256;

/// Batches that one connection has run in a row before others get their turn: a client that never stops sending would
/// keep a worker, and the buffers that it has used, for itself.
const BATCHES_IN_A_ROW: usize = 4;

/// Replies of so many connections leave together, unless they are longer than [`TOGETHER_MAX`]: whoever reads them is
/// then woken once rather than for each, and asks again together. They do not wait for commands that may run for long.
const TOGETHER: usize = 64;
const TOGETHER_MAX: usize = limits::READ_CHUNK;

pub struct Worker<'p> {
    pool: &'p Arc<Pool>,
    index: usize,
    /// The connections behind the one at hand.
    rest: vec::IntoIter<Arc<Connection>>,
    /// For how many reasons at once it may be away for long: a delivery, and a long command in it.
    away: usize,
    /// Replies of the connection at hand; kept for its memory.
    out: Vec<u8>,
    /// Where the replies start that are not durable yet; empty when nothing has to wait.
    undurable: Vec<(u32, Wire)>,
    used: Vec<Batch>,
    /// Connections whose replies leave together; their turns are kept meanwhile.
    leaving: Vec<(Arc<Connection>, Vec<u8>)>,
    /// Buffers for such replies, [`TOGETHER`] at most.
    spare: Vec<Vec<u8>>,
    /// Along the pipeline of the connection at hand, and along the connections.
    ahead: LookAhead,
    ahead_of_connections: LookAhead,
    /// Other clients that must be served because of what this one did.
    woken: Woken,
}

impl<'p> Worker<'p> {
    pub fn new(pool: &'p Arc<Pool>, index: usize) -> Worker<'p> {
        let out = Vec::with_capacity(limits::READ_CHUNK);
        Worker {
            pool,
            index,
            rest: Vec::new().into_iter(),
            away: 0,
            out,
            undurable: Vec::new(),
            used: Vec::new(),
            leaving: Vec::new(),
            spare: Vec::new(),
            ahead: LookAhead::default(),
            ahead_of_connections: LookAhead::default(),
            woken: Woken::default(),
        }
    }

    pub fn serve_all(&mut self, connections: Vec<Arc<Connection>>) {
        self.rest = connections.into_iter();
        self.ahead_of_connections.restart(1);
        let mut at = 0;
        while let Some(connection) = self.rest.next() {
            self.look_ahead(at);
            at += 1;
            self.serve(connection, usize::MAX);
            self.serve_waiting();
            if self.leaving.len() >= TOGETHER {
                self.send_together();
            }
            if self.used.len() >= USED_MAX {
                self.pool.recycled.put(&mut self.used);
            }
        }
        self.pool.submit_woken(&mut self.woken.others);
        self.send_together();
        self.pool.executor.log().ring();
        memory::tell();
        self.pool.recycled.put(&mut self.used);
        if self.out.capacity() > OUT_KEPT_MAX {
            self.out = Vec::with_capacity(limits::READ_CHUNK);
        }
    }

    /// Serves connections for what others have done, which may be many and take long.
    pub fn deliver(&mut self, connections: Vec<Arc<Connection>>) {
        self.leave();
        self.serve_all(connections);
        self.come_back();
    }

    fn leave(&mut self) {
        if self.away == 0 {
            self.pool.jobs.leave();
        }
        self.away += 1;
    }

    fn come_back(&mut self) {
        self.away -= 1;
        if self.away == 0 {
            self.pool.jobs.come_back();
        }
    }

    /// Connection `at` of the job is about to be served.
    fn look_ahead(&mut self, at: usize) {
        let keyspace = &*self.pool.executor.server.keyspace;
        let rest = self.rest.as_slice();
        self.ahead_of_connections.step(keyspace, at, |next| {
            let connection = rest.get(next - at - 1)?;
            connection.waiting_key(|key| keyspace.spot(connection.client.db(), key))
        });
    }

    /// Messages go to their subscribers before anything else happens that could tell of them.
    fn post_published(&mut self) {
        self.pool.executor.server.broker.post_published(&mut self.woken);
    }

    pub fn publish_notifications(&mut self) {
        self.pool.executor.tell_subscribers(&mut self.woken);
        self.pool.submit_woken(&mut self.woken.others);
    }

    fn counters(&self) -> &'p WorkerCounters {
        &self.pool.executor.server.metrics.workers[self.index]
    }

    /// Runs what waits in the inbox until it is empty, or until the connection has to wait for something: mostly for
    /// the others of the job, with whose replies its own leave. After `most` requests of a batch, or
    /// [`BATCHES_IN_A_ROW`], the rest is for the pool.
    fn serve(&mut self, connection: Arc<Connection>, most: usize) {
        let mut exec = connection.exec();
        if let Some(released) = exec.release_held() {
            self.out = released;
            if !self.send(&connection, &mut exec) {
                drop(exec);
                return connection.hand_to_reactor();
            }
        }
        for _ in 0..BATCHES_IN_A_ROW {
            let progress = match connection.next_turn() {
                Turn::Run(progress) => progress,
                Turn::Send(posted) => {
                    self.out = posted;
                    if self.send(&connection, &mut exec) {
                        continue;
                    }
                    drop(exec);
                    return connection.hand_to_reactor();
                }
                Turn::Idle => return,
                Turn::Close => {
                    exec.discard();
                    self.pool.executor.end(&mut exec.session, &mut self.woken);
                    return connection.close();
                }
            };
            let (pause, until) = self.run(&connection, &mut exec, progress, most);
            self.post_published();
            self.pool.submit_woken(&mut self.woken.others);
            if matches!(pause, Pause::Blocked) {
                if connection.begin_visit() {
                    continue;
                }
                return;
            }
            if matches!(pause, Pause::Closing) {
                connection.finish();
            }
            if !self.woken.waiting.is_empty() && most > 1 {
                exec = self.serve_waiting_first(&connection, exec);
            }
            if until > self.pool.executor.log().durable() {
                let replies = std::mem::take(&mut self.undurable);
                exec.hold(Held { bytes: std::mem::take(&mut self.out), replies });
                drop(exec);
                return self.pool.park(connection, until);
            }
            if matches!(pause, Pause::Done)
                && most > 1
                && self.out.capacity() <= OUT_KEPT_MAX
                && self.out.len() <= TOGETHER_MAX
            {
                drop(exec);
                let replies = std::mem::replace(&mut self.out, self.spare.pop().unwrap_or_default());
                return self.leaving.push((connection, replies));
            }
            if !self.send(&connection, &mut exec) {
                drop(exec);
                return connection.hand_to_reactor();
            }
            match pause {
                Pause::LongQueued => {
                    drop(exec);
                    return self.pool.queue_long(connection);
                }
                Pause::Enough => {
                    drop(exec);
                    return self.pool.submit(vec![connection]);
                }
                _ => {}
            }
        }
        drop(exec);
        self.pool.submit(vec![connection]);
    }

    /// Serves those who have waited for what this client has just changed, before its replies leave: as if the
    /// server did one thing at a time. Nobody else touches the client's state meanwhile, as its turn is kept; but it
    /// is let go of: one of those may lead back to it.
    fn serve_waiting_first<'c>(
        &mut self,
        connection: &'c Connection,
        exec: MutexGuard<'c, Exec>,
    ) -> MutexGuard<'c, Exec> {
        let (out, undurable) = (std::mem::take(&mut self.out), std::mem::take(&mut self.undurable));
        drop(exec);
        self.serve_waiting();
        (self.out, self.undurable) = (out, undurable);
        connection.exec()
    }

    /// Serves whoever waited for a key that has changed, and whoever waited for what those change in turn.
    fn serve_waiting(&mut self) {
        for _ in 0..WAITING_SERVED_MAX {
            if self.woken.waiting.is_empty() {
                return;
            }
            let first = self.woken.waiting.remove(0);
            if let Some(connection) = connection_behind(first) {
                self.serve(connection, 1);
            }
        }
        self.pool.submit_woken(&mut self.woken.waiting);
    }

    /// Sends what was kept to be sent together. Connections that have more to do go back to the pool.
    ///
    /// Called while another connection is held: nobody else can want one of these, whose turns are all ours.
    fn send_together(&mut self) {
        let out = std::mem::take(&mut self.out);
        let mut leaving = std::mem::take(&mut self.leaving);
        let mut busy = Vec::new();
        for (connection, replies) in leaving.drain(..) {
            self.out = replies;
            let all = self.send(&connection, &mut connection.exec());
            if !all {
                connection.hand_to_reactor();
            } else if !connection.rests() {
                busy.push(connection);
            }
            if self.out.capacity() <= TOGETHER_MAX {
                self.spare.push(std::mem::take(&mut self.out));
            }
        }
        self.leaving = leaving;
        self.out = out;
        if self.away == 0 && self.rest.as_slice().is_empty() {
            // This worker is about to take the next job itself.
            self.pool.submit_polled(busy);
        } else {
            self.pool.submit(busy);
        }
    }

    /// Sends the replies at hand. Returns whether all are gone; a broken connection has nobody left to wait for.
    fn send(&mut self, connection: &Connection, exec: &mut Exec) -> bool {
        if self.out.len() > connection.output_max(exec.session.class()) {
            self.out.clear();
            connection.overflow();
            return true;
        }
        match exec.send(&connection.stream, &mut self.out) {
            Ok(sent) => {
                self.counters().bytes_out.add(sent.bytes as u64);
                let is_stranger = !connection.client.is_authenticated();
                if is_stranger && exec.unsent_bytes() > limits::UNAUTHENTICATED_OUTPUT_MAX {
                    connection.overflow();
                    return true;
                }
                sent.all
            }
            Err(_) => {
                connection.finish();
                true
            }
        }
    }
}
