//! The collections' cases: what fills them, and the command that is measured.

/// Requests before the clock starts, each so many times; then the command, over and over.
pub struct Collection {
    pub setup: &'static [&'static str],
    pub command: &'static str,
}

/// As `redis-benchmark` has them, where it has them; over many keys or members, so that caches do not flatter.
pub const LOADS: &[Collection] = &[
    Collection { setup: &[], command: "LPUSH list __value__" },
    Collection { setup: &[], command: "LPUSH list:__rand__ __value__" },
    Collection {
        setup: &[
            "20000*RPUSH list v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v v",
        ],
        command: "RPOP list",
    },
    Collection { setup: &[], command: "SADD set element:__rand__" },
    Collection { setup: &[], command: "HSET hash element:__rand__ __value__" },
    Collection { setup: &[], command: "HSET hash:__rand__ field __value__" },
    Collection { setup: &[], command: "ZADD zset __rand__ element:__rand__" },
    Collection { setup: &["100*RPUSH list __value__"], command: "LRANGE list 0 99" },
    Collection { setup: &["5000*ZADD zset __seq__ element:__seq__"], command: "ZRANGE zset 1000 1099" },
    Collection {
        setup: &["100000*HSET hash:__seq__ name __seq__ city Berlin visits __seq__ plan free since 2024"],
        command: "HGETALL hash:__rand__",
    },
];

/// What one element of a collection costs: the command that adds it, and how many elements make the figure.
pub struct Filled {
    pub what: &'static str,
    pub command: &'static str,
    pub times: usize,
    /// Elements that one command adds.
    pub elements: usize,
}

pub const FILLINGS: &[Filled] = &[
    Filled {
        what: "hashes of 5 fields",
        command: "HSET hash:__seq__ name __seq__ city Berlin visits __seq__ plan free since 2024",
        times: 200_000,
        elements: 5,
    },
    Filled {
        what: "a sorted set of 1,000,000 members",
        command: "ZADD zset __seq__ element:__seq__",
        times: 1_000_000,
        elements: 1,
    },
    Filled {
        what: "a set of 1,000,000 members",
        command: "SADD set element:__seq__",
        times: 1_000_000,
        elements: 1,
    },
    Filled {
        what: "a hash of 1,000,000 fields",
        command: "HSET hash element:__seq__ __value__",
        times: 1_000_000,
        elements: 1,
    },
    Filled {
        what: "a list of 1,000,000 elements",
        command: "RPUSH list element:__seq__",
        times: 1_000_000,
        elements: 1,
    },
];

/// Clients that hear each message of the PUBLISH case.
pub const SUBSCRIBERS: usize = 100;
