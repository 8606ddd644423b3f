//! The order of a large sorted set: a B+-tree that counts.
//!
//! ```text
//!              [ first  first  first ... ]      inner: of each child its first item
//!              [ count  count  count ... ]             and how many it has
//!                  |      |      |
//!      [ score score score ... ]  ...           leaf: items in order
//!      [ position position ... ]
//! ```
//!
//! An item is a score and the position of its member in a dict; the counts lead to an item by its
//! rank and from an item to its rank. The tree does not know the members: where scores are equal, it asks.
//!
//! The first items in the inner nodes are exact at all times. A node splits when full and merges with
//! a neighbour when both are sparse, so every operation touches a few nodes.

mod items;
mod iter;
#[cfg(test)]
mod tests;

use self::items::Items;
pub use self::iter::Iter;
use std::cmp::Ordering;
use std::ops::Range;

/// Items of a leaf: so many that it takes 1024 bytes.
const LEAF: usize = 85;
/// Children of an inner node.
const INNER: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    pub score: f64,
    pub position: u32,
}

/// A place in the order: at a score and, among the items that have it, where `tie` says. That
/// tells how the item of a position compares with the place.
pub struct Place<F> {
    pub score: f64,
    pub tie: F,
}

#[derive(Clone)]
pub struct Tree {
    root: Node,
}

#[derive(Clone)]
enum Node {
    Leaf(Box<Leaf>),
    Inner(Box<Inner>),
}

type Leaf = Items<LEAF>;

/// Never empty.
#[derive(Clone)]
struct Inner {
    firsts: Items<INNER>,
    counts: Vec<u32>,
    children: Vec<Node>,
}

const _: () = assert!(size_of::<Leaf>() == 1024);

impl Tree {
    pub fn new() -> Self {
        Self { root: Node::Leaf(Box::new(Leaf::new())) }
    }

    pub fn len(&self) -> usize {
        self.root.count() as usize
    }

    /// How many items come before the place.
    pub fn rank(&self, place: &Place<impl Fn(u32) -> Ordering>) -> usize {
        let mut node = &self.root;
        let mut rank = 0;
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.before(place),
                Node::Inner(inner) => {
                    let at = inner.firsts.before(place).saturating_sub(1);
                    rank += inner.counts[..at].iter().sum::<u32>() as usize;
                    node = &inner.children[at];
                }
            }
        }
    }

    /// The items at these ranks, of which there are as many.
    pub fn iter(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter::new(self, ranks)
    }

    /// Adds an item, which is not in the tree, at its place.
    pub fn insert(&mut self, position: u32, place: &Place<impl Fn(u32) -> Ordering>) {
        let item = Item { score: place.score, position };
        if let Some(right) = self.root.insert(item, place) {
            let root = Node::Inner(Box::new(Inner::new()));
            let left = std::mem::replace(&mut self.root, root);
            let Node::Inner(root) = &mut self.root else { unreachable!("set above") };
            root.insert(0, left);
            root.insert(1, right);
        }
    }

    /// Removes the item at a place.
    pub fn remove(&mut self, place: &Place<impl Fn(u32) -> Ordering>) {
        self.remove_by(&mut ByPlace(place));
    }

    /// Removes the item at `rank`, which is below the length.
    pub fn remove_at(&mut self, rank: usize) -> Item {
        self.remove_by(&mut ByRank(rank))
    }

    /// The item at a place has another position now.
    pub fn relocate(&mut self, position: u32, place: &Place<impl Fn(u32) -> Ordering>) {
        self.root.relocate(position, &mut ByPlace(place));
    }

    pub fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }

    fn remove_by(&mut self, path: &mut impl Path) -> Item {
        let removed = self.root.remove(path);
        while let Node::Inner(inner) = &mut self.root
            && inner.children.len() == 1
            && let Some(only) = inner.children.pop()
        {
            self.root = only;
        }
        removed
    }

    /// The leaf of the item at `rank`, and the item's slot.
    fn leaf(&self, rank: usize) -> (&Leaf, usize) {
        let mut node = &self.root;
        let mut path = ByRank(rank);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, path.slot(leaf)),
                Node::Inner(inner) => node = &inner.children[path.child(inner)],
            }
        }
    }
}

/// Leads from the root to an item that is there.
trait Path {
    fn child(&mut self, inner: &Inner) -> usize;
    fn slot(&mut self, leaf: &Leaf) -> usize;
}

struct ByPlace<'a, F>(&'a Place<F>);

impl<F: Fn(u32) -> Ordering> Path for ByPlace<'_, F> {
    fn child(&mut self, inner: &Inner) -> usize {
        inner.firsts.up_to(self.0).saturating_sub(1)
    }

    fn slot(&mut self, leaf: &Leaf) -> usize {
        leaf.up_to(self.0).saturating_sub(1)
    }
}

/// A rank among the items of the node at hand.
struct ByRank(usize);

impl Path for ByRank {
    fn child(&mut self, inner: &Inner) -> usize {
        let mut at = 0;
        while self.0 >= inner.counts[at] as usize {
            self.0 -= inner.counts[at] as usize;
            at += 1;
        }
        at
    }

    fn slot(&mut self, _: &Leaf) -> usize {
        self.0
    }
}

impl Node {
    fn first(&self) -> Item {
        match self {
            Self::Leaf(leaf) => leaf.get(0),
            Self::Inner(inner) => inner.firsts.get(0),
        }
    }

