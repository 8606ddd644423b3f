use super::crc64::crc64;
use super::*;
use crate::data::Thresholds;
use crate::data::hash::{Condition, Hash};
use crate::data::list::{End, List};
use crate::data::set::Set;
use crate::data::zset::ZSet;
use proptest::collection::vec;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn sealed(version: u16, body: &[u8]) -> Vec<u8> {
    let mut dump = [body, &version.to_le_bytes()].concat();
    dump.extend_from_slice(&crc64(&dump).to_le_bytes());
    dump
}

/// A value in the words that would make it.
fn words(value: &Value) -> String {
    fn text(bytes: &[u8]) -> String {
        bytes.escape_ascii().to_string()
    }
    let mut all = match value {
        Value::String(value) => vec![text(value)],
        Value::List(list) => list.iter().map(|element| text(&element.to_vec())).collect(),
        Value::Set(set) => set.iter().map(|member| text(&member.to_vec())).collect(),
        Value::ZSet(zset) => {
            zset.iter().map(|(member, score)| format!("{}={score}", text(&member.to_vec()))).collect()
        }
        Value::Hash(hash) => {
            let field = |name: Vec<u8>, value: Vec<u8>, deadline: Option<u64>| {
                let until = deadline.map_or(String::new(), |at| format!("@{at}"));
                format!("{}={}{until}", text(&name), text(&value))
            };
            let fields = hash.iter(0);
            fields.map(|f| field(f.name.to_vec(), f.value.to_vec(), f.deadline_ms)).collect()
        }
    };
    let kind = match value {
        Value::String(_) => "string",
        Value::List(_) => "list",
        Value::Set(_) => "set",
        Value::ZSet(_) => "zset",
        Value::Hash(_) => "hash",
    };
    if matches!(value, Value::Set(_) | Value::Hash(_)) {
        all.sort();
    }
    format!("{kind}: {}", all.join(" "))
}

#[track_caller]
fn check(dump: &[u8], expected: &str) {
    match restore(dump, &Thresholds::default()) {
        Ok(value) => assert_eq!(words(&value), expected),
        Err(error) => panic!("{error:?} where {expected:?} was expected"),
    }
}

/// Dumps that Redis 7.0 has made.
#[test]
fn reads_what_redis_writes() {
    check(&bytes("000568656c6c6f0a006372df766534200a"), "string: hello");
    check(&bytes("00c00a0a006e9f57450eae63bb"), "string: 10");
    check(&bytes("00c290eefeff0a002875de7b13eb2800"), "string: -70000");
    let compressed = bytes("00c30a405002616261e042010161620a00949d5f0eb1dea445");
    check(&compressed, &format!("string: {}", "ab".repeat(40)));
    check(
        &bytes(
            "120102222200000006008161020101f178ec03c12c02f2a0860104f4ffe30b540200000009ff0a006f696fff5f17cd8e",
        ),
        "list: a 1 -5000 300 100000 9999999999",
    );
    check(&bytes("0b1404000000030000000100000002000000701101000a0085d5c1065b1dd055"), "set: 1 2 70000");
    check(&bytes("02030161c00301620a00eaa41ffde2981ee0"), "set: 3 a b");
    check(
        &bytes("111d1d0000000600816302842d696e6605816102010181620283322e3504ff0a003992339be11f323d"),
        "zset: c=-inf a=1 b=2.5",
    );
    check(&bytes("1012120000000400816602817602816e020c01ff0a0001369481d35b8974"), "hash: f=v n=12");
}

