//! A key, its value and its deadline in one heap block behind one pointer.
//!
//! ```text
//!   table slot (8 bytes)
//!      |
//!      v
//!   +--------+---------+---------+------+-------+----------+--------+-----------+--------------+
//!   | access | key_len | val_len | kind | flags | deadline | object |    key    |    value     |
//!   |  u32   |   u32   |   u32   |  u8  |  u8   |   u64    |  ptr   |  key_len  |   val_len    |
//!   +--------+---------+---------+------+-------+----------+--------+-----------+--------------+
//!   |<------------- 16 bytes ------------------>| if flag  | if kind = Object  | if kind = Inline
//! ```
//!
//! A string lies inline; an edited string and every collection is an [`Object`] of its own. What the block holds
//! is known from the header alone, so a small entry costs exactly one allocation.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::hash::{Hash, Hasher};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use super::object::{Object, Type};

#[repr(C, align(8))]
struct Header {
    /// When, or how often, the entry was used; written under a shared lock, hence atomic.
    access: AtomicU32,
    key_len: u32,
    val_len: u32,
    kind: Kind,
    has_deadline: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Inline,
    Object,
}

const HEADER: usize = size_of::<Header>();
const WORD: usize = 8;
/// Blocks are asked for in the allocator's own steps, so that a value that changes its length a little stays where it is.
const STEP: usize = 16;

const _: () = assert!(HEADER == 16 && align_of::<Header>() == WORD && size_of::<Option<Entry>>() == WORD);

/// What a new entry is made of.
pub enum Content<'a> {
    Bytes(&'a [u8]),
    Object(Box<Object>),
}

pub struct Entry {
    block: NonNull<Header>,
}

// SAFETY: an entry owns its block and the object in it, and `Object` is Send and Sync (asserted below);
// the only thing written through a shared reference is the atomic `access`.
unsafe impl Send for Entry {}
unsafe impl Sync for Entry {}

const fn assert_send_and_sync<T: Send + Sync>() {}
const _: () = assert_send_and_sync::<Object>();

/// Where the parts of a block lie.
#[derive(Clone, Copy)]
struct Shape {
    kind: Kind,
    has_deadline: bool,
    key_len: usize,
    val_len: usize,
}

impl Shape {
    fn object_at(self) -> usize {
        HEADER + if self.has_deadline { WORD } else { 0 }
    }

    fn key_at(self) -> usize {
        self.object_at() + if self.kind == Kind::Object { WORD } else { 0 }
    }

    fn layout(self) -> Layout {
        let size = (self.key_at() + self.key_len + self.val_len).next_multiple_of(STEP);
        Layout::from_size_align(size, WORD).expect("keys and values are far smaller than isize::MAX")
    }
}

impl Entry {
    pub fn new(key: &[u8], content: Content<'_>, deadline: Option<u64>) -> Entry {
        let (kind, inline) = match &content {
            Content::Bytes(bytes) => (Kind::Inline, *bytes),
            Content::Object(_) => (Kind::Object, &[][..]),
        };
        let shape =
            Shape { kind, has_deadline: deadline.is_some(), key_len: key.len(), val_len: inline.len() };
        let entry = Entry::allocate(shape);
        // SAFETY: the block was just allocated for exactly this shape; every part is written before it is read.
        unsafe {
            if let Some(at) = deadline {
                entry.at(HEADER).cast::<u64>().write(at);
            }
            if let Content::Object(object) = content {
                entry.at(shape.object_at()).cast::<*mut Object>().write(Box::into_raw(object));
            }
            let key_at = entry.at(shape.key_at());
            ptr::copy_nonoverlapping(key.as_ptr(), key_at, key.len());
            ptr::copy_nonoverlapping(inline.as_ptr(), key_at.add(key.len()), inline.len());
        }
        entry
    }

    /// A block with its header written and the rest uninitialised.
    fn allocate(shape: Shape) -> Entry {
        let layout = shape.layout();
        // SAFETY: the layout is never empty, it holds at least the header.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let block = block.cast::<Header>();
        let header = Header {
            access: AtomicU32::new(0),
            key_len: shape.key_len as u32,
            val_len: shape.val_len as u32,
            kind: shape.kind,
            has_deadline: shape.has_deadline,
        };
        // SAFETY: the block is large enough and aligned for a header.
        unsafe { block.write(header) };
        Entry { block }
    }

    fn header(&self) -> &Header {
        // SAFETY: the header was written when the block was allocated.
        unsafe { self.block.as_ref() }
    }

