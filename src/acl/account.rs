//! A user's place: sessions hold on to it, and find there what the user is by now.

use std::sync::{Arc, PoisonError, RwLock};

use super::User;

pub struct Account(RwLock<Arc<User>>);

impl Account {
    pub(super) fn new(user: User) -> Arc<Account> {
        Arc::new(Account(RwLock::new(Arc::new(user))))
    }

    pub fn current(&self) -> Arc<User> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, user: User) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(user);
    }
}
