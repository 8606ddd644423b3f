//! MONITOR: clients that are shown every request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::outlet::Woken;
use super::pubsub::{Listeners, Subscriber, post};

#[derive(Default)]
pub struct Monitors {
    /// While nobody watches, this is all that a request looks at.
    any: AtomicBool,
    by_id: RwLock<Listeners>,
}

impl Monitors {
    #[inline]
    pub fn are_there(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    pub fn join(&self, monitor: Arc<Subscriber>) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.insert(monitor.id, monitor);
        self.any.store(true, Ordering::Relaxed);
    }

    pub fn leave(&self, client: u64) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.remove(&client);
        self.any.store(!by_id.is_empty(), Ordering::Relaxed);
    }

    /// A slow one is the business of its own output limit.
    pub fn show(&self, line: &str, woken: &mut Woken) {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        post(&by_id, woken, |reply| reply.status(line));
    }
}
