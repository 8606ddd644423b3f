//! RESP requests: an array of bulk strings.
//!
//! ```text
//!   *2\r\n   $3\r\n GET \r\n   $5\r\n hello \r\n
//!   words    length word       length word
//! ```
//!
//! As in Redis, a length line ends at its first `\r`; the byte after that, and the two bytes after a word,
//! are skipped whatever they are. A declared length costs nothing: room is made only for what has come.

use super::fault::Lost;
use super::parser::{Limits, Step};
use super::request::{Form, Span};
use crate::limits::{UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_MAX};
use memchr::memchr;

/// The bytes `\r\n`.
const LINE_END: usize = 2;
/// Room kept for the words of the next partial request; more is given back.
const SPARE_SPANS_MAX: usize = 32;

/// How much of a request is understood. Positions count from its first byte.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Everything before this is understood. 0: not even the first line.
    at: u32,
    /// The length line at `at` does not end before this.
    searched: u32,
    words_left: u32,
    /// Length of the word that begins at `at`; `None` where its length line begins.
    length: Option<u32>,
    /// Bytes of that word, line end included, that have yet to come.
    missing: u32,
    /// The words so far of a request that came in pieces.
    words: Vec<Span>,
}

/// A length line: a marker, a number, a line end.
enum LengthLine {
    Partial,
    /// The number, if it is one, and where the line ends.
    Whole(Option<i64>, usize),
    /// No end within the length that a line may have.
    Endless,
}

impl Progress {
    pub(super) fn missing(&self) -> usize {
        self.missing as usize
    }

    /// Reads on in `request`, which begins at `start` in the buffer that spans refer to.
    pub(super) fn step(
        &mut self,
        request: &[u8],
        start: usize,
        spans: &mut Vec<Span>,
        limits: &Limits,
    ) -> Step {
        self.missing = 0;
        let end = match self.at {
            0 => self.begin(request, start as u32, spans, limits),
            _ => self.resume(request, start as u32, spans, limits),
        };
        match end {
            Ok(Some(end)) => Step::Complete { form: Form::Resp, end: start + end },
            Ok(None) => Step::Partial,
            Err(lost) => Step::Lost(lost),
        }
    }

    /// Mostly a request comes whole, and its words go at once where they belong.
    fn begin(
        &mut self,
        request: &[u8],
        start: u32,
        spans: &mut Vec<Span>,
        limits: &Limits,
    ) -> Result<Option<usize>, Lost> {
        if !self.read_count(request, limits)? {
            return Ok(None);
        }
        let first = spans.len();
        let end = self.read_words(request, start, spans, limits)?;
        if end.is_none() {
            self.words.extend(spans.drain(first..).map(|span| span.back(start)));
        }
        Ok(end)
    }

    /// Words gather here until the last has come, so that the number of pieces does not matter.
    #[cold]
    fn resume(
        &mut self,
        request: &[u8],
        start: u32,
        spans: &mut Vec<Span>,
        limits: &Limits,
    ) -> Result<Option<usize>, Lost> {
        let mut words = std::mem::take(&mut self.words);
        let end = self.read_words(request, 0, &mut words, limits)?;
        if end.is_some() {
            spans.extend(words.drain(..).map(|span| span.forward(start)));
            words.shrink_to(SPARE_SPANS_MAX);
        }
        self.words = words;
        Ok(end)
    }

    /// The first line. A request of no words, or fewer, is ignored.
    fn read_count(&mut self, request: &[u8], limits: &Limits) -> Result<bool, Lost> {
        let (count, end) = match self.length_line(request, b'*', limits) {
            LengthLine::Whole(count, end) => (count, end),
            LengthLine::Partial => return Ok(false),
            LengthLine::Endless => return Err(Lost::EndlessCount),
        };
        let count = count.filter(|&count| count <= limits.args_max as i64).ok_or(Lost::InvalidCount)?;
        if count > UNAUTHENTICATED_ARGS_MAX as i64 && !limits.authenticated {
            return Err(Lost::UnauthenticatedCount);
        }
        self.words_left = count.max(0) as u32;
        self.at = end as u32;
        Ok(true)
    }

    /// Reads words until the last, or until bytes are missing. Returns the request's end.
    #[inline]
    fn read_words(
        &mut self,
        request: &[u8],
        base: u32,
        words: &mut Vec<Span>,
        limits: &Limits,
    ) -> Result<Option<usize>, Lost> {
        if self.length.is_none() {
            self.take_short_words(request, base, words, limits);
        }
        while self.words_left > 0 {
            if self.length.is_none() {
                self.length = self.read_length(request, limits)?;
            }
            let Some(length) = self.length else {
                return Ok(None);
            };
            let word = Span { start: self.at, end: self.at + length };
            let end = word.end as usize + LINE_END;
            if end > request.len() {
                self.missing = (end - request.len()) as u32;
                return Ok(None);
            }
            words.push(word.forward(base));
            self.at = end as u32;
            self.length = None;
            self.words_left -= 1;
        }
        self.searched = 0;
        Ok(Some(std::mem::take(&mut self.at) as usize))
    }

