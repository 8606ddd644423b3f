//! Which shard a key lives in: one function.
//!
//! The shard is Redis's hash slot, CRC16 of the key or of its `{tag}`, folded to the number of
//! shards. Keys of one tag share a lock, and a slot always lies in one shard, so a later cluster can
//! hand out whole shards. Source of the rule: Redis cluster specification, "Hash tags".

use crate::limits::SHARDS;

/// CRC16-CCITT (XMODEM), polynomial 0x1021, initial value 0: what Redis cluster uses.
const POLYNOMIAL: u16 = 0x1021;

/// `TABLES[k][b]`: the CRC of byte `b` followed by `k` zero bytes, so that eight bytes are folded at once.
static TABLES: [[u16; 256]; 8] = tables();

const fn tables() -> [[u16; 256]; 8] {
    let mut tables = [[0u16; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut zeros = 1;
    while zeros < 8 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[zeros - 1][byte];
            tables[zeros][byte] = (crc << 8) ^ tables[0][(crc >> 8) as usize];
            byte += 1;
        }
        zeros += 1;
    }
    tables
}

fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    let mut words = bytes.chunks_exact(8);
    for w in &mut words {
        let [high, low] = crc.to_be_bytes();
        crc = TABLES[7][(w[0] ^ high) as usize]
            ^ TABLES[6][(w[1] ^ low) as usize]
            ^ TABLES[5][w[2] as usize]
            ^ TABLES[4][w[3] as usize]
            ^ TABLES[3][w[4] as usize]
            ^ TABLES[2][w[5] as usize]
            ^ TABLES[1][w[6] as usize]
            ^ TABLES[0][w[7] as usize];
    }
    for &byte in words.remainder() {
        crc = (crc << 8) ^ TABLES[0][((crc >> 8) as u8 ^ byte) as usize];
    }
    crc
}

/// The part of the key that decides: what stands between the first `{` and the next `}`, if anything does.
fn tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// Redis cluster's hash slot, 0 to 16383.
pub fn slot_of(key: &[u8]) -> u16 {
    crc16(tag(key)) & 0x3fff
}

pub fn shard_of(key: &[u8]) -> usize {
    slot_of(key) as usize & (SHARDS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_agrees_with_the_published_check_value() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn long_keys_agree_with_the_bitwise_definition() {
        let bytes: Vec<u8> = (0..100u8).map(|i| i.wrapping_mul(37)).collect();
        for length in 0..bytes.len() {
            let mut crc = 0u16;
            for byte in &bytes[..length] {
                crc ^= u16::from(*byte) << 8;
                for _ in 0..8 {
                    crc = if crc & 0x8000 != 0 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
                }
            }
            assert_eq!(crc16(&bytes[..length]), crc, "length {length}");
        }
    }

    #[test]
    fn keys_of_one_tag_share_a_slot() {
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
        assert_ne!(slot_of(b"foo{}{bar}"), slot_of(b"bar"), "an empty tag is no tag");
        assert_eq!(slot_of(b"foo"), 12182, "CLUSTER KEYSLOT foo");
    }
}
