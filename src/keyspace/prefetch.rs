//! Looking ahead: memory that the next requests of a pipeline will touch is asked for while this one runs.
//!
//! A look-up in a large keyspace misses the cache twice, one after the other: in the table, then in the entry. A
//! pipeline shows the keys in advance, and so do the connections that a worker is handed at once. Both lines can be on
//! their way before they are needed:
//!
//! ```text
//!   request   i        i+NEAR           i+FAR
//!             runs     its entry's      its table's
//!                      lines: asked for lines: asked for
//! ```
//!
//! Each step reads only what an earlier one has brought, and the first one takes no lock. It is a hint: a shard that is being written is skipped, and
//! a word that is no key costs a few nanoseconds.
//!
//! A collection lies two steps further: in an object, and in what that points to. They are asked for where the last
//! request was for a collection.
//!
//! Where the requests of a pipeline all use one large collection, its elements are asked for in the same way.

use super::Keyspace;
use super::lock::{Kept, Place};
use super::object::Type;
use super::table::{self, KeyHash};

/// How far ahead tables are asked for, and entries.
const FAR: usize = 6;
const NEAR: usize = 3;
/// The same for objects, and for what they hold.
const OBJECT: usize = 2;
const CONTENT: usize = 1;
/// The same for the slots of elements, and for these.
const ELEMENT_FAR: usize = 4;
const ELEMENT_NEAR: usize = 2;
/// A ring that holds what lies between the two.
const RING: usize = 8;

const _: () = assert!(NEAR < FAR && FAR < RING && RING.is_power_of_two());

/// Where a key lies, if it is there.
pub type Spot = (Place, KeyHash);

/// The keys of the requests ahead, by position in the line: of a pipeline, or of connections.
#[derive(Default)]
pub struct LookAhead {
    ring: [Option<Spot>; RING],
    /// The next position to ask a table for.
    next: usize,
    elements: Elements,
}

/// The elements that the requests ahead will want of one collection.
#[derive(Default)]
struct Elements {
    /// Their hashes, by position.
    ring: [Option<u64>; RING],
    /// The next position to ask a slot for.
    next: usize,
    /// No large collection lies here.
    none: Option<Spot>,
}

/// A word of a request that may name what it needs.
#[derive(Clone, Copy)]
pub enum Word {
    /// Behind the command's name.
    Key,
    /// Behind the key.
    Element,
    Last,
}

impl LookAhead {
    /// A new line begins.
    pub fn restart(&mut self, at: usize) {
        self.ring = [None; RING];
        self.next = at;
        self.elements.none = None;
        self.elements.next = at;
    }

    /// Request `at` is about to run. `spot` says where the probable key of a request lies, if it has one.
    pub fn step(&mut self, keyspace: &Keyspace, at: usize, spot: impl Fn(usize) -> Option<Spot>) {
        while self.next <= at + FAR {
            let ahead = spot(self.next);
            if let Some((place, hash)) = ahead {
                keyspace.ask_for_slots(place, hash);
            }
            self.ring[self.next % RING] = ahead;
            self.next += 1;
        }
        if let Some((place, hash)) = self.ring[(at + NEAR) % RING] {
            keyspace.peek_table(place, |table| table::prefetch_entries(table, hash));
        }
    }

    /// As [`LookAhead::step`], for collections, each of which is used only once.
    pub fn step_objects(&mut self, keyspace: &Keyspace, at: usize) {
        if let Some((place, hash)) = self.ring[(at + OBJECT) % RING] {
            keyspace.peek_table(place, |table| table::prefetch_objects(table, hash));
        }
        if let Some((place, hash)) = self.ring[(at + CONTENT) % RING] {
            keyspace.peek_table(place, |table| table::prefetch_contents(table, hash));
        }
    }

    /// As [`LookAhead::step`], for the elements of the collection that request `at` and those behind it use.
    pub fn step_elements<'w>(
        &mut self,
        keyspace: &Keyspace,
        kept: &Kept<'_>,
        at: usize,
        word: impl Fn(usize, Word) -> Option<&'w [u8]>,
    ) {
        let (Some(spot), Some(key)) = (self.ring[at % RING], word(at, Word::Key)) else { return };
        if self.elements.none == Some(spot) {
            return;
        }
        let (ring, elements) = (&self.ring, &mut self.elements);
        kept.peek_table(keyspace, spot.0, |table| {
            let object = table::find(table, spot.1, key).and_then(|entry| entry.object());
            let Some((object, dict)) = object.and_then(|object| Some((object, object.dict()?))) else {
                elements.none = Some(spot);
                return;
            };
            // ZADD names the score first.
            let which = if object.kind() == Type::ZSet { Word::Last } else { Word::Element };
            elements.next = elements.next.max(at + 1);
            while elements.next <= at + ELEMENT_FAR && ring[elements.next % RING] == Some(spot) {
                elements.ring[elements.next % RING] =
                    word(elements.next, which).map(|name| dict.ask_for_slot(name));
                elements.next += 1;
            }
            if let Some(hash) = elements.ring[(at + ELEMENT_NEAR) % RING]
                && at + ELEMENT_NEAR < elements.next
            {
                dict.ask_for_element(hash);
            }
        });
    }

    /// Whether the requests `at` and behind it seem to want the same shard; `at` is the last one stepped to.
    pub fn stays(&self, at: usize) -> bool {
        let [this, next] = [at, at + 1].map(|at| self.ring[at % RING].map(|(place, _)| place));
        this.is_some() && this == next
    }
}
