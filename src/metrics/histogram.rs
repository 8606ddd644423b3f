//! How long commands took, in buckets.
//!
//! ```text
//!   nanoseconds   0 1 2 ... 15 | 16 17 ... 31 | 32-33 34-35 ... 62-63 | 64-67 ...   up to 137 s
//!                 one each     | one each     | two each              | four each
//! ```
//!
//! Sixteen buckets to each power of two: a figure is right to one part in sixteen, and noting one costs a shift and an
//! addition.

use std::fmt;
use std::ops::RangeInclusive;

use super::Counter;

const SUB_BITS: u32 = 4;
const SUBS: usize = 1 << SUB_BITS;
/// Latencies are below this power of two; longer ones count as the longest.
const BITS: u32 = 37;
const BUCKETS: usize = (BITS - SUB_BITS + 1) as usize * SUBS;

/// One worker's; see [`Counter`] for who writes.
pub struct Histogram {
    buckets: [Counter; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: std::array::from_fn(|_| Counter::default()) }
    }
}

impl Histogram {
    #[inline]
    pub fn note(&self, nanos: u64) {
        self.buckets[bucket_of(nanos)].add(1);
    }

    pub fn reset(&self) {
        self.buckets.iter().for_each(Counter::reset);
    }
}

#[inline]
fn bucket_of(nanos: u64) -> usize {
    let nanos = nanos.min((1 << BITS) - 1);
    if nanos < SUBS as u64 {
        return nanos as usize;
    }
    let power = nanos.ilog2() - SUB_BITS;
    (power as usize) * SUBS + (nanos >> power) as usize
}

/// The longest latency that falls into a bucket.
fn longest_in(bucket: usize) -> u64 {
    if bucket < SUBS {
        return bucket as u64;
    }
    let power = bucket / SUBS - 1;
    (((bucket % SUBS + SUBS + 1) as u64) << power) - 1
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram of {}", self.buckets.iter().map(Counter::get).sum::<u64>())
    }
}

/// What histograms held at some moment: one, or the sum of several.
#[derive(Clone)]
pub struct Distribution {
    buckets: Box<[u64; BUCKETS]>,
}

impl Default for Distribution {
    fn default() -> Distribution {
        Distribution { buckets: Box::new([0; BUCKETS]) }
    }
}

impl Distribution {
    pub fn add(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += bucket.get();
        }
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub fn of(histogram: &Histogram) -> Distribution {
        let mut distribution = Distribution::default();
        distribution.add(histogram);
        distribution
    }

    pub fn add_all(&mut self, other: &Distribution) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&*other.buckets) {
            *sum += bucket;
        }
    }

    /// What has come since an earlier look at the same histograms.
    pub fn since(&self, before: &Distribution) -> Distribution {
        let mut new = self.clone();
        for (now, before) in new.buckets.iter_mut().zip(&*before.buckets) {
            // Less than before only where the counters have been reset.
            *now = now.saturating_sub(*before);
        }
        new
    }

    /// The sum of all that was noted, as good as the buckets are: right to one part in thirty.
    pub fn total(&self) -> f64 {
        let middle = |bucket: usize| match bucket {
            0 => 0.0,
            _ => (longest_in(bucket - 1) + 1 + longest_in(bucket)) as f64 / 2.0,
        };
        self.buckets.iter().enumerate().map(|(bucket, &count)| middle(bucket) * count as f64).sum()
    }

    /// How many were below each of these powers of two, and not below the one before; last, the rest.
    pub fn by_powers(&self, powers: RangeInclusive<u32>) -> Vec<u64> {
        let last = *powers.end();
        let mut counts = vec![0; powers.clone().count() + 1];
        for (bucket, &count) in self.buckets.iter().enumerate() {
            let power = longest_in(bucket).checked_ilog2().map_or(0, |log| log + 1);
            counts[(power.clamp(*powers.start(), last + 1) - powers.start()) as usize] += count;
        }
        counts
    }

    /// So many percent took at most as long, in nanoseconds.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (percent * self.count() as f64 / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        longest_in(bucket.unwrap_or(BUCKETS - 1))
    }

    /// How many took at most 1, 2, 4, 8 ... microseconds (of 1024 ns); steps at which nothing is added are left out.
    pub fn by_microseconds(&self) -> Vec<(u64, u64)> {
        let mut steps: Vec<(u64, u64)> = Vec::new();
        let mut cumulative = 0;
        for (bucket, &count) in self.buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
            cumulative += count;
            let limit = (longest_in(bucket) + 1).next_power_of_two().max(1024) / 1000;
            match steps.last_mut() {
                Some((step, total)) if *step == limit => *total = cumulative,
                _ => steps.push((limit, cumulative)),
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn latencies(nanos: &[u64]) -> Distribution {
        let histogram = Histogram::default();
        nanos.iter().for_each(|&n| histogram.note(n));
        Distribution::of(&histogram)
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_is_near(nanos in 0u64..1 << BITS) {
            let bucket = bucket_of(nanos);
            let longest = longest_in(bucket);
            prop_assert!(longest >= nanos && longest - nanos <= nanos / 16, "{nanos} in {longest}");
            prop_assert!(bucket == 0 || longest_in(bucket - 1) < nanos);
        }

        #[test]
        fn percentiles_as_if_sorted(mut nanos in prop::collection::vec(0u64..1 << 30, 1..50), percent in 0u32..=100) {
            let found = latencies(&nanos).percentile(f64::from(percent));
            nanos.sort_unstable();
            let rank = (nanos.len() * percent as usize).div_ceil(100).max(1);
            prop_assert_eq!(found, longest_in(bucket_of(nanos[rank - 1])));
        }
    }

    #[test]
    fn powers_of_two_cut_between_buckets() {
        let found = latencies(&[0, 1023, 1024, 2047, 2048, 1 << 20]);
        assert_eq!(found.by_powers(10..=11), [2, 2, 2]);
        assert_eq!(found.by_powers(10..=36).iter().sum::<u64>(), found.count());
    }

    #[test]
    fn differences_and_sums() {
        let (before, now) = (latencies(&[5, 1000]), latencies(&[5, 1000, 1000]));
        assert_eq!(now.since(&before).count(), 1);
        assert_eq!(before.since(&now).count(), 0);
        let total = now.total();
        assert!((1900.0..2100.0).contains(&total), "{total}");
    }

    #[test]
    fn the_longest_go_into_the_last_bucket() {
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(longest_in(BUCKETS - 1), (1 << BITS) - 1);
    }

    #[test]
    fn steps_are_cumulative_and_double() {
        let found = latencies(&[100, 900, 1500, 3000, 3500, 70_000]).by_microseconds();
        assert_eq!(found, [(1, 2), (2, 3), (4, 5), (131, 6)]);
        assert_eq!(latencies(&[]).by_microseconds(), []);
    }
}
