//! A sequence of texts and integers, back to back in one heap block.
//!
//! ```text
//! header                 elements                                 each element
//! +-------+-----+------+-------+-----+-----+-----+--------+       +------+------+---------+
//! | start | end | len  |  gap  |  0  |  1  | ... |  gap   |       | head | text | trailer |
//! +-------+-----+------+-------+-----+-----+-----+--------+       +------+------+---------+
//!  3 x 16 or 32 bits           ^start            ^end              the trailer leads backwards
//! ```
//!
//! It is what small hashes, sets, sorted sets and lists are, and what the nodes of large lists are.
//! Elements may come and go at either end without moving the others: whatever a removal leaves at
//! an end stays there as a gap until the block is resized. A block is as long as the allocator's size
//! class for what it holds, so the gaps are mostly bytes that would have been lost anyway.

mod element;
#[cfg(test)]
mod tests;

pub use element::{Element, IntText, Needle, canonical_int};
use element::{Encoded, decode, last_len, trailer_len};

/// The sequence. Empty, it has no block.
#[derive(Default, Clone)]
pub struct Packed {
    block: Box<[u8]>,
}

impl Packed {
    /// Where the block lies, for prefetching.
    pub fn address(&self) -> *const u8 {
        self.block.as_ptr()
    }
}

/// A place in a [`Packed`]: an element, or the end. Changes at that place or behind it leave it valid;
/// changes before it don't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u32);

impl Cursor {
    fn new(offset: usize) -> Self {
        Self(u32::try_from(offset).expect("owners keep a block below BYTES_MAX"))
    }

    fn offset(self) -> usize {
        self.0 as usize
    }
}

impl Packed {
    /// Past this, owners of several elements must turn to another encoding.
    pub const BYTES_MAX: usize = 1 << 30;

    pub fn new() -> Self {
        Self::default()
    }

    /// One element, in a block of at least `bytes`, with the room before it or behind it.
    pub fn with_room(text: &[u8], bytes: usize, at_front: bool) -> Self {
        let mut packed = Self::from_iter([text]);
        let header = packed.header();
        if let Some(room) = bytes.checked_sub(header_bytes(bytes) + header.used()) {
            let header = packed.relocate(header, room, at_front);
            packed.set_header(header);
        }
        packed
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.header().len
    }

    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Bytes in use, the header included.
    pub fn bytes(&self) -> usize {
        let header = self.header();
        header_bytes(self.block.len()) + header.used()
    }

    /// Bytes that `text` would add.
    pub fn bytes_for(text: &[u8]) -> usize {
        let encoded = Encoded::new(text).len();
        encoded + trailer_len(encoded)
    }

    /// Bytes allocated.
    pub fn heap_bytes(&self) -> usize {
        self.block.len()
    }