    fn shape(&self) -> Shape {
        let header = self.header();
        Shape {
            kind: header.kind,
            has_deadline: header.has_deadline,
            key_len: header.key_len as usize,
            val_len: header.val_len as usize,
        }
    }

    /// A pointer into the block. Offsets come from [`Shape`] alone.
    fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: every offset of this block's shape lies within its allocation.
        unsafe { self.block.cast::<u8>().as_ptr().add(offset) }
    }

    /// Where the block lies, for prefetching.
    pub fn address(&self) -> *const u8 {
        self.at(0)
    }

    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: `key_len` bytes at `key_at` were written when the block was made.
        unsafe { std::slice::from_raw_parts(self.at(shape.key_at()), shape.key_len) }
    }

    /// Unix milliseconds from which the entry no longer exists.
    pub fn deadline(&self) -> Option<u64> {
        // SAFETY: the flag says that a u64 was written behind the header; blocks are aligned to 8.
        self.header().has_deadline.then(|| unsafe { self.at(HEADER).cast::<u64>().read() })
    }

    /// Whether the entry no longer exists: it is past its deadline, or each of its fields is.
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.deadline().is_some_and(|at| at <= now_ms)
            || self.object().is_some_and(|object| object.is_due(now_ms))
    }

    /// When the next field comes due, be it in the past.
    pub fn next_field_deadline(&self) -> Option<u64> {
        self.object()?.next_field_deadline()
    }

    /// The value, where it is a string.
    pub fn bytes(&self) -> Option<&[u8]> {
        let shape = self.shape();
        match shape.kind {
            // SAFETY: `val_len` bytes behind the key were written when the value was.
            Kind::Inline => Some(unsafe {
                std::slice::from_raw_parts(self.at(shape.key_at() + shape.key_len), shape.val_len)
            }),
            Kind::Object => match self.object()? {
                Object::Bytes(bytes) => Some(bytes),
                _ => None,
            },
        }
    }

    /// The value, where it is more than an inline string.
    pub fn object(&self) -> Option<&Object> {
        let shape = self.shape();
        // SAFETY: kind Object says that a pointer from Box::into_raw lies there, owned by this entry.
        (shape.kind == Kind::Object).then(|| unsafe { &**self.at(shape.object_at()).cast::<*const Object>() })
    }

    pub fn object_mut(&mut self) -> Option<&mut Object> {
        let shape = self.shape();
        // SAFETY: as in `object`; `&mut self` makes the reference unique.
        (shape.kind == Kind::Object)
            .then(|| unsafe { &mut **self.at(shape.object_at()).cast::<*mut Object>() })
    }

    pub fn kind(&self) -> Type {
        self.object().map_or(Type::String, Object::kind)
    }

    /// Replaces the value by an inline string; in place where the new one fits the block.
    pub fn set_bytes(&mut self, value: &[u8]) {
        let shape = self.shape();
        let wanted = Shape { kind: Kind::Inline, val_len: value.len(), ..shape };
        if shape.kind == Kind::Inline && wanted.layout() == shape.layout() {
            // SAFETY: the key keeps its place, and the layout has room for the new value behind it.
            unsafe {
                let value_at = self.at(shape.key_at() + shape.key_len);
                ptr::copy_nonoverlapping(value.as_ptr(), value_at, value.len());
                self.block.as_mut().val_len = value.len() as u32;
            }
        } else {
            *self = self.remade(Content::Bytes(value), self.deadline());
        }
    }

    pub fn set_object(&mut self, object: Box<Object>) {
        *self = self.remade(Content::Object(object), self.deadline());
    }

    /// The value as bytes that grow in place; an inline string moves out of the block first.
    /// `None` where the value is a collection.
    pub fn bytes_mut(&mut self) -> Option<&mut Vec<u8>> {
        if self.shape().kind == Kind::Inline {
            let bytes = self.bytes()?.to_vec();
            self.set_object(Box::new(Object::Bytes(bytes)));
        }
        match self.object_mut()? {
            Object::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        match deadline {
            // SAFETY: as in `deadline`: the word is there.
            Some(at) if self.header().has_deadline => unsafe { self.at(HEADER).cast::<u64>().write(at) },
            None if !self.header().has_deadline => {}
            _ => {
                *self = match self.take_object() {
                    Some(object) => self.remade(Content::Object(object), deadline),
                    None => self.remade(Content::Bytes(self.bytes().unwrap_or_default()), deadline),
                }
            }
        }
    }

    /// Takes the object out and leaves an inline empty string.
    pub fn take_object(&mut self) -> Option<Box<Object>> {
        let shape = self.shape();
        if shape.kind != Kind::Object {
            return None;
        }
        // SAFETY: the pointer came from Box::into_raw. The replacement block owns no object, and the old block
        // is freed as an Inline one, so the object has one owner: the box that is returned.
        let object = unsafe { Box::from_raw(self.at(shape.object_at()).cast::<*mut Object>().read()) };
        let emptied = self.remade(Content::Bytes(b""), self.deadline());
        let old = std::mem::replace(self, emptied);
        old.free_block();
        Some(object)
    }

    /// The same key, with other content; keeps the access word.
    fn remade(&self, content: Content<'_>, deadline: Option<u64>) -> Entry {
        let entry = Entry::new(self.key(), content, deadline);
        entry.set_access(self.access());
        entry
    }

    pub fn access(&self) -> u32 {
        self.header().access.load(Ordering::Relaxed)
    }

    /// Skips the store where nothing changes, so that readers do not pass a cache line around.
    pub fn set_access(&self, access: u32) {
        if self.access() != access {
            self.header().access.store(access, Ordering::Relaxed);
        }
    }

    /// Bytes on the heap: the block, and the object behind it.
    pub fn heap_bytes(&self) -> usize {
        self.shape().layout().size() + self.object().map_or(0, |o| size_of::<Object>() + o.heap_bytes())
    }

    /// Frees the block alone, not the object that it may point to.
    fn free_block(self) {
        let layout = self.shape().layout();
        // SAFETY: the block was allocated with this layout: the shape changes only where the layout does not.
        unsafe { dealloc(self.block.cast::<u8>().as_ptr(), layout) };
        std::mem::forget(self);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shape = self.shape();
        // SAFETY: the entry owns both the object and the block, and nothing uses them after this.
        unsafe {
            if shape.kind == Kind::Object {
                drop(Box::from_raw(self.at(shape.object_at()).cast::<*mut Object>().read()));
            }
            dealloc(self.block.cast::<u8>().as_ptr(), shape.layout());
        }
    }
}

