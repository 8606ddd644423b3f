//! One user: a snapshot that never changes once sessions can see it.

use super::password::{self, Password};
use super::rule::Terms;
use super::selector::Selector;

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub name: Box<[u8]>,
    /// Whether one can log in as this user. Who is logged in already stays.
    pub enabled: bool,
    /// Any password will do.
    pub nopass: bool,
    /// Whether what RESTORE brings is checked in depth. It always is here.
    pub(super) sanitizes: bool,
    pub(super) passwords: Vec<Password>,
    pub(super) root: Selector,
    pub(super) selectors: Vec<Selector>,
    pub(super) is_gone: bool,
}

impl User {
    /// Off, and allowed nothing.
    pub fn new(name: &[u8], terms: &Terms) -> User {
        User {
            name: name.into(),
            enabled: false,
            nopass: false,
            sanitizes: true,
            passwords: Vec::new(),
            root: Selector::new(terms),
            selectors: Vec::new(),
            is_gone: false,
        }
    }

    /// The default user as a new server has it: everything is allowed, without a password.
    pub fn all_powerful(name: &[u8], terms: &Terms) -> User {
        let mut user = User { enabled: true, nopass: true, ..User::new(name, terms) };
        user.root.commands.start(true);
        user.root.keys.set(true);
        user.root.channels.set(true);
        user
    }

    /// Whether this is the default user of a new server with this password.
    pub fn is_as_new(&self, requirepass: &str) -> bool {
        let passwords = match requirepass {
            "" => Vec::new(),
            clear => vec![Password::of(clear.as_bytes())],
        };
        let line = |selector: &Selector| selector.describe() == b"~* &* +@all";
        self.enabled
            && self.sanitizes
            && self.nopass == requirepass.is_empty()
            && self.passwords == passwords
            && line(&self.root)
            && self.selectors.is_empty()
    }

    /// Whether there is nothing that this user may not do.
    pub fn is_all_powerful(&self) -> bool {
        self.all_selectors().any(Selector::is_all)
    }

    /// The user has been deleted: who is logged in has to go.
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Whether one can log in as this user with this password.
    pub fn knows(&self, said: &[u8]) -> bool {
        let is_one_of = password::is_one_of(said, &self.passwords);
        self.enabled && (self.nopass || is_one_of)
    }

    /// What the password is compared with where there is no such user.
    pub fn nobody_knows(said: &[u8]) -> bool {
        password::is_one_of(said, &[])
    }

    /// The rules outside of parentheses.
    pub fn root(&self) -> &Selector {
        &self.root
    }

    /// The selectors in parentheses.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    pub(super) fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            flags.push("nopass");
        }
        flags.push(if self.sanitizes { "sanitize-payload" } else { "skip-sanitize-payload" });
        flags
    }

    /// The passwords' hashes, in hexadecimal.
    pub fn passwords(&self) -> Vec<String> {
        self.passwords.iter().map(Password::to_hex).collect()
    }

    /// A line of ACL LIST, of the ACL file and of the configuration file: `user` and the rules that make this user.
    pub fn line(&self) -> Vec<u8> {
        let mut line = [b"user ", &*self.name, b" "].concat();
        for flag in self.flags() {
            line.extend_from_slice(flag.as_bytes());
            line.push(b' ');
        }
        for hash in self.passwords() {
            line.extend_from_slice(format!("#{hash} ").as_bytes());
        }
        line.extend(self.root.describe());
        for selector in &self.selectors {
            line.extend([&b" ("[..], &selector.describe(), b")"].concat());
        }
        line
    }
}
