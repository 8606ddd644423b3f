//! Strings as arrays of bits, and of integers of any width.
//!
//! What is written is edited in place, and recorded as the bits and integers that are there afterwards. Only BITOP is
//! recorded as it is: its result can be long, and its sources are in the log.

use super::args::{Args, parse_int};
use super::error::{Done, Error};
use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use super::strings::string_mut;
use crate::data::bits::field::{Field, Overflow};
use crate::data::bits::{self, Unit};
use crate::keyspace::{Content, Edit, Object, View, event};
use crate::limits::BULK_MAX;
use crate::protocol::{Reply, Words};

pub static ROWS: &[Command] = &[
    Command {
        name: "setbit",
        arity: 4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_UPDATE]),
        flags: Flags::GROWS,
        syntax: "key offset value",
        summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
        since: "2.2.0",
        run: Run::Write(setbit),
        ..ROW
    },
    Command {
        name: "getbit",
        arity: 3,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key offset",
        summary: "Returns a bit value by offset.",
        since: "2.2.0",
        run: Run::Read(getbit),
        ..ROW
    },
    Command {
        name: "bitcount",
        arity: -2,
        keys: Keys::one(),
        syntax: "key [start end [BYTE | BIT]]",
        summary: "Counts the number of set bits (population counting) in a string.",
        complexity: "O(N) where N is the number of bytes in the range.",
        run: Run::Read(bitcount),
        ..ROW
    },
    Command {
        name: "bitpos",
        arity: -3,
        keys: Keys::one(),
        syntax: "key bit [start [end [BYTE | BIT]]]",
        summary: "Finds the first set (1) or clear (0) bit in a string.",
        since: "2.8.7",
        complexity: "O(N) where N is the number of bytes in the range.",
        run: Run::Read(bitpos),
        ..ROW
    },
    Command {
        name: "bitop",
        arity: -4,
        keys: Keys::range(2, -1, 1),
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::GROWS,
        syntax: "<AND | OR | XOR | NOT> destkey key [key ...]",
        summary: "Performs bitwise operations on multiple strings, and stores the result.",
        complexity: "O(N) where N is the length of all the strings together.",
        run: Run::Write(bitop),
        ..ROW
    },
    Command {
        name: "bitfield",
        arity: -2,
        keys: Keys::one(),
        uses: Uses::Told(KeyUse::RW_ACCESS_UPDATE, key_use_of_bitfield),
        flags: Flags::GROWS,
        syntax: "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment> ...]",
        summary: "Performs arbitrary bitfield integer operations on strings.",
        since: "3.2.0",
        complexity: "O(1) for each operation.",
        run: Run::Write(bitfield),
        ..ROW
    },
    Command {
        name: "bitfield_ro",
        arity: -2,
        keys: Keys::one(),
        flags: Flags::FAST,
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        summary: "Performs arbitrary read-only bitfield integer operations on strings.",
        since: "6.0.0",
        complexity: "O(1) for each operation.",
        run: Run::Read(bitfield_ro),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Bitmap, since: "2.6.0", ..Command::ROW };

const BAD_OFFSET: Error = Error::fixed("ERR bit offset is not an integer or out of range");
const BAD_BIT: Error = Error::fixed("ERR bit is not an integer or out of range");
const BAD_TYPE: Error = Error::fixed(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);
const BITS_MAX: u64 = BULK_MAX as u64 * 8;

/// With nothing but GET in it, the value is only read.
fn key_use_of_bitfield(words: Words<'_>) -> KeyUse {
    let is_change = |word: &[u8]| word.eq_ignore_ascii_case(b"SET") || word.eq_ignore_ascii_case(b"INCRBY");
    if words.iter().skip(2).any(is_change) { KeyUse::RW_ACCESS_UPDATE } else { KeyUse::RO_ACCESS }
}

fn setbit(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let offset = bit_offset(args.next(), 1).ok_or(BAD_OFFSET)?;
    let bit = args.int_in(0..=1, BAD_BIT) == 1;
    args.check()?;
    let bytes = string_mut(edit, key)?;
    let length = bytes.len();
    let old = bits::set(bytes, offset, bit);
    if old != bit || bytes.len() != length {
        let word: &[u8] = if bit { b"1" } else { b"0" };
        edit.record(&[b"SETBIT", key, itoa::Buffer::new().format(offset).as_bytes(), word]);
        edit.notify(event::SETBIT, key);
    }
    reply.int(old.into());
    Ok(())
}

fn getbit(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    let offset = bit_offset(args.next(), 1).ok_or(BAD_OFFSET)?;
    let bytes = view.string(key)?.unwrap_or_default();
    reply.int(bits::get(bytes, offset).into());
    Ok(())
}

/// Where `width` bits begin that all lie within the longest possible string.
fn bit_offset(word: &[u8], width: u32) -> Option<u64> {
    let offset = u64::try_from(parse_int(word)?).ok()?;
    (offset.checked_add(width.into())? <= BITS_MAX).then_some(offset)
}

