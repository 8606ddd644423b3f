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
//! Each step reads only what an earlier one has brought. It is a hint: a shard that is being written is skipped, and
//! a word that is no key costs a few nanoseconds.

use super::Keyspace;
use super::lock::Place;
use super::table::{self, KeyHash};

/// How far ahead tables are asked for, and entries.
const FAR: usize = 6;
const NEAR: usize = 3;
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
}

impl LookAhead {
    /// A new line begins.
    pub fn restart(&mut self, at: usize) {
        self.ring = [None; RING];
        self.next = at;
    }

    /// Request `at` is about to run. `spot` says where the probable key of a request lies, if it has one.
    pub fn step(&mut self, keyspace: &Keyspace, at: usize, spot: impl Fn(usize) -> Option<Spot>) {
        while self.next <= at + FAR {
            let ahead = spot(self.next);
            if let Some((place, hash)) = ahead {
                keyspace.peek_table(place, |table| table::prefetch_slots(table, hash));
            }
            self.ring[self.next % RING] = ahead;
            self.next += 1;
        }
        if let Some((place, hash)) = self.ring[(at + NEAR) % RING] {
            keyspace.peek_table(place, |table| table::prefetch_entries(table, hash));
        }
    }

    /// Whether the requests `at` and behind it seem to want the same shard; `at` is the last one stepped to.
    pub fn stays(&self, at: usize) -> bool {
        let [this, next] = [at, at + 1].map(|at| self.ring[at % RING].map(|(place, _)| place));
        this.is_some() && this == next
    }
}
