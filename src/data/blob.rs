//! A byte string in one word.
//!
//! ```text
//!   Blob --> | length: u8 | bytes ... |                      up to 254 bytes
//!            | 255 | length: u64, little endian | bytes ... |
//! ```
//!
//! A `Box<[u8]>` takes two words where it is held; among a million set members, with the
//! allocator's rounding, that second word is a fifth of all memory. So the length lies with the bytes.

use super::dict::Keyed;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice;

/// Immutable bytes on the heap, behind a thin pointer.
pub struct Blob(NonNull<u8>);

/// In the first byte: the length is in the eight bytes that follow.
const LONG: u8 = u8::MAX;
const LONG_HEADER: usize = 1 + size_of::<u64>();

impl Blob {
    pub fn new(bytes: &[u8]) -> Self {
        let layout = layout(bytes.len());
        // SAFETY: the layout is never empty, since every blob has a header. The allocation is
        // checked, and as long as header and bytes together; both are written before it is shared.
        unsafe {
            let Some(start) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            let header = header(bytes.len());
            if header == 1 {
                start.write(bytes.len() as u8);
            } else {
                start.write(LONG);
                start.add(1).cast().write_unaligned((bytes.len() as u64).to_le_bytes());
            }
            start.add(header).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            Self(start)
        }
    }

    /// What the allocator gives for it.
    pub fn heap_bytes(&self) -> usize {
        size_class(header(self.len()) + self.len())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `new` wrote the header that is read here, and as many bytes after it as it says;
        // nobody writes to them again, and they live as long as `self`.
        unsafe {
            match self.0.read() {
                LONG => {
                    let length = u64::from_le_bytes(self.0.add(1).cast().read_unaligned());
                    slice::from_raw_parts(self.0.add(LONG_HEADER).as_ptr(), length as usize)
                }
                length => slice::from_raw_parts(self.0.add(1).as_ptr(), length.into()),
            }
        }
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        let layout = layout(self.len());
        // SAFETY: allocated by `new` with the same layout, which the length alone decides.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

// SAFETY: a blob owns its bytes and never changes them, as a `Box<[u8]>` behind a shared reference.
unsafe impl Send for Blob {}
// SAFETY: as above.
unsafe impl Sync for Blob {}

impl Keyed for Blob {
    fn key(&self) -> &[u8] {
        self
    }

    fn address(&self) -> *const u8 {
        self.0.as_ptr()
    }
}

impl Clone for Blob {
    fn clone(&self) -> Self {
        Self::new(self)
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

/// jemalloc's: multiples of 16, and from 128 on four to each doubling.
fn size_class(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 8).max(16);
    if bytes <= 8 { 8 } else { bytes.next_multiple_of(step) }
}

fn header(length: usize) -> usize {
    if length < LONG as usize { 1 } else { LONG_HEADER }
}

fn layout(length: usize) -> Layout {
    Layout::array::<u8>(header(length) + length).expect("the bytes lie in memory already")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_bytes_of_any_length() {
        for length in [0, 1, 7, 253, 254, 255, 256, 1000, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let blob = Blob::new(&bytes);
            let copy = blob.clone();
            let needed = length + if length < 255 { 1 } else { 9 };
            assert!((needed..needed + needed / 4 + 16).contains(&blob.heap_bytes()));
            drop(blob);
            assert_eq!(&*copy, bytes);
        }
        assert_eq!(size_of::<Option<Blob>>(), size_of::<usize>());
    }
}
