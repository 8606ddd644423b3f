//! The one event loop: accepts, reads and parses every connection, and never blocks.
//!
//! ```text
//!   epoll --events--> [ accept | read + parse | drain ] --few jobs per poll--> worker pool
//!             ^                                                                   |
//!             +-- waker <-- Notice: drain, resume, closed ------------------------+
//! ```
//!
//! It drains all ready connections first and only then hands over, so that waking a worker is paid once per poll.
//! On a small machine it lets the workers finish before it polls again: they then share one wake-up with the
//! requests that arrive meanwhile.

mod arrivals;
mod input;
mod peers;
mod waits;
mod watch;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use mio::{Events, Poll, Token, Waker};
use rustls::ServerConfig;
use slab::Slab;

use crate::command::Server;
use crate::connection::{Common, Connection, Notice, ReactorHandle, connection_behind};
use crate::limits;
use crate::memory;
use crate::protocol::Batch;
use crate::session::blocking::State;
use crate::transport::Next;
use crate::transport::listener::Listener;
use crate::worker::{PATIENCE, Pool, Relief};
use peers::{Peer, Peers};
use waits::Waits;
use watch::{Peaks, WEIGH_EVERY};

const WAKER: Token = Token(usize::MAX);
/// Listeners have the tokens from here on, connections those below.
const LISTENERS: usize = usize::MAX / 2;
/// Events taken per poll.
const EVENTS_MAX: usize = 1024;
/// How often stalled clients are looked for.
const TICK: Duration = Duration::from_secs(1);
/// Time slices given away while workers are busy, before polling again.
const YIELDS_MAX: usize = 8;
/// A time slice that is back so soon was wanted by nobody on this core.
const YIELDED_IN_VAIN: Duration = Duration::from_micros(2);
/// So many requests keep the workers busy for long: there is no hurry to bring them more.
const PLENTY: usize = 1024;

/// What the composition root prepares: listeners are bound before anything else is built.
pub struct Reactor {
    poll: Poll,
    listeners: Vec<Listener>,
    tls: Option<Arc<ServerConfig>>,
    notices: Receiver<Notice>,
    handle: ReactorHandle,
}

impl Reactor {
    pub fn new(listeners: Vec<Listener>, tls: Option<Arc<ServerConfig>>) -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, notices) = unbounded();
        Ok(Reactor { poll, listeners, tls, notices, handle: ReactorHandle { notices: sender, waker } })
    }

    pub fn handle(&self) -> ReactorHandle {
        self.handle.clone()
    }

    pub fn start(self, server: Arc<Server>, pool: Arc<Pool>) -> io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("reactor".into()).spawn(move || {
            let common = Arc::new(Common {
                to_reactor: self.handle,
                buffers: Arc::clone(&server.buffers),
                metrics: Arc::clone(&server.metrics),
            });
            let mut running = Running {
                poll: self.poll,
                listeners: Slab::new(),
                tls: self.tls,
                handshakes_left: 0,
                seconds: 0,
                peaks: Peaks::default(),
                notices: self.notices,
                common,
                server,
                pool,
                peers: Peers::new(),
                ready: Vec::new(),
                handed_over: 0,
                again: Vec::new(),
                waits: Waits::default(),
                relief: Relief::default(),
                spare: Vec::new(),
                stopping_since: None,
            };
            self.listeners.into_iter().for_each(|listener| running.listen_on(listener));
            running.run();
        })
    }
}

struct Running {
    poll: Poll,
    listeners: Slab<Listener>,
    /// What new TLS connections are shown.
    tls: Option<Arc<ServerConfig>>,
    /// Steps of handshakes that this round may still take.
    handshakes_left: usize,
    /// Ticks since the start.
    seconds: u32,
    peaks: Peaks,
    notices: Receiver<Notice>,
    common: Arc<Common>,
    server: Arc<Server>,
    pool: Arc<Pool>,
    peers: Peers,
    /// Connections that have got their turn in this round.
    ready: Vec<Arc<Connection>>,
    /// Requests read since workers were last given way to.
    handed_over: usize,
    /// Sockets that may hold more than was read: looked at again without waiting for an event.
    again: Vec<usize>,
    /// Blocked clients whose time is limited.
    waits: Waits,
    relief: Relief,
    /// Recycled buffers.
    spare: Vec<Batch>,
    stopping_since: Option<Instant>,
}

