//! The best candidates that were met so far. What is sampled and not evicted is not forgotten, which makes a few samples
//! per eviction nearly as good as a look at all keys.

use super::super::lock::Place;
use super::super::table::KeyHash;

/// Redis: `EVPOOL_SIZE`.
const CANDIDATES_MAX: usize = 16;

/// A key that may be evicted: where it lies, and how much speaks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub rank: u64,
    pub place: Place,
    pub hash: KeyHash,
}

/// Candidates by rank, the best one last.
#[derive(Default)]
pub struct Pool {
    candidates: Vec<Candidate>,
}

impl Pool {
    /// Takes a candidate in, in the place of the worst one if there are enough. A key is in it once.
    pub fn offer(&mut self, candidate: Candidate) {
        let same = |known: &Candidate| (known.place, known.hash) == (candidate.place, candidate.hash);
        self.candidates.retain(|known| !same(known));
        if self.candidates.len() == CANDIDATES_MAX {
            if self.candidates[0].rank >= candidate.rank {
                return;
            }
            self.candidates.remove(0);
        }
        let at = self.candidates.partition_point(|known| known.rank <= candidate.rank);
        self.candidates.insert(at, candidate);
    }

    pub fn take_best(&mut self) -> Option<Candidate> {
        self.candidates.pop()
    }

    pub fn clear(&mut self) {
        self.candidates.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(key: u32, rank: u64) -> Candidate {
        Candidate { rank, place: Place { db: 0, shard: key as u16 }, hash: KeyHash::from_bits(key) }
    }

    #[test]
    fn the_best_stay_and_go_in_order() {
        let mut pool = Pool::default();
        for key in 0..100 {
            pool.offer(candidate(key, u64::from(key * 37 % 100)));
        }
        let ranks: Vec<u64> = std::iter::from_fn(|| pool.take_best()).map(|best| best.rank).collect();
        assert_eq!(ranks, (84..100).rev().collect::<Vec<u64>>());
    }

    #[test]
    fn a_key_that_is_met_again_has_its_new_rank() {
        let mut pool = Pool::default();
        pool.offer(candidate(1, 50));
        pool.offer(candidate(2, 40));
        pool.offer(candidate(1, 10));
        assert_eq!(pool.take_best(), Some(candidate(2, 40)));
        assert_eq!(pool.take_best(), Some(candidate(1, 10)));
        assert_eq!(pool.take_best(), None);
    }
}
