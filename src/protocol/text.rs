//! Plain-text replies: one line each, elements between blanks, nested arrays in brackets.
//!
//! ```text
//!   a "b c" nil (1 2 ()) (ERR no such key)⏎
//! ```
//!
//! A value on a line of its own is quoted only where it would pass for something else; an element
//! is one word as requests take it, so the reply of a flat array is a line that can be sent back.

use super::quote::{needs_escapes, push_quoted, push_word};
use smallvec::SmallVec;

const NIL: &[u8] = b"nil";

/// The line being written: the arrays around the next element, outermost first. Flat replies have none.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    open: SmallVec<[OpenArray; 3]>,
}

/// An array that is not yet full.
#[derive(Debug, Clone, Copy)]
struct OpenArray {
    left: usize,
    empty: bool,
}

impl Line {
    /// Whether the next value is a reply of its own.
    pub(super) fn is_flat(&self) -> bool {
        self.open.is_empty()
    }

    /// A client's data.
    pub(super) fn value(&mut self, out: &mut Vec<u8>, value: &[u8]) {
        let depth = self.open.len();
        self.plain(out, |out| match depth {
            0 => push_value(out, value),
            _ => push_element(out, value, depth > 1),
        });
    }

    /// The server's own words.
    pub(super) fn status(&mut self, out: &mut Vec<u8>, status: &str) {
        if self.is_flat() {
            push_on_one_line(out, status);
            out.push(b'\n');
        } else {
            self.value(out, status.as_bytes());
        }
    }

    pub(super) fn nil(&mut self, out: &mut Vec<u8>) {
        self.plain(out, |out| out.extend_from_slice(NIL));
    }

    pub(super) fn error(&mut self, out: &mut Vec<u8>, error: &str) {
        let nested = !self.is_flat();
        self.plain(out, |out| {
            out.extend_from_slice(if nested { b"(" } else { b"" });
            out.extend_from_slice(if error.starts_with("ERR ") { b"" } else { b"ERR " });
            push_on_one_line(out, error);
            out.extend_from_slice(if nested { b")" } else { b"" });
        });
    }

    /// What `write` writes, which must need no quotes, with what goes before and after it.
    #[inline]
    pub(super) fn plain(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.separate(out);
        write(out);
        self.finish(out);
    }

    pub(super) fn begin_array(&mut self, out: &mut Vec<u8>, length: usize) {
        self.separate(out);
        if !self.is_flat() {
            out.push(b'(');
        }
        self.open.push(OpenArray { left: length, empty: true });
        if length == 0 {
            self.end_array(out);
        }
    }

    fn end_array(&mut self, out: &mut Vec<u8>) {
        self.open.pop();
        if !self.is_flat() {
            out.push(b')');
        }
        self.finish(out);
    }

    #[inline]
    fn separate(&mut self, out: &mut Vec<u8>) {
        if let Some(array) = self.open.last_mut() {
            if !array.empty {
                out.push(b' ');
            }
            array.empty = false;
        }
    }

    /// After a reply the line ends; after an array's last element the array does.
    #[inline]
    fn finish(&mut self, out: &mut Vec<u8>) {
        match self.open.last_mut() {
            None => out.push(b'\n'),
            Some(array) => {
                array.left -= 1;
                if array.left == 0 {
                    self.end_array(out);
                }
            }
        }
    }
}

/// A value that is the whole line.
fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    let misleading =
        value.is_empty() || value == NIL || value.starts_with(b"\"") || value.starts_with(b"ERR ");
    if misleading || needs_escapes(value) {
        push_quoted(out, value);
    } else {
        out.extend_from_slice(value);
    }
}

/// A value among others, which must not pass for `nil` nor for a bracket. Only in a nested array
/// may a closing bracket follow it at once.
fn push_element(out: &mut Vec<u8>, value: &[u8], nested: bool) {
    let bracket = matches!(value, [b'(' | b')', ..]) || (nested && value.ends_with(b")"));
    if bracket || value == NIL {
        push_quoted(out, value);
    } else {
        push_word(out, value);
    }
}

/// Appends several lines: each ends in `\n`, and nothing but a line's end is last.
pub(super) fn push_lines(out: &mut Vec<u8>, text: &[u8]) {
    let length = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    for line in text[..length].split(|&byte| byte == b'\n') {
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.push(b'\n');
    }
}

