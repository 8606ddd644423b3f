//! The keys of a request that is part of the sample of hot keys.

use std::sync::MutexGuard;

use crate::command::row::KeyVisitor;
use crate::command::table::Found;
use crate::limits::HOT_KEYS_PER_REQUEST;
use crate::metrics::{Sampler, Sketch};
use crate::protocol::Words;

/// Counts the first keys that a request names.
struct Counting<'s> {
    sketch: MutexGuard<'s, Sketch>,
    left: usize,
}

impl KeyVisitor for Counting<'_> {
    fn key(&mut self, db: u8, key: &[u8]) {
        if self.left > 0 {
            self.left -= 1;
            self.sketch.note(db, key);
        }
    }
}

#[cold]
pub fn note_keys(sampler: &Sampler, found: Found, words: Words<'_>, db: u8) {
    let mut counting = Counting { sketch: sampler.sketch(), left: HOT_KEYS_PER_REQUEST };
    found.command.keys.each(words, db, &mut counting);
}
