//! The longest common subsequence of two strings: LCS.
//!
//! ```text
//!              b0 b1 b2 ...           row i, bit j: whether the common subsequence of a[..=i] and b[..=j]
//!    row 0      0  1  0               is longer than that of a[..=i] and b[..j]
//!    row 1      1  0  1    (a[1])
//! ```
//!
//! A row is computed from the one above, 64 columns at a time. Its set bits count the length, and they are
//! also all that the way back through the table needs to know: where the last bytes differ, a set bit
//! says that the row above has the same length, a clear one that the column to the left has.

use std::ops::RangeInclusive;

pub struct Lcs<'a> {
    a: &'a [u8],
    b: &'a [u8],
    rows: Vec<u64>,
    words: usize,
}

/// A run of equal bytes, at these places of either string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub a: RangeInclusive<usize>,
    pub b: RangeInclusive<usize>,
}

impl Match {
    pub fn length(&self) -> usize {
        self.a.end() - self.a.start() + 1
    }
}

impl<'a> Lcs<'a> {
    /// Takes time and space as the product of the lengths: a bit, and about that of work, for each pair of bytes.
    pub fn new(a: &'a [u8], b: &'a [u8]) -> Lcs<'a> {
        let words = b.len().div_ceil(64);
        let mut rows = Vec::with_capacity(a.len() * words);
        let mut columns: [Option<Box<[u64]>>; 256] = [const { None }; 256];
        // Computed with clear and set exchanged: that makes a run of clear bits one carry of an addition.
        let mut row = vec![u64::MAX; words];
        for &byte in a {
            let columns = columns[usize::from(byte)].get_or_insert_with(|| columns_of(byte, b));
            let mut carry = false;
            for (row, &matching) in row.iter_mut().zip(columns.iter()) {
                let (sum, carried) = row.carrying_add(*row & matching, carry);
                carry = carried;
                *row = sum | (*row & !matching);
            }
            rows.extend(row.iter().map(|row| !row));
        }
        Lcs { a, b, rows, words }
    }

    fn grows(&self, i: usize, j: usize) -> bool {
        self.rows[i * self.words + j / 64] >> (j % 64) & 1 == 1
    }

    pub fn length(&self) -> usize {
        let last = self.rows.len().saturating_sub(self.words);
        self.rows[last..].iter().map(|row| row.count_ones() as usize).sum()
    }

    /// The subsequence, as runs of bytes that are neighbours in both strings; from the end to the beginning.
    pub fn matches(&self) -> Vec<Match> {
        let mut matches: Vec<Match> = vec![];
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match matches.last_mut() {
                    Some(run) if (*run.a.start(), *run.b.start()) == (i + 1, j + 1) => {
                        *run = Match { a: i..=*run.a.end(), b: j..=*run.b.end() };
                    }
                    _ => matches.push(Match { a: i..=i, b: j..=j }),
                }
            } else if self.grows(i - 1, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        matches
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.matches().into_iter().rev().flat_map(|run| &self.a[run.a]).copied().collect()
    }
}

/// Where a byte occurs: one bit a column.
fn columns_of(byte: u8, b: &[u8]) -> Box<[u64]> {
    let word = |chunk: &[u8]| {
        chunk.iter().enumerate().fold(0, |word, (at, &other)| word | u64::from(other == byte) << at)
    };
    b.chunks(64).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Lengths for all prefixes, by the definition.
    fn table(a: &[u8], b: &[u8]) -> Vec<Vec<usize>> {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = match a[i - 1] == b[j - 1] {
                    true => table[i - 1][j - 1] + 1,
                    false => table[i - 1][j].max(table[i][j - 1]),
                };
            }
        }
        table
    }

    /// The places of the subsequence's bytes from the end on, going up only where that is strictly better than left.
    fn walk(a: &[u8], b: &[u8]) -> Vec<(usize, usize)> {
        let table = table(a, b);
        let (mut i, mut j, mut path) = (a.len(), b.len(), vec![]);
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                path.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        path
    }

    #[test]
    fn the_example_of_the_documentation() {
        let lcs = Lcs::new(b"ohmytext", b"mynewtext");
        assert_eq!((lcs.length(), lcs.bytes()), (6, b"mytext".to_vec()));
        assert_eq!(lcs.matches(), [Match { a: 4..=7, b: 5..=8 }, Match { a: 2..=3, b: 0..=1 }]);
        assert_eq!(lcs.matches()[0].length(), 4);
    }

    #[test]
    fn nothing_in_common_with_nothing() {
        for (a, b) in [("", ""), ("a", ""), ("", "b"), ("a", "b")] {
            let lcs = Lcs::new(a.as_bytes(), b.as_bytes());
            assert_eq!((lcs.length(), lcs.bytes(), lcs.matches()), (0, vec![], vec![]), "{a:?} {b:?}");
        }
    }

    proptest! {
        #[test]
        fn takes_the_path_of_the_plain_table(a in vec(0..4u8, 0..150), b in vec(0..4u8, 0..150)) {
            let lcs = Lcs::new(&a, &b);
            prop_assert_eq!(lcs.length(), table(&a, &b)[a.len()][b.len()]);
            let path: Vec<_> = lcs.matches().into_iter().flat_map(|run| run.a.rev().zip(run.b.rev())).collect();
            prop_assert_eq!(path, walk(&a, &b));
            prop_assert_eq!(lcs.bytes().len(), lcs.length());
        }
    }
}
