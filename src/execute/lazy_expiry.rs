//! A reader cannot remove the expired keys that it meets, since others read beside it: that is done behind it.

use super::{Call, Executor};
use crate::command::row::KeyVisitor;
use crate::command::table::Found;
use crate::keyspace::lock::{Locked, Mode};
use crate::keyspace::{Edit, Places};
use crate::protocol::Words;

/// Removes each key that it is given, if it is due.
struct Expiring<'e, 'k>(&'e mut Edit<'k>);

impl KeyVisitor for Expiring<'_, '_> {
    fn key(&mut self, db: u8, key: &[u8]) {
        self.0.expire_if_due(db, key);
    }
}

impl Executor {
    /// The reply does not wait for it: the keys are as good as gone, whether the log says so or not.
    #[cold]
    pub(super) fn expire_behind(&self, found: Found, words: Words<'_>, call: &mut Call) {
        // A pause promises that nothing changes.
        if self.server.pauses.is_on() || self.refuse_if_unwritable().is_err() {
            return;
        }
        let (db, keys) = (call.session.db, found.command.keys);
        let mut places = Places::new();
        keys.each(words, db, &mut places);
        let keyspace = &*self.server.keyspace;
        let locked = Locked::many(keyspace, places, Mode::Exclusive);
        let mut edit = Edit::new(keyspace, locked, self.log.collect(), db, call.now_ms);
        keys.each(words, db, &mut Expiring(&mut edit));
        call.counters.expired.add(edit.expired().into());
        let depends_on = call.depends_on;
        self.record(&mut edit, call);
        call.depends_on = depends_on;
        self.wake(edit.finish(), call);
        self.publish_notifications(call);
    }
}
