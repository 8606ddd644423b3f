//! Whom a session acts as.

use std::sync::Arc;

use super::{Account, Acl, User};

pub struct Login {
    account: Arc<Account>,
    /// The account's user, as it was in `seen`.
    user: Arc<User>,
    /// The client has said who it is, or did not have to when it came.
    is_proven: bool,
    /// The generation in which this was last looked at.
    seen: u64,
    /// The same, if there is nothing that the client may not do; otherwise 0, which no generation is.
    free_in: u64,
}

impl Login {
    /// A new client, or one that has been reset.
    pub fn anonymous(acl: &Acl) -> Login {
        let mut login = Login::of(Arc::clone(acl.default_account()));
        login.is_proven = !acl.default_needs_password();
        login.look(acl);
        login
    }

    /// A client that has said who it is.
    pub fn proven(account: Arc<Account>, acl: &Acl) -> Login {
        let mut login = Login::of(account);
        login.is_proven = true;
        login.look(acl);
        login
    }

    fn of(account: Arc<Account>) -> Login {
        Login { user: account.current(), account, is_proven: false, seen: 0, free_in: 0 }
    }

    /// Whether nothing has to be checked.
    #[inline]
    pub fn is_free(&self, acl: &Acl) -> bool {
        self.free_in == acl.generation()
    }

    /// The user as it is now.
    pub fn user(&mut self, acl: &Acl) -> &Arc<User> {
        if self.seen != acl.generation() {
            self.look(acl);
        }
        &self.user
    }

    pub fn needs_password(&self, acl: &Acl) -> bool {
        !self.is_proven && acl.default_needs_password()
    }

    /// The generation is read first: what changes meanwhile is looked at next time.
    #[cold]
    fn look(&mut self, acl: &Acl) {
        self.seen = acl.generation();
        self.user = self.account.current();
        let is_free = self.user.is_all_powerful() && !self.needs_password(acl) && !acl.restricts_everyone();
        self.free_in = if is_free { self.seen } else { 0 };
    }
}
