//! Patterns of keys and of channels.

use crate::keyspace::pattern::Pattern;

/// What may be done to a key, or is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission(u8);

impl Permission {
    /// Neither reads the value nor changes it: EXISTS. Whoever may do anything to the key may do that.
    pub const NONE: Permission = Permission(0);
    pub const READ: Permission = Permission(1);
    pub const WRITE: Permission = Permission(2);
    pub const ALL: Permission = Permission(3);

    pub const fn and(self, other: Permission) -> Permission {
        Permission(self.0 | other.0)
    }

    pub const fn covers(self, other: Permission) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The texts of patterns are rules' arguments: without blanks, or a list of rules could not be read back.
pub fn is_word(text: &[u8]) -> bool {
    !text.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0 || *byte == 0x0b)
}

#[derive(Clone, Debug)]
struct KeyPattern {
    text: Box<[u8]>,
    pattern: Pattern,
    permission: Permission,
}

impl PartialEq for KeyPattern {
    fn eq(&self, other: &KeyPattern) -> bool {
        self.text == other.text && self.permission == other.permission
    }
}

/// The keys that a selector allows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyPatterns {
    all: bool,
    patterns: Vec<KeyPattern>,
}

impl KeyPatterns {
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// `allkeys` or `resetkeys`.
    pub fn set(&mut self, all: bool) {
        self.all = all;
        self.patterns.clear();
    }

    /// A pattern that is known already gets the permission on top. To do everything with every key is `allkeys`.
    pub fn add(&mut self, text: &[u8], permission: Permission) {
        if text == b"*" && self.permission_of(text).and(permission) == Permission::ALL {
            return self.set(true);
        }
        match self.patterns.iter_mut().find(|known| *known.text == *text) {
            Some(known) => known.permission = known.permission.and(permission),
            None => {
                self.patterns.push(KeyPattern { text: text.into(), pattern: Pattern::new(text), permission })
            }
        }
    }

    fn permission_of(&self, text: &[u8]) -> Permission {
        let known = self.patterns.iter().find(|known| *known.text == *text);
        known.map_or(Permission::NONE, |known| known.permission)
    }

    pub fn allows(&self, key: &[u8], permission: Permission) -> bool {
        let allows = |p: &KeyPattern| p.permission.covers(permission) && p.pattern.matches(key);
        self.all || self.patterns.iter().any(allows)
    }

    /// Whether any key at all may be read: one whose name is not known before.
    pub fn allows_reading_all(&self) -> bool {
        let reads_all =
            |p: &KeyPattern| p.permission.covers(Permission::READ) && matches!(p.pattern, Pattern::All);
        self.all || self.patterns.iter().any(reads_all)
    }

    /// The rules that make these patterns, one space between them.
    pub fn describe(&self, out: &mut Vec<u8>) {
        if self.all {
            return out.extend_from_slice(b"~*");
        }
        for (nth, pattern) in self.patterns.iter().enumerate() {
            if nth > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(match pattern.permission {
                Permission::READ => b"%R~",
                Permission::WRITE => b"%W~",
                _ => b"~",
            });
            out.extend_from_slice(&pattern.text);
        }
    }
}

/// The channels that a selector allows.
#[derive(Clone, Debug, Default)]
pub struct ChannelPatterns {
    all: bool,
    patterns: Vec<(Box<[u8]>, Pattern)>,
}

impl PartialEq for ChannelPatterns {
    fn eq(&self, other: &ChannelPatterns) -> bool {
        self.all == other.all && self.texts().eq(other.texts())
    }
}

impl ChannelPatterns {
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// `allchannels` or `resetchannels`.
    pub fn set(&mut self, all: bool) {
        self.all = all;
        self.patterns.clear();
    }

    pub fn add(&mut self, text: &[u8]) {
        if !self.texts().any(|known| known == text) {
            self.patterns.push((text.into(), Pattern::new(text)));
        }
    }

    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().map(|(text, _)| &**text)
    }

    /// A channel must match a pattern. A pattern to subscribe to must be one, letter by letter.
    pub fn allows(&self, channel: &[u8], is_pattern: bool) -> bool {
        let allows = |(text, pattern): &(Box<[u8]>, Pattern)| match is_pattern {
            true => **text == *channel,
            false => pattern.matches(channel),
        };
        self.all || self.patterns.iter().any(allows)
    }

    /// The rules that make these patterns, one space between them.
    pub fn describe(&self, out: &mut Vec<u8>) {
        if self.all {
            return out.extend_from_slice(b"&*");
        }
        for (nth, text) in self.texts().enumerate() {
            out.extend_from_slice(if nth > 0 { b" &" } else { b"&" });
            out.extend_from_slice(text);
        }
    }
}
