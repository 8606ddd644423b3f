//! The client's side of RESP: replies from bytes, for `limpid cli` and for tests.
//!
//! A [`Decoder`] remembers how far it got, so a large reply costs the same however it is cut.
//! Depth is bounded, and a declared length costs nothing before its bytes come.

use memchr::memchr;
use std::fmt;

/// Aggregates within aggregates.
const DEPTH_MAX: usize = 128;

/// A reply, RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `+`
    Status(Vec<u8>),
    /// `-` and `!`
    Error(Vec<u8>),
    /// `:`
    Int(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `_`, `$-1` and `*-1`
    Null,
    /// `*`
    Array(Vec<Value>),
    /// `%`
    Map(Vec<(Value, Value)>),
    /// `~`
    Set(Vec<Value>),
    /// `>`
    Push(Vec<Value>),
    /// `,`
    Double(f64),
    /// `#`
    Boolean(bool),
    /// `(`, in decimal
    BigNumber(Vec<u8>),
    /// `=`
    Verbatim { format: [u8; 3], text: Vec<u8> },
    /// `|`: what is said about a value, and the value.
    Attributed { attributes: Vec<(Value, Value)>, value: Box<Value> },
}

/// Bytes that are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// No type begins with this byte.
    Marker(u8),
    /// Not the number, boolean or format that the type calls for.
    Malformed,
    TooDeep,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Marker(byte) => write!(f, "no reply begins with '{}'", byte.escape_ascii()),
            DecodeError::Malformed => f.write_str("malformed reply"),
            DecodeError::TooDeep => f.write_str("reply nested too deep"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Decodes the reply that `bytes` begin with, if it is all there, and says where it ends.
pub fn decode(bytes: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
    Decoder::new().decode(bytes)
}

/// Progress through one reply after another.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Everything before this is decoded.
    at: usize,
    /// The line at `at` does not end before this.
    searched: usize,
    /// The aggregates around the next value, outermost first.
    open: Vec<Aggregate>,
}

#[derive(Debug)]
struct Aggregate {
    kind: Kind,
    /// Values still to come.
    left: usize,
    values: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Array,
    Map,
    Set,
    Push,
    /// A map, and then the value that it is about.
    Attributes,
}

/// What one step brought.
enum Item {
    Value(Value),
    Aggregate(Kind, usize),
}

impl Decoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes on in `bytes`, of which earlier calls have seen a prefix. Returns the first reply when it is all there,
    /// and where it ends; the next call must not see the bytes before that any more.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        loop {
            let Some(item) = self.item(bytes)? else {
                return Ok(None);
            };
            let value = match item {
                Item::Aggregate(kind, left) if left > 0 => {
                    if self.open.len() == DEPTH_MAX {
                        return Err(DecodeError::TooDeep);
                    }
                    self.open.push(Aggregate { kind, left, values: Vec::new() });
                    continue;
                }
                Item::Aggregate(kind, _) => finished(kind, Vec::new()),
                Item::Value(value) => value,
            };
            if let Some(value) = self.place(value) {
                let end = std::mem::take(&mut self.at);
                self.searched = 0;
                return Ok(Some((value, end)));
            }
        }
    }

    /// Puts a value where it belongs; hands it back when it belongs to nothing.
    fn place(&mut self, mut value: Value) -> Option<Value> {
        while let Some(aggregate) = self.open.last_mut() {
            aggregate.values.push(value);
            aggregate.left -= 1;
            if aggregate.left > 0 {
                return None;
            }
            let Aggregate { kind, values, .. } = self.open.pop()?;
            value = finished(kind, values);
        }
        Some(value)
    }

    /// The scalar or the head of an aggregate at `self.at`.
    fn item(&mut self, bytes: &[u8]) -> Result<Option<Item>, DecodeError> {
        let Some(length) = self.line_length(bytes) else {
            return Ok(None);
        };
        let line = &bytes[self.at..self.at + length];
        let after = self.at + length + 2;
        let Some((&marker, text)) = line.split_first() else {
            return Err(DecodeError::Marker(b'\r'));
        };
        let mut end = after;
        let item = match marker {
            b'+' => Item::Value(Value::Status(text.to_vec())),
            b'-' => Item::Value(Value::Error(text.to_vec())),
            b':' => Item::Value(Value::Int(number(text)?)),
            b',' => Item::Value(Value::Double(number(text)?)),
            b'(' => Item::Value(Value::BigNumber(big_number(text)?)),
            b'_' if text.is_empty() => Item::Value(Value::Null),
            b'#' => Item::Value(Value::Boolean(boolean(text)?)),
            b'$' | b'*' if text == b"-1" => Item::Value(Value::Null),
            b'$' | b'!' | b'=' => {
                let length: usize = number::<u32>(text)? as usize;
                let Some(content) = bytes.get(after..after + length + 2) else {
                    return Ok(None);
                };
                end = after + length + 2;
                Item::Value(blob(marker, &content[..length])?)
            }
            b'*' => Item::Aggregate(Kind::Array, count(text)?),
            b'~' => Item::Aggregate(Kind::Set, count(text)?),
            b'>' => Item::Aggregate(Kind::Push, count(text)?),
            b'%' => Item::Aggregate(Kind::Map, 2 * count(text)?),
            b'|' => Item::Aggregate(Kind::Attributes, 2 * count(text)? + 1),
            b'_' => return Err(DecodeError::Malformed),
            other => return Err(DecodeError::Marker(other)),
        };
        self.at = end;
        Ok(Some(item))
    }

    /// The length of the line at `self.at`, when it is all there.
    fn line_length(&mut self, bytes: &[u8]) -> Option<usize> {
        let from = self.searched.max(self.at);
        let Some(found) = memchr(b'\r', bytes.get(from..)?) else {
            self.searched = bytes.len();
            return None;
        };
        self.searched = from + found;
        (self.searched + 2 <= bytes.len()).then(|| self.searched - self.at)
    }
}

