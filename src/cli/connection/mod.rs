//! One RESP connection, from the client's side.

mod error;
mod target;
pub mod tls;
mod transport;

use std::io::{self, ErrorKind, Read, Write};

pub use error::Error;
pub use target::{Address, Target};
pub use transport::{Transport, is_timeout};

use super::format::printable;
use super::interrupt::{GLANCE, Interrupt};
use crate::protocol::{Decoder, Value};

pub struct Connection {
    transport: Transport,
    decoder: Decoder,
    /// Received and not yet decoded.
    received: Vec<u8>,
    interrupt: Option<Interrupt>,
}

impl Connection {
    /// Connects, authenticates, and selects the database. `interrupt` ends a wait for a reply.
    pub fn open(target: &Target, interrupt: Option<Interrupt>) -> Result<Self, Error> {
        let mut connection = Self::dial(target, interrupt)?;
        connection.introduce(target)?;
        Ok(connection)
    }

    /// Connects, and says nothing yet.
    pub fn dial(target: &Target, interrupt: Option<Interrupt>) -> Result<Self, Error> {
        let transport =
            Transport::dial(target).map_err(|error| Error::Connect(target.address.to_string(), error))?;
        transport.set_read_timeout(interrupt.as_ref().map(|_| GLANCE)).map_err(Error::Lost)?;
        Ok(Self { transport, decoder: Decoder::new(), received: Vec::new(), interrupt })
    }

    pub fn introduce(&mut self, target: &Target) -> Result<(), Error> {
        let user = target.user.as_deref();
        match (&target.password, target.resp3) {
            (Some(password), true) => {
                self.expect("HELLO", &["HELLO", "3", "AUTH", user.unwrap_or("default"), password])?;
            }
            (Some(password), false) => match user {
                Some(user) => self.expect("AUTH", &["AUTH", user, password])?,
                None => self.expect("AUTH", &["AUTH", password])?,
            },
            (None, true) => self.expect("HELLO", &["HELLO", "3"])?,
            (None, false) => {}
        }
        match target.db {
            0 => Ok(()),
            db => self.expect("SELECT", &["SELECT", &db.to_string()]),
        }
    }

    fn expect(&mut self, what: &'static str, words: &[&str]) -> Result<(), Error> {
        match self.request(words)? {
            Value::Error(error) => Err(Error::Refused(what, printable(&error))),
            _ => Ok(()),
        }
    }

    /// Sends a command and waits for its reply.
    pub fn request<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value, Error> {
        self.send(words)?;
        self.receive()
    }

    /// The same for a command that one cannot go on without.
    pub fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value, Error> {
        match self.request(words)? {
            Value::Error(error) => Err(Error::denied(&error)),
            value => Ok(value),
        }
    }

    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<(), Error> {
        self.send_bytes(&encode(words))
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.transport.write_all(bytes).and_then(|()| self.transport.flush()).map_err(Error::Lost)
    }

    /// Sends commands at once, and waits for all their replies. For few and small ones: nothing is read meanwhile.
    pub fn pipeline<W: AsRef<[u8]>>(&mut self, commands: &[Vec<W>]) -> Result<Vec<Value>, Error> {
        let bytes: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
        self.send_bytes(&bytes)?;
        commands.iter().map(|_| self.receive()).collect()
    }

    /// The next reply or push.
    pub fn receive(&mut self) -> Result<Value, Error> {
        loop {
            if let Some((value, end)) = self.decoder.decode(&self.received).map_err(Error::Protocol)? {
                self.received.drain(..end);
                return Ok(value);
            }
            self.read_more()?;
        }
    }

