//! An HTTP client, as thin as one can be, and a server whose metrics port is known.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::{Limpid, PATIENCE};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A server with these arguments and a metrics port.
pub fn observed(arguments: &[&str]) -> (Limpid, u16) {
    let port = free_port();
    (Limpid::with(&[arguments, &["--metrics-port", &port.to_string()]].concat()), port)
}

/// A port that was free a moment ago; 0 would mean that there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

#[track_caller]
pub fn get(port: u16, path: &str) -> Answer {
    get_with(port, path, "")
}

/// With more headers, each ended by CRLF.
#[track_caller]
pub fn get_with(port: u16, path: &str, headers: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n");
    answer(port, request.as_bytes())
}

/// Sends bytes as they are, and reads until the server closes.
#[track_caller]
pub fn answer(port: u16, request: &[u8]) -> Answer {
    let text = exchange(port, request);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Answer { status: status.expect("a status line"), head: head.into(), body: body.into() }
}

/// The same where the answer may be nothing at all.
#[track_caller]
pub fn exchange(port: u16, request: &[u8]) -> String {
    let mut stream = connect(port);
    // The server may have answered, and closed, before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server does not close: {error}"),
    }
    String::from_utf8(answer).expect("HTTP of ours is UTF-8")
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the metrics port listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("a fresh socket");
    stream
}
