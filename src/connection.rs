//! A connection, as reactor and workers share it.
//!
//! The reactor reads; everything else belongs to whoever holds the connection's *turn*: one worker while requests run,
//! nobody while it is parked for the log, the reactor while it drains what the socket would not take. The turn is
//! given with the `Arc`, so what it guards ([`Exec`]) is never contended, and no lock is held across I/O.
//!
//! ```text
//!   reactor: read, parse --deliver--> inbox --next_turn--> worker: run, send
//!                ^                                             |  socket full: Notice::Drain
//!                +---------------------------------------------+  at the end:  Notice::Closed
//! ```

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crossbeam_channel::Sender;
use mio::Waker;
use mio::net::TcpStream;

use crate::limits;
use crate::protocol::{Batch, Reply, Wire};
use crate::session::blocking::State;
use crate::session::{Blocked, Client, Outlet, Session};

pub struct Connection {
    /// Its place in the reactor's slab.
    pub token: usize,
    pub stream: TcpStream,
    pub client: Arc<Client>,
    inbox: Mutex<Inbox>,
    exec: Mutex<Exec>,
    /// Bytes delivered and not yet run.
    in_flight: AtomicUsize,
    /// The reactor has stopped reading until the inbox is empty.
    paused: AtomicBool,
    to_reactor: ReactorHandle,
}

#[derive(Default)]
struct Inbox {
    batches: VecDeque<Batch>,
    /// A batch that was left in the middle.
    current: Option<Progress>,
    /// Messages for this client from others.
    posted: Vec<u8>,
    /// Nobody holds the turn: it comes back when this wait ends.
    blocked: Option<Arc<Blocked>>,
    /// Somebody holds the turn.
    turn_taken: bool,
    /// The peer sends no more; once all is answered, the connection closes.
    ended: bool,
    /// Nothing can be sent any more, or nothing shall: the connection closes without running the rest.
    dead: bool,
}

/// What only the holder of the turn touches.
pub struct Exec {
    pub session: Session,
    /// Replies that the socket did not take yet, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// Replies that wait for the log.
    held: Option<Box<Held>>,
}

/// Replies that must not leave before the log says so.
#[derive(Default)]
pub struct Held {
    pub bytes: Vec<u8>,
    /// Where each reply that describes something not yet durable starts, and how an error in its place is spelled.
    pub replies: Vec<(u32, Wire)>,
}

/// A batch and the request to go on with.
pub struct Progress {
    pub batch: Batch,
    pub next: usize,
}

/// What the holder of the turn is to do.
pub enum Turn {
    Run(Progress),
    /// Send what others have posted.
    Send(Vec<u8>),
    /// Nothing to do: the turn has been given up.
    Idle,
    /// The end; the turn is kept, so nobody else runs anything.
    Close,
}

/// What workers tell the reactor.
pub enum Notice {
    /// The socket is full: the reactor holds the turn until it has drained.
    Drain(Arc<Connection>),
    /// The inbox is empty again: read on.
    Resume(usize),
    /// Forget the connection.
    Closed(usize),
    /// End a wait when its time is up.
    Expire { at: Instant, blocked: Weak<Blocked> },
    /// Close the connection of this client id.
    Kill(u64),
    /// Stop accepting and reading.
    Stop,
}

/// The way to the reactor: a channel and what wakes it.
#[derive(Clone)]
pub struct ReactorHandle {
    pub notices: Sender<Notice>,
    pub waker: Arc<Waker>,
}

impl ReactorHandle {
    pub fn tell(&self, notice: Notice) {
        if self.notices.send(notice).is_ok() {
            // A wake-up that fails means that the poll is gone, and the reactor with it.
            let _ = self.waker.wake();
        }
    }
}

/// Buffers on their way back to the reactor.
#[derive(Default)]
pub struct Recycled(Mutex<Vec<Batch>>);

impl Recycled {
    /// Buffers kept at most: more than a poll can use up.
    const KEPT_MAX: usize = 1024;
    /// A buffer that one huge request has grown is not kept.
    const ROOM_MAX: usize = 4 * limits::READ_CHUNK;

