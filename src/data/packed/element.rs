//! One element of a packed block: how its text becomes bytes, and comes back.
//!
//! ```text
//! 0vvvvvvv                  the integer v, 0..=127
//! 10llllll  text            text of l bytes, 0..=63
//! 110lllll  l  text         text of l bytes, up to 8191 (high bits first)
//! 1110vvvv  v               the integer v, -2048..=2047 (high bits first)
//! 11110000  llll  text      text of l bytes (32 bits, little-endian)
//! 1111nnnn  v...            the integer v in n bytes, 2..=8 (little-endian)
//! ```
//!
//! A text has exactly one encoding: the integer one where the text is how that integer is
//! written, the shortest that fits in either case.

/// What a packed block gives back. Texts that read as an integer are kept as one; which of the two
/// it is never shows in the text.
#[derive(Debug, Clone, Copy)]
pub enum Element<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

/// Room for the text of any integer.
pub type IntText = [u8; 20];

impl<'a> Element<'a> {
    /// The text; an integer's is written into `buffer`.
    pub fn as_bytes<'b>(&self, buffer: &'b mut IntText) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Element::Bytes(text) => text,
            Element::Int(value) => {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(value).as_bytes();
                buffer[..digits.len()].copy_from_slice(digits);
                &buffer[..digits.len()]
            }
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.as_bytes(&mut [0; 20]).to_vec()
    }

    /// Bytes of the text.
    pub fn text_len(&self) -> usize {
        self.as_bytes(&mut [0; 20]).len()
    }

    /// The integer that the text is the canonical form of.
    pub fn int(&self) -> Option<i64> {
        match *self {
            Element::Int(value) => Some(value),
            Element::Bytes(text) => canonical_int(text),
        }
    }

    /// Looking for one text among many? Make a [`Needle`] of it once.
    pub fn eq_bytes(&self, text: &[u8]) -> bool {
        match *self {
            Element::Int(value) => canonical_int(text) == Some(value),
            Element::Bytes(own) => own == text,
        }
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        match *other {
            Element::Bytes(text) => self.eq_bytes(text),
            Element::Int(value) => self.int() == Some(value),
        }
    }
}

impl Eq for Element<'_> {}

/// A text to look for, read as an integer once and not at each element.
#[derive(Debug, Clone, Copy)]
pub struct Needle<'a> {
    text: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, int: canonical_int(text) }
    }

    #[inline]
    pub fn matches(&self, element: &Element<'_>) -> bool {
        match *element {
            Element::Int(value) => self.int == Some(value),
            // Texts of one collection tend to differ at their ends.
            Element::Bytes(text) => {
                text.len() == self.text.len() && text.last() == self.text.last() && text == self.text
            }
        }
    }
}

/// The integer whose one way of being written `text` is: no sign but a minus, no leading zeros.
#[inline]
pub fn canonical_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    // Nineteen digits fit an unsigned 64-bit integer.
    let mut magnitude = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A text on its way into a block: the bytes that say what it is, then the text unless they say all.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub fn new(text: &'a [u8]) -> Self {
        match canonical_int(text) {
            Some(value) => Self::int(value),
            None => Self::text(text),
        }
    }

    fn int(value: i64) -> Self {
        let mut head = [0; 9];
        let head_len = match value {
            0..=127 => {
                head[0] = value as u8;
                1
            }
            -2048..=2047 => {
                head[0] = 0xe0 | (value >> 8) as u8 & 0x0f;
                head[1] = value as u8;
                2
            }
            _ => {
                // One bit more than the magnitude needs, for the sign.
                let magnitude = if value < 0 { !value } else { value };
                let bytes = (64 - magnitude.leading_zeros() as usize) / 8 + 1;
                head[0] = 0xf0 | bytes as u8;
                head[1..].copy_from_slice(&value.to_le_bytes());
                1 + bytes
            }
        };
        Self { head, head_len, text: &[] }
    }

    fn text(text: &'a [u8]) -> Self {
        let mut head = [0; 9];
        let head_len = match text.len() {
            len @ 0..=63 => {
                head[0] = 0x80 | len as u8;
                1
            }
            len @ 64..=8191 => {
                head[0] = 0xc0 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            len => {
                head[0] = 0xf0;
                head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
                5
            }
        };
        Self { head, head_len, text }
    }

    /// Bytes in the block, without the trailer.
    #[inline]
    pub fn len(&self) -> usize {
        self.head_len + self.text.len()
    }

    /// Fills `room`, which is exactly as long as the element and its trailer.
    #[inline]
    pub fn write(&self, room: &mut [u8]) {
        let (head, room) = room.split_at_mut(self.head_len);
        head.copy_from_slice(&self.head[..self.head_len]);
        let (text, trailer) = room.split_at_mut(self.text.len());
        text.copy_from_slice(self.text);
        write_trailer(trailer, self.len());
    }
}

