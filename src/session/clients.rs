//! The clients that are connected, as other clients see them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::acl::DEFAULT_USER;
use crate::config::clients::Class;

/// What CLIENT LIST, CLIENT KILL and INFO know of a client.
pub struct Client {
    pub id: u64,
    pub origin: Origin,
    pub connected_ms: u64,
    /// The reactor looks at it for how much an unknown client may send.
    authenticated: AtomicBool,
    names: Mutex<Names>,
    pub kept: Kept,
    shown: Shown,
}

/// Where a connection comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `ip:port` of the peer and of our end.
    pub address: String,
    pub local_address: String,
    /// The socket's number in this process.
    pub fd: i32,
    /// It has come by a Unix socket.
    pub is_local: bool,
    /// What a connection of its kind takes with empty buffers.
    pub base_bytes: usize,
}

/// What a client says of itself.
#[derive(Clone)]
pub struct Names {
    /// Whom it acts as.
    pub user: Vec<u8>,
    /// CLIENT SETNAME.
    pub name: String,
    /// CLIENT SETINFO.
    pub library: String,
    pub library_version: String,
}

impl Default for Names {
    fn default() -> Names {
        let (name, library, library_version) = Default::default();
        Names { user: DEFAULT_USER.to_vec(), name, library, library_version }
    }
}

/// Bytes that are kept for a client. Each figure is stored by whoever has the buffer.
#[derive(Default)]
pub struct Kept {
    /// Requests, delivered and not yet run.
    pub in_flight: AtomicUsize,
    /// An unfinished request, and the room behind it.
    pub unfinished: AtomicUsize,
    pub room: AtomicUsize,
    /// Replies that have not left.
    pub replies: AtomicUsize,
    /// Messages behind them.
    pub posted: AtomicUsize,
    /// The queue of a transaction, and the keys that it watches.
    pub queued: AtomicUsize,
    /// Names that it has subscribed to.
    pub subscribed: AtomicUsize,
}

impl Kept {
    pub fn input(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed) + self.unfinished.load(Ordering::Relaxed)
    }

    pub fn output(&self) -> usize {
        self.replies.load(Ordering::Relaxed) + self.posted.load(Ordering::Relaxed)
    }
}

/// How a session stood when it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    pub db: u8,
    pub resp: u8,
    pub no_evict: bool,
    pub no_touch: bool,
    pub monitors: bool,
    pub closing: bool,
    /// A watched key has changed.
    pub dirty: bool,
    /// Commands queued in a transaction, where there is one.
    pub queued: Option<u32>,
    pub watched: u32,
    /// Channels, patterns, shard channels.
    pub subscriptions: [u32; 3],
}

/// A [`Glance`] and more, in a form that its owner stores and others load without a lock.
struct Shown {
    active_ms: AtomicU64,
    /// Its place in the command table; `NO_COMMAND` before the first.
    last_command: AtomicU16,
    db: AtomicU8,
    resp: AtomicU8,
    flags: AtomicU8,
    /// One more than the queue's length; 0 without a transaction.
    queued: AtomicU32,
    watched: AtomicU32,
    subscriptions: [AtomicU32; 3],
}

const NO_COMMAND: u16 = u16::MAX;

const NO_EVICT: u8 = 1;
const NO_TOUCH: u8 = 2;
const CLOSING: u8 = 4;
const DIRTY: u8 = 8;
const MONITORS: u8 = 16;

impl Client {
    pub fn new(id: u64, origin: Origin, now_ms: u64) -> Client {
        Client {
            id,
            origin,
            connected_ms: now_ms,
            authenticated: AtomicBool::new(true),
            names: Mutex::default(),
            kept: Kept::default(),
            shown: Shown {
                active_ms: AtomicU64::new(now_ms),
                last_command: AtomicU16::new(NO_COMMAND),
                db: AtomicU8::new(0),
                resp: AtomicU8::new(2),
                flags: AtomicU8::new(0),
                queued: AtomicU32::new(0),
                watched: AtomicU32::new(0),
                subscriptions: Default::default(),
            },
        }
    }

    pub fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    pub fn set_authenticated(&self, authenticated: bool) {
        self.authenticated.store(authenticated, Ordering::Relaxed);
    }

