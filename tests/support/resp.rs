//! A Redis client, as thin as one can be.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use limpid::protocol::{Decoder, Value};

use super::PATIENCE;

pub struct RespClient {
    stream: TcpStream,
    decoder: Decoder,
    /// Received and not yet decoded.
    received: Vec<u8>,
}

impl RespClient {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a fresh socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a fresh socket");
        Self { stream, decoder: Decoder::new(), received: Vec::new() }
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

    /// Sends a command, its words split on spaces, and expects this reply.
    #[track_caller]
    pub fn check(&mut self, command: &str, reply: Value) {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(self.cmd(&words), reply, "in reply to {command:?}");
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
        loop {
            if let Some((value, end)) = self.decoder.decode(&self.received).expect("well-formed RESP") {
                self.received.drain(..end);
                return value;
            }
            let mut chunk = [0; 16 << 10];
            let length = self.stream.read(&mut chunk).expect("a reply within the test's patience");
            assert!(length > 0, "the server closed after {:?}", String::from_utf8_lossy(&self.received));
            self.received.extend_from_slice(&chunk[..length]);
        }
    }

    /// Everything that has not been read yet, as bytes, until the server closes.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.received);
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

fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