fn finished(kind: Kind, mut values: Vec<Value>) -> Value {
    match kind {
        Kind::Array => Value::Array(values),
        Kind::Set => Value::Set(values),
        Kind::Push => Value::Push(values),
        Kind::Map => Value::Map(pairs(values)),
        Kind::Attributes => {
            let value = Box::new(values.pop().unwrap_or(Value::Null));
            Value::Attributed { attributes: pairs(values), value }
        }
    }
}

fn pairs(values: Vec<Value>) -> Vec<(Value, Value)> {
    let mut values = values.into_iter();
    std::iter::from_fn(|| values.next().zip(values.next())).collect()
}

fn blob(marker: u8, content: &[u8]) -> Result<Value, DecodeError> {
    Ok(match marker {
        b'!' => Value::Error(content.to_vec()),
        b'=' => match content {
            [a, b, c, b':', text @ ..] => Value::Verbatim { format: [*a, *b, *c], text: text.to_vec() },
            _ => return Err(DecodeError::Malformed),
        },
        _ => Value::Bulk(content.to_vec()),
    })
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Result<N, DecodeError> {
    let text = str::from_utf8(text).map_err(|_| DecodeError::Malformed)?;
    text.parse().map_err(|_| DecodeError::Malformed)
}

/// How many elements an aggregate has; 32 bits are enough and cannot overflow when doubled.
fn count(text: &[u8]) -> Result<usize, DecodeError> {
    number::<u32>(text).map(|count| count as usize)
}

fn big_number(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::Malformed);
    }
    Ok(text.to_vec())
}

