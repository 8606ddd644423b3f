//! Lines: words between blanks, with quotes and escapes.
//!
//! ```text
//!   SET k "a \"b\"\n" 'it\'s'        as it came
//!   SET k  a "b"⏎     it's           unquoted in place: never longer, so every word stays a range
//! ```
//!
//! A quote may open anywhere in a word; where it closes, the word ends. In double quotes `\n \r \t \b \a`
//! and `\xHH` are what they are in C, any other `\c` is `c`; in single quotes only `\'` is special.

use super::parser::{Limits, Step};
use super::request::{Form, Span};
use memchr::memchr;

pub(super) const TOO_BIG: &str = "ERR Protocol error: too big inline request";
pub(super) const UNBALANCED: &str = "ERR Protocol error: unbalanced quotes in request";

/// Reads the line that begins at `start`; `searched` bytes of it are known to hold no line end.
#[inline]
pub(super) fn step(
    bytes: &mut [u8],
    start: usize,
    searched: &mut usize,
    spans: &mut Vec<Span>,
    limits: &Limits,
) -> Step {
    // The longest line there may be, with its `\r\n`.
    let window = &bytes[start..];
    let window = &window[..window.len().min(limits.line_bytes_max.saturating_add(2))];
    let found = memchr(b'\n', &window[*searched..]).map(|at| *searched + at);
    let line = &window[..found.unwrap_or(window.len())];
    let (length, form) = match line.strip_suffix(b"\r") {
        Some(line) => (line.len(), Form::Inline),
        None => (line.len(), Form::Text),
    };
    if length > limits.line_bytes_max {
        // Whether `\r` would have followed must not matter, so the form is always the same.
        return Step::Lost { form: Form::Text, text: TOO_BIG.into() };
    }
    let Some(found) = found else {
        *searched = window.len();
        return Step::Partial;
    };
    let end = start + found + 1;
    if bytes[start] == b'#' || split(bytes, start, start + length, form, spans).is_ok() {
        Step::Complete { form, end }
    } else {
        Step::Faulty { form, end, text: UNBALANCED }
    }
}

struct Unbalanced;

/// What a byte does, one bit for each.
const QUOTE: u8 = 1;
const TEXT_BLANK: u8 = 2;
/// Inline commands know two sets of blanks: one lies between words,
const INLINE_BLANK: u8 = 4;
/// and a smaller one ends a bare word.
const INLINE_END: u8 = 8;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b'"' as usize] = QUOTE;
    class[b'\'' as usize] = QUOTE;
    class[b' ' as usize] = TEXT_BLANK | INLINE_BLANK | INLINE_END;
    class[b'\t' as usize] = TEXT_BLANK | INLINE_BLANK | INLINE_END;
    class[b'\r' as usize] = INLINE_BLANK | INLINE_END;
    class[b'\x0b' as usize] = INLINE_BLANK;
    class[b'\x0c' as usize] = INLINE_BLANK;
    class
};

fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// Splits `bytes[at..end]` into words.
fn split(
    bytes: &mut [u8],
    mut at: usize,
    end: usize,
    form: Form,
    spans: &mut Vec<Span>,
) -> Result<(), Unbalanced> {
    let (blank, ends) = match form {
        Form::Inline => (INLINE_BLANK, INLINE_END),
        _ => (TEXT_BLANK, TEXT_BLANK),
    };
    let line = &mut bytes[..end];
    loop {
        while at < end && is(line[at], blank) {
            at += 1;
        }
        if at == end {
            return Ok(());
        }
        let start = at;
        at = skip_plain(line, at, ends | QUOTE);
        let mut word_end = at;
        if at < end && is(line[at], QUOTE) {
            (word_end, at) = unquote(line, at, blank, ends)?;
        }
        spans.push(Span { start: start as u32, end: word_end as u32 });
    }
}

/// The first byte at or after `at` of one of these classes.
fn skip_plain(line: &[u8], mut at: usize, classes: u8) -> usize {
    while at < line.len() && !is(line[at], classes) {
        at += 1;
    }
    at
}

/// Rewrites the rest of a word, from its first quote on, to what it stands for.
/// Returns where the word now ends and where reading goes on.
fn unquote(line: &mut [u8], mut at: usize, blank: u8, ends: u8) -> Result<(usize, usize), Unbalanced> {
    let mut written = at;
    while let Some(&byte) = line.get(at) {
        if is(byte, QUOTE) {
            (written, at) = if byte == b'"' {
                unquote_double(line, at + 1, written)?
            } else {
                unquote_single(line, at + 1, written)?
            };
            return match line.get(at) {
                Some(&next) if !is(next, blank) => Err(Unbalanced),
                _ => Ok((written, at)),
            };
        }
        if is(byte, ends) {
            break;
        }
        line[written] = byte;
        (written, at) = (written + 1, at + 1);
    }
    Ok((written, at))
}

fn unquote_double(line: &mut [u8], mut at: usize, mut written: usize) -> Result<(usize, usize), Unbalanced> {
    loop {
        let (byte, length) = match line[at..] {
            [b'"', ..] => return Ok((written, at + 1)),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(high) << 4 | hex(low), 4)
            }
            [b'\\', escaped, ..] => (unescape(escaped), 2),
            [byte, ..] => (byte, 1),
            [] => return Err(Unbalanced),
        };
        line[written] = byte;
        (written, at) = (written + 1, at + length);
    }
}

fn unquote_single(line: &mut [u8], mut at: usize, mut written: usize) -> Result<(usize, usize), Unbalanced> {
    loop {
        let (byte, length) = match line[at..] {
            [b'\'', ..] => return Ok((written, at + 1)),
            [b'\\', b'\'', ..] => (b'\'', 2),
            [byte, ..] => (byte, 1),
            [] => return Err(Unbalanced),
        };
        line[written] = byte;
        (written, at) = (written + 1, at + length);
    }
}

fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => b'\x08',
        b'a' => b'\x07',
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
