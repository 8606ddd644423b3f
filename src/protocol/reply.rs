//! Replies into bytes, in the spelling that fits the request.
//!
//! ```text
//!               Text          Resp2                 Resp3
//!   ok          OK⏎           +OK                   +OK
//!   bulk        John⏎         $4 John               $4 John
//!   null        nil⏎          $-1                   _
//!   map of 1    a 1⏎          *2 $1 a :1            %1 $1 a :1
//!   array       a (b "c d")⏎  *2 $1 a *2 $1 b $3…   as Resp2
//! ```
//!
//! Everything is written straight into the connection's output; only plain text keeps track of what
//! surrounds an element, as it must know where to put blanks, brackets and the line's end.

use super::double::write_double;
use super::quote::{needs_escapes, push_quoted, push_word};
use super::request::Form;
use smallvec::SmallVec;

/// How a reply is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    Text,
    Resp2,
    Resp3,
}

impl Wire {
    /// The spelling for a request of this form on a connection that speaks this RESP version.
    pub fn of(form: Form, resp_version: u8) -> Self {
        match (form, resp_version) {
            (Form::Text, _) => Wire::Text,
            (_, 3) => Wire::Resp3,
            _ => Wire::Resp2,
        }
    }
}

/// Writes replies. Every call is one reply, or one element of the array begun before.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    wire: Wire,
    /// Text only: the arrays around the next element, outermost first.
    open: Open,
}

type Open = SmallVec<[OpenArray; 3]>;

/// An array of plain text that is not yet full.
#[derive(Debug, Clone, Copy)]
struct OpenArray {
    /// Elements still to come; beyond reach where nobody knows yet.
    left: usize,
    empty: bool,
}

/// A place in the output to go back to.
#[derive(Debug, Clone)]
pub struct Mark {
    length: usize,
    open: Open,
}

