//! Requests that wait for a key: in line, woken, run again. The line itself is [`crate::session::blocking`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Call, Executor};
use crate::command::row::Flags;
use crate::command::table::Found;
use crate::command::{Done, Error, context};
use crate::keyspace::edit::Wait;
use crate::keyspace::lock::Place;
use crate::keyspace::{Edit, WaitKey};
use crate::session::blocking::State;
use crate::session::{Blocked, Session, Woken};

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
        let state = call.session.blocked.as_ref().map(|blocked| blocked.state());
        match state {
            Some(State::Refused) => {
                return Err(Error::UNBLOCKED);
            }
            Some(State::TimedOut | State::Gone) => edit.resume_waiting(),
            Some(State::Waiting | State::Woken) => {
                edit.resume_waiting();
                edit.allow_blocking();
            }
            None => edit.allow_blocking(),
        }
        Ok(call.session.blocked.take())
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
        let Some(blocked) = waited else {
            if let Some(wait) = wait {
                self.begin_wait(wait, edit, call);
            }
            return done;
        };
        // Whoever waits for a list does not mind that the key holds something else for a while.
        let disappointed = wait.is_some() || edit.may_block() && done == Err(Error::WRONG_TYPE);
        if disappointed && blocked.state() == State::Woken {
            self.wait_again(blocked, edit, call);
            return Ok(());
        }
        self.leave_line(&blocked);
        // What it has not taken is for the next in line, whose turn it may have been all the while.
        edit.ready(blocked.keys());
        done
    }

    fn begin_wait(&self, wait: Wait, edit: &mut Edit, call: &mut Call) {
        let Some(outlet) = call.session.outlet.upgrade() else { return };
        edit.waits(&wait.keys);
        let until = wait.timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        let blocked = self.server.line.join(call.session.client.id, wait.keys, until, outlet);
        if let Some(at) = until {
            self.server.control.expire_at(at, Arc::downgrade(&blocked));
        }
        call.session.blocked = Some(blocked);
        call.blocked = true;
    }

    fn wait_again(&self, blocked: Arc<Blocked>, edit: &mut Edit, call: &mut Call) {
        blocked.wait_again();
        if let Some(at) = blocked.until
            && at <= Instant::now()
        {
            // Its time was up during the try, and the note of that has found it busy.
            self.server.control.expire_at(at, Arc::downgrade(&blocked));
        }
        // What is of no use to this client may be what the next one waits for.
        let unused = blocked.keys().iter().filter(|(db, key)| edit.peek(*db, key).is_some());
        call.left_over = unused.cloned().collect();
        call.session.blocked = Some(blocked);
        call.blocked = true;
    }

    /// A handler that touches no key wants to reply later.
    pub(super) fn begin_other_wait(&self, wait: context::Wait, call: &mut Call) {
        if let Some(ms) = wait.timeout_ms {
            let at = Instant::now() + Duration::from_millis(ms);
            self.server.control.expire_at(at, Arc::downgrade(&wait.blocked));
        }
        call.session.blocked = Some(wait.blocked);
        call.blocked = true;
    }

    /// The wait ends without a try.
    pub(super) fn give_up_wait(&self, session: &mut Session, woken: &mut Woken) {
        if let Some(blocked) = session.blocked.take() {
            session.awaited = None;
            self.leave_line(&blocked);
            // Its turn may have been the key's; the next in line gets it.
            blocked.keys().iter().for_each(|key| self.server.line.wake(key, woken));
        }
    }

    pub(super) fn leave_line(&self, blocked: &Blocked) {
        self.server.line.leave(blocked);
        for (db, key) in blocked.keys() {
            self.server.keyspace.waits_no_longer(Place::of(*db, key));
        }
    }

    /// The first in line of each changed key gets its turn. Called when no key is locked any more.
    pub(super) fn wake(&self, ready: Vec<WaitKey>, call: &mut Call) {
        ready.iter().for_each(|key| self.server.line.wake(key, call.woken));
        if let Some(blocked) = &call.session.blocked {
            let left_over = std::mem::take(&mut call.left_over);
            left_over.iter().for_each(|key| self.server.line.wake_behind(blocked, key, call.woken));
        }
    }
}