impl Running {
    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut next_tick = Instant::now() + TICK;
        let mut next_weighing = next_tick;
        while !self.is_done() {
            let weighs = self.server.buffers.clients_max() > 0;
            self.wait(&mut events, if weighs { next_tick.min(next_weighing) } else { next_tick });
            self.handshakes_left = limits::HANDSHAKES_PER_ROUND;
            for event in &events {
                match event.token() {
                    WAKER => self.take_notices(),
                    Token(token) if token >= LISTENERS => self.accept(token - LISTENERS),
                    Token(token) => {
                        if event.is_writable() {
                            self.drain(token);
                        }
                        if event.is_read_closed()
                            && let Some(peer) = self.peers.get_mut(token)
                        {
                            peer.half_closed = true;
                        }
                        if event.is_readable() {
                            self.read(token);
                        }
                    }
                }
            }
            for token in std::mem::take(&mut self.again) {
                self.read(token);
            }
            self.hand_over();
            let now = Instant::now();
            while let Some(blocked) = self.waits.pop_due(now) {
                let outlet = blocked.end(State::TimedOut);
                self.ready.extend(outlet.and_then(connection_behind));
            }
            self.hand_over();
            self.pool.relieve(&mut self.relief, now);
            memory::tell();
            if now >= next_tick {
                next_tick = now + TICK;
                self.tick(now);
            }
            if weighs && now >= next_weighing {
                next_weighing = now + WEIGH_EVERY;
                self.evict_clients();
            }
        }
    }

    /// Whether the loop has been told to stop, and everyone has got their replies or had long enough to take them.
    fn is_done(&self) -> bool {
        let patience = Duration::from_secs(limits::STOP_SECONDS);
        self.stopping_since.is_some_and(|since| self.peers.is_empty() || since.elapsed() > patience)
    }

    fn wait(&mut self, events: &mut Events, next_tick: Instant) {
        let timeout = if self.again.is_empty() {
            let next = self.waits.next().map_or(next_tick, |at| at.min(next_tick));
            let timeout = next.saturating_duration_since(Instant::now());
            if self.pool.has_waiting() { timeout.min(PATIENCE) } else { timeout }
        } else if self.is_overloaded() {
            Duration::from_millis(1)
        } else {
            Duration::ZERO
        };
        match self.poll.poll(events, Some(timeout)) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => events.clear(),
            Err(e) => panic!("epoll failed: {e}"),
        }
    }

    /// The log is behind: nothing more is read until it has caught up.
    fn is_overloaded(&self) -> bool {
        self.pool.log().backlog_bytes() > limits::LOG_BACKLOG_MAX
    }

    /// One job for each worker that has a core to run on, and none for nothing.
    fn hand_over(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        self.pool.submit_polled(std::mem::take(&mut self.ready));
        self.give_way();
        self.pool.recycled.take(&mut self.spare);
    }

    /// Lets the workers finish, if they are to run on the core that this thread has: what comes meanwhile shares the
    /// next wake-up. To yield again where they run elsewhere would only put this thread behind the clients.
    fn give_way(&mut self) {
        let mut before = Instant::now();
        for _ in 0..YIELDS_MAX {
            thread::yield_now();
            let now = Instant::now();
            let in_vain = now - before < YIELDED_IN_VAIN && self.handed_over < PLENTY;
            if !self.pool.is_busy() || in_vain {
                break;
            }
            before = now;
        }
        self.handed_over = 0;
    }

    // ---- bytes come ----

    fn read(&mut self, token: usize) {
        let overloaded = self.is_overloaded();
        let Some(peer) = self.peers.get_mut(token) else { return };
        if overloaded {
            self.again.push(token);
            return;
        }
        if peer.paused {
            return;
        }
        if peer.lingers_since.is_some() {
            return self.discard(token);
        }
        if peer.connection.stream.is_handshaking() {
            if self.handshakes_left == 0 {
                self.again.push(token);
                return;
            }
            self.handshakes_left -= 1;
        } else {
            peer.active_second = self.seconds;
        }
        let batch = self.spare.pop().unwrap_or_default();
        let is_known = peer.connection.client.is_authenticated();
        let outcome = peer.input.read(&peer.connection.stream, batch, is_known);
        self.handed_over += outcome.batch.requests.len();
        let gets_turn = if outcome.batch.requests.is_empty() {
            self.spare.push(outcome.batch);
            false
        } else {
            peer.connection.deliver(outcome.batch)
        };
        self.server.metrics.reactor.bytes_in.add(outcome.bytes as u64);
        peer.show_input();
        // More may come before a worker has closed it.
        let is_too_much = !peer.ended && peer.input.unfinished() > self.server.buffers.query_max();
        if is_too_much {
            let client = &peer.connection.client;
            tracing::info!(
                "Closing client that reached max query buffer length: id={} addr={}",
                client.id,
                client.origin.address
            );
            self.server.metrics.clients.query_overflows.fetch_add(1, Ordering::Relaxed);
        }
        let gets_turn = match if is_too_much { Next::Broken } else { outcome.then } {
            Next::Drained if !peer.half_closed => {
                peer.paused = peer.connection.is_full();
                gets_turn
            }
            Next::Drained | Next::More => {
                peer.paused = peer.connection.is_full();
                if !peer.paused {
                    self.again.push(token);
                }
                gets_turn
            }
            Next::Ended => {
                peer.ended = true;
                peer.connection.end() || gets_turn
            }
            Next::Broken => {
                peer.ended = true;
                peer.connection.kill() || gets_turn
            }
        };
        if gets_turn {
            self.ready.push(Arc::clone(&peer.connection));
        }
    }

    // ---- bytes leave ----

    fn drain(&mut self, token: usize) {
        let Some(peer) = self.peers.get_mut(token) else { return };
        if !peer.drains {
            // What the transport itself has to say, such as a handshake. If it is broken, a read finds that out.
            let _ = peer.connection.stream.flush();
            return;
        }
        let mut exec = peer.connection.exec();
        match exec.drain(&peer.connection.stream) {
            Ok(sent) => {
                self.server.metrics.reactor.bytes_out.add(sent.bytes as u64);
                if sent.bytes > 0 {
                    peer.stalled_since = Some(Instant::now());
                }
                if !sent.all {
                    return;
                }
            }
            Err(_) => peer.connection.finish(),
        }
        drop(exec);
        peer.drains = false;
        peer.stalled_since = None;
        self.ready.push(Arc::clone(&peer.connection));
    }

    // ---- notices ----

    fn take_notices(&mut self) {
        while let Ok(notice) = self.notices.try_recv() {
            match notice {
                Notice::Drain(connection) => {
                    let token = connection.token;
                    if let Some(peer) = self.peers.get_mut(token) {
                        if peer.doomed {
                            // It was killed while its turn was elsewhere: nobody waits for it to read.
                            self.ready.push(connection);
                            continue;
                        }
                        peer.drains = true;
                        peer.stalled_since = Some(Instant::now());
                        self.drain(token);
                    }
                }
                Notice::Resume(token) => {
                    // At a stop, everyone is paused for good.
                    if self.stopping_since.is_none()
                        && let Some(peer) = self.peers.get_mut(token)
                    {
                        peer.paused = false;
                        self.read(token);
                    }
                }
                Notice::Expire { at, blocked } => self.waits.push(at, blocked),
                Notice::Closed(token) => self.close(token),
                Notice::Kill(id) => self.kill(|connection| connection.client.id == id),
                Notice::Listen(plan, answer) => drop(answer.send(self.listen(plan))),
                Notice::Stop => self.stop(),
            }
        }
    }

    /// Closing a socket that has unread bytes resets it, and the peer may lose the last reply: so first only the
    /// sending side is closed.
    fn close(&mut self, token: usize) {
        let Some(peer) = self.peers.get_mut(token) else { return };
        let hung_up = peer.connection.stream.close_writing().is_err();
        if hung_up || peer.ended || self.stopping_since.is_some() {
            self.peers.remove(token);
            return;
        }
        peer.paused = false;
        peer.lingers_since = Some(Instant::now());
        self.discard(token);
    }

    fn discard(&mut self, token: usize) {
        let mut scratch = [0; limits::READ_CHUNK];
        let Some(peer) = self.peers.get_mut(token) else { return };
        match peer.connection.stream.read(&mut scratch) {
            (_, Next::Ended | Next::Broken) => self.peers.remove(token),
            (0, Next::Drained) => {}
            _ => self.again.push(token),
        }
    }

    /// No more connections and no more bytes; what was received is finished.
    fn stop(&mut self) {
        self.stopping_since = Some(Instant::now());
        self.listeners.clear();
        for peer in self.peers.iter_mut() {
            peer.paused = true;
            if peer.connection.end() {
                self.ready.push(Arc::clone(&peer.connection));
            }
        }
    }
}
