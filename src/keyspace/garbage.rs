//! What takes long to free, on its way to a thread that has the time; and how much of it is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::entry::Entry;
use super::table::Table;
use crate::memory;

/// Frees by being dropped, and is counted out when that is done: fields are dropped in this order.
pub struct Garbage {
    _content: Content,
    _share: Share,
}

#[expect(dead_code, reason = "kept to be freed, not to be read")]
enum Content {
    Entries(Vec<Entry>),
    Table(Table),
}

/// How much garbage waits to be freed.
#[derive(Default)]
pub struct Pending {
    objects: AtomicUsize,
    /// Of entries; how much a table holds, nobody adds up.
    bytes: AtomicUsize,
    tables: AtomicUsize,
    freed: AtomicUsize,
}

/// One piece's part in it.
struct Share {
    pending: Arc<Pending>,
    objects: usize,
    bytes: usize,
    tables: usize,
}

impl Garbage {
    pub(super) fn entries(entries: Vec<Entry>, pending: &Arc<Pending>) -> Garbage {
        let bytes = entries.iter().map(Entry::heap_bytes).sum();
        let share = Share::new(pending, entries.len(), bytes, 0);
        Garbage { _content: Content::Entries(entries), _share: share }
    }

    pub(super) fn table(table: Table, pending: &Arc<Pending>) -> Garbage {
        let share = Share::new(pending, table.len(), 0, 1);
        Garbage { _content: Content::Table(table), _share: share }
    }
}

impl Share {
    fn new(pending: &Arc<Pending>, objects: usize, bytes: usize, tables: usize) -> Share {
        pending.objects.fetch_add(objects, Ordering::Relaxed);
        pending.bytes.fetch_add(bytes, Ordering::Relaxed);
        pending.tables.fetch_add(tables, Ordering::Relaxed);
        Share { pending: Arc::clone(pending), objects, bytes, tables }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // First, so that nobody takes for used what has just been freed.
        memory::tell_all();
        self.pending.objects.fetch_sub(self.objects, Ordering::Relaxed);
        self.pending.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.pending.tables.fetch_sub(self.tables, Ordering::Relaxed);
        self.pending.freed.fetch_add(self.objects, Ordering::Relaxed);
    }
}

impl Pending {
    /// Keys whose values wait to be freed.
    pub fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    /// Bytes that are as good as free. `None` while whole tables are among them.
    pub fn bytes(&self) -> Option<usize> {
        (self.tables.load(Ordering::Relaxed) == 0).then(|| self.bytes.load(Ordering::Relaxed))
    }

    /// Keys whose values have been freed this way, ever.
    pub fn freed(&self) -> usize {
        self.freed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Content;

    #[test]
    fn what_is_freed_is_counted_out() {
        let pending = Arc::new(Pending::default());
        let entries = || vec![Entry::new(b"key", Content::Bytes(&[0; 1000]), None)];
        let few = Garbage::entries(entries(), &pending);
        assert_eq!((pending.objects(), pending.bytes(), pending.freed()), (1, Some(1024), 0));
        let table = Garbage::table(Table::new(), &pending);
        assert_eq!(pending.bytes(), None, "nobody knows");
        drop(table);
        drop(few);
        assert_eq!((pending.objects(), pending.bytes(), pending.freed()), (0, Some(0), 1));
    }
}
