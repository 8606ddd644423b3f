//! What a handler that touches no key works with: its client's session, and the server around it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::config::{Config, Fsync};
use crate::keyspace::{DatabaseSize, Keyspace};
use crate::metrics::{LogFigures, Metrics};
use crate::session::{Blocked, Broker, Clients, Line, Monitors, Pauses, Session, Woken};

pub struct Context<'a> {
    pub session: &'a mut Session,
    pub server: &'a Server,
    /// Within a transaction: the sizes of databases as they are there. A handler that asks for sizes declares
    /// [`super::Keys::Every`], so that the transaction has locked all shards; locking one again would never end.
    pub held: Option<&'a dyn Fn(u8) -> DatabaseSize>,
    pub now_ms: u64,
    /// Clients that must be served because of what the command did.
    pub woken: &'a mut Woken,
}

impl Context<'_> {
    pub fn database_size(&self, db: u8) -> DatabaseSize {
        self.held.map_or_else(|| self.server.keyspace.size(db), |size| size(db))
    }
}

/// The running server, as commands see it. Built by the composition root.
pub struct Server {
    pub keyspace: Arc<Keyspace>,
    pub clients: Arc<Clients>,
    pub broker: Broker,
    /// Clients that are shown every request.
    pub monitors: Monitors,
    /// Clients that wait for keys.
    pub line: Line,
    /// Clients that wait for the end of a pause.
    pub pauses: Pauses,
    pub metrics: Arc<Metrics>,
    pub persistence: Arc<dyn Persistence>,
    pub control: Arc<dyn Control>,
    pub started_ms: u64,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// 40 hexadecimal digits for the data's history, should anyone ever follow it.
    pub replication_id: Mutex<String>,
    /// The port that was really bound.
    pub port: u16,
    pub config: Mutex<Config>,
    /// DEBUG SET-ACTIVE-EXPIRE: whether the janitor sweeps.
    pub active_expire: AtomicBool,
}

impl Server {
    pub fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn replication_id(&self) -> MutexGuard<'_, String> {
        self.replication_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those parts that do not look at the configuration each time.
    pub fn apply(&self, config: &Config) {
        self.metrics.set_tracking(config.latency_tracking);
        self.metrics.slow.configure(
            config.slowlog_slower_than_us,
            config.slowlog_max_len,
            config.latency_monitor_ms,
        );
        self.keyspace.tuning.set(config.thresholds);
        self.persistence.set_fsync(config.appendfsync);
    }

    /// Whether the janitor may remove keys that are due: not while a pause promises that nothing changes.
    pub fn sweeps(&self) -> bool {
        self.active_expire.load(Ordering::Relaxed) && !self.pauses.is_on()
    }
}

/// What INFO, SAVE and the like ask of the log.
pub trait Persistence: Send + Sync {
    /// `name:value` lines of INFO's Persistence section.
    fn info(&self, out: &mut String);
    /// The same and more for machines; `None` without a log.
    fn figures(&self) -> Option<LogFigures>;
    /// By the time that a reply to this request leaves, records up to this number are on disk; `None` without a log.
    fn synced(&self) -> Option<u64>;

    /// Waits until all that has been done is on disk, whatever the policy. The error says why it is not.
    fn sync(&self) -> Result<(), String>;

    /// Unix milliseconds of the last time at which all that had been done was known to be on disk; 0 before the first.
    fn last_sync_ms(&self) -> u64;

    /// Begins to write a shorter log that says the same. The error says why that cannot be.
    fn rewrite(&self) -> Result<(), String>;

    /// The same, if the log is at least `min_size` bytes and has grown by `percentage` since the last time.
    fn rewrite_if_grown(&self, percentage: u64, min_size: u64);

    /// From now on, this is when a write counts as safe.
    fn set_fsync(&self, fsync: Fsync);
}

/// What a command may ask of the process.
pub trait Control: Send + Sync {
    /// Begins an orderly stop.
    fn stop(&self);
    /// Ends a wait when its time is up.
    fn expire_at(&self, at: Instant, blocked: Weak<Blocked>);
    /// Closes a client's connection soon.
    fn close(&self, client: u64);
    /// 40 hexadecimal digits that nobody has seen before.
    fn new_id(&self) -> String;
    /// From now on, this is how the server's own log is kept. The error says why it is as it was.
    fn log_as(&self, config: &Config) -> Result<(), String>;
    /// Writes the configuration file anew. The error says why it is as it was.
    fn rewrite_config(&self, config: &Config) -> Result<(), String>;
}
