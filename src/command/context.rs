//! What a handler that touches no key works with: its client's session, and the server around it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use super::error::Error;
use crate::acl::Acl;
use crate::config::{Config, Fsync, Refusal};
use crate::keyspace::{DatabaseSize, Keyspace};
use crate::memory::Limit;
use crate::metrics::{LogFigures, Metrics};
use crate::session::blocking::State;
use crate::session::pubsub::Kind;
use crate::session::{
    Awaited, Blocked, Broker, BufferLimits, Clients, Line, Monitors, Notification, Notifications, Pauses,
    Session, Woken, Work,
};

const BEING_CHANGED: Error =
    Error::fixed("ERR The configuration is being changed by another client, try again");

pub struct Context<'a> {
    pub session: &'a mut Session,
    pub server: &'a Server,
    /// Within a transaction: the sizes of databases as they are there. A handler that asks for sizes declares
    /// [`super::Keys::everything`], so that the transaction has locked all shards; locking more would never end.
    pub held: Option<&'a dyn Fn(u8) -> DatabaseSize>,
    pub now_ms: u64,
    /// Clients that must be served because of what the command did.
    pub woken: &'a mut Woken,
    /// How a wait has ended, where the request has waited already.
    pub waited: Option<State>,
    /// Set by a handler that replies only later: its request will run again. Its row says REPLIES_LATER or BLOCKING.
    pub waits: Option<Wait>,
    /// Messages that have to wait: for the end of the transaction, for what this client has written to be durable, or for
    /// what is to be told before.
    pub told: Option<&'a mut Vec<Notification>>,
}

/// A client's wait for something else than a key.
pub struct Wait {
    pub blocked: Arc<Blocked>,
    /// `None`: for ever.
    pub timeout_ms: Option<u64>,
}

impl<'a> Context<'a> {
    pub fn database_size(&self, db: u8) -> DatabaseSize {
        self.held.map_or_else(|| self.server.keyspace.size(db), |size| size(db))
    }

    /// Configuration and users are changed by one at a time, who may have to wait for files. A transaction, which holds
    /// keys that others want, waits for nobody.
    pub fn begin_change(&self) -> Result<MutexGuard<'a, ()>, Error> {
        let server: &'a Server = self.server;
        let changing = &server.changing;
        match self.held {
            None => Ok(changing.lock().unwrap_or_else(PoisonError::into_inner)),
            Some(_) => changing.try_lock().map_err(|_| BEING_CHANGED),
        }
    }

    /// Waits until records up to `seq` are on disk, as long as CLIENT UNBLOCK lets it. Returns whether they are, or
    /// `None` if the reply must wait. `timeout_ms`: `None` is for ever.
    pub fn wait_for_disk(&mut self, seq: u64, timeout_ms: Option<u64>) -> Result<Option<bool>, Error> {
        let seq = match self.session.awaited.take().as_deref() {
            Some(Awaited::Synced(seq)) => *seq,
            _ => seq,
        };
        let persistence = &*self.server.persistence;
        if persistence.synced_seq().is_some_and(|synced| synced >= seq) {
            return Ok(Some(true));
        }
        if let Some(why) = persistence.failure() {
            return Err(Error::new(format!("ERR {why}")));
        }
        match self.waited {
            Some(State::Refused) => return Err(Error::UNBLOCKED),
            Some(State::TimedOut | State::Gone) => return Ok(Some(false)),
            Some(State::Waiting | State::Woken) | None => {}
        }
        // A transaction waits for nothing but with its whole reply.
        let Some(outlet) = self.session.outlet.upgrade().filter(|_| self.held.is_none()) else {
            return Ok(Some(persistence.replies_wait()));
        };
        let blocked = self.server.line.join(self.session.client.id, Vec::new(), None, outlet);
        persistence.when_synced(seq, &blocked);
        self.session.awaited = Some(Box::new(Awaited::Synced(seq)));
        self.waits = Some(Wait { blocked, timeout_ms });
        Ok(None)
    }

    /// Has work done on another thread. Returns how it went, or `None` as long as the reply must wait.
    pub fn wait_for_work(
        &mut self,
        start: impl FnOnce(&dyn Persistence, Arc<Blocked>) -> Arc<Work>,
    ) -> Option<Result<(), Error>> {
        if let Some(Awaited::Work(work)) = self.session.awaited.take().as_deref() {
            let outcome = work.outcome().unwrap_or_else(|| Err("the client has gone".to_owned()));
            return Some(outcome.map_err(|why| Error::new(format!("ERR {why}"))));
        }
        let blocked = Blocked::without_keys(self.session.client.id, self.session.outlet.upgrade()?);
        let work = start(&*self.server.persistence, Arc::clone(&blocked));
        self.session.awaited = Some(Box::new(Awaited::Work(work)));
        self.waits = Some(Wait { blocked, timeout_ms: None });
        None
    }

    /// Sends a message to all who listen. Returns how many do.
    pub fn publish(&mut self, kind: Kind, channel: &[u8], text: &[u8]) -> usize {
        let broker = &self.server.broker;
        let Some(told) = &mut self.told else { return broker.publish(kind, channel, text, self.woken) };
        // Others may send on what waits, and this client's earlier messages come first.
        broker.post_published(self.woken);
        told.push(Notification::Message { kind, channel: channel.into(), text: text.into() });
        broker.audience(kind, channel)
    }
}

