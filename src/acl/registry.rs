//! All users.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::file::{self, FileError, Line};
use super::journal::Journal;
use super::rule::{self, Terms};
use super::{Account, Catalogue, DEFAULT_USER, User};

type Accounts = BTreeMap<Box<[u8]>, Arc<Account>>;

pub struct Acl {
    catalogue: &'static Catalogue,
    accounts: RwLock<Accounts>,
    default: Arc<Account>,
    default_needs_password: AtomicBool,
    /// Goes up with every change, behind it.
    generation: AtomicU64,
    /// `acl-pubsub-default allchannels`.
    all_channels: AtomicBool,
    /// Commands that are switched off for everyone, and what is said of them.
    switched_off: Box<[Option<Off>]>,
    restricts_everyone: bool,
    journal: Mutex<Journal>,
}

/// How a command is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// As if there were no such command.
    Unknown,
    /// `enable-debug-command no`
    Debug,
}

/// A user before and after a change: who listens to channels may have to go.
pub struct Changed {
    pub before: Arc<User>,
    pub after: Arc<User>,
}

/// What an ACL file has changed.
pub struct Loaded {
    pub default: Changed,
    /// The users that there were beside it: they have to log in again.
    pub others: Vec<Box<[u8]>>,
}

/// Why an ACL file has changed nothing.
#[derive(Debug)]
pub enum LoadError {
    /// All wrong lines.
    Wrong(Vec<FileError>),
    /// The default user would need no password where it must.
    Open(String),
}

impl Acl {
    /// With the default user alone, who may do everything.
    pub fn new(catalogue: &'static Catalogue, journal_max: usize) -> Acl {
        let terms = Terms { catalogue, all_channels: false };
        let default = Account::new(User::all_powerful(DEFAULT_USER, &terms));
        Acl {
            catalogue,
            accounts: RwLock::new(BTreeMap::from([(DEFAULT_USER.into(), Arc::clone(&default))])),
            default,
            default_needs_password: AtomicBool::new(false),
            generation: AtomicU64::new(1),
            all_channels: AtomicBool::new(false),
            switched_off: vec![None; catalogue.len()].into(),
            restricts_everyone: false,
            journal: Mutex::new(Journal::new(journal_max)),
        }
    }

    /// Before the first client: nobody may use this command. The error says why not.
    pub fn switch_off(&mut self, name: &str, off: Off) -> Result<(), String> {
        let command = self.catalogue.find(name.as_bytes());
        let command = command.ok_or_else(|| format!("there is no command '{name}'"))?;
        for number in std::iter::once(command).chain(self.catalogue.subcommands(command)) {
            self.switched_off[number] = Some(off);
        }
        self.restricts_everyone = true;
        Ok(())
    }

    pub fn switched_off(&self, command: usize) -> Option<Off> {
        self.switched_off[command]
    }

