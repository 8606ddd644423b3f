//! Random numbers for commands that choose: RANDOMKEY, SPOP and the like.
//!
//! Not for secrets. SplitMix64 (Steele, Lea, Flood 2014): a counter in odd steps, mixed.

use std::cell::Cell;

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

thread_local! {
    static DICE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A number from this thread's own source, which `seed` begins: for what is drawn at every turn.
pub fn roll(seed: impl FnOnce() -> u64) -> u64 {
    DICE.with(|dice| {
        let state = dice.get().unwrap_or_else(seed).wrapping_add(STEP);
        dice.set(Some(state));
        mix(state)
    })
}

/// The `number`-th source of a seed; sources of one seed go different ways.
pub fn source(seed: u64, number: u64) -> impl FnMut() -> u64 {
    let mut state = mix(seed ^ mix(number.wrapping_add(STEP)));
    move || {
        state = state.wrapping_add(STEP);
        mix(state)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_repeats_and_two_differ() {
        let draw = |seed, number| std::iter::repeat_with(source(seed, number)).take(8).collect::<Vec<_>>();
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }
}
