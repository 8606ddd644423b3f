//! For scripts: the bytes of values and nothing else.

use super::put;
use crate::protocol::Value;

pub fn push(out: &mut Vec<u8>, value: &Value, delimiter: &[u8]) {
    match value {
        Value::Status(bytes) | Value::Error(bytes) | Value::Bulk(bytes) | Value::BigNumber(bytes) => {
            out.extend_from_slice(bytes);
        }
        Value::Verbatim { text, .. } => out.extend_from_slice(text),
        Value::Int(number) => put(out, format_args!("{number}")),
        Value::Double(number) => put(out, format_args!("{number}")),
        Value::Boolean(truth) => put(out, format_args!("({truth})")),
        Value::Null => {}
        Value::Array(values) | Value::Set(values) | Value::Push(values) => {
            elements(out, values.iter(), delimiter);
        }
        Value::Map(pairs) => elements(out, pairs.iter().flat_map(|(key, value)| [key, value]), delimiter),
        Value::Attributed { value, .. } => push(out, value, delimiter),
    }
}

fn elements<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a Value>, delimiter: &[u8]) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.extend_from_slice(delimiter);
        }
        push(out, value, delimiter);
    }
}
