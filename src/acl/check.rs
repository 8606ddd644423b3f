//! Whether a user may make a request.

use super::patterns::Permission;
use super::selector::Selector;
use super::user::User;

/// A request, as far as it matters here.
pub struct Request<'a> {
    /// The command's number in the catalogue.
    pub command: usize,
    /// AUTH and its kin: anybody may say who they are.
    pub is_for_all: bool,
    /// The word behind the command's name.
    pub argument: Option<&'a [u8]>,
    /// Shows what the request touches, always in the same order.
    pub touches: &'a dyn Fn(&mut dyn Visit),
}

/// Takes what a request touches.
pub trait Visit {
    fn key(&mut self, key: &[u8], permission: Permission);
    /// `is_pattern`: of channels.
    fn channel(&mut self, channel: &[u8], is_pattern: bool);
    /// Reads keys whose names are not known before, because of this option.
    fn any_key(&mut self, option: &'static str);
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    Command,
    Key(Box<[u8]>),
    Channel(Box<[u8]>),
    /// This option reads keys whose names are not known before.
    Option(&'static str),
}

impl Denied {
    /// Of several reasons, the one that got farthest.
    fn rank(&self) -> u8 {
        match self {
            Denied::Command => 0,
            Denied::Key(_) => 1,
            Denied::Channel(_) => 2,
            Denied::Option(_) => 3,
        }
    }
}

impl User {
    /// One selector must allow all of the request. Of the reasons of several, the one counts that got farthest.
    pub fn check(&self, request: &Request) -> Result<(), Denied> {
        let mut reason = (0, 0, Denied::Command);
        for selector in self.all_selectors() {
            match selector.check(request) {
                Ok(()) => return Ok(()),
                Err((at, denied)) if (denied.rank(), at) > (reason.0, reason.1) => {
                    reason = (denied.rank(), at, denied);
                }
                Err(_) => {}
            }
        }
        Err(reason.2)
    }

    /// Whether the user may use a channel, by any selector.
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.all_selectors().any(|selector| selector.channels.allows(channel, is_pattern))
    }

    /// Whether all that `before` could listen to is allowed still.
    pub fn allows_channels_of(&self, before: &User) -> bool {
        let kept = |text| self.all_selectors().any(|s| s.channels.texts().any(|known| known == text));
        self.all_selectors().any(|selector| selector.channels.is_all())
            || before
                .all_selectors()
                .all(|selector| !selector.channels.is_all() && selector.channels.texts().all(kept))
    }
}

impl Selector {
    /// The error says how many things of the request were looked at.
    fn check(&self, request: &Request) -> Result<(), (usize, Denied)> {
        if !request.is_for_all && !self.commands.allows(request.command, request.argument) {
            return Err((0, Denied::Command));
        }
        if self.keys.is_all() && self.channels.is_all() {
            return Ok(());
        }
        let mut look = Look { selector: self, seen: 0, denied: None };
        (request.touches)(&mut look);
        look.denied.map_or(Ok(()), Err)
    }
}

/// Stops looking at the first thing that is not allowed.
struct Look<'a> {
    selector: &'a Selector,
    seen: usize,
    denied: Option<(usize, Denied)>,
}

impl Look<'_> {
    fn see(&mut self, allowed: impl FnOnce(&Selector) -> bool, denied: impl FnOnce() -> Denied) {
        self.seen += 1;
        if self.denied.is_none() && !allowed(self.selector) {
            self.denied = Some((self.seen, denied()));
        }
    }
}

impl Visit for Look<'_> {
    fn key(&mut self, key: &[u8], permission: Permission) {
        self.see(|selector| selector.keys.allows(key, permission), || Denied::Key(key.into()));
    }

    fn channel(&mut self, channel: &[u8], is_pattern: bool) {
        self.see(|s| s.channels.allows(channel, is_pattern), || Denied::Channel(channel.into()));
    }

    fn any_key(&mut self, option: &'static str) {
        self.see(|selector| selector.keys.allows_reading_all(), || Denied::Option(option));
    }
}
