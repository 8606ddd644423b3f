//! A disk for tests: it tears writes, refuses syncs, fills up and loses power, all from one seed.
//!
//! ```text
//!   bytes    what reads see                  names    what lookups see
//!   synced   what a crash leaves for sure    changes  what a crash may undo, one by one
//! ```
//!
//! On a crash each 512-byte sector that was not synced is kept, lost or, past the old end, zero; each name change since
//! the last directory sync is kept or undone. After a failed sync the disk believes, as Linux does, that
//! nothing is dirty any more.

use crate::aof::storage::{Appender, Storage};
use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard};

const SECTOR: usize = 512;

/// A small generator: the same seed, the same story (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What goes wrong, and how often.
#[derive(Clone, Default)]
pub struct Faults {
    /// One in so many appends or syncs fails; 0 is never.
    pub write_error_every: u64,
    pub sync_error_every: u64,
    /// The same for what is done to names.
    pub name_error_every: u64,
    /// Bytes of all files together that fit.
    pub capacity: Option<usize>,
    /// The power goes in the course of the operation with this number.
    pub power_ends_at: Option<u64>,
}

#[derive(Clone)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
}

struct Disk {
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    files: Vec<Bytes>,
    operations: u64,
    faults: Faults,
    random: Random,
}

#[derive(Default)]
struct Bytes {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// Everything before it is believed to be on disk.
    dirty_from: usize,
}

#[derive(Clone)]
enum Change {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Change::Create(name, file) => {
                names.insert(name, file);
            }
            Change::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Change::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

impl MemoryStorage {
    pub fn new(seed: u64) -> Self {
        let disk = Disk {
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            changes: Vec::new(),
            files: Vec::new(),
            operations: 0,
            faults: Faults::default(),
            random: Random(seed),
        };
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    pub fn set_faults(&self, faults: Faults) {
        self.disk().faults = faults;
    }

    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    pub fn has_power(&self) -> bool {
        let disk = self.disk();
        disk.faults.power_ends_at.is_none_or(|end| disk.operations < end)
    }

    /// Somebody has tidied up.
    pub fn add_capacity(&self, bytes: usize) {
        if let Some(capacity) = &mut self.disk().faults.capacity {
            *capacity += bytes;
        }
    }

    /// Power back on: what is left is what was on disk.
    pub fn crash(&self) {
        let mut disk = self.disk();
        let disk = &mut *disk;
        let keep = disk.random.below(4);
        let mut names = std::mem::take(&mut disk.synced_names);
        for change in disk.changes.drain(..) {
            if keep_one(keep, &mut disk.random) {
                change.apply(&mut names);
            }
        }
        disk.names = names.clone();
        disk.synced_names = names;
        for file in &mut disk.files {
            file.crash(keep, &mut disk.random);
        }
        disk.faults = Faults::default();
    }

    pub fn contents(&self, name: &str) -> Vec<u8> {
        let disk = self.disk();
        disk.files[disk.names[name]].bytes.clone()
    }

    /// Puts a file there, on disk.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        let file = disk.files.len();
        disk.files.push(Bytes { bytes: bytes.to_vec(), synced: bytes.to_vec(), dirty_from: bytes.len() });
        disk.names.insert(name.to_owned(), file);
        disk.synced_names.insert(name.to_owned(), file);
    }
}

/// A crash keeps all, nothing, or (two times of four) each piece as chance has it.
fn keep_one(keep: u64, random: &mut Random) -> bool {
    keep == 0 || (keep > 1 && random.one_in(2))
}

impl Bytes {
    fn crash(&mut self, keep: u64, random: &mut Random) {
        let (new, old) = (&self.bytes, &self.synced);
        let mut left = Vec::new();
        let sectors = new.len().max(old.len()).div_ceil(SECTOR);
        for sector in 0..sectors {
            let range = |bytes: &[u8]| {
                let start = (sector * SECTOR).min(bytes.len());
                start..(start + SECTOR).min(bytes.len())
            };
            let kept = if keep_one(keep, random) { &new[range(new)] } else { &old[range(old)] };
            left.resize(sector * SECTOR, 0);
            left.extend_from_slice(kept);
        }
        // A truncation or a new end may or may not have reached the disk.
        let ends = [new.len(), old.len()];
        let end = if keep_one(keep, random) { ends[0] } else { ends[1] };
        left.resize(end, 0);
        self.dirty_from = left.len();
        self.synced = left.clone();
        self.bytes = left;
    }

