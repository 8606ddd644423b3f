//! When two replies are the same, and the differences that are meant.

use limpid::protocol::Value;
use limpid::protocol::double::write_double;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    Exact,
    /// Elements may come in another order.
    Unordered,
    /// Numbers may differ by the time that a test takes.
    Near,
    /// Only the kind of reply and the number of elements count.
    Shape,
}

/// Seconds or milliseconds between the two servers.
const NEAR: i64 = 20_000;

pub fn alike(likeness: Likeness, request: &[Vec<u8>], ours: &Value, theirs: &Value) -> bool {
    let [ours, theirs] = &[ours, theirs].map(without_cached_counts);
    ours == theirs
        || is_meant(request, ours, theirs)
        || tells_scores(request) && with_numbers(ours) == with_numbers(theirs)
        || by_likeness(likeness, request, ours, theirs)
        || by_likeness(likeness, request, ours, &in_few_digits(theirs))
}

fn by_likeness(likeness: Likeness, request: &[Vec<u8>], ours: &Value, theirs: &Value) -> bool {
    match likeness {
        Likeness::Exact => sets_sorted(ours) == sets_sorted(theirs),
        Likeness::Unordered => sorted(request, ours) == sorted(request, theirs),
        Likeness::Near => match (ours, theirs) {
            (Value::Int(a), Value::Int(b)) => *a > 0 && *b > 0 && a.abs_diff(*b) < NEAR as u64,
            _ => false,
        },
        Likeness::Shape => match (ours, theirs) {
            (Value::Array(a), Value::Array(b)) => a.len() == b.len(),
            (Value::Error(_), _) | (_, Value::Error(_)) | (Value::Null, _) | (_, Value::Null) => false,
            _ => std::mem::discriminant(ours) == std::mem::discriminant(theirs),
        },
    }
}

/// 7.0 prints scores in seventeen digits, 7.2 in the fewest that say the same.
fn in_few_digits(value: &Value) -> Value {
    let all = |values: &[Value]| values.iter().map(in_few_digits).collect();
    match value {
        Value::Bulk(text) if text.len() >= 17 && text.iter().any(|byte| b".e".contains(byte)) => {
            match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
                Some(number) => {
                    let mut out = Vec::new();
                    write_double(&mut out, number);
                    Value::Bulk(out)
                }
                None => value.clone(),
            }
        }
        Value::Array(values) => Value::Array(all(values)),
        Value::Set(values) => Value::Set(all(values)),
        other => other.clone(),
    }
}

/// What we do differently from `redis-server` 7.0 with intent; each with its reason.
fn is_meant(request: &[Vec<u8>], ours: &Value, theirs: &Value) -> bool {
    let name = request.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
    let is = |value: &Value, text: &str| *value == Value::Bulk(text.into());
    match &name[..] {
        // Small sets of any members, and small lists, are one block since Redis 7.2; and a sorted set is what its
        // members make it, not what was on the way to it.
        b"OBJECT" if is(ours, "listpack") => {
            ["hashtable", "quicklist", "skiplist"].iter().any(|name| is(theirs, name))
        }
        // 7.2 tells a timeout that is too large from a negative one.
        b"BLPOP" | b"BRPOP" | b"BLMOVE" | b"BRPOPLPUSH" | b"BLMPOP" | b"BZPOPMIN" | b"BZPOPMAX"
        | b"BZMPOP" => says(ours, "out of range") && says(theirs, "timeout is"),
        // 7.2 lets COMMAND GETKEYS look at a request of one word, and ZRANK at WITHSCORE.
        b"COMMAND" | b"ZRANK" | b"ZREVRANK" => says(theirs, "wrong number of arguments"),
        // 7.2 reads the whole request before it looks for the key.
        b"BITCOUNT" | b"BITPOS" => {
            matches!(ours, Value::Error(_))
                && (matches!(theirs, Value::Int(-1..=0)) || says(theirs, "WRONGTYPE"))
        }
        // A string is kept as its text suggests, not as the command that made it: INCRBYFLOAT.
        b"OBJECT" if is(ours, "int") => is(theirs, "embstr"),
        // Undefined where scores differ.
        b"ZRANGEBYLEX" | b"ZREVRANGEBYLEX" | b"ZLEXCOUNT" => true,
        b"ZRANGE" if has(request, "BYLEX") => true,
        // Elements without a weight are equal, and LIMIT cuts them off in any order.
        b"SORT" | b"SORT_RO" if has(request, "BY") && has(request, "LIMIT") => {
            matches!((ours, theirs), (Value::Array(a), Value::Array(b)) if a.len() == b.len())
        }
        // Redis compares texts as its locale does, up to a zero byte.
        b"SORT" | b"SORT_RO" if has(request, "ALPHA") => {
            matches!((ours, theirs), (Value::Array(_), Value::Array(_)))
                && up_to_zeros(ours) == up_to_zeros(theirs)
        }
        // Parts of a HyperLogLog, header and all.
        b"DUMP" => is_sketch(ours) && is_sketch(theirs),
        b"GETRANGE" | b"SUBSTR" if request.get(1).is_some_and(|key| key.starts_with(b"p")) => {
            differ_in_one_place(ours, theirs, 8)
        }
        b"BITFIELD" | b"BITFIELD_RO" if request.get(1).is_some_and(|key| key.starts_with(b"p")) => {
            matches!((ours, theirs), (Value::Array(a), Value::Array(b)) if a.len() == b.len())
        }
        b"GETRANGE" | b"SUBSTR" => is_sketch(ours) && is_sketch(theirs),
        // A cursor that no scan has returned.
        b"SCAN" if request.get(1).is_some_and(|cursor| cursor != b"0") => both_arrays(ours, theirs),
        b"HSCAN" | b"SSCAN" | b"ZSCAN" if request.get(2).is_some_and(|cursor| cursor != b"0") => {
            both_arrays(ours, theirs)
        }
        // Redis's `**` matches anything but the empty text.
        b"KEYS" | b"SCAN" | b"HSCAN" | b"SSCAN" | b"ZSCAN" if has(request, "**") => {
            without_empty(sorted(request, ours)) == sorted(request, theirs)
        }
        // 7.2 words this error better.
        b"NOSUCHCOMMAND" => matches!((ours, theirs), (Value::Error(_), Value::Error(_))),
        _ => false,
    }
}

