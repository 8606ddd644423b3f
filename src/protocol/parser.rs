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

use super::fault::{Fault, Lost};
use super::line;
use super::request::{Form, Request, Span};
use super::resp;
use crate::limits;

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
    start: u32,
    /// How far its end was searched for, when it is a line.
    searched: u32,
    /// How much of it is understood, when it is a RESP request.
    progress: resp::Progress,
    /// A request to log in has been parsed; how it went is not known here.
    logging_in: bool,
    closed: bool,
}

const _: () = assert!(size_of::<Parser>() <= 64, "thousands of connections are idle");

/// What the bytes of one request came to.
pub(super) enum Step {
    /// More must come first.
    Partial,
    /// A request that ends here; its words are on the list. Without words it is ignored.
    Complete {
        form: Form,
        end: usize,
    },
    /// A line that ends here, with a quote open.
    Unbalanced {
        form: Form,
        end: usize,
    },
    Lost(Lost),
}

impl Parser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses what is complete in `bytes`, the filled part of the connection's buffer, of which earlier
    /// calls have seen a prefix. Appends the requests and their words; quoted words are unquoted in place.
    ///
    /// Returns the end of the last complete request: everything before it may leave. After a
    /// [`Fault::Lost`] nothing is parsed any more and all bytes count as consumed.
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
        // What stands behind a login in the same bytes is, most likely, a known client's.
        let known = Limits { authenticated: true, ..*limits };
        let mut limits = if self.logging_in { &known } else { limits };
        while !self.closed && (self.start as usize) < length {
            let (start, first) = (self.start as usize, spans.len());
            let step = match bytes[start] {
                b'*' => self.progress.step(&bytes[start..], start, spans, limits),
                _ => line::step(bytes, start, &mut self.searched, spans, limits),
            };
            match step {
                Step::Partial => break,
                Step::Complete { form, end } => {
                    let (first, count) = (first as u32, (spans.len() - first) as u32);
                    if count > 0 {
                        requests.push(Request { form, first, count, fault: None });
                        if !limits.authenticated && is_login(bytes, spans[first as usize]) {
                            self.logging_in = true;
                            limits = &known;
                        }
                    }
                    self.start = end as u32;
                }
                Step::Unbalanced { form, end } => {
                    spans.truncate(first);
                    let fault = Some(Fault::Unbalanced);
                    requests.push(Request { form, first: first as u32, count: 0, fault });
                    self.start = end as u32;
                }
                Step::Lost(lost) => {
                    spans.truncate(first);
                    let fault = Some(Fault::Lost(lost));
                    requests.push(Request { form: lost.form(), first: first as u32, count: 0, fault });
                    *self = Self { closed: true, ..Self::default() };
                }
            }
        }
        if self.closed {
            self.start = length as u32;
        }
        self.start as usize
    }

    /// The first `consumed` bytes, at most what [`Parser::parse`] returned, have left the buffer.
    pub fn rebase(&mut self, consumed: usize) {
        debug_assert!(consumed <= self.start as usize, "a request leaves whole");
        self.start -= consumed as u32;
    }

    /// Bytes still missing of the bulk string being read, its line end included; 0 when none is.
    pub fn wanted(&self) -> usize {
        self.progress.missing()
    }
}

