use super::*;
use proptest::prelude::*;

/// Texts of all encodings; the long ones cross from the narrow header to the wide one.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (any::<i64>(), 0u32..64).prop_map(|(v, s)| (v >> s).to_string().into_bytes()),
        6 => prop::collection::vec(any::<u8>(), 0..40),
        2 => (60usize..140).prop_map(|len| vec![b'm'; len]),
        1 => (8000usize..40_000).prop_map(|len| vec![b'l'; len]),
    ]
}

#[derive(Debug, Clone)]
enum Op {
    PushBack(Vec<u8>),
    PushBackAll(Vec<Vec<u8>>),
    PushFront(Vec<u8>),
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    RemoveRange(usize, usize),
    Retain(u8),
    SplitOff(usize),
    AppendSelf,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => texts().prop_map(Op::PushBack),
        2 => prop::collection::vec(texts(), 0..4).prop_map(Op::PushBackAll),
        5 => texts().prop_map(Op::PushFront),
        4 => (any::<usize>(), texts()).prop_map(|(i, t)| Op::Insert(i, t)),
        4 => (any::<usize>(), texts()).prop_map(|(i, t)| Op::Replace(i, t)),
        5 => (any::<usize>(), 1usize..4).prop_map(|(i, n)| Op::RemoveRange(i, n)),
        1 => any::<u8>().prop_map(Op::Retain),
        1 => any::<usize>().prop_map(Op::SplitOff),
        1 => Just(Op::AppendSelf),
    ]
}

fn apply(op: Op, packed: &mut Packed, model: &mut Vec<Vec<u8>>) {
    match op {
        Op::PushBack(text) => {
            packed.push_back(&text);
            model.push(text);
        }
        Op::PushBackAll(texts) => {
            packed.push_back_all(&texts.iter().map(|text| &text[..]).collect::<Vec<_>>());
            model.extend(texts);
        }
        Op::PushFront(text) => {
            packed.push_front(&text);
            model.insert(0, text);
        }
        Op::Insert(index, text) => {
            let index = index % (model.len() + 1);
            packed.insert(index, &text);
            model.insert(index, text);
        }
        Op::Replace(index, text) => {
            if !model.is_empty() {
                let index = index % model.len();
                packed.replace(index, &text);
                model[index] = text;
            }
        }
        Op::RemoveRange(index, count) => {
            let from = index % (model.len() + 1);
            let to = (from + count).min(model.len());
            packed.remove_range(from..to);
            model.drain(from..to);
        }
        Op::Retain(seed) => {
            let keep = |len: usize| len as u8 % 3 != seed % 3;
            packed.retain(|element| keep(element.text_len()));
            model.retain(|text| keep(text.len()));
        }
        Op::SplitOff(index) => {
            let index = index % (model.len() + 1);
            let tail = packed.split_off(packed.seek(index));
            assert_same(&tail, &model.split_off(index));
        }
        Op::AppendSelf => {
            if packed.bytes() < 200_000 {
                packed.append(&packed.clone());
                model.extend(model.clone());
            }
        }
    }
}

