//! What carries the bytes: TCP, TLS over TCP, or a Unix socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::target::{Address, Target};
use super::tls::TlsStream;
use crate::limits::CLIENT_CONNECT_SECONDS;

pub enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

impl Transport {
    pub fn dial(target: &Target) -> io::Result<Self> {
        let (host, port) = match &target.address {
            Address::Unix(path) => return UnixStream::connect(path).map(Transport::Unix),
            Address::Tcp { host, port } => (host.as_str(), *port),
        };
        let stream = dial(host, port)?;
        match &target.tls {
            None => Ok(Transport::Tcp(stream)),
            Some(tls) => TlsStream::open(stream, tls, host).map(Box::new).map(Transport::Tls),
        }
    }

    /// How long a read waits; for ever without.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Transport::Unix(stream) => stream.set_read_timeout(timeout),
            Transport::Tcp(stream) => stream.set_read_timeout(timeout),
            Transport::Tls(stream) => stream.socket.set_read_timeout(timeout),
        }
    }

    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Transport::Unix(stream) => stream.set_nonblocking(nonblocking),
            Transport::Tcp(stream) => stream.set_nonblocking(nonblocking),
            Transport::Tls(stream) => stream.socket.set_nonblocking(nonblocking),
        }
    }

    /// Whether bytes that were taken wait for the socket.
    pub fn wants_write(&self) -> bool {
        matches!(self, Transport::Tls(stream) if stream.wants_write())
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Transport::Unix(stream) => stream.as_fd(),
            Transport::Tcp(stream) => stream.as_fd(),
            Transport::Tls(stream) => stream.socket.as_fd(),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Unix(stream) => stream.read(buffer),
            Transport::Tcp(stream) => stream.read(buffer),
            Transport::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Unix(stream) => stream.write(bytes),
            Transport::Tcp(stream) => stream.write(bytes),
            Transport::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Unix(stream) => stream.flush(),
            Transport::Tcp(stream) => stream.flush(),
            Transport::Tls(stream) => stream.flush(),
        }
    }
}

/// The first of the host's addresses that answers.
fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "no such host");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, Duration::from_secs(CLIENT_CONNECT_SECONDS)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether nothing has come for as long as one wanted to wait.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
