//! What a record costs on its way into the log and back.
//!
//! `drain` ends with a sync; set `TMPDIR` to a directory in memory to leave the disk out.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use limpid::aof::storage::FileStorage;
use limpid::aof::{Aof, Policy, recovery};
use limpid::execute::log::Log;
use limpid::keyspace::effects::Effects;
use limpid::protocol::Words;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const RECORDS: u64 = 100_000;

/// One record as a worker makes it: a 16-byte key, a 64-byte value.
fn set(number: u64) -> Effects {
    let mut effects = Effects::new();
    effects.push(0, &[b"SET", format!("key:{number:012}").as_bytes(), &[b'v'; 64]]);
    effects
}

fn open(directory: &Path) -> Aof {
    let storage = Arc::new(FileStorage::open(directory).expect("a directory for the log"));
    let recovered =
        recovery::open(storage, &mut |_, _: Words<'_>| Ok(()), &mut |_, _| {}).expect("a whole log");
    Aof::start(recovered, Policy::No, Box::new(|_| {})).expect("a thread")
}

fn aof(c: &mut Criterion) {
    let mut group = c.benchmark_group("aof");
    group.throughput(Throughput::Elements(RECORDS)).sample_size(20);
    let batch = || (0..RECORDS).map(set).collect::<Vec<_>>();
    let directory = tempfile::tempdir().expect("a directory for the log");

    // The thread sleeps meanwhile: nobody rings.
    group.bench_function("append", |b| {
        b.iter_batched(
            || (open(tempfile::tempdir().expect("a directory for the log").path()), batch()),
            |(aof, batch)| {
                for effects in batch {
                    black_box(aof.append(effects, 0));
                }
                aof
            },
            BatchSize::PerIteration,
        );
    });

    group.bench_function("drain", |b| {
        b.iter_batched(
            || {
                let aof = open(tempfile::tempdir().expect("a directory for the log").path());
                batch().into_iter().for_each(|effects| _ = aof.append(effects, 0));
                aof
            },
            |aof| aof.close(),
            BatchSize::PerIteration,
        );
    });

    let aof = open(directory.path());
    batch().into_iter().for_each(|effects| _ = aof.append(effects, 0));
    aof.close().expect("a disk with room");
    drop(aof);
    group.bench_function("recover", |b| {
        b.iter(|| {
            let storage = Arc::new(FileStorage::open(directory.path()).expect("a directory for the log"));
            let mut bytes = 0;
            let mut apply = |_, words: Words<'_>| {
                bytes += words.get(2).len();
                Ok(())
            };
            recovery::open(storage, &mut apply, &mut |_, _| {}).expect("a whole log");
            black_box(bytes)
        });
    });
    group.finish();
}

criterion_group!(benches, aof);
criterion_main!(benches);
