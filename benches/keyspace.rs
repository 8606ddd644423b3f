//! What finding, reading and replacing one key costs, from the key's bytes to the released lock.
//!
//! Keys are drawn at random, so that the larger keyspace shows what missing the processor's caches costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use limpid::command::table;
use limpid::keyspace::effects::Effects;
use limpid::keyspace::lock::{Locked, Mode, Place};
use limpid::keyspace::slot::slot_of;
use limpid::keyspace::{Content, Edit, Keyspace, View};
use std::hint::black_box;

const VALUE: [u8; 64] = [b'v'; 64];
const NOW_MS: u64 = 1_800_000_000_000;
/// Keys that one iteration goes through: more than a branch predictor learns.
const DRAWN: usize = 1 << 14;

fn key(number: u64) -> String {
    format!("key:{number:012}")
}

fn replace(keyspace: &Keyspace, key: &[u8]) {
    let locked = Locked::one(keyspace, Place::of(0, key), Mode::Exclusive);
    let mut edit = Edit::new(keyspace, locked, Effects::only_counted(), 0, NOW_MS);
    edit.put(key, Content::Bytes(&VALUE), None);
    edit.record(&[b"SET", key, &VALUE]);
    black_box(edit.finish());
}

fn read(keyspace: &Keyspace, key: &[u8]) -> usize {
    let locked = Locked::one(keyspace, Place::of(0, key), Mode::Shared);
    let view = View::new(keyspace, locked, 0, NOW_MS);
    view.string(key).ok().flatten().map_or(0, <[u8]>::len)
}

/// As many keys as `keys`, each in one of the bytes' own allocations, and some of them in random order.
fn filled(keys: u64) -> (Keyspace, Vec<String>) {
    let keyspace = Keyspace::new(1, NOW_MS, crossbeam_channel::unbounded().0);
    (0..keys).for_each(|number| replace(&keyspace, key(number).as_bytes()));
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let drawn = (0..DRAWN).map(|_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        key(random % keys)
    });
    let drawn = drawn.collect();
    (keyspace, drawn)
}

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("look up");
    group.bench_function("command by name", |b| b.iter(|| table::find(black_box(b"GET"))));
    let key = key(12_345);
    group.bench_function("slot of a 16-byte key", |b| b.iter(|| slot_of(black_box(key.as_bytes()))));
    let keyspace = Keyspace::new(1, NOW_MS, crossbeam_channel::unbounded().0);
    group.bench_function("hash of a 16-byte key", |b| b.iter(|| keyspace.hash(black_box(key.as_bytes()))));
    group.finish();
}

fn keys(c: &mut Criterion) {
    for (name, keys) in [("100 k keys", 100_000), ("1 M keys", 1_000_000)] {
        let (keyspace, drawn) = filled(keys);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(DRAWN as u64)).sample_size(20);
        group.bench_function("read", |b| {
            b.iter(|| drawn.iter().map(|key| read(&keyspace, key.as_bytes())).sum::<usize>())
        });
        group.bench_function("replace", |b| {
            b.iter(|| drawn.iter().for_each(|key| replace(&keyspace, key.as_bytes())))
        });
        group.finish();
    }
}

criterion_group!(benches, look_up, keys);
criterion_main!(benches);
