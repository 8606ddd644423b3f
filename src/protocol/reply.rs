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
//! surrounds it; only plain text (`text.rs`) has to know where blanks, brackets and the line's end go.

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
        Self { out, wire, line: text::Line::default() }
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
        if self.wire == Wire::Text {
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
            Wire::Resp2 => self.headed(b'$', |reply| {
                let start = reply.out.len();
                write_double(reply.out, value);
                let length = reply.out.len() - start;
                reply.end_line();
                length
            }),
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

    /// An array whose length is known only when its elements are written: `elements` writes them and
    /// returns how many they are.
    pub fn array_with(&mut self, elements: impl FnOnce(&mut Self) -> usize) {
        if self.wire == Wire::Text {
            self.line.begin_array(self.out, text::Line::UNKNOWN);
            elements(self);
            self.line.end_array(self.out);
        } else {
            self.headed(b'*', elements);
        }
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

    #[inline]
    fn number(&mut self, marker: u8, number: impl itoa::Integer) {
        self.out.push(marker);
        push_number(self.out, number);
        self.end_line();
    }

    /// RESP: what has its length in front, when that is known only afterwards.
    fn headed(&mut self, marker: u8, content: impl FnOnce(&mut Self) -> usize) {
        let start = self.out.len();
        let length = content(self);
        let end = self.out.len();
        self.number(marker, length);
        let header = self.out.len() - end;
        self.out[start..].rotate_right(header);
    }

    #[inline]
    fn end_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::support::{bytes, spelled};
    use crate::protocol::{Value, decode};
    use proptest::prelude::*;

    /// Checks how one reply is spelled in plain text, RESP2 and RESP3.
    #[track_caller]
    fn check(write: impl Fn(&mut Reply<'_>), text: &str, resp2: &str, resp3: &str) {
        for (wire, expected) in [(Wire::Text, text), (Wire::Resp2, resp2), (Wire::Resp3, resp3)] {
            let out = spelled(wire, &write);
            assert_eq!(
                out.escape_ascii().to_string(),
                expected.as_bytes().escape_ascii().to_string(),
                "{wire:?}"
            );
        }
    }

    #[track_caller]
    fn check_text(write: impl FnOnce(&mut Reply<'_>), line: &str) {
        assert_eq!(String::from_utf8_lossy(&spelled(Wire::Text, write)), line.to_owned() + "\n");
    }

    #[test]
    fn the_request_s_form_decides() {
        assert_eq!(Wire::of(Form::Text, 3), Wire::Text);
        assert_eq!(Wire::of(Form::Inline, 2), Wire::Resp2);
        assert_eq!(Wire::of(Form::Inline, 3), Wire::Resp3);
        assert_eq!(Wire::of(Form::Resp, 2), Wire::Resp2);
    }

    #[test]
    fn flat_replies() {
        check(|r| r.ok(), "OK\n", "+OK\r\n", "+OK\r\n");
        check(|r| r.status("PONG"), "PONG\n", "+PONG\r\n", "+PONG\r\n");
        check(|r| r.status("two\r\nlines"), "two  lines\n", "+two  lines\r\n", "+two  lines\r\n");
        check(|r| r.bulk(b"John"), "John\n", "$4\r\nJohn\r\n", "$4\r\nJohn\r\n");
        check(|r| r.bulk(b""), "\"\"\n", "$0\r\n\r\n", "$0\r\n\r\n");
        check(|r| r.int(-42), "-42\n", ":-42\r\n", ":-42\r\n");
        check(|r| r.changed(true), "OK\n", ":1\r\n", ":1\r\n");
        check(|r| r.changed(false), "0\n", ":0\r\n", ":0\r\n");
        check(|r| r.null(), "nil\n", "$-1\r\n", "_\r\n");
        check(|r| r.null_array(), "nil\n", "*-1\r\n", "_\r\n");
        check(|r| r.boolean(true), "1\n", ":1\r\n", "#t\r\n");
        check(|r| r.boolean(false), "0\n", ":0\r\n", "#f\r\n");
        check(|r| r.double(0.5), "0.5\n", "$3\r\n0.5\r\n", ",0.5\r\n");
        check(|r| r.double(f64::NEG_INFINITY), "-inf\n", "$4\r\n-inf\r\n", ",-inf\r\n");
        check(|r| r.decimal("1.50"), "1.50\n", "$4\r\n1.50\r\n", ",1.50\r\n");
        check(|r| r.big_number("-12"), "-12\n", "$3\r\n-12\r\n", "(-12\r\n");
    }

    #[test]
    fn errors() {
        let syntax = "-ERR syntax error\r\n";
        check(|r| r.error("ERR syntax error"), "ERR syntax error\n", syntax, syntax);
        let wrong = "-WRONGTYPE Operation against\r\n";
        check(|r| r.error("WRONGTYPE Operation against"), "ERR WRONGTYPE Operation against\n", wrong, wrong);
        check(|r| r.error("ERR a\r\nb\n"), "ERR a  b \n", "-ERR a  b \r\n", "-ERR a  b \r\n");
    }

    #[test]
    fn several_lines() {
        let info = b"# Server\r\nup:1\r\n\r\nx: \r\n";
        check(
            |r| r.verbatim("txt", info),
            "# Server\nup:1\n\nx: \n",
            "$23\r\n# Server\r\nup:1\r\n\r\nx: \r\n\r\n",
            "=27\r\ntxt:# Server\r\nup:1\r\n\r\nx: \r\n\r\n",
        );
        check_text(|r| r.verbatim("txt", b"no line end"), "no line end");
        check_text(|r| r.verbatim("txt", b""), "");
        let nested = |r: &mut Reply<'_>| {
            r.array(1);
            r.verbatim("txt", b"a\r\nb\r\n");
        };
        check_text(nested, r#""a\r\nb\r\n""#);
    }

    #[test]
    fn aggregates() {
        let array = |r: &mut Reply<'_>| {
            r.array(3);
            r.bulk(b"a b");
            r.null();
            r.int(7);
        };
        let resp2 = "*3\r\n$3\r\na b\r\n$-1\r\n:7\r\n";
        check(array, "\"a b\" nil 7\n", resp2, "*3\r\n$3\r\na b\r\n_\r\n:7\r\n");
        let map = |r: &mut Reply<'_>| {
            r.map(1);
            r.status("a");
            r.set(1);
            r.int(1);
        };
        check(map, "a (1)\n", "*2\r\n+a\r\n*1\r\n:1\r\n", "%1\r\n+a\r\n~1\r\n:1\r\n");
        let message = |r: &mut Reply<'_>| {
            r.push(2);
            r.status("message");
            r.status("two words");
        };
        let (resp2, resp3) = ("*2\r\n+message\r\n+two words\r\n", ">2\r\n+message\r\n+two words\r\n");
        check(message, "message \"two words\"\n", resp2, resp3);
        check(|r| r.array(0), "\n", "*0\r\n", "*0\r\n");
        check(|r| r.map(0), "\n", "*0\r\n", "%0\r\n");
    }

    #[test]
    fn a_counted_array_is_like_any_other() {
        let counted = |r: &mut Reply<'_>| {
            r.array_with(|r| {
                r.int(1);
                r.array_with(|_| 0);
                r.array_with(|r| {
                    (0..11).for_each(|i| r.int(i));
                    11
                });
                3
            });
            r.ok();
        };
        let known = |r: &mut Reply<'_>| {
            r.array(3);
            r.int(1);
            r.array(0);
            r.array(11);
            (0..11).for_each(|i| r.int(i));
            r.ok();
        };
        check_text(counted, "1 () (0 1 2 3 4 5 6 7 8 9 10)\nOK");
        for wire in [Wire::Text, Wire::Resp2, Wire::Resp3] {
            assert_eq!(spelled(wire, counted), spelled(wire, known), "{wire:?}");
        }
    }

    #[test]
    fn arrays_nest_on_one_line() {
        let nested = |r: &mut Reply<'_>| {
            r.array(3);
            r.array(2);
            r.bulk(b"a");
            r.array(0);
            r.error("WRONGTYPE no");
            r.array(1);
            r.array(1);
            r.bulk(b"b");
        };
        check_text(nested, "(a ()) (ERR WRONGTYPE no) ((b))");
    }

    #[test]
    fn rewinding_leaves_only_what_follows() {
        for wire in [Wire::Text, Wire::Resp2, Wire::Resp3] {
            let out = spelled(wire, |r| {
                r.ok();
                r.array(2);
                r.int(1);
                // The last element, so that the array is already closed when it is taken back.
                let mark = r.mark();
                r.array(1);
                r.int(2);
                r.rewind(mark.clone());
                // And one that never gets full.
                r.array(5);
                r.bulk(b"x");
                r.rewind(mark);
                r.error("ERR failed");
                r.ok();
            });
            let expected = spelled(wire, |r| {
                r.ok();
                r.array(2);
                r.int(1);
                r.error("ERR failed");
                r.ok();
            });
            assert_eq!(out, expected, "{wire:?}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let line = "[a-z ]{0,8}".prop_map(String::into_bytes);
        let leaf = prop_oneof![
            line.clone().prop_map(Value::Status),
            line.prop_map(Value::Error),
            any::<i64>().prop_map(Value::Int),
            bytes().prop_map(Value::Bulk),
            Just(Value::Null),
            any::<f64>().prop_filter("equals itself", |x| !x.is_nan()).prop_map(Value::Double),
            any::<bool>().prop_map(Value::Boolean),
            "-?[0-9]{1,40}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
            bytes().prop_map(|text| Value::Verbatim { format: *b"txt", text }),
        ];
        leaf.prop_recursive(3, 32, 4, |inner| {
            let values = prop::collection::vec(inner.clone(), 0..4);
            let pairs = prop::collection::vec((inner.clone(), inner), 0..3);
            prop_oneof![
                values.clone().prop_map(Value::Array),
                values.clone().prop_map(Value::Set),
                values.prop_map(Value::Push),
                pairs.prop_map(Value::Map),
            ]
        })
    }

    fn write(value: &Value, reply: &mut Reply<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match value {
            Value::Status(status) => reply.status(&text(status)),
            Value::Error(error) => reply.error(text(error)),
            Value::Int(int) => reply.int(*int),
            Value::Bulk(bulk) => reply.bulk(bulk),
            Value::Null => reply.null(),
            Value::Double(double) => reply.double(*double),
            Value::Boolean(boolean) => reply.boolean(*boolean),
            Value::BigNumber(digits) => reply.big_number(&text(digits)),
            Value::Verbatim { format, text: content } => reply.verbatim(&text(format), content),
            Value::Array(values) => {
                reply.array(values.len());
                values.iter().for_each(|value| write(value, reply));
            }
            Value::Set(values) => {
                reply.set(values.len());
                values.iter().for_each(|value| write(value, reply));
            }
            Value::Push(values) => {
                reply.push(values.len());
                values.iter().for_each(|value| write(value, reply));
            }
            Value::Map(pairs) => {
                reply.map(pairs.len());
                pairs.iter().for_each(|(key, value)| {
                    write(key, reply);
                    write(value, reply);
                });
            }
            Value::Attributed { .. } => unreachable!("`value` makes none"),
        }
    }

    proptest! {
        #[test]
        fn resp3_decodes_to_what_was_written(value in value()) {
            let out = spelled(Wire::Resp3, |r| write(&value, r));
            prop_assert_eq!(decode(&out), Ok(Some((value, out.len()))));
        }

        #[test]
        fn any_reply_is_one_whole_reply(value in value()) {
            let resp2 = spelled(Wire::Resp2, |r| write(&value, r));
            prop_assert!(matches!(decode(&resp2), Ok(Some((_, end))) if end == resp2.len()));
            let several_lines = matches!(value, Value::Verbatim { .. });
            let text = spelled(Wire::Text, |r| write(&value, r));
            prop_assert!(text.ends_with(b"\n"));
            prop_assert!(several_lines || text.iter().filter(|&&byte| byte == b'\n').count() == 1);
        }
    }
}
