//! Replies as a person or a script reads them.

mod csv;
mod human;
mod json;
mod raw;

use std::io::{self, IsTerminal, Write};

use human::Human;
pub use human::printable;

use crate::protocol::Value;
use crate::protocol::quote::push_quoted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Types and quotes: `(integer) 1`, `1) "a"`. Nothing in it can steer a terminal.
    Human,
    /// Values as they are, one a line.
    Raw,
    /// One line a reply, as `redis-cli --csv` writes it.
    Csv,
    /// One JSON value a line.
    Json,
    /// The same, where each string stands in quotes of its own, so that all bytes survive.
    QuotedJson,
}

/// All that is chosen about how replies look.
#[derive(Clone, Debug)]
pub struct Format {
    pub style: Style,
    pub colours: bool,
    /// Between the elements of a raw reply.
    pub delimiter: Vec<u8>,
    /// Behind each raw reply.
    pub end: Vec<u8>,
}

/// Commands whose bulk reply is a text meant to be read, not a value.
const TEXTS: [&str; 9] = [
    "INFO",
    "LOLWUT",
    "CLIENT LIST",
    "CLIENT INFO",
    "CLUSTER INFO",
    "CLUSTER NODES",
    "MEMORY DOCTOR",
    "LATENCY DOCTOR",
    "LATENCY GRAPH",
];

impl Format {
    /// The reply to a command, ending in a line end.
    pub fn reply<W: AsRef<[u8]>>(&self, value: &Value, command: &[W]) -> Vec<u8> {
        let is_text = is_text(command);
        let mut out = match (self.style, value) {
            (Style::Human, Value::Bulk(bytes)) if is_text => Human::new(self.colours).text(bytes),
            _ => self.value(value),
        };
        let end: &[u8] = if self.style == Style::Raw { &self.end } else { b"\n" };
        // A text brings its own.
        if !(end == b"\n" && is_text && out.ends_with(b"\n")) {
            out.extend_from_slice(end);
        }
        out
    }

    /// A key of a listing, in a line of its own.
    pub fn key(&self, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match self.style {
            Style::Raw => out.extend_from_slice(key),
            Style::Human | Style::Csv => push_quoted(&mut out, key),
            Style::Json => json::string(&mut out, key, false),
            Style::QuotedJson => json::string(&mut out, key, true),
        }
        out.push(b'\n');
        out
    }

    fn value(&self, value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        match self.style {
            Style::Human => return Human::new(self.colours).value(value),
            Style::Raw => raw::push(&mut out, value, &self.delimiter),
            Style::Csv => csv::push(&mut out, value),
            Style::Json => json::push(&mut out, value, false),
            Style::QuotedJson => json::push(&mut out, value, true),
        }
        out
    }
}

fn is_text<W: AsRef<[u8]>>(command: &[W]) -> bool {
    let said = |word: &str, index: usize| {
        command.get(index).is_some_and(|said| said.as_ref().eq_ignore_ascii_case(word.as_bytes()))
    };
    TEXTS.iter().any(|name| name.split(' ').enumerate().all(|(index, word)| said(word, index)))
}

