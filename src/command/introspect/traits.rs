//! What Redis says of its commands that no row says: for those who ask by COMMAND INFO, and for nothing else.

use super::super::row::Command;

/// What is done to the keys of a command, by key spec. A command that is not here reads, or updates, all of them.
/// Names that no row has yet do no harm.
static KEY_ACCESS: &[(&[&str], &str)] = &[
    (
        &["RO"],
        "exists hexists hlen hstrlen llen memory|usage object|encoding object|freq object|idletime object|refcount \
         scard sismember strlen touch type zcard",
    ),
    (
        &["RW access update"],
        "decr decrby getex getset hincrby hincrbyfloat incr incrby incrbyfloat move setbit zincrby",
    ),
    (
        &["RW access delete"],
        "blmpop blpop brpop bzmpop bzpopmax bzpopmin getdel lmpop lpop rpop spop zmpop zpopmax zpopmin",
    ),
    (&["RW delete"], "hdel lrem ltrim srem zrem zremrangebylex zremrangebyrank zremrangebyscore"),
    (&["RW insert"], "append hsetnx linsert lpush lpushx pfadd rpush rpushx sadd"),
    (&["RW access update variable_flags"], "bitfield set"),
    (&["OW update"], "mset psetex restore setex"),
    (&["OW insert"], "msetnx setnx"),
    (&["RM delete"], "del unlink"),
    (&["RW access"], "pfcount"),
    (
        &["OW update", "RO access"],
        "bitop geosearchstore sdiffstore sinterstore sunionstore zdiffstore zinterstore zrangestore zunionstore",
    ),
    (&["RW access delete", "RW insert"], "blmove brpoplpush lmove rpoplpush smove"),
    (&["RW access delete", "OW update"], "rename"),
    (&["RW access delete", "OW insert"], "renamenx"),
    (&["RW access insert", "RO access"], "pfmerge"),
    (&["RO access", "OW update"], "copy georadius georadiusbymember sort"),
];

pub fn key_access(full_name: &str, command: &Command) -> &'static [&'static str] {
    match find(KEY_ACCESS, full_name) {
        Some(access) => access,
        None if command.is_write() => &["RW update"],
        None => &["RO access"],
    }
}

/// Keys that stand behind an option, besides those at fixed places.
pub static KEYS_BEHIND_OPTIONS: &[&str] = &["sort", "sort_ro", "georadius", "georadiusbymember"];

/// Hints for clients of many servers, and for those who compare replies.
static TIPS: &[(&[&str], &str)] = &[
    (
        &["nondeterministic_output"],
        "client|info client|list dump hrandfield hscan lastsave object|encoding object|freq object|idletime \
         object|refcount pttl spop srandmember sscan time ttl zrandmember zscan",
    ),
    (
        &["nondeterministic_output_order"],
        "command command|docs command|info command|list hgetall hkeys hvals sdiff sinter smembers sunion",
    ),
    (&["request_policy:all_shards", "response_policy:all_succeeded"], "flushall flushdb memory|purge ping"),
    (
        &["request_policy:all_nodes", "response_policy:all_succeeded"],
        "config|resetstat config|rewrite config|set latency|reset slowlog|reset",
    ),
    (
        &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        "info memory|doctor memory|malloc-stats memory|stats",
    ),
    (
        &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        "latency|doctor latency|graph latency|histogram latency|history latency|latest",
    ),
    (&["request_policy:multi_shard", "response_policy:agg_sum"], "del exists touch unlink"),
    (&["request_policy:multi_shard", "response_policy:all_succeeded"], "mset"),
    (&["request_policy:multi_shard", "response_policy:agg_min"], "msetnx"),
    (&["request_policy:multi_shard"], "mget"),
    (&["request_policy:all_nodes", "nondeterministic_output"], "slowlog|get"),
    (&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"], "slowlog|len"),
    (&["nondeterministic_output", "request_policy:special"], "scan"),
    (&["request_policy:all_shards", "nondeterministic_output_order"], "keys"),
    (&["request_policy:all_shards", "nondeterministic_output"], "randomkey"),
    (&["request_policy:all_shards", "response_policy:agg_sum"], "dbsize"),
    (&["request_policy:all_shards", "response_policy:agg_min"], "wait"),
];

pub fn tips(full_name: &str) -> &'static [&'static str] {
    find(TIPS, full_name).unwrap_or(&[])
}

fn find(
    table: &'static [(&'static [&'static str], &'static str)],
    name: &str,
) -> Option<&'static [&'static str]> {
    let has_name = |names: &str| names.split_ascii_whitespace().any(|known| known == name);
    table.iter().find(|(_, names)| has_name(names)).map(|(traits, _)| *traits)
}
