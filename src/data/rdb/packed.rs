//! Redis's packed blocks: listpack, which is also written here, and its elder, the ziplist; and the intset.
//!
//! ```text
//!   listpack   bytes u32   count u16   element ... 0xff       element: head, text or integer, its own length
//!   ziplist    bytes u32   tail u32   count u16   entry ... 0xff    entry: length of the one before, head, ...
//!   intset     width u32   count u32   integers, ascending
//! ```

use super::read::Malformed;
use super::reader::Reader;
use crate::data::packed::{Element, IntText, canonical_int};

const END: u8 = 0xff;
/// Header, and the end.
const LISTPACK_EMPTY: usize = 7;

/// A listpack that is being written.
pub struct Listpack {
    bytes: Vec<u8>,
    count: usize,
}

impl Listpack {
    pub fn new() -> Self {
        Self { bytes: vec![0; LISTPACK_EMPTY - 1], count: 0 }
    }

    pub fn push(&mut self, element: &Element<'_>) {
        let start = self.bytes.len();
        match element.int() {
            Some(value) => self.push_int(value),
            None => self.push_text(element.as_bytes(&mut IntText::default())),
        }
        let length = self.bytes.len() - start;
        push_length_backwards(&mut self.bytes, length);
        self.count += 1;
    }

    fn push_int(&mut self, value: i64) {
        let bytes = value.to_le_bytes();
        match value {
            0..=127 => self.bytes.push(bytes[0]),
            -4096..=4095 => self.bytes.extend([0xc0 | (bytes[1] & 0x1f), bytes[0]]),
            _ => {
                let (head, width) = match value {
                    -0x8000..=0x7fff => (0xf1, 2),
                    -0x80_0000..=0x7f_ffff => (0xf2, 3),
                    -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
                    _ => (0xf4, 8),
                };
                self.bytes.push(head);
                self.bytes.extend_from_slice(&bytes[..width]);
            }
        }
    }

    fn push_text(&mut self, text: &[u8]) {
        match text.len() {
            length @ 0..=63 => self.bytes.push(0x80 | length as u8),
            length @ 64..=4095 => self.bytes.extend([0xe0 | (length >> 8) as u8, length as u8]),
            length => {
                self.bytes.push(0xf0);
                self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
    }

    pub fn size_bytes(&self) -> usize {
        self.bytes.len() + 1
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let size = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&size.to_le_bytes());
        // A count that does not fit is left to be counted.
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        self.bytes[4..6].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}

/// So that elements can be read from the last: seven bits a byte, the highest first, all but that one marked.
fn push_length_backwards(bytes: &mut Vec<u8>, length: usize) {
    let groups = length_backwards_bytes(length);
    bytes.push((length >> (7 * (groups - 1))) as u8);
    bytes.extend((0..groups - 1).rev().map(|group| (length >> (7 * group)) as u8 & 0x7f | 0x80));
}

/// Redis counts a byte more where all bits of several groups are set, and finds its way by that.
fn length_backwards_bytes(length: usize) -> usize {
    match length {
        0..=0x7f => 1,
        0x80..0x3fff => 2,
        0x3fff..0x1f_ffff => 3,
        0x1f_ffff..0xfff_ffff => 4,
        _ => 5,
    }
}

/// The elements of a listpack.
pub fn listpack(block: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    let mut reader = Reader::new(block);
    let size = u32::from_le_bytes(reader.array()?);
    let count = u16::from_le_bytes(reader.array()?);
    if size as usize != block.len() {
        return Err(Malformed);
    }
    let mut elements = Vec::new();
    loop {
        let head = reader.byte()?;
        if head == END {
            break;
        }
        let (element, length) = listpack_element(&mut reader, head)?;
        reader.take(length_backwards_bytes(length))?;
        elements.push(element);
    }
    all_there(&reader, elements, count)
}

/// The element and the bytes that it takes, its head included.
fn listpack_element<'a>(reader: &mut Reader<'a>, head: u8) -> Result<(Element<'a>, usize), Malformed> {
    let low = usize::from(head);
    let text_length = match head {
        0x80..=0xbf => Some((low & 0x3f, 1)),
        0xe0..=0xef => Some(((low & 0x0f) << 8 | usize::from(reader.byte()?), 2)),
        0xf0 => Some((u32::from_le_bytes(reader.array()?) as usize, 5)),
        _ => None,
    };
    if let Some((length, head_bytes)) = text_length {
        return Ok((Element::Bytes(reader.take(length)?), head_bytes + length));
    }
    let (value, bytes) = match head {
        0x00..=0x7f => (head.into(), 1),
        // 13 bits with a sign: moved up to the top of 16, and back.
        0xc0..=0xdf => (i64::from(i16::from_be_bytes([head << 3, 0]) >> 3 | i16::from(reader.byte()?)), 2),
        0xf1 => (int_of_width(reader, 2)?, 3),
        0xf2 => (int_of_width(reader, 3)?, 4),
        0xf3 => (int_of_width(reader, 4)?, 5),
        0xf4 => (int_of_width(reader, 8)?, 9),
        _ => return Err(Malformed),
    };
    Ok((Element::Int(value), bytes))
}

/// Little-endian, of up to eight bytes.
fn int_of_width(reader: &mut Reader<'_>, width: usize) -> Result<i64, Malformed> {
    let mut bytes = [0; 8];
    bytes[8 - width..].copy_from_slice(reader.take(width)?);
    Ok(i64::from_le_bytes(bytes) >> (64 - 8 * width))
}

/// The count in the header tells, unless it is as large as it gets.
fn all_there<'a>(
    reader: &Reader<'_>,
    elements: Vec<Element<'a>>,
    count: u16,
) -> Result<Vec<Element<'a>>, Malformed> {
    let right = reader.is_done() && (count == u16::MAX || usize::from(count) == elements.len());
    // Texts that read as an integer are integers to whoever compares them.
    let canonical = |element| match element {
        Element::Bytes(text) => canonical_int(text).map_or(element, Element::Int),
        Element::Int(_) => element,
    };
    if right { Ok(elements.into_iter().map(canonical).collect()) } else { Err(Malformed) }
}

