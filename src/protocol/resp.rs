//! RESP requests: an array of bulk strings.
//!
//! ```text
//!   *2\r\n   $3\r\n GET \r\n   $5\r\n hello \r\n
//!   words    length word       length word
//! ```
//!
//! As in Redis, a length line ends at its first `\r`; the byte after that, and the two bytes after a word,
//! are skipped whatever they are. A declared length costs nothing: room is made only for what has come.

use super::parser::{Limits, Step};
use super::request::{Form, Span};
use crate::limits::{UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_MAX};
use memchr::memchr;
use std::borrow::Cow;

const INVALID_COUNT: &str = "ERR Protocol error: invalid multibulk length";
const INVALID_LENGTH: &str = "ERR Protocol error: invalid bulk length";
const ENDLESS_COUNT: &str = "ERR Protocol error: too big mbulk count string";
const ENDLESS_LENGTH: &str = "ERR Protocol error: too big bulk count string";
const UNAUTHENTICATED_COUNT: &str = "ERR Protocol error: unauthenticated multibulk length";
const UNAUTHENTICATED_LENGTH: &str = "ERR Protocol error: unauthenticated bulk length";
/// Redis closes such a client without a word.
const TOO_BIG: &str = "ERR Protocol error: too big request";

/// Room kept for the words of the next partial request; more is given back.
const SPARE_SPANS_MAX: usize = 32;

