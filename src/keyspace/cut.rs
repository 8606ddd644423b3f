//! The keyspace's part in a compaction: shard by shard, a moment at which a shard goes into the new base.
//!
//! A cut collects a shard as records and remembers the compaction's generation in it, both under its lock. From then
//! on the shard's records carry that generation, and the log sends them where they belong. A write that spans a
//! cut and an uncut shard has the rest of its shards cut first, so a group of records is always of one generation.
//!
//! Large collections do not go with their shard: they are copied afterwards, piece by piece ([`super::pieces`]).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::effects::Effects;
use super::lock::Place;
use super::pieces::Pieces;
use super::shard::{Shard, Side};
use super::{Keyspace, snapshot};

/// The running compaction, as the keyspace sees it.
#[derive(Default)]
pub struct Cuts {
    /// Its generation; 0 while none is running.
    running: AtomicU32,
    forced: Mutex<Option<Forced>>,
    pub(super) pieces: Pieces,
}

/// What writers do for the compaction.
struct Forced {
    generation: u32,
    /// Where they send what they had to cut.
    cut: Sender<Effects>,
    /// More shards than this are not cut for one write, which would have to wait too long: the compaction begins anew.
    shards_max: usize,
}

impl Cuts {
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Acquire)
    }

    fn forced(&self) -> MutexGuard<'_, Option<Forced>> {
        self.forced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `make` while no compaction can begin, and tells it the running one: a new database is born cut.
    pub(super) fn while_unchanged<R>(&self, make: impl FnOnce(u32) -> R) -> R {
        let _unchanged = self.forced();
        make(self.running())
    }
}

impl Keyspace {
    /// A compaction begins. What comes out of the channel belongs into its base. A write that would have more than
    /// `shards_max` shards cut at once ends these cuts.
    pub fn begin_cuts(&self, generation: u32, shards_max: usize) -> Receiver<Effects> {
        let (sender, receiver) = unbounded();
        let mut forced = self.cuts.forced();
        *forced = Some(Forced { generation, cut: sender, shards_max });
        // The last compaction may have set something aside after a write had ended its cuts.
        self.cuts.pieces.clear();
        self.cuts.running.store(generation, Ordering::Release);
        receiver
    }

    /// That compaction is over, or has to give up.
    pub fn end_cuts(&self, generation: u32) {
        let mut forced = self.cuts.forced();
        if forced.as_ref().is_none_or(|forced| forced.generation != generation) {
            return;
        }
        *forced = None;
        self.cuts.running.store(0, Ordering::Release);
        self.cuts.pieces.clear();
    }

    pub fn running_cuts(&self) -> u32 {
        self.cuts.running()
    }

    /// Collects a shard, unless a write has had it cut already. Readers go on meanwhile.
    pub fn cut(&self, place: Place, generation: u32) -> Option<Effects> {
        self.with_shard(place, |shard| self.cut_shard(shard, place, generation))
    }

    /// Before a write to these shards, which are locked for it.
    pub(super) fn cut_rest<'s>(&self, shards: impl Iterator<Item = (Place, Shard<'s>)> + Clone) {
        let running = self.cuts.running();
        if running == 0 {
            return;
        }
        let is_cut = |side: &Side| side.generation() == running;
        let uncut = || shards.clone().filter(|(_, shard)| !is_cut(shard.side));
        let (count, all) = (uncut().count(), shards.clone().count());
        if count == 0 || count == all {
            return;
        }
        let guard = self.cuts.forced();
        // It may have ended, and the next one begun, which has cut none of these: they have been locked since before.
        let forced = guard.as_ref().filter(|forced| forced.generation == running);
        let Some(Forced { cut, shards_max, .. }) = forced else { return };
        if count > *shards_max {
            drop(guard);
            return self.end_cuts(running);
        }
        for (place, shard) in uncut() {
            // The compaction takes them before it ends; if it has gone, so has the need.
            let _ = self.cut_shard(shard, place, running).map(|effects| cut.send(effects));
        }
    }

    /// Sends what a writer has copied of large collections into the base of the compaction that had set them aside.
    pub(super) fn send_forced(&self, effects: Effects, generation: u32) {
        let forced = self.cuts.forced();
        let forced = forced.as_ref().filter(|forced| forced.generation == generation);
        if let Some(forced) = forced.filter(|_| !effects.is_empty()) {
            // As above.
            let _ = forced.cut.send(effects);
        }
    }

    fn cut_shard(&self, shard: Shard<'_>, place: Place, generation: u32) -> Option<Effects> {
        if shard.side.generation() == generation {
            return None;
        }
        let mut effects = Effects::new();
        for entry in shard.iter() {
            if !self.cuts.pieces.set_aside(place, entry) {
                snapshot::push_entry(entry, place.db, &mut effects);
            }
        }
        shard.side.set_generation(generation);
        Some(effects)
    }
}
