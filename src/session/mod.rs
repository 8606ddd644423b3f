//! A client's state without its socket: what commands and the executor know of it.

pub mod awaited;
pub mod blocking;
pub mod buffers;
pub mod clients;
mod monitors;
pub mod notifications;
pub mod outlet;
pub mod pause;
mod published;
pub mod pubsub;
pub mod transaction;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::acl::{Acl, Login};
use crate::config::clients::Class;
use crate::keyspace::Keyspace;

pub use awaited::{Awaited, Work};
pub use blocking::{Blocked, Line};
pub use buffers::BufferLimits;
pub use clients::{Client, Clients, Glance, Origin};
pub use monitors::Monitors;
pub use notifications::{Notification, Notifications};
pub use outlet::{Outlet, Woken};
pub use pause::Pauses;
use pubsub::Kind;
pub use pubsub::{Broker, Subscriptions};
pub use transaction::{Queued, Transaction, Watching};

/// One client's session. Owned by whoever runs its requests; features that few clients use are boxed.
pub struct Session {
    /// What other clients may see and change of this one.
    pub client: Arc<Client>,
    pub db: u8,
    /// 2 or 3; decides the spelling of replies to RESP requests.
    pub resp: u8,
    /// Whom it acts as.
    pub login: Login,
    /// Set by QUIT and the like: reply, then close.
    pub closing: bool,
    pub replies: Replies,
    /// CLIENT NO-EVICT and CLIENT NO-TOUCH.
    pub no_evict: bool,
    pub no_touch: bool,
    /// Is shown every request, by MONITOR.
    pub monitors: bool,
    pub transaction: Option<Box<Transaction>>,
    pub watching: Option<Box<Watching>>,
    pub subscriptions: Option<Box<Subscriptions>>,
    /// The last record that this client's writes have made.
    pub written: u64,
    /// The request at hand has waited, or goes on waiting.
    pub blocked: Option<Arc<Blocked>>,
    /// What it waits for, if that is no key.
    pub awaited: Option<Box<Awaited>>,
    /// How others reach this client.
    pub outlet: Weak<dyn Outlet>,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    On,
    Off,
    /// Neither this command's reply nor the next one's.
    SkipNext,
    /// Not this command's.
    Skip,
}

impl Session {
    pub fn new(client: Arc<Client>, outlet: Weak<dyn Outlet>, acl: &Acl) -> Session {
        let login = Login::anonymous(acl);
        client.set_authenticated(!login.needs_password(acl));
        Session {
            client,
            db: 0,
            resp: 2,
            login,
            closing: false,
            replies: Replies::On,
            no_evict: false,
            no_touch: false,
            monitors: false,
            transaction: None,
            watching: None,
            subscriptions: None,
            written: 0,
            blocked: None,
            awaited: None,
            outlet,
        }
    }

    /// From now on, it acts as someone else.
    pub fn log_in(&mut self, login: Login, acl: &Acl) {
        self.login = login;
        self.client.set_authenticated(!self.login.needs_password(acl));
        self.client.names().user = self.login.user(acl).name.to_vec();
    }

    /// Whether the command that has just run is replied to; goes on to what holds for the next one.
    pub fn says_reply(&mut self) -> bool {
        let replies = self.replies;
        self.replies = match replies {
            Replies::SkipNext => Replies::Skip,
            Replies::Skip => Replies::On,
            Replies::On | Replies::Off => replies,
        };
        replies == Replies::On
    }

    /// UNWATCH.
    pub fn unwatch(&mut self, keyspace: &Keyspace) {
        if let Some(watching) = self.watching.take() {
            watching.release(keyspace);
        }
    }

    /// By which limit on unsent replies it is measured.
    pub fn class(&self) -> Class {
        match self.subscriptions.as_ref().is_some_and(|subscriptions| !subscriptions.is_empty()) {
            true => Class::PubSub,
            false => Class::Normal,
        }
    }

    /// Shows other clients how the session stands; cheap enough for every batch.
    pub fn publish(&self, now_ms: u64) {
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.bytes);
        let watched = self.watching.as_ref().map_or(0, |watching| watching.bytes());
        let subscribed = self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.bytes());
        self.client.kept.queued.store(queued + watched, Ordering::Relaxed);
        self.client.kept.subscribed.store(subscribed, Ordering::Relaxed);
        self.client.show(
            now_ms,
            Glance {
                db: self.db,
                resp: self.resp,
                no_evict: self.no_evict,
                no_touch: self.no_touch,
                monitors: self.monitors,
                closing: self.closing,
                dirty: self.watching.as_ref().is_some_and(|watching| watching.dirty.is_set()),
                queued: self.transaction.as_ref().map(|transaction| transaction.queue.len() as u32),
                watched: self.watching.as_ref().map_or(0, |watching| watching.keys().len() as u32),
                subscriptions: self.subscriptions.as_ref().map_or([0; 3], |subscriptions| {
                    Kind::ALL.map(|kind| subscriptions.names(kind).len() as u32)
                }),
            },
        );
    }
}
