//! The one event loop: accepts, reads and parses every connection, and never blocks.
//!
//! ```text
//!   epoll --events--> [ accept | read + parse | drain ] --one job per worker per poll--> worker pool
//!             ^                                                                            |
//!             +-- waker <-- Notice: drain, resume, closed ---------------------------------+
//! ```
//!
//! It drains all ready connections first and only then hands over, so that waking a worker is paid once per poll.
//! On a small machine it lets the workers finish before it polls again: they then share one wake-up with the
//! requests that arrive meanwhile.

mod input;
pub mod listener;
mod waits;

use std::io::{self, ErrorKind, Read as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::command::Server;
use crate::connection::{Connection, Notice, ReactorHandle};
use crate::limits;
use crate::memory;
use crate::protocol::Batch;
use crate::session::blocking::State;
use crate::session::{Origin, Session};
use crate::worker::{Pool, connection_behind, now_ms};
use input::{Input, Read};
use waits::Waits;

const WAKER: Token = Token(usize::MAX);
/// Listeners count down from here, connections up from 0.
const LISTENERS: usize = usize::MAX - 1;
/// Events taken per poll.
const EVENTS_MAX: usize = 1024;
/// How often stalled clients are looked for.
const TICK: Duration = Duration::from_secs(1);
/// Time slices given away while workers are busy, before polling again.
const YIELDS_MAX: usize = 16;

/// What the reactor alone keeps of a connection.
struct Peer {
    connection: Arc<Connection>,
    input: Input,
    /// Set while the socket is full: since when nothing has been taken.
    stalled_since: Option<Instant>,
    /// The reactor holds the turn, to drain.
    drains: bool,
    /// Reading waits until the inbox is empty.
    paused: bool,
    /// The end of the peer's bytes has arrived, perhaps behind some that are still to be read: a short read does not
    /// say that the socket is empty, and no further event will.
    half_closed: bool,
    /// The peer sends no more.
    ended: bool,
    /// All is said; what the peer still sends is thrown away until it has seen the last reply and hangs up.
    lingers_since: Option<Instant>,
}

/// What the composition root prepares: listeners are bound before anything else is built.
pub struct Reactor {
    poll: Poll,
    listeners: Vec<TcpListener>,
    notices: Receiver<Notice>,
    handle: ReactorHandle,
}

impl Reactor {
    pub fn new(listeners: Vec<TcpListener>) -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, notices) = unbounded();
        Ok(Reactor { poll, listeners, notices, handle: ReactorHandle { notices: sender, waker } })
    }

    pub fn handle(&self) -> ReactorHandle {
        self.handle.clone()
    }

    pub fn start(self, server: Arc<Server>, pool: Arc<Pool>) -> io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("reactor".into()).spawn(move || {
            let mut running = Running {
                poll: self.poll,
                listeners: self.listeners,
                notices: self.notices,
                handle: self.handle,
                server,
                pool,
                peers: Slab::new(),
                ready: Vec::new(),
                again: Vec::new(),
                waits: Waits::default(),
                spare: Vec::new(),
                stopping_since: None,
            };
            running.run();
        })
    }
}

struct Running {
    poll: Poll,
    listeners: Vec<TcpListener>,
    notices: Receiver<Notice>,
    handle: ReactorHandle,
    server: Arc<Server>,
    pool: Arc<Pool>,
    peers: Slab<Peer>,
    /// Connections that have got their turn in this round.
    ready: Vec<Arc<Connection>>,
    /// Sockets that may hold more than was read: looked at again without waiting for an event.
    again: Vec<usize>,
    /// Blocked clients whose time is limited.
    waits: Waits,
    /// Recycled buffers.
    spare: Vec<Batch>,
    stopping_since: Option<Instant>,
}

