//! A connection, as reactor and workers share it.
//!
//! The reactor reads; everything else belongs to whoever holds the connection's *turn*: one worker while requests run,
//! the reactor while it drains what the socket would not take, and whoever ends the wait while it waits for the log or
//! for a key. The turn is given with the `Arc`, so what it guards ([`Exec`]) is hardly ever contended, and its lock may be
//! held while sending.
//!
//! ```text
//!   reactor: read, parse --deliver--> inbox --next_turn--> worker: run, send
//!                ^                                             |  socket full: Notice::Drain
//!                +---------------------------------------------+  at the end:  Notice::Closed
//! ```

use std::any::Any;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crossbeam_channel::Sender;
use mio::Waker;

use crate::command::Error;
use crate::config::clients::Class;
use crate::limits;
use crate::metrics::Metrics;
use crate::protocol::{Batch, Reply, Wire};
use crate::session::blocking::State;
use crate::session::{Blocked, BufferLimits, Client, Outlet, Session};
use crate::transport::Stream;
use crate::transport::listener::{Changed, Plan};

pub struct Connection {
    /// Its name in the reactor: no other connection has had it for a long time.
    pub token: usize,
    pub stream: Stream,
    pub client: Arc<Client>,
    inbox: Mutex<Inbox>,
    exec: Mutex<Exec>,
    /// The reactor has stopped reading until enough of the inbox has been run.
    paused: AtomicBool,
    common: Arc<Common>,
}

/// What all connections share.
pub struct Common {
    pub to_reactor: ReactorHandle,
    pub buffers: Arc<BufferLimits>,
    pub metrics: Arc<Metrics>,
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
    /// Somebody has come to send what was posted during the wait, which may end meanwhile and bring the turn: of the two,
    /// the first to be done goes away.
    visited: bool,
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
    /// Bytes that wait, as others see it.
    shown: usize,
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

/// What a batch counts for in its client's inbox: its buffer has room for one reading, however little came.
fn weight(batch: &Batch) -> usize {
    batch.bytes.len().max(limits::READ_CHUNK)
}

/// What workers tell the reactor.
pub enum Notice {
    /// The socket is full: the reactor holds the turn until it has drained.
    Drain(Arc<Connection>),
    /// The inbox holds little enough again: read on.
    Resume(usize),
    /// Forget the connection.
    Closed(usize),
    /// End a wait when its time is up.
    Expire { at: Instant, blocked: Weak<Blocked> },
    /// Close the connection of this client id.
    Kill(u64),
    /// Listen elsewhere, and say how that went.
    Listen(Plan, Sender<Changed>),
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
        stream: Stream,
        session: impl FnOnce(Weak<dyn Outlet>) -> Session,
        common: Arc<Common>,
    ) -> Arc<Connection> {
        Arc::new_cyclic(|itself: &Weak<Connection>| {
            let session = session(itself.clone());
            Connection {
                token,
                stream,
                client: Arc::clone(&session.client),
                inbox: Mutex::default(),
                exec: Mutex::new(Exec { session, unsent: Vec::new(), sent: 0, held: None, shown: 0 }),
                paused: AtomicBool::new(false),
                common,
            }
        })
    }

    // ---- the reactor's side ----

    /// Hands requests over. Returns whether the turn is free and now goes with the caller's job.
    pub fn deliver(&self, batch: Batch) -> bool {
        self.client.kept.in_flight.fetch_add(weight(&batch), Ordering::Relaxed);
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
        inbox.posted = Vec::new();
        self.client.kept.posted.store(0, Ordering::Relaxed);
        inbox.take_turn_to_close()
    }

    /// Whether nothing is asked, and nothing waited for.
    pub fn is_idle(&self) -> bool {
        let inbox = lock(&self.inbox);
        !inbox.turn_taken && inbox.blocked.is_none() && inbox.batches.is_empty()
    }