    /// The common case, in registers: short words that are all there. Whether this takes a word
    /// or leaves it to [`Progress::read_words`] makes no difference but speed.
    #[inline]
    fn take_short_words(&mut self, request: &[u8], base: u32, words: &mut Vec<Span>, limits: &Limits) {
        let length_max = limits.bulk_bytes_max;
        let request = &request[..request.len().min(limits.request_bytes_max)];
        let (mut at, mut left) = (self.at as usize, self.words_left);
        while left > 0
            && let Some((length, line_end)) = short_length(&request[at..], b'$')
            && let (start, end) = (at + line_end, at + line_end + length)
            && length <= length_max
            && end + LINE_END <= request.len()
        {
            words.push(Span { start: base + start as u32, end: base + end as u32 });
            at = end + LINE_END;
            left -= 1;
        }
        (self.at, self.words_left) = (at as u32, left);
    }

    /// The length line before a word; `None` until it is whole.
    fn read_length(&mut self, request: &[u8], limits: &Limits) -> Result<Option<u32>, Lost> {
        let (length, end) = match self.length_line(request, b'$', limits) {
            LengthLine::Whole(length, end) => (length, end),
            LengthLine::Partial => return Ok(None),
            LengthLine::Endless => return Err(Lost::EndlessLength),
        };
        let marker = request[self.at as usize];
        if marker != b'$' {
            return Err(Lost::UnexpectedMarker(marker));
        }
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|&length| length <= limits.bulk_bytes_max).ok_or(Lost::InvalidLength)?;
        if length > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
            return Err(Lost::UnauthenticatedLength);
        }
        // From here on no position in this request can leave 32 bits.
        if end.saturating_add(length + LINE_END) > limits.request_bytes_max.min(u32::MAX as usize) {
            return Err(Lost::TooBig);
        }
        self.at = end as u32;
        Ok(Some(length as u32))
    }

    /// Reads the length line at `self.at`; one with another marker may be read, too.
    #[inline]
    fn length_line(&mut self, request: &[u8], marker: u8, limits: &Limits) -> LengthLine {
        let at = self.at as usize;
        match short_length(&request[at..], marker) {
            Some((number, length)) => LengthLine::Whole(Some(number as i64), at + length),
            None => self.any_length_line(request, limits),
        }
    }

    fn any_length_line(&mut self, request: &[u8], limits: &Limits) -> LengthLine {
        let at = self.at as usize;
        let line = &request[at..];
        let window = &line[..line.len().min(limits.line_bytes_max.saturating_add(1))];
        let searched = (self.searched as usize).saturating_sub(at);
        let Some(found) = memchr(b'\r', &window[searched..]) else {
            self.searched = (at + window.len()) as u32;
            let endless = window.len() > limits.line_bytes_max;
            return if endless { LengthLine::Endless } else { LengthLine::Partial };
        };
        let length = searched + found;
        if length + LINE_END > line.len() {
            self.searched = (at + length) as u32;
            return LengthLine::Partial;
        }
        // An empty line has no marker either.
        let number = line[..length].get(1..).and_then(integer);
        LengthLine::Whole(number, at + length + LINE_END)
    }
}

/// A whole length line of at most three digits: the number, and where the line ends.
#[inline]
fn short_length(line: &[u8], marker: u8) -> Option<(usize, usize)> {
    let (&first, line) = line.split_first()?;
    if first != marker {
        return None;
    }
    match *line {
        [a @ b'0'..=b'9', b'\r', _, ..] => Some((digit(a), 4)),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] => Some((10 * digit(a) + digit(b), 5)),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'\r', _, ..] => {
            Some((100 * digit(a) + 10 * digit(b) + digit(c), 6))
        }
        _ => None,
    }
}

fn digit(ascii: u8) -> usize {
    usize::from(ascii - b'0')
}