impl Running {
    fn run(&mut self) {
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let token = Token(LISTENERS - index);
            self.poll
                .registry()
                .register(listener, token, Interest::READABLE)
                .expect("a fresh poll takes a fresh listener");
        }
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut next_tick = Instant::now() + TICK;
        while !self.is_done() {
            self.wait(&mut events, next_tick);
            for event in &events {
                match event.token() {
                    WAKER => self.take_notices(),
                    Token(token) if token > LISTENERS - self.listeners.len() => {
                        self.accept(LISTENERS - token);
                    }
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
            memory::tell();
            if now >= next_tick {
                next_tick = now + TICK;
                self.close_stalled(now);
                self.close_lingering(now);
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
            next.saturating_duration_since(Instant::now())
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

    /// One job per worker, and none for nothing.
    fn hand_over(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        self.pool.submit_shared(std::mem::take(&mut self.ready));
        for _ in 0..YIELDS_MAX {
            thread::yield_now();
            if !self.pool.is_busy() {
                break;
            }
        }
        self.pool.recycled.take(&mut self.spare);
    }

    // ---- connections come ----

    fn accept(&mut self, listener: usize) {
        loop {
            match self.listeners[listener].accept() {
                Ok((stream, _)) if self.stopping_since.is_some() => drop(stream),
                Ok((stream, address)) => self.welcome(stream, address),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == ErrorKind::Interrupted || e.kind() == ErrorKind::ConnectionAborted => {}
                Err(e) => {
                    // Out of file descriptors, most likely: the clients in the backlog wait for the next event.
                    tracing::warn!("cannot accept a connection: {e}");
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, mut stream: mio::net::TcpStream, address: std::net::SocketAddr) {
        let metrics = &self.server.metrics.reactor;
        metrics.connections.add(1);
        let config = self.server.config();
        if self.peers.len() >= config.maxclients {
            metrics.rejected.add(1);
            // A courtesy; whether it arrives is the client's affair.
            let _ = io::Write::write(&mut stream, b"-ERR max number of clients reached\r\n");
            return;
        }
        listener::prepare(&stream, config.tcp_keepalive_seconds);
        let is_open = config.requirepass.is_empty();
        drop(config);
        let slot = self.peers.vacant_entry();
        let token = slot.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = self.poll.registry().register(&mut stream, Token(token), interest) {
            tracing::warn!("cannot watch the connection from {address}: {e}");
            return;
        }
        let origin = Origin {
            address: address.to_string(),
            local_address: stream.local_addr().map(|a| a.to_string()).unwrap_or_default(),
            fd: stream.as_raw_fd(),
        };
        let client = self.server.clients.connect(origin, now_ms());
        let session = |outlet| Session::new(client, outlet, is_open);
        let connection = Connection::new(token, stream, session, self.handle.clone());
        slot.insert(Peer {
            connection,
            input: Input::default(),
            stalled_since: None,
            drains: false,
            paused: false,
            half_closed: false,
            ended: false,
            lingers_since: None,
        });
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
        let batch = self.spare.pop().unwrap_or_default();
        let is_known = peer.connection.client.is_authenticated();
        let outcome = peer.input.read(&peer.connection.stream, batch, is_known);
        let gets_turn = if outcome.batch.requests.is_empty() {
            self.spare.push(outcome.batch);
            false
        } else {
            peer.connection.deliver(outcome.batch)
        };
        self.server.metrics.reactor.bytes_in.add(outcome.bytes as u64);
        let gets_turn = match outcome.then {
            Read::Drained if !peer.half_closed => gets_turn,
            Read::Drained | Read::More => {
                peer.paused = peer.connection.is_full();
                if !peer.paused {
                    self.again.push(token);
                }
                gets_turn
            }
            Read::Ended => {
                peer.ended = true;
                peer.connection.end() || gets_turn
            }
            Read::Broken => {
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
        let Some(peer) = self.peers.get_mut(token).filter(|peer| peer.drains) else { return };
        let mut exec = peer.connection.exec();
        match exec.drain(&peer.connection.stream) {
            Ok(sent) => {
                self.server.metrics.reactor.bytes_out.add(sent as u64);
                if sent > 0 {
                    peer.stalled_since = Some(Instant::now());
                }
                if exec.has_unsent() {
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

    fn close_stalled(&mut self, now: Instant) {
        let limit = Duration::from_secs(limits::OUTPUT_STALL_SECONDS);
        for (_, peer) in &mut self.peers {
            if peer.stalled_since.is_some_and(|since| now - since > limit) {
                tracing::info!(
                    "closing a client that does not read its replies: {}",
                    peer.connection.client.origin.address
                );
                peer.connection.finish();
                peer.drains = false;
                peer.stalled_since = None;
                self.ready.push(Arc::clone(&peer.connection));
            }
        }
        self.hand_over();
    }

    fn close_lingering(&mut self, now: Instant) {
        let limit = Duration::from_secs(limits::LINGER_SECONDS);
        self.peers.retain(|_, peer| peer.lingers_since.is_none_or(|since| now - since <= limit));
    }

    // ---- notices ----

    fn take_notices(&mut self) {
        while let Ok(notice) = self.notices.try_recv() {
            match notice {
                Notice::Drain(connection) => {
                    let token = connection.token;
                    if let Some(peer) = self.peers.get_mut(token) {
                        peer.drains = true;
                        peer.stalled_since = Some(Instant::now());
                        self.drain(token);
                    }
                }
                Notice::Resume(token) => {
                    if let Some(peer) = self.peers.get_mut(token) {
                        peer.paused = false;
                        self.read(token);
                    }
                }
                Notice::Expire { at, blocked } => self.waits.push(at, blocked),
                Notice::Closed(token) => self.close(token),
                Notice::Kill(id) => self.kill(|connection| connection.client.id == id),
                Notice::Stop => self.stop(),
            }
        }
    }

    /// Closing a socket that has unread bytes resets it, and the peer may lose the last reply: so first only the
    /// sending side is closed.
    fn close(&mut self, token: usize) {
        let Some(peer) = self.peers.get_mut(token) else { return };
        let hung_up = peer.connection.stream.shutdown(Shutdown::Write).is_err();
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
        match (&peer.connection.stream).read(&mut scratch) {
            Ok(n) if n > 0 => self.again.push(token),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            _ => drop(self.peers.remove(token)),
        }
    }

    fn kill(&mut self, which: impl Fn(&Connection) -> bool) {
        for (_, peer) in &mut self.peers {
            if which(&peer.connection) && (peer.connection.kill() || peer.drains) {
                peer.drains = false;
                self.ready.push(Arc::clone(&peer.connection));
            }
        }
    }

    /// No more connections and no more bytes; what was received is finished.
    fn stop(&mut self) {
        self.stopping_since = Some(Instant::now());
        self.listeners.clear();
        for (_, peer) in &mut self.peers {
            peer.paused = true;
            if peer.connection.end() {
                self.ready.push(Arc::clone(&peer.connection));
            }
        }
    }
}
