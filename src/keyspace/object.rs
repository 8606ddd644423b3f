//! The values that do not lie inline in their entry.

use crate::data::dict::Ahead;
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

    /// What is read first of what it holds, for prefetching.
    pub fn address(&self) -> *const u8 {
        match self {
            Object::Bytes(bytes) => bytes.as_ptr(),
            Object::List(list) => list.address(),
            Object::Set(set) => set.address(),
            Object::ZSet(zset) => zset.address(),
            Object::Hash(hash) => hash.address(),
        }
    }

    /// Where the elements of a large collection lie, if they are found by their names.
    pub fn dict(&self) -> Option<&dyn Ahead> {
        match self {
            Object::Set(set) => set.dict(),
            Object::ZSet(zset) => zset.dict(),
            Object::Hash(hash) => hash.dict(),
            Object::Bytes(_) | Object::List(_) => None,
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
