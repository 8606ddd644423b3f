//! Clients that wait for a key: BLPOP and its kin.
//!
//! ```text
//!   BLPOP finds nothing --under the shard's lock--> Blocked, in line behind others for the same keys
//!   a write touches the key --after its locks are released--> the first in line gets its turn and tries again
//!   it pops, which touches the key --> the next in line ...
//! ```
//!
//! A blocked client holds no worker: its request stays in its inbox and is simply run again. One client at a
//! time is woken per key, so they are served in the order in which they came. So whoever has been woken owes the
//! others: when it leaves the line, or finds that the key is of no use to it, it wakes the next.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::outlet::{Outlet, Woken};
use crate::keyspace::WaitKey;

/// Why a blocked client runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    Waiting,
    /// One of its keys has changed: worth another try.
    Woken,
    /// Its time is up, or CLIENT UNBLOCK says so: one last try, then nil.
    TimedOut,
    /// CLIENT UNBLOCK ... ERROR.
    Refused,
    /// Its connection is gone.
    Gone,
}

/// One client's wait.
pub struct Blocked {
    ticket: u64,
    pub client: u64,
    keys: Vec<WaitKey>,
    /// When its time is up; `None` where it waits for ever.
    pub until: Option<Instant>,
    outlet: Arc<dyn Outlet>,
    state: AtomicU8,
}

impl Blocked {
    /// A wait for something else than a key.
    pub fn without_keys(client: u64, outlet: Arc<dyn Outlet>) -> Arc<Blocked> {
        Arc::new(Blocked {
            ticket: 0,
            client,
            keys: Vec::new(),
            until: None,
            outlet,
            state: AtomicU8::new(0),
        })
    }

    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Waiting,
            1 => State::Woken,
            2 => State::TimedOut,
            3 => State::Refused,
            _ => State::Gone,
        }
    }

    /// Ends the wait. Whoever succeeds holds the client's turn and must give it to the pool.
    pub fn end(&self, state: State) -> Option<Arc<dyn Outlet>> {
        let waiting = State::Waiting as u8;
        let won = self.state.compare_exchange(waiting, state as u8, Ordering::AcqRel, Ordering::Acquire);
        won.is_ok().then(|| Arc::clone(&self.outlet))
    }

    /// Back in line, at the old place: the try has found nothing. Called under the locks of its keys' shards.
    pub fn wait_again(&self) {
        self.state.store(State::Waiting as u8, Ordering::Release);
    }

    pub fn keys(&self) -> &[WaitKey] {
        &self.keys
    }
}

/// Who waits for which key, in order of arrival.
#[derive(Default)]
pub struct Line {
    by_key: Mutex<HashMap<WaitKey, BTreeMap<u64, Arc<Blocked>>>>,
    by_client: Mutex<HashMap<u64, Arc<Blocked>>>,
    next_ticket: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    /// Called under the locks of the keys' shards, so that no change slips between the look and the wait.
    pub fn join(
        &self,
        client: u64,
        keys: Vec<WaitKey>,
        until: Option<Instant>,
        outlet: Arc<dyn Outlet>,
    ) -> Arc<Blocked> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let blocked = Arc::new(Blocked { ticket, client, keys, until, outlet, state: AtomicU8::new(0) });
        let mut by_key = lock(&self.by_key);
        for key in &blocked.keys {
            by_key.entry(key.clone()).or_default().insert(ticket, Arc::clone(&blocked));
        }
        drop(by_key);
        lock(&self.by_client).insert(client, Arc::clone(&blocked));
        blocked
    }

    pub fn leave(&self, blocked: &Blocked) {
        lock(&self.by_client).remove(&blocked.client);
        let mut by_key = lock(&self.by_key);
        for key in &blocked.keys {
            if let Some(line) = by_key.get_mut(key) {
                line.remove(&blocked.ticket);
                if line.is_empty() {
                    by_key.remove(key);
                }
            }
        }
    }

    /// A key has changed: the first in line may try, unless it is trying already.
    pub fn wake(&self, key: &WaitKey, woken: &mut Woken) {
        let by_key = lock(&self.by_key);
        let first = by_key.get(key).and_then(|line| line.values().next());
        woken.waiting.extend(first.and_then(|blocked| blocked.end(State::Woken)));
    }

    /// As [`Line::wake`], for the one behind a client that cannot use what the key holds.
    pub fn wake_behind(&self, blocked: &Blocked, key: &WaitKey, woken: &mut Woken) {
        let by_key = lock(&self.by_key);
        let behind = by_key.get(key).and_then(|line| line.range(blocked.ticket + 1..).next());
        woken.waiting.extend(behind.and_then(|(_, blocked)| blocked.end(State::Woken)));
    }

    /// CLIENT UNBLOCK, CLIENT KILL.
    pub fn of_client(&self, client: u64) -> Option<Arc<Blocked>> {
        lock(&self.by_client).get(&client).cloned()
    }

    pub fn len(&self) -> usize {
        lock(&self.by_client).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