/// Appends a text in which line ends become blanks.
pub(super) fn push_on_one_line(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::support::{bytes, read, spelled, words};
    use crate::protocol::{Reply, Wire};
    use proptest::prelude::*;

    #[track_caller]
    fn check_text(write: impl FnOnce(&mut Reply<'_>), line: &str) {
        assert_eq!(String::from_utf8_lossy(&spelled(Wire::Text, write)), line.to_owned() + "\n");
    }

    #[test]
    fn values_are_quoted_only_where_they_would_mislead() {
        for value in
            ["two words", "it's", "say \"hi\"", "(a)", "ERR", "nil ", "Nil", "Jürgen 🦀", " ", "#", "*1"]
        {
            check_text(|r| r.bulk(value.as_bytes()), value);
        }
        for (value, line) in [
            (&b""[..], r#""""#),
            (b"nil", r#""nil""#),
            (b"\"", r#""\"""#),
            (b"ERR no", r#""ERR no""#),
            (b"a\nb\r\t\x08\x07\\", r#""a\nb\r\t\b\a\\""#),
            (b"\x7f", r#""\x7f""#),
            (b"\0\x7f\xff\xc3\xbc", r#""\x00\x7f\xffü""#),
            ("\u{9b}".as_bytes(), r#""\xc2\x9b""#),
        ] {
            check_text(|r| r.bulk(value), line);
        }
    }

    #[test]
    fn elements_are_single_words() {
        let list = |r: &mut Reply<'_>| {
            let values = ["a b", "", "nil", "it's", "(", ")x", "f(x)", "#", "ERR", "ü"];
            r.array(values.len() + 1);
            values.iter().for_each(|value| r.bulk(value.as_bytes()));
            r.array(1);
            r.bulk(b"f(x)");
        };
        check_text(list, r#""a b" "" "nil" "it's" "(" ")x" f(x) # ERR ü ("f(x)")"#);
    }

    /// A plain-text line as a client reads it.
    #[derive(Debug, Clone, PartialEq)]
    enum Line {
        Missing,
        Value(Vec<u8>),
        Array(Vec<Line>),
    }

    impl Line {
        fn write(&self, reply: &mut Reply<'_>) {
            match self {
                Line::Missing => reply.null(),
                Line::Value(value) => reply.bulk(value),
                Line::Array(elements) => {
                    reply.array(elements.len());
                    elements.iter().for_each(|element| element.write(reply));
                }
            }
        }
    }

    fn single(line: &[u8]) -> Line {
        match line {
            b"nil" => Line::Missing,
            [b'"', ..] => Line::Value(words(line).concat()),
            _ => Line::Value(line.to_vec()),
        }
    }

    /// Reads elements until the line or the bracket ends; returns what follows.
    fn elements(mut rest: &[u8]) -> (Vec<Line>, &[u8]) {
        let mut elements_read = Vec::new();
        loop {
            rest = rest.strip_prefix(b" ").unwrap_or(rest);
            match rest {
                [] => return (elements_read, rest),
                [b')', after @ ..] => return (elements_read, after),
                [b'(', within @ ..] => {
                    let (nested, after) = elements(within);
                    elements_read.push(Line::Array(nested));
                    rest = after;
                }
                _ => {
                    let (word, after) = rest.split_at(word_length(rest));
                    elements_read.push(single(word));
                    rest = after;
                }
            }
        }
    }

    fn word_length(rest: &[u8]) -> usize {
        if rest[0] != b'"' {
            let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
            // Brackets close nested arrays, and nested elements that end in one are quoted.
            return rest[..end].iter().rposition(|&byte| byte != b')').map_or(end, |last| last + 1);
        }
        let mut at = 1;
        while rest[at] != b'"' {
            at += if rest[at] == b'\\' { 2 } else { 1 };
        }
        at + 1
    }

    fn nested_line() -> impl Strategy<Value = Line> {
        // Elements that end in a bracket are read differently in and out of nested arrays; all are nested here.
        let leaf = prop_oneof![4 => bytes().prop_map(Line::Value), 1 => Just(Line::Missing)];
        leaf.prop_recursive(3, 24, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Line::Array))
    }

    proptest! {
        #[test]
        fn a_client_can_read_any_value(value in bytes()) {
            let out = spelled(Wire::Text, |r| r.bulk(&value));
            let line = out.strip_suffix(b"\n").expect("one line");
            prop_assert!(!line.iter().any(u8::is_ascii_control), "{}", line.escape_ascii());
            prop_assert!(!line.starts_with(b"ERR "));
            prop_assert_eq!(single(line), Line::Value(value));
        }

        #[test]
        fn an_array_reads_back_as_a_request(values in prop::collection::vec(bytes(), 1..6)) {
            let out = spelled(Wire::Text, |r| {
                r.array(values.len());
                values.iter().for_each(|value| r.bulk(value));
            });
            let read = read(&out);
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(&read[0].words, &values);
        }

        #[test]
        fn nested_arrays_are_unambiguous(line in prop::collection::vec(nested_line(), 0..4)) {
            let line = Line::Array(vec![Line::Array(line)]);
            let out = spelled(Wire::Text, |r| line.write(r));
            let (read, rest) = elements(out.strip_suffix(b"\n").expect("one line"));
            prop_assert_eq!(rest, b"");
            prop_assert_eq!(Line::Array(read), line);
        }
    }
}
