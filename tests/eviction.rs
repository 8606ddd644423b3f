//! Memory over `maxmemory`: what goes, what stays, who is refused, and that nobody waits for it.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use limpid::protocol::Value;
use support::{Limpid, Redis, RespClient, bulk, encode, eventually, status};

const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

fn info(c: &mut RespClient, name: &str) -> u64 {
    c.info(name).parse().unwrap_or_else(|_| panic!("INFO has no figure {name}"))
}

fn config(c: &mut RespClient, name: &str, value: &str) {
    assert_eq!(c.cmd(&["CONFIG", "SET", name, value]), status("OK"));
}

/// Requests on their way at once: few, since what waits to be run is memory that is used as well.
const PIPELINE: usize = 50;

/// Writes keys `<name>0` to `<name><count>` in pipelines; returns how many were taken. The others found no room.
fn fill(c: &mut RespClient, name: &str, count: usize, value: &str, extra: &[&str]) -> usize {
    let mut taken = 0;
    for first in (0..count).step_by(PIPELINE) {
        let last = (first + PIPELINE).min(count);
        let requests: Vec<u8> = (first..last)
            .flat_map(|i| encode(&[&["SET", &format!("{name}{i}"), value], extra].concat()))
            .collect();
        c.send_bytes(&requests);
        for _ in first..last {
            match c.read() {
                Value::Error(text) => assert_eq!(String::from_utf8_lossy(&text), OOM),
                reply => {
                    assert_eq!(reply, status("OK"));
                    taken += 1;
                }
            }
        }
    }
    taken
}

fn keys(c: &mut RespClient, pattern: &str) -> BTreeSet<Vec<u8>> {
    let Value::Array(keys) = c.cmd(&["KEYS", pattern]) else { panic!("KEYS answers an array") };
    let name = |key| match key {
        Value::Bulk(name) => name.to_vec(),
        other => panic!("a key, not {other:?}"),
    };
    keys.into_iter().map(name).collect()
}

/// With so many bytes of room above what is used now.
fn limit(c: &mut RespClient, policy: &str, room: u64) -> u64 {
    config(c, "maxmemory-policy", policy);
    let limit = info(c, "used_memory") + room;
    config(c, "maxmemory", &limit.to_string());
    limit
}

#[test]
fn each_policy_takes_what_it_may_and_stays_within_the_limit() {
    let policies = [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ];
    for policy in policies {
        let server = Limpid::start();
        let mut c = server.resp();
        let value = "x".repeat(200);
        fill(&mut c, "stays:", 1000, &value, &[]);
        fill(&mut c, "goes:", 3000, &value, &["EX", "10000"]);
        let limit = limit(&mut c, policy, 200_000);
        let taken = fill(&mut c, "new:", 6000, &value, &["EX", "20000"]);
        assert_eq!(taken, 6000, "{policy}: there is always something to evict");
        let used = info(&mut c, "used_memory");
        assert!(used < limit + limit / 20, "{policy}: {used} of {limit}");
        let (evicted, size) = (info(&mut c, "evicted_keys"), keys(&mut c, "*").len() as u64);
        assert_eq!(evicted + size, 10_000, "{policy}: each key is there or was evicted");
        assert!(evicted > 2000, "{policy}: {evicted}");
        let untouched = keys(&mut c, "stays:*").len();
        assert_eq!(untouched == 1000, policy.starts_with("volatile"), "{policy}: {untouched} of 1000 stay");
    }
}

#[test]
fn the_nearest_deadline_goes_first() {
    let server = Limpid::start();
    let mut c = server.resp();
    let value = "x".repeat(200);
    fill(&mut c, "near:", 2000, &value, &["EX", "1000"]);
    fill(&mut c, "far:", 2000, &value, &["EX", "100000"]);
    config(&mut c, "maxmemory-samples", "10");
    limit(&mut c, "volatile-ttl", 0);
    fill(&mut c, "new:", 1000, &value, &["EX", "200000"]);
    let (near, far) = (keys(&mut c, "near:*").len(), keys(&mut c, "far:*").len());
    assert!(near < 1000, "{near} of 2000 with a near deadline are left");
    assert!(far > 1950 || near < 100, "{far} of 2000 with a far one are left, and {near} with a near one");
}