/// Why a request cannot be read on.
type Lost = Cow<'static, str>;

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
            0 => self.begin(request, start, spans, limits),
            _ => self.resume(request, start, spans, limits),
        };
        match end {
            Ok(Some(end)) => Step::Complete { form: Form::Resp, end: start + end },
            Ok(None) => Step::Partial,
            Err(text) => Step::Lost { form: Form::Resp, text },
        }
    }

    /// Mostly a request comes whole, and its words go at once where they belong.
    fn begin(
        &mut self,
        request: &[u8],
        start: usize,
        spans: &mut Vec<Span>,
        limits: &Limits,
    ) -> Result<Option<usize>, Lost> {
        if !self.read_count(request, limits)? {
            return Ok(None);
        }
        let first = spans.len();
        let end = self.read_words(request, start as u32, spans, limits)?;
        if end.is_none() {
            self.words.extend(spans.drain(first..).map(|span| span.back(start as u32)));
        }
        Ok(end)
    }

    /// Words gather here until the last has come, so that the number of pieces does not matter.
    #[cold]
    fn resume(
        &mut self,
        request: &[u8],
        start: usize,
        spans: &mut Vec<Span>,
        limits: &Limits,
    ) -> Result<Option<usize>, Lost> {
        let mut words = std::mem::take(&mut self.words);
        let end = self.read_words(request, 0, &mut words, limits)?;
        if end.is_some() {
            spans.extend(words.drain(..).map(|span| span.forward(start as u32)));
            words.shrink_to(SPARE_SPANS_MAX);
        }
        self.words = words;
        Ok(end)
    }

    /// The first line. A request of no words, or fewer, is ignored.
    fn read_count(&mut self, request: &[u8], limits: &Limits) -> Result<bool, Lost> {
        let (count, at) = match self.length_line(request, limits) {
            LengthLine::Whole(count, at) => (count, at),
            LengthLine::Partial => return Ok(false),
            LengthLine::Endless => return Err(ENDLESS_COUNT.into()),
        };
        let count = count.filter(|&count| count <= limits.args_max as i64).ok_or(INVALID_COUNT)?;
        if count > UNAUTHENTICATED_ARGS_MAX as i64 && !limits.authenticated {
            return Err(UNAUTHENTICATED_COUNT.into());
        }
        self.words_left = count.max(0) as u32;
        self.at = at;
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
        while self.words_left > 0 {
            if self.length.is_none() {
                self.length = self.read_length(request, limits)?;
            }
            let Some(length) = self.length else {
                return Ok(None);
            };
            let word = Span { start: self.at, end: self.at + length };
            let end = word.end + LINE_END;
            if end as usize > request.len() {
                self.missing = end - request.len() as u32;
                return Ok(None);
            }
            words.push(word.forward(base));
            self.at = end;
            self.length = None;
            self.words_left -= 1;
        }
        self.searched = 0;
        Ok(Some(std::mem::take(&mut self.at) as usize))
    }

    /// The length line before a word; `None` until it is whole.
    #[inline]
    fn read_length(&mut self, request: &[u8], limits: &Limits) -> Result<Option<u32>, Lost> {
        let (length, at) = match self.length_line(request, limits) {
            LengthLine::Whole(length, at) => (length, at),
            LengthLine::Partial => return Ok(None),
            LengthLine::Endless => return Err(ENDLESS_LENGTH.into()),
        };
        let marker = request[self.at as usize];
        if marker != b'$' {
            return Err(unexpected(marker));
        }
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|&length| length <= limits.bulk_bytes_max).ok_or(INVALID_LENGTH)?;
        if length > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
            return Err(UNAUTHENTICATED_LENGTH.into());
        }
        // From here on no position in this request can leave 32 bits.
        let end = (at as usize).saturating_add(length).saturating_add(LINE_END as usize);
        if end > limits.request_bytes_max.min(u32::MAX as usize) {
            return Err(TOO_BIG.into());
        }
        self.at = at;
        Ok(Some(length as u32))
    }

    /// Reads a length line at `self.at`.
    #[inline]
    fn length_line(&mut self, request: &[u8], limits: &Limits) -> LengthLine {
        match request[self.at as usize..] {
            [_, a @ b'0'..=b'9', b'\r', _, ..] => LengthLine::Whole(Some(digit(a)), self.at + 4),
            [_, a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] => {
                LengthLine::Whole(Some(10 * digit(a) + digit(b)), self.at + 5)
            }
            _ => self.any_length_line(request, limits),
        }
    }

    fn any_length_line(&mut self, request: &[u8], limits: &Limits) -> LengthLine {
        let line = &request[self.at as usize..];
        let searched = self.searched.saturating_sub(self.at) as usize;
        let window = &line[..line.len().min(limits.line_bytes_max.saturating_add(1))];
        let Some(found) = memchr(b'\r', &window[searched..]) else {
            self.searched = self.at + window.len() as u32;
            let endless = window.len() > limits.line_bytes_max;
            return if endless { LengthLine::Endless } else { LengthLine::Partial };
        };
        let length = searched + found;
        let end = length + LINE_END as usize;
        if end > line.len() {
            self.searched = self.at + length as u32;
            return LengthLine::Partial;
        }
        // Where the marker is missing there may be no digits either.
        let digits = line[..length].get(1..).unwrap_or_default();
        LengthLine::Whole(integer(digits), self.at + end as u32)
    }
}

/// The bytes `\r\n`.
const LINE_END: u32 = 2;

/// A marker, a number, a line end.
enum LengthLine {
    Partial,
    /// The number, if it is one, and where the line ends.
    Whole(Option<i64>, u32),
    /// No line end within the length that a line may have.
    Endless,
}

fn unexpected(marker: u8) -> Lost {
    format!("ERR Protocol error: expected '$', got '{}'", char::from(marker)).into()
}

fn digit(ascii: u8) -> i64 {
    i64::from(ascii - b'0')
}

/// An integer as Redis takes it: no sign but `-`, no leading zero, nothing around it.
fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    match digits {
        [b'0'] if !negative => Some(0),
        [b'1'..=b'9', ..] => digits.iter().try_fold(0i64, |value, &byte| {
            let digit = byte.is_ascii_digit().then(|| digit(byte))?;
            let value = value.checked_mul(10)?;
            if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
        }),
        _ => None,
    }
}
