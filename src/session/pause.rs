//! CLIENT PAUSE: which commands have to wait, and until when.
//!
//! A paused client holds no worker: it is blocked like one that waits for a key, only without a key. When the pause
//! ends, or its time is up, its request is run again, and looks whether there is a pause still.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::blocking::{Blocked, State};
use super::outlet::Woken;

/// Who waits. The greater one includes the lesser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Paused {
    #[default]
    Nobody,
    Writes,
    All,
}

/// One pause for the whole server. Asking whether there is one costs a relaxed load.
#[derive(Default)]
pub struct Pauses {
    /// What `state` says, for those who only look.
    paused: AtomicU8,
    state: Mutex<Pause>,
}

#[derive(Default)]
struct Pause {
    paused: Paused,
    until_ms: u64,
    /// Not owned: a client that goes meanwhile is gone.
    waiting: Vec<Weak<Blocked>>,
}

impl Pauses {
    #[inline]
    pub fn is_on(&self) -> bool {
        self.paused.load(Ordering::Relaxed) != Paused::Nobody as u8
    }

    /// A pause that is on already is neither shortened nor weakened.
    pub fn begin(&self, who: Paused, now_ms: u64, until_ms: u64) {
        let mut pause = self.now(now_ms);
        pause.paused = pause.paused.max(who);
        pause.until_ms = pause.until_ms.max(until_ms);
        self.paused.store(pause.paused as u8, Ordering::Relaxed);
    }

    /// All who wait go on.
    pub fn end(&self, woken: &mut Woken) {
        let mut pause = self.state();
        self.forget(&mut pause);
        let waiting = std::mem::take(&mut pause.waiting);
        woken.others.extend(waiting.iter().filter_map(|blocked| blocked.upgrade()?.end(State::Woken)));
    }

    /// Who waits, and for how much longer.
    pub fn left(&self, now_ms: u64) -> (Paused, u64) {
        let pause = self.now(now_ms);
        (pause.paused, pause.until_ms.saturating_sub(now_ms))
    }

    /// One more waits, if there is a pause that it has to wait for. Returns the Unix milliseconds at which it ends.
    pub fn join(
        &self,
        is_write: bool,
        now_ms: u64,
        blocked: impl FnOnce() -> Arc<Blocked>,
    ) -> Option<(u64, Arc<Blocked>)> {
        let mut pause = self.now(now_ms);
        let waits = pause.paused == Paused::All || is_write && pause.paused == Paused::Writes;
        waits.then(|| {
            let blocked = blocked();
            pause.waiting.retain(|other| other.strong_count() > 0);
            pause.waiting.push(Arc::downgrade(&blocked));
            (pause.until_ms, blocked)
        })
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        let pause = self.state();
        let waits = |blocked: &Weak<Blocked>| blocked.upgrade().is_some_and(|b| b.state() == State::Waiting);
        pause.waiting.iter().filter(|blocked| waits(blocked)).count()
    }

    /// The pause, unless its time is up.
    fn now(&self, now_ms: u64) -> MutexGuard<'_, Pause> {
        let mut pause = self.state();
        if pause.until_ms <= now_ms {
            self.forget(&mut pause);
        }
        pause
    }

    fn forget(&self, pause: &mut Pause) {
        pause.paused = Paused::Nobody;
        pause.until_ms = 0;
        self.paused.store(Paused::Nobody as u8, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, Pause> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Outlet;

    struct Nowhere;

    impl Outlet for Nowhere {
        fn post(self: Arc<Self>, _: &[u8]) -> Option<Arc<dyn Outlet>> {
            None
        }
    }

    fn blocked() -> Arc<Blocked> {
        Blocked::without_keys(1, Arc::new(Nowhere))
    }

    #[test]
    fn a_weaker_or_shorter_pause_changes_nothing() {
        let pauses = Pauses::default();
        assert_eq!(pauses.left(0), (Paused::Nobody, 0));
        pauses.begin(Paused::All, 0, 200);
        pauses.begin(Paused::Writes, 0, 20);
        assert_eq!(pauses.left(50), (Paused::All, 150));
        assert!(pauses.is_on());
        assert_eq!(pauses.left(200), (Paused::Nobody, 0));
        assert!(!pauses.is_on());
        pauses.begin(Paused::Writes, 300, 320);
        assert_eq!(pauses.left(305), (Paused::Writes, 15));
    }

    #[test]
    fn those_who_wait_are_woken_once() {
        let pauses = Pauses::default();
        assert!(pauses.join(true, 0, blocked).is_none());
        pauses.begin(Paused::Writes, 0, 100);
        assert!(pauses.join(false, 0, blocked).is_none());
        let (until_ms, _waits) = pauses.join(true, 0, blocked).expect("writes wait");
        let (_, gone) = pauses.join(true, 0, blocked).expect("writes wait");
        assert_eq!((until_ms, pauses.waiting()), (100, 2));
        drop(gone);
        assert_eq!(pauses.waiting(), 1);
        let mut woken = Woken::default();
        pauses.end(&mut woken);
        pauses.end(&mut woken);
        assert_eq!((woken.others.len(), pauses.waiting(), pauses.is_on()), (1, 0, false));
    }
}
