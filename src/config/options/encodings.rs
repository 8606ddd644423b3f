//! Up to where collections stay packed.

use super::Opt;
use crate::config::value::{bytes, number};

/// Up to where a collection stays in its compact encoding.
macro_rules! threshold {
    ($name:literal, $alias:literal, $value:literal, $help:literal, $field:ident, $parse:ident) => {
        Opt {
            name: $name,
            alias: $alias,
            value: $value,
            help: $help,
            live: true,
            get: |c| c.thresholds.$field.to_string(),
            set: |c, v| $parse(v, 0, i64::MAX).map(|n| c.thresholds.$field = n as usize),
            ..Opt::ROW
        }
    };
}

pub static ROWS: &[Opt] = &[
    threshold!(
        "hash-max-listpack-entries",
        "hash-max-ziplist-entries",
        "N",
        "fields that a hash keeps in one packed block",
        hash_max_listpack_entries,
        number
    ),
    threshold!(
        "hash-max-listpack-value",
        "hash-max-ziplist-value",
        "BYTES",
        "size of a field or value up to which its hash stays packed",
        hash_max_listpack_value,
        bytes
    ),
    Opt {
        name: "list-max-listpack-size",
        alias: "list-max-ziplist-size",
        value: "N",
        help: "elements of a list's node; -1 to -5: 4, 8, 16, 32 or 64 KiB instead",
        live: true,
        get: |c| c.thresholds.list_max_listpack_size.to_string(),
        set: |c, v| number(v, -5, i32::MAX.into()).map(|n| c.thresholds.list_max_listpack_size = n as i32),
        ..Opt::ROW
    },
    Opt {
        name: "list-compress-depth",
        value: "N",
        help: "taken from configurations for Redis, and without effect: lists are not compressed",
        live: true,
        get: |c| c.list_compress_depth.to_string(),
        set: |c, v| number(v, 0, i32::MAX.into()).map(|n| c.list_compress_depth = n as u32),
        ..Opt::ROW
    },
    threshold!(
        "set-max-intset-entries",
        "",
        "N",
        "integers that a set keeps in one sorted array",
        set_max_intset_entries,
        number
    ),
    threshold!(
        "set-max-listpack-entries",
        "",
        "N",
        "members that a set keeps in one packed block",
        set_max_listpack_entries,
        number
    ),
    threshold!(
        "set-max-listpack-value",
        "",
        "BYTES",
        "size of a member up to which its set stays packed",
        set_max_listpack_value,
        bytes
    ),
    threshold!(
        "zset-max-listpack-entries",
        "zset-max-ziplist-entries",
        "N",
        "members that a sorted set keeps in one packed block",
        zset_max_listpack_entries,
        number
    ),
    threshold!(
        "zset-max-listpack-value",
        "zset-max-ziplist-value",
        "BYTES",
        "size of a member up to which its sorted set stays packed",
        zset_max_listpack_value,
        bytes
    ),
    threshold!(
        "hll-sparse-max-bytes",
        "",
        "BYTES",
        "size up to which a HyperLogLog keeps runs of registers",
        hll_sparse_max_bytes,
        bytes
    ),
];
