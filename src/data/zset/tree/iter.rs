//! Walking the tree.

use super::{Item, Leaf, Tree};
use std::ops::Range;

/// Items in order, from either end. Finds a leaf once and then walks along it.
pub struct Iter<'a> {
    tree: &'a Tree,
    ranks: Range<usize>,
    /// The leaf and slot of the next item, unless the leaf is used up.
    front: Option<(&'a Leaf, usize)>,
    /// The leaf and the slot behind the next item from the back, likewise.
    back: Option<(&'a Leaf, usize)>,
}

impl<'a> Iter<'a> {
    pub(super) fn new(tree: &'a Tree, ranks: Range<usize>) -> Self {
        Self { tree, ranks, front: None, back: None }
    }
}

impl Iterator for Iter<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let rank = self.ranks.next()?;
        let (leaf, slot) = self.front.unwrap_or_else(|| self.tree.leaf(rank));
        self.front = (slot + 1 < leaf.len()).then_some((leaf, slot + 1));
        Some(leaf.get(slot))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Item> {
        let rank = self.ranks.next_back()?;
        let (leaf, slot) = match self.back {
            Some((leaf, behind)) => (leaf, behind - 1),
            None => self.tree.leaf(rank),
        };
        self.back = (slot > 0).then_some((leaf, slot));
        Some(leaf.get(slot))
    }
}

impl ExactSizeIterator for Iter<'_> {}
