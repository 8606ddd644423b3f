//! What is due goes before a command changes it: a key, or fields of its hash. Its going is an effect like any other.

use super::super::effects::Effects;
use super::super::entry::Entry;
use super::super::event::{self, Event};
use super::super::shard::Due;
use super::super::view::Scope;
use super::Edit;

/// Fields removed because they were due, before one command goes on. More may be left: they are as good as gone.
const DUE_FIELDS_MAX: usize = 64;

/// The effect of fields' deadlines.
pub fn due_fields(effects: &mut Effects, db: u8, key: &[u8], names: &[Vec<u8>]) {
    effects.begin(db, 2 + names.len());
    [&b"HDEL"[..], key]
        .into_iter()
        .chain(names.iter().map(|name| &**name))
        .for_each(|word| effects.word(word));
}

/// What is told of an entry that was due: it had a deadline, or all of its fields had.
pub fn told_of_due(entry: &Entry, now_ms: u64) -> &'static [Event] {
    if entry.deadline().is_some_and(|at| at <= now_ms) {
        &[event::EXPIRED]
    } else {
        &[event::HEXPIRED, event::DEL]
    }
}

impl Edit<'_> {
    /// Fields of this hash have got deadlines: the janitor is to know.
    pub fn note_field_deadlines(&mut self, key: &[u8]) {
        let db = self.view.db;
        let hash = self.view.keyspace.hash(key);
        let Some(mut shard) = self.shard_mut(db, key) else { return };
        let next = shard.find_mut(hash, key).and_then(|entry| entry.next_field_deadline());
        if let Some(at) = next {
            shard.note_fields(hash, at);
        }
    }

    pub(super) fn is_due(&self, db: u8, key: &[u8]) -> bool {
        let Scope::Locked(locked) = &self.view.scope else { return false };
        let Some(shard) = locked.shard_of(db, key) else { return false };
        shard.side.has_deadlines()
            && shard
                .find(self.view.keyspace.hash(key), key)
                .is_some_and(|entry| entry.is_due(self.view.now_ms))
    }

    /// Removes a key whose deadline has passed.
    pub fn expire_if_due(&mut self, db: u8, key: &[u8]) {
        if self.is_due(db, key) {
            self.expire(db, key);
        }
    }

    /// Expiry is an effect: the log must not find a key alive that a later command saw gone.
    pub(super) fn expire(&mut self, db: u8, key: &[u8]) {
        let hash = self.view.keyspace.hash(key);
        let gone = self.shard_mut(db, key).and_then(|mut shard| shard.remove(hash, key));
        self.removed_as_due(db, key, gone.map(Due::Entry));
    }

    /// As [`Edit::expire`], for whatever is due: the key, or some fields of its hash.
    pub(super) fn expire_in(&mut self, db: u8, key: &[u8]) {
        let (hash, now_ms) = (self.view.keyspace.hash(key), self.view.now_ms);
        let due = self
            .shard_mut(db, key)
            .and_then(|mut shard| shard.remove_due_of(hash, key, now_ms, DUE_FIELDS_MAX));
        self.removed_as_due(db, key, due);
    }

    fn removed_as_due(&mut self, db: u8, key: &[u8], due: Option<Due>) {
        match due {
            Some(Due::Entry(entry)) => {
                told_of_due(&entry, self.view.now_ms)
                    .iter()
                    .for_each(|event| self.view.notify_in(db, *event, key));
                self.removed.push(entry);
                self.expired += 1;
                // No touch: for who watches, the key has ended at its deadline, and EXEC looks at that itself.
                self.effects.push(db, &[b"DEL", key]);
            }
            Some(Due::Fields(names)) => {
                due_fields(&mut self.effects, db, key, &names);
                self.view.notify_in(db, event::HEXPIRED, key);
                self.touch(db, key);
            }
            None => {}
        }
    }
}
