//! The two lines of a log file that are not records.
//!
//! ```text
//! # limpid aof 1                              header: the first line of every file
//! SET user:1 John                            \
//! PEXPIREAT user:1 1763886060123              | one group
//! #commit 2 1763886000123 9f3c2a1b           /  its mark
//!         | |             |
//!         | |             crc32 of every byte after the previous mark's line (or from the start of the
//!         | |             file) up to here, in eight lower-case hex digits: it covers the mark's own numbers
//!         | Unix milliseconds; never falls within a log
//!         number of the last record up to here
//! ```
//!
//! A group that was written while older bytes of the file were not yet synced says so in a line of
//! its own, `#synced SEQ`: records up to SEQ were on disk. Recovery needs it to tell a power loss, which may
//! take any unsynced sector, from damage to what had been promised. Every other `#` line is a comment.

use crate::execute::log::Seq;
use crc32fast::Hasher;

pub const HEADER: &[u8] = b"# limpid aof 1\n";
pub const COMMIT: &[u8] = b"#commit ";
pub const SYNCED: &[u8] = b"#synced ";

/// What a `#commit` line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub seq: Seq,
    pub ms: u64,
    pub checksum: u32,
}

impl Mark {
    /// Reads a mark's line, without its line end. Strict: each mark has exactly one spelling.
    pub fn parse(line: &[u8]) -> Option<Mark> {
        let numbers = line.strip_prefix(COMMIT)?;
        let (numbers, checksum) = numbers.split_at_checked(numbers.len().checked_sub(CHECKSUM_DIGITS)?)?;
        let numbers = numbers.strip_suffix(b" ")?;
        let space = memchr::memchr(b' ', numbers)?;
        Some(Mark {
            seq: decimal(&numbers[..space])?,
            ms: decimal(&numbers[space + 1..])?,
            checksum: hex(checksum)?,
        })
    }
}

pub const CHECKSUM_DIGITS: usize = 8;
/// `#commit`, two numbers of up to twenty digits, the checksum, and what stands between and behind them.
pub const LINE_BYTES_MAX: usize = COMMIT.len() + 20 + 1 + 20 + 1 + CHECKSUM_DIGITS + 1;

/// Bytes of a mark's line, given without its line end, that its checksum covers.
pub fn covered(line: &[u8]) -> &[u8] {
    &line[..line.len().saturating_sub(CHECKSUM_DIGITS)]
}

/// Closes a group with its mark. `before` has seen what the file holds since the previous mark, without `group`.
pub fn push(group: &mut Vec<u8>, before: &Hasher, seq: Seq, ms: u64) {
    group.extend_from_slice(COMMIT);
    push_decimal(group, seq);
    group.push(b' ');
    push_decimal(group, ms);
    group.push(b' ');
    let mut hasher = before.clone();
    hasher.update(group);
    push_hex(group, hasher.finalize());
    group.push(b'\n');
}

pub fn push_synced(group: &mut Vec<u8>, seq: Seq) {
    group.extend_from_slice(SYNCED);
    push_decimal(group, seq);
    group.push(b'\n');
}

/// A checksum that has seen the header and nothing else: where each file starts.
pub fn after_header() -> Hasher {
    let mut hasher = Hasher::new();
    hasher.update(HEADER);
    hasher
}

/// What a `#synced` line says; `None` for any other line.
pub fn parse_synced(line: &[u8]) -> Option<Seq> {
    decimal(line.strip_prefix(SYNCED)?)
}

/// Digits only, no sign, no leading zero.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    let canonical = match digits {
        [] => false,
        [b'0'] => true,
        [first, ..] => *first != b'0' && digits.iter().all(u8::is_ascii_digit),
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = HEX_DIGITS.iter().position(|known| known == digit)?;
        Some(value << 4 | digit as u32)
    })
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

pub fn push_decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

pub fn push_hex(out: &mut Vec<u8>, checksum: u32) {
    out.extend((0..CHECKSUM_DIGITS).rev().map(|digit| HEX_DIGITS[(checksum >> (4 * digit)) as usize & 15]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back() {
        let mut group = b"SET a 1\n".to_vec();
        push(&mut group, &after_header(), 7, 1_763_886_000_123);
        let line = group.strip_prefix(b"SET a 1\n").unwrap().strip_suffix(b"\n").unwrap();
        let mark = Mark::parse(line).unwrap();
        assert_eq!((mark.seq, mark.ms), (7, 1_763_886_000_123));
        let whole = [HEADER, b"SET a 1\n", covered(line)].concat();
        assert_eq!(mark.checksum, crc32fast::hash(&whole));
    }

    #[test]
    fn a_mark_has_one_spelling() {
        assert!(Mark::parse(b"#commit 3 17 00c0ffee").is_some());
        for line in [
            "#commit 3 17 00C0FFEE",
            "#commit 03 17 00c0ffee",
            "#commit 3 17  00c0ffee",
            "#commit 3 17 00c0ffee ",
            "#commit +3 17 00c0ffee",
            "#commit 3 00c0ffee",
            "#commit 3 17 c0ffee",
            "#commit 3 17 5 00c0ffee",
            "#commit 99999999999999999999 17 00c0ffee",
            "#commit ",
            "#commit",
        ] {
            assert_eq!(Mark::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn synced_lines_read_back() {
        let mut line = Vec::new();
        push_synced(&mut line, 41);
        assert_eq!(line, b"#synced 41\n");
        assert_eq!(parse_synced(b"#synced 41"), Some(41));
        assert_eq!(parse_synced(b"# synced 41"), None);
    }
}
