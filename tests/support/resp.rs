//! A Redis client, as thin as one can be.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use limpid::protocol::{Decoder, Value};

use super::PATIENCE;

pub struct RespClient {
    stream: TcpStream,
    decoder: Decoder,
    /// Received; the first `taken` bytes are decoded already.
    received: Vec<u8>,
    taken: usize,
}

impl RespClient {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a fresh socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a fresh socket");
        Self { stream, decoder: Decoder::new(), received: Vec::new(), taken: 0 }
    }

    /// Sends a command and returns its reply.
    #[track_caller]
    pub fn cmd(&mut self, words: &[&str]) -> Value {
        self.send(words);
        self.read()
    }

    /// The same with words that need not be text.
    #[track_caller]
    pub fn cmd_bytes(&mut self, words: &[&[u8]]) -> Value {
        self.send_bytes(&encode(words));
        self.read()
    }

    /// The same where the server may be gone before it answers.
    pub fn try_cmd(&mut self, words: &[&str]) -> io::Result<Value> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.stream.write_all(&encode(&words))?;
        self.try_read()
    }

    /// Sends a command, its words split on spaces, and expects this reply.
    #[track_caller]
    pub fn check(&mut self, command: &str, reply: Value) {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(self.cmd(&words), reply, "in reply to {command:?}");
    }

    /// A value of INFO; empty if it has none of this name.
    pub fn info(&mut self, name: &str) -> String {
        let (Value::Bulk(text) | Value::Verbatim { text, .. }) = self.cmd(&["INFO", "everything"]) else {
            panic!("INFO answers a text")
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_default().to_owned()
    }

    /// Sends a command, its words split on spaces, and expects exactly this error.
    #[track_caller]
    pub fn check_error(&mut self, command: &str, error: &str) {
        self.check(command, Value::Error(error.into()));
    }

    #[track_caller]
    pub fn send(&mut self, words: &[&str]) {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.send_bytes(&encode(&words));
    }

    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes what it is sent");
    }

    /// The next reply, or the next push.
    #[track_caller]
    pub fn read(&mut self) -> Value {
        self.try_read().expect("a reply within the test's patience")
    }

    /// The same where the server may be gone.
    pub fn try_read(&mut self) -> io::Result<Value> {
        loop {
            let decoded = self.decoder.decode(&self.received[self.taken..]).expect("well-formed RESP");
            if let Some((value, end)) = decoded {
                self.taken += end;
                return Ok(value);
            }
            // What has been decoded goes once per chunk, so that a deep pipeline is read in linear time.
            self.received.drain(..std::mem::take(&mut self.taken));
            let mut chunk = [0; 64 << 10];
            let length = self.stream.read(&mut chunk)?;
            if length == 0 {
                let rest = String::from_utf8_lossy(&self.received).into_owned();
                return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("closed after {rest:?}")));
            }
            self.received.extend_from_slice(&chunk[..length]);
        }
    }

    /// Everything that has not been read yet, as bytes, until the server closes.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.received.split_off(std::mem::take(&mut self.taken));
        self.received.clear();
        self.stream.read_to_end(&mut rest).expect("the server closes within the test's patience");
        rest
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

/// `+text`
pub fn status(text: &str) -> Value {
    Value::Status(text.into())
}

/// `$`
pub fn bulk(text: impl AsRef<[u8]>) -> Value {
    Value::Bulk(text.as_ref().to_vec())
}

/// A request as an array of bulk strings.
pub fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.as_ref().len()).as_bytes());
        bytes.extend_from_slice(word.as_ref());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
