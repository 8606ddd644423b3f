//! Replies as a person or a script reads them.

use std::io::Write;

use crate::protocol::Value;
use crate::protocol::quote::push_quoted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Types and quotes: `(integer) 1`, `1) "a"`. Nothing in it can steer a terminal.
    Human,
    /// Values as they are, one a line.
    Raw,
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

/// The reply to a command, ending in a line end.
pub fn reply<W: AsRef<[u8]>>(value: &Value, command: &[W], style: Style) -> Vec<u8> {
    let mut out = Vec::new();
    match (style, value) {
        (Style::Raw, value) => raw(&mut out, value),
        (Style::Human, Value::Bulk(bytes)) if is_text(command) => text(&mut out, bytes),
        (Style::Human, value) => human(&mut out, value, 0),
    }
    if !(is_text(command) && out.ends_with(b"\n")) {
        out.push(b'\n');
    }
    out
}

fn is_text<W: AsRef<[u8]>>(command: &[W]) -> bool {
    let said = |word: &str, index: usize| {
        command.get(index).is_some_and(|said| said.as_ref().eq_ignore_ascii_case(word.as_bytes()))
    };
    TEXTS.iter().any(|name| name.split(' ').enumerate().all(|(index, word)| said(word, index)))
}

/// `indent` is the column that further lines of the value start at.
fn human(out: &mut Vec<u8>, value: &Value, indent: usize) {
    match value {
        Value::Status(text) => line(out, text),
        Value::Error(text) => {
            out.extend_from_slice(b"(error) ");
            line(out, text);
        }
        Value::Int(number) => put(out, format_args!("(integer) {number}")),
        Value::Double(number) => put(out, format_args!("(double) {number}")),
        Value::BigNumber(digits) => {
            put(out, format_args!("(big number) {}", String::from_utf8_lossy(digits)))
        }
        Value::Boolean(truth) => put(out, format_args!("({truth})")),
        Value::Null => out.extend_from_slice(b"(nil)"),
        Value::Bulk(bytes) => push_quoted(out, bytes),
        Value::Verbatim { text: bytes, .. } => text(out, bytes),
        Value::Array(values) => list(out, values, "array", ')', indent),
        Value::Set(values) => list(out, values, "set", '~', indent),
        Value::Push(values) => list(out, values, "push", ')', indent),
        Value::Map(pairs) => map(out, pairs, indent),
        Value::Attributed { value, .. } => human(out, value, indent),
    }
}

fn list(out: &mut Vec<u8>, values: &[Value], kind: &str, mark: char, indent: usize) {
    numbered(out, values, kind, mark, indent, human);
}

fn map(out: &mut Vec<u8>, pairs: &[(Value, Value)], indent: usize) {
    numbered(out, pairs, "hash", '#', indent, |out, (key, value), indent| {
        human(out, key, indent);
        out.extend_from_slice(b" => ");
        human(out, value, indent);
    });
}

fn numbered<T>(
    out: &mut Vec<u8>,
    items: &[T],
    kind: &str,
    mark: char,
    indent: usize,
    item: impl Fn(&mut Vec<u8>, &T, usize),
) {
    if items.is_empty() {
        return put(out, format_args!("(empty {kind})"));
    }
    let width = items.len().to_string().len();
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            put(out, format_args!("\n{:indent$}", ""));
        }
        put(out, format_args!("{:>width$}{mark} ", index + 1));
        item(out, value, indent + width + 2);
    }
}

fn raw(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Status(bytes) | Value::Error(bytes) | Value::Bulk(bytes) | Value::BigNumber(bytes) => {
            out.extend_from_slice(bytes);
        }
        Value::Verbatim { text, .. } => out.extend_from_slice(text),
        Value::Int(number) => put(out, format_args!("{number}")),
        Value::Double(number) => put(out, format_args!("{number}")),
        Value::Boolean(truth) => put(out, format_args!("({truth})")),
        Value::Null => {}
        Value::Array(values) | Value::Set(values) | Value::Push(values) => raw_lines(out, values.iter()),
        Value::Map(pairs) => raw_lines(out, pairs.iter().flat_map(|(key, value)| [key, value])),
        Value::Attributed { value, .. } => raw(out, value),
    }
}

fn raw_lines<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a Value>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        raw(out, value);
    }
}

/// Text of several lines, without what a terminal would act on.
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    for (index, part) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        line(out, part.strip_suffix(b"\r").unwrap_or(part));
    }
}

/// The same for text of one line.
fn line(out: &mut Vec<u8>, bytes: &[u8]) {
    for char in String::from_utf8_lossy(bytes).chars() {
        match char {
            '\t' => out.push(b'\t'),
            char if char.is_control() => put(out, format_args!("{}", char.escape_default())),
            char => put(out, format_args!("{char}")),
        }
    }
}

/// Text of one line for a message of our own.
pub fn printable(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    line(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
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

    fn shown(value: &Value, style: Style) -> String {
        String::from_utf8(reply(value, &["GET"], style)).expect("UTF-8 in, UTF-8 out")
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
        let info = reply(&bulk("a:1\r\n\x1b[2J\r\n"), &["info"], Style::Human);
        assert_eq!(info, b"a:1\n\\u{1b}[2J\n");
    }

    #[test]
    fn texts_are_read_not_quoted() {
        let text = |command: &[&str]| String::from_utf8(reply(&bulk("id=1\n"), command, Style::Human));
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
        assert_eq!(reply(&Value::Bulk(vec![0, 0xff]), &["GET"], Style::Raw), [0, 0xff, b'\n']);
    }
}
