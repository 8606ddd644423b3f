//! The clients that are connected, as other clients see them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// What CLIENT LIST, CLIENT KILL and INFO know of a client.
pub struct Client {
    pub id: u64,
    /// `ip:port` of the peer and of our end.
    pub address: String,
    pub local_address: String,
    pub connected_ms: u64,
    active_ms: AtomicU64,
    killed: AtomicBool,
    names: Mutex<Names>,
}

/// What a client says of itself.
#[derive(Default, Clone)]
pub struct Names {
    /// CLIENT SETNAME.
    pub name: String,
    /// CLIENT SETINFO.
    pub library: String,
    pub library_version: String,
    /// Snapshot of the session at its last command.
    pub db: u8,
    pub resp: u8,
    pub last_command: &'static str,
}

impl Client {
    pub fn new(id: u64, address: String, local_address: String, now_ms: u64) -> Client {
        Client {
            id,
            address,
            local_address,
            connected_ms: now_ms,
            active_ms: AtomicU64::new(now_ms),
            killed: AtomicBool::new(false),
            names: Mutex::default(),
        }
    }

    pub fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn active_ms(&self) -> u64 {
        self.active_ms.load(Ordering::Relaxed)
    }

    pub fn set_active_ms(&self, now_ms: u64) {
        self.active_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Asks for the connection to be closed; its owner looks before it runs the next request.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
    }

    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
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
    pub fn connect(&self, address: String, local_address: String, now_ms: u64) -> Arc<Client> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client::new(id, address, local_address, now_ms));
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