fn both_arrays(ours: &Value, theirs: &Value) -> bool {
    matches!((ours, theirs), (Value::Array(_), Value::Array(_)))
}

fn has(request: &[Vec<u8>], word: &str) -> bool {
    request.iter().any(|other| other.eq_ignore_ascii_case(word.as_bytes()))
}

/// 7.0 prints seventeen digits of a score, 7.2 the fewest that say the same.
fn tells_scores(request: &[Vec<u8>]) -> bool {
    let names: [&[u8]; 3] = [b"Z", b"BZ", b"GEO"];
    let name = request.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
    names.iter().any(|beginning| name.starts_with(beginning))
}

/// Texts that are numbers, as numbers.
pub fn with_numbers(value: &Value) -> Value {
    match value {
        Value::Bulk(text) => match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(number) if !f64::is_nan(number) => Value::Double(number),
            _ => value.clone(),
        },
        Value::Array(elements) => Value::Array(elements.iter().map(with_numbers).collect()),
        other => other.clone(),
    }
}

fn says(value: &Value, text: &str) -> bool {
    matches!(value, Value::Error(error) if String::from_utf8_lossy(error.as_ref()).contains(text))
}

/// A HyperLogLog keeps its last count in bytes 8 to 15, if it was asked for one; whether it has is nobody's business.
pub fn without_cached_counts(value: &Value) -> Value {
    match value {
        Value::Bulk(bytes) if holds_sketch(bytes) => {
            let mut bytes = bytes.clone();
            bytes[8..16].fill(0);
            Value::Bulk(bytes)
        }
        Value::Array(values) => Value::Array(values.iter().map(without_cached_counts).collect()),
        other => other.clone(),
    }
}

/// Keys, or members alone or with their values, and none that is empty.
/// A sorted reply of names, or of names or pairs and a cursor, without the empty name.
fn without_empty(value: Value) -> Value {
    let empty = Value::Bulk(Vec::new());
    let is_named = |element: &Value| match element {
        Value::Array(pair) => pair.first() != Some(&empty),
        name => *name != empty,
    };
    match value {
        Value::Array(parts) if matches!(&parts[..], [Value::Array(_), Value::Bulk(_)]) => {
            Value::Array(parts.into_iter().map(without_empty).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().filter(is_named).collect()),
        cursor => cursor,
    }
}

/// Whether a header is there, though SETBIT and its like may have hit it.
fn holds_sketch(bytes: &[u8]) -> bool {
    bytes.len() >= 16 && bytes.iter().zip(b"HYLL").filter(|(a, b)| a == b).count() >= 3
}

/// An array's texts, each up to its first zero byte.
fn up_to_zeros(value: &Value) -> Vec<Option<&[u8]>> {
    let Value::Array(values) = value else { return Vec::new() };
    values.iter().map(beginning).collect()
}

fn beginning(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bulk(bytes) => bytes.split(|byte| *byte == 0).next(),
        _ => None,
    }
}

/// Texts that are the same but for bytes next to each other, `most` of them.
fn differ_in_one_place(ours: &Value, theirs: &Value, most: usize) -> bool {
    let (Value::Bulk(ours), Value::Bulk(theirs)) = (ours, theirs) else { return false };
    let differs = |at: &usize| ours[*at] != theirs[*at];
    let length = ours.len();
    length == theirs.len() && (0..length).rfind(differs) < (0..length).find(differs).map(|first| first + most)
}

/// What is edited in place is `raw`, until it is read back from a log.
pub fn was_edited(ours: &Value, theirs: &Value) -> bool {
    let is = |value: &Value, text: &str| *value == Value::Bulk(text.into());
    is(theirs, "raw") && (is(ours, "embstr") || is(ours, "int"))
}

fn is_sketch(value: &Value) -> bool {
    matches!(value, Value::Bulk(bytes) if bytes.starts_with(b"HYLL"))
}

/// Sets and maps have no order.
fn sets_sorted(value: &Value) -> Value {
    match value {
        Value::Set(_) | Value::Map(_) => sorted(&[], value),
        Value::Array(elements) => Value::Array(elements.iter().map(sets_sorted).collect()),
        other => other.clone(),
    }
}

pub fn sorted(request: &[Vec<u8>], value: &Value) -> Value {
    let by_text = |elements: &mut Vec<Value>| elements.sort_by_key(|element| format!("{element:?}"));
    let pairs = request.first().is_some_and(|name| {
        [&b"HGETALL"[..], b"HSCAN", b"ZSCAN"].iter().any(|paired| name.eq_ignore_ascii_case(paired))
    });
    match value {
        Value::Array(elements)
            if pairs && elements.iter().all(|element| !matches!(element, Value::Array(_))) =>
        {
            let mut pairs: Vec<Value> = elements.chunks(2).map(|pair| Value::Array(pair.to_vec())).collect();
            by_text(&mut pairs);
            Value::Array(pairs)
        }
        Value::Array(elements) | Value::Set(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(|element| sorted(request, element)).collect();
            by_text(&mut elements);
            Value::Array(elements)
        }
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}
