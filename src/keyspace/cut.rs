//! The keyspace's part in a compaction: shard by shard, a moment at which a shard goes into the new base.
//!
//! A cut collects a shard as records and remembers the compaction's generation in it, both under its lock. From then
//! on the shard's records carry that generation, and the log sends them where they belong. A write that spans a
//! cut and an uncut shard has the rest of its shards cut first, so a group of records is always of one generation.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::effects::Effects;
use super::lock::Place;
use super::shard::{Shard, Side};
use super::{Keyspace, snapshot};

/// More shards than this are not cut for one write: it would have to wait too long. The compaction gives up.
const FORCED_MAX: usize = 64;

/// The running compaction, as the keyspace sees it.
#[derive(Default)]
pub struct Cuts {
    /// Its generation; 0 while none is running.
    running: AtomicU32,
    /// Where writers send the shards that they had to cut.
    forced: Mutex<Option<Sender<Effects>>>,
}

impl Cuts {
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Acquire)
    }

    fn forced(&self) -> MutexGuard<'_, Option<Sender<Effects>>> {
        self.forced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `make` while no compaction can begin, and tells it the running one: a new database is born cut.
    pub(super) fn while_unchanged<R>(&self, make: impl FnOnce(u32) -> R) -> R {
        let _unchanged = self.forced();
        make(self.running())
    }
}

impl Keyspace {
    /// A compaction begins. What comes out of the channel belongs into its base.
    pub fn begin_cuts(&self, generation: u32) -> Receiver<Effects> {
        let (sender, receiver) = unbounded();
        let mut forced = self.cuts.forced();
        *forced = Some(sender);
        self.cuts.running.store(generation, Ordering::Release);
        receiver
    }

    /// The compaction is over, or has to give up.
    pub fn end_cuts(&self) {
        let mut forced = self.cuts.forced();
        *forced = None;
        self.cuts.running.store(0, Ordering::Release);
    }

    pub fn running_cuts(&self) -> u32 {
        self.cuts.running()
    }

    /// Collects a shard, unless a write has had it cut already. Readers go on meanwhile.
    pub fn cut(&self, place: Place, generation: u32) -> Option<Effects> {
        self.with_shard(place, |shard| cut_shard(shard, place.db, generation))
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
        if count > FORCED_MAX {
            tracing::warn!("a command that touches too many shards has ended the compaction");
            return self.end_cuts();
        }
        let forced = self.cuts.forced();
        let Some(sender) = forced.as_ref() else { return };
        for (place, shard) in uncut() {
            // The compaction takes them before it ends; if it has gone, so has the need.
            let _ = cut_shard(shard, place.db, running).map(|effects| sender.send(effects));
        }
    }
}

fn cut_shard(shard: Shard<'_>, db: u8, generation: u32) -> Option<Effects> {
    if shard.side.generation() == generation {
        return None;
    }
    let mut effects = Effects::new();
    snapshot::push(shard, db, &mut effects);
    shard.side.set_generation(generation);
    Some(effects)
}