    pub fn is_subscriber(&self) -> bool {
        self.shown.subscriptions.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    pub fn class(&self) -> Class {
        if self.is_subscriber() { Class::PubSub } else { Class::Normal }
    }

    /// All that the server keeps for it.
    pub fn memory_bytes(&self) -> usize {
        let kept = &self.kept;
        let others = [&kept.room, &kept.queued, &kept.subscribed];
        let others: usize = others.iter().map(|figure| figure.load(Ordering::Relaxed)).sum();
        self.origin.base_bytes + kept.input() + kept.output() + others
    }

    pub fn active_ms(&self) -> u64 {
        self.shown.active_ms.load(Ordering::Relaxed)
    }

    pub fn db(&self) -> u8 {
        self.shown.db.load(Ordering::Relaxed)
    }

    /// Its place in the command table; `None` before the first command.
    pub fn last_command(&self) -> Option<usize> {
        let index = self.shown.last_command.load(Ordering::Relaxed);
        (index != NO_COMMAND).then_some(usize::from(index))
    }

    #[inline]
    pub fn set_last_command(&self, index: usize) {
        self.shown.last_command.store(index as u16, Ordering::Relaxed);
    }

    pub fn show(&self, now_ms: u64, glance: Glance) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(glance.no_evict, NO_EVICT)
            | flag(glance.no_touch, NO_TOUCH)
            | flag(glance.monitors, MONITORS)
            | flag(glance.closing, CLOSING)
            | flag(glance.dirty, DIRTY);
        let shown = &self.shown;
        shown.active_ms.store(now_ms, Ordering::Relaxed);
        shown.db.store(glance.db, Ordering::Relaxed);
        shown.resp.store(glance.resp, Ordering::Relaxed);
        shown.flags.store(flags, Ordering::Relaxed);
        shown.queued.store(glance.queued.map_or(0, |queued| queued + 1), Ordering::Relaxed);
        shown.watched.store(glance.watched, Ordering::Relaxed);
        for (count, now) in shown.subscriptions.iter().zip(glance.subscriptions) {
            count.store(now, Ordering::Relaxed);
        }
    }

    /// Each figure is right by itself; together they may be a command apart.
    pub fn glance(&self) -> Glance {
        let shown = &self.shown;
        let flags = shown.flags.load(Ordering::Relaxed);
        Glance {
            db: shown.db.load(Ordering::Relaxed),
            resp: shown.resp.load(Ordering::Relaxed),
            no_evict: flags & NO_EVICT != 0,
            no_touch: flags & NO_TOUCH != 0,
            monitors: flags & MONITORS != 0,
            closing: flags & CLOSING != 0,
            dirty: flags & DIRTY != 0,
            queued: shown.queued.load(Ordering::Relaxed).checked_sub(1),
            watched: shown.watched.load(Ordering::Relaxed),
            subscriptions: shown.subscriptions.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }
}

/// All clients, by id.
#[derive(Default)]
pub struct Clients {
    by_id: RwLock<BTreeMap<u64, Arc<Client>>>,
    count: AtomicUsize,
    next_id: AtomicU64,
}

impl Clients {
    pub fn connect(&self, origin: Origin, now_ms: u64) -> Arc<Client> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client::new(id, origin, now_ms));
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&client));
        self.count.fetch_add(1, Ordering::Relaxed);
        client
    }

    pub fn disconnect(&self, id: u64) {
        if self.by_id.write().unwrap_or_else(PoisonError::into_inner).remove(&id).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In order of connection.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_seen() {
        let clients = Clients::default();
        let client = clients.connect(Origin::default(), 5);
        assert_eq!((client.last_command(), client.active_ms()), (None, 5));
        let glance = Glance {
            db: 3,
            resp: 3,
            no_evict: true,
            no_touch: false,
            monitors: true,
            closing: false,
            dirty: true,
            queued: Some(0),
            watched: 7,
            subscriptions: [1, 2, 3],
        };
        client.show(9, glance);
        client.set_last_command(0);
        assert_eq!((client.glance(), client.last_command(), client.active_ms()), (glance, Some(0), 9));
        client.show(10, Glance { queued: None, ..glance });
        assert_eq!(client.glance().queued, None);
    }

    #[test]
    fn ids_are_never_used_again() {
        let clients = Clients::default();
        let first = clients.connect(Origin::default(), 0).id;
        clients.disconnect(first);
        clients.disconnect(first);
        let second = clients.connect(Origin::default(), 0).id;
        assert!(second > first);
        assert_eq!((clients.len(), clients.all()[0].id), (1, second));
    }
}