    /// The items under this node.
    fn count(&self) -> u32 {
        match self {
            Self::Leaf(leaf) => leaf.len() as u32,
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    /// Items of a leaf, children of an inner node; and how many there may be.
    fn width(&self) -> (usize, usize) {
        match self {
            Self::Leaf(leaf) => (leaf.len(), LEAF),
            Self::Inner(inner) => (inner.children.len(), INNER),
        }
    }

    /// Returns the right half where the node had to split.
    fn insert(&mut self, item: Item, place: &Place<impl Fn(u32) -> Ordering>) -> Option<Node> {
        match self {
            Self::Leaf(leaf) => insert_in_leaf(leaf, leaf.before(place), item).map(Node::Leaf),
            Self::Inner(inner) => {
                let at = inner.firsts.before(place).saturating_sub(1);
                let right = inner.children[at].insert(item, place);
                inner.firsts.set(at, inner.children[at].first());
                inner.counts[at] += 1;
                let right = right?;
                inner.counts[at] -= right.count();
                inner.insert_or_split(at + 1, right).map(Node::Inner)
            }
        }
    }

    fn remove(&mut self, path: &mut impl Path) -> Item {
        match self {
            Self::Leaf(leaf) => leaf.remove(path.slot(leaf)),
            Self::Inner(inner) => {
                let at = path.child(inner);
                let removed = inner.children[at].remove(path);
                inner.counts[at] -= 1;
                if inner.counts[at] == 0 {
                    inner.remove(at);
                } else {
                    inner.firsts.set(at, inner.children[at].first());
                    inner.merge_around(at);
                }
                removed
            }
        }
    }

    fn relocate(&mut self, position: u32, path: &mut impl Path) {
        match self {
            Self::Leaf(leaf) => {
                let slot = path.slot(leaf);
                leaf.set(slot, Item { position, ..leaf.get(slot) });
            }
            Self::Inner(inner) => {
                let at = path.child(inner);
                inner.children[at].relocate(position, path);
                inner.firsts.set(at, inner.children[at].first());
            }
        }
    }

    /// Takes over all that the right neighbour has.
    fn absorb(&mut self, right: Node) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.append(&right),
            (Self::Inner(left), Self::Inner(right)) => {
                left.firsts.append(&right.firsts);
                left.counts.extend(right.counts);
                left.children.extend(right.children);
            }
            _ => unreachable!("the children of a node are all leaves or all inner nodes"),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Leaf(_) => size_of::<Leaf>(),
            Self::Inner(inner) => inner.heap_bytes(),
        }
    }
}

impl Inner {
    fn new() -> Self {
        Self { firsts: Items::new(), counts: Vec::new(), children: Vec::new() }
    }

    /// Inserts a child where there is room.
    fn insert(&mut self, at: usize, child: Node) {
        self.firsts.insert(at, child.first());
        self.counts.insert(at, child.count());
        self.children.insert(at, child);
    }

    /// Returns the right half where the node had to split.
    fn insert_or_split(&mut self, at: usize, child: Node) -> Option<Box<Inner>> {
        if self.children.len() < INNER {
            self.insert(at, child);
            return None;
        }
        let split = split_point(at, INNER);
        let mut right = Box::new(Self {
            firsts: self.firsts.split_off(split),
            counts: self.counts.split_off(split),
            children: self.children.split_off(split),
        });
        if at < split {
            self.insert(at, child);
        } else {
            right.insert(at - split, child);
        }
        Some(right)
    }

    fn remove(&mut self, at: usize) -> Node {
        self.firsts.remove(at);
        self.counts.remove(at);
        self.children.remove(at)
    }

    /// Joins the child with a neighbour where both fit in one node with room to spare.
    fn merge_around(&mut self, at: usize) {
        let (width, full) = self.children[at].width();
        let most = full * 3 / 4;
        if width > most / 2 {
            return;
        }
        let fits = |neighbour: Option<&Node>| neighbour.is_some_and(|other| width + other.width().0 <= most);
        let left = if fits(self.children.get(at + 1)) {
            at
        } else if at > 0 && fits(self.children.get(at - 1)) {
            at - 1
        } else {
            return;
        };
        self.counts[left] += self.counts[left + 1];
        let right = self.remove(left + 1);
        self.children[left].absorb(right);
    }

    fn heap_bytes(&self) -> usize {
        let children = match self.children[0] {
            Node::Leaf(_) => self.children.len() * size_of::<Leaf>(),
            Node::Inner(_) => self.children.iter().map(Node::heap_bytes).sum(),
        };
        let own = self.counts.capacity() * size_of::<u32>() + self.children.capacity() * size_of::<Node>();
        size_of::<Self>() + own + children
    }
}

fn insert_in_leaf(leaf: &mut Leaf, slot: usize, item: Item) -> Option<Box<Leaf>> {
    if leaf.len() < LEAF {
        leaf.insert(slot, item);
        return None;
    }
    let split = split_point(slot, LEAF);
    let mut right = Box::new(leaf.split_off(split));
    if slot < split || split == 0 {
        leaf.insert(slot, item);
    } else {
        right.insert(slot - split, item);
    }
    Some(right)
}

/// Where a full node splits: in the middle, but at an end where it grows, so that items that come
/// in order leave full nodes behind them.
fn split_point(at: usize, len: usize) -> usize {
    if at == 0 || at == len { at } else { len / 2 }
}
