//! LZF, the compression of long strings in Redis's dumps; only undone here.
//!
//! ```text
//!   000lllll              l + 1 literal bytes follow
//!   lllooooo  o           copy l + 2 bytes from o + 1 back          l from 1 to 6
//!   111ooooo  l  o        copy l + 9 bytes from o + 1 back
//! ```

use super::read::Malformed;

/// A byte of input becomes no more than this many: 264 for three.
const GROWTH_MAX: usize = 88;

/// The `length` bytes that `input` was made from.
pub fn decompress(input: &[u8], length: usize) -> Result<Vec<u8>, Malformed> {
    if length > input.len().saturating_mul(GROWTH_MAX) {
        return Err(Malformed);
    }
    let mut out = Vec::with_capacity(length);
    let mut rest = input.iter().copied();
    let mut next = || rest.next().ok_or(Malformed);
    while let Ok(control) = next() {
        let (run, high) = (usize::from(control >> 5), usize::from(control & 0x1f));
        if run == 0 {
            for _ in 0..=high {
                out.push(next()?);
            }
        } else {
            let run = if run == 7 { run + usize::from(next()?) } else { run };
            let back = (high << 8 | usize::from(next()?)) + 1;
            let from = out.len().checked_sub(back).ok_or(Malformed)?;
            // Byte by byte, as the copy may reach into itself.
            (from..from + run + 2).for_each(|at| out.push(out[at]));
        }
        if out.len() > length {
            return Err(Malformed);
        }
    }
    if out.len() == length { Ok(out) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_copies() {
        assert_eq!(decompress(b"\x02abc", 3), Ok(b"abc".to_vec()));
        assert_eq!(decompress(b"\x00a\x20\x00", 4), Ok(b"aaaa".to_vec()), "a copy that reaches into itself");
        assert_eq!(decompress(b"\x01ab\xe0\x05\x01", 16), Ok(b"abababababababab".to_vec()));
    }

    #[test]
    fn nothing_is_believed() {
        for (input, length) in [
            (&b"\x02ab"[..], 3),
            (b"\x02abc", 4),
            (b"\x02abc", 2),
            (b"\x20\x00", 3),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\xe0\x01", 10),
            (b"\x00a", usize::MAX),
            (b"", 1),
        ] {
            assert_eq!(decompress(input, length), Err(Malformed), "{input:?} to {length}");
        }
    }
}
