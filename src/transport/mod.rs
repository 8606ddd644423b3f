//! What carries the bytes of a connection: TCP, TLS over TCP, or a Unix socket. Nothing here blocks, and nothing knows
//! what the bytes mean.
//!
//! ```text
//!   reactor: read ----+                  +---- Tcp  : one system call
//!                     +---> [ Stream ] --+---- Unix : one system call
//!   turn: write ------+                  +---- Tls  : session (one lock) -> TCP
//! ```
//!
//! The reactor reads and the holder of the turn writes, at the same time. The kernel's sockets allow that; a TLS session is
//! one state for both directions, so it has a lock of its own, held for one bounded piece at a time.

pub mod certificates;
pub mod descriptors;
pub mod listener;
pub mod pem;
mod tls;

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

pub use tls::TlsStream;

pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

/// How a read went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing is left: wait for the next event.
    Drained,
    /// The buffer was filled: there may be more.
    More,
    /// The peer sends no more.
    Ended,
    Broken,
}

impl Stream {
    /// Replies leave at once, and dead peers are noticed. Options that fail cost speed, not correctness.
    pub fn prepare(&self, keepalive_seconds: u32) {
        let socket = match self {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => &stream.socket,
            Stream::Unix(_) => return,
        };
        let _ = socket.set_nodelay(true);
        if keepalive_seconds > 0 {
            let period = Duration::from_secs(u64::from(keepalive_seconds));
            let keepalive = TcpKeepalive::new()
                .with_time(period)
                .with_interval((period / 3).max(Duration::from_secs(1)))
                .with_retries(3);
            let _ = SockRef::from(socket).set_tcp_keepalive(&keepalive);
        }
    }

    /// Reads once, into a buffer with room. Returns how many bytes have come.
    pub fn read(&self, buffer: &mut [u8]) -> (usize, Next) {
        match self {
            Stream::Tcp(stream) => read_once(stream, buffer),
            Stream::Unix(stream) => read_once(stream, buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }

    /// Takes as many bytes as fit now, at least one or [`ErrorKind::WouldBlock`]. What it has taken may still be on its
    /// way: see [`Stream::flush`].
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    /// Sends on what was taken. Returns whether all of it has left: a plain socket keeps nothing back.
    pub fn flush(&self) -> io::Result<bool> {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => Ok(true),
            Stream::Tls(stream) => stream.flush(),
        }
    }

    /// Whether the two sides are still agreeing on keys: then no request has come yet.
    pub fn is_handshaking(&self) -> bool {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => false,
            Stream::Tls(stream) => stream.is_handshaking(),
        }
    }

    /// What it takes beside itself.
    pub fn base_bytes(&self) -> usize {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => 0,
            Stream::Tls(_) => TlsStream::BASE_BYTES,
        }
    }

    /// Nothing more will be written; what the peer still sends can be read.
    pub fn close_writing(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
            Stream::Tls(stream) => stream.close_writing(),
        }
    }
}

fn read_once<S>(mut stream: &S, buffer: &mut [u8]) -> (usize, Next)
where
    for<'a> &'a S: Read,
{
    loop {
        return match stream.read(buffer) {
            Ok(0) => (0, Next::Ended),
            Ok(n) if n < buffer.len() => (n, Next::Drained),
            Ok(n) => (n, Next::More),
            Err(e) if e.kind() == ErrorKind::WouldBlock => (0, Next::Drained),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(_) => (0, Next::Broken),
        };
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.socket().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket().deregister(registry)
    }
}

impl Stream {
    fn socket(&mut self) -> &mut dyn Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
            Stream::Tls(stream) => &mut stream.socket,
        }
    }
}
