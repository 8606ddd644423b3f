//! A small HTTP server: answers GET and HEAD, one request per connection, on one thread.
//!
//! ```text
//!   asking ----------> answering -------> lingering ---> closed
//!   5 s, 8 KiB head    10 s               2 s, 64 KiB thrown away
//! ```
//!
//! Whatever a client does, it costs a slot of a bounded slab and a few KiB for a few seconds. There is no keep-alive:
//! a connection lives as long as its one answer, so what is pipelined behind a request is never looked at.

mod request;
mod response;

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::limits;
pub use request::{Parsed, Request, parse};
pub use response::Response;

/// What is served.
pub trait Site {
    fn answer(&mut self, request: &Request<'_>) -> Response;
    /// Called once a second. Returns whether to go on.
    fn tick(&mut self) -> bool;
}

const WAKER: Token = Token(usize::MAX);
/// Listeners count down from here, connections up from 0.
const LISTENERS: usize = usize::MAX - 1;
const TICK: Duration = Duration::from_secs(1);

struct Peer {
    stream: TcpStream,
    state: State,
    since: Instant,
}

enum State {
    Asking(Vec<u8>),
    Answering {
        bytes: Vec<u8>,
        sent: usize,
    },
    /// All is said and the sending side closed: closing at once would reset the connection if the client has sent
    /// anything else, and it might lose the answer.
    Lingering {
        discarded: usize,
    },
}

impl State {
    fn need(&self) -> u8 {
        match self {
            State::Lingering { .. } => 0,
            State::Asking(_) => 1,
            State::Answering { .. } => 2,
        }
    }
}

impl Peer {
    fn is_overdue(&self, now: Instant) -> bool {
        let seconds = match self.state {
            State::Asking(_) => limits::HTTP_REQUEST_SECONDS,
            State::Answering { .. } => limits::HTTP_ANSWER_SECONDS,
            State::Lingering { .. } => limits::LINGER_SECONDS,
        };
        now - self.since > Duration::from_secs(seconds)
    }
}

pub struct Http {
    poll: Poll,
    listeners: Vec<TcpListener>,
    peers: Slab<Peer>,
}

impl Http {
    /// Also returns what makes it tick at once.
    pub fn new(mut listeners: Vec<TcpListener>) -> io::Result<(Http, Arc<Waker>)> {
        let poll = Poll::new()?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener, Token(LISTENERS - index), Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok((Http { poll, listeners, peers: Slab::new() }, waker))
    }

    /// Serves until the site has had enough.
    pub fn run(mut self, mut site: impl Site) {
        let mut events = Events::with_capacity(256);
        let mut next_tick = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                if !site.tick() {
                    return;
                }
                self.peers.retain(|_, peer| !peer.is_overdue(now));
                // After a failed accept no event would say that somebody waits.
                self.accept_all();
            }
            match self.poll.poll(&mut events, Some(next_tick.saturating_duration_since(Instant::now()))) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return tracing::error!("the metrics port is given up: {e}"),
            }
            for event in &events {
                match event.token() {
                    WAKER => next_tick = Instant::now(),
                    Token(token) if token > LISTENERS - self.listeners.len() => self.accept_all(),
                    Token(token) => self.serve(token, &mut site),
                }
            }
        }
    }

    fn accept_all(&mut self) {
        for index in 0..self.listeners.len() {
            loop {
                match self.listeners[index].accept() {
                    Ok((stream, _)) => self.welcome(stream),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) if e.kind() == ErrorKind::ConnectionAborted => {}
                    // Out of file descriptors, most likely: tried again at the next tick.
                    Err(_) => break,
                }
            }
        }
    }

    fn welcome(&mut self, mut stream: TcpStream) {
        if self.peers.len() >= limits::HTTP_CONNECTIONS_MAX {
            self.make_room();
        }
        let slot = self.peers.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut stream, Token(slot.key()), interest).is_ok() {
            slot.insert(Peer { stream, state: State::Asking(Vec::new()), since: Instant::now() });
        }
    }

    /// Closes whoever needs its place least: has been answered, or has kept its request back for longest, or does not
    /// take its answer. So those who ask at once, and read, are always served.
    fn make_room(&mut self) {
        let least = self.peers.iter().min_by_key(|(_, peer)| (peer.state.need(), peer.since));
        if let Some(token) = least.map(|(token, _)| token) {
            self.peers.remove(token);
        }
    }

    fn serve(&mut self, token: usize, site: &mut impl Site) {
        if let Some(peer) = self.peers.get_mut(token)
            && !go_on(peer, site)
        {
            self.peers.remove(token);
        }
    }
}

/// Does what can be done now. Returns whether the connection stays.
fn go_on(peer: &mut Peer, site: &mut impl Site) -> bool {
    if let State::Asking(head) = &mut peer.state {
        let Some(is_open) = read_head(&mut peer.stream, head) else { return false };
        let bytes = match parse(head) {
            Parsed::Partial if is_open => return true,
            Parsed::Partial => return false,
            Parsed::Request(request) => site.answer(&request).into_bytes(request.is_head),
            Parsed::Wrong(refusal) => refusal.into_bytes(false),
        };
        peer.state = State::Answering { bytes, sent: 0 };
        peer.since = Instant::now();
    }
    if let State::Answering { bytes, sent } = &mut peer.state {
        while *sent < bytes.len() {
            match peer.stream.write(&bytes[*sent..]) {
                Ok(0) => return false,
                Ok(n) => *sent += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        if peer.stream.shutdown(Shutdown::Write).is_err() {
            return false;
        }
        peer.state = State::Lingering { discarded: 0 };
        peer.since = Instant::now();
    }
    match &mut peer.state {
        State::Lingering { discarded } => discard(&mut peer.stream, discarded),
        _ => true,
    }
}

/// Reads until the socket is empty, or more than a head has come. Says whether the peer may send more; `None` where
/// the connection is broken.
fn read_head(stream: &mut TcpStream, head: &mut Vec<u8>) -> Option<bool> {
    let mut chunk = [0; 4 << 10];
    while head.len() <= limits::HTTP_HEAD_MAX {
        match stream.read(&mut chunk) {
            Ok(0) => return Some(false),
            Ok(n) => head.extend_from_slice(&chunk[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Some(true),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(true)
}

fn discard(stream: &mut TcpStream, discarded: &mut usize) -> bool {
    let mut chunk = [0; 4 << 10];
    while *discarded < limits::HTTP_DISCARDED_MAX {
        match stream.read(&mut chunk) {
            Ok(0) => return false,
            Ok(n) => *discarded += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    false
}
