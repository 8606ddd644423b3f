//! The value types: what a key can hold, as plain data.
//!
//! Nothing here knows a key, a reply, a clock or a file. A type that depends on time takes `now_ms`,
//! one that depends on chance takes a source of random numbers, and one that changes its encoding
//! as it grows takes the [`Thresholds`] in force.
//!
//! Small collections lie in one [`packed`] block; large ones, but for lists, in a [`dict`], whose every
//! operation takes bounded time. Each type knows its encoding by Redis's name, and the bytes that it
//! takes on the heap.

pub mod bits;
pub mod blob;
pub mod dict;
pub mod float;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod lcs;
pub mod list;
pub mod packed;
pub mod prefetch;
pub mod random;
pub mod rdb;
pub mod set;
pub mod zset;

/// Up to where a value stays in its compact encoding; named as Redis's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    pub hash_max_listpack_entries: usize,
    pub hash_max_listpack_value: usize,
    /// Elements of a list's node where positive; else -1 to -5 for 4, 8, 16, 32 or 64 KiB.
    pub list_max_listpack_size: i32,
    pub set_max_intset_entries: usize,
    pub set_max_listpack_entries: usize,
    pub set_max_listpack_value: usize,
    pub zset_max_listpack_entries: usize,
    pub zset_max_listpack_value: usize,
    /// Bytes of a HyperLogLog that keeps runs of registers.
    pub hll_sparse_max_bytes: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            hll_sparse_max_bytes: 3000,
        }
    }
}
