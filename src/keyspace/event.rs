//! What can happen to a key, in the words of Redis's keyspace notifications.
//!
//! A handler that changes a key says so with [`super::Edit::notify`]; what nobody has asked for costs a comparison.

use std::sync::atomic::{AtomicU16, Ordering};

/// A set of classes of events, and of kinds of channels: the letters of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes(u16);

impl Classes {
    pub const NONE: Classes = Classes(0);
    pub const GENERIC: Classes = Classes(1);
    pub const STRING: Classes = Classes(1 << 1);
    pub const LIST: Classes = Classes(1 << 2);
    pub const SET: Classes = Classes(1 << 3);
    pub const HASH: Classes = Classes(1 << 4);
    pub const ZSET: Classes = Classes(1 << 5);
    pub const EXPIRED: Classes = Classes(1 << 6);
    pub const EVICTED: Classes = Classes(1 << 7);
    pub const STREAM: Classes = Classes(1 << 8);
    pub const MODULE: Classes = Classes(1 << 9);
    pub const NEW: Classes = Classes(1 << 10);
    /// Channels named after the key, whose messages are events.
    pub const KEYSPACE: Classes = Classes(1 << 11);
    /// Channels named after the event, whose messages are keys.
    pub const KEYEVENT: Classes = Classes(1 << 12);
    pub const MISS: Classes = Classes(1 << 13);

    /// What `A` stands for.
    const ALL: Classes = Classes(0x3ff);

    /// In the order in which CONFIG GET lists them; those of `ALL` come first.
    const LETTERS: [(char, Classes); 14] = [
        ('g', Classes::GENERIC),
        ('$', Classes::STRING),
        ('l', Classes::LIST),
        ('s', Classes::SET),
        ('h', Classes::HASH),
        ('z', Classes::ZSET),
        ('x', Classes::EXPIRED),
        ('e', Classes::EVICTED),
        ('t', Classes::STREAM),
        ('d', Classes::MODULE),
        ('n', Classes::NEW),
        ('K', Classes::KEYSPACE),
        ('E', Classes::KEYEVENT),
        ('m', Classes::MISS),
    ];

    pub fn parse(letters: &str) -> Option<Classes> {
        letters.chars().try_fold(Classes::NONE, |classes, letter| {
            let found = Classes::LETTERS.iter().find(|(known, _)| *known == letter);
            let class = if letter == 'A' { Some(Classes::ALL) } else { found.map(|(_, class)| *class) };
            class.map(|class| classes.and(class))
        })
    }

    const fn and(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    /// Whether any of the others is among these.
    pub fn has(self, others: Classes) -> bool {
        self.0 & others.0 != 0
    }
}

impl std::fmt::Display for Classes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = self.0 & Classes::ALL.0 == Classes::ALL.0;
        if all {
            f.write_str("A")?;
        }
        let spelled = |class: Classes| self.has(class) && !(all && Classes::ALL.and(Classes::NEW).has(class));
        let letters = Classes::LETTERS.iter().filter(|(_, class)| spelled(*class));
        letters.map(|(letter, _)| *letter).collect::<String>().fmt(f)
    }
}

/// The classes that somebody has asked for, as every command reads them.
#[derive(Default)]
pub struct Wanted(AtomicU16);

impl Wanted {
    pub fn get(&self) -> Classes {
        Classes(self.0.load(Ordering::Relaxed))
    }

