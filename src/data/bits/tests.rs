use super::field::{Field, Overflow};
use super::*;
use proptest::prelude::*;

fn bit_list(bytes: &[u8]) -> Vec<bool> {
    (0..bytes.len() as u64 * 8).map(|offset| get(bytes, offset)).collect()
}

/// Long runs of one byte between others, and a length that is no multiple of a word.
fn string() -> impl Strategy<Value = Vec<u8>> {
    let run = (prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..20usize);
    prop::collection::vec(run, 0..6)
        .prop_map(|runs| runs.into_iter().flat_map(|(byte, len)| vec![byte; len]).collect())
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Byte), Just(Unit::Bit)]
}

/// The bits between the ends, one by one.
fn naive_range(bytes: &[u8], first: i64, last: i64, unit: Unit) -> Vec<u64> {
    let bits_each = if unit == Unit::Byte { 8 } else { 1 };
    let units = bytes.len() as i64 * 8 / bits_each;
    let absolute = |index: i64| if index < 0 { (index + units).max(0) } else { index };
    let units = (0..units).filter(|index| (absolute(first)..=absolute(last)).contains(index));
    units.flat_map(|index| (index * bits_each..(index + 1) * bits_each).map(|bit| bit as u64)).collect()
}

proptest! {
    #[test]
    fn single_bits_read_back(offsets in prop::collection::vec((0..200u64, any::<bool>()), 0..40)) {
        let mut bytes = Vec::new();
        let mut model = vec![false; 200];
        for (offset, bit) in offsets {
            prop_assert_eq!(set(&mut bytes, offset, bit), model[offset as usize]);
            model[offset as usize] = bit;
            let read: Vec<bool> = (0..200).map(|offset| get(&bytes, offset)).collect();
            prop_assert_eq!(&read, &model);
        }
    }

    #[test]
    fn ranges_are_counted_and_searched(
        bytes in string(), first in -140..140i64, last in -140..140i64, unit in unit(), bit in any::<bool>()
    ) {
        let bits = naive_range(&bytes, first, last, unit);
        let ones = bits.iter().filter(|offset| get(&bytes, **offset)).count() as u64;
        let backwards = first < 0 && last < 0 && first > last;
        prop_assert_eq!(count(&bytes, first, last, unit), if backwards { 0 } else { ones });
        let found = bits.iter().copied().find(|offset| get(&bytes, *offset) == bit);
        prop_assert_eq!(position(&bytes, bit, first, Some(last), unit), found);

        let bits = naive_range(&bytes, first, -1, unit);
        let found = bits.iter().copied().find(|offset| get(&bytes, *offset) == bit);
        let past_the_end = (!bit && !bits.is_empty()).then_some(bytes.len() as u64 * 8);
        prop_assert_eq!(position(&bytes, bit, first, None, unit), found.or(past_the_end));
    }

    #[test]
    fn strings_combine_bit_by_bit(sources in prop::collection::vec(string(), 1..4)) {
        let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
        let longest = sources.iter().map(|source| source.len()).max().expect("there is one at least");
        for (op, join) in [
            (Op::And, (|a, b| a & b) as fn(bool, bool) -> bool),
            (Op::Or, |a, b| a | b),
            (Op::Xor, |a, b| a ^ b),
        ] {
            let expected: Vec<bool> = (0..longest as u64 * 8)
                .map(|offset| sources.iter().map(|source| get(source, offset)).reduce(join) == Some(true))
                .collect();
            prop_assert_eq!(bit_list(&combine(op, &sources)), expected);
        }
        let not: Vec<bool> = bit_list(sources[0]).into_iter().map(|bit| !bit).collect();
        prop_assert_eq!(bit_list(&combine(Op::Not, &sources[..1])), not);
    }

    #[test]
    fn fields_read_back_and_leave_the_rest(
        mut bytes in string(), signed in any::<bool>(), width in 1..65u32,
        offset in 0..300u64, value in any::<i64>()
    ) {
        let name = format!("{}{}", if signed { 'i' } else { 'u' }, width);
        let Some(field) = Field::parse(name.as_bytes()) else {
            prop_assert_eq!(name, "u64");
            return Ok(());
        };
        let before = bytes.clone();
        let old = field.get(&bytes, offset);
        let naive = (offset..offset + u64::from(width))
            .fold(if signed && get(&bytes, offset) { -1i64 } else { 0 }, |value, at| {
                value << 1 | i64::from(get(&before, at))
            });
        prop_assert_eq!(old, naive);
        prop_assert_eq!(field.set(&mut bytes, offset, value, Overflow::Wrap), Some(old));
        let unused = 64 - width;
        let high = value << unused;
        let kept = if signed { high >> unused } else { (high as u64 >> unused) as i64 };
        prop_assert_eq!(field.get(&bytes, offset), kept);
        for at in (0..400).filter(|at| !(offset..offset + u64::from(width)).contains(at)) {
            prop_assert_eq!(get(&bytes, at), get(&before, at));
        }
    }
}

