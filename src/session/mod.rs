//! A client's state without its socket: what commands and the executor know of it.

pub mod clients;
pub mod transaction;

use std::sync::Arc;

pub use clients::{Client, Clients};
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
    pub fn new(client: Arc<Client>, authenticated: bool) -> Session {
        Session {
            client,
            db: 0,
            resp: 2,
            authenticated,
            closing: false,
            replies: Replies::On,
            transaction: None,
            watching: None,
        }
    }
}
