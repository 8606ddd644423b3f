//! For a terminal: types, quotes, numbered lists, and colours where they are welcome.

use super::put;
use crate::protocol::Value;
use crate::protocol::quote::push_quoted;

const RED: &str = "\x1b[31m";
const GREY: &str = "\x1b[90m";
const PLAIN: &str = "\x1b[0m";

pub struct Human {
    out: Vec<u8>,
    colours: bool,
}

impl Human {
    pub fn new(colours: bool) -> Self {
        Self { out: Vec::new(), colours }
    }

    pub fn value(mut self, value: &Value) -> Vec<u8> {
        self.push(value, 0);
        self.out
    }

    /// Text of several lines, without what a terminal would act on.
    pub fn text(mut self, bytes: &[u8]) -> Vec<u8> {
        self.push_text(bytes);
        self.out
    }

    /// `indent` is the column that further lines of the value start at.
    fn push(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Status(text) => line(&mut self.out, text),
            Value::Error(text) => {
                self.colour(RED);
                self.out.extend_from_slice(b"(error) ");
                line(&mut self.out, text);
                self.colour(PLAIN);
            }
            Value::Int(number) => self.typed("integer", format_args!("{number}")),
            Value::Double(number) => self.typed("double", format_args!("{number}")),
            Value::BigNumber(digits) => {
                self.typed("big number", format_args!("{}", String::from_utf8_lossy(digits)));
            }
            Value::Boolean(truth) => self.grey(format_args!("({truth})")),
            Value::Null => self.grey(format_args!("(nil)")),
            Value::Bulk(bytes) => push_quoted(&mut self.out, bytes),
            Value::Verbatim { text, .. } => self.push_text(text),
            Value::Array(values) => self.list(values, "array", ')', indent),
            Value::Set(values) => self.list(values, "set", '~', indent),
            Value::Push(values) => self.list(values, "push", ')', indent),
            Value::Map(pairs) => self.map(pairs, indent),
            Value::Attributed { value, .. } => self.push(value, indent),
        }
    }

    fn list(&mut self, values: &[Value], kind: &str, mark: char, indent: usize) {
        self.numbered(values, kind, mark, indent, Self::push);
    }

    fn map(&mut self, pairs: &[(Value, Value)], indent: usize) {
        self.numbered(pairs, "hash", '#', indent, |human, (key, value), indent| {
            human.push(key, indent);
            human.grey(format_args!(" => "));
            human.push(value, indent);
        });
    }

    fn numbered<T>(
        &mut self,
        items: &[T],
        kind: &str,
        mark: char,
        indent: usize,
        item: impl Fn(&mut Self, &T, usize),
    ) {
        if items.is_empty() {
            return self.grey(format_args!("(empty {kind})"));
        }
        let width = items.len().to_string().len();
        for (index, value) in items.iter().enumerate() {
            if index > 0 {
                put(&mut self.out, format_args!("\n{:indent$}", ""));
            }
            self.grey(format_args!("{:>width$}{mark} ", index + 1));
            item(self, value, indent + width + 2);
        }
    }

    fn typed(&mut self, kind: &str, value: std::fmt::Arguments<'_>) {
        self.grey(format_args!("({kind})"));
        put(&mut self.out, format_args!(" {value}"));
    }

    /// What is told about values, and is none.
    fn grey(&mut self, text: std::fmt::Arguments<'_>) {
        self.colour(GREY);
        put(&mut self.out, text);
        self.colour(PLAIN);
    }

    fn colour(&mut self, code: &str) {
        if self.colours {
            self.out.extend_from_slice(code.as_bytes());
        }
    }

    fn push_text(&mut self, bytes: &[u8]) {
        for (index, part) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if index > 0 {
                self.out.push(b'\n');
            }
            line(&mut self.out, part.strip_suffix(b"\r").unwrap_or(part));
        }
    }
}

/// Text of one line, without what a terminal would act on.
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
