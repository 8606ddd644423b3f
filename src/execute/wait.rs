//! Requests that wait for a key: in line, woken, run again. The line itself is [`crate::session::blocking`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Call, Executor};
use crate::command::row::Flags;
use crate::command::table::Found;
use crate::command::{Done, Error};
use crate::keyspace::lock::Place;
use crate::keyspace::{Edit, WaitKey};
use crate::session::blocking::State;
use crate::session::{Blocked, Woken};

impl Executor {
    /// Before the handler runs: whether it may wait, and whether it has waited already.
    pub(super) fn prepare_wait(
        &self,
        found: Found,
        edit: &mut Edit,
        call: &mut Call,
    ) -> Result<Option<Arc<Blocked>>, Error> {
        if !found.command.flags.has(Flags::BLOCKING) {
            return Ok(None);
        }
        let waited = call.session.blocked.take();
        match waited.as_ref().map(|blocked| blocked.state()) {
            Some(State::Refused) => {
                waited.iter().for_each(|blocked| self.leave_line(blocked));
                return Err(Error::fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK"));
            }
            Some(State::TimedOut | State::Gone) => edit.resume_waiting(),
            Some(State::Waiting | State::Woken) => {
                edit.resume_waiting();
                edit.allow_blocking();
            }
            None => edit.allow_blocking(),
        }
        Ok(waited)
    }

    /// After the handler, while its keys are still locked: into the line, back into it, or out of it.
    pub(super) fn settle_wait(
        &self,
        waited: Option<Arc<Blocked>>,
        done: Done,
        edit: &mut Edit,
        call: &mut Call,
    ) -> Done {
        let wait = edit.take_wait();
        match waited {
            // Whoever waits for a list does not mind that the key holds something else for a while.
            Some(blocked)
                if blocked.state() == State::Woken && (wait.is_some() || done == Err(Error::WRONG_TYPE)) =>
            {
                blocked.wait_again();
                call.session.blocked = Some(blocked);
                call.blocked = true;
                Ok(())
            }
            Some(blocked) => {
                self.leave_line(&blocked);
                done
            }
            None => {
                let (Some(wait), Some(outlet)) = (wait, call.session.outlet.upgrade()) else { return done };
                edit.waits(&wait.keys);
                let blocked = self.server.line.join(call.session.client.id, wait.keys, outlet);
                if let Some(timeout_ms) = wait.timeout_ms {
                    let at = Instant::now() + Duration::from_millis(timeout_ms);
                    self.server.control.expire_at(at, Arc::downgrade(&blocked));
                }
                call.session.blocked = Some(blocked);
                call.blocked = true;
                done
            }
        }
    }

    pub(super) fn leave_line(&self, blocked: &Blocked) {
        self.server.line.leave(blocked);
        for (db, key) in blocked.keys() {
            self.server.keyspace.waits_no_longer(Place::of(*db, key));
        }
    }

    /// The first in line of each changed key gets its turn.
    pub(super) fn wake(&self, ready: Vec<WaitKey>, woken: &mut Woken) {
        ready.iter().for_each(|key| self.server.line.wake(key, woken));
    }
}
