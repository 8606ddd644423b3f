//! A small set of integers: sorted, each as wide as the widest needs.

use std::ops::Range;

/// Sorted integers of one width.
#[derive(Debug, Clone, PartialEq)]
pub enum Ints {
    Two(Vec<i16>),
    Four(Vec<i32>),
    Eight(Vec<i64>),
}

/// The same expression for each width.
macro_rules! at_any_width {
    ($ints:expr, $values:ident => $body:expr) => {
        match $ints {
            Ints::Two($values) => $body,
            Ints::Four($values) => $body,
            Ints::Eight($values) => $body,
        }
    };
}

impl Ints {
    pub const fn new() -> Self {
        Self::Two(Vec::new())
    }

    /// Where they lie, for prefetching.
    pub fn address(&self) -> *const u8 {
        at_any_width!(self, values => values.as_ptr().cast())
    }

    pub fn len(&self) -> usize {
        at_any_width!(self, values => values.len())
    }

    pub fn get(&self, index: usize) -> i64 {
        at_any_width!(self, values => get(values, index))
    }

    pub fn contains(&self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    pub fn insert(&mut self, value: i64) -> bool {
        let Err(index) = self.search(value) else { return false };
        self.widen_for(value);
        at_any_width!(self, values => insert(values, index, value));
        true
    }

    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.search(value) else { return false };
        at_any_width!(self, values => {
            values.remove(index);
            give_back(values);
        });
        true
    }

    /// Keeps the integers that `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(i64) -> bool) {
        at_any_width!(self, values => retain(values, keep));
    }

    pub fn iter(&self) -> Iter<'_> {
        Iter { ints: self, rest: 0..self.len() }
    }

    pub fn heap_bytes(&self) -> usize {
        at_any_width!(self, values => heap_bytes(values))
    }

    /// Where the value is, or where it would have to be.
    fn search(&self, value: i64) -> Result<usize, usize> {
        at_any_width!(self, values => search(values, value))
    }

    fn widen_for(&mut self, value: i64) {
        match self {
            Self::Two(values) if i16::try_from(value).is_err() => {
                let wider = values.iter().map(|&v| v.into());
                *self = match i32::try_from(value) {
                    Ok(_) => Self::Four(wider.collect()),
                    Err(_) => Self::Eight(wider.map(i64::from).collect()),
                };
            }
            Self::Four(values) if i32::try_from(value).is_err() => {
                *self = Self::Eight(values.iter().map(|&v| v.into()).collect());
            }
            _ => {}
        }
    }
}

fn get<T: Copy + Into<i64>>(values: &[T], index: usize) -> i64 {
    values[index].into()
}

fn search<T: Copy + Into<i64>>(values: &[T], value: i64) -> Result<usize, usize> {
    values.binary_search_by_key(&value, |&own| own.into())
}

/// Grows by an eighth: the set is small, and slack in many small sets adds up.
fn insert<T: TryFrom<i64>>(values: &mut Vec<T>, index: usize, value: i64) {
    if values.len() == values.capacity() {
        values.reserve_exact(values.len() / 8 + 4);
    }
    let value = T::try_from(value).ok().expect("the values are wide enough");
    values.insert(index, value);
}

fn retain<T: Copy + Into<i64>>(values: &mut Vec<T>, mut keep: impl FnMut(i64) -> bool) {
    values.retain(|&value| keep(value.into()));
    give_back(values);
}

fn give_back<T>(values: &mut Vec<T>) {
    if values.len() < values.capacity() / 2 {
        values.shrink_to_fit();
    }
}

fn heap_bytes<T>(values: &Vec<T>) -> usize {
    values.capacity() * size_of::<T>()
}

/// The integers, in ascending order.
#[derive(Clone)]
pub struct Iter<'a> {
    ints: &'a Ints,
    rest: Range<usize>,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.rest.next().map(|index| self.ints.get(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn does_what_a_sorted_set_does(
            steps in prop::collection::vec((any::<bool>(), any::<i64>(), 0..60u32), 0..200)
        ) {
            let mut ints = Ints::new();
            let mut model = BTreeSet::new();
            for (insert, value, shift) in steps {
                let value = value >> shift;
                if insert {
                    prop_assert_eq!(ints.insert(value), model.insert(value));
                } else {
                    prop_assert_eq!(ints.remove(value), model.remove(&value));
                }
                prop_assert_eq!(ints.contains(value), insert);
                prop_assert!(ints.iter().eq(model.iter().copied()));
            }
        }
    }

    #[test]
    fn is_as_wide_as_its_widest() {
        let mut ints = Ints::new();
        for (value, width) in [(-32768, 2), (32767, 2), (32768, 4), (i64::from(i32::MIN), 4), (i64::MAX, 8)] {
            assert!(ints.insert(value));
            assert_eq!(ints.heap_bytes() % width, 0);
            let actual = match ints {
                Ints::Two(_) => 2,
                Ints::Four(_) => 4,
                Ints::Eight(_) => 8,
            };
            assert_eq!(actual, width);
        }
        let mut far = Ints::new();
        far.insert(1);
        far.insert(i64::MIN);
        assert_eq!(far, Ints::Eight(vec![i64::MIN, 1]));
    }
}