/// Whether what is written to standard output may be coloured: on a terminal that can, by a user who likes it.
pub fn may_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    fn format(style: Style) -> Format {
        Format { style, colours: false, delimiter: b"\n".to_vec(), end: b"\n".to_vec() }
    }

    fn shown(value: &Value, style: Style) -> String {
        String::from_utf8(format(style).reply(value, &["GET"])).expect("UTF-8 in, UTF-8 out")
    }

    fn human(value: Value) -> String {
        shown(&value, Style::Human)
    }

    fn raw(value: Value) -> String {
        shown(&value, Style::Raw)
    }

    #[test]
    fn scalars_tell_their_type() {
        assert_eq!(human(Value::Status("OK".into())), "OK\n");
        assert_eq!(human(Value::Error("ERR no".into())), "(error) ERR no\n");
        assert_eq!(human(Value::Int(-1)), "(integer) -1\n");
        assert_eq!(human(Value::Double(1.5)), "(double) 1.5\n");
        assert_eq!(human(Value::Boolean(true)), "(true)\n");
        assert_eq!(human(Value::Null), "(nil)\n");
        assert_eq!(human(bulk("")), "\"\"\n");
        assert_eq!(human(bulk("a \"b\"\n")), "\"a \\\"b\\\"\\n\"\n");
    }

    #[test]
    fn lists_are_numbered_and_aligned() {
        assert_eq!(human(Value::Array(vec![])), "(empty array)\n");
        assert_eq!(human(Value::Set(vec![])), "(empty set)\n");
        assert_eq!(human(Value::Map(vec![])), "(empty hash)\n");
        assert_eq!(human(Value::Array(vec![bulk("a"), Value::Null])), "1) \"a\"\n2) (nil)\n");
        let ten = human(Value::Array((0..10).map(Value::Int).collect()));
        assert!(ten.starts_with(" 1) (integer) 0\n 2) "), "{ten}");
        assert!(ten.ends_with("\n10) (integer) 9\n"), "{ten}");
    }

    #[test]
    fn nested_lists_are_indented() {
        let inner = Value::Array(vec![bulk("x"), Value::Array(vec![Value::Int(1), Value::Int(2)])]);
        let nested = human(Value::Array(vec![inner, bulk("z")]));
        assert_eq!(nested, "1) 1) \"x\"\n   2) 1) (integer) 1\n      2) (integer) 2\n2) \"z\"\n");
    }

    #[test]
    fn maps_and_sets_have_marks_of_their_own() {
        let pair = Value::Array(vec![Value::Int(1), Value::Int(2)]);
        let map = human(Value::Map(vec![(bulk("a"), pair), (bulk("b"), Value::Null)]));
        assert_eq!(map, "1# \"a\" => 1) (integer) 1\n   2) (integer) 2\n2# \"b\" => (nil)\n");
        assert_eq!(human(Value::Set(vec![bulk("a")])), "1~ \"a\"\n");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        for value in [Value::Status(b"\x1b[2J".to_vec()), Value::Error(b"\x1b[2J".to_vec()), bulk("\x1b[2J")]
        {
            assert!(!human(value).contains('\x1b'));
        }
        let info = format(Style::Human).reply(&bulk("a:1\r\n\x1b[2J\r\n"), &["info"]);
        assert_eq!(info, b"a:1\n\\u{1b}[2J\n");
    }

    #[test]
    fn texts_are_read_not_quoted() {
        let text = |command: &[&str]| String::from_utf8(format(Style::Human).reply(&bulk("id=1\n"), command));
        assert_eq!(text(&["client", "LIST"]).as_deref(), Ok("id=1\n"));
        assert_eq!(text(&["client", "getname"]).as_deref(), Ok("\"id=1\\n\"\n"));
        assert_eq!(human(Value::Verbatim { format: *b"txt", text: b"a\nb".to_vec() }), "a\nb\n");
    }

    #[test]
    fn raw_is_the_bytes() {
        assert_eq!(raw(bulk("a b\n")), "a b\n\n");
        assert_eq!(raw(Value::Null), "\n");
        assert_eq!(raw(Value::Int(7)), "7\n");
        assert_eq!(raw(Value::Array(vec![bulk("a"), Value::Null, bulk("c")])), "a\n\nc\n");
        assert_eq!(raw(Value::Map(vec![(bulk("k"), bulk("v"))])), "k\nv\n");
        assert_eq!(format(Style::Raw).reply(&Value::Bulk(vec![0, 0xff]), &["GET"]), [0, 0xff, b'\n']);
    }

    #[test]
    fn raw_delimiters_may_be_chosen() {
        let chosen = Format { delimiter: b", ".to_vec(), end: Vec::new(), ..format(Style::Raw) };
        let list = Value::Array(vec![bulk("a"), Value::Array(vec![bulk("b"), bulk("c")])]);
        assert_eq!(chosen.reply(&list, &["GET"]), b"a, b, c");
    }

    #[test]
    fn csv_is_one_line() {
        let csv = |value| shown(&value, Style::Csv);
        assert_eq!(
            csv(Value::Array(vec![bulk("a \"b\""), Value::Null, Value::Int(3)])),
            "\"a \\\"b\\\"\",NULL,3\n"
        );
        assert_eq!(csv(Value::Map(vec![(bulk("k"), Value::Boolean(true))])), "\"k\",true\n");
        assert_eq!(csv(Value::Error("ERR no".into())), "ERROR,\"ERR no\"\n");
        assert_eq!(csv(Value::Array(vec![])), "\n");
    }

    #[test]
    fn keys_stand_in_lines_of_their_own() {
        let key = |style, key: &[u8]| String::from_utf8_lossy(&format(style).key(key)).into_owned();
        assert_eq!(key(Style::Raw, b"a b"), "a b\n");
        assert_eq!(key(Style::Human, b"a\n"), "\"a\\n\"\n");
        assert_eq!(key(Style::Json, b"a\""), "\"a\\\"\"\n");
        assert_eq!(key(Style::QuotedJson, b"\xff"), "\"\\\\xff\"\n");
    }

    #[test]
    fn colours_go_around_what_is_no_value() {
        let colourful = Format { colours: true, ..format(Style::Human) };
        let shown = |value: Value| String::from_utf8(colourful.reply(&value, &["GET"])).expect("ASCII");
        assert_eq!(shown(Value::Error("ERR no".into())), "\x1b[31m(error) ERR no\x1b[0m\n");
        assert_eq!(shown(Value::Int(7)), "\x1b[90m(integer)\x1b[0m 7\n");
        assert_eq!(shown(bulk("a")), "\"a\"\n");
    }
}