#[test]
fn when_no_key_may_go_writes_that_grow_are_refused() {
    let server = Limpid::start();
    let mut c = server.resp();
    fill(&mut c, "key:", 100, "value", &[]);
    limit(&mut c, "volatile-lru", 0);
    let taken = fill(&mut c, "new:", 1000, &"x".repeat(1000), &[]);
    assert!(taken < 100, "{taken}");
    c.check("GET key:1", bulk("value"));
    c.check_error("APPEND key:1 more", OOM);
    c.check("DEL key:1", Value::Int(1));
    config(&mut c, "maxmemory", "0");
    c.check("APPEND key:1 more", Value::Int(4));
    assert_eq!(info(&mut c, "evicted_keys"), 0);
}

/// Reply by reply, beside redis-server where it is installed.
#[test]
fn refusals_are_those_of_redis() {
    let server = Limpid::start();
    let (mut limpid, mut other) = (server.resp(), server.resp());
    let redis = Redis::start();
    let mut redis = redis.as_ref().map(|redis| (redis.resp(), redis.resp()));
    let script = "SET a 1 | LPUSH l x | CONFIG SET maxmemory 1 | SET b 2 | LPUSH l y | GET a | DEL nothing | EXPIRE a 100 | \
                  LPOP l | MULTI | GET a | EXEC | MULTI | SET a 2 | DISCARD | MULTI | EXEC | INCR a | GETSET a b | \
                  BLMOVE l m LEFT LEFT 0.01 | SORT l STORE m | RENAME a c | CONFIG SET maxmemory 0 | MULTI | \
                  SET q 1 | @CONFIG SET maxmemory 1 | EXEC | MULTI | @CONFIG SET maxmemory 0 | DEL q | \
                  @CONFIG SET maxmemory 1 | EXEC | OBJECT FREQ c | CONFIG SET maxmemory 0 maxmemory-policy allkeys-lfu | \
                  SET f word | OBJECT FREQ f | OBJECT IDLETIME f | OBJECT FREQ nothing | \
                  CONFIG SET maxmemory-policy nonsense | CONFIG SET maxmemory-eviction-tenacity 101 | \
                  CONFIG GET maxmemory* | CONFIG GET lfu-*";
    for line in script.split(" | ").map(str::trim) {
        // By another client.
        let (by_other, line) = line.strip_prefix('@').map_or((false, line), |line| (true, line));
        let words: Vec<&str> = line.split(' ').collect();
        let ours = if by_other { other.cmd(&words) } else { limpid.cmd(&words) };
        if let Some((first, second)) = &mut redis {
            let theirs = if by_other { second.cmd(&words) } else { first.cmd(&words) };
            assert_eq!(sorted(ours), sorted(theirs), "{line}");
        }
    }
}

/// CONFIG GET has no order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(mut values) => {
            values.sort_by_key(|value| format!("{value:?}"));
            Value::Array(values)
        }
        value => value,
    }
}

#[test]
fn an_evicted_key_has_changed_for_who_watches_it() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    c.check("SET watched 1", status("OK"));
    c.check("WATCH watched", status("OK"));
    config(&mut other, "maxmemory-policy", "allkeys-lru");
    config(&mut other, "maxmemory", "1");
    eventually("it is evicted", || other.cmd(&["DBSIZE"]) == Value::Int(0));
    config(&mut other, "maxmemory", "0");
    c.check("MULTI", status("OK"));
    c.check("SET watched 2", status("QUEUED"));
    c.check("EXEC", Value::Null);
}

#[test]
fn evictions_are_in_the_log() {
    let server = Limpid::durable();
    let mut c = server.resp();
    // The log's own buffer is part of what is used, and grows to a megabyte or two.
    limit(&mut c, "allkeys-lru", 5_000_000);
    for round in 0..4 {
        fill(&mut c, &format!("round{round}:"), 2000, &"x".repeat(1000), &[]);
    }
    c.cmd(&["HSET", "hash", "field", "value"]);
    eventually("most have to go", || info(&mut c, "evicted_keys") > 2000);
    // Nothing more goes from here on.
    config(&mut c, "maxmemory", "0");
    c.check("SET last 1", status("OK"));
    let before = keys(&mut c, "*");
    let stopped = server.crash();
    let server = stopped.restart_with(&["--appendonly", "yes", "--maxmemory-policy", "noeviction"]);
    let after = keys(&mut server.resp(), "*");
    assert_eq!(after.len(), before.len());
    assert_eq!(after, before, "the log replays to the same keys");
}

