//! Whether a client may make a request: see [`crate::acl`].
//!
//! Asked when a request comes, be it only to be queued, and once more when EXEC runs it.

use super::{Executor, NOT_IN_MULTI, unknown_command};
use crate::acl::{Denied, Entry, Off, Place, Reason};
use crate::command::Error;
use crate::command::connection::describe_client;
use crate::command::permission;
use crate::command::row::Flags;
use crate::command::table::Found;
use crate::protocol::Words;
use crate::session::Session;

const NO_AUTH: Error = Error::fixed("NOAUTH Authentication required.");

const NO_DEBUG: Error = Error::fixed(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"yes\", you can run it; it can be \
     changed only by a restart.",
);

/// Why a request is not admitted.
pub(super) enum Refused {
    Error(Error),
    /// A rule says so: worth an entry in ACL LOG.
    Denied(Denied),
}

impl Executor {
    /// The way of all who are not free to do everything.
    #[cold]
    pub(super) fn authorize(
        &self,
        found: Found,
        words: Words<'_>,
        session: &mut Session,
    ) -> Result<(), Refused> {
        let acl = &self.server.acl;
        match acl.switched_off(found.index) {
            None => {}
            Some(Off::Unknown) => return Err(Refused::Error(unknown_command(words))),
            Some(Off::Debug) => return Err(Refused::Error(NO_DEBUG)),
        }
        let is_gone = session.login.user(acl).is_gone();
        session.closing |= is_gone;
        let needs_password = session.login.needs_password(acl);
        session.client.set_authenticated(!needs_password);
        if is_gone || needs_password && !found.command.flags.has(Flags::NO_AUTH) {
            return Err(Refused::Error(NO_AUTH));
        }
        if session.transaction.is_some() && found.command.flags.has(Flags::NO_MULTI) {
            return Err(Refused::Error(NOT_IN_MULTI));
        }
        permission::check(session.login.user(acl), found, words).map_err(Refused::Denied)
    }

    /// The error for a request that came, with an entry in ACL LOG.
    pub(super) fn refuse(&self, refused: Refused, found: Found, session: &mut Session, now_ms: u64) -> Error {
        let denied = match refused {
            Refused::Error(error) => return error,
            Refused::Denied(denied) => denied,
        };
        let place = if session.transaction.is_some() { Place::Multi } else { Place::TopLevel };
        self.note_denial(&denied, found, place, session, now_ms);
        Error::new(match denied {
            Denied::Command => {
                let user = session.login.user(&self.server.acl);
                let user = String::from_utf8_lossy(&user.name);
                format!("NOPERM User {user} has no permissions to run the '{}' command", found.full_name())
            }
            Denied::Key(_) => "NOPERM No permissions to access a key".into(),
            Denied::Channel(_) => "NOPERM No permissions to access a channel".into(),
            Denied::Option(option) => {
                let command = found.command.name.to_ascii_uppercase();
                format!("ERR {option} option of {command} denied due to insufficient ACL permissions.")
            }
        })
    }

    /// EXEC is about to run what was allowed when it was queued.
    pub(super) fn authorize_queued(
        &self,
        found: Found,
        words: Words<'_>,
        session: &mut Session,
        now_ms: u64,
    ) -> Result<(), Error> {
        if session.login.is_free(&self.server.acl) {
            return Ok(());
        }
        let denied = match self.authorize(found, words, session) {
            Ok(()) => return Ok(()),
            Err(Refused::Error(error)) => return Err(error),
            Err(Refused::Denied(denied)) => denied,
        };
        self.note_denial(&denied, found, Place::Multi, session, now_ms);
        let reason = match denied {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) | Denied::Option(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => {
                "no permission to access one of the channels used as argument to the command"
            }
        };
        Err(Error::new(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
             This command is no longer allowed for the following reason: {reason}"
        )))
    }

    fn note_denial(&self, denied: &Denied, found: Found, place: Place, session: &mut Session, now_ms: u64) {
        let name = found.full_name();
        let (reason, object) = match denied {
            Denied::Command => (Reason::Command, name.as_bytes()),
            Denied::Key(key) => (Reason::Key, &**key),
            Denied::Channel(channel) => (Reason::Channel, &**channel),
            // The name of the command is allowed, and so are its keys: there is no object to show.
            Denied::Option(_) => return,
        };
        let user = session.login.user(&self.server.acl).name.clone();
        session.client.set_last_command(found.index);
        let client = describe_client(&self.server, session, now_ms);
        self.server.acl.journal().note(Entry::new(reason, place, object, &user, client, now_ms));
    }
}
