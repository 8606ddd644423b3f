//! Requests that have to sit out a pause: see [`crate::session::pause`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Executor, suits};
use crate::command::Error;
use crate::command::row::{Flags, Run, Step};
use crate::command::table::{self, Found};
use crate::protocol::Words;
use crate::session::{Blocked, Session};

/// Whoever waits longer looks in between whether the pause is still on, so that no sum of times overflows.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

impl Executor {
    /// The wait that comes before this request, if any. What will not run at all is refused without a wait.
    #[inline]
    pub fn pause(
        &self,
        session: &mut Session,
        found: &Result<Found, Error>,
        words: Words<'_>,
        now_ms: u64,
    ) -> Option<Arc<Blocked>> {
        if self.server.pauses.is_on() { self.sit_out(session, found, words, now_ms) } else { None }
    }

    #[cold]
    fn sit_out(
        &self,
        session: &mut Session,
        found: &Result<Found, Error>,
        words: Words<'_>,
        now_ms: u64,
    ) -> Option<Arc<Blocked>> {
        let found = suits(found.clone().ok()?, session).ok()?;
        self.authorize(found, words, session).ok()?;
        let outlet = session.outlet.upgrade()?;
        let new = || Blocked::without_keys(session.client.id, outlet);
        let (until_ms, blocked) = self.server.pauses.join(may_write(found, session), now_ms, new)?;
        let left = Duration::from_millis(until_ms.saturating_sub(now_ms));
        let at = Instant::now() + left.min(LOOKED_AT_AGAIN);
        self.server.control.expire_at(at, Arc::downgrade(&blocked));
        Some(blocked)
    }
}

/// Whether others could see that the request has run.
fn may_write(found: Found, session: &Session) -> bool {
    let is_write = |found: Found| found.command.is_write() || found.command.flags.has(Flags::TELLS);
    match found.command.run {
        Run::Transaction(Step::Exec) => session
            .transaction
            .as_ref()
            .is_some_and(|t| t.queue.iter().filter_map(|queued| table::at(queued.index)).any(is_write)),
        _ => is_write(found),
    }
}
