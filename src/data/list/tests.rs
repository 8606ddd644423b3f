use super::*;
use proptest::prelude::*;

type Model = Vec<Vec<u8>>;

/// Few distinct short texts, so that pivots are found, and some that fill or exceed a node.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u8..6).prop_map(|n| vec![b'a' + n; usize::from(n)]),
        8 => (-3i64..3).prop_map(|n| (n * 1000).to_string().into_bytes()),
        3 => (100usize..1500).prop_map(|len| vec![b'm'; len]),
        1 => (4000usize..9000).prop_map(|len| vec![b'l'; len]),
    ]
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Front), Just(End::Back)]
}

fn places() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Before), Just(Place::After)]
}

#[derive(Debug, Clone)]
enum Op {
    Push(End, Vec<Vec<u8>>),
    Pop(End),
    Discard(End, usize),
    Set(i64, Vec<u8>),
    Insert(Place, Vec<u8>, Vec<u8>),
    Remove(Vec<u8>, i64),
    Trim(i64, i64),
    Range(i64, i64),
    Positions(Vec<u8>, Search),
}

fn ops() -> impl Strategy<Value = Op> {
    let search = (ends(), 0usize..3, 0usize..4, 0usize..50).prop_map(|(from, skip, count, depth)| Search {
        from,
        skip,
        count,
        depth,
    });
    prop_oneof![
        8 => (ends(), prop::collection::vec(texts(), 1..20)).prop_map(|(end, texts)| Op::Push(end, texts)),
        3 => ends().prop_map(Op::Pop),
        2 => (ends(), 0usize..30).prop_map(|(end, count)| Op::Discard(end, count)),
        6 => (-60i64..60, texts()).prop_map(|(index, text)| Op::Set(index, text)),
        8 => (places(), texts(), texts()).prop_map(|(place, pivot, text)| Op::Insert(place, pivot, text)),
        4 => (texts(), -3i64..4).prop_map(|(text, count)| Op::Remove(text, count)),
        1 => (-80i64..20, -20i64..80).prop_map(|(start, stop)| Op::Trim(start, stop)),
        3 => (-60i64..60, -60i64..60).prop_map(|(start, stop)| Op::Range(start, stop)),
        3 => (texts(), search).prop_map(|(text, search)| Op::Positions(text, search)),
    ]
}

/// Redis's words for an inclusive range, read naively.
fn covered(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from = if start < 0 { (len + start).max(0) } else { start };
    let to = if stop < 0 { len + stop } else { stop.min(len - 1) };
    if from > to || from >= len { 0..0 } else { from as usize..to as usize + 1 }
}

fn apply(op: Op, list: &mut List, model: &mut Model, thresholds: &Thresholds) {
    match op {
        Op::Push(end, texts) => {
            for text in texts {
                list.push(end, &text, thresholds);
                model.insert(if end == End::Front { 0 } else { model.len() }, text);
            }
        }
        Op::Pop(end) => {
            let expected = match end {
                End::Front => (!model.is_empty()).then(|| model.remove(0)),
                End::Back => model.pop(),
            };
            assert_eq!(list.pop(end, thresholds), expected);
        }
        Op::Discard(end, count) => {
            list.discard(end, count, thresholds);
            let kept = model.len().saturating_sub(count);
            *model = match end {
                End::Front => model.split_off(model.len() - kept),
                End::Back => model[..kept].to_vec(),
            };
        }
        Op::Set(index, text) => {
            let absolute = if index < 0 { index + model.len() as i64 } else { index };
            let slot = usize::try_from(absolute).ok().and_then(|index| model.get_mut(index));
            let found = list.index(index).is_some_and(|index| list.set(index, &text, thresholds));
            assert_eq!(found, slot.is_some());
            slot.into_iter().for_each(|slot| *slot = text.clone());
        }
        Op::Insert(place, pivot, text) => {
            let found = model.iter().position(|own| *own == pivot);
            assert_eq!(list.insert(place, &pivot, &text, thresholds), found.is_some());
            if let Some(index) = found {
                model.insert(index + usize::from(place == Place::After), text);
            }
        }
        Op::Remove(text, count) => {
            let mut equal: Vec<usize> = (0..model.len()).filter(|&index| model[index] == text).collect();
            if count < 0 {
                equal.reverse();
            }
            equal.truncate(if count == 0 { usize::MAX } else { count.unsigned_abs() as usize });
            assert_eq!(list.remove(&text, count, thresholds), equal.len());
            let mut index = 0..;
            model.retain(|_| !equal.contains(&index.next().expect("endless")));
        }
        Op::Trim(start, stop) => {
            list.trim(list.span(start, stop), thresholds);
            *model = model[covered(start, stop, model.len())].to_vec();
        }
        Op::Range(start, stop) => check_range(list, model, start, stop),
        Op::Positions(text, search) => {
            let limit = |count| if count == 0 { usize::MAX } else { count };
            let mut indexes: Vec<usize> = (0..model.len()).collect();
            if search.from == End::Back {
                indexes.reverse();
            }
            indexes.truncate(limit(search.depth));
            indexes.retain(|&index| model[index] == text);
            indexes.drain(..search.skip.min(indexes.len()));
            indexes.truncate(limit(search.count));
            assert_eq!(list.positions(&text, search), indexes);
        }
    }
}

fn check_range(list: &List, model: &Model, start: i64, stop: i64) {
    let expected = &model[covered(start, stop, model.len())];
    let range = list.range(list.span(start, stop));
    assert_eq!(range.len(), expected.len());
    assert!(range.clone().eq(expected.iter().map(|text| Element::Bytes(text))));
    assert!(range.clone().rev().eq(expected.iter().rev().map(|text| Element::Bytes(text))));
    // From both ends at once, meeting somewhere inside.
    let (mut range, mut expected) = (range, expected.iter());
    while let Some(text) = expected.next() {
        assert_eq!(range.next(), Some(Element::Bytes(text)));
        assert_eq!(range.next_back(), expected.next_back().map(|text| Element::Bytes(text)));
    }
    assert_eq!(range.next(), None);
}