    /// The next line, end and all, of a reply that may not be RESP.
    pub fn receive_line(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.received) {
                return Ok(self.received.drain(..=end).collect());
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<(), Error> {
        match self.read() {
            Ok(0) => Err(Error::Closed),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted || is_timeout(&error) => {
                let is_interrupted = self.interrupt.as_ref().is_some_and(Interrupt::take);
                if is_interrupted { Err(Error::Interrupted) } else { Ok(()) }
            }
            // Whoever was killed hears of it by a reset, or by an end.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(Error::Closed),
            Err(error) => Err(Error::Lost(error)),
        }
    }

    /// Takes in what has come, up to a piece; returns its length, 0 at the end.
    fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 << 10];
        let length = self.transport.read(&mut chunk)?;
        self.received.extend_from_slice(&chunk[..length]);
        Ok(length)
    }

    /// Whether the server has kept the connection open while nobody looked.
    pub fn is_open(&mut self) -> bool {
        if self.transport.set_nonblocking(true).is_err() {
            return false;
        }
        let is_open = loop {
            match self.read() {
                Ok(0) => break false,
                // A push, or what TLS says by itself.
                Ok(_) => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        self.transport.set_nonblocking(false).is_ok() && is_open
    }

    /// The bare transport, which from now on never blocks, and what was received and not yet read.
    pub fn into_nonblocking(self) -> Result<(Transport, Vec<u8>), Error> {
        self.transport.set_nonblocking(true).map_err(Error::Lost)?;
        Ok((self.transport, self.received))
    }
}

/// A request in RESP.
pub fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    fn local(port: u16) -> Target {
        let address = Address::Tcp { host: "127.0.0.1".into(), port };
        Target { address, tls: None, user: None, password: None, db: 0, resp3: false }
    }

    /// A server that says this, piece by piece, and closes once the client has; returns what it was sent.
    fn server(says: &'static [&'static str]) -> (Target, JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("bound").port();
        let heard = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the test connects");
            stream.set_nodelay(true).expect("connected");
            for piece in says {
                stream.write_all(piece.as_bytes()).expect("the test reads");
            }
            stream.shutdown(std::net::Shutdown::Write).expect("connected");
            let mut heard = String::new();
            stream.read_to_string(&mut heard).expect("the test closes");
            heard
        });
        (local(port), heard)
    }

    #[test]
    fn introduces_itself() {
        let (target, heard) = server(&["+OK\r\n+OK\r\n"]);
        let target = Target { password: Some("secret".into()), db: 7, ..target };
        drop(Connection::open(&target, None).expect("both are OK"));
        let heard = heard.join().expect("it only listens");
        assert_eq!(heard, "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n");
    }

    #[test]
    fn says_why_it_was_refused() {
        let (target, _) = server(&["-WRONGPASS no\r\n"]);
        let refused = Connection::open(&Target { password: Some("x".into()), ..target }, None);
        assert_eq!(
            refused.err().map(|error| error.to_string()).as_deref(),
            Some("AUTH failed: WRONGPASS no")
        );
    }

    #[test]
    fn replies_may_come_in_pieces_and_the_end_is_told() {
        let (target, _) = server(&["$5\r\nhe", "llo\r", "\n:1\r\n"]);
        let mut connection = Connection::open(&target, None).expect("it listens");
        assert_eq!(connection.request(&["GET", "k"]).expect("a reply"), Value::Bulk("hello".into()));
        assert_eq!(connection.receive().expect("a reply"), Value::Int(1));
        assert!(matches!(connection.receive(), Err(Error::Closed)));
    }

    #[test]
    fn an_interrupt_ends_the_wait() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("bound").port();
        let target = local(port);
        let interrupt = Interrupt::default();
        let mut connection =
            Connection::open(&target, Some(interrupt.clone())).expect("the backlog takes it");
        assert!(connection.is_open());
        interrupt.set();
        assert!(matches!(connection.request(&["GET", "k"]), Err(Error::Interrupted)));
    }

    #[test]
    fn a_missing_server_is_named() {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("free")
            .port();
        let target = local(port);
        let error = Connection::open(&target, None).err().map(|error| error.to_string());
        let expected = format!("Could not connect to limpid at 127.0.0.1:{port}: Connection refused");
        assert_eq!(error, Some(expected));
    }
}