    pub fn put(&self, used: &mut Vec<Batch>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mut batch in used.drain(..) {
            if batch.bytes.capacity() <= Self::ROOM_MAX && kept.len() < Self::KEPT_MAX {
                batch.spans.clear();
                batch.requests.clear();
                kept.push(batch);
            }
        }
    }

    /// Takes all of them at once.
    pub fn take(&self, into: &mut Vec<Batch>) {
        into.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    /// `session` makes the session, given the way by which others will reach it.
    pub fn new(
        token: usize,
        stream: TcpStream,
        session: impl FnOnce(Weak<dyn Outlet>) -> Session,
        to_reactor: ReactorHandle,
    ) -> Arc<Connection> {
        Arc::new_cyclic(|itself: &Weak<Connection>| {
            let session = session(itself.clone());
            Connection {
                token,
                stream,
                client: Arc::clone(&session.client),
                inbox: Mutex::default(),
                exec: Mutex::new(Exec { session, unsent: Vec::new(), sent: 0, held: None }),
                in_flight: AtomicUsize::new(0),
                paused: AtomicBool::new(false),
                to_reactor,
            }
        })
    }

    // ---- the reactor's side ----

    /// Hands requests over. Returns whether the turn is free and now goes with the caller's job.
    pub fn deliver(&self, batch: Batch) -> bool {
        self.in_flight.fetch_add(batch.bytes.len(), Ordering::Relaxed);
        let mut inbox = lock(&self.inbox);
        inbox.batches.push_back(batch);
        !std::mem::replace(&mut inbox.turn_taken, true)
    }

    /// The peer has closed its sending side. Returns as [`Connection::deliver`] does.
    pub fn end(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.ended = true;
        inbox.take_turn_to_close()
    }

    /// The connection is broken, or has to go. Returns as [`Connection::deliver`] does.
    pub fn kill(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.dead = true;
        inbox.take_turn_to_close()
    }

    /// Whether so much waits that reading must pause; a [`Notice::Resume`] follows.
    pub fn is_full(&self) -> bool {
        if self.in_flight.load(Ordering::Relaxed) < limits::IN_FLIGHT_MAX {
            return false;
        }
        self.paused.store(true, Ordering::SeqCst);
        // The last batch may have been taken between the look and the note.
        self.in_flight.load(Ordering::SeqCst) >= limits::IN_FLIGHT_MAX
    }

    // ---- the turn ----

    pub fn next_turn(&self) -> Turn {
        let mut inbox = lock(&self.inbox);
        if inbox.dead {
            return Turn::Close;
        }
        inbox.blocked = None;
        if !inbox.posted.is_empty() {
            return Turn::Send(std::mem::take(&mut inbox.posted));
        }
        if let Some(progress) = inbox.current.take() {
            return Turn::Run(progress);
        }
        if let Some(batch) = inbox.batches.pop_front() {
            drop(inbox);
            let before = self.in_flight.fetch_sub(batch.bytes.len(), Ordering::SeqCst);
            if before - batch.bytes.len() < limits::IN_FLIGHT_MAX
                && self.paused.load(Ordering::Relaxed)
                && self.paused.swap(false, Ordering::SeqCst)
            {
                self.to_reactor.tell(Notice::Resume(self.token));
            }
            return Turn::Run(Progress { batch, next: 0 });
        }
        if inbox.ended {
            return Turn::Close;
        }
        inbox.turn_taken = false;
        Turn::Idle
    }

    /// Leaves a batch in the middle; the next turn goes on with it.
    pub fn resume_with(&self, progress: Progress) {
        lock(&self.inbox).current = Some(progress);
    }

    /// Gives the turn up until a wait ends, and leaves the batch at the waiting request. Returns whether the wait has
    /// ended already because the client is gone: then the turn stays with the caller.
    pub fn block(&self, progress: Progress, blocked: Arc<Blocked>) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.current = Some(progress);
        inbox.blocked = Some(blocked);
        (inbox.dead || inbox.ended) && inbox.take_turn_to_close()
    }