    /// Whether so much waits that reading must pause; a [`Notice::Resume`] follows.
    pub fn is_full(&self) -> bool {
        if self.client.kept.in_flight.load(Ordering::Relaxed) < limits::IN_FLIGHT_MAX {
            return false;
        }
        self.paused.store(true, Ordering::SeqCst);
        // The last batch may have been taken between the look and the note.
        self.client.kept.in_flight.load(Ordering::SeqCst) >= limits::IN_FLIGHT_MAX
    }

    // ---- the turn ----

    pub fn next_turn(&self) -> Turn {
        let mut inbox = lock(&self.inbox);
        if inbox.dead {
            return Turn::Close;
        }
        if inbox.visited && (inbox.posted.is_empty() || !inbox.is_waiting()) {
            inbox.visited = false;
            return Turn::Idle;
        }
        if !inbox.visited {
            inbox.blocked = None;
        }
        if !inbox.posted.is_empty() {
            self.client.kept.posted.store(0, Ordering::Relaxed);
            return Turn::Send(std::mem::take(&mut inbox.posted));
        }
        if let Some(progress) = inbox.current.take() {
            return Turn::Run(progress);
        }
        if let Some(batch) = inbox.batches.pop_front() {
            drop(inbox);
            let weight = weight(&batch);
            let before = self.client.kept.in_flight.fetch_sub(weight, Ordering::SeqCst);
            if before - weight < limits::IN_FLIGHT_MAX
                && self.paused.load(Ordering::SeqCst)
                && self.paused.swap(false, Ordering::SeqCst)
            {
                self.common.to_reactor.tell(Notice::Resume(self.token));
            }
            return Turn::Run(Progress { batch, next: 0 });
        }
        if inbox.ended {
            return Turn::Close;
        }
        inbox.turn_taken = false;
        Turn::Idle
    }

    /// Gives the turn up if there is nothing to do. Returns whether that is so.
    pub fn rests(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        let is_busy = inbox.dead
            || inbox.ended
            || inbox.current.is_some()
            || !inbox.posted.is_empty()
            || !inbox.batches.is_empty();
        inbox.turn_taken = is_busy;
        !is_busy
    }

    /// Whether something that others have posted waits to be sent.
    pub fn has_messages(&self) -> bool {
        self.client.kept.posted.load(Ordering::Relaxed) > 0
    }

    /// The word behind the name of the first request that waits, most likely its key: for looking ahead. A hint, so
    /// it does not wait for the inbox.
    pub fn waiting_key<R>(&self, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let inbox = self.inbox.try_lock().ok()?;
        let batch = inbox.batches.front()?;
        batch.words(batch.requests.first()?).iter().nth(1).map(look)
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

    /// After [`Connection::block`]: whether the caller is to send messages that have come, although the client waits.
    pub fn begin_visit(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        !inbox.posted.is_empty() && inbox.begin_visit()
    }

    /// More waits for the client than is allowed for its class: it is closed.
    pub fn overflow(&self) {
        let (id, address) = (self.client.id, &self.client.origin.address);
        tracing::info!("Client closed for overcoming of output buffer limits: id={id} addr={address}");
        self.common.metrics.clients.output_overflows.fetch_add(1, Ordering::Relaxed);
        self.finish();
    }

    /// The most that may wait for a client of this class.
    pub fn output_max(&self, class: Class) -> usize {
        self.common.buffers.output_max(class)
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
        self.common.to_reactor.tell(Notice::Closed(self.token));
    }

    pub fn hand_to_reactor(self: Arc<Self>) {
        let handle = self.common.to_reactor.clone();
        handle.tell(Notice::Drain(self));
    }
}

impl Inbox {
    /// Whether its request waits for something, which has not come yet.
    fn is_waiting(&self) -> bool {
        self.blocked.as_ref().is_some_and(|blocked| blocked.state() == State::Waiting)
    }

    /// Whether the client waits, and nobody has come to it yet but the caller.
    fn begin_visit(&mut self) -> bool {
        self.is_waiting() && !std::mem::replace(&mut self.visited, true)
    }

