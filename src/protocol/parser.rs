//! One connection's bytes into requests, as they come.
//!
//! The parser remembers how far it got, so no byte is looked at twice however the input is cut,
//! and the same bytes give the same requests. What it remembers counts from the first byte of the request being read:
//!
//! ```text
//!   buffer   ┄ complete requests ┄┃*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$90\r\nvvvvvv
//!                                 ┃                              ┃      ┃
//!                               start                     progress.at   end of what has come
//! ```
//!
//! so when the complete requests leave the buffer, only `start` moves.

use super::line;
use super::request::{Fault, Form, Request, Span};
use super::resp;
use crate::limits;
use std::borrow::Cow;

/// How large input may be; past any of these, framing is given up and the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A line without its line end; also a RESP length line.
    pub line_bytes_max: usize,
    pub bulk_bytes_max: usize,
    pub args_max: usize,
    /// A whole RESP request.
    pub request_bytes_max: usize,
    /// A client that has yet to authenticate gets fewer and shorter RESP arguments.
    pub authenticated: bool,
}

impl Limits {
    /// Before authentication.
    pub fn unauthenticated() -> Self {
        Self { authenticated: false, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes_max: limits::LINE_MAX,
            bulk_bytes_max: limits::BULK_MAX,
            args_max: limits::ARGS_MAX,
            request_bytes_max: limits::QUERY_MAX,
            authenticated: true,
        }
    }
}

/// What one connection's input has come to.
#[derive(Debug, Default)]
pub struct Parser {
    /// Where the request being read begins in the buffer.
    start: usize,
    /// How far its line end was searched for.
    line_searched: usize,
    /// How much of it is understood, when it is a RESP request.
    progress: resp::Progress,
    closed: bool,
}

/// What the bytes of one request came to.
pub(super) enum Step {
    /// More must come first.
    Partial,
    /// Ends here; its words are on the list. Without words it is ignored.
    Complete { form: Form, end: usize },
    /// Ends here, but is no request.
    Faulty { form: Form, end: usize, text: &'static str },
    /// Nobody knows where it ends.
    Lost { form: Form, text: Cow<'static, str> },
}

impl Parser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses what is complete in `bytes`, the filled part of the connection's buffer, of which earlier
    /// calls have seen a prefix. Appends the requests and their words; quoted words are unquoted in place.
    ///
    /// Returns the end of the last complete request: everything before it may leave. After a
    /// [`Fault::Close`] nothing is parsed any more and all bytes count as consumed.
    pub fn parse(
        &mut self,
        bytes: &mut [u8],
        spans: &mut Vec<Span>,
        requests: &mut Vec<Request>,
        limits: &Limits,
    ) -> usize {
        // Spans are 32-bit; what lies beyond waits until the requests before it have left.
        let length = bytes.len().min(u32::MAX as usize);
        let bytes = &mut bytes[..length];
        while !self.closed && self.start < bytes.len() {
            let first = spans.len();
            let (form, end, fault) = match self.step(bytes, spans, limits) {
                Step::Partial => return self.start,
                Step::Complete { form, end } => (form, end, None),
                Step::Faulty { form, end, text } => (form, end, Some(Fault::Reply(text.into()))),
                Step::Lost { form, text } => {
                    self.closed = true;
                    self.progress = resp::Progress::default();
                    (form, bytes.len(), Some(Fault::Close(text)))
                }
            };
            if fault.is_some() {
                spans.truncate(first);
            }
            let count = spans.len() - first;
            if count > 0 || fault.is_some() {
                requests.push(Request { form, first: first as u32, count: count as u32, fault });
            }
            self.start = end;
            self.line_searched = 0;
        }
        if self.closed {
            self.start = length;
        }
        self.start
    }

    fn step(&mut self, bytes: &mut [u8], spans: &mut Vec<Span>, limits: &Limits) -> Step {
        if bytes[self.start] == b'*' {
            self.progress.step(&bytes[self.start..], self.start, spans, limits)
        } else {
            line::step(bytes, self.start, &mut self.line_searched, spans, limits)
        }
    }

    /// The first `consumed` bytes, at most what [`Parser::parse`] returned, have left the buffer.
    pub fn rebase(&mut self, consumed: usize) {
        debug_assert!(consumed <= self.start, "a request leaves whole");
        self.start = self.start.saturating_sub(consumed);
    }

    /// Bytes still missing of the bulk string being read, its line end included; 0 when none is.
    pub fn wanted(&self) -> usize {
        self.progress.missing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Batch, Words};

    /// All requests in `input`, arriving in pieces of `piece` bytes.
    fn requests(input: &[u8], piece: usize, limits: &Limits) -> Vec<(Form, Vec<Vec<u8>>, Option<Fault>)> {
        let (mut parser, mut buffer, mut batch) = (Parser::new(), Vec::new(), Batch::default());
        let mut read = Vec::new();
        for piece in input.chunks(piece) {
            buffer.extend_from_slice(piece);
            let consumed = parser.parse(&mut buffer, &mut batch.spans, &mut batch.requests, limits);
            batch.bytes.extend(buffer.drain(..consumed));
            parser.rebase(consumed);
            for request in &batch.requests {
                let words: Words<'_> = batch.words(request);
                let words = words.iter().map(<[u8]>::to_vec).collect();
                read.push((request.form, words, request.fault.clone()));
            }
            batch.clear();
        }
        read
    }

    #[test]
    fn smoke() {
        let input = b"SET k \"a b\"\nGET k\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nx 'y";
        for piece in 1..input.len() {
            let read = requests(input, piece, &Limits::default());
            assert_eq!(read.len(), 3, "{read:?}");
            assert_eq!(read[0].1, [&b"SET"[..], b"k", b"a b"]);
            assert_eq!(read[2].1, [&b"GET"[..], b"k"]);
        }
    }
}
