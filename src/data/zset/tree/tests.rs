use super::*;
use crate::data::random::below;
use crate::data::random::tests::seeded;

/// Every node keeps what its parent says of it, and none is overfull.
fn check(node: &Node, root: bool) -> u32 {
    match node {
        Node::Leaf(leaf) => assert!(root || leaf.len() > 0),
        Node::Inner(inner) => {
            let width = inner.children.len();
            assert!((if root { 2 } else { 1 }..=INNER).contains(&width));
            assert_eq!((inner.firsts.len(), inner.counts.len()), (width, width));
            for (at, child) in inner.children.iter().enumerate() {
                assert_eq!(inner.firsts.get(at), child.first());
                assert_eq!(inner.counts[at], check(child, false));
            }
        }
    }
    node.count()
}

/// Items tie by their positions.
fn place(item: Item) -> Place<impl Fn(u32) -> Ordering> {
    Place { score: item.score, tie: move |position: u32| position.cmp(&item.position) }
}

fn get(tree: &Tree, rank: usize) -> Item {
    tree.iter(rank..rank + 1).next().expect("one item was asked for")
}

fn agree(tree: &Tree, model: &[Item]) {
    check(&tree.root, true);
    assert_eq!(tree.len(), model.len());
    assert!(tree.iter(0..model.len()).eq(model.iter().copied()));
    assert!(tree.iter(0..model.len()).rev().eq(model.iter().rev().copied()));
}

/// Grows to some thousands of items and shrinks, twice; then shrinks to none.
fn exercise(scores: usize) {
    let mut rng = seeded(5);
    let (mut tree, mut model) = (Tree::new(), Vec::<Item>::new());
    for step in 0..40_000u32 {
        let growing = (step / 10_000) % 2 == 0;
        if model.is_empty() || below(10, &mut rng) < if growing { 8 } else { 1 } {
            let item = Item { score: below(scores, &mut rng) as f64, position: step };
            let at = tree.rank(&place(item));
            tree.insert(step, &place(item));
            model.insert(at, item);
        } else {
            let at = below(model.len(), &mut rng);
            match below(3, &mut rng) {
                0 => assert_eq!(tree.remove_at(at), model.remove(at)),
                1 => tree.remove(&place(model.remove(at))),
                // To a position that leaves the order as it is.
                _ if model.get(at + 1).is_none_or(|next| next.score > model[at].score) => {
                    tree.relocate(1_000_000 + step, &place(model[at]));
                    model[at].position = 1_000_000 + step;
                }
                _ => {}
            }
        }
        if !model.is_empty() {
            let at = below(model.len(), &mut rng);
            assert_eq!(get(&tree, at), model[at]);
            assert_eq!(tree.rank(&place(model[at])), at);
        }
        if step % 1000 == 0 {
            agree(&tree, &model);
            assert!(model.is_sorted_by_key(|item| (item.score as u64, item.position)));
            let (from, to) = (model.len() / 3, model.len() * 2 / 3);
            assert!(tree.iter(from..to).eq(model[from..to].iter().copied()));
        }
    }
    while !model.is_empty() {
        let at = below(model.len(), &mut rng);
        assert_eq!(tree.remove_at(at), model.remove(at));
    }
    agree(&tree, &model);
    assert_eq!(tree.heap_bytes(), size_of::<Leaf>());
}

#[test]
fn does_what_a_sorted_vector_does() {
    exercise(1 << 40);
}

#[test]
fn does_so_among_many_ties() {
    exercise(20);
    exercise(1);
}

#[test]
fn items_in_order_fill_their_leaves() {
    for ascending in [true, false] {
        let mut tree = Tree::new();
        for n in 0..10_000u32 {
            let n = if ascending { n } else { 10_000 - n };
            tree.insert(n, &place(Item { score: n.into(), position: n }));
        }
        check(&tree.root, true);
        assert!(tree.heap_bytes() < 10_000 * 13, "{}", tree.heap_bytes());
    }
}

#[test]
fn both_ends_of_an_iterator_meet() {
    let mut tree = Tree::new();
    (0..500u32).for_each(|n| tree.insert(n, &place(Item { score: n.into(), position: n })));
    let mut iter = tree.iter(10..490);
    let mut seen = Vec::new();
    while let Some(item) = iter.next() {
        seen.push(item.position);
        seen.extend(iter.next_back().map(|item| item.position));
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(10..490));
}
