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
//! Everything is written straight into the connection's output. In RESP an element does not care what
//! surrounds it; only plain text (`protocol/text.rs`) has to know where blanks, brackets and the line's end go.

#[cfg(test)]
mod tests;

use super::double::write_double;
use super::request::Form;
use super::text::{self, push_on_one_line};

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
    line: text::Line,
    /// Bytes that the output may hold.
    most: usize,
    overflows: bool,
}

/// A place in the output to go back to.
#[derive(Debug, Clone)]
pub struct Mark {
    length: usize,
    line: text::Line,
}

impl<'a> Reply<'a> {
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, wire: Wire) -> Self {
        Self::bounded(out, wire, usize::MAX)
    }

    /// Data that would make the output longer than `most` is left out, see [`Reply::overflows`]: a short request can ask
    /// for more than there is memory.
    #[inline]
    pub fn bounded(out: &'a mut Vec<u8>, wire: Wire, most: usize) -> Self {
        Self { out, wire, line: text::Line::default(), most, overflows: false }
    }

    /// Whether something was left out: what there is makes no sense to a client.
    pub fn overflows(&self) -> bool {
        self.overflows
    }

    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// The client has just changed the RESP version that it speaks: its reply comes in the new one.
    pub fn speak(&mut self, form: Form, resp_version: u8) {
        self.wire = Wire::of(form, resp_version);
    }

    /// Remembers this place.
    pub fn mark(&self) -> Mark {
        Mark { length: self.out.len(), line: self.line.clone() }
    }

    /// Takes back what was written since: a handler that fails midway leaves only its error.
    pub fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.line = mark.line;
    }

    pub fn ok(&mut self) {
        self.status("OK");
    }

    /// A simple string: one of the server's own words, not a client's data.
    #[inline]
    pub fn status(&mut self, status: &str) {
        match self.wire {
            Wire::Text => self.line.status(self.out, status),
            _ => self.simple(b'+', status),
        }
    }

    /// An error: its code, a blank, its message.
    pub fn error(&mut self, error: impl AsRef<str>) {
        match self.wire {
            Wire::Text => self.line.error(self.out, error.as_ref()),
            _ => self.simple(b'-', error.as_ref()),
        }
    }

    /// A client's data.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        if self.out.len() + value.len() > self.most {
            self.overflows = true;
        } else if self.wire == Wire::Text {
            self.line.value(self.out, value);
        } else {
            self.out.reserve(value.len() + 32);
            self.number(b'$', value.len());
            self.out.extend_from_slice(value);
            self.end_line();
        }
    }

    #[inline]
    pub fn int(&mut self, value: i64) {
        match self.wire {
            Wire::Text => self.line.plain(self.out, |out| push_number(out, value)),
            _ => self.number(b':', value),
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
        self.missing(b"$-1\r\n");
    }

    /// A missing array.
    pub fn null_array(&mut self) {
        self.missing(b"*-1\r\n");
    }

    pub fn double(&mut self, value: f64) {
        match self.wire {
            Wire::Text => self.line.plain(self.out, |out| write_double(out, value)),
            Wire::Resp2 => self.bulk_of(|out| write_double(out, value)),
            Wire::Resp3 => {
                self.out.push(b',');
                write_double(self.out, value);
                self.end_line();
            }
        }
    }

    /// A floating-point number in digits of its own.
    pub fn decimal(&mut self, digits: &str) {
        match self.wire {
            Wire::Resp3 => self.simple(b',', digits),
            _ => self.bulk(digits.as_bytes()),
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
        match self.wire {
            Wire::Resp3 => self.simple(b'(', digits),
            _ => self.bulk(digits.as_bytes()),
        }
    }

    /// A text for people, in a format of three letters (`txt`, `mkd`). The one reply that takes several
    /// lines of plain text.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        match self.wire {
            Wire::Text if self.line.is_flat() => text::push_lines(self.out, text),
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

    /// Begins an array; its elements follow.
    pub fn array(&mut self, length: usize) {
        self.aggregate(b'*', length, 1);
    }

    /// Begins a map; keys and values follow in turn.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(b'%', pairs, 2);
    }

    pub fn set(&mut self, length: usize) {
        self.aggregate(b'~', length, 1);
    }

    /// Begins a message that answers no request.
    pub fn push(&mut self, length: usize) {
        self.aggregate(b'>', length, 1);
    }

    /// Begins what is told besides the value that comes next; only RESP3 has it.
    pub fn attributes(&mut self, pairs: usize) {
        debug_assert!(self.wire == Wire::Resp3, "elsewhere it would be a value of its own");
        self.number(b'|', pairs);
    }

    /// Only RESP3 knows more than arrays.
    fn aggregate(&mut self, resp3: u8, length: usize, values_each: usize) {
        match self.wire {
            Wire::Text => self.line.begin_array(self.out, length * values_each),
            Wire::Resp2 => self.number(b'*', length * values_each),
            Wire::Resp3 => self.number(resp3, length),
        }
    }

    fn missing(&mut self, resp2: &[u8]) {
        match self.wire {
            Wire::Text => self.line.nil(self.out),
            Wire::Resp2 => self.out.extend_from_slice(resp2),
            Wire::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// RESP: a text that ends with its line.
    fn simple(&mut self, marker: u8, text: &str) {
        self.out.push(marker);
        push_on_one_line(self.out, text);
        self.end_line();
    }

    /// Most numbers are short: their lines are written in one piece. Digits that are written one by one and copied at
    /// once keep the processor waiting.
    #[inline(always)]
    fn number(&mut self, marker: u8, number: impl itoa::Integer + TryInto<u16> + Copy) {
        let digit = |n: u16| b'0' + (n % 10) as u8;
        match number.try_into() {
            Ok(n @ 0..10) => self.out.extend_from_slice(&[marker, digit(n), b'\r', b'\n']),
            Ok(n @ 10..100) => {
                self.out.extend_from_slice(&[marker, digit(n / 10), digit(n), b'\r', b'\n']);
            }
            Ok(n @ 100..1000) => {
                let line = [marker, digit(n / 100), digit(n / 10), digit(n), b'\r', b'\n'];
                self.out.extend_from_slice(&line);
            }
            _ => {
                self.out.push(marker);
                push_number(self.out, number);
                self.end_line();
            }
        }
    }

    /// RESP: what `write` writes, with its length in front, which is known only afterwards.
    fn bulk_of(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        write(self.out);
        let end = self.out.len();
        self.number(b'$', end - start);
        let header = self.out.len() - end;
        self.out[start..].rotate_right(header);
        self.end_line();
    }

    #[inline]
    fn end_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
