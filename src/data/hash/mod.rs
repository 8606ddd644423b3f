//! Hashes: values by field name, some of which may have a deadline.
//!
//! ```text
//! small            [ name value  name value  ... ]                       "listpack"
//! with deadlines   [ name value deadline  name value deadline  ... ]     "listpackex"
//! large            dict of [ name value deadline? ], ordered deadlines   "hashtable"
//! ```
//!
//! A hash turns large where it has more fields than `hash-max-listpack-entries`, or a name or value longer
//! than `hash-max-listpack-value`, and stays so. One that never had a deadline pays nothing for them.
//!
//! A field past its deadline is not there for any of these methods, though it takes memory until
//! [`Hash::remove_expired`]: so whoever removes it can also record that it went.

mod block;
mod pair;
mod table;
#[cfg(test)]
mod tests;

use super::Thresholds;
use super::dict::Ahead;
use super::packed::{Element, Packed};
use super::random::{Rng, below, choose};
use block::Block;
use table::Table;

#[derive(Clone)]
pub struct Hash(Repr);

#[derive(Clone)]
enum Repr {
    Small(Block<2>),
    /// Boxed, so that the small hash without deadlines is no larger than its block's pointer.
    Rich(Box<Rich>),
}

#[derive(Clone)]
enum Rich {
    Timed(Block<3>),
    Table(Table),
}

/// What the representations have in common. They keep fields past their deadline as any other.
trait Fields {
    fn len(&self) -> usize;
    fn heap_bytes(&self) -> usize;

    fn get(&self, name: &[u8]) -> Option<Field<'_>>;
    /// The field at a position of `0..len()`, in the order of iteration.
    fn at(&self, position: usize) -> Field<'_>;
    /// Adds or overwrites a field; returns the deadline of the one overwritten.
    fn put(&mut self, name: &[u8], value: &[u8], deadline_ms: Option<u64>) -> Option<Option<u64>>;
    /// Only for a field that there is, in a representation that has deadlines.
    fn set_deadline(&mut self, name: &[u8], deadline_ms: Option<u64>);
    fn remove(&mut self, name: &[u8]);

    fn next_deadline(&self) -> Option<u64>;
    /// Fields past their deadline.
    fn expired(&self, now_ms: u64) -> usize;
    /// Whether every field is past its deadline.
    fn all_expired(&self, now_ms: u64) -> bool;
    /// Removes up to `max` of them.
    fn remove_expired(&mut self, now_ms: u64, max: usize, removed: &mut dyn FnMut(&[u8])) -> usize;
}

/// A field as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: Element<'a>,
    pub value: Element<'a>,
    pub deadline_ms: Option<u64>,
}

impl Field<'_> {
    fn is_live(&self, now_ms: u64) -> bool {
        is_live(self.deadline_ms, now_ms)
    }
}

fn is_live(deadline_ms: Option<u64>, now_ms: u64) -> bool {
    deadline_ms.is_none_or(|deadline_ms| now_ms < deadline_ms)
}

/// The time at which no field is past its deadline.
const ALL: u64 = 0;

/// No field's deadline lies beyond it: commands refuse that, and RESTORE cuts it. Redis: `HFE_MAX_ABS_TIME_MSEC`.
pub const DEADLINE_MAX_MS: u64 = (1 << 46) - 1;

/// How long a field lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    NoField,
    Unlimited,
    Until(u64),
}

/// When a new deadline may be set: compared to the old one, none being the latest of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Always,
    IfNone,
    IfSome,
    IfLater,
    IfEarlier,
}

/// What became of a new deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    NoField,
    ConditionUnmet,
    Set,
    /// The deadline had passed, and the field is removed.
    Removed,
}

/// Why a value was not incremented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncrementError {
    NotAnInteger,
    Overflow,
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

/// Reading.
impl Hash {
    pub fn new() -> Self {
        Self(Repr::Small(Block::default()))
    }

    pub fn len(&self, now_ms: u64) -> usize {
        self.fields().len() - self.fields().expired(now_ms)
    }

    pub fn is_empty(&self, now_ms: u64) -> bool {
        self.fields().len() == 0 || self.fields().all_expired(now_ms)
    }

    /// What is read first of its fields, for prefetching.
    pub fn address(&self) -> *const u8 {
        match &self.0 {
            Repr::Small(block) => block.address(),
            Repr::Rich(rich) => std::ptr::from_ref(&**rich).cast(),
        }
    }

    /// Where its fields lie, if they are many.
    pub fn dict(&self) -> Option<&dyn Ahead> {
        match &self.0 {
            Repr::Rich(rich) => match &**rich {
                Rich::Table(table) => Some(table.dict()),
                Rich::Timed(_) => None,
            },
            Repr::Small(_) => None,
        }
    }

