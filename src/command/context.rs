//! What a handler that touches no key works with: its client's session, and the server around it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::keyspace::Keyspace;
use crate::metrics::Metrics;
use std::sync::Weak;
use std::time::Instant;

use crate::session::{Blocked, Broker, Clients, Line, Session, Woken};

pub struct Context<'a> {
    pub session: &'a mut Session,
    pub server: &'a Server,
    pub now_ms: u64,
    /// Clients that must be served because of what the command did.
    pub woken: &'a mut Woken,
}

/// The running server, as commands see it. Built by the composition root.
pub struct Server {
    pub keyspace: Arc<Keyspace>,
    pub clients: Arc<Clients>,
    pub broker: Broker,
    /// Clients that wait for keys.
    pub line: Line,
    pub metrics: Arc<Metrics>,
    pub persistence: Arc<dyn Persistence>,
    pub control: Arc<dyn Control>,
    pub started_ms: u64,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// The port that was really bound.
    pub port: u16,
    pub config: Mutex<Config>,
}

impl Server {
    pub fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What INFO, SAVE and the like ask of the log.
pub trait Persistence: Send + Sync {
    /// `name:value` lines of INFO's Persistence section.
    fn info(&self, out: &mut String);
    /// By the time that a reply to this request leaves, records up to this number are on disk; `None` without a log.
    fn synced(&self) -> Option<u64>;
}

/// What a command may ask of the process.
pub trait Control: Send + Sync {
    /// Begins an orderly stop.
    fn stop(&self);
    /// Ends a wait when its time is up.
    fn expire_at(&self, at: Instant, blocked: Weak<Blocked>);
    /// Closes a client's connection soon.
    fn close(&self, client: u64);
}
