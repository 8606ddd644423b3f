//! ACL LOG: requests and logins that were refused.

use std::collections::VecDeque;

/// Entries among which the same refusal is looked for, to count it there.
const LOOKED_AT_MAX: usize = 10;
/// Further apart than this, the same refusal is a new entry.
const APART_MAX_MS: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Command,
    Key,
    Channel,
    Auth,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

/// Where the request stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    TopLevel,
    /// Between MULTI and EXEC, or run by EXEC.
    Multi,
}

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Place::TopLevel => "toplevel",
            Place::Multi => "multi",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub reason: Reason,
    pub place: Place,
    /// What was refused: a command's name, a key, a channel.
    pub object: Box<[u8]>,
    pub user: Box<[u8]>,
    /// The client, as CLIENT INFO shows it.
    pub client: String,
    pub count: u64,
    pub id: u64,
    pub created_ms: u64,
    pub updated_ms: u64,
}

impl Entry {
    pub fn new(
        reason: Reason,
        place: Place,
        object: &[u8],
        user: &[u8],
        client: String,
        now_ms: u64,
    ) -> Entry {
        Entry {
            reason,
            place,
            object: object.into(),
            user: user.into(),
            client,
            count: 1,
            id: 0,
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    fn is_same(&self, other: &Entry) -> bool {
        self.reason == other.reason
            && self.place == other.place
            && self.object == other.object
            && self.user == other.user
            && self.updated_ms.abs_diff(other.updated_ms) <= APART_MAX_MS
    }
}

/// Newest first.
pub struct Journal {
    entries: VecDeque<Entry>,
    next_id: u64,
    max: usize,
    /// Refusals since the last reset, by reason.
    refused: [u64; 4],
}

impl Journal {
    pub fn new(max: usize) -> Journal {
        Journal { entries: VecDeque::new(), next_id: 0, max, refused: [0; 4] }
    }

    pub fn note(&mut self, entry: Entry) {
        self.refused[entry.reason as usize] += 1;
        let same = self.entries.iter().take(LOOKED_AT_MAX).position(|known| known.is_same(&entry));
        match same.and_then(|at| self.entries.remove(at)) {
            Some(known) => {
                let (client, updated_ms) = (entry.client, entry.updated_ms);
                self.entries.push_front(Entry { client, updated_ms, count: known.count + 1, ..known });
            }
            None => {
                self.entries.push_front(Entry { id: self.next_id, ..entry });
                self.next_id += 1;
                self.entries.truncate(self.max);
            }
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How often anybody was refused something for this reason, be it in the log still or not.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize]
    }

    pub fn reset_counts(&mut self) {
        self.refused = [0; 4];
    }

    /// What is too many goes with the next entry, as in Redis.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(object: &str, now_ms: u64) -> Entry {
        Entry::new(Reason::Key, Place::TopLevel, object.as_bytes(), b"alice", format!("at {now_ms}"), now_ms)
    }

    #[test]
    fn the_same_refusal_is_counted() {
        let mut journal = Journal::new(3);
        journal.note(entry("a", 0));
        journal.note(entry("b", 1));
        journal.note(entry("a", 60_000));
        let seen: Vec<_> =
            journal.iter().map(|e| (&*e.object, e.count, e.id, e.created_ms, &*e.client)).collect();
        assert_eq!(seen, [(&b"a"[..], 2, 0, 0, "at 60000"), (b"b", 1, 1, 1, "at 1")]);
        journal.note(entry("a", 120_001));
        assert_eq!(journal.iter().next().map(|entry| (entry.count, entry.id)), Some((1, 2)));
    }

    #[test]
    fn the_oldest_go() {
        let mut journal = Journal::new(2);
        (0..5).for_each(|n| journal.note(entry(&n.to_string(), n)));
        assert_eq!(journal.iter().map(|entry| entry.id).collect::<Vec<_>>(), [4, 3]);
        journal.clear();
        assert_eq!(journal.iter().len(), 0);
    }
}