    /// As OBJECT ENCODING names it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Small(_) => "listpack",
            Repr::Rich(rich) => match **rich {
                Rich::Timed(_) => "listpackex",
                Rich::Table(_) => "hashtable",
            },
        }
    }

    pub fn heap_bytes(&self) -> usize {
        let boxed = if let Repr::Rich(_) = self.0 { size_of::<Rich>() } else { 0 };
        boxed + self.fields().heap_bytes()
    }

    pub fn get(&self, name: &[u8], now_ms: u64) -> Option<Element<'_>> {
        self.field(name, now_ms).map(|field| field.value)
    }

    pub fn contains(&self, name: &[u8], now_ms: u64) -> bool {
        self.field(name, now_ms).is_some()
    }

    pub fn lifetime(&self, name: &[u8], now_ms: u64) -> Lifetime {
        match self.field(name, now_ms).map(|field| field.deadline_ms) {
            None => Lifetime::NoField,
            Some(None) => Lifetime::Unlimited,
            Some(Some(deadline_ms)) => Lifetime::Until(deadline_ms),
        }
    }

    pub fn iter(&self, now_ms: u64) -> impl Iterator<Item = Field<'_>> {
        let fields = match &self.0 {
            Repr::Small(block) => Iter::Small(block.iter()),
            Repr::Rich(rich) => match &**rich {
                Rich::Timed(block) => Iter::Timed(block.iter()),
                Rich::Table(table) => Iter::Table(table.iter()),
            },
        };
        fields.filter(move |field| field.is_live(now_ms))
    }

    /// Calls `f` with about `count` fields from `cursor` on, or all of a hash that is not large, and returns the
    /// next cursor: 0 when done. A scan begins with cursor 0, and misses no field that is there throughout.
    pub fn scan(&self, cursor: u64, count: usize, now_ms: u64, f: &mut dyn FnMut(Field<'_>)) -> u64 {
        match self.table() {
            Some(table) => table.scan(cursor, count, &mut |field| {
                if field.is_live(now_ms) {
                    f(field);
                }
            }),
            None => {
                self.iter(now_ms).for_each(f);
                0
            }
        }
    }

    /// One field, each with the same odds.
    pub fn random(&self, now_ms: u64, rng: Rng) -> Option<Field<'_>> {
        // Where few fields are past their deadline, a few draws find one that is not.
        for _ in 0..16.min(self.fields().len()) {
            let drawn = self.fields().at(below(self.fields().len(), rng));
            if drawn.is_live(now_ms) {
                return Some(drawn);
            }
        }
        let len = self.len(now_ms);
        if len == 0 { None } else { self.iter(now_ms).nth(below(len, rng)) }
    }

    /// `count` different fields, or all of them; each choice with the same odds.
    pub fn sample(&self, count: usize, now_ms: u64, rng: Rng) -> Vec<Field<'_>> {
        let expired = self.fields().expired(now_ms);
        if count >= self.fields().len() - expired {
            return self.iter(now_ms).collect();
        }
        // With as many more as may turn out to be past their deadline, enough are left.
        let chosen = choose(self.fields().len(), count.saturating_add(expired), rng);
        let live: Vec<Field<'_>> = match self.table() {
            Some(table) => chosen.iter().map(|&p| table.at(p)).filter(|f| f.is_live(now_ms)).collect(),
            None => {
                let fields = self.iter(ALL).enumerate();
                fields.filter(|(p, f)| chosen.contains(p) && f.is_live(now_ms)).map(|(_, f)| f).collect()
            }
        };
        choose(live.len(), count, rng).into_iter().map(|index| live[index]).collect()
    }

    /// The earliest deadline, even if it has passed.
    pub fn next_deadline(&self) -> Option<u64> {
        self.fields().next_deadline()
    }
}

/// Writing.
impl Hash {
    /// Sets a value and forgets the field's deadline; says whether the field is new.
    pub fn set(&mut self, name: &[u8], value: &[u8], now_ms: u64, thresholds: &Thresholds) -> bool {
        self.put(name, value, None, now_ms, thresholds)
    }

    /// Sets the value of a field that is not there yet; says whether it did.
    pub fn set_new(&mut self, name: &[u8], value: &[u8], now_ms: u64, thresholds: &Thresholds) -> bool {
        !self.contains(name, now_ms) && self.put(name, value, None, now_ms, thresholds)
    }

    /// Sets a value, and leaves the deadline as it is; says whether the field is new.
    pub fn set_keeping_deadline(
        &mut self,
        name: &[u8],
        value: &[u8],
        now_ms: u64,
        thresholds: &Thresholds,
    ) -> bool {
        let deadline_ms = self.field(name, now_ms).and_then(|field| field.deadline_ms);
        self.put(name, value, deadline_ms, now_ms, thresholds)
    }

    /// Adds to an integer value, 0 where there is none, and leaves the deadline as it is; returns the sum.
    pub fn increment(
        &mut self,
        name: &[u8],
        by: i64,
        now_ms: u64,
        thresholds: &Thresholds,
    ) -> Result<i64, IncrementError> {
        let old = match self.get(name, now_ms) {
            Some(value) => value.int().ok_or(IncrementError::NotAnInteger)?,
            None => 0,
        };
        let sum = old.checked_add(by).ok_or(IncrementError::Overflow)?;
        let text = Element::Int(sum);
        self.set_keeping_deadline(name, text.as_bytes(&mut [0; 20]), now_ms, thresholds);
        Ok(sum)
    }