#[test]
fn writes_what_redis_writes() {
    assert_eq!(string(b"hello"), bytes("000568656c6c6f0a006372df766534200a"));
    assert_eq!(string(b"10"), bytes("00c00a0a006e9f57450eae63bb"));
    assert_eq!(string(b"-70000"), bytes("00c290eefeff0a002875de7b13eb2800"));
    let thresholds = Thresholds::default();
    let mut members = Set::new();
    for member in [&b"70000"[..], b"1", b"2"] {
        members.add(member, &thresholds);
    }
    assert_eq!(set(&members), bytes("0b1404000000030000000100000002000000701101000a0085d5c1065b1dd055"));
    let mut scores = ZSet::new();
    for (member, score) in [(&b"a"[..], 1.0), (b"b", 2.5), (b"c", f64::NEG_INFINITY)] {
        scores.set(member, score, &thresholds);
    }
    let dump = "111d1d0000000600816302842d696e6605816102010181620283322e3504ff0a003992339be11f323d";
    assert_eq!(zset(&scores), bytes(dump));
}

#[test]
fn reads_the_formats_of_older_and_newer_versions() {
    check(&sealed(1, b"\x01\x02\x01a\xc0\x05"), "list: a 5");
    check(&sealed(1, b"\x03\x02\x01a\x031.5\x01b\xfe"), "zset: a=1.5 b=inf");
    let ziplist =
        b"\x1c\0\0\0\x16\0\0\0\x05\0\0\x01a\x03\xf6\x02\xc0\xe8\x03\x04\xfe\xff\x03\xf0\x40\x42\x0f\xff";
    let elements = "a 5 1000 -1 1000000";
    check(&sealed(6, &[b"\x0a\x1c", &ziplist[..]].concat()), &format!("list: {elements}"));
    check(
        &sealed(7, &[b"\x0e\x02\x1c", &ziplist[..], b"\x1c", &ziplist[..]].concat()),
        &format!("list: {elements} {elements}"),
    );
    let pairs = b"\x10\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf6\xff";
    check(&sealed(6, &[b"\x0d\x10", &pairs[..]].concat()), "hash: a=5");
    check(&sealed(6, &[b"\x0c\x10", &pairs[..]].concat()), "zset: a=5");
    let members = b"\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff";
    check(&sealed(11, &[b"\x14\x0c", &members[..]].concat()), "set: 5 a");
    check(
        &sealed(10, b"\x12\x02\x01\x05plain\x02\x0c\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff"),
        "list: plain a 5",
    );
    let earliest = 1_900_000_000_000u64.to_le_bytes();
    let fields = [b"\x18", &earliest[..], b"\x02\x00\x01a\x01b\x0b\x01c\x01d"].concat();
    check(&sealed(12, &fields), "hash: a=b c=d@1900000000010");
    let triples = b"\x10\x10\0\0\0\x03\0\x81a\x02\x81b\x02\xc3\xe8\x02\xff";
    check(&sealed(12, &[b"\x19", &earliest[..], triples].concat()), "hash: a=b@1000");
}

#[test]
fn the_footer_is_checked_first() {
    let wrong = |dump: &[u8]| matches!(restore(dump, &Thresholds::default()), Err(Unsealed::Footer));
    let mut dump = string(b"hello");
    dump[1] ^= 1;
    assert!(wrong(&dump));
    assert!(wrong(&sealed(VERSION_MAX + 1, b"\0\x05hello")), "from the future");
    assert!(wrong(b"") && wrong(b"short"));
}

#[test]
fn what_is_no_value_is_refused() {
    for body in [
        &b""[..],
        b"\x00",
        b"\x00\x05hell",
        b"\x00\x05hello!",
        b"\x00\xc4",
        // Unfolded, each would be longer than a string may be: 512 MiB and a byte, 4 GiB and a byte.
        b"\x00\xc3\x01\x80\x20\0\0\x01\0",
        b"\x00\xc3\x01\x81\0\0\0\x01\0\0\0\x01\0",
        b"\x00\xc3\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\0",
        b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x01\x00",
        b"\x01\x80\xff\xff\xff\xff\x01a",
        b"\x02\x02\x01a\x01a",
        b"\x04\x02\x01a\x01b\x01a\x01c",
        b"\x05\x01\x01a\0\0\0\0\0\0\xf8\x7f",
        b"\x03\x01\x01a\xfd",
        b"\x06\x00",
        b"\x15\x01",
        b"\x0b\x08\x02\0\0\0\0\0\0\0",
        b"\x0b\x08\x03\0\0\0\x01\0\0\0",
        b"\x10\x0a\x0a\0\0\0\x01\0\x81a\x02\xff",
        b"\x12\x01\x03\x01a",
        b"\x18\0\0\0\0\0\0\0\0\x00",
    ] {
        let restored = restore(&sealed(10, body), &Thresholds::default());
        assert!(matches!(restored, Err(Unsealed::Value)), "{}", body.escape_ascii());
    }
}

