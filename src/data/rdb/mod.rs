//! One value in Redis's own format: what DUMP hands out and RESTORE takes.
//!
//! ```text
//!   +------+-------------------+---------+----------+
//!   | type |  value            | version | checksum |      version: little-endian
//!   |  u8  |  as the type says |   u16   |   u64    |      checksum: CRC64 of all before it, little-endian
//!   +------+-------------------+---------+----------+
//! ```
//!
//! Written is what every Redis since 7.0 reads; read is what any up to 8 writes, but for streams and modules.
//! What is read came from a stranger: nothing is believed, and no room is made before the bytes are there.

mod crc64;
mod lzf;
mod packed;
mod read;
mod reader;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Unsealed, Value, restore};
pub use write::{hash, list, set, string, zset};

/// The version whose formats are written: that of Redis 7.0.
const VERSION: u16 = 10;
/// The version with deadlines of hash fields, which is also the newest that is read: Redis 7.4 and 8.
const VERSION_MAX: u16 = 12;
/// Version and checksum.
pub const FOOTER: usize = 10;

/// Types of values, by the numbers of the format.
mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    /// Scores as text.
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    /// Scores in binary.
    pub const ZSET_2: u8 = 5;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    /// Nodes that are ziplists.
    pub const LIST_QUICKLIST: u8 = 14;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    /// Nodes that are listpacks, or one big element.
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const SET_LISTPACK: u8 = 20;
    /// Fields with deadlines.
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
}

/// How a length begins, by its upper two bits; all of 32 or 64 bits follow big-endian.
mod length {
    pub const BITS_14: u8 = 0x40;
    pub const BITS_32: u8 = 0x80;
    pub const BITS_64: u8 = 0x81;
    // From here on no length, but a string that is not kept as it is.
    pub const INT_8: u8 = 0xc0;
    pub const INT_16: u8 = 0xc1;
    pub const INT_32: u8 = 0xc2;
    pub const LZF: u8 = 0xc3;
}

/// What a node of a long list holds.
mod container {
    pub const PLAIN: u64 = 1;
    pub const PACKED: u64 = 2;
}
