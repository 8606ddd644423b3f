//! A person at the other end of netcat.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use super::PATIENCE;

pub struct TextClient {
    stream: BufReader<TcpStream>,
}

impl TextClient {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a fresh socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a fresh socket");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends the line and expects exactly this line back.
    #[track_caller]
    pub fn check(&mut self, request: &str, reply: &str) {
        self.send(request);
        assert_eq!(self.line(), reply, "in reply to {request:?}");
    }

    /// Sends the line and expects a line that begins like this.
    #[track_caller]
    pub fn check_starts(&mut self, request: &str, beginning: &str) {
        let reply = self.ask(request);
        assert!(reply.starts_with(beginning), "{request:?} was answered {reply:?}, not {beginning:?}...");
    }

    #[track_caller]
    pub fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.line()
    }

    /// Sends one line.
    #[track_caller]
    pub fn send(&mut self, request: &str) {
        self.send_bytes(format!("{request}\n").as_bytes());
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server takes what it is sent");
    }

    /// The next reply line, without its end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("a reply within the test's patience");
        assert_eq!(line.pop(), Some(b'\n'), "the server closed after {:?}", String::from_utf8_lossy(&line));
        String::from_utf8(line).expect("plain text is UTF-8")
    }

    /// Everything until the server closes.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            // A close with requests unread arrives as a reset; what came before it counts.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server does not close: {error}"),
        }
        String::from_utf8(rest).expect("plain text is UTF-8")
    }

    /// Expects that the server has closed and said nothing more.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        assert_eq!(self.rest(), "", "before the close");
    }

    /// No more requests; replies still come.
    pub fn half_close(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).expect("a connected socket");
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }
}

/// What the real netcat prints: input sent, half-closed, everything read.
pub fn nc(port: u16, input: &[u8]) -> String {
    let mut nc = Command::new("nc")
        .args(["-N", "-w", &PATIENCE.as_secs().to_string(), "127.0.0.1", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nc is installed (netcat-openbsd)");
    let mut stdin = nc.stdin.take().expect("piped above");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = nc.wait_with_output().expect("it is our child");
    writer.join().expect("it only writes").expect("nc takes all its input");
    String::from_utf8(output.stdout).expect("plain text is UTF-8")
}