/// The element that `bytes` begins with, and its length there without the trailer.
#[inline(always)]
pub(super) fn decode(bytes: &[u8]) -> (Element<'_>, usize) {
    let head = bytes[0];
    match head {
        0..=0x7f => (Element::Int(i64::from(head)), 1),
        0x80..=0xbf => {
            let len = 1 + usize::from(head & 0x3f);
            (Element::Bytes(&bytes[1..len]), len)
        }
        _ => decode_wide(bytes),
    }
}

/// The rarer elements, apart so that the others are decoded in place.
fn decode_wide(bytes: &[u8]) -> (Element<'_>, usize) {
    let head = bytes[0];
    let text = |at: usize, len: usize| (Element::Bytes(&bytes[at..at + len]), at + len);
    match head {
        0..=0xdf => text(2, usize::from(head & 0x1f) << 8 | usize::from(bytes[1])),
        0xe0..=0xef => {
            let high = (head << 4) as i8 as i64;
            (Element::Int(high << 4 | i64::from(bytes[1])), 2)
        }
        0xf0 => text(5, u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize),
        _ => {
            let len = usize::from(head & 0x0f);
            let value = match bytes[1..].first_chunk() {
                Some(eight) => u64::from_le_bytes(*eight),
                None => bytes[1..=len].iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)),
            };
            let unused_bits = 64 - 8 * len as u32;
            (Element::Int((value << unused_bits) as i64 >> unused_bits), 1 + len)
        }
    }
}

/// Bytes of the trailer that tells a backward walk where an element of `len` bytes began.
#[inline]
pub(super) fn trailer_len(len: usize) -> usize {
    if len < 1 << 7 { 1 } else { (len.ilog2() as usize) / 7 + 1 }
}

/// Seven bits a byte, lowest last; the top bit says that more stand to the left.
#[inline]
fn write_trailer(room: &mut [u8], len: usize) {
    if let [byte] = room {
        *byte = len as u8;
        return;
    }
    let mut rest = len;
    for byte in room.iter_mut().rev() {
        *byte = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
    }
    room[0] &= 0x7f;
}

/// The bytes of the last element of `bytes`, its trailer included.
#[inline]
pub(super) fn last_len(bytes: &[u8]) -> usize {
    let (mut len, mut shift) = (0, 0);
    for &byte in bytes.iter().rev() {
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    len + shift / 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(text: &[u8]) -> usize {
        let encoded = Encoded::new(text);
        let mut bytes = vec![0; encoded.len() + trailer_len(encoded.len())];
        encoded.write(&mut bytes);
        let (element, len) = decode(&bytes);
        assert_eq!(element.to_vec(), text);
        assert_eq!(len, encoded.len());
        assert_eq!(last_len(&bytes), bytes.len());
        len
    }

    #[test]
    fn integers_take_the_fewest_bytes() {
        for (value, len) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (-1, 2),
            (2047, 2),
            (-2048, 2),
            (2048, 3),
            (-2049, 3),
            (32_767, 3),
            (-32_768, 3),
            (32_768, 4),
            (-32_769, 4),
            (i64::from(i32::MAX), 5),
            (i64::from(i32::MIN), 5),
            (i64::from(i32::MAX) + 1, 6),
            (i64::MAX, 9),
            (i64::MIN, 9),
        ] {
            assert_eq!(round_trip(value.to_string().as_bytes()), len, "{value}");
        }
    }

    #[test]
    fn texts_keep_their_length() {
        for (len, head_len) in [(0, 1), (1, 1), (63, 1), (64, 2), (8191, 2), (8192, 5), (70_000, 5)] {
            assert_eq!(round_trip(&vec![b'x'; len]), head_len + len);
        }
    }

    #[test]
    fn only_canonical_texts_are_integers() {
        for text in ["", "-", "-0", "+1", "01", "-01", "1 ", " 1", "1a", "9223372036854775808", "--1"] {
            assert_eq!(canonical_int(text.as_bytes()), None, "{text:?}");
            round_trip(text.as_bytes());
        }
        assert_eq!(canonical_int(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(canonical_int(b"-9223372036854775809"), None);
        assert_eq!(canonical_int(b"18446744073709551616"), None);
    }

    #[test]
    fn elements_compare_by_text() {
        assert_eq!(Element::Int(12), Element::Bytes(b"12"));
        assert_ne!(Element::Int(12), Element::Bytes(b"012"));
        assert_eq!(Element::Int(-7).text_len(), 2);
    }

    proptest! {
        #[test]
        fn every_integer_reads_back(value: i64, shift in 0u32..64) {
            round_trip((value >> shift).to_string().as_bytes());
        }

        #[test]
        fn every_text_reads_back(text: Vec<u8>) {
            round_trip(&text);
        }
    }
}
