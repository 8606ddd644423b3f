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
fn numbers_of_each_length() {
    for number in [i64::MIN, -1, 0, 9, 10, 99, 100, 999, 1000, 65_535, 65_536, i64::MAX] {
        let resp = format!(":{number}\r\n");
        check(|r| r.int(number), &format!("{number}\n"), &resp, &resp);
    }
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
