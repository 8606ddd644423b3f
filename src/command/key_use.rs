//! What commands do to their keys, in the terms of Redis's key specs; and what one has to be allowed for it.

use super::row::{Command, Run};
use crate::acl::Permission;
use crate::protocol::Words;

/// One key's use: what becomes of the key, and what is done with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse(u8);

const RO: u8 = 1;
const RW: u8 = 2;
const OW: u8 = 4;
const RM: u8 = 8;
const ACCESS: u8 = 16;
const UPDATE: u8 = 32;
const INSERT: u8 = 64;
const DELETE: u8 = 128;

impl KeyUse {
    /// Looks at what is about the value, and not at the value: EXISTS, STRLEN.
    pub const RO: KeyUse = KeyUse(RO);
    pub const RO_ACCESS: KeyUse = KeyUse(RO | ACCESS);
    /// Reads, and may change how the value is kept: PFCOUNT.
    pub const RW_ACCESS: KeyUse = KeyUse(RW | ACCESS);
    pub const RW_UPDATE: KeyUse = KeyUse(RW | UPDATE);
    pub const RW_INSERT: KeyUse = KeyUse(RW | INSERT);
    pub const RW_DELETE: KeyUse = KeyUse(RW | DELETE);
    pub const RW_ACCESS_UPDATE: KeyUse = KeyUse(RW | ACCESS | UPDATE);
    pub const RW_ACCESS_INSERT: KeyUse = KeyUse(RW | ACCESS | INSERT);
    pub const RW_ACCESS_DELETE: KeyUse = KeyUse(RW | ACCESS | DELETE);
    /// Whatever was there before is lost.
    pub const OW_UPDATE: KeyUse = KeyUse(OW | UPDATE);
    pub const OW_INSERT: KeyUse = KeyUse(OW | INSERT);
    pub const RM_DELETE: KeyUse = KeyUse(RM | DELETE);

    pub fn names(self) -> Vec<&'static str> {
        let named = [
            (RO, "RO"),
            (RW, "RW"),
            (OW, "OW"),
            (RM, "RM"),
            (ACCESS, "access"),
            (UPDATE, "update"),
            (INSERT, "insert"),
            (DELETE, "delete"),
        ];
        named.into_iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| name).collect()
    }

    pub fn needs(self) -> Permission {
        let reads = if self.0 & ACCESS != 0 { Permission::READ } else { Permission::NONE };
        let writes = self.0 & (UPDATE | INSERT | DELETE) != 0;
        if writes { reads.and(Permission::WRITE) } else { reads }
    }
}

/// What a command does to its keys.
#[derive(Clone, Copy)]
pub enum Uses {
    /// What its handler may do: a read reads them, a write updates them.
    AsHandled,
    /// The first key, the second and so on; the last one stands for all that follow.
    Each(&'static [KeyUse]),
    /// To its one key, the first at most; the request says what really.
    Told(KeyUse, fn(Words<'_>) -> KeyUse),
}

impl Command {
    /// In the order of the keys; the last one stands for all that follow.
    pub fn key_uses(&self) -> &[KeyUse] {
        match &self.uses {
            Uses::Each(uses) => uses,
            Uses::Told(most, _) => std::slice::from_ref(most),
            Uses::AsHandled if matches!(self.run, Run::Write(_)) => &[KeyUse::RW_UPDATE],
            Uses::AsHandled => &[KeyUse::RO_ACCESS],
        }
    }

    /// What this request does to its `nth` key.
    pub fn key_use(&self, nth: usize, words: Words<'_>) -> KeyUse {
        if let Uses::Told(_, tell) = self.uses {
            return tell(words);
        }
        let uses = self.key_uses();
        uses[nth.min(uses.len() - 1)]
    }

    /// Whether what it does to its key depends on the request.
    pub fn has_variable_use(&self) -> bool {
        matches!(self.uses, Uses::Told(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_have_names_and_needs() {
        assert_eq!(KeyUse::RW_ACCESS_DELETE.names(), ["RW", "access", "delete"]);
        assert_eq!(KeyUse::RO.needs(), Permission::NONE);
        assert_eq!(KeyUse::RW_ACCESS.needs(), Permission::READ);
        assert_eq!(KeyUse::OW_UPDATE.needs(), Permission::WRITE);
        assert_eq!(KeyUse::RW_ACCESS_UPDATE.needs(), Permission::ALL);
    }
}