    pub fn iter(&self) -> Iter<'_> {
        let header = self.header();
        Iter { elements: &self.block[header.start..header.end], remaining: header.len }
    }

    /// The elements of a range that lies within the sequence.
    pub fn range(&self, range: std::ops::Range<usize>) -> Iter<'_> {
        let (from, to) = (self.seek(range.start), self.seek(range.end));
        Iter { elements: &self.elements()[from.offset()..to.offset()], remaining: range.len() }
    }

    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        (index < self.len()).then(|| self.at(self.seek(index)))
    }

    pub fn push_back(&mut self, text: &[u8]) {
        self.insert_at(self.end(), text);
    }

    /// Adds several at the end and grows once at most.
    pub fn push_back_all(&mut self, texts: &[&[u8]]) {
        let bytes = texts.iter().map(|text| Self::bytes_for(text)).sum();
        if bytes > 0 {
            let header = self.make_room(self.header(), bytes, false);
            self.set_header(header);
            texts.iter().for_each(|text| self.push_back(text));
        }
    }

    pub fn push_front(&mut self, text: &[u8]) {
        self.insert_at(self.first(), text);
    }

    /// Puts `text` before the element at `index`, or at the end where there is none.
    pub fn insert(&mut self, index: usize, text: &[u8]) {
        self.insert_at(self.seek(index), text);
    }

    pub fn replace(&mut self, index: usize, text: &[u8]) {
        self.replace_at(self.seek(index), text);
    }

    pub fn remove(&mut self, index: usize) {
        self.remove_at(self.seek(index), 1);
    }

    pub fn remove_range(&mut self, range: std::ops::Range<usize>) {
        let (from, to) = (self.seek(range.start), self.seek(range.end));
        if from < to {
            self.splice(from, to.offset() - from.offset(), 0, range.len(), 0);
        }
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

/// By cursor: each of these takes constant time but for the bytes that have to move.
impl Packed {
    /// The first element, or the end of an empty sequence.
    pub fn first(&self) -> Cursor {
        Cursor(0)
    }

    pub fn end(&self) -> Cursor {
        Cursor::new(self.header().used())
    }

    /// The element `index` elements from the first, or the end; walks from the nearer side.
    pub fn seek(&self, index: usize) -> Cursor {
        let len = self.len();
        if index >= len {
            return self.end();
        }
        let mut iter = self.iter();
        if index <= len / 2 {
            iter.by_ref().take(index).for_each(|_| ());
            Cursor::new(self.elements().len() - iter.elements.len())
        } else {
            iter.by_ref().rev().take(len - index).for_each(|_| ());
            Cursor::new(iter.elements.len())
        }
    }

    /// The element at `cursor`, which is not the end.
    #[inline]
    pub fn at(&self, cursor: Cursor) -> Element<'_> {
        decode(&self.elements()[cursor.offset()..]).0
    }

    /// What follows the element at `cursor`: an element, or the end.
    #[inline]
    pub fn after(&self, cursor: Cursor) -> Cursor {
        let (_, len) = decode(&self.elements()[cursor.offset()..]);
        Cursor::new(cursor.offset() + len + trailer_len(len))
    }

    /// Bytes of the element at `cursor`, which is not the end.
    pub fn bytes_at(&self, cursor: Cursor) -> usize {
        self.after(cursor).offset() - cursor.offset()
    }

    /// The element before `cursor`, unless that is the first.
    pub fn before(&self, cursor: Cursor) -> Option<Cursor> {
        let ahead = &self.elements()[..cursor.offset()];
        (!ahead.is_empty()).then(|| Cursor::new(ahead.len() - last_len(ahead)))
    }

    /// The elements from `cursor` on, without knowing how many.
    pub fn cursors(&self, cursor: Cursor) -> impl Iterator<Item = (Cursor, Element<'_>)> {
        let elements = self.elements();
        let mut offset = cursor.offset();
        std::iter::from_fn(move || {
            let (element, len) = decode(elements.get(offset..).filter(|rest| !rest.is_empty())?);
            let here = Cursor::new(offset);
            offset += len + trailer_len(len);
            Some((here, element))
        })
    }

    /// The first element equal to `needle`, looking at every `stride`th from the first: with a stride of 2,
    /// the fields of field-value pairs.
    pub fn find(&self, needle: &Needle<'_>, stride: usize) -> Option<Cursor> {
        self.cursors(self.first()).step_by(stride).find(|(_, e)| needle.matches(e)).map(|(cursor, _)| cursor)
    }

    /// Puts `text` before `cursor`, which then designates it.
    pub fn insert_at(&mut self, cursor: Cursor, text: &[u8]) {
        self.write_at(cursor, 0, 0, text);
    }

    /// Puts `text` in place of the element at `cursor`, which is not the end.
    pub fn replace_at(&mut self, cursor: Cursor, text: &[u8]) {
        self.write_at(cursor, self.bytes_at(cursor), 1, text);
    }

    /// Removes `count` elements, which there are, from `cursor` on; it then designates what followed them.
    pub fn remove_at(&mut self, cursor: Cursor, count: usize) {
        let mut to = cursor;
        for _ in 0..count {
            to = self.after(to);
        }
        self.splice(cursor, to.offset() - cursor.offset(), 0, count, 0);
    }
}

