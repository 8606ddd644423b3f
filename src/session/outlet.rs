//! A way to reach a client that is not the one being served: messages for subscribers, and waking the blocked.

use std::any::Any;
use std::sync::Arc;

use super::published::Published;

/// A client's connection, seen from afar. The pool knows what really lies behind it.
pub trait Outlet: Any + Send + Sync {
    /// Queues bytes behind whatever is being sent. `Some` hands over the client's turn, which was free: it must be
    /// given to the pool, or the bytes stay.
    fn post(self: Arc<Self>, bytes: &[u8]) -> Option<Arc<dyn Outlet>>;
}

/// Clients whose turn was taken on the way; the worker sees to them when the command is done.
#[derive(Default)]
pub struct Woken {
    /// They have waited for a key that has changed: served at once, before the reply of who changed it leaves.
    pub waiting: Vec<Arc<dyn Outlet>>,
    /// They are handed to the pool.
    pub others: Vec<Arc<dyn Outlet>>,
    /// Messages of which others do not know yet.
    pub published: Published,
}