/// An integer as Redis takes it: no sign but `-`, no leading zero, nothing around it.
fn integer(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0'] if text.len() == 1 => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            str::from_utf8(text).ok()?.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::support::{read, read_pieces};
    use crate::protocol::{Fault, Parser};
    use proptest::prelude::*;

    #[track_caller]
    fn check_lost(input: &[u8], limits: &Limits, text: &str) {
        let read = read_pieces(input, &[], limits);
        let faults: Vec<_> = read.into_iter().map(|read| read.fault.map(Fault::text)).collect();
        assert_eq!(faults, [Some(format!("ERR Protocol error: {text}").into())]);
    }

    #[test]
    fn words_are_any_bytes() {
        let read = read(b"*4\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\n\r\n\r\n$11\r\n*1\r\n$1\r\n\0\xff\r\n\r\n");
        assert_eq!(read[0].words, [&b"SET"[..], b"", b"\r\n", b"*1\r\n$1\r\n\0\xff\r"]);
    }

    #[test]
    fn lengths_of_any_number_of_digits() {
        for length in [0, 1, 9, 10, 99, 100, 999, 1000, 9999, 10_000] {
            let word = vec![b'x'; length];
            let input = [format!("*1\r\n${length}\r\n").as_bytes(), &word, b"\r\n"].concat();
            assert_eq!(read(&input)[0].words, [word]);
        }
        let words = read(format!("*1000\r\n{}", "$1\r\nx\r\n".repeat(1000)).as_bytes()).remove(0).words;
        assert_eq!(words.len(), 1000);
    }

    #[test]
    fn line_ends_are_skipped_unseen() {
        assert_eq!(read(b"*1\rX$4\rXPING..*1\r\n$1\r\nx\r\n").len(), 2);
    }

    #[test]
    fn a_request_without_words_is_ignored() {
        let read = read(b"*0\r\n*-1\r\n*-9223372036854775808\r\n*1\r\n$4\r\nPING\r\n");
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].words, [b"PING"]);
    }

    #[test]
    fn a_count_is_a_number_within_bounds() {
        let counts =
            ["", "x", "1x", " 1", "+1", "01", "-0", "-", "1048577", "9223372036854775808", "2147483648"];
        for count in counts {
            let input = format!("*{count}\r\n");
            check_lost(input.as_bytes(), &Limits::default(), "invalid multibulk length");
        }
        assert_eq!(read(b"*1048576\r\n"), []);
    }

    #[test]
    fn a_length_is_a_number_within_bounds() {
        for length in
            ["", "x", "3x", "-1", "-10", "+3", "03", "536870913", "2000000000", "99999999999999999999"]
        {
            let input = format!("*1\r\n${length}\r\n");
            check_lost(input.as_bytes(), &Limits::default(), "invalid bulk length");
        }
        assert_eq!(read(b"*1\r\n$536870912\r\n"), []);
    }

    #[test]
    fn a_word_begins_with_a_dollar() {
        for (input, got) in [(&b"*1\r\nfoo\r\n"[..], "f"), (b"*1\r\n\r\n", "\r"), (b"*1\r\n1\r\n", "1")] {
            check_lost(input, &Limits::default(), &format!("expected '$', got '{got}'"));
        }
        // A line that is not there yet says nothing.
        assert_eq!(read(b"*1\r\nfoo"), []);
    }

    #[test]
    fn a_length_line_ends_somewhere() {
        let limits = Limits { line_bytes_max: 8, ..Limits::default() };
        check_lost(b"*12345678", &limits, "too big mbulk count string");
        check_lost(b"*1\r\n$12345678", &limits, "too big bulk count string");
        assert_eq!(read_pieces(b"*1234567", &[], &limits), []);
        assert_eq!(read_pieces(b"*1\r\n$1234567", &[], &limits), []);
    }

    #[test]
    fn before_authentication_requests_are_small() {
        let limits = Limits::unauthenticated();
        check_lost(b"*11\r\n", &limits, "unauthenticated multibulk length");
        check_lost(b"*1\r\n$16385\r\n", &limits, "unauthenticated bulk length");
        assert_eq!(read_pieces(b"*10\r\n$16384\r\n", &[], &limits), []);
    }

    #[test]
    fn a_request_is_bounded_as_a_whole() {
        let limits = Limits { request_bytes_max: 30, ..Limits::default() };
        check_lost(b"*2\r\n$8\r\n12345678\r\n$7\r\n", &limits, "too big request");
        assert_eq!(read_pieces(b"*2\r\n$8\r\n12345678\r\n$6\r\n123456\r\n", &[], &limits).len(), 1);
    }

    #[test]
    fn declared_lengths_allocate_nothing() {
        let (mut parser, mut spans, mut requests) = (Parser::new(), Vec::new(), Vec::new());
        let mut bytes = b"*1048576\r\n$2\r\nab\r\n$536870912\r\n12345".to_vec();
        assert_eq!(parser.parse(&mut bytes, &mut spans, &mut requests, &Limits::default()), 0);
        assert_eq!(parser.wanted(), 536_870_912 + 2 - 5);
        assert!(spans.is_empty() && spans.capacity() <= 4);
    }

    #[test]
    fn wanted_is_what_the_current_word_lacks() {
        let (mut parser, mut spans, mut requests) = (Parser::new(), Vec::new(), Vec::new());
        let mut bytes = b"*2\r\n$4\r\nECHO\r\n$100\r\n12345".to_vec();
        let mut wanted = |end: usize| {
            parser.parse(&mut bytes[..end], &mut spans, &mut requests, &Limits::default());
            parser.wanted()
        };
        assert_eq!([6, 8, 9, 14, 15, 18, 20, 24].map(&mut wanted), [0, 6, 5, 0, 0, 0, 102, 98]);
    }

    proptest! {
        #[test]
        fn integers_have_one_spelling(number: i64, junk in "-?[0-9+ x]{0,21}") {
            prop_assert_eq!(integer(number.to_string().as_bytes()), Some(number));
            let expected = junk.parse::<i64>().ok().filter(|number| number.to_string() == junk);
            prop_assert_eq!(integer(junk.as_bytes()), expected);
        }
    }
}