    pub fn set(&self, classes: Classes) {
        // Without any channel there is nobody to tell.
        let heard = classes.has(Classes::KEYSPACE.and(Classes::KEYEVENT));
        self.0.store(if heard { classes.0 } else { 0 }, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub class: Classes,
    pub name: &'static str,
}

/// Something that has happened to a key.
#[derive(Debug, PartialEq, Eq)]
pub struct Happened {
    pub db: u8,
    pub event: Event,
    pub key: Box<[u8]>,
}

/// What has happened during one command, as far as it is wanted.
#[derive(Default)]
pub struct Events {
    wanted: Classes,
    list: Vec<Happened>,
}

impl Events {
    pub fn new(wanted: &Wanted) -> Events {
        Events { wanted: wanted.get(), list: Vec::new() }
    }

    pub fn wants(&self, event: Event) -> bool {
        self.wanted.has(event.class)
    }

    #[inline]
    pub fn push(&mut self, db: u8, event: Event, key: &[u8]) {
        if self.wants(event) {
            self.list.push(Happened { db, event, key: key.into() });
        }
    }

    pub fn take(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.list)
    }
}

macro_rules! events {
    ($($class:ident: $($constant:ident $name:literal)*;)*) => {
        $($(pub const $constant: Event = Event { class: Classes::$class, name: $name };)*)*
    };
}

events! {
    GENERIC:
        DEL "del" EXPIRE "expire" PERSIST "persist" RENAME_FROM "rename_from" RENAME_TO "rename_to"
        MOVE_FROM "move_from" MOVE_TO "move_to" COPY_TO "copy_to" RESTORE "restore";
    STRING:
        SET "set" SETRANGE "setrange" APPEND "append" INCRBY "incrby" INCRBYFLOAT "incrbyfloat"
        SETBIT "setbit" PFADD "pfadd";
    LIST:
        LPUSH "lpush" RPUSH "rpush" LPOP "lpop" RPOP "rpop" LINSERT "linsert" LSET "lset" LREM "lrem"
        LTRIM "ltrim" SORTSTORE "sortstore";
    SET:
        SADD "sadd" SREM "srem" SPOP "spop" SINTERSTORE "sinterstore" SUNIONSTORE "sunionstore"
        SDIFFSTORE "sdiffstore";
    HASH:
        HSET "hset" HDEL "hdel" HINCRBY "hincrby" HINCRBYFLOAT "hincrbyfloat" HEXPIRE "hexpire"
        HPERSIST "hpersist" HEXPIRED "hexpired";
    ZSET:
        ZADD "zadd" ZINCR "zincr" ZREM "zrem" ZPOPMIN "zpopmin" ZPOPMAX "zpopmax"
        ZREMRANGEBYRANK "zremrangebyrank" ZREMRANGEBYSCORE "zremrangebyscore" ZREMRANGEBYLEX "zremrangebylex"
        ZRANGESTORE "zrangestore" ZUNIONSTORE "zunionstore" ZINTERSTORE "zinterstore" ZDIFFSTORE "zdiffstore"
        GEOSEARCHSTORE "geosearchstore" GEORADIUSSTORE "georadiusstore";
    EXPIRED: EXPIRED "expired";
    EVICTED: EVICTED "evicted";
    NEW: NEW "new";
    MISS: KEYMISS "keymiss";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_spelled_as_redis_spells_them() {
        for (given, spelled) in [
            ("", ""),
            ("KEA", "AKE"),
            ("AKEmn", "AKEm"),
            ("g$lshzxetd", "A"),
            ("KEn", "nKE"),
            ("Ex", "xE"),
            ("KElshm", "lshKEm"),
        ] {
            assert_eq!(
                Classes::parse(given).map(|classes| classes.to_string()),
                Some(spelled.into()),
                "{given}"
            );
        }
        assert_eq!(Classes::parse("KEq"), None);
    }

    #[test]
    fn only_what_is_wanted_is_kept() {
        let wanted = Wanted::default();
        let heard = |letters: &str| {
            wanted.set(Classes::parse(letters).expect("valid letters"));
            let mut events = Events::new(&wanted);
            [LPUSH, DEL, KEYMISS, NEW].into_iter().for_each(|event| events.push(0, event, b"k"));
            events.take().iter().map(|happened| happened.event.name).collect::<Vec<_>>()
        };
        assert_eq!(heard("KEA"), ["lpush", "del"]);
        assert_eq!(heard("Elnm"), ["lpush", "keymiss", "new"]);
        assert_eq!(heard("A"), [""; 0], "no channel, nobody to tell");
    }
}