/// Many elements at a time.
impl Packed {
    /// Keeps the elements that `keep` says yes to; moves each kept byte at most once.
    pub fn retain(&mut self, mut keep: impl FnMut(&Element<'_>) -> bool) {
        let mut header = self.header();
        let (mut read, mut write) = (header.start, header.start);
        while read < header.end {
            let (element, len) = decode(&self.block[read..header.end]);
            let next = read + len + trailer_len(len);
            if keep(&element) {
                if read != write {
                    self.block.copy_within(read..next, write);
                }
                write += next - read;
            } else {
                header.len -= 1;
            }
            read = next;
        }
        header.end = write;
        self.set_header(header);
        self.give_back(header);
    }

    /// Cuts off what stands at `cursor` and behind.
    pub fn split_off(&mut self, cursor: Cursor) -> Packed {
        let len = self.cursors(cursor).count();
        let mut tail = Packed::new();
        tail.append_encoded(&self.elements()[cursor.offset()..], len);
        self.splice(cursor, self.end().offset() - cursor.offset(), 0, len, 0);
        tail
    }

    /// Adds a copy of the other's elements.
    pub fn append(&mut self, other: &Packed) {
        self.append_encoded(other.elements(), other.len());
    }

    fn append_encoded(&mut self, encoded: &[u8], len: usize) {
        let room = self.splice(self.end(), 0, encoded.len(), 0, len);
        room.copy_from_slice(encoded);
    }
}

/// The block: its header, and how it grows and shrinks.
impl Packed {
    #[inline]
    fn elements(&self) -> &[u8] {
        let header = self.header();
        &self.block[header.start..header.end]
    }

    fn write_at(&mut self, cursor: Cursor, old_bytes: usize, old_len: usize, text: &[u8]) {
        let encoded = Encoded::new(text);
        let bytes = encoded.len() + trailer_len(encoded.len());
        encoded.write(self.splice(cursor, old_bytes, bytes, old_len, 1));
    }

    /// Makes the `old` bytes at `cursor` into `new` ones and hands them out to be written. At the first element
    /// the front edge moves, elsewhere what stands behind.
    fn splice(
        &mut self,
        cursor: Cursor,
        old: usize,
        new: usize,
        old_len: usize,
        new_len: usize,
    ) -> &mut [u8] {
        let at = cursor.offset();
        let mut header = self.header();
        let at_front = at == 0 && old < header.used();
        if new > old {
            header = self.make_room(header, new - old, at_front);
        }
        header.len = header.len + new_len - old_len;
        if at_front {
            header.start = header.start + old - new;
        } else {
            let hole = header.start + at;
            if old != new && hole + old < header.end {
                self.block.copy_within(hole + old..header.end, hole + new);
            }
            header.end = header.end + new - old;
        }
        self.set_header(header);
        if new == 0 {
            self.give_back(header);
            return &mut [];
        }
        &mut self.block[header.start + at..][..new]
    }

    /// Sees to it that the gap at one edge is at least `extra` bytes.
    #[inline]
    fn make_room(&mut self, header: Header, extra: usize, at_front: bool) -> Header {
        let gap = if at_front {
            header.start - header_bytes(self.block.len())
        } else {
            self.block.len() - header.end
        };
        if gap >= extra { header } else { self.relocate(header, extra, at_front) }
    }

    /// Moves the elements to the far edge of a block that has room for `extra` bytes more.
    #[cold]
    fn relocate(&mut self, header: Header, extra: usize, to_back: bool) -> Header {
        let size = size_for(header.used() + extra).max(self.block.len());
        self.resize(size);
        let start = if to_back { size - header.used() } else { header_bytes(size) };
        self.block.copy_within(header.start..header.end, start);
        Header { start, end: start + header.used(), len: header.len }
    }