fn is_login(bytes: &[u8], name: Span) -> bool {
    let name = &bytes[name.start as usize..name.end as usize];
    name.eq_ignore_ascii_case(b"AUTH") || name.eq_ignore_ascii_case(b"HELLO")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::support::{Read, read, read_pieces};
    use proptest::prelude::*;

    fn parse(parser: &mut Parser, bytes: &[u8]) -> (usize, usize) {
        let mut requests = Vec::new();
        let consumed = parser.parse(&mut bytes.to_vec(), &mut Vec::new(), &mut requests, &Limits::default());
        (consumed, requests.len())
    }

    #[test]
    fn the_first_byte_and_the_line_end_decide() {
        let forms: Vec<_> = read(b"GET k\nGET k\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").into_iter().collect();
        let words = vec![b"GET".to_vec(), b"k".to_vec()];
        let expected = [Form::Text, Form::Inline, Form::Resp];
        let expected = expected.map(|form| Read { form, words: words.clone(), fault: None });
        assert_eq!(forms, expected);
    }

    #[test]
    fn only_complete_requests_are_consumed() {
        let mut parser = Parser::new();
        assert_eq!(parse(&mut parser, b"PING\nGET"), (5, 1));
        assert_eq!(parse(&mut parser, b"PING\nGET k"), (5, 0));
        parser.rebase(5);
        assert_eq!(parse(&mut parser, b"GET k\n"), (6, 1));
        assert_eq!(parse(&mut parser, b"GET k\n"), (6, 0));
    }

    #[test]
    fn what_is_ignored_is_consumed() {
        assert_eq!(parse(&mut Parser::new(), b"\n\r\n# x 'y\n *\n*0\r\n*-1\r\n#"), (22, 1));
    }

    #[test]
    fn behind_a_login_the_limits_of_a_known_client_hold() {
        let many = b"*11\r\n";
        let faults = |input: &[u8]| {
            let mut requests = Vec::new();
            let limits = Limits::unauthenticated();
            Parser::new().parse(&mut input.to_vec(), &mut Vec::new(), &mut requests, &limits);
            requests.iter().filter(|request| request.fault.is_some()).count()
        };
        assert_eq!(faults(&[&b"PING\r\n"[..], many].concat()), 1);
        assert_eq!(faults(&[&b"Auth x\r\n"[..], many].concat()), 0);
        assert_eq!(faults(&[&b"*1\r\n$5\r\nHELLO\r\n"[..], many].concat()), 0);
    }

    #[test]
    fn nothing_is_parsed_after_framing_is_lost() {
        let mut parser = Parser::new();
        assert_eq!(parse(&mut parser, b"PING\n*x\r\nPING\n"), (14, 2));
        assert_eq!(parse(&mut parser, b"PING\n*x\r\nPING\nPING\n"), (19, 0));
        parser.rebase(19);
        assert_eq!(parse(&mut parser, b"PING\n"), (5, 0));
        assert_eq!(parser.wanted(), 0);
    }

    #[test]
    fn an_unbalanced_line_costs_only_itself() {
        let read = read(b"SET k \"v\nPING\n");
        assert_eq!(read[0], Read { form: Form::Text, words: vec![], fault: Some(Fault::Unbalanced) });
        assert_eq!(read[1].words, [b"PING"]);
    }

    #[test]
    fn a_line_may_be_so_long_and_no_longer() {
        let limits = Limits { line_bytes_max: 8, ..Limits::default() };
        let fault = Some(Fault::Lost(Lost::LineTooLong));
        let lost = [Read { form: Form::Text, words: vec![], fault }];
        for cuts in [vec![], (0..40).collect()] {
            for line in ["12345678\n", "12345678\r\n", "#2345678\r\n"] {
                let read = read_pieces(line.as_bytes(), &cuts, &limits);
                assert!(read.iter().all(|read| read.fault.is_none()), "{line:?}");
            }
            // As soon as it is exceeded, that is before any line end.
            for line in ["123456789", "123456789\n", "12345678\r\r\n", "#23456789", "         "] {
                assert_eq!(read_pieces(line.as_bytes(), &cuts, &limits), lost, "{line:?}");
            }
            assert_eq!(read_pieces(b"12345678", &cuts, &limits), []);
            assert_eq!(read_pieces(b"12345678\r", &cuts, &limits), []);
        }
    }

    /// Requests of all forms, some of them broken.
    fn input() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::collection::vec(any::<u8>(), 0..12);
        let resp = prop::collection::vec(word, 1..5).prop_map(|words| {
            let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
            for word in words {
                bytes.extend(format!("${}\r\n", word.len()).bytes().chain(word).chain(*b"\r\n"));
            }
            bytes
        });
        let line = "[a-c \t\"'\\\\x01#]{0,20}\r?\n".prop_map(String::into_bytes);
        let broken = r"[*$][0-9a-]{0,4}(\r\n)?".prop_map(String::into_bytes);
        let garbage = prop::collection::vec(any::<u8>(), 0..10);
        let part = prop_oneof![6 => resp, 6 => line, 1 => broken, 1 => garbage];
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    fn small_limits() -> Limits {
        let (line_bytes_max, bulk_bytes_max, args_max) = (16, 10, 3);
        Limits { line_bytes_max, bulk_bytes_max, args_max, request_bytes_max: 40, ..Limits::default() }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

        #[test]
        fn how_the_input_is_cut_does_not_matter(input in input(), cuts in prop::collection::vec(any::<usize>(), 0..20)) {
            for limits in [Limits::default(), Limits::unauthenticated(), small_limits()] {
                let whole = read_pieces(&input, &[], &limits);
                prop_assert_eq!(&read_pieces(&input, &cuts, &limits), &whole);
                let each_byte: Vec<usize> = (0..input.len()).collect();
                prop_assert_eq!(&read_pieces(&input, &each_byte, &limits), &whole);
            }
        }

        #[test]
        fn no_input_panics(input in prop::collection::vec(any::<u8>(), 0..64), cut: usize) {
            read_pieces(&input, &[cut], &small_limits());
        }
    }
}