impl<'a> Reply<'a> {
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, wire: Wire) -> Self {
        Self { out, wire, open: Open::new() }
    }

    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Remembers this place.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { length: self.out.len(), open: self.open.clone() }
    }

    /// Takes back what was written since: a handler that fails midway leaves only its error.
    pub fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.open = mark.open;
    }

    pub fn ok(&mut self) {
        self.status("OK");
    }

    /// A simple string: one of the server's own words, not a client's data.
    #[inline]
    pub fn status(&mut self, status: &str) {
        if self.wire == Wire::Text {
            self.text(|reply| match reply.open.is_empty() {
                true => push_on_one_line(reply.out, status),
                false => push_element(reply.out, status.as_bytes()),
            });
        } else {
            self.out.push(b'+');
            push_on_one_line(self.out, status);
            self.end_line();
        }
    }

    /// A client's data.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        if self.wire == Wire::Text {
            self.text(|reply| match reply.open.is_empty() {
                true => push_value(reply.out, value),
                false => push_element(reply.out, value),
            });
        } else {
            self.out.reserve(value.len() + 32);
            self.number(b'$', value.len());
            self.out.extend_from_slice(value);
            self.end_line();
        }
    }

    #[inline]
    pub fn int(&mut self, value: i64) {
        if self.wire == Wire::Text {
            self.text(|reply| reply.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()));
        } else {
            self.number(b':', value);
        }
    }

    /// Whether anything changed: the EXPIRE family's answer.
    pub fn changed(&mut self, changed: bool) {
        match (self.wire, changed) {
            (Wire::Text, true) => self.ok(),
            _ => self.int(changed.into()),
        }
    }

    /// A missing value.
    pub fn null(&mut self) {
        self.nil(b"$-1\r\n");
    }

    /// A missing array.
    pub fn null_array(&mut self) {
        self.nil(b"*-1\r\n");
    }

    fn nil(&mut self, resp2: &[u8]) {
        match self.wire {
            Wire::Text => self.text(|reply| reply.out.extend_from_slice(NIL)),
            Wire::Resp2 => self.out.extend_from_slice(resp2),
            Wire::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    pub fn double(&mut self, value: f64) {
        match self.wire {
            Wire::Text => self.text(|reply| write_double(reply.out, value)),
            Wire::Resp2 => {
                let mut text = Vec::with_capacity(32);
                write_double(&mut text, value);
                self.bulk(&text);
            }
            Wire::Resp3 => {
                self.out.push(b',');
                write_double(self.out, value);
                self.end_line();
            }
        }
    }

    pub fn boolean(&mut self, value: bool) {
        match self.wire {
            Wire::Resp3 => self.out.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" }),
            _ => self.int(value.into()),
        }
    }

    /// An integer of any size, in decimal.
    pub fn big_number(&mut self, digits: &str) {
        if self.wire == Wire::Resp3 {
            self.out.push(b'(');
            push_on_one_line(self.out, digits);
            self.end_line();
        } else {
            self.bulk(digits.as_bytes());
        }
    }

    /// A text for people, in `txt` or `mkd` format. The one reply that is several lines of plain text.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        match self.wire {
            Wire::Text if self.open.is_empty() => push_lines(self.out, text),
            Wire::Text | Wire::Resp2 => self.bulk(text),
            Wire::Resp3 => {
                self.number(b'=', format.len() + 1 + text.len());
                self.out.extend_from_slice(format.as_bytes());
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.end_line();
            }
        }
    }

    /// An error: its code, a blank, its message.
    pub fn error(&mut self, error: impl AsRef<str>) {
        let error = error.as_ref();
        if self.wire == Wire::Text {
            self.text(|reply| {
                let nested = !reply.open.is_empty();
                let coded = error.starts_with("ERR ");
                reply.out.extend_from_slice(if nested { b"(" } else { b"" });
                reply.out.extend_from_slice(if coded { b"" } else { b"ERR " });
                push_on_one_line(reply.out, error);
                reply.out.extend_from_slice(if nested { b")" } else { b"" });
            });
        } else {
            self.out.push(b'-');
            push_on_one_line(self.out, error);
            self.end_line();
        }
    }

    /// Begins an array; its elements follow.
    pub fn array(&mut self, length: usize) {
        self.aggregate(b'*', b'*', length, 1);
    }

    /// Begins a map; keys and values follow in turn.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(b'*', b'%', pairs, 2);
    }

    pub fn set(&mut self, length: usize) {
        self.aggregate(b'*', b'~', length, 1);
    }

    /// Begins a message that answers no request.
    pub fn push(&mut self, length: usize) {
        self.aggregate(b'*', b'>', length, 1);
    }

    fn aggregate(&mut self, resp2: u8, resp3: u8, length: usize, per_element: usize) {
        match self.wire {
            Wire::Text => self.open_array(length * per_element),
            Wire::Resp2 => self.number(resp2, length * per_element),
            Wire::Resp3 => self.number(resp3, length),
        }
    }

    /// An array whose length is known only when its elements are written: `elements` writes them and
    /// returns how many they were.
    pub fn array_with(&mut self, elements: impl FnOnce(&mut Self) -> usize) {
        if self.wire == Wire::Text {
            self.open_array(usize::MAX);
            let depth = self.open.len();
            let length = elements(self);
            debug_assert_eq!(self.open.len(), depth, "arrays within are full");
            debug_assert_eq!(self.open.last().map(|array| usize::MAX - array.left), Some(length));
            self.close_array();
        } else {
            let start = self.out.len();
            let length = elements(self);
            let end = self.out.len();
            self.number(b'*', length);
            // The header goes before what it counts.
            let header = self.out.len() - end;
            self.out[start..].rotate_right(header);
        }
    }

    /// RESP: a marker, a number, a line end.
    #[inline]
    fn number(&mut self, marker: u8, number: impl itoa::Integer) {
        self.out.push(marker);
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.end_line();
    }

    #[inline]
    fn end_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Text: writes one reply or element, with what goes before and after it.
    #[inline]
    fn text(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        write(self);
        self.finish();
    }

    #[inline]
    fn separate(&mut self) {
        if let Some(array) = self.open.last_mut() {
            if !array.empty {
                self.out.push(b' ');
            }
            array.empty = false;
        }
    }

    /// After a reply the line ends; after an array's last element the array does.
    #[inline]
    fn finish(&mut self) {
        match self.open.last_mut() {
            None => self.out.push(b'\n'),
            Some(array) => {
                array.left -= 1;
                if array.left == 0 {
                    self.close_array();
                }
            }
        }
    }

    fn open_array(&mut self, length: usize) {
        self.separate();
        if !self.open.is_empty() {
            self.out.push(b'(');
        }
        self.open.push(OpenArray { left: length, empty: true });
        if length == 0 {
            self.close_array();
        }
    }

    fn close_array(&mut self) {
        self.open.pop();
        if !self.open.is_empty() {
            self.out.push(b')');
        }
        self.finish();
    }
}

const NIL: &[u8] = b"nil";

/// Plain text that is a reply of its own: quoted only where it would pass for something else.
fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    let other = value.is_empty() || value == NIL || value.starts_with(b"\"") || value.starts_with(b"ERR ");
    if other || needs_escapes(value) {
        push_quoted(out, value);
    } else {
        out.extend_from_slice(value);
    }
}

/// Plain text between others: one word.
fn push_element(out: &mut Vec<u8>, value: &[u8]) {
    if value == NIL || matches!(value, [b'(' | b')', ..]) {
        push_quoted(out, value);
    } else {
        push_word(out, value);
    }
}

/// Line ends become `\n`, and exactly one is last.
fn push_lines(out: &mut Vec<u8>, text: &[u8]) {
    for line in text.trim_ascii_end().split(|&byte| byte == b'\n') {
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.push(b'\n');
    }
}

/// A line end within becomes a blank.
fn push_on_one_line(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    out.extend_from_slice(text.as_bytes());
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}
