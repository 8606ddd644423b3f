//! The rules of ACL SETUSER: words, each of which changes a user.

use std::borrow::Cow;
use std::fmt;

use super::password::Password;
use super::patterns::{Permission, is_word};
use super::selector::Selector;
use super::user::User;
use super::{Catalogue, Categories};

/// What rules are read against.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    pub catalogue: &'a Catalogue,
    /// `acl-pubsub-default allchannels`: new users may use all channels.
    pub all_channels: bool,
}

/// Why a rule is refused; its text is Redis's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    Syntax,
    UnknownCommand,
    KeysAfterAll,
    ChannelsAfterAll,
    NoSuchPassword,
    BadHash,
    ArgumentOfSubcommand,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleError::Syntax => "Syntax error",
            RuleError::UnknownCommand => "Unknown command or category name in ACL",
            RuleError::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleError::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::ArgumentOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        })
    }
}

/// Rules as written, where a selector may be spread over several words: `(+get`, `~k)`. The error is the word whose
/// parenthesis is not closed.
pub fn joined<'w>(words: &[&'w [u8]]) -> Result<Vec<Cow<'w, [u8]>>, &'w [u8]> {
    let mut rules = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for &word in words {
        let closes = word.ends_with(b")");
        open = match open.take() {
            None if word.starts_with(b"(") && !closes => Some((word, word.to_vec())),
            None => {
                rules.push(Cow::Borrowed(word));
                None
            }
            Some((first, mut rule)) => {
                rule.push(b' ');
                rule.extend_from_slice(word);
                if closes {
                    rules.push(Cow::Owned(rule));
                    None
                } else {
                    Some((first, rule))
                }
            }
        };
    }
    open.map_or(Ok(rules), |(first, _)| Err(first))
}

impl User {
    pub fn apply(&mut self, rule: &[u8], terms: &Terms) -> Result<(), RuleError> {
        match rule {
            [] => {}
            [b'>', clear @ ..] => self.add_password(Password::of(clear)),
            [b'#', hash @ ..] => self.add_password(Password::from_hex(hash).ok_or(RuleError::BadHash)?),
            [b'<', clear @ ..] => self.remove_password(&Password::of(clear))?,
            [b'!', hash @ ..] => {
                self.remove_password(&Password::from_hex(hash).ok_or(RuleError::BadHash)?)?;
            }
            [b'(', rules @ .., b')'] => {
                let mut selector = Selector::new(terms);
                for rule in rules.split(u8::is_ascii_whitespace).filter(|rule| !rule.is_empty()) {
                    // The list of rules could not be read back: a selector ends where a word ends so.
                    if rule.ends_with(b")") {
                        return Err(RuleError::Syntax);
                    }
                    selector.apply(rule, terms)?;
                }
                self.selectors.push(selector);
            }
            _ => return self.apply_word(rule, terms),
        }
        Ok(())
    }

    fn apply_word(&mut self, rule: &[u8], terms: &Terms) -> Result<(), RuleError> {
        match &*rule.to_ascii_lowercase() {
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"sanitize-payload" => self.sanitizes = true,
            b"skip-sanitize-payload" => self.sanitizes = false,
            b"nopass" => {
                self.nopass = true;
                self.passwords.clear();
            }
            b"resetpass" => {
                self.nopass = false;
                self.passwords.clear();
            }
            b"clearselectors" => self.selectors.clear(),
            b"reset" => *self = User::new(&self.name, terms),
            _ => return self.root.apply(rule, terms),
        }
        Ok(())
    }

    fn add_password(&mut self, password: Password) {
        self.nopass = false;
        if !self.passwords.contains(&password) {
            self.passwords.push(password);
        }
    }

    fn remove_password(&mut self, password: &Password) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == password);
        self.passwords.remove(at.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }
}

impl Selector {
    pub(super) fn apply(&mut self, rule: &[u8], terms: &Terms) -> Result<(), RuleError> {
        match &*rule.to_ascii_lowercase() {
            b"allkeys" | b"~*" => self.keys.set(true),
            b"resetkeys" => self.keys.set(false),
            b"allchannels" | b"&*" => self.channels.set(true),
            b"resetchannels" => self.channels.set(false),
            b"allcommands" | b"+@all" => self.commands.start(true),
            b"nocommands" | b"-@all" => self.commands.start(false),
            _ => match rule {
                [b'~', pattern @ ..] => return self.add_keys(pattern, Permission::ALL),
                [b'%', rest @ ..] => {
                    let (permission, pattern) = permission(rest).ok_or(RuleError::Syntax)?;
                    return self.add_keys(pattern, permission);
                }
                [b'&', pattern @ ..] => return self.add_channels(pattern),
                [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                    let category = Categories::named(name).ok_or(RuleError::UnknownCommand)?;
                    self.commands.set_category(terms.catalogue, category, *sign == b'+');
                }
                [b'+', name @ ..] => return self.allow(name, terms.catalogue),
                [b'-', name @ ..] => {
                    let command = terms.catalogue.find(name).ok_or(RuleError::UnknownCommand)?;
                    self.commands.set(terms.catalogue, command, false);
                }
                _ => return Err(RuleError::Syntax),
            },
        }
        Ok(())
    }

    fn add_keys(&mut self, pattern: &[u8], permission: Permission) -> Result<(), RuleError> {
        if self.keys.is_all() {
            return Err(RuleError::KeysAfterAll);
        }
        if !is_word(pattern) {
            return Err(RuleError::Syntax);
        }
        self.keys.add(pattern, permission);
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.channels.is_all() {
            return Err(RuleError::ChannelsAfterAll);
        }
        if !is_word(pattern) {
            return Err(RuleError::Syntax);
        }
        self.channels.add(pattern);
        Ok(())
    }

    /// `get`, `config|get`, or a command that is allowed only with a certain word behind it: `select|0`.
    fn allow(&mut self, name: &[u8], catalogue: &Catalogue) -> Result<(), RuleError> {
        if let Some(command) = catalogue.find(name) {
            self.commands.set(catalogue, command, true);
            return Ok(());
        }
        let bar = name.iter().rposition(|byte| *byte == b'|').ok_or(RuleError::UnknownCommand)?;
        let (name, argument) = (&name[..bar], &name[bar + 1..]);
        let command = catalogue.find(name).ok_or(RuleError::UnknownCommand)?;
        if catalogue.get(command).parent.is_some() {
            return Err(RuleError::ArgumentOfSubcommand);
        }
        if argument.is_empty() || !is_word(argument) {
            return Err(RuleError::Syntax);
        }
        if catalogue.subcommands(command).next().is_some() {
            return Err(RuleError::UnknownCommand);
        }
        self.commands.allow_first_argument(catalogue, command, argument);
        Ok(())
    }
}

/// `R~pattern`, `W~pattern`, `RW~pattern`: letters in any order and case, each at most once, and at least one.
fn permission(rule: &[u8]) -> Option<(Permission, &[u8])> {
    let tilde = rule.iter().position(|byte| *byte == b'~')?;
    let mut permission = Permission::NONE;
    for letter in &rule[..tilde] {
        let added = match letter.to_ascii_uppercase() {
            b'R' => Permission::READ,
            b'W' => Permission::WRITE,
            _ => return None,
        };
        if permission.covers(added) {
            return None;
        }
        permission = permission.and(added);
    }
    (permission != Permission::NONE).then(|| (permission, &rule[tilde + 1..]))
}