    /// After a removal: returns memory once at least a quarter of the block is unused.
    #[inline]
    fn give_back(&mut self, header: Header) {
        let used = header_bytes(self.block.len()) + header.used();
        if used <= self.block.len() / 4 * 3 || header.len == 0 {
            self.shrink(header);
        }
    }

    #[cold]
    fn shrink(&mut self, header: Header) {
        let size = if header.len == 0 { 0 } else { size_for(header.used()) };
        if size < self.block.len() {
            let start = header_bytes(size);
            self.block.copy_within(header.start..header.end, start);
            self.resize(size);
            self.set_header(Header { start, end: start + header.used(), len: header.len });
        }
    }

    fn resize(&mut self, size: usize) {
        if size != self.block.len() {
            let mut block = std::mem::take(&mut self.block).into_vec();
            block.reserve_exact(size.saturating_sub(block.len()));
            block.resize(size, 0);
            self.block = block.into_boxed_slice();
        }
    }

    #[inline]
    fn header(&self) -> Header {
        match self.block.first_chunk::<6>() {
            None => Header { start: 0, end: 0, len: 0 },
            Some(fields) if self.block.len() <= NARROW_MAX => {
                let field = |at: usize| usize::from(u16::from_le_bytes([fields[at], fields[at + 1]]));
                Header { start: field(0), end: field(2), len: field(4) }
            }
            Some(_) => {
                let fields = &self.block[..12];
                let field =
                    |at: usize| fields[at..at + 4].iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
                Header { start: field(0), end: field(4), len: field(8) }
            }
        }
    }

    #[inline]
    fn set_header(&mut self, header: Header) {
        let fields = [header.start, header.end, header.len];
        if self.block.len() <= NARROW_MAX {
            for (room, field) in self.block.chunks_exact_mut(2).zip(fields) {
                room.copy_from_slice(&(field as u16).to_le_bytes());
            }
        } else {
            for (room, field) in self.block.chunks_exact_mut(4).zip(fields) {
                room.copy_from_slice(&(field as u32).to_le_bytes());
            }
        }
    }
}

/// Offsets into the block, and the number of elements.
#[derive(Clone, Copy)]
struct Header {
    start: usize,
    end: usize,
    len: usize,
}

impl Header {
    fn used(&self) -> usize {
        self.end - self.start
    }
}

/// The largest block with a header of 16-bit fields.
const NARROW_MAX: usize = u16::MAX as usize;

fn header_bytes(block_size: usize) -> usize {
    match block_size {
        0 => 0,
        1..=NARROW_MAX => 6,
        _ => 12,
    }
}

/// The size of a block for that many bytes of elements: a size class of the allocator, four to each
/// doubling; large blocks, which mostly hold one large element, whole pages.
fn size_for(elements: usize) -> usize {
    const PAGE: usize = 4096;
    let narrow = header_bytes(1) + elements;
    if narrow <= NARROW_MAX / PAGE * PAGE {
        let step = (narrow.next_power_of_two() / 8).max(16);
        narrow.next_multiple_of(step)
    } else {
        (header_bytes(NARROW_MAX + 1) + elements).next_multiple_of(PAGE).max(NARROW_MAX + 1)
    }
}

/// The elements, from either end.
#[derive(Clone, Default)]
pub struct Iter<'a> {
    elements: &'a [u8],
    remaining: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.remaining = self.remaining.checked_sub(1)?;
        let (element, len) = decode(self.elements);
        self.elements = &self.elements[len + trailer_len(len)..];
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Element<'a>> {
        self.remaining = self.remaining.checked_sub(1)?;
        let (rest, last) = self.elements.split_at(self.elements.len() - last_len(self.elements));
        self.elements = rest;
        Some(decode(last).0)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Packed {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Packed {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut packed = Packed::new();
        texts.into_iter().for_each(|text| packed.push_back(text.as_ref()));
        packed
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
