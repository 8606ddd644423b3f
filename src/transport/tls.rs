//! A TLS session over a TCP socket.
//!
//! Whoever calls pays for the encryption: the reactor for what it reads (the handshake too), a worker for its replies. A
//! piece is bounded, and so is the time for which one waits for the other.
//!
//! ```text
//!   read:   socket --16 KiB--> [ decrypt ] --> the caller's buffer      what does not fit stays: at most one record
//!   write:  replies --32 KiB--> [ encrypt ] --> socket                  what the socket does not take stays: one piece
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use super::Next;

/// Read from the socket at once; about the size of the largest record.
const READ_PIECE: usize = 16 << 10;
/// Encrypted at once: two records.
const WRITE_PIECE: usize = 32 << 10;
/// The first byte of every TLS connection: a record with a handshake in it.
const HANDSHAKE_RECORD: u8 = 22;
/// For whoever speaks plainly to the TLS port.
const TLS_ONLY: &[u8] = b"-ERR this port speaks TLS only\r\n";

pub struct TlsStream {
    pub(super) socket: TcpStream,
    session: Mutex<Session>,
    is_established: AtomicBool,
}

struct Session {
    tls: ServerConnection,
    /// The first bytes have come, and they were TLS.
    begun: bool,
    /// The peer has said farewell; it may still read.
    ended: bool,
}

impl TlsStream {
    /// With its buffer for one read, which a session always keeps.
    pub const BASE_BYTES: usize = size_of::<TlsStream>() + (4 << 10);

    pub fn new(socket: TcpStream, config: Arc<ServerConfig>) -> Result<TlsStream, rustls::Error> {
        let session = Mutex::new(Session { tls: ServerConnection::new(config)?, begun: false, ended: false });
        Ok(TlsStream { socket, session, is_established: AtomicBool::new(false) })
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_handshaking(&self) -> bool {
        !self.is_established.load(Ordering::Relaxed)
    }

    /// Reads from the socket once, decrypts, and answers what the protocol itself asks.
    pub fn read(&self, buffer: &mut [u8]) -> (usize, Next) {
        let mut session = self.session();
        // What did not fit the last time comes first.
        let mut filled = session.take(buffer);
        if filled == buffer.len() {
            return (filled, Next::More);
        }
        if session.ended {
            return (filled, Next::Ended);
        }
        let mut wire = [0; READ_PIECE];
        let room = READ_PIECE.min(buffer.len() - filled);
        let received = match read_socket(&self.socket, &mut wire[..room]) {
            Ok(0) => return (filled, session.end()),
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return (filled, Next::Drained),
            Err(_) => return (filled, Next::Broken),
        };
        if !session.begun && wire[0] != HANDSHAKE_RECORD {
            // A courtesy; whether it arrives is the client's affair.
            let _ = (&self.socket).write(TLS_ONLY);
            return (filled, Next::Broken);
        }
        session.begun = true;
        if let Err(error) = session.decrypt(&wire[..received], buffer, &mut filled) {
            tracing::debug!("closing a TLS connection: {error}");
            // Says to the peer why.
            let _ = session.flush(&self.socket);
            return (filled, Next::Broken);
        }
        if session.flush(&self.socket).is_err() {
            return (filled, Next::Broken);
        }
        if !session.tls.is_handshaking() {
            self.is_established.store(true, Ordering::Relaxed);
        }
        let next = match filled < buffer.len() {
            true if session.ended => Next::Ended,
            true if received < room => Next::Drained,
            _ => Next::More,
        };
        (filled, next)
    }

    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session();
        if !session.flush(&self.socket)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = session.tls.writer().write(&bytes[..bytes.len().min(WRITE_PIECE)])?;
        session.flush(&self.socket)?;
        Ok(taken)
    }

    pub fn flush(&self) -> io::Result<bool> {
        self.session().flush(&self.socket)
    }

    pub fn close_writing(&self) -> io::Result<()> {
        let mut session = self.session();
        if !session.tls.is_handshaking() {
            session.tls.send_close_notify();
        }
        // The socket takes these few bytes, or there is nobody to read them.
        let _ = session.flush(&self.socket);
        self.socket.shutdown(Shutdown::Write)
    }
}

impl Session {
    /// Decrypted bytes, as many as are there and fit.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.tls.reader().read(&mut buffer[filled..]) {
                Ok(n) if n > 0 => filled += n,
                // Nothing more for now, or for ever: the socket says which.
                _ => break,
            }
        }
        filled
    }

    fn decrypt(&mut self, mut wire: &[u8], buffer: &mut [u8], filled: &mut usize) -> io::Result<()> {
        while !wire.is_empty() {
            if self.tls.read_tls(&mut wire)? == 0 {
                // Behind the peer's farewell nothing counts.
                return Ok(());
            }
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            self.ended |= state.peer_has_closed();
            *filled += self.take(&mut buffer[*filled..]);
        }
        Ok(())
    }

    /// The socket has ended. A peer that does so in the middle of a handshake has given up; otherwise requests are whole
    /// by themselves, so a missing farewell cuts nothing short.
    fn end(&self) -> Next {
        if self.tls.is_handshaking() { Next::Broken } else { Next::Ended }
    }

    /// Returns whether all has left.
    fn flush(&mut self, mut socket: &TcpStream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}

fn read_socket(mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