#[test]
fn a_limit_below_what_is_loaded_evicts_at_the_start() {
    let server = Limpid::durable();
    fill(&mut server.resp(), "key:", 5000, &"x".repeat(500), &[]);
    let limit = info(&mut server.resp(), "used_memory_startup") + 1_500_000;
    let limits = ["--maxmemory", &limit.to_string(), "--maxmemory-policy", "allkeys-random"];
    let server = server.stop().restart_with(&limits);
    let mut c = server.resp();
    eventually("it is within its limit", || info(&mut c, "evicted_keys") > 1000);
    assert!(keys(&mut c, "*").len() < 4000);
}

/// The others' requests go on while a hundred megabytes are evicted.
#[test]
fn a_lowered_limit_evicts_at_once_and_stalls_nobody() {
    let server = Limpid::start();
    let mut c = server.resp();
    fill(&mut c, "key:", 50_000, &"x".repeat(2000), &[]);
    config(&mut c, "maxmemory-policy", "allkeys-lru");
    let full = info(&mut c, "used_memory");
    assert!(full > 100_000_000, "{full}");
    let done = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (mut c, done) = (server.resp(), Arc::clone(&done));
        move || {
            let (mut slowest, mut answered) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let asked = Instant::now();
                c.cmd(&["GET", &format!("key:{}", answered % 50_000)]);
                slowest = slowest.max(asked.elapsed().as_millis());
                answered += 1;
            }
            (slowest, answered)
        }
    });
    let limit = full / 4;
    let began = Instant::now();
    config(&mut c, "maxmemory", &limit.to_string());
    eventually("it is within its limit", || info(&mut c, "used_memory") <= limit + limit / 20);
    let took = began.elapsed().as_millis();
    done.store(true, Ordering::Relaxed);
    let (slowest, answered) = reader.join().expect("the reader has not panicked");
    assert!(answered > 0, "no request in {took} ms");
    assert!(slowest < took.max(1000), "one request took {slowest} of {took} ms");
    assert!(info(&mut c, "evicted_keys") > 30_000);
    eventually("the clock of that stops", || info(&mut c, "current_eviction_exceeded_time") == 0);
    assert!(info(&mut c, "total_eviction_exceeded_time") > 0);
}

#[test]
fn memory_is_told_truly() {
    let server = Limpid::start();
    let mut c = server.resp();
    let before = info(&mut c, "used_memory");
    fill(&mut c, "key:", 300_000, &"x".repeat(100), &[]);
    let grown = info(&mut c, "used_memory") - before;
    let Value::Int(one) = c.cmd(&["MEMORY", "USAGE", "key:10000"]) else { panic!("a number") };
    let told = one as u64 * 300_000;
    assert!(told.abs_diff(grown) < grown / 10, "MEMORY USAGE says {told}, the allocator {grown}");
    let allocated = info(&mut c, "allocator_allocated");
    assert!(allocated.abs_diff(info(&mut c, "used_memory")) < allocated / 20);
    let overhead = info(&mut c, "used_memory_overhead") + info(&mut c, "used_memory_dataset");
    assert!(overhead.abs_diff(allocated) < allocated / 20, "overhead and data are all there is");
    c.check("MEMORY PURGE", status("OK"));
}

#[test]
fn what_a_compaction_allocates_and_others_free_is_counted() {
    let server = Limpid::durable();
    let mut c = server.resp();
    let value = "x".repeat(100_000);
    for _ in 0..3 {
        fill(&mut c, "key:", 20, &value, &[]);
        c.check("BGREWRITEAOF", status("Background append only file rewriting started"));
        eventually("the log is compacted", || info(&mut c, "aof_rewrite_in_progress") == 0);
    }
    let used = info(&mut c, "used_memory");
    assert!(used >= 2_000_000, "the values alone are two million bytes, not {used}");
}
