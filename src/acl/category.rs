//! The categories of commands: `@read` and the like.

/// A set of categories, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Categories(u32);

impl Categories {
    pub const NONE: Categories = Categories(0);
    pub const KEYSPACE: Categories = Categories(1);
    pub const READ: Categories = Categories(1 << 1);
    pub const WRITE: Categories = Categories(1 << 2);
    pub const SET: Categories = Categories(1 << 3);
    pub const SORTED_SET: Categories = Categories(1 << 4);
    pub const LIST: Categories = Categories(1 << 5);
    pub const HASH: Categories = Categories(1 << 6);
    pub const STRING: Categories = Categories(1 << 7);
    pub const BITMAP: Categories = Categories(1 << 8);
    pub const HYPERLOGLOG: Categories = Categories(1 << 9);
    pub const GEO: Categories = Categories(1 << 10);
    pub const STREAM: Categories = Categories(1 << 11);
    pub const PUBSUB: Categories = Categories(1 << 12);
    pub const ADMIN: Categories = Categories(1 << 13);
    pub const FAST: Categories = Categories(1 << 14);
    pub const SLOW: Categories = Categories(1 << 15);
    pub const BLOCKING: Categories = Categories(1 << 16);
    pub const DANGEROUS: Categories = Categories(1 << 17);
    pub const CONNECTION: Categories = Categories(1 << 18);
    pub const TRANSACTION: Categories = Categories(1 << 19);
    pub const SCRIPTING: Categories = Categories(1 << 20);

    /// All of them by name, in Redis's order. Those that have no commands here may stand in rules all the same.
    pub const NAMED: [(&'static str, Categories); 21] = [
        ("keyspace", Categories::KEYSPACE),
        ("read", Categories::READ),
        ("write", Categories::WRITE),
        ("set", Categories::SET),
        ("sortedset", Categories::SORTED_SET),
        ("list", Categories::LIST),
        ("hash", Categories::HASH),
        ("string", Categories::STRING),
        ("bitmap", Categories::BITMAP),
        ("hyperloglog", Categories::HYPERLOGLOG),
        ("geo", Categories::GEO),
        ("stream", Categories::STREAM),
        ("pubsub", Categories::PUBSUB),
        ("admin", Categories::ADMIN),
        ("fast", Categories::FAST),
        ("slow", Categories::SLOW),
        ("blocking", Categories::BLOCKING),
        ("dangerous", Categories::DANGEROUS),
        ("connection", Categories::CONNECTION),
        ("transaction", Categories::TRANSACTION),
        ("scripting", Categories::SCRIPTING),
    ];

    pub const fn and(self, other: Categories) -> Categories {
        Categories(self.0 | other.0)
    }

    /// Itself, or none of it.
    pub const fn only_if(self, is_so: bool) -> Categories {
        if is_so { self } else { Categories::NONE }
    }

    /// Whether the two have a category in common.
    pub const fn has(self, other: Categories) -> bool {
        self.0 & other.0 != 0
    }

    /// The category of a name without its `@`, in any case.
    pub fn named(name: &[u8]) -> Option<Categories> {
        let found = Categories::NAMED.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        found.map(|(_, category)| *category)
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Categories::NAMED.into_iter().filter(move |(_, category)| self.has(*category)).map(|(name, _)| name)
    }
}
