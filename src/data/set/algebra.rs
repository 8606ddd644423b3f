//! What several sets have in common, have together, or have apart.

use super::{Iter, Set};
use crate::data::Thresholds;
use crate::data::packed::Element;
use smallvec::SmallVec;

type Sets<'a> = SmallVec<[&'a Set; 8]>;

/// The members that are in every set: those of the smallest that the others have.
pub fn intersection<'a>(sets: &[&'a Set]) -> impl Iterator<Item = Element<'a>> + use<'a> {
    let mut others = Sets::from_slice(sets);
    others.sort_by_key(|set| set.len());
    let smallest = if others.is_empty() { None } else { Some(others.remove(0)) };
    members(smallest).filter(move |member| others.iter().all(|set| set.contains_element(member)))
}

/// The members of the first set that no other has; the largest are asked first, as likelier to have them.
pub fn difference<'a>(first: &'a Set, others: &[&'a Set]) -> impl Iterator<Item = Element<'a>> + use<'a> {
    let mut others = Sets::from_slice(others);
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    members(Some(first)).filter(move |member| !others.iter().any(|set| set.contains_element(member)))
}

/// The members that are in any set.
pub fn union(sets: &[&Set], limits: &Thresholds) -> Set {
    let mut union = Set::new();
    for member in sets.iter().flat_map(|set| set.iter()) {
        union.add_element(&member, limits);
    }
    union
}

fn members(set: Option<&Set>) -> std::iter::Flatten<std::option::IntoIter<Iter<'_>>> {
    set.map(Set::iter).into_iter().flatten()
}
