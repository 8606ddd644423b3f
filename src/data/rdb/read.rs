//! Dumps into values.

use std::borrow::Cow;

use super::crc64::crc64;
use super::packed::{intset, listpack, ziplist};
use super::reader::Reader;
use super::{FOOTER, VERSION_MAX, container, kind};
use crate::data::Thresholds;
use crate::data::hash::{Condition, Hash};
use crate::data::list::{End, List};
use crate::data::packed::{Element, IntText};
use crate::data::set::Set;
use crate::data::zset::{Change, ZSet, parse_float};

/// What a dump holds.
pub enum Value {
    String(Vec<u8>),
    List(List),
    Set(Set),
    ZSet(ZSet),
    Hash(Hash),
}

/// The bytes are no value, or none of a type that there is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Why a dump cannot be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsealed {
    /// Too new a version, or a checksum that is not that of the bytes.
    Footer,
    Value,
}

impl From<Malformed> for Unsealed {
    fn from(_: Malformed) -> Unsealed {
        Unsealed::Value
    }
}

pub fn restore(dump: &[u8], thresholds: &Thresholds) -> Result<Value, Unsealed> {
    let mut reader = Reader::new(unseal(dump).ok_or(Unsealed::Footer)?);
    let kind = reader.byte()?;
    let value = value(kind, &mut reader, thresholds)?;
    if reader.is_done() { Ok(value) } else { Err(Unsealed::Value) }
}

/// Type and value of a dump whose footer is right.
fn unseal(dump: &[u8]) -> Option<&[u8]> {
    let (body, footer) = dump.split_at_checked(dump.len().checked_sub(FOOTER)?)?;
    let (version, checksum) = footer.split_first_chunk()?;
    let sealed = &dump[..body.len() + version.len()];
    let right = u16::from_le_bytes(*version) <= VERSION_MAX && crc64(sealed).to_le_bytes() == *checksum;
    right.then_some(body)
}

fn value(kind: u8, reader: &mut Reader<'_>, thresholds: &Thresholds) -> Result<Value, Malformed> {
    Ok(match kind {
        kind::STRING => Value::String(reader.string()?.into_owned()),
        kind::LIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 | kind::LIST_ZIPLIST => {
            Value::List(list(kind, reader, thresholds)?)
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => Value::Set(set(kind, reader, thresholds)?),
        kind::ZSET | kind::ZSET_2 | kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            Value::ZSet(zset(kind, reader, thresholds)?)
        }
        kind::HASH
        | kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::HASH_METADATA
        | kind::HASH_LISTPACK_EX => Value::Hash(hash(kind, reader, thresholds)?),
        _ => return Err(Malformed),
    })
}

/// A value that is there and not empty: no collection is.
fn filled<T>(value: T, is_empty: bool) -> Result<T, Malformed> {
    if is_empty { Err(Malformed) } else { Ok(value) }
}

/// What is so may go on.
fn must(so: bool) -> Result<(), Malformed> {
    if so { Ok(()) } else { Err(Malformed) }
}

fn list(kind: u8, reader: &mut Reader<'_>, thresholds: &Thresholds) -> Result<List, Malformed> {
    let mut list = List::new();
    let mut push = |element: &Element<'_>| {
        list.push(End::Back, element.as_bytes(&mut IntText::default()), thresholds);
    };
    if kind == kind::LIST_ZIPLIST {
        ziplist(&reader.string()?)?.iter().for_each(&mut push);
    } else {
        for _ in 0..reader.length()? {
            let container = if kind == kind::LIST_QUICKLIST_2 { reader.length()? } else { 0 };
            let node = reader.string()?;
            match (kind, container) {
                (kind::LIST, _) | (_, container::PLAIN) => push(&Element::Bytes(&node)),
                (kind::LIST_QUICKLIST, _) => ziplist(&node)?.iter().for_each(&mut push),
                (_, container::PACKED) => listpack(&node)?.iter().for_each(&mut push),
                _ => return Err(Malformed),
            }
        }
    }
    let is_empty = list.is_empty();
    filled(list, is_empty)
}