fn assert_same(packed: &Packed, model: &[Vec<u8>]) {
    assert_eq!(packed.len(), model.len());
    assert_eq!(packed.is_empty(), model.is_empty());
    assert_eq!(packed.iter().map(|e| e.to_vec()).collect::<Vec<_>>(), model);
    assert!(packed.iter().rev().eq(model.iter().rev().map(|t| Element::Bytes(t))));
    assert!(packed.bytes() <= packed.heap_bytes());
    assert_eq!(packed.heap_bytes() == 0, model.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn behaves_like_a_vec(ops in prop::collection::vec(ops(), 1..120)) {
        let (mut packed, mut model) = (Packed::new(), Vec::new());
        for op in ops {
            apply(op, &mut packed, &mut model);
            assert_same(&packed, &model);
        }
    }

    #[test]
    fn cursors_walk_both_ways(texts in prop::collection::vec(texts(), 1..40)) {
        let packed: Packed = texts.iter().collect();
        let mut cursor = packed.first();
        for (index, text) in texts.iter().enumerate() {
            prop_assert_eq!(cursor, packed.seek(index));
            prop_assert!(packed.at(cursor).eq_bytes(text));
            prop_assert_eq!(packed.get(index), Some(Element::Bytes(text)));
            cursor = packed.after(cursor);
        }
        prop_assert_eq!(cursor, packed.end());
        for text in texts.iter().rev() {
            cursor = packed.before(cursor).expect("as many elements as texts");
            prop_assert!(packed.at(cursor).eq_bytes(text));
        }
        prop_assert_eq!(packed.before(cursor), None);
    }

    #[test]
    fn finds_fields_and_not_values(pairs in prop::collection::vec((texts(), texts()), 0..20), needle in texts()) {
        let packed: Packed = pairs.iter().flat_map(|(field, value)| [field, value]).collect();
        for wanted in pairs.iter().map(|(field, _)| field).chain([&needle]) {
            let index = pairs.iter().position(|(field, _)| field == wanted);
            let expected = index.map(|index| packed.seek(2 * index));
            prop_assert_eq!(packed.find(&Needle::new(wanted), 2), expected);
        }
    }
}

#[test]
fn pairs_change_in_place() {
    let mut packed: Packed = ["a", "1", "b", "2", "c", "3"].iter().collect();
    let field = packed.find(&Needle::new(b"b"), 2).expect("b is a field");
    let value = packed.after(field);
    packed.replace_at(value, b"a longer value");
    assert!(packed.at(value).eq_bytes(b"a longer value"));
    packed.remove_at(field, 2);
    assert!(packed.at(field).eq_bytes(b"c"));
    packed.remove_at(field, 2);
    assert_eq!(field, packed.end());
    assert_eq!(packed.iter().map(|e| e.to_vec()).collect::<Vec<_>>(), [b"a", b"1"]);
}

#[test]
fn an_empty_sequence_owns_nothing() {
    assert_eq!(size_of::<Option<Packed>>(), 16);
    let mut packed = Packed::new();
    assert_eq!((packed.bytes(), packed.heap_bytes()), (0, 0));
    packed.push_front(b"x");
    packed.remove(0);
    assert_eq!(packed.heap_bytes(), 0);
    assert_eq!(packed.get(0), None);
    assert_eq!(packed.iter().next(), None);
}

#[test]
fn slack_stays_small_while_growing_and_shrinking() {
    let mut packed = Packed::new();
    let within_a_quarter =
        |p: &Packed| assert!(p.heap_bytes() <= 16 + p.bytes() * 5 / 4, "{} of {}", p.bytes(), p.heap_bytes());
    for i in 0..3000 {
        packed.push_back(format!("element {i}").as_bytes());
        within_a_quarter(&packed);
    }
    while !packed.is_empty() {
        packed.remove(if packed.len().is_multiple_of(2) { 0 } else { packed.len() - 1 });
        assert!(
            packed.heap_bytes() <= 32 + packed.bytes() * 3 / 2,
            "{} of {}",
            packed.bytes(),
            packed.heap_bytes()
        );
    }
}

#[test]
fn a_queue_reuses_the_gap_it_leaves() {
    let mut packed: Packed = (0..100).map(|i| format!("job {i:04}")).collect();
    let before = packed.heap_bytes();
    for i in 100..10_000 {
        packed.push_back(format!("job {i:04}").as_bytes());
        packed.remove(0);
    }
    assert!(packed.heap_bytes() <= before * 5 / 4);
    assert!(packed.at(packed.first()).eq_bytes(b"job 9900"));
}

#[test]
fn room_that_was_given_is_used_at_its_edge() {
    for at_front in [false, true] {
        let mut packed = Packed::with_room(b"element:000", 8192, at_front);
        assert_eq!((packed.len(), packed.heap_bytes()), (1, 8192));
        let bytes = Packed::bytes_for(b"element:000");
        while packed.bytes() + bytes <= 8192 {
            if at_front { packed.push_front(b"element:000") } else { packed.push_back(b"element:000") }
        }
        assert_eq!(packed.heap_bytes(), 8192);
        assert!(packed.iter().all(|element| element.eq_bytes(b"element:000")));
        assert_eq!(packed.iter().count(), packed.len());
    }
    assert_eq!(Packed::with_room(b"a long element", 0, true).heap_bytes(), 32);
}