    /// Nothing more is run: the next turn closes.
    pub fn finish(&self) {
        lock(&self.inbox).dead = true;
    }

    /// The holder's own state. Never contended: only the holder of the turn calls this.
    pub fn exec(&self) -> MutexGuard<'_, Exec> {
        lock(&self.exec)
    }

    /// The end, told by the holder of the turn once all that can be sent is sent.
    pub fn close(&self) {
        self.to_reactor.tell(Notice::Closed(self.token));
    }

    pub fn hand_to_reactor(self: Arc<Self>) {
        let handle = self.to_reactor.clone();
        handle.tell(Notice::Drain(self));
    }
}

impl Inbox {
    /// Takes the turn if nobody holds it, which includes a client that is blocked: a wait ends with its connection.
    fn take_turn_to_close(&mut self) -> bool {
        let wait_ended = self.blocked.take().is_some_and(|blocked| blocked.end(State::Gone).is_some());
        self.dead |= wait_ended;
        wait_ended || !std::mem::replace(&mut self.turn_taken, true)
    }
}

impl Outlet for Connection {
    fn post(self: Arc<Self>, bytes: &[u8]) -> Option<Arc<dyn Outlet>> {
        let mut inbox = lock(&self.inbox);
        if inbox.dead {
            return None;
        }
        if inbox.posted.len() + bytes.len() > limits::POSTED_MAX {
            tracing::info!("closing a client that does not keep up: {}", self.client.origin.address);
            inbox.dead = true;
            inbox.posted = Vec::new();
            // Its turn may be with the reactor, which waits for the socket to take more.
            self.to_reactor.tell(Notice::Kill(self.client.id));
        } else {
            inbox.posted.extend_from_slice(bytes);
        }
        let free = !std::mem::replace(&mut inbox.turn_taken, true);
        drop(inbox);
        if free { Some(self) } else { None }
    }
}

impl Exec {
    /// Keeps replies back until the log is durable.
    pub fn hold(&mut self, held: Held) {
        self.held = Some(Box::new(held));
    }

    /// The log will never get there: errors take the place of what must not be claimed.
    pub fn fail_held(&mut self, reason: &str) {
        let Some(held) = &mut self.held else { return };
        let Some(&(start, _)) = held.replies.first() else { return };
        held.bytes.truncate(start as usize);
        for (_, wire) in held.replies.drain(..) {
            let text = format!("MISCONF Errors writing to the AOF file: {reason}");
            Reply::new(&mut held.bytes, wire).error(&text);
        }
    }

    /// What was held may leave now. Returns the bytes to send, if any.
    pub fn release_held(&mut self) -> Option<Vec<u8>> {
        self.held.take().map(|held| held.bytes)
    }

    pub fn unsent_bytes(&self) -> usize {
        self.unsent.len() - self.sent
    }

    pub fn has_unsent(&self) -> bool {
        self.sent < self.unsent.len()
    }

    /// Sends as much as the socket takes; the rest is kept. Returns whether nothing is left, and the bytes that went.
    /// A broken socket takes everything: there is nobody to send it to.
    pub fn send(&mut self, mut stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
        debug_assert!(!self.has_unsent(), "the turn comes back from the reactor when all is sent");
        let sent = write_all(&mut stream, bytes)?;
        if sent < bytes.len() {
            self.unsent.clear();
            self.unsent.extend_from_slice(&bytes[sent..]);
            self.sent = 0;
        }
        bytes.clear();
        Ok(sent)
    }

    /// Goes on where the socket was full.
    pub fn drain(&mut self, mut stream: &TcpStream) -> io::Result<usize> {
        let sent = write_all(&mut stream, &self.unsent[self.sent..])?;
        self.sent += sent;
        if !self.has_unsent() {
            self.unsent = Vec::new();
            self.sent = 0;
        }
        Ok(sent)
    }
}

/// Writes until all is written or the socket is full; returns how much went.
fn write_all(stream: &mut &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(sent)
}