/// The running server, as commands see it. Built by the composition root.
pub struct Server {
    pub keyspace: Arc<Keyspace>,
    /// Users, and what they may do.
    pub acl: Acl,
    pub clients: Arc<Clients>,
    pub broker: Broker,
    /// What has happened to keys and was not told yet.
    pub notifications: Notifications,
    /// Clients that are shown every request.
    pub monitors: Monitors,
    /// Clients that wait for keys.
    pub line: Line,
    /// Clients that wait for the end of a pause.
    pub pauses: Pauses,
    pub metrics: Arc<Metrics>,
    /// How much may be kept for clients.
    pub buffers: Arc<BufferLimits>,
    /// How much memory may be used.
    pub limit: Limit,
    pub persistence: Arc<dyn Persistence>,
    pub control: Arc<dyn Control>,
    pub started_ms: u64,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// 40 hexadecimal digits for the data's history, should anyone ever follow it.
    pub replication_id: Mutex<String>,
    /// The port that was really bound; 0 where there is none.
    pub port: Arc<AtomicU16>,
    pub config: Mutex<Config>,
    /// Held by whoever changes the configuration, for as long as that takes.
    pub changing: Mutex<()>,
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
        self.buffers.set(config, config.maxmemory as usize);
        self.keyspace.wanted.set(config.notify_keyspace_events);
        self.persistence.set_fsync(config.appendfsync);
        self.acl.set_all_channels(config.acl_all_channels);
        self.acl.journal().set_max(config.acllog_max_len);
        self.apply_memory(config);
    }

    fn apply_memory(&self, config: &Config) {
        let policy = config.maxmemory_policy;
        self.keyspace.evictor.set(policy, config.maxmemory_samples);
        self.keyspace.usage.set(policy.counts_uses(), config.lfu_log_factor, config.lfu_decay_minutes);
        self.limit.set(config.maxmemory, config.eviction_tenacity);
        self.control.evict_on();
    }

    /// Whether the janitor may remove keys that are due: not while a pause promises that nothing changes.
    pub fn sweeps(&self) -> bool {
        self.active_expire.load(Ordering::Relaxed) && !self.pauses.is_on()
    }
}

/// What INFO, SAVE and the like ask of the log.
pub trait Persistence: Send + Sync {
    /// Bytes that wait to be written to the log.
    fn backlog_bytes(&self) -> usize;
    /// How the log is doing; `None` without one.
    fn figures(&self) -> Option<LogFigures>;

    /// Records up to this number are on disk; `None` without a log.
    fn synced_seq(&self) -> Option<u64>;

    /// The number of the last record.
    fn last_seq(&self) -> u64;

    /// Replies wait until what they say is on disk.
    fn replies_wait(&self) -> bool;

    /// Why nothing can be made durable, if that is so.
    fn failure(&self) -> Option<String>;

    /// Has all that was done so far synced soon, whatever the policy.
    fn sync_soon(&self);

    /// The same; the client is woken when records up to `seq` are on disk, or the log has failed.
    fn when_synced(&self, seq: u64, blocked: &Arc<Blocked>);

    /// Unix milliseconds of the last time at which all that had been done was known to be on disk; 0 before the first.
    fn last_sync_ms(&self) -> u64;

    /// Begins to write a shorter log that says the same, or will. The error says why that cannot be.
    fn rewrite(&self) -> Result<Rewrite, String>;

    /// The same, if the log is at least `min_size` bytes and has grown by `percentage` since the last time.
    fn rewrite_if_grown(&self, percentage: u64, min_size: u64);

    /// Copies the log as it is now to a new directory. The client is woken when that is done.
    fn backup(&self, path: &str, blocked: Arc<Blocked>) -> Arc<Work>;

    /// Replaces all data by what the log says. The client is woken when that is done.
    fn reload(&self, blocked: Arc<Blocked>) -> Arc<Work>;

    /// From now on, this is when a write counts as safe.
    fn set_fsync(&self, fsync: Fsync);
}

/// How the wish for a compaction was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite {
    Started,
    /// It begins when whoever reads the log's files now is done.
    Scheduled,
}

/// What a command may ask of the process.
pub trait Control: Send + Sync {
    /// Begins an orderly stop.
    fn stop(&self);
    /// Ends a wait when its time is up.
    fn expire_at(&self, at: Instant, blocked: Weak<Blocked>);
    /// Has keys evicted in the background until memory is within its limit.
    fn evict_on(&self);
    /// Closes a client's connection soon.
    fn close(&self, client: u64);
    /// 40 hexadecimal digits that nobody has seen before.
    fn new_id(&self) -> String;
    /// Makes the process follow a changed configuration: sockets, certificates, its own log's level. `reload` reads files
    /// anew whose names have not changed. On an error all is as before.
    /// `needs_password`: clients have to say who they are.
    fn adopt(
        &self,
        before: &Config,
        after: &Config,
        needs_password: bool,
        reload: bool,
    ) -> Result<(), Refusal>;
    /// Writes the configuration file anew; `users` are the `user` lines of today, in words. The error says why it is as
    /// it was.
    fn rewrite_config(&self, config: &Config, users: &[Vec<Vec<u8>>]) -> Result<(), String>;
    /// A whole file. The error says why it cannot be read.
    fn read_file(&self, path: &Path) -> Result<Vec<u8>, String>;
    /// Puts a new text in a file's place. The error says why it is as it was.
    fn replace_file(&self, path: &Path, text: &[u8]) -> Result<(), String>;
    /// Bytes that nobody can guess.
    fn random_bytes(&self, bytes: &mut [u8]) -> Result<(), String>;
}
