//! Values into dumps.

use super::crc64::crc64;
use super::packed::{Listpack, intset_of};
use super::{VERSION, VERSION_MAX, container, kind, length};
use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::packed::{Element, IntText, canonical_int};
use crate::data::set::Set;
use crate::data::zset::ZSet;

/// Bytes of a listpack that is a node of a list, and of an element that gets a node of its own.
const NODE_MAX: usize = 8 << 10;

struct Writer {
    bytes: Vec<u8>,
}

pub fn string(text: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(kind::STRING);
    writer.string(text);
    writer.seal(VERSION)
}

pub fn list(list: &List) -> Vec<u8> {
    let mut nodes = Vec::new();
    let mut node = Listpack::new();
    for element in list.iter() {
        let length = element.text_len();
        if !node.is_empty() && node.size_bytes() + length > NODE_MAX {
            nodes.push((container::PACKED, std::mem::replace(&mut node, Listpack::new()).finish()));
        }
        match length > NODE_MAX {
            true => nodes.push((container::PLAIN, element.to_vec())),
            false => node.push(&element),
        }
    }
    if !node.is_empty() {
        nodes.push((container::PACKED, node.finish()));
    }
    let mut writer = Writer::new(kind::LIST_QUICKLIST_2);
    writer.length(nodes.len() as u64);
    for (container, bytes) in nodes {
        writer.length(container);
        writer.blob(&bytes);
    }
    writer.seal(VERSION)
}

/// Redis 7.0 knows no set in a listpack.
pub fn set(set: &Set) -> Vec<u8> {
    if set.encoding() == "intset" {
        let mut integers: Vec<i64> = set.iter().filter_map(|member| member.int()).collect();
        integers.sort_unstable();
        let mut writer = Writer::new(kind::SET_INTSET);
        writer.blob(&intset_of(&integers));
        return writer.seal(VERSION);
    }
    let mut writer = Writer::new(kind::SET);
    writer.length(set.len() as u64);
    set.iter().for_each(|member| writer.element(&member));
    writer.seal(VERSION)
}

pub fn zset(zset: &ZSet) -> Vec<u8> {
    if zset.encoding() == "listpack" {
        let mut pairs = Listpack::new();
        for (member, score) in zset.iter() {
            pairs.push(&member);
            pairs.push(&Element::Bytes(score_text(score).as_bytes()));
        }
        let mut writer = Writer::new(kind::ZSET_LISTPACK);
        writer.blob(&pairs.finish());
        return writer.seal(VERSION);
    }
    let mut writer = Writer::new(kind::ZSET_2);
    writer.length(zset.len() as u64);
    for (member, score) in zset.iter() {
        writer.element(&member);
        writer.bytes.extend_from_slice(&score.to_le_bytes());
    }
    writer.seal(VERSION)
}

/// The shortest text that reads back as the same number.
fn score_text(score: f64) -> String {
    let plain = score == 0.0 || score.is_infinite() || (1e-5..1e17).contains(&score.abs());
    if plain { score.to_string() } else { format!("{score:e}") }
}

/// With the fields that are live at `now_ms`.
pub fn hash(hash: &Hash, now_ms: u64) -> Vec<u8> {
    let earliest = hash.iter(now_ms).filter_map(|field| field.deadline_ms).min();
    if let Some(earliest) = earliest {
        return hash_with_deadlines(hash, earliest, now_ms);
    }
    if hash.encoding() == "listpack" {
        let mut pairs = Listpack::new();
        for field in hash.iter(now_ms) {
            pairs.push(&field.name);
            pairs.push(&field.value);
        }
        let mut writer = Writer::new(kind::HASH_LISTPACK);
        writer.blob(&pairs.finish());
        return writer.seal(VERSION);
    }
    let mut writer = Writer::new(kind::HASH);
    writer.length(hash.len(now_ms) as u64);
    for field in hash.iter(now_ms) {
        writer.element(&field.name);
        writer.element(&field.value);
    }
    writer.seal(VERSION)
}

/// Deadlines count from just before the earliest; 0 is none.
fn hash_with_deadlines(hash: &Hash, earliest: u64, now_ms: u64) -> Vec<u8> {
    let mut writer = Writer::new(kind::HASH_METADATA);
    writer.bytes.extend_from_slice(&earliest.to_le_bytes());
    writer.length(hash.len(now_ms) as u64);
    for field in hash.iter(now_ms) {
        writer.length(field.deadline_ms.map_or(0, |at| at - earliest + 1));
        writer.element(&field.name);
        writer.element(&field.value);
    }
    writer.seal(VERSION_MAX)
}

impl Writer {
    fn new(kind: u8) -> Self {
        Self { bytes: vec![kind] }
    }

    fn length(&mut self, length: u64) {
        match length {
            0..=0x3f => self.bytes.push(length as u8),
            0x40..=0x3fff => self.bytes.extend([length::BITS_14 | (length >> 8) as u8, length as u8]),
            0x4000..=0xffff_ffff => {
                self.bytes.push(length::BITS_32);
                self.bytes.extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(length::BITS_64);
                self.bytes.extend_from_slice(&length.to_be_bytes());
            }
        }
    }

    /// Bytes as they are.
    fn blob(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn element(&mut self, element: &Element<'_>) {
        self.string(element.as_bytes(&mut IntText::default()));
    }

    /// A text; one that is an integer of up to 32 bits becomes that.
    fn string(&mut self, text: &[u8]) {
        match canonical_int(text).and_then(|value| i32::try_from(value).ok()) {
            Some(value) => {
                let (head, width) = match value {
                    -0x80..=0x7f => (length::INT_8, 1),
                    -0x8000..=0x7fff => (length::INT_16, 2),
                    _ => (length::INT_32, 4),
                };
                self.bytes.push(head);
                self.bytes.extend_from_slice(&value.to_le_bytes()[..width]);
            }
            None => self.blob(text),
        }
    }

    fn seal(mut self, version: u16) -> Vec<u8> {
        self.bytes.extend_from_slice(&version.to_le_bytes());
        let checksum = crc64(&self.bytes);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        self.bytes
    }
}