/// As [`bit_offset`]; with a `#`, the offset counts integers of that width.
fn field_offset(word: &[u8], field: Field) -> Option<u64> {
    let Some(index) = word.strip_prefix(b"#") else { return bit_offset(word, field.width()) };
    let offset = parse_int(index)?.checked_mul(field.width().into())?;
    bit_offset(itoa::Buffer::new().format(offset).as_bytes(), field.width())
}

fn unit(args: &mut Args) -> Result<Unit, Error> {
    if args.is_done() || args.keyword("BYTE") {
        Ok(Unit::Byte)
    } else if args.keyword("BIT") {
        Ok(Unit::Bit)
    } else {
        Err(Error::SYNTAX)
    }
}

/// A missing key has no bits to count, whatever the range says.
fn bitcount(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    let range = match args.left() {
        0 => None,
        2 | 3 => {
            let (first, last) = (args.int(), args.int());
            args.check()?;
            Some((first, last, unit(args)?))
        }
        _ => return Err(Error::SYNTAX),
    };
    let bytes = view.string(key)?.unwrap_or_default();
    let count = match range {
        None => bits::count_all(bytes),
        Some((first, last, _)) if first < 0 && last < 0 && first > last => 0,
        Some((first, last, unit)) => bits::count(bytes, first, last, unit),
    };
    reply.int(count as i64);
    Ok(())
}

/// A missing key is nothing but zeros, whatever the range says.
fn bitpos(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let (key, bit) = (args.next(), args.int());
    args.check()?;
    if bit != 0 && bit != 1 {
        return Err(Error::fixed("ERR The bit argument must be 1 or 0."));
    }
    if args.left() > 3 {
        return Err(Error::SYNTAX);
    }
    let first = if args.is_done() { 0 } else { args.int() };
    args.check()?;
    // Redis looks at the unit before the end of the range.
    let last = (!args.is_done()).then(|| args.next());
    let unit = unit(args)?;
    let last = last.map(|word| parse_int(word).ok_or(Error::NOT_AN_INTEGER)).transpose()?;
    let Some(bytes) = view.string(key)? else {
        reply.int(-bit);
        return Ok(());
    };
    let found = bits::position(bytes, bit == 1, first, last, unit);
    reply.int(found.map_or(-1, |at| at as i64));
    Ok(())
}

fn bitop(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let op = match args.next() {
        word if word.eq_ignore_ascii_case(b"AND") => bits::Op::And,
        word if word.eq_ignore_ascii_case(b"OR") => bits::Op::Or,
        word if word.eq_ignore_ascii_case(b"XOR") => bits::Op::Xor,
        word if word.eq_ignore_ascii_case(b"NOT") => bits::Op::Not,
        _ => return Err(Error::SYNTAX),
    };
    let dest = args.next();
    let keys = args.rest();
    if op == bits::Op::Not && keys.len() != 1 {
        return Err(Error::fixed("ERR BITOP NOT must be called with a single source key."));
    }
    // What is due ends now, and in the log: a replay of this must find the same strings.
    for key in keys.clone().chain([dest]) {
        edit.get_mut(key);
    }
    let sources: Vec<&[u8]> = keys
        .map(|key| edit.reading().string(key).map(Option::unwrap_or_default))
        .collect::<Result<_, _>>()?;
    let result = bits::combine(op, &sources);
    reply.int(result.len() as i64);
    if !result.is_empty() {
        edit.put(dest, Content::Object(Box::new(Object::Bytes(result))), None);
        edit.record_all(dest, args.words().iter());
        edit.notify(event::SET, dest);
    } else if edit.remove(dest) {
        edit.record(&[b"DEL", dest]);
        edit.notify(event::DEL, dest);
    }
    Ok(())
}

/// One operation of BITFIELD.
struct FieldOp<'a> {
    /// The field as it was written.
    name: &'a [u8],
    field: Field,
    offset: u64,
    action: Action,
}

enum Action {
    Get,
    Set(i64, Overflow),
    Incr(i64, Overflow),
}

