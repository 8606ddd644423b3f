//! Memory and expiry.

use super::Opt;
use crate::config::value::{bytes, number, one_of, time};
use crate::keyspace::evict::Policy;

pub static ROWS: &[Opt] = &[
    Opt {
        name: "maxmemory",
        value: "BYTES",
        help: "memory to use, above which keys are evicted or writes refused; 0: no limit",
        more: "Keys go before anything grows; where none may go, whatever may grow is refused with OOM. What waits to be written to the log does not count.",
        live: true,
        get: |c| c.maxmemory.to_string(),
        set: |c, v| bytes(v, 0, i64::MAX).map(|n| c.maxmemory = n as u64),
        ..Opt::ROW
    },
    Opt {
        name: "maxmemory-policy",
        value: "POLICY",
        help: "which keys go then: noeviction, or allkeys- or volatile- (those with a deadline) with lru, lfu or random \
               behind it, or volatile-ttl",
        more: "lru: the ones that were not used for the longest time; lfu: the ones that are used least often; random: any; ttl: the ones whose deadline is nearest.",
        live: true,
        get: |c| c.maxmemory_policy.name().into(),
        set: |c, v| {
            let name = one_of(v, &Policy::ALL.map(Policy::name))?;
            c.maxmemory_policy = Policy::of_name(name).unwrap_or_default();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "maxmemory-samples",
        value: "N",
        help: "keys looked at for each that is evicted: more choose better and take longer",
        live: true,
        get: |c| c.maxmemory_samples.to_string(),
        set: |c, v| number(v, 1, 64).map(|n| c.maxmemory_samples = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "maxmemory-eviction-tenacity",
        value: "0-100",
        help: "how long one write goes on evicting before the rest is left to the background: 10 is half a millisecond, \
               100 for as long as it takes",
        more: "Each step more is 15 % more.",
        live: true,
        get: |c| c.eviction_tenacity.to_string(),
        set: |c, v| number(v, 0, 100).map(|n| c.eviction_tenacity = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "lfu-log-factor",
        value: "N",
        help: "how slowly the count of a key's uses grows: at 10, a million of them fill it",
        more: "The count is logarithmic and ends at 255.",
        live: true,
        get: |c| c.lfu_log_factor.to_string(),
        set: |c, v| number(v, 0, i32::MAX.into()).map(|n| c.lfu_log_factor = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "lfu-decay-time",
        value: "MINUTES",
        help: "without a use for so long, a key's count falls by one; 0: never",
        live: true,
        get: |c| c.lfu_decay_minutes.to_string(),
        set: |c, v| time(v, "m", 0, i32::MAX.into()).map(|n| c.lfu_decay_minutes = n as u32),
        ..Opt::ROW
    },
    Opt {
        name: "sweep-period",
        value: "MILLISECONDS",
        help: "how often expired keys are swept; no client sees one meanwhile",
        live: true,
        get: |c| c.sweep_period_ms.to_string(),
        set: |c, v| time(v, "ms", 10, 3_600_000).map(|n| c.sweep_period_ms = n as u64),
        ..Opt::ROW
    },
];
