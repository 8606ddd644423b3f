//! Lines: words between blanks, with quotes and escapes.
//!
//! ```text
//!   SET k "a \"b\"\n" 'it\'s'        as it came
//!   SET k  a "b"⏎     it's           unquoted in place: never longer, so every word stays a range
//! ```
//!
//! A quote may open anywhere in a word; where it closes, the word ends. In double quotes `\n \r \t \b \a`
//! and `\xHH` are what they are in C, any other `\c` is `c`; in single quotes only `\'` is special.

use super::fault::Lost;
use super::parser::{Limits, Step};
use super::request::{Form, OwnedWords, Span};
use memchr::memchr;

/// Reads the line that begins at `start`; `searched` bytes of it are known to hold no line end.
#[inline]
pub(super) fn step(
    bytes: &mut [u8],
    start: usize,
    searched: &mut u32,
    spans: &mut Vec<Span>,
    limits: &Limits,
) -> Step {
    // The longest line there may be, with its `\r\n`.
    let window = &bytes[start..];
    let window = &window[..window.len().min(limits.line_bytes_max.saturating_add(2))];
    let from = std::mem::take(searched) as usize;
    let found = memchr(b'\n', &window[from..]).map(|at| from + at);
    let (length, form) = ending(&window[..found.unwrap_or(window.len())]);
    if length > limits.line_bytes_max {
        return Step::Lost(Lost::LineTooLong);
    }
    let Some(found) = found else {
        *searched = window.len() as u32;
        return Step::Partial;
    };
    let end = start + found + 1;
    let push = |start, end| spans.push(Span { start: start as u32, end: end as u32 });
    if bytes[start] == b'#' || split(bytes, start, start + length, form, push).is_ok() {
        Step::Complete { form, end }
    } else {
        Step::Unbalanced { form, end }
    }
}

/// The length of a line without what is left of its `\r\n`, and the form that this makes it.
fn ending(line: &[u8]) -> (usize, Form) {
    match line.strip_suffix(b"\r") {
        Some(line) => (line.len(), Form::Inline),
        None => (line.len(), Form::Text),
    }
}

/// The words of a whole line, copied: it may be longer than spans reach. None of a comment.
pub fn copied_words(line: &mut [u8]) -> Result<OwnedWords, Unbalanced> {
    let (length, form) = ending(line.strip_suffix(b"\n").unwrap_or(line));
    let mut places = Vec::new();
    if !line.starts_with(b"#") {
        split(line, 0, length, form, |start, end| places.push(start..end))?;
    }
    let mut words = OwnedWords::new(form);
    places.into_iter().for_each(|place| words.push(&line[place]));
    Ok(words)
}

/// Quotes that do not close, or close within a word.
#[derive(Debug)]
pub struct Unbalanced;

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

/// Repeats a byte eight times when multiplied.
const EACH: u64 = u64::from_le_bytes([1; 8]);

fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// Splits `bytes[at..end]` into words; `push` is told where each starts and ends.
#[inline]
fn split(
    bytes: &mut [u8],
    mut at: usize,
    end: usize,
    form: Form,
    mut push: impl FnMut(usize, usize),
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
        push(start, word_end);
    }
}