    /// Takes the turn if nobody holds it, which includes a client that is blocked: a wait ends with its connection.
    fn take_turn_to_close(&mut self) -> bool {
        let wait_ended = self.blocked.take().is_some_and(|blocked| blocked.end(State::Gone).is_some());
        self.dead |= wait_ended;
        wait_ended || !std::mem::replace(&mut self.turn_taken, true)
    }
}

/// Every outlet is a connection; this is the one place that knows.
pub fn connection_behind(outlet: Arc<dyn Outlet>) -> Option<Arc<Connection>> {
    let any: Arc<dyn Any + Send + Sync> = outlet;
    any.downcast().ok()
}

impl Outlet for Connection {
    fn post(self: Arc<Self>, bytes: &[u8]) -> Option<Arc<dyn Outlet>> {
        let mut inbox = lock(&self.inbox);
        if inbox.dead {
            return None;
        }
        let kept = &self.client.kept;
        if kept.output() + bytes.len() > self.output_max(Class::PubSub) {
            inbox.posted = Vec::new();
            drop(inbox);
            self.overflow();
            // The turn may be with the reactor, which waits for the client.
            self.common.to_reactor.tell(Notice::Kill(self.client.id));
            return None;
        }
        inbox.posted.extend_from_slice(bytes);
        kept.posted.store(inbox.posted.len(), Ordering::Relaxed);
        let free = !std::mem::replace(&mut inbox.turn_taken, true) || inbox.begin_visit();
        drop(inbox);
        if free { Some(self) } else { None }
    }
}

impl Exec {
    /// Keeps replies back until the log is durable.
    pub fn hold(&mut self, held: Held) {
        self.held = Some(Box::new(held));
        self.show();
    }

    /// Shows others how much waits; nearly always nothing does, and nothing did.
    fn show(&mut self) {
        let held = self.held.as_ref().map_or(0, |held| held.bytes.len());
        let waiting = self.unsent_bytes() + held;
        if waiting != self.shown {
            self.shown = waiting;
            self.session.client.kept.replies.store(waiting, Ordering::Relaxed);
        }
    }

    /// Nobody is there to send it to.
    pub fn discard(&mut self) {
        (self.unsent, self.sent, self.held) = (Vec::new(), 0, None);
        self.show();
    }

    /// The log will never get there: errors take the place of what must not be claimed.
    pub fn fail_held(&mut self, reason: &str) {
        let Some(held) = &mut self.held else { return };
        let Some(&(start, _)) = held.replies.first() else { return };
        held.bytes.truncate(start as usize);
        let error = Error::unwritable(reason);
        for (_, wire) in held.replies.drain(..) {
            Reply::new(&mut held.bytes, wire).error(error.text());
        }
    }

    /// What was held may leave now. Returns the bytes to send, if any.
    pub fn release_held(&mut self) -> Option<Vec<u8>> {
        self.held.take().map(|held| held.bytes)
    }

    pub fn unsent_bytes(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Sends as much as the stream takes; the rest is kept.
    pub fn send(&mut self, stream: &Stream, bytes: &mut Vec<u8>) -> io::Result<Sent> {
        debug_assert!(self.unsent_bytes() == 0, "the turn comes back from the reactor when all is sent");
        let sent = write_all(stream, bytes)?;
        let all = sent == bytes.len() && stream.flush()?;
        if sent < bytes.len() {
            // The whole buffer changes hands: what is left may be most of a large value.
            std::mem::swap(&mut self.unsent, bytes);
            self.sent = sent;
        }
        bytes.clear();
        self.show();
        Ok(Sent { bytes: sent, all })
    }

    /// Goes on where the stream was full.
    pub fn drain(&mut self, stream: &Stream) -> io::Result<Sent> {
        let sent = write_all(stream, &self.unsent[self.sent..])?;
        self.sent += sent;
        self.show();
        if self.unsent_bytes() > 0 {
            return Ok(Sent { bytes: sent, all: false });
        }
        self.unsent = Vec::new();
        self.sent = 0;
        Ok(Sent { bytes: sent, all: stream.flush()? })
    }
}

/// How far a send has come.
pub struct Sent {
    pub bytes: usize,
    /// Nothing waits for the stream to take it.
    pub all: bool,
}

/// Writes until all is written or the stream is full; returns how much went.
fn write_all(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
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
