//! Which keys may go, and which of them goes first.

use super::super::entry::Entry;
use super::super::usage::Usage;

/// Redis: `maxmemory-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Policy {
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
    AllKeysLru,
    AllKeysLfu,
    AllKeysRandom,
    #[default]
    NoEviction,
}

/// What decides between keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Recency,
    Frequency,
    Chance,
    Deadline,
}

impl Policy {
    /// In the order of their numbers, which is that of Redis's error text.
    pub const ALL: [Policy; 8] = [
        Policy::VolatileLru,
        Policy::VolatileLfu,
        Policy::VolatileRandom,
        Policy::VolatileTtl,
        Policy::AllKeysLru,
        Policy::AllKeysLfu,
        Policy::AllKeysRandom,
        Policy::NoEviction,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Policy::NoEviction => "noeviction",
            Policy::AllKeysLru => "allkeys-lru",
            Policy::VolatileLru => "volatile-lru",
            Policy::AllKeysLfu => "allkeys-lfu",
            Policy::VolatileLfu => "volatile-lfu",
            Policy::AllKeysRandom => "allkeys-random",
            Policy::VolatileRandom => "volatile-random",
            Policy::VolatileTtl => "volatile-ttl",
        }
    }

    pub fn of_name(name: &str) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name().eq_ignore_ascii_case(name))
    }

    /// `None`: nothing is evicted.
    pub fn order(self) -> Option<Order> {
        match self {
            Policy::NoEviction => None,
            Policy::AllKeysLru | Policy::VolatileLru => Some(Order::Recency),
            Policy::AllKeysLfu | Policy::VolatileLfu => Some(Order::Frequency),
            Policy::AllKeysRandom | Policy::VolatileRandom => Some(Order::Chance),
            Policy::VolatileTtl => Some(Order::Deadline),
        }
    }

    /// Whether only keys with a deadline may go.
    pub fn only_volatile(self) -> bool {
        matches!(
            self,
            Policy::VolatileLru | Policy::VolatileLfu | Policy::VolatileRandom | Policy::VolatileTtl
        )
    }

    pub fn counts_uses(self) -> bool {
        self.order() == Some(Order::Frequency)
    }

    pub fn may_evict(self, entry: &Entry) -> bool {
        self.order().is_some() && (!self.only_volatile() || entry.deadline().is_some())
    }
}

impl Order {
    /// The higher, the sooner it goes. It falls only by what speaks for the entry: a use, a later deadline.
    pub fn rank(self, entry: &Entry, usage: &Usage, now_ms: u64) -> u64 {
        if entry.is_due(now_ms) {
            return u64::MAX;
        }
        match self {
            Order::Recency => u64::MAX - usage.last_used_ms(entry.access(), now_ms),
            Order::Frequency => u64::from(u8::MAX - usage.frequency(entry.access(), now_ms)),
            Order::Chance => 0,
            Order::Deadline => u64::MAX - entry.deadline().unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_known_by_their_names() {
        for policy in Policy::ALL {
            assert_eq!(Policy::of_name(&policy.name().to_uppercase()), Some(policy));
            assert_eq!(Policy::ALL[policy as usize], policy);
            assert_eq!(policy.only_volatile(), policy.name().starts_with("volatile"));
        }
        assert_eq!(Policy::of_name("lru"), None);
    }
}
