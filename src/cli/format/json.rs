//! One JSON value a reply, always valid: an error is `{"error": ...}`, what is no number in JSON is a string.

use super::put;
use crate::protocol::Value;
use crate::protocol::quote::push_quoted;

/// `quoted` keeps every byte: each string is its quoted form, with escapes, as a JSON string.
pub fn push(out: &mut Vec<u8>, value: &Value, quoted: bool) {
    match value {
        Value::Status(bytes) | Value::Bulk(bytes) | Value::Verbatim { text: bytes, .. } => {
            string(out, bytes, quoted);
        }
        Value::Error(text) => {
            out.extend_from_slice(b"{\"error\":");
            string(out, text, quoted);
            out.push(b'}');
        }
        Value::Int(number) => put(out, format_args!("{number}")),
        Value::Double(number) if number.is_finite() => put(out, format_args!("{number}")),
        Value::Double(number) => put(out, format_args!("\"{}\"", number.to_string().to_lowercase())),
        Value::BigNumber(digits) if is_number(digits) => out.extend_from_slice(digits),
        Value::BigNumber(digits) => string(out, digits, quoted),
        Value::Boolean(truth) => put(out, format_args!("{truth}")),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Array(values) | Value::Set(values) | Value::Push(values) => {
            enclosed(out, values, b"[]", |out, value| push(out, value, quoted));
        }
        Value::Map(pairs) => enclosed(out, pairs, b"{}", |out, (name, value)| {
            push_name(out, name, quoted);
            out.push(b':');
            push(out, value, quoted);
        }),
        Value::Attributed { value, .. } => push(out, value, quoted),
    }
}

/// Names of members are strings in JSON; any other value becomes its own text.
fn push_name(out: &mut Vec<u8>, name: &Value, quoted: bool) {
    let is_string = matches!(name, Value::Status(_) | Value::Bulk(_) | Value::Verbatim { .. });
    if is_string {
        return push(out, name, quoted);
    }
    let mut text = Vec::new();
    push(&mut text, name, quoted);
    string(out, &text, false);
}

fn enclosed<T>(out: &mut Vec<u8>, items: &[T], brackets: &[u8; 2], item: impl Fn(&mut Vec<u8>, &T)) {
    out.push(brackets[0]);
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(brackets[1]);
}

pub fn string(out: &mut Vec<u8>, bytes: &[u8], quoted: bool) {
    let text = if quoted { quoted_form(bytes) } else { String::from_utf8_lossy(bytes).into_owned() };
    serde_json::to_writer(out, &text).expect("a Vec takes every string");
}

/// What would stand between double quotes in a line of the text protocol.
fn quoted_form(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    push_quoted(&mut out, bytes);
    let text = String::from_utf8_lossy(&out);
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text).to_owned()
}

/// JSON has no leading zeros.
fn is_number(digits: &[u8]) -> bool {
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    digits == b"0" || !digits.starts_with(b"0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(value: &Value, quoted: bool) -> String {
        let mut out = Vec::new();
        push(&mut out, value, quoted);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    #[test]
    fn each_type_has_its_form() {
        let map = Value::Map(vec![(bulk("a"), Value::Int(1)), (Value::Int(2), Value::Null)]);
        for (value, json) in [
            (Value::Status("OK".into()), "\"OK\""),
            (Value::Error("ERR \"no\"".into()), "{\"error\":\"ERR \\\"no\\\"\"}"),
            (Value::Double(1.5), "1.5"),
            (Value::Double(f64::INFINITY), "\"inf\""),
            (Value::Double(f64::NAN), "\"nan\""),
            (Value::BigNumber(b"-12345678901234567890123".to_vec()), "-12345678901234567890123"),
            (Value::BigNumber(b"007".to_vec()), "\"007\""),
            (Value::Set(vec![Value::Boolean(true), Value::Array(vec![])]), "[true,[]]"),
            (map, "{\"a\":1,\"2\":null}"),
        ] {
            assert_eq!(shown(&value, false), json);
        }
    }

    #[test]
    fn bytes_survive_in_quotes() {
        let value = Value::Bulk(b"a\xff\"\n".to_vec());
        assert_eq!(shown(&value, false), "\"a\u{fffd}\\\"\\n\"");
        assert_eq!(shown(&value, true), r#""a\\xff\\\"\\n""#);
        assert_eq!(shown(&bulk("\""), true), r#""\\\"""#);
    }

    fn values() -> impl Strategy<Value = Value> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..8);
        let leaf = prop_oneof![
            bytes().prop_map(Value::Bulk),
            bytes().prop_map(Value::Error),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(Value::Double),
            "-?[0-9]{1,30}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((inner.clone(), inner), 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_is_valid_json(value in values(), quoted: bool) {
            let text = shown(&value, quoted);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }
}