#[test]
fn a_start_past_the_end_finds_nothing() {
    assert_eq!(position(b"\xff", false, 1, None, Unit::Byte), None);
    assert_eq!(position(b"\xff", false, 0, None, Unit::Byte), Some(8));
    assert_eq!(position(b"\xff", false, 0, Some(-1), Unit::Byte), None);
    assert_eq!(position(b"", false, 0, None, Unit::Byte), None);
    assert_eq!(count(b"\xff\xff", i64::MIN, i64::MAX, Unit::Bit), 16);
}

#[test]
fn integers_that_do_not_fit_follow_the_policy() {
    let field = |name: &str| Field::parse(name.as_bytes()).expect("a valid type");
    let (wrap, saturate, fail) = (Overflow::Wrap, Overflow::Saturate, Overflow::Fail);
    for (name, old, by, overflow, new) in [
        ("u8", 250, 10, wrap, Some(4)),
        ("u8", 250, 10, saturate, Some(255)),
        ("u8", 250, 10, fail, None),
        ("u8", 5, -10, wrap, Some(251)),
        ("u8", 5, -10, saturate, Some(0)),
        ("i8", 100, 100, wrap, Some(-56)),
        ("i8", 100, 100, saturate, Some(127)),
        ("i8", -100, -100, saturate, Some(-128)),
        ("i64", i64::MAX, 1, wrap, Some(i64::MIN)),
        ("i64", i64::MAX, 1, saturate, Some(i64::MAX)),
        ("i64", i64::MIN, -1, fail, None),
        ("u63", i64::MAX, 1, wrap, Some(0)),
        ("u1", 1, 1, wrap, Some(0)),
        ("i1", 0, -1, fail, Some(-1)),
    ] {
        let mut bytes = Vec::new();
        assert_eq!(field(name).set(&mut bytes, 3, old, fail), Some(0), "{name} {old}");
        assert_eq!(field(name).incr(&mut bytes, 3, by, overflow), new, "{name} {old} {by} {overflow:?}");
        assert_eq!(field(name).get(&bytes, 3), new.unwrap_or(old));
    }
    let mut bytes = Vec::new();
    assert_eq!(field("u8").set(&mut bytes, 0, -1, saturate), Some(0));
    assert_eq!(field("u8").set(&mut bytes, 0, -2, wrap), Some(255));
    assert_eq!(field("u8").set(&mut bytes, 0, -1, fail), None);
    assert_eq!(bytes, [254]);
}

#[test]
fn types_are_read_strictly() {
    for name in ["u0", "u64", "i65", "i0", "u", "x8", "u08", "u8 ", "U8", "i100", ""] {
        assert_eq!(Field::parse(name.as_bytes()), None, "{name:?}");
    }
    assert_eq!(Field::parse(b"i64").map(|field| field.width()), Some(64));
}