/// The entries of a ziplist.
pub fn ziplist(block: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    let mut reader = Reader::new(block);
    let size = u32::from_le_bytes(reader.array()?);
    let _tail: [u8; 4] = reader.array()?;
    let count = u16::from_le_bytes(reader.array()?);
    if size as usize != block.len() {
        return Err(Malformed);
    }
    let mut elements = Vec::new();
    loop {
        match reader.byte()? {
            END => break,
            // The length of the entry before, which nobody needs who reads forward.
            0xfe => drop(reader.take(4)?),
            _ => {}
        }
        let head = reader.byte()?;
        elements.push(ziplist_entry(&mut reader, head)?);
    }
    all_there(&reader, elements, count)
}

fn ziplist_entry<'a>(reader: &mut Reader<'a>, head: u8) -> Result<Element<'a>, Malformed> {
    let low = usize::from(head & 0x3f);
    let length = match head {
        0x00..=0x3f => low,
        0x40..=0x7f => low << 8 | usize::from(reader.byte()?),
        0x80..=0xbf => u32::from_be_bytes(reader.array()?) as usize,
        0xc0 => return int_of_width(reader, 2).map(Element::Int),
        0xd0 => return int_of_width(reader, 4).map(Element::Int),
        0xe0 => return int_of_width(reader, 8).map(Element::Int),
        0xf0 => return int_of_width(reader, 3).map(Element::Int),
        0xfe => return int_of_width(reader, 1).map(Element::Int),
        0xf1..=0xfd => return Ok(Element::Int(i64::from(head) - 0xf1)),
        _ => return Err(Malformed),
    };
    reader.take(length).map(Element::Bytes)
}

/// The integers of an intset.
pub fn intset(block: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    let mut reader = Reader::new(block);
    let width = u32::from_le_bytes(reader.array()?) as usize;
    let count = u32::from_le_bytes(reader.array()?) as usize;
    if !matches!(width, 2 | 4 | 8) || count.checked_mul(width) != Some(block.len() - 8) {
        return Err(Malformed);
    }
    (0..count).map(|_| int_of_width(&mut reader, width).map(Element::Int)).collect()
}

/// An intset of these integers, which come in ascending order.
pub fn intset_of(integers: &[i64]) -> Vec<u8> {
    let fits = |bits: u32| integers.iter().all(|&value| value >> (bits - 1) == value >> 63);
    let width = [2, 4].into_iter().find(|width| fits(8 * width)).unwrap_or(8);
    let mut block = Vec::with_capacity(8 + integers.len() * width as usize);
    block.extend_from_slice(&width.to_le_bytes());
    block.extend_from_slice(&(integers.len() as u32).to_le_bytes());
    for value in integers {
        block.extend_from_slice(&value.to_le_bytes()[..width as usize]);
    }
    block
}
