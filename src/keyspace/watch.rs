//! WATCH: who wants to know that a key of this shard has changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Set once any key that its client watches has changed.
#[derive(Default, Debug)]
pub struct Dirty(AtomicBool);

impl Dirty {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

type ByKey = HashMap<Box<[u8]>, Vec<Arc<Dirty>>>;

/// One shard's watched keys. A change costs one relaxed load while nobody watches.
#[derive(Default)]
pub struct Watchers {
    count: AtomicUsize,
    by_key: Mutex<ByKey>,
}

impl Watchers {
    /// Called while the shard is locked, so that no change slips between the look and the watch.
    pub fn add(&self, key: &[u8], dirty: &Arc<Dirty>) {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.entry(key.into()).or_default().push(Arc::clone(dirty));
        self.count.fetch_add(1, Ordering::Release);
    }

    pub fn remove(&self, key: &[u8], dirty: &Arc<Dirty>) {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watching) = by_key.get_mut(key) else { return };
        let before = watching.len();
        watching.retain(|other| !Arc::ptr_eq(other, dirty));
        self.count.fetch_sub(before - watching.len(), Ordering::Release);
        if watching.is_empty() {
            by_key.remove(key);
        }
    }

    pub fn changed(&self, key: &[u8]) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.get(key).into_iter().flatten().for_each(|dirty| dirty.set());
    }

    pub fn all_changed(&self, mut existed: impl FnMut(&[u8]) -> bool) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, watching) in by_key.iter().filter(|(key, _)| existed(key)) {
            watching.iter().for_each(|dirty| dirty.set());
        }
    }
}
