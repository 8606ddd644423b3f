//! Clients that wait until a record is on disk: SAVE, WAITAOF.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::execute::log::Seq;
use crate::session::blocking::State;
use crate::session::{Blocked, Outlet};

#[derive(Default)]
pub struct Waiters {
    /// By the record. Not owned: a client that goes meanwhile is gone.
    waiting: Mutex<BTreeMap<Seq, Vec<Weak<Blocked>>>>,
}

impl Waiters {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Seq, Vec<Weak<Blocked>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn join(&self, seq: Seq, blocked: &Arc<Blocked>) {
        self.waiting().entry(seq).or_default().push(Arc::downgrade(blocked));
    }

    /// Those who need wait no longer, as records up to `synced` are on disk; their turns are the caller's to give away.
    pub fn settle(&self, synced: Seq) -> Vec<Arc<dyn Outlet>> {
        let mut waiting = self.waiting();
        if waiting.is_empty() {
            return Vec::new();
        }
        let later = synced.checked_add(1).map_or(BTreeMap::new(), |next| waiting.split_off(&next));
        let over = std::mem::replace(&mut *waiting, later);
        let over = over.into_values().flatten();
        over.filter_map(|blocked| blocked.upgrade()?.end(State::Woken)).collect()
    }
}