fn check(list: &List, model: &Model, thresholds: &Thresholds) {
    assert_eq!(list.len(), model.len());
    assert!(list.iter().eq(model.iter().map(|text| Element::Bytes(text))));
    for index in [0, 1, model.len() / 2, model.len().saturating_sub(1), model.len()] {
        assert_eq!(list.get(index), model.get(index).map(|text| Element::Bytes(text)));
    }
    let limit = limit(thresholds);
    match &list.0 {
        Repr::Short(packed) => assert!(limit.holds(packed.bytes(), packed.len())),
        Repr::Long(nodes) => nodes.check(limit),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn behaves_like_a_vec(size in prop_oneof![-5i32..0, 0i32..9], ops in prop::collection::vec(ops(), 1..80)) {
        let thresholds = Thresholds { list_max_listpack_size: size, ..Thresholds::default() };
        let (mut list, mut model) = (List::new(), Model::new());
        for op in ops {
            apply(op, &mut list, &mut model, &thresholds);
            check(&list, &model, &thresholds);
        }
    }
}

#[test]
fn encodings_follow_the_threshold() {
    let thresholds = Thresholds::default();
    let mut list = List::new();
    for _ in 0..80 {
        list.push(End::Back, &[b'x'; 97], &thresholds);
    }
    assert_eq!(list.encoding(), "listpack");
    for _ in 0..10 {
        list.push(End::Back, &[b'x'; 97], &thresholds);
    }
    assert_eq!(list.encoding(), "quicklist");
    list.discard(End::Front, 40, &thresholds);
    assert_eq!(list.encoding(), "quicklist", "just below the limit is not far enough");
    list.discard(End::Back, 20, &thresholds);
    assert_eq!((list.len(), list.encoding()), (30, "listpack"));
    list.push(End::Front, &[b'y'; 9000], &thresholds);
    assert_eq!(list.encoding(), "quicklist");
    assert_eq!(list.pop(End::Front, &thresholds).map(|text| text.len()), Some(9000));
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn indexes_at_the_edges_of_their_type() {
    let thresholds = Thresholds::default();
    let mut list = List::new();
    for text in ["a", "b", "c"] {
        list.push(End::Back, text.as_bytes(), &thresholds);
    }
    assert_eq!(list.index(i64::MIN), None);
    assert_eq!(list.index(i64::MAX), None);
    assert_eq!(
        (list.index(-3), list.index(-4), list.index(2), list.index(3)),
        (Some(0), None, Some(2), None)
    );
    assert_eq!(list.span(i64::MIN, i64::MAX), 0..3);
    assert_eq!(list.span(1, -1), 1..3);
    assert!(
        list.span(2, 1).is_empty() && list.span(3, 9).is_empty() && list.span(i64::MAX, i64::MIN).is_empty()
    );
    assert_eq!(list.remove(b"a", i64::MIN, &thresholds), 1);
}

#[test]
fn a_list_of_many_nodes_is_emptied_from_the_middle() {
    let thresholds = Thresholds { list_max_listpack_size: 4, ..Thresholds::default() };
    let mut list = List::new();
    for i in 0..10_000 {
        list.push(End::Back, if i % 4 == 3 { b"keep" } else { b"drop" }, &thresholds);
    }
    assert_eq!(list.remove(b"drop", -7000, &thresholds), 7000);
    assert_eq!(list.remove(b"drop", 0, &thresholds), 500);
    check(&list, &vec![b"keep".to_vec(); 2500], &thresholds);
}

#[test]
fn nodes_that_large_elements_split_are_merged_again() {
    let thresholds = Thresholds { list_max_listpack_size: -1, ..Thresholds::default() };
    let mut list = List::new();
    for i in 0..1000 {
        list.push(End::Back, format!("element {i:04}").as_bytes(), &thresholds);
    }
    let before = list.heap_bytes();
    for i in (0..1000).step_by(2) {
        list.set(i, &[b'x'; 5000], &thresholds);
    }
    assert!(list.heap_bytes() > 500 * 5000);
    for i in (0..1000).step_by(2) {
        list.set(i, format!("element {i:04}").as_bytes(), &thresholds);
    }
    assert!(list.iter().enumerate().all(|(i, text)| text.eq_bytes(format!("element {i:04}").as_bytes())));
    assert!(list.heap_bytes() < before * 2, "{} of {before}", list.heap_bytes());
}

#[test]
fn memory_is_told_without_visiting_every_node() {
    let thresholds = Thresholds::default();
    let mut list = List::new();
    for i in 0..100_000 {
        list.push(End::Back, format!("element {:01$}", i, i % 50).as_bytes(), &thresholds);
    }
    let text_bytes: usize = list.iter().map(|element| element.text_len()).sum();
    assert!((text_bytes..text_bytes * 5 / 4).contains(&list.heap_bytes()), "{}", list.heap_bytes());
}

#[test]
fn room_for_later_is_little_beside_a_long_list() {
    let thresholds = Thresholds::default();
    for end in [End::Front, End::Back] {
        let mut list = List::new();
        for _ in 0..20_000 {
            list.push(end, b"element:00000000", &thresholds);
            let text_bytes = list.len() * 18;
            assert!(list.heap_bytes() < text_bytes * 6 / 5 + 1024, "{} of {text_bytes}", list.heap_bytes());
        }
    }
}
