//! One line a reply, elements between commas. Strings are quoted and escaped as in the server's own lines.

use super::put;
use crate::protocol::Value;
use crate::protocol::quote::push_quoted;

pub fn push(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Error(text) => {
            out.extend_from_slice(b"ERROR,");
            push_quoted(out, text);
        }
        Value::Status(bytes) | Value::Bulk(bytes) | Value::Verbatim { text: bytes, .. } => {
            push_quoted(out, bytes);
        }
        Value::BigNumber(digits) => out.extend_from_slice(digits),
        Value::Int(number) => put(out, format_args!("{number}")),
        Value::Double(number) => put(out, format_args!("{number}")),
        Value::Boolean(truth) => put(out, format_args!("{truth}")),
        Value::Null => out.extend_from_slice(b"NULL"),
        Value::Array(values) | Value::Set(values) | Value::Push(values) => elements(out, values.iter()),
        Value::Map(pairs) => elements(out, pairs.iter().flat_map(|(key, value)| [key, value])),
        Value::Attributed { value, .. } => push(out, value),
    }
}

fn elements<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a Value>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, value);
    }
}
