//! A small sorted set: members and scores in turn, in order, in one packed block.
//!
//! A score that is a whole number is written as one; any other as `f` and its eight bytes, so that reading it
//! back is exact and takes no parsing. (Without the `f`, eight bytes might read as a number.)

use crate::data::packed::{self, Cursor, Element, IntText, Needle, Packed};
use std::ops::Range;

/// Whole numbers up to here are written as such. Far past 2^53, so that all of them are exact.
const WHOLE_MAX: f64 = (1u64 << 62) as f64;

pub fn find(pairs: &Packed, member: &[u8]) -> Option<(Cursor, f64)> {
    let cursor = pairs.find(&Needle::new(member), 2)?;
    Some((cursor, decode(pairs.at(pairs.after(cursor)))))
}

/// Adds a member that is not in here.
pub fn insert(pairs: &mut Packed, member: &[u8], score: f64) {
    let place = pairs.seek(2 * rank(pairs, |other, its_score| is_before(other, its_score, member, score)));
    with_encoded(score, |text| pairs.insert_at(place, text));
    pairs.insert_at(place, member);
}

pub fn remove(pairs: &mut Packed, cursor: Cursor) {
    pairs.remove_at(cursor, 2);
}

/// How many pairs come `before` something, which says so of the first ones and of no others.
pub fn rank(pairs: &Packed, before: impl Fn(Element<'_>, f64) -> bool) -> usize {
    iter(pairs, 0..len(pairs)).take_while(|&(member, score)| before(member, score)).count()
}

pub fn is_before(member: Element<'_>, score: f64, than: &[u8], than_score: f64) -> bool {
    score < than_score || (score == than_score && member.as_bytes(&mut IntText::default()) < than)
}

pub fn len(pairs: &Packed) -> usize {
    pairs.len() / 2
}

/// The pair at `rank`, which is below the length.
pub fn at(pairs: &Packed, rank: usize) -> (Element<'_>, f64) {
    let cursor = pairs.seek(2 * rank);
    (pairs.at(cursor), decode(pairs.at(pairs.after(cursor))))
}

/// The pairs at these ranks.
pub fn iter(pairs: &Packed, ranks: Range<usize>) -> Iter<'_> {
    let mut elements = pairs.iter();
    let skipped = 2 * ranks.start;
    let behind = pairs.len() - 2 * ranks.end;
    elements.by_ref().take(skipped).for_each(drop);
    elements.by_ref().rev().take(behind).for_each(drop);
    Iter { elements }
}

/// The pairs, from either end.
pub struct Iter<'a> {
    elements: packed::Iter<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.elements.next()?;
        Some((member, decode(self.elements.next()?)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pairs = self.elements.len() / 2;
        (pairs, Some(pairs))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = decode(self.elements.next_back()?);
        Some((self.elements.next_back()?, score))
    }
}

impl ExactSizeIterator for Iter<'_> {}

fn with_encoded(score: f64, write: impl FnOnce(&[u8])) {
    if score == score.trunc() && score.abs() < WHOLE_MAX {
        // A negative zero becomes zero, as in Redis's listpacks.
        write(Element::Int(score as i64).as_bytes(&mut IntText::default()));
    } else {
        let mut text = [b'f'; 9];
        text[1..].copy_from_slice(&score.to_le_bytes());
        write(&text);
    }
}

fn decode(text: Element<'_>) -> f64 {
    match text {
        Element::Int(whole) => whole as f64,
        Element::Bytes(text) => {
            let bytes = text.last_chunk().expect("only with_encoded writes scores");
            f64::from_le_bytes(*bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_read_back_exactly() {
        let digits = f64::from_le_bytes(*b"12345678");
        let scores = [0.0, 1.0, -5.0, 0.1, 1e15, 9e18, -9.3e18, 1e300, f64::MIN_POSITIVE, digits];
        for score in scores.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY, 4611686018427387904.0]) {
            let mut pairs = Packed::new();
            insert(&mut pairs, b"m", score);
            assert_eq!(find(&pairs, b"m").map(|(_, score)| score.to_bits()), Some(score.to_bits()));
        }
        let mut pairs = Packed::new();
        insert(&mut pairs, b"m", -0.0);
        assert_eq!(find(&pairs, b"m").map(|(_, score)| score.is_sign_negative()), Some(false));
    }
}
