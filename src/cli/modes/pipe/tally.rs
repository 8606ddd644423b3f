//! Replies that are counted, in the framing that the input asks for.

use std::io::{self, Write};

use indicatif::ProgressBar;

use crate::cli::connection::{Connection, Error};
use crate::cli::format::printable;
use crate::protocol::{Decoder, Value};

/// Errors that are shown in full; a broken file should not flood the terminal.
const ERRORS_SHOWN: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// RESP.
    Values,
    /// Each line is answered by a line of text.
    Lines,
}

impl Framing {
    /// By how the input begins: RESP and inline commands, whose lines end in `\r\n`, are answered in RESP, and plain
    /// lines in whatever the server says to them.
    pub fn find(input: &[u8], connection: &mut Connection) -> Result<Self, Error> {
        let first_line = input.split(|&byte| byte == b'\n').next().unwrap_or_default();
        if input.starts_with(b"*") || first_line.ends_with(b"\r") {
            return Ok(Framing::Values);
        }
        connection.send_bytes(b"PING\n")?;
        match connection.receive_line()?.ends_with(b"\r\n") {
            true => Ok(Framing::Values),
            false => Ok(Framing::Lines),
        }
    }

    /// A request whose reply is the marker.
    pub fn farewell(self, marker: &str) -> Vec<u8> {
        match self {
            Framing::Values => format!("*2\r\n$4\r\nECHO\r\n${}\r\n{marker}\r\n", marker.len()).into_bytes(),
            Framing::Lines => format!("ECHO {marker}\n").into_bytes(),
        }
    }
}

pub struct Tally<'a> {
    framing: Framing,
    marker: String,
    bar: &'a ProgressBar,
    decoder: Decoder,
    /// What is not yet a whole reply.
    received: Vec<u8>,
    pub replies: u64,
    pub errors: u64,
    /// The marker has come.
    pub is_over: bool,
}

impl<'a> Tally<'a> {
    pub fn new(framing: Framing, marker: String, bar: &'a ProgressBar) -> Self {
        let decoder = Decoder::new();
        Self { framing, marker, bar, decoder, received: Vec::new(), replies: 0, errors: 0, is_over: false }
    }

    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut received = std::mem::take(&mut self.received);
        received.extend_from_slice(bytes);
        let counted = match self.framing {
            Framing::Values => self.count_values(&received)?,
            Framing::Lines => self.count_lines(&received),
        };
        received.drain(..counted);
        self.received = received;
        Ok(())
    }

    /// Up to where they are counted.
    fn count_values(&mut self, received: &[u8]) -> Result<usize, Error> {
        let mut counted = 0;
        while let Some((value, length)) =
            self.decoder.decode(&received[counted..]).map_err(Error::Protocol)?
        {
            counted += length;
            match value {
                Value::Bulk(bytes) if bytes == self.marker.as_bytes() => self.is_over = true,
                Value::Error(text) => self.count(Some(&text)),
                _ => self.count(None),
            }
        }
        Ok(counted)
    }

    fn count_lines(&mut self, received: &[u8]) -> usize {
        let mut counted = 0;
        while let Some(length) = memchr::memchr(b'\n', &received[counted..]) {
            let line = &received[counted..counted + length];
            counted += length + 1;
            match line {
                line if line == self.marker.as_bytes() => self.is_over = true,
                line if line.starts_with(b"ERR ") => self.count(Some(line)),
                // A line among the others that was sent with `\r\n` is answered as Redis answers it.
                line if line.starts_with(b"-") && line.ends_with(b"\r") => self.count(Some(line)),
                _ => self.count(None),
            }
        }
        counted
    }

    fn count(&mut self, error: Option<&[u8]>) {
        self.replies += 1;
        let Some(text) = error else { return };
        self.errors += 1;
        if self.errors <= ERRORS_SHOWN {
            let line = format!("reply {}: {}", self.replies, printable(text.trim_ascii_end()));
            // If it cannot be written, nobody would read it; the counts go to stdout.
            self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(framing: Framing, replies: &[u8]) -> (u64, u64, bool) {
        let bar = ProgressBar::hidden();
        let mut tally = Tally::new(framing, "marker".into(), &bar);
        // However they are cut.
        for byte in replies {
            tally.take(&[*byte]).expect("whole replies");
        }
        (tally.replies, tally.errors, tally.is_over)
    }

    #[test]
    fn lines_are_counted() {
        let replies = b"OK\nERR no\nnil\n-\n\"ERR quoted\"\n+OK\r\n-ERR no\r\n";
        assert_eq!(counted(Framing::Lines, replies), (7, 2, false));
        assert_eq!(counted(Framing::Lines, b"OK\nmarker\n"), (1, 0, true));
    }

    #[test]
    fn values_are_counted() {
        let replies = b"+OK\r\n-ERR no\r\n*2\r\n$1\r\na\r\n-ERR within\r\n$4\r\n-ERR\r\n";
        assert_eq!(counted(Framing::Values, replies), (4, 1, false));
        assert_eq!(counted(Framing::Values, b"+marker\r\n$6\r\nmarker\r\n"), (1, 0, true));
    }
}
