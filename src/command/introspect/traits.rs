//! What Redis says of its commands that no row says: for those who ask by COMMAND INFO, and for nothing else.

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
