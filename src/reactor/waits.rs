//! Blocked clients whose time is limited, by when it is up.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::session::Blocked;

/// So many notes are never swept.
const SWEPT_MIN: usize = 1024;

/// Ordered by deadline; the number tells equal deadlines apart. A wait that has ended leaves a dead note behind,
/// which goes when its time comes, or when there are twice as many notes as lived after the last sweep.
#[derive(Default)]
pub struct Waits {
    by_deadline: BTreeMap<(Instant, u64), Weak<Blocked>>,
    pushed: u64,
    /// Notes that lived after the last sweep.
    swept: usize,
}

impl Waits {
    pub fn push(&mut self, at: Instant, blocked: Weak<Blocked>) {
        if self.by_deadline.len() >= SWEPT_MIN.max(2 * self.swept) {
            self.by_deadline.retain(|_, blocked| blocked.strong_count() > 0);
            self.swept = self.by_deadline.len();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Outlet;
    use std::time::Duration;

    struct Nobody;

    impl Outlet for Nobody {
        fn post(self: Arc<Self>, _: &[u8]) -> Option<Arc<dyn Outlet>> {
            None
        }
    }

    #[test]
    fn waits_that_have_ended_do_not_pile_up() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        let living = Blocked::without_keys(1, Arc::new(Nobody));
        waits.push(now, Arc::downgrade(&living));
        for client in 0..100 * SWEPT_MIN as u64 {
            let ended = Blocked::without_keys(client, Arc::new(Nobody));
            waits.push(now + Duration::from_secs(3600), Arc::downgrade(&ended));
        }
        assert!(waits.by_deadline.len() <= SWEPT_MIN + 1);
        assert!(waits.pop_due(now).is_some_and(|due| Arc::ptr_eq(&due, &living)));
        assert!(waits.pop_due(now).is_none());
    }
}
