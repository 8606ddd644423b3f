//! Logs to test on, a disk that fails, and what becomes of a log on such a disk.

mod campaign;
pub mod memory;

use crate::aof::Policy;
use crate::aof::batch::Batch;
use crate::aof::error::Result;
use crate::aof::manifest::MANIFEST;
use crate::aof::recovery::{Recovered, open};
use crate::aof::writer::{Now, Writer};
use crate::keyspace::effects::Effects;
use memory::MemoryStorage;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

pub const SEGMENT: &str = "00000001.aof";

pub fn recover(storage: &MemoryStorage) -> Result<(Vec<String>, Recovered)> {
    let mut lines = Vec::new();
    let mut apply = |db, words: crate::protocol::Words<'_>| {
        let words: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
        lines.push(format!("{db} {}", words.join(" ")));
        Ok(())
    };
    let recovered = open(Arc::new(storage.clone()), &mut apply, &mut |_, _| {})?;
    Ok((lines, recovered))
}

/// A log of groups of 1, 2, 3 ... records, 400 ms apart from 1000 on, and its records as lines.
pub fn log(groups: u64, policy: Policy, close: bool) -> (MemoryStorage, Vec<String>) {
    let storage = MemoryStorage::new(1);
    let recovered = recover(&storage).unwrap().1;
    let mut now = Now { unix_ms: 1000, instant: Instant::now() };
    let mut writer = Writer::new(recovered, policy, Box::new(|_| {}), now);
    let mut lines = Vec::new();
    for group in 1..=groups {
        for _ in 0..group {
            let mut effects = Effects::new();
            let (db, key) = (group as u8 % 3, format!("key:{}", lines.len()));
            effects.push(db, &[b"SET", key.as_bytes(), b"a \n\xffvalue"]);
            lines.push(format!("{db} SET {key} a \\n\\xffvalue"));
            let first = writer.shared().next.0.fetch_add(1, Relaxed);
            writer.shared().backlog_bytes.fetch_add(effects.size_bytes(), Relaxed);
            writer.take(Batch::of(first, 0, effects));
        }
        writer.commit(now);
        now.instant += Duration::from_millis(400);
        now.unix_ms += 400;
        writer.tick(now);
    }
    if close {
        writer.close(now).unwrap();
    }
    (storage, lines)
}

/// The same log with other bytes in its segment.
pub fn with_segment(storage: &MemoryStorage, bytes: &[u8]) -> MemoryStorage {
    let copy = MemoryStorage::new(1);
    copy.put(MANIFEST, &storage.contents(MANIFEST));
    copy.put(SEGMENT, bytes);
    copy
}
