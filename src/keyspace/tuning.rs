//! The thresholds in force, readable by every command without a lock.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use crate::data::Thresholds;

/// Each is right by itself; a change of several may be seen in part for a moment, which harms nothing.
pub struct Tuning {
    list_max_listpack_size: AtomicI32,
    sizes: [AtomicUsize; 8],
}

impl Default for Tuning {
    fn default() -> Tuning {
        let tuning = Tuning { list_max_listpack_size: AtomicI32::new(0), sizes: Default::default() };
        tuning.set(Thresholds::default());
        tuning
    }
}

impl Tuning {
    pub fn get(&self) -> Thresholds {
        let size = |index: usize| self.sizes[index].load(Ordering::Relaxed);
        Thresholds {
            hash_max_listpack_entries: size(0),
            hash_max_listpack_value: size(1),
            list_max_listpack_size: self.list_max_listpack_size.load(Ordering::Relaxed),
            set_max_intset_entries: size(2),
            set_max_listpack_entries: size(3),
            set_max_listpack_value: size(4),
            zset_max_listpack_entries: size(5),
            zset_max_listpack_value: size(6),
            hll_sparse_max_bytes: size(7),
        }
    }

    pub fn set(&self, to: Thresholds) {
        let sizes = [
            to.hash_max_listpack_entries,
            to.hash_max_listpack_value,
            to.set_max_intset_entries,
            to.set_max_listpack_entries,
            to.set_max_listpack_value,
            to.zset_max_listpack_entries,
            to.zset_max_listpack_value,
            to.hll_sparse_max_bytes,
        ];
        for (place, size) in self.sizes.iter().zip(sizes) {
            place.store(size, Ordering::Relaxed);
        }
        self.list_max_listpack_size.store(to.list_max_listpack_size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_set() {
        let tuning = Tuning::default();
        assert_eq!(tuning.get(), Thresholds::default());
        let odd = Thresholds { zset_max_listpack_value: 7, list_max_listpack_size: 9, ..tuning.get() };
        tuning.set(odd);
        assert_eq!(tuning.get(), odd);
    }
}
