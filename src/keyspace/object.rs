//! The values that do not lie inline in their entry.

use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::zset::ZSet;

/// A value with a heap of its own.
pub enum Object {
    /// A string that has been edited in place, or is about to be.
    Bytes(Vec<u8>),
    List(List),
    Set(Set),
    ZSet(ZSet),
    Hash(Hash),
}

/// A value's type, by the names of the TYPE command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    String,
    List,
    Set,
    ZSet,
    Hash,
}

/// The key holds another type than the command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

/// A collection that an [`Object`] can hold: what lets [`super::View`] and [`super::Edit`] speak of types instead of cases.
pub trait Stored: Default {
    fn of(object: &Object) -> Option<&Self>;
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    fn into_object(self) -> Object;
}

macro_rules! stored {
    ($type:ident) => {
        impl Stored for $type {
            fn of(object: &Object) -> Option<&Self> {
                match object {
                    Object::$type(value) => Some(value),
                    _ => None,
                }
            }

            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                match object {
                    Object::$type(value) => Some(value),
                    _ => None,
                }
            }

            fn into_object(self) -> Object {
                Object::$type(self)
            }
        }
    };
}

stored!(List);
stored!(Set);
stored!(ZSet);
stored!(Hash);

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::List => "list",
            Type::Set => "set",
            Type::ZSet => "zset",
            Type::Hash => "hash",
        }
    }
}

impl Object {
    pub fn kind(&self) -> Type {
        match self {
            Object::Bytes(_) => Type::String,
            Object::List(_) => Type::List,
            Object::Set(_) => Type::Set,
            Object::ZSet(_) => Type::ZSet,
            Object::Hash(_) => Type::Hash,
        }
    }

    /// A collection without members is no key any more. A string may be empty.
    pub fn is_vacant(&self) -> bool {
        match self {
            Object::Bytes(_) => false,
            Object::List(list) => list.is_empty(),
            Object::Set(set) => set.is_empty(),
            Object::ZSet(zset) => zset.is_empty(),
            // At moment 0 no field is due, so this asks for fields that are really gone.
            Object::Hash(hash) => hash.is_empty(0),
        }
    }

    /// When the next field of a hash comes due, be it in the past.
    pub fn next_field_deadline(&self) -> Option<u64> {
        match self {
            Object::Hash(hash) => hash.next_deadline(),
            _ => None,
        }
    }

    /// Whether it has outlived itself: a hash without a live field.
    pub fn is_due(&self, now_ms: u64) -> bool {
        match self {
            Object::Hash(hash) => {
                hash.next_deadline().is_some_and(|at| at <= now_ms) && hash.is_empty(now_ms)
            }
            _ => false,
        }
    }

    /// By the names of OBJECT ENCODING; a string's is the entry's to tell.
    pub fn encoding(&self) -> &'static str {
        match self {
            Object::Bytes(_) => "raw",
            Object::List(list) => list.encoding(),
            Object::Set(set) => set.encoding(),
            Object::ZSet(zset) => zset.encoding(),
            Object::Hash(hash) => hash.encoding(),
        }
    }

    /// A value of its own that equals this one.
    pub fn duplicate(&self) -> Object {
        match self {
            Object::Bytes(bytes) => Object::Bytes(bytes.clone()),
            Object::List(list) => Object::List(list.clone()),
            Object::Set(set) => Object::Set(set.clone()),
            Object::ZSet(zset) => Object::ZSet(zset.clone()),
            Object::Hash(hash) => Object::Hash(hash.clone()),
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match self {
            Object::Bytes(bytes) => bytes.capacity(),
            Object::List(list) => list.heap_bytes(),
            Object::Set(set) => set.heap_bytes(),
            Object::ZSet(zset) => zset.heap_bytes(),
            Object::Hash(hash) => hash.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Content, Entry};
    use super::*;
    use crate::data::Thresholds;
    use crate::data::list::End;
    use tikv_jemalloc_ctl::thread::{allocatedp, deallocatedp};

    /// What this thread has allocated and not freed, by the allocator's own count.
    fn allocated() -> u64 {
        let (allocated, freed) = (allocatedp::read(), deallocatedp::read());
        allocated.expect("jemalloc").get().wrapping_sub(freed.expect("jemalloc").get())
    }

    fn object(value: impl Stored) -> Entry {
        Entry::new(b"key", Content::Object(Box::new(value.into_object())), None)
    }

    fn list(count: usize, bytes: usize) -> Entry {
        let mut list = List::default();
        for i in 0..count {
            list.push(End::Back, format!("{i:0bytes$}").as_bytes(), &Thresholds::default());
        }
        object(list)
    }

    fn set(count: usize, prefix: &str) -> Entry {
        let mut set = Set::default();
        for i in 0..count {
            set.add(format!("{prefix}{i}").as_bytes(), &Thresholds::default());
        }
        object(set)
    }

    fn zset(count: usize) -> Entry {
        let mut zset = ZSet::default();
        for i in 0..count {
            zset.set(format!("member:{i}").as_bytes(), i as f64 * 0.5, &Thresholds::default());
        }
        object(zset)
    }

    fn hash(count: usize, deadlines: bool) -> Entry {
        let mut hash = Hash::default();
        for i in 0..count {
            let name = format!("field:{i}");
            hash.set(name.as_bytes(), format!("value:{i}").as_bytes(), 0, &Thresholds::default());
            if deadlines {
                hash.expire(name.as_bytes(), 1_000_000, crate::data::hash::Condition::Always, 0);
            }
        }
        object(hash)
    }

    fn string(bytes: usize) -> Entry {
        Entry::new(b"key", Content::Bytes(&vec![b'x'; bytes]), None)
    }

    /// One way to make an entry.
    type Make = fn() -> Entry;

    /// What MEMORY USAGE says of an entry is what the allocator has given for it.
    #[test]
    fn each_type_knows_what_it_takes() {
        let makes: [(&str, Make); 17] = [
            ("a small string", || string(10)),
            ("a string", || string(200)),
            ("a large string", || string(100_000)),
            ("an edited string", || {
                let mut entry = string(20_000);
                entry.bytes_mut().expect("a string").extend_from_slice(&[b'y'; 5_000]);
                entry
            }),
            ("a short list", || list(10, 10)),
            ("a long list", || list(20_000, 30)),
            ("a list of large elements", || list(300, 3_000)),
            ("a set of few integers", || set(10, "")),
            ("a set of integers", || set(500, "")),
            ("a small set", || set(50, "member:")),
            ("a large set", || set(20_000, "member:")),
            ("a small sorted set", || zset(50)),
            ("a large sorted set", || zset(20_000)),
            ("a small hash", || hash(50, false)),
            ("a large hash", || hash(20_000, false)),
            ("a small hash with deadlines", || hash(50, true)),
            ("a large hash with deadlines", || hash(20_000, true)),
        ];
        let mut wrong = Vec::new();
        for (name, make) in makes {
            let before = allocated();
            let entry = make();
            let (given, said) = (allocated().wrapping_sub(before), entry.heap_bytes() as u64);
            if said.abs_diff(given) > given / 10 + 16 {
                wrong.push(format!("{name}: {said} bytes, the allocator has given {given}"));
            }
            drop(entry);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
