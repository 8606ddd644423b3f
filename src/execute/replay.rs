//! Records back into the keyspace, through the same table and handlers that made them.
//!
//! The moment of a replayed command is 0: no deadline lies before it, so nothing expires while the log is read.

use super::{KeySet, key_set, look_up};
use crate::command::Args;
use crate::command::row::Run;
use crate::keyspace::lock::{Locked, Mode};
use crate::keyspace::{Edit, Keyspace};
use crate::protocol::{Reply, Wire, Words};

/// Applies records one by one.
pub struct Replay<'k> {
    keyspace: &'k Keyspace,
    /// Replies that nobody reads; errors among them are looked at.
    out: Vec<u8>,
}

impl<'k> Replay<'k> {
    pub fn new(keyspace: &'k Keyspace) -> Replay<'k> {
        Replay { keyspace, out: Vec::new() }
    }

    /// The error says why the record cannot be applied.
    pub fn apply(&mut self, db: u8, words: Words<'_>) -> Result<(), String> {
        let found = look_up(words).map_err(|error| error.text().to_string())?;
        let Run::Write(handler) = found.command.run else {
            return Err(format!("'{}' changes nothing and is no record", found.full_name()));
        };
        let locked = match key_set(found.command, words, db) {
            KeySet::One(place) => Locked::one(self.keyspace, place, Mode::Exclusive),
            KeySet::Many(places) => Locked::many(self.keyspace, places, Mode::Exclusive),
        };
        let mut edit = Edit::new(self.keyspace, locked, db, 0);
        self.out.clear();
        let mut reply = Reply::new(&mut self.out, Wire::Resp2);
        let done = handler(&mut Args::new(words), &mut edit, &mut reply);
        edit.finish();
        done.map_err(|error| error.text().to_string())
    }
}