    pub(super) fn restricts_everyone(&self) -> bool {
        self.restricts_everyone
    }

    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn catalogue(&self) -> &'static Catalogue {
        self.catalogue
    }

    pub(super) fn default_account(&self) -> &Arc<Account> {
        &self.default
    }

    /// Whether clients have to say who they are.
    pub fn default_needs_password(&self) -> bool {
        self.default_needs_password.load(Ordering::Relaxed)
    }

    /// AUTH without a name of a user would prove nothing.
    pub fn default_takes_any_password(&self) -> bool {
        self.default.current().nopass
    }

    pub fn set_all_channels(&self, all_channels: bool) {
        self.all_channels.store(all_channels, Ordering::Relaxed);
    }

    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In order of name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.read().values().map(|account| account.current()).collect()
    }

    pub fn user(&self, name: &[u8]) -> Option<Arc<User>> {
        self.read().get(name).map(|account| account.current())
    }

    /// The account whose password was said. An unknown user costs the same time as a wrong password.
    pub fn log_in(&self, name: &[u8], said: &[u8]) -> Option<Arc<Account>> {
        let account = self.read().get(name).cloned();
        let knows = match &account {
            Some(account) => account.current().knows(said),
            None => User::nobody_knows(said),
        };
        account.filter(|_| knows)
    }

    /// ACL SETUSER: all the rules are applied, or none. The error is Redis's text. `may_open`: whether the default user
    /// may be left without a password, or else why not.
    pub fn set_user(
        &self,
        name: &[u8],
        rules: &[&[u8]],
        may_open: Result<(), String>,
    ) -> Result<Option<Changed>, String> {
        let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        let rules = rule::joined(rules).map_err(|open| {
            format!("Unmatched parenthesis in acl selector starting at '{}'.", shown(open))
        })?;
        let terms = self.terms();
        let mut accounts = self.write();
        let before = accounts.get(name).map(|account| account.current());
        let mut user = before.as_deref().cloned().unwrap_or_else(|| User::new(name, &terms));
        for rule in &rules {
            user.apply(rule, &terms)
                .map_err(|why| format!("Error in ACL SETUSER modifier '{}': {why}", shown(rule)))?;
        }
        stay_closed(&user, may_open)?;
        let after = self.put(&mut accounts, user);
        Ok(before.map(|before| Changed { before, after }))
    }

    /// `requirepass`: the default user's only password; an empty one takes it away. Whoever calls has made sure that it
    /// may.
    pub fn set_default_password(&self, clear: &str) {
        let rules = match clear {
            "" => vec![b"nopass".to_vec()],
            clear => vec![b"resetpass".to_vec(), [b">", clear.as_bytes()].concat()],
        };
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        // Rules about passwords alone are never refused.
        let _ = self.set_user(DEFAULT_USER, &rules, Ok(()));
    }

    /// Returns whether there was such a user.
    pub fn delete(&self, name: &[u8]) -> bool {
        self.remove(&mut self.write(), name)
    }

    /// Reads `user` lines: a user each, whose earlier rules are forgotten. Either all are taken, or the first wrong
    /// line is named.
    pub fn configure(&self, lines: &[Line]) -> Result<(), FileError> {
        let users = file::users(lines, &self.terms());
        if let Some(error) = users.errors.into_iter().next() {
            return Err(error);
        }
        let mut accounts = self.write();
        for user in users.users {
            self.put(&mut accounts, user);
        }
        Ok(())
    }

    /// ACL LOAD: the file's users take the place of all others; or else nothing changes, and all wrong lines are
    /// named. `may_open` is that of [`Acl::set_user`].
    pub fn load(&self, text: &[u8], may_open: Result<(), String>) -> Result<Loaded, LoadError> {
        let terms = self.terms();
        let file = file::users(&file::lines(text), &terms);
        if !file.errors.is_empty() {
            return Err(LoadError::Wrong(file.errors));
        }
        let (default, users): (Vec<User>, Vec<User>) =
            file.users.into_iter().partition(|user| *user.name == *DEFAULT_USER);
        let after = default.into_iter().next().unwrap_or_else(|| User::all_powerful(DEFAULT_USER, &terms));
        stay_closed(&after, may_open).map_err(LoadError::Open)?;
        let mut accounts = self.write();
        let before = self.default.current();
        let others: Vec<Box<[u8]>> =
            accounts.keys().filter(|name| ***name != *DEFAULT_USER).cloned().collect();
        for name in &others {
            self.remove(&mut accounts, name);
        }
        for user in users {
            self.put(&mut accounts, user);
        }
        let after = self.put(&mut accounts, after);
        Ok(Loaded { default: Changed { before, after }, others })
    }

    /// Sessions find that the user is gone.
    fn remove(&self, accounts: &mut Accounts, name: &[u8]) -> bool {
        let Some(account) = accounts.remove(name) else { return false };
        account.replace(User { is_gone: true, ..User::new(name, &self.terms()) });
        self.generation.fetch_add(1, Ordering::Release);
        true
    }

    fn put(&self, accounts: &mut Accounts, user: User) -> Arc<User> {
        let name = user.name.clone();
        if *name == *DEFAULT_USER {
            self.default_needs_password.store(!is_open(&user), Ordering::Relaxed);
        }
        let account = match accounts.get(&name) {
            Some(account) => {
                account.replace(user);
                Arc::clone(account)
            }
            None => {
                let account = Account::new(user);
                accounts.insert(name, Arc::clone(&account));
                account
            }
        };
        self.generation.fetch_add(1, Ordering::Release);
        account.current()
    }

    fn terms(&self) -> Terms<'static> {
        Terms { catalogue: self.catalogue, all_channels: self.all_channels.load(Ordering::Relaxed) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Accounts> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Accounts> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether whoever comes may act as this user.
fn is_open(user: &User) -> bool {
    user.nopass && user.enabled
}

fn stay_closed(user: &User, may_open: Result<(), String>) -> Result<(), String> {
    if *user.name != *DEFAULT_USER || !is_open(user) {
        return Ok(());
    }
    may_open.map_err(|why| format!("the default user would be without a password, but {why}"))
}
