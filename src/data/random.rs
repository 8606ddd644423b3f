//! Drawing elements: positions with equal odds, from whatever numbers the caller feeds in.

use std::collections::BTreeSet;

/// A source of random 64-bit numbers.
pub type Rng<'a> = &'a mut dyn FnMut() -> u64;

/// A number in `0..bound`, each with (but for a part in 2^64) the same odds.
pub fn below(bound: usize, rng: Rng) -> usize {
    scaled(rng(), bound)
}

/// The same from a number that has been drawn.
pub fn scaled(random: u64, bound: usize) -> usize {
    ((u128::from(random) * bound as u128) >> 64) as usize
}

/// `count` different numbers of `0..bound`, or all of them where there are fewer; each choice with
/// the same odds. In ascending order.
pub fn choose(bound: usize, count: usize, rng: Rng) -> BTreeSet<usize> {
    if count >= bound {
        return (0..bound).collect();
    }
    // Floyd's method: a number drawn before stands for the new largest, which was never drawn.
    let mut chosen = BTreeSet::new();
    for largest in bound - count..bound {
        if !chosen.insert(below(largest + 1, rng)) {
            chosen.insert(largest);
        }
    }
    chosen
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A generator that repeats from a seed.
    pub fn seeded(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }
    }

    #[test]
    fn chooses_each_number_with_the_same_odds() {
        let mut rng = seeded(1);
        let mut times = [0; 10];
        for _ in 0..10_000 {
            let chosen = choose(10, 3, &mut rng);
            assert_eq!(chosen.len(), 3);
            chosen.iter().for_each(|&n| times[n] += 1);
        }
        // 3000 each on average, with a deviation of 46.
        assert!(times.iter().all(|n| (2800..3200).contains(n)), "{times:?}");
        assert_eq!(choose(4, 9, &mut rng).len(), 4);
        assert!(choose(4, 0, &mut rng).is_empty());
    }
}