impl<'a> FieldOp<'a> {
    fn parse_all(args: &mut Args<'a>) -> Result<Vec<FieldOp<'a>>, Error> {
        let mut ops = vec![];
        let mut overflow = Overflow::Wrap;
        while !args.is_done() {
            if args.left() > 2 && args.keyword("GET") {
                ops.push(FieldOp::parse(args, |_| Ok(Action::Get))?);
            } else if args.left() > 3 && args.keyword("SET") {
                ops.push(FieldOp::parse(args, |value| Ok(Action::Set(value()?, overflow)))?);
            } else if args.left() > 3 && args.keyword("INCRBY") {
                ops.push(FieldOp::parse(args, |value| Ok(Action::Incr(value()?, overflow)))?);
            } else if let Some(word) = args.keyword_and_value("OVERFLOW") {
                overflow = policy(word)?;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(ops)
    }

    /// The field and its offset; then `action`, which may take a value.
    fn parse(
        args: &mut Args<'a>,
        action: impl FnOnce(&mut dyn FnMut() -> Result<i64, Error>) -> Result<Action, Error>,
    ) -> Result<FieldOp<'a>, Error> {
        let name = args.next();
        let field = Field::parse(name).ok_or(BAD_TYPE)?;
        let offset = field_offset(args.next(), field).ok_or(BAD_OFFSET)?;
        let action = action(&mut || parse_int(args.next()).ok_or(Error::NOT_AN_INTEGER))?;
        Ok(FieldOp { name, field, offset, action })
    }

    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    fn end(&self) -> u64 {
        self.offset + u64::from(self.field.width())
    }

    /// Returns what is to be replied; `None` where a value did not fit.
    fn apply(&self, bytes: &mut Vec<u8>) -> Option<i64> {
        match self.action {
            Action::Get => Some(self.field.get(bytes, self.offset)),
            Action::Set(value, overflow) => self.field.set(bytes, self.offset, value, overflow),
            Action::Incr(by, overflow) => self.field.incr(bytes, self.offset, by, overflow),
        }
    }
}

fn policy(word: &[u8]) -> Result<Overflow, Error> {
    let policies = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)];
    let found = policies.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, policy)| policy).ok_or(Error::fixed("ERR Invalid OVERFLOW type specified"))
}

fn bitfield_ro(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let key = args.next();
    let ops = FieldOp::parse_all(args)?;
    if ops.iter().any(FieldOp::writes) {
        return Err(Error::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    get_fields(&ops, view.string(key)?, reply);
    Ok(())
}

fn get_fields(ops: &[FieldOp], bytes: Option<&[u8]>, reply: &mut Reply) {
    reply.array(ops.len());
    ops.iter().for_each(|op| reply.int(op.field.get(bytes.unwrap_or_default(), op.offset)));
}

fn bitfield(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let ops = FieldOp::parse_all(args)?;
    let Some(end) = ops.iter().filter(|op| op.writes()).map(FieldOp::end).max() else {
        get_fields(&ops, edit.reading().string(key)?, reply);
        return Ok(());
    };
    let bytes = string_mut(edit, key)?;
    let length = bytes.len();
    // Room is made first, also for what will not fit its field.
    bits::grow_to(bytes, end);
    let grown = bytes.len() != length;
    // An operation that has failed is told to nobody, though it may have made the string longer.
    let (mut changed, mut told) = (grown, false);
    let mut written = vec![];
    reply.array(ops.len());
    for op in &ops {
        let before = op.field.get(bytes, op.offset);
        let result = op.apply(bytes);
        match result {
            Some(value) => reply.int(value),
            None => reply.null(),
        }
        if op.writes() {
            let after = op.field.get(bytes, op.offset);
            changed |= after != before;
            told |= result.is_some() && (grown || after != before);
            written.push((op, after));
        }
    }
    if changed {
        record_fields(edit, key, &written);
    }
    if told {
        edit.notify(event::SETBIT, key);
    }
    Ok(())
}

/// Every field that was to be written, with what it holds now: that also repeats how the string grew.
fn record_fields(edit: &mut Edit, key: &[u8], written: &[(&FieldOp, i64)]) {
    let numbers: Vec<[String; 2]> =
        written.iter().map(|(op, value)| [op.offset.to_string(), value.to_string()]).collect();
    let mut words = vec![&b"BITFIELD"[..], key];
    for ((op, _), [offset, value]) in written.iter().zip(&numbers) {
        words.extend([b"SET", op.name, offset.as_bytes(), value.as_bytes()]);
    }
    edit.record(&words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_stay_within_the_longest_string() {
        let field = |name: &str| Field::parse(name.as_bytes()).expect("a valid type");
        for (word, name, offset) in [
            ("0", "u8", Some(0)),
            ("#3", "u5", Some(15)),
            ("4294967288", "u8", Some(4294967288)),
            ("4294967289", "u8", None),
            ("#536870911", "u8", Some(4294967288)),
            ("#536870912", "u8", None),
            ("#9223372036854775807", "i64", None),
            ("#-1", "u8", None),
            ("-1", "u8", None),
            ("##1", "u8", None),
            ("#", "u8", None),
            ("1x", "u8", None),
        ] {
            assert_eq!(field_offset(word.as_bytes(), field(name)), offset, "{name} at {word}");
        }
        assert_eq!(bit_offset(b"4294967295", 1), Some(4294967295));
        assert_eq!(bit_offset(b"4294967296", 1), None);
        assert_eq!(bit_offset(b"#1", 1), None, "only BITFIELD counts integers");
    }
}
