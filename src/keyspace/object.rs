//! The values that do not lie inline in their entry.

/// A value with a heap of its own.
pub enum Object {
    /// A string that has been edited in place, or is about to be.
    Bytes(Vec<u8>),
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
    fn is_empty(&self) -> bool;
}

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
        }
    }

    /// By the names of OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        match self {
            Object::Bytes(_) => "raw",
        }
    }

    /// A value of its own that equals this one.
    pub fn duplicate(&self) -> Object {
        match self {
            Object::Bytes(bytes) => Object::Bytes(bytes.clone()),
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match self {
            Object::Bytes(bytes) => bytes.capacity(),
        }
    }
}
