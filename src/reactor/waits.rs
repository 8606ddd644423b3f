//! Blocked clients whose time is limited, by when it is up.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::session::Blocked;

/// Ordered by deadline; the number tells equal deadlines apart. A wait that has ended leaves a dead note behind,
/// which goes when its time comes.
#[derive(Default)]
pub struct Waits {
    by_deadline: BTreeMap<(Instant, u64), Weak<Blocked>>,
    pushed: u64,
}

impl Waits {
    pub fn push(&mut self, at: Instant, blocked: Weak<Blocked>) {
        self.pushed += 1;
        self.by_deadline.insert((at, self.pushed), blocked);
    }

    /// When the next wait is up.
    pub fn next(&self) -> Option<Instant> {
        self.by_deadline.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn pop_due(&mut self, now: Instant) -> Option<Arc<Blocked>> {
        while self.next().is_some_and(|at| at <= now) {
            if let Some((_, blocked)) = self.by_deadline.pop_first()
                && let Some(blocked) = blocked.upgrade()
            {
                return Some(blocked);
            }
        }
        None
    }
}