/// Texts and integers, short and long.
fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..20),
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        (-6000i64..6000).prop_map(|value| value.to_string().into_bytes()),
        (
            any::<u8>(),
            prop_oneof![60usize..70, 120usize..130, 4090usize..4100, 8185usize..8200, 16370usize..16400]
        )
            .prop_map(|(byte, length)| vec![byte; length]),
    ]
}

/// Thresholds that let some of the collections here turn large.
fn thresholds() -> impl Strategy<Value = Thresholds> {
    prop_oneof![Just(4), Just(128)].prop_map(|entries| Thresholds {
        hash_max_listpack_entries: entries,
        set_max_listpack_entries: entries,
        set_max_intset_entries: entries,
        zset_max_listpack_entries: entries,
        zset_max_listpack_value: 20_000,
        hash_max_listpack_value: 20_000,
        ..Thresholds::default()
    })
}

/// Each kind of collection made of the same elements, and its dump.
fn dumps(elements: &[Vec<u8>], thresholds: &Thresholds) -> Vec<(Value, Vec<u8>)> {
    let (mut l, mut s, mut z, mut h, mut timed) =
        (List::new(), Set::new(), ZSet::new(), Hash::new(), Hash::new());
    for (number, element) in elements.iter().enumerate() {
        l.push(End::Back, element, thresholds);
        s.add(element, thresholds);
        let score = [1.5, -3.0, 1e300, 5e-324, 0.1, f64::INFINITY][number % 6] * (number as f64 + 1.0);
        z.set(element, score, thresholds);
        h.set(element, &elements[elements.len() - 1 - number], 0, thresholds);
        timed.set(element, b"v", 0, thresholds);
        if number % 2 == 0 {
            timed.expire(element, 1_000 * number as u64 + 7, Condition::Always, 0);
        }
    }
    let text = elements.first().cloned().unwrap_or_default();
    let (ld, sd, zd) = (list(&l), set(&s), zset(&z));
    let (hd, td, text_dump) = (hash(&h, 0), hash(&timed, 0), string(&text));
    vec![
        (Value::String(text), text_dump),
        (Value::List(l), ld),
        (Value::Set(s), sd),
        (Value::ZSet(z), zd),
        (Value::Hash(h), hd),
        (Value::Hash(timed), td),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read_back(elements in vec(element(), 1..30), thresholds in thresholds()) {
        for (value, dump) in dumps(&elements, &thresholds) {
            let restored = restore(&dump, &thresholds).map(|value| words(&value));
            prop_assert_eq!(restored, Ok(words(&value)));
        }
    }

    #[test]
    fn a_damaged_dump_never_panics(
        elements in vec(element(), 1..10),
        thresholds in thresholds(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for (_, dump) in dumps(&elements, &thresholds) {
            let mut body = dump[..dump.len() - FOOTER].to_vec();
            for (at, byte) in &damage {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            let _ = restore(&sealed(12, &body), &thresholds);
            body.truncate(cut.index(body.len()));
            let _ = restore(&sealed(12, &body), &thresholds);
        }
    }

    #[test]
    fn noise_never_panics(kind in 0u8..27, noise in vec(any::<u8>(), 0..80)) {
        let _ = restore(&sealed(12, &[&[kind][..], &noise].concat()), &Thresholds::default());
    }
}