/// DashMap wants keys that hash and compare; the key bytes alone decide.
impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.key());
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(key: &str, value: &str) -> Entry {
        Entry::new(key.as_bytes(), Content::Bytes(value.as_bytes()), None)
    }

    #[test]
    fn keeps_key_value_and_deadline_through_every_change() {
        let mut e = string("user:1", "John");
        assert_eq!((e.key(), e.bytes(), e.deadline()), (&b"user:1"[..], Some(&b"John"[..]), None));
        e.set_deadline(Some(7));
        assert_eq!((e.key(), e.bytes(), e.deadline()), (&b"user:1"[..], Some(&b"John"[..]), Some(7)));
        e.set_bytes("a value that does not fit the old block at all".as_bytes());
        assert_eq!(e.deadline(), Some(7));
        assert!(e.is_due(7) && !e.is_due(6));
        e.bytes_mut().expect("a string").extend_from_slice(b" and more");
        assert_eq!(e.bytes(), Some(&b"a value that does not fit the old block at all and more"[..]));
        e.set_deadline(None);
        e.set_bytes(b"");
        assert_eq!((e.key(), e.bytes(), e.deadline()), (&b"user:1"[..], Some(&b""[..]), None));
    }

    #[test]
    fn a_value_of_like_size_stays_in_its_block() {
        let mut e = string("counter", "9");
        let before = e.block;
        e.set_bytes(b"10");
        assert_eq!(e.block, before);
        assert_eq!(e.bytes(), Some(&b"10"[..]));
    }

    #[test]
    fn an_object_can_be_taken_out_and_put_back() {
        let mut e = Entry::new(b"k", Content::Object(Box::new(Object::Bytes(vec![1; 100]))), Some(5));
        e.set_access(77);
        let object = e.take_object().expect("an object");
        assert_eq!(e.bytes(), Some(&b""[..]));
        e.set_object(object);
        assert_eq!((e.bytes().map(<[u8]>::len), e.deadline(), e.access()), (Some(100), Some(5), 77));
    }

    #[test]
    fn a_small_entry_is_one_small_block() {
        let key = "k".repeat(16);
        assert_eq!(string(&key, &"v".repeat(64)).heap_bytes(), 96);
        assert_eq!(string(&key, "12345678").heap_bytes(), 48);
    }
}
