//! One RESP connection, from the client's side.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::format::printable;
use crate::protocol::{DecodeError, Decoder, Value};

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    pub db: u32,
    pub resp3: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An IPv6 address needs brackets before a port.
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[derive(Debug)]
pub enum Error {
    Connect(Target, io::Error),
    /// The server would not have us: what we asked for, and its error.
    Refused(&'static str, String),
    /// The connection broke.
    Lost(io::Error),
    Closed,
    Protocol(DecodeError),
    /// Ctrl-C while waiting.
    Interrupted,
    Input(io::Error),
    Output(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Connect(target, error) => {
                write!(f, "Could not connect to limpid at {target}: {}", plain(error))
            }
            Error::Refused(what, error) => write!(f, "{what} failed: {error}"),
            Error::Lost(error) => write!(f, "Connection lost: {}", plain(error)),
            Error::Closed => f.write_str("Server closed the connection"),
            Error::Protocol(error) => write!(f, "The server does not speak RESP: {error}"),
            Error::Interrupted => f.write_str("Interrupted"),
            Error::Input(error) => write!(f, "Cannot read commands: {}", plain(error)),
            Error::Output(error) => write!(f, "Cannot write replies: {}", plain(error)),
        }
    }
}

/// Without the number that the standard library adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// How often a wait looks whether it was interrupted.
const GLANCE: Duration = Duration::from_millis(100);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    /// Received and not yet decoded.
    received: Vec<u8>,
    interrupted: Option<Arc<AtomicBool>>,
}

impl Connection {
    /// Connects, authenticates, and selects the database. `interrupted` ends a wait for a reply when it is set.
    pub fn open(target: &Target, interrupted: Option<Arc<AtomicBool>>) -> Result<Self, Error> {
        let stream = dial(target).map_err(|error| Error::Connect(target.clone(), error))?;
        stream.set_read_timeout(interrupted.as_ref().map(|_| GLANCE)).map_err(Error::Lost)?;
        let mut connection = Self { stream, decoder: Decoder::new(), received: Vec::new(), interrupted };
        connection.introduce(target)?;
        Ok(connection)
    }

    fn introduce(&mut self, target: &Target) -> Result<(), Error> {
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

    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<(), Error> {
        self.stream.write_all(&encode(words)).map_err(Error::Lost)
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

    fn read_more(&mut self) -> Result<(), Error> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Error::Closed),
            Ok(length) => {
                self.received.extend_from_slice(&chunk[..length]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted || is_timeout(&error) => {
                let interrupted =
                    self.interrupted.as_ref().is_some_and(|flag| flag.swap(false, Ordering::Relaxed));
                if interrupted { Err(Error::Interrupted) } else { Ok(()) }
            }
            Err(error) => Err(Error::Lost(error)),
        }
    }

    /// Whether the server has kept the connection open while nobody looked.
    pub fn is_open(&self) -> bool {
        if self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let open = match self.stream.peek(&mut [0]) {
            Ok(length) => length > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        self.stream.set_nonblocking(false).is_ok() && open
    }

    /// Another handle on the socket, for who writes while this one reads.
    pub fn writer(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    /// What has come, undecoded; for who reads lines.
    pub fn reader(self) -> impl Read {
        io::Cursor::new(self.received).chain(self.stream)
    }
}

fn dial(target: &Target) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "no such host");
    for address in (target.host.as_str(), target.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
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
        (Target { host: "127.0.0.1".into(), port, user: None, password: None, db: 0, resp3: false }, heard)
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
        let target =
            Target { host: "127.0.0.1".into(), port, user: None, password: None, db: 0, resp3: false };
        let interrupted = Arc::new(AtomicBool::new(true));
        let mut connection = Connection::open(&target, Some(interrupted)).expect("the backlog takes it");
        assert!(connection.is_open());
        assert!(matches!(connection.request(&["GET", "k"]), Err(Error::Interrupted)));
    }

    #[test]
    fn a_missing_server_is_named() {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("free")
            .port();
        let target =
            Target { host: "127.0.0.1".into(), port, user: None, password: None, db: 0, resp3: false };
        let error = Connection::open(&target, None).err().map(|error| error.to_string());
        let expected = format!("Could not connect to limpid at 127.0.0.1:{port}: Connection refused");
        assert_eq!(error, Some(expected));
    }
}
