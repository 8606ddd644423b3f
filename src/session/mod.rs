//! A client's state without its socket: what commands and the executor know of it.

pub mod blocking;
pub mod clients;
pub mod outlet;
pub mod pubsub;
pub mod transaction;

use std::sync::{Arc, Weak};

pub use blocking::{Blocked, Line};
pub use clients::{Client, Clients};
pub use outlet::{Outlet, Woken};
pub use pubsub::{Broker, Subscriptions};
pub use transaction::{Queued, Transaction, Watching};

/// One client's session. Owned by whoever runs its requests; features that few clients use are boxed.
pub struct Session {
    /// What other clients may see and change of this one.
    pub client: Arc<Client>,
    pub db: u8,
    /// 2 or 3; decides the spelling of replies to RESP requests.
    pub resp: u8,
    pub authenticated: bool,
    /// Set by QUIT and the like: reply, then close.
    pub closing: bool,
    pub replies: Replies,
    pub transaction: Option<Box<Transaction>>,
    pub watching: Option<Box<Watching>>,
    pub subscriptions: Option<Box<Subscriptions>>,
    /// The last record that this client's writes have made.
    pub written: u64,
    /// The request at hand has waited, or goes on waiting.
    pub blocked: Option<Arc<Blocked>>,
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
}

impl Session {
    pub fn new(client: Arc<Client>, outlet: Weak<dyn Outlet>, authenticated: bool) -> Session {
        Session {
            client,
            db: 0,
            resp: 2,
            authenticated,
            closing: false,
            replies: Replies::On,
            transaction: None,
            watching: None,
            subscriptions: None,
            written: 0,
            blocked: None,
            outlet,
        }
    }
}
