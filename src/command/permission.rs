//! What a request touches, in the terms of [`crate::acl`]: its row says where keys and channels are, and what for.

use super::row::{Channels, Command, Flags, KeyVisitor};
use super::table::Found;
use crate::acl::{Denied, Request, User, Visit};
use crate::protocol::Words;

/// Whether this user may make this request, whose arity has been checked.
pub fn check(user: &User, found: Found, words: Words<'_>) -> Result<(), Denied> {
    user.check(&Request {
        command: found.index,
        is_for_all: found.command.flags.has(Flags::NO_AUTH),
        argument: words.iter().nth(1),
        touches: &|visit| show(found.command, words, visit),
    })
}

/// Whether this user may run this command at all, whatever it touches.
pub fn allows_command(user: &User, found: Found) -> bool {
    let request = Request { command: found.index, is_for_all: false, argument: None, touches: &|_| {} };
    user.check(&request).is_ok()
}

fn show(command: &Command, words: Words<'_>, visit: &mut dyn Visit) {
    command.keys.each(words, 0, &mut Keys { command, words, nth: 0, visit: &mut *visit });
    let (is_pattern, most) = match command.channels {
        Channels::None => return,
        Channels::Published => (false, 1),
        Channels::Subscribed => (false, usize::MAX),
        Channels::Patterns => (true, usize::MAX),
    };
    words.iter().skip(1).take(most).for_each(|channel| visit.channel(channel, is_pattern));
}

struct Keys<'a> {
    command: &'a Command,
    words: Words<'a>,
    nth: usize,
    visit: &'a mut dyn Visit,
}

impl KeyVisitor for Keys<'_> {
    fn key(&mut self, _: u8, key: &[u8]) {
        self.visit.key(key, self.command.key_use(self.nth, self.words).needs());
        self.nth += 1;
    }

    fn made_up(&mut self, _: u8, option: &'static str) {
        self.visit.any_key(option);
    }
}