fn boolean(text: &[u8]) -> Result<bool, DecodeError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(DecodeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(bytes: &[u8], value: Value) {
        let expected = Ok(Some((value, bytes.len())));
        assert_eq!(decode(&[bytes, b"+rest"].concat()), expected);
        // Byte by byte, until the last one completes it.
        let mut decoder = Decoder::new();
        for end in 0..bytes.len() {
            assert_eq!(decoder.decode(&bytes[..end]), Ok(None), "{}", bytes[..end].escape_ascii());
        }
        assert_eq!(decoder.decode(bytes), expected);
    }

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    #[test]
    fn scalars() {
        check(b"+OK\r\n", Value::Status(b"OK".to_vec()));
        check(b"+\r\n", Value::Status(vec![]));
        check(b"-ERR no\r\n", Value::Error(b"ERR no".to_vec()));
        check(b"!5\r\nERR\r\n\r\n", Value::Error(b"ERR\r\n".to_vec()));
        check(b":-42\r\n", Value::Int(-42));
        check(b"$5\r\na\r\nbc\r\n", bulk("a\r\nbc"));
        check(b"$0\r\n\r\n", bulk(""));
        for null in ["$-1\r\n", "*-1\r\n", "_\r\n"] {
            check(null.as_bytes(), Value::Null);
        }
        check(b",1.5e-7\r\n", Value::Double(1.5e-7));
        check(b",-inf\r\n", Value::Double(f64::NEG_INFINITY));
        check(b"#t\r\n", Value::Boolean(true));
        check(b"#f\r\n", Value::Boolean(false));
        check(b"(-349999999999999999999\r\n", Value::BigNumber(b"-349999999999999999999".to_vec()));
        check(b"=7\r\ntxt:a\r\n\r\n", Value::Verbatim { format: *b"txt", text: b"a\r\n".to_vec() });
    }

    #[test]
    fn aggregates() {
        check(b"*0\r\n", Value::Array(vec![]));
        check(
            b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n",
            Value::Array(vec![Value::Int(1), Value::Array(vec![bulk("x")])]),
        );
        check(b"~1\r\n*0\r\n", Value::Set(vec![Value::Array(vec![])]));
        check(b">1\r\n+x\r\n", Value::Push(vec![Value::Status(b"x".to_vec())]));
        check(b"%0\r\n", Value::Map(vec![]));
        let pairs = vec![(bulk("a"), Value::Int(1)), (bulk("b"), Value::Null)];
        check(b"%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n", Value::Map(pairs));
    }

    #[test]
    fn attributes_precede_their_value() {
        let attributes = vec![(bulk("ttl"), Value::Int(9))];
        let about = |value| Value::Attributed { attributes: attributes.clone(), value: Box::new(value) };
        check(b"|1\r\n$3\r\nttl\r\n:9\r\n*1\r\n:1\r\n", about(Value::Array(vec![Value::Int(1)])));
        check(b"*1\r\n|1\r\n$3\r\nttl\r\n:9\r\n:1\r\n", Value::Array(vec![about(Value::Int(1))]));
        let empty = Value::Attributed { attributes: vec![], value: Box::new(Value::Null) };
        check(b"|0\r\n_\r\n", empty);
    }

    #[test]
    fn one_reply_after_another() {
        let (mut decoder, mut bytes) = (Decoder::new(), b"+a\r\n*1\r\n:1\r\n+b".to_vec());
        let mut read = Vec::new();
        while let Ok(Some((value, end))) = decoder.decode(&bytes) {
            read.push(value);
            bytes.drain(..end);
        }
        assert_eq!(read, [Value::Status(b"a".to_vec()), Value::Array(vec![Value::Int(1)])]);
        bytes.extend_from_slice(b"c\r\n");
        assert_eq!(decoder.decode(&bytes), Ok(Some((Value::Status(b"bc".to_vec()), 5))));
    }

    #[test]
    fn what_is_no_reply() {
        for (bytes, error) in [
            (&b"PING\r\n"[..], DecodeError::Marker(b'P')),
            (b"\r\n", DecodeError::Marker(b'\r')),
            (b":\r\n", DecodeError::Malformed),
            (b":1x\r\n", DecodeError::Malformed),
            (b":9223372036854775808\r\n", DecodeError::Malformed),
            (b"$-2\r\n", DecodeError::Malformed),
            (b"$4294967296\r\n", DecodeError::Malformed),
            (b"%-1\r\n", DecodeError::Malformed),
            (b"_x\r\n", DecodeError::Malformed),
            (b"#x\r\n", DecodeError::Malformed),
            (b",x\r\n", DecodeError::Malformed),
            (b"(1.5\r\n", DecodeError::Malformed),
            (b"=3\r\ntxt\r\n", DecodeError::Malformed),
        ] {
            assert_eq!(decode(bytes), Err(error), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| [b"*1\r\n".repeat(depth), b":1\r\n".to_vec()].concat();
        assert!(matches!(decode(&nested(DEPTH_MAX)), Ok(Some(_))));
        assert_eq!(decode(&nested(DEPTH_MAX + 1)), Err(DecodeError::TooDeep));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in "[-*$%~>|:,#(=!_+0-9tf\r\n]{0,40}", junk in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = decode(bytes.as_bytes());
            let _ = decode(&junk);
        }

        #[test]
        fn how_bytes_are_cut_does_not_matter(bytes in r"([*%~>|][0-2]\r\n|[:,][0-9]\r\n|\$2\r\nab\r\n|[_+]\r\n){0,12}") {
            let (bytes, mut decoder) = (bytes.as_bytes(), Decoder::new());
            let whole = decode(bytes);
            let pieces = (0..=bytes.len()).map(|end| decoder.decode(&bytes[..end])).find(|read| *read != Ok(None));
            prop_assert_eq!(pieces.unwrap_or(Ok(None)), whole);
        }
    }
}