/// The first byte at or after `at` of one of these classes.
#[inline]
fn skip_plain(line: &[u8], mut at: usize, classes: u8) -> usize {
    // Eight at a time while all are above the blanks and quotes.
    while let Some(eight) = line[at..].first_chunk::<8>() {
        let eight = u64::from_le_bytes(*eight);
        let low = eight.wrapping_sub(EACH * u64::from(b'\'' + 1)) & !eight & (EACH * 0x80);
        if low != 0 {
            at += low.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
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

#[cfg(test)]
mod tests {
    use crate::protocol::support::{Read, read};
    use crate::protocol::{Form, Limits, Parser};
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &str, words: &[&[u8]]) {
        for end in ["\n", "\r\n"] {
            let read = read(format!("{line}{end}").as_bytes());
            assert_eq!(read.len(), usize::from(!words.is_empty()), "{line:?}: {read:?}");
            assert!(
                read.iter().all(|read| read.fault.is_none() && read.words == words),
                "{line:?}: {read:?}"
            );
        }
    }

    #[track_caller]
    fn check_unbalanced(line: &str) {
        for end in ["\n", "\r\n"] {
            let read = read(format!("{line}{end}").as_bytes());
            assert!(matches!(&read[..], [Read { fault: Some(_), .. }]), "{line:?}: {read:?}");
        }
    }

    #[test]
    fn words_lie_between_blanks() {
        check("SET k v", &[b"SET", b"k", b"v"]);
        check("  SET\t \tk  v \t", &[b"SET", b"k", b"v"]);
        check("Jürgen a\\nb a#b", &["Jürgen".as_bytes(), b"a\\nb", b"a#b"]);
    }

    #[test]
    fn nothing_and_comments_are_ignored() {
        for line in ["", " ", "\t ", "#", "# SET k v", "#\"", "#commit 1 2 3"] {
            check(line, &[]);
        }
        check(" #", &[b"#"]);
    }

    #[test]
    fn double_quotes_take_escapes() {
        check(r#""a b" """#, &[b"a b", b""]);
        check(r#""\n\r\t\b\a\\\"\'\q""#, &[b"\n\r\t\x08\x07\\\"'q"]);
        check(r#""\x00\xfF\xfg\x""#, &[b"\0\xffxfgx"]);
        check(r#""it's""#, &[b"it's"]);
    }

    #[test]
    fn single_quotes_take_none_but_their_own() {
        check(r#"'a b' ''"#, &[b"a b", b""]);
        check(r#"'it\'s' '\n"\x00'"#, &[b"it's", b"\\n\"\\x00"]);
    }

    #[test]
    fn a_quote_may_open_within_a_word_and_ends_it() {
        check(r#"foo"bar baz" q'u'"#, &[b"foobar baz", b"qu"]);
        check_unbalanced(r#""a"b"#);
        check_unbalanced(r#""a""b""#);
        check_unbalanced("'a'b");
    }

    #[test]
    fn quotes_must_close() {
        for line in ["\"", "'", "SET k \"v", "it's", r#""a\""#, r#"'a\'"#, r#"x ""y" z"#] {
            check_unbalanced(line);
        }
    }

    #[test]
    fn inline_commands_know_more_blanks() {
        let words = |line: &[u8]| read(line).remove(0).words;
        assert_eq!(words(b"a\rb \x0b\x0cc\x0b \"d\"\x0be\r\n"), [&b"a"[..], b"b", b"c\x0b", b"d", b"e"]);
        assert_eq!(words(b"a\rb\x0b \x0cc\n"), [&b"a\rb\x0b"[..], b"\x0cc"]);
    }

    #[test]
    fn bare_words_stay_where_they_are() {
        let mut bytes = b"SET  k'1' bare\n".to_vec();
        let (mut spans, mut requests) = (Vec::new(), Vec::new());
        Parser::new().parse(&mut bytes, &mut spans, &mut requests, &Limits::default());
        let ranges: Vec<_> = spans.iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(ranges, [(0, 3), (5, 7), (10, 14)]);
    }

    /// The rules again, a byte at a time into fresh words. `None`: unbalanced.
    fn model(line: &[u8], form: Form) -> Option<Vec<Vec<u8>>> {
        let blank: &[u8] = if form == Form::Inline { b" \t\r\x0b\x0c" } else { b" \t" };
        let ends: &[u8] = if form == Form::Inline { b" \t\r" } else { b" \t" };
        let mut rest = line.iter().copied().peekable();
        let mut words = Vec::new();
        loop {
            while rest.next_if(|byte| blank.contains(byte)).is_some() {}
            if rest.peek().is_none() {
                return Some(words);
            }
            let mut word = Vec::new();
            while let Some(byte) = rest.next_if(|byte| !ends.contains(byte)) {
                if byte != b'"' && byte != b'\'' {
                    word.push(byte);
                    continue;
                }
                loop {
                    match rest.next()? {
                        end if end == byte => break,
                        b'\\' if byte == b'\'' && rest.next_if_eq(&b'\'').is_some() => word.push(b'\''),
                        b'\\' if byte == b'"' => word.push(escape(&mut rest)?),
                        other => word.push(other),
                    }
                }
                if rest.peek().is_some_and(|next| !blank.contains(next)) {
                    return None;
                }
                break;
            }
            words.push(word);
        }
    }

    fn escape(rest: &mut (impl Iterator<Item = u8> + Clone)) -> Option<u8> {
        let escaped = rest.next()?;
        let digits: Vec<u8> = rest.clone().take(2).collect();
        let number = str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit));
        Some(match (escaped, number) {
            (b'x', Some(number)) if digits.len() == 2 => {
                rest.nth(1);
                u8::from_str_radix(number, 16).ok()?
            }
            (b'n', _) => b'\n',
            (b'r', _) => b'\r',
            (b't', _) => b'\t',
            (b'b', _) => 8,
            (b'a', _) => 7,
            (other, _) => other,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        #[test]
        fn lines_follow_the_rules(line in r#"[ab \t\r\x0b\x0c"'\\xn0f()]{0,24}"#, inline: bool) {
            let form = if inline || line.ends_with('\r') { Form::Inline } else { Form::Text };
            let end = if inline { "\r\n" } else { "\n" };
            let read = read(format!("{line}{end}").as_bytes());
            let content = if inline { &line } else { line.strip_suffix('\r').unwrap_or(&line) };
            match model(content.as_bytes(), form) {
                Some(words) if words.is_empty() => prop_assert_eq!(read, []),
                Some(words) => prop_assert_eq!(read, [Read { form, words, fault: None }]),
                None => prop_assert!(read.len() == 1 && read[0].fault.is_some()),
            }
        }
    }
}
