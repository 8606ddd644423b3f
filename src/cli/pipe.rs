//! `--pipe`: stdin to the server as it is, while replies are only counted.
//!
//! ```text
//!   stdin ──(writer thread)──> socket, then half-close
//!                              socket ──(this thread)──> replies and errors, until the server closes
//! ```
//!
//! The first byte of the input tells the protocol: `*` is RESP, anything else lines, each answered by a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};

use super::connection::{Connection, Error, Target};
use super::format::printable;
use crate::protocol::{Decoder, Value};

/// Errors that are shown in full; a broken file should not flood the terminal.
const ERRORS_SHOWN: u64 = 10;
const CHUNK: usize = 64 << 10;

/// Whether no reply was an error.
pub fn run(target: &Target) -> Result<bool, Error> {
    let connection = Connection::open(target, None)?;
    let socket = connection.writer().map_err(Error::Lost)?;
    let mut input = BufReader::with_capacity(CHUNK, io::stdin());
    let is_resp = input.fill_buf().map_err(Error::Input)?.first() == Some(&b'*');
    let bar = progress_bar();
    let sender = {
        let bar = bar.clone();
        thread::spawn(move || send(input, socket, &bar))
    };
    let mut tally = Tally { bar: &bar, replies: 0, errors: 0 };
    let received = match is_resp {
        true => count_values(connection.reader(), &mut tally),
        false => count_lines(connection.reader(), &mut tally),
    };
    let (replies, errors) = (tally.replies, tally.errors);
    bar.finish_and_clear();
    println_counts(replies, errors)?;
    received?;
    // A server that closes early leaves the sender with a broken pipe; all that could be answered is counted.
    let sent = sender.join().map_err(|_| Error::Input(io::Error::other("the sending thread panicked")))?;
    sent.map(|()| errors == 0)
}

fn println_counts(replies: u64, errors: u64) -> Result<(), Error> {
    writeln!(io::stdout(), "errors: {errors}, replies: {replies}").map_err(Error::Output)
}

fn send(mut input: impl BufRead, mut socket: TcpStream, bar: &ProgressBar) -> Result<(), Error> {
    let mut last = b'\n';
    loop {
        let chunk = input.fill_buf().map_err(Error::Input)?;
        let length = chunk.len();
        let Some(&end) = chunk.last() else { break };
        socket.write_all(chunk).map_err(Error::Lost)?;
        last = end;
        input.consume(length);
        bar.inc(length as u64);
    }
    if last != b'\n' {
        // A last line without an end is a line all the same.
        socket.write_all(b"\n").map_err(Error::Lost)?;
    }
    socket.shutdown(Shutdown::Write).map_err(Error::Lost)
}

struct Tally<'a> {
    bar: &'a ProgressBar,
    replies: u64,
    errors: u64,
}

impl Tally<'_> {
    fn error(&mut self, text: &[u8]) {
        self.errors += 1;
        if self.errors <= ERRORS_SHOWN {
            self.bar.suspend(|| eprintln!("reply {}: {}", self.replies, printable(text)));
        }
    }
}

fn count_lines(from: impl Read, tally: &mut Tally<'_>) -> Result<(), Error> {
    let mut from = BufReader::with_capacity(CHUNK, from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).map_err(Error::Lost)? > 0 {
        tally.replies += 1;
        // A line that was sent with `\r\n` is answered as Redis answers inline commands.
        if line.starts_with(b"ERR ") || (line.starts_with(b"-") && line.ends_with(b"\r\n")) {
            tally.error(line.trim_ascii_end());
        }
        line.clear();
    }
    Ok(())
}

fn count_values(mut from: impl Read, tally: &mut Tally<'_>) -> Result<(), Error> {
    let (mut decoder, mut received, mut chunk) = (Decoder::new(), Vec::new(), vec![0; CHUNK]);
    loop {
        let length = from.read(&mut chunk).map_err(Error::Lost)?;
        if length == 0 {
            return if received.is_empty() { Ok(()) } else { Err(Error::Closed) };
        }
        received.extend_from_slice(&chunk[..length]);
        let mut decoded = 0;
        while let Some((value, end)) = decoder.decode(&received[decoded..]).map_err(Error::Protocol)? {
            decoded += end;
            tally.replies += 1;
            if let Value::Error(text) = &value {
                tally.error(text);
            }
        }
        received.drain(..decoded);
    }
}

/// On a terminal: how much is sent, out of how much if stdin is a file.
fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let size = io::stdin().as_fd().try_clone_to_owned().ok().and_then(|fd| File::from(fd).metadata().ok());
    let (bar, template) = match size.filter(std::fs::Metadata::is_file) {
        Some(file) => {
            (ProgressBar::new(file.len()), "{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {binary_bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: fn(&[u8], &mut Tally<'_>) -> Result<(), Error>, replies: &[u8]) -> (u64, u64) {
        let bar = ProgressBar::hidden();
        let mut tally = Tally { bar: &bar, replies: 0, errors: 0 };
        count(replies, &mut tally).expect("whole replies");
        (tally.replies, tally.errors)
    }

    #[test]
    fn lines_are_counted() {
        let replies = b"OK\nERR no\nnil\n-\n\"ERR quoted\"\n+OK\r\n-ERR no\r\n";
        assert_eq!(counted(|from, tally| count_lines(from, tally), replies), (7, 2));
    }

    #[test]
    fn values_are_counted() {
        let replies = b"+OK\r\n-ERR no\r\n*2\r\n$1\r\na\r\n-ERR within\r\n$4\r\n-ERR\r\n";
        assert_eq!(counted(|from, tally| count_values(from, tally), replies), (4, 1));
    }

    #[test]
    fn a_cut_reply_is_told() {
        let bar = ProgressBar::hidden();
        let mut tally = Tally { bar: &bar, replies: 0, errors: 0 };
        assert!(matches!(count_values(&b"$5\r\nhel"[..], &mut tally), Err(Error::Closed)));
    }
}