    /// Says whether there was such a field.
    pub fn remove(&mut self, name: &[u8], now_ms: u64) -> bool {
        let found = self.contains(name, now_ms);
        if found {
            self.fields_mut().remove(name);
        }
        found
    }

    /// Gives a field a deadline. One that has passed already removes the field.
    pub fn expire(&mut self, name: &[u8], deadline_ms: u64, condition: Condition, now_ms: u64) -> Expire {
        let deadline_ms = deadline_ms.min(DEADLINE_MAX_MS);
        let Some(field) = self.field(name, now_ms) else { return Expire::NoField };
        let old_ms = field.deadline_ms;
        let met = match condition {
            Condition::Always => true,
            Condition::IfNone => old_ms.is_none(),
            Condition::IfSome => old_ms.is_some(),
            Condition::IfLater => old_ms.is_some_and(|old_ms| deadline_ms > old_ms),
            Condition::IfEarlier => old_ms.is_none_or(|old_ms| deadline_ms < old_ms),
        };
        if !met {
            Expire::ConditionUnmet
        } else if deadline_ms <= now_ms {
            self.fields_mut().remove(name);
            Expire::Removed
        } else {
            self.with_deadlines().set_deadline(name, Some(deadline_ms));
            Expire::Set
        }
    }

    /// Forgets a field's deadline; returns what it was.
    pub fn persist(&mut self, name: &[u8], now_ms: u64) -> Lifetime {
        let lifetime = self.lifetime(name, now_ms);
        if let Lifetime::Until(_) = lifetime {
            self.fields_mut().set_deadline(name, None);
        }
        lifetime
    }

    /// Removes up to `max` fields past their deadline and tells their names; says how many. The hash may
    /// be empty then.
    pub fn remove_expired(&mut self, now_ms: u64, max: usize, mut removed: impl FnMut(&[u8])) -> usize {
        self.fields_mut().remove_expired(now_ms, max, &mut removed)
    }
}

/// Representations.
impl Hash {
    fn fields(&self) -> &dyn Fields {
        match &self.0 {
            Repr::Small(block) => block,
            Repr::Rich(rich) => match &**rich {
                Rich::Timed(block) => block,
                Rich::Table(table) => table,
            },
        }
    }

    fn fields_mut(&mut self) -> &mut dyn Fields {
        match &mut self.0 {
            Repr::Small(block) => block,
            Repr::Rich(rich) => match &mut **rich {
                Rich::Timed(block) => block,
                Rich::Table(table) => table,
            },
        }
    }

    fn table(&self) -> Option<&Table> {
        match &self.0 {
            Repr::Rich(rich) => match &**rich {
                Rich::Table(table) => Some(table),
                Rich::Timed(_) => None,
            },
            Repr::Small(_) => None,
        }
    }

    fn field(&self, name: &[u8], now_ms: u64) -> Option<Field<'_>> {
        self.fields().get(name).filter(|field| field.is_live(now_ms))
    }

    fn put(
        &mut self,
        name: &[u8],
        value: &[u8],
        deadline_ms: Option<u64>,
        now_ms: u64,
        thresholds: &Thresholds,
    ) -> bool {
        let longest = thresholds.hash_max_listpack_value;
        let bytes = self.block_bytes() + name.len() + value.len();
        if name.len() > longest || value.len() > longest || bytes > Packed::BYTES_MAX {
            self.enlarge();
        }
        let overwritten = self.fields_mut().put(name, value, deadline_ms);
        if self.fields().len() > thresholds.hash_max_listpack_entries {
            self.enlarge();
        }
        !overwritten.is_some_and(|deadline_ms| is_live(deadline_ms, now_ms))
    }

    fn block_bytes(&self) -> usize {
        if self.table().is_some() { 0 } else { self.fields().heap_bytes() }
    }

    /// Turns large, unless it is.
    fn enlarge(&mut self) {
        if self.table().is_none() {
            let mut table = Table::default();
            for field in self.iter(ALL) {
                table.put(
                    field.name.as_bytes(&mut [0; 20]),
                    field.value.as_bytes(&mut [0; 20]),
                    field.deadline_ms,
                );
            }
            self.0 = Repr::Rich(Box::new(Rich::Table(table)));
        }
    }

    /// The fields in a representation that has deadlines.
    fn with_deadlines(&mut self) -> &mut dyn Fields {
        if let Repr::Small(block) = &self.0 {
            self.0 = Repr::Rich(Box::new(Rich::Timed(block.with_deadlines())));
        }
        self.fields_mut()
    }
}

enum Iter<'a> {
    Small(block::Iter<'a, 2>),
    Timed(block::Iter<'a, 3>),
    Table(table::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        match self {
            Iter::Small(fields) => fields.next(),
            Iter::Timed(fields) => fields.next(),
            Iter::Table(fields) => fields.next(),
        }
    }
}
