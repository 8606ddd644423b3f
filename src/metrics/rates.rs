//! How fast things go now: the difference of the last two looks at the totals.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Commands, bytes in, bytes out.
pub type Totals = [u64; 3];

#[derive(Default)]
pub struct Rates(Mutex<Looks>);

#[derive(Default)]
struct Looks {
    before: Option<(u64, Totals)>,
    last: Option<(u64, Totals)>,
}

impl Rates {
    pub fn sample(&self, now_ms: u64, totals: Totals) {
        let mut looks = self.looks();
        looks.before = looks.last.replace((now_ms, totals));
    }

    /// Per second; nothing is known before the second look.
    pub fn per_second(&self) -> [f64; 3] {
        let looks = self.looks();
        let (Some((from_ms, from)), Some((to_ms, to))) = (looks.before, looks.last) else { return [0.0; 3] };
        let seconds = to_ms.saturating_sub(from_ms).max(1) as f64 / 1000.0;
        std::array::from_fn(|i| to[i].saturating_sub(from[i]) as f64 / seconds)
    }

    pub fn forget(&self) {
        *self.looks() = Looks::default();
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_looks_make_a_rate() {
        let rates = Rates::default();
        rates.sample(1000, [10, 0, 0]);
        assert_eq!(rates.per_second(), [0.0; 3]);
        rates.sample(3000, [50, 2048, 0]);
        assert_eq!(rates.per_second(), [20.0, 1024.0, 0.0]);
    }
}