fn set(kind: u8, reader: &mut Reader<'_>, thresholds: &Thresholds) -> Result<Set, Malformed> {
    let mut set = Set::new();
    if kind == kind::SET {
        let count = reader.length()?;
        for number in 0..count {
            let member = reader.string()?;
            if number == 0 {
                // So many may be meant that growing step by step would be a waste.
                set = Set::for_members(&member, usize::try_from(count).unwrap_or(usize::MAX), thresholds);
            }
            must(set.add(&member, thresholds))?;
        }
    } else {
        let block = reader.string()?;
        for member in if kind == kind::SET_INTSET { intset(&block)? } else { listpack(&block)? } {
            must(set.add_element(&member, thresholds))?;
        }
    }
    let is_empty = set.is_empty();
    filled(set, is_empty)
}

fn zset(kind: u8, reader: &mut Reader<'_>, thresholds: &Thresholds) -> Result<ZSet, Malformed> {
    let mut zset = ZSet::new();
    let mut add = |member: &[u8], score| must(zset.set(member, score, thresholds) == Change::Added);
    if matches!(kind, kind::ZSET | kind::ZSET_2) {
        for _ in 0..reader.length()? {
            let member = reader.string()?;
            let score = if kind == kind::ZSET { reader.text_double()? } else { reader.binary_double()? };
            add(&member, score)?;
        }
    } else {
        let block = reader.string()?;
        let elements = if kind == kind::ZSET_LISTPACK { listpack(&block)? } else { ziplist(&block)? };
        for [member, score] in rows(&elements)? {
            let score = text(score);
            let score = std::str::from_utf8(&score).ok().and_then(parse_float).ok_or(Malformed)?;
            add(&text(member), score)?;
        }
    }
    let is_empty = zset.is_empty();
    filled(zset, is_empty)
}

fn hash(kind: u8, reader: &mut Reader<'_>, thresholds: &Thresholds) -> Result<Hash, Malformed> {
    let mut hash = Hash::new();
    let mut set = |name: &[u8], value: &[u8], deadline_ms: u64| {
        must(hash.set(name, value, 0, thresholds))?;
        if deadline_ms > 0 {
            hash.expire(name, deadline_ms, Condition::Always, 0);
        }
        Ok(())
    };
    match kind {
        kind::HASH => {
            for _ in 0..reader.length()? {
                set(&reader.string()?, &reader.string()?, 0)?;
            }
        }
        kind::HASH_METADATA => {
            let earliest = u64::from_le_bytes(reader.array()?);
            for _ in 0..reader.length()? {
                let ahead = reader.length()?;
                let deadline_ms = if ahead == 0 { 0 } else { earliest.saturating_add(ahead - 1) };
                set(&reader.string()?, &reader.string()?, deadline_ms)?;
            }
        }
        kind::HASH_LISTPACK_EX => {
            let _earliest: [u8; 8] = reader.array()?;
            for [name, value, deadline_ms] in rows(&listpack(&reader.string()?)?)? {
                let deadline_ms = deadline_ms.int().and_then(|at| u64::try_from(at).ok());
                set(&text(name), &text(value), deadline_ms.ok_or(Malformed)?)?;
            }
        }
        _ => {
            let block = reader.string()?;
            let elements = if kind == kind::HASH_LISTPACK { listpack(&block)? } else { ziplist(&block)? };
            for [name, value] in rows(&elements)? {
                set(&text(name), &text(value), 0)?;
            }
        }
    }
    let is_empty = hash.is_empty(0);
    filled(hash, is_empty)
}

/// The elements `N` by `N`, which leaves none over.
fn rows<'e, 'a, const N: usize>(
    elements: &'e [Element<'a>],
) -> Result<impl Iterator<Item = [Element<'a>; N]> + use<'e, 'a, N>, Malformed> {
    let (rows, rest) = elements.as_chunks::<N>();
    must(rest.is_empty())?;
    Ok(rows.iter().copied())
}

fn text<'a>(element: Element<'a>) -> Cow<'a, [u8]> {
    match element {
        Element::Bytes(text) => Cow::Borrowed(text),
        Element::Int(_) => Cow::Owned(element.to_vec()),
    }
}