    fn sync(&mut self) {
        self.synced.resize(self.dirty_from, 0);
        self.synced.extend_from_slice(&self.bytes[self.dirty_from..]);
        self.dirty_from = self.bytes.len();
    }

    fn sync_badly(&mut self, random: &mut Random) {
        if random.one_in(2) {
            let part =
                self.dirty_from + random.below((self.bytes.len() - self.dirty_from + 1) as u64) as usize;
            self.synced.resize(self.dirty_from, 0);
            self.synced.extend_from_slice(&self.bytes[self.dirty_from..part]);
        }
        self.dirty_from = self.bytes.len();
    }
}

impl Disk {
    /// Counts an operation. True if the power goes while it runs.
    fn power_goes(&mut self) -> io::Result<bool> {
        self.operations += 1;
        match self.faults.power_ends_at {
            Some(end) if self.operations > end => Err(io::Error::other("no power")),
            Some(end) => Ok(self.operations == end),
            None => Ok(false),
        }
    }

    fn fails(&mut self, every: u64) -> bool {
        every > 0 && self.random.one_in(every)
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        let every = self.faults.name_error_every;
        let fails = self.power_goes()? || self.fails(every);
        if fails && self.random.one_in(2) {
            return Err(io::Error::other("the disk has failed"));
        }
        change.clone().apply(&mut self.names);
        self.changes.push(change);
        if fails { Err(io::Error::other("the disk has failed")) } else { Ok(()) }
    }

    fn free_bytes(&self) -> usize {
        let used: usize = self.names.values().map(|&file| self.files[file].bytes.len()).sum();
        self.faults.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(used))
    }
}

impl Storage for MemoryStorage {
    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        let mut disk = self.disk();
        if disk.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = disk.files.len();
        disk.files.push(Bytes::default());
        disk.change(Change::Create(name.to_owned(), file))?;
        Ok(Box::new(MemoryFile { disk: self.disk.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        let file = self.disk().file(name)?;
        Ok(Box::new(MemoryFile { disk: self.disk.clone(), file }))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let disk = self.disk();
        let bytes = &disk.files[disk.file(name)?].bytes;
        Ok(Box::new(Cursor::new(bytes[offset as usize..].to_vec())))
    }

    fn size_bytes(&self, name: &str) -> io::Result<u64> {
        let disk = self.disk();
        Ok(disk.files[disk.file(name)?].bytes.len() as u64)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.file(from)?;
        disk.change(Change::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.file(name)?;
        disk.change(Change::Remove(name.to_owned()))
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut disk = self.disk();
        let every = disk.faults.name_error_every;
        if disk.power_goes()? || disk.fails(every) {
            return Err(io::Error::other("the disk has failed"));
        }
        disk.changes.clear();
        disk.synced_names = disk.names.clone();
        Ok(())
    }

    fn lock(&self) -> io::Result<()> {
        Ok(())
    }
}

struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    file: usize,
}

impl Appender for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        let ends = disk.power_goes()?;
        let every = disk.faults.write_error_every;
        let room = disk.free_bytes();
        let outcome = match () {
            () if ends => Err(io::Error::other("no power")),
            () if disk.fails(every) => Err(io::Error::other("the disk has failed")),
            () if room < bytes.len() => Err(ErrorKind::StorageFull.into()),
            () => Ok(()),
        };
        let written = match outcome {
            Ok(()) => bytes.len(),
            Err(_) => disk.random.below(bytes.len().min(room) as u64 + 1) as usize,
        };
        disk.files[self.file].bytes.extend_from_slice(&bytes[..written]);
        outcome
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        let disk = &mut *disk;
        let ends = disk.power_goes()?;
        let every = disk.faults.sync_error_every;
        if ends || disk.fails(every) {
            disk.files[self.file].sync_badly(&mut disk.random);
            return Err(io::Error::other("the disk has failed"));
        }
        disk.files[self.file].sync();
        Ok(())
    }

    fn truncate(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        if disk.power_goes()? {
            return Err(io::Error::other("no power"));
        }
        let file = &mut disk.files[self.file];
        file.bytes.resize(size_bytes as usize, 0);
        file.dirty_from = file.dirty_from.min(file.bytes.len());
        Ok(())
    }
}
