use super::*;
use proptest::prelude::*;

const SPARSE_MAX: usize = 3000;

fn of(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let mut bytes = new();
    for number in numbers {
        add(&mut bytes, number.to_string().as_bytes(), SPARSE_MAX).expect("a sound one");
    }
    bytes
}

/// Asked of Redis 7.0: PFADD of each number below the first column; STRLEN, CRC-32 of the string, PFCOUNT.
const FROM_REDIS: [(u32, usize, u32, u64); 7] = [
    (10, 48, 0x7848_ecb4, 10),
    (100, 287, 0x4e06_f88d, 100),
    (700, 1407, 0x423f_1fd2, 706),
    (1000, 1923, 0xa3e9_ea3a, 1001),
    (5000, 12304, 0x6089_9418, 4985),
    (20_000, 12304, 0x9777_3007, 19_891),
    (100_000, 12304, 0xa7e2_2058, 99_565),
];

#[test]
fn strings_and_counts_are_those_of_redis() {
    for (numbers, len, crc, estimate) in FROM_REDIS {
        let bytes = of(0..numbers);
        assert_eq!((bytes.len(), crc32fast::hash(&bytes)), (len, crc), "{numbers}");
        assert_eq!(count(&bytes), Ok(estimate), "{numbers}");
    }
    let mut bytes = new();
    assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    for element in ["foo", "bar", "baz"] {
        assert_eq!(add(&mut bytes, element.as_bytes(), SPARSE_MAX), Ok(true));
        assert_eq!(add(&mut bytes, element.as_bytes(), SPARSE_MAX), Ok(false));
    }
    assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80Y\x9d\x8cC\x14\x90Ja\x80X\xe7");
}

#[test]
fn merged_ones_have_seen_what_each_has_seen() {
    let (left, right) = (of(0..50), of(25..100));
    let mut merged = new();
    assert_eq!(merge(&mut merged, &[&left, &right], SPARSE_MAX), Ok(()));
    assert_eq!(merged, of(0..100));
    assert_eq!(count_union(&[&left, &right]), Ok(100));

    let dense = of(0..5000);
    assert_eq!(merge(&mut merged, &[&dense], SPARSE_MAX), Ok(()));
    assert_eq!(merged, dense);
    assert_eq!(count_union(&[&left, &dense]), count(&dense));
}

#[test]
fn a_count_is_remembered_until_something_changes() {
    let mut bytes = of(0..10);
    assert_eq!(cached_count(&bytes), None);
    // As Redis's PFCOUNT leaves it.
    bytes[8..HEADER].copy_from_slice(&10u64.to_le_bytes());
    assert_eq!(cached_count(&bytes), Some(10));
    assert_eq!(add(&mut bytes, b"5", SPARSE_MAX), Ok(false));
    assert_eq!(cached_count(&bytes), Some(10));
    assert_eq!(add(&mut bytes, b"11", SPARSE_MAX), Ok(true));
    assert_eq!(cached_count(&bytes), None);
    assert_eq!(cached_count(&new()), Some(0));
}

#[test]
fn other_strings_are_told_apart() {
    let dense = of(0..5000);
    assert!(is_valid(&new()) && is_valid(&dense));
    assert!(!is_valid(b"") && !is_valid(b"HYLL") && !is_valid(b"HYLK\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"));
    assert!(!is_valid(&dense[..dense.len() - 1]));
    assert!(!is_valid(b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"));
}

#[test]
fn runs_that_do_not_make_all_registers_are_found_out() {
    // Nothing; too little; a run cut in two; too much.
    for runs in [&b""[..], b"\x7f\xfe", b"\x7f", b"\x7f\xff\x80", b"\x7f\xfe\x81"] {
        let corrupt = [&new()[..HEADER], runs].concat();
        assert!(is_valid(&corrupt));
        assert_eq!(count(&corrupt), Err(Corrupt), "{runs:?}");
        assert_eq!(count_union(&[&corrupt]), Err(Corrupt));
        assert_eq!(merge(&mut new(), &[&corrupt], SPARSE_MAX), Err(Corrupt));
        assert_eq!(merge(&mut corrupt.clone(), &[&of(0..5000)], SPARSE_MAX), Err(Corrupt));
    }
}

proptest! {
    #[test]
    fn bytes_from_outside_never_panic(
        runs in prop::collection::vec(any::<u8>(), 0..40), sound in any::<bool>(), limit in 0..100usize
    ) {
        let end: &[u8] = if sound { b"\x7f\xff" } else { b"" };
        let mut bytes = [&new()[..HEADER], &runs, end].concat();
        let _ = (count(&bytes), count_union(&[&bytes]));
        for number in 0..20 {
            if add(&mut bytes, &[number], limit).is_err() {
                break;
            }
        }
        let _ = merge(&mut bytes, &[&of(0..10)], limit);
    }

    #[test]
    fn both_encodings_have_the_same_registers(numbers in prop::collection::vec(any::<u32>(), 0..300)) {
        let (mut sparse, mut dense) = (new(), new());
        make_dense(&mut dense).expect("a sound one");
        for number in numbers {
            let element = number.to_le_bytes();
            prop_assert_eq!(add(&mut sparse, &element, SPARSE_MAX), add(&mut dense, &element, SPARSE_MAX));
        }
        prop_assert_eq!(sparse[4], SPARSE);
        prop_assert_eq!(count(&sparse), count(&dense));
        make_dense(&mut sparse).expect("a sound one");
        prop_assert_eq!(sparse, dense);
    }
}
