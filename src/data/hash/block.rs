//! A hash that is not large: its fields one after the other in a packed block, as pairs of name and value, or
//! as triples with a deadline.

use super::{Field, Fields, is_live};
use crate::data::packed::{self, Cursor, Element, Needle, Packed};

/// `STRIDE` elements a field: 2, or 3 with the deadline in Unix milliseconds, 0 where there is none.
#[derive(Clone, Default)]
pub(super) struct Block<const STRIDE: usize>(Packed);

impl<const STRIDE: usize> Block<STRIDE> {
    pub fn address(&self) -> *const u8 {
        self.0.address()
    }

    pub fn iter(&self) -> Iter<'_, STRIDE> {
        Iter(self.0.iter())
    }

    fn find(&self, name: &[u8]) -> Option<Cursor> {
        self.0.find(&Needle::new(name), STRIDE)
    }

    fn field(&self, name: Cursor) -> Field<'_> {
        let value = self.0.after(name);
        Field { name: self.0.at(name), value: self.0.at(value), deadline_ms: self.deadline(value) }
    }

    fn deadline(&self, value: Cursor) -> Option<u64> {
        if STRIDE == 2 {
            return None;
        }
        read_deadline(self.0.at(self.0.after(value)))
    }

    fn push(&mut self, name: &[u8], value: &[u8], deadline_ms: Option<u64>) {
        let mut digits = itoa::Buffer::new();
        let deadline = digits.format(deadline_ms.unwrap_or(0)).as_bytes();
        self.0.push_back_all(&[name, value, deadline][..STRIDE]);
    }

    fn write_deadline(&mut self, value: Cursor, deadline_ms: Option<u64>) {
        if STRIDE == 3 {
            let deadline = self.0.after(value);
            self.0.replace_at(deadline, itoa::Buffer::new().format(deadline_ms.unwrap_or(0)).as_bytes());
        }
    }
}

impl Block<2> {
    pub fn with_deadlines(&self) -> Block<3> {
        let mut timed = Block::default();
        for field in self.iter() {
            timed.push(field.name.as_bytes(&mut [0; 20]), field.value.as_bytes(&mut [0; 20]), None);
        }
        timed
    }
}

impl<const STRIDE: usize> Fields for Block<STRIDE> {
    fn len(&self) -> usize {
        self.0.len() / STRIDE
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        self.find(name).map(|name| self.field(name))
    }

    fn at(&self, position: usize) -> Field<'_> {
        self.field(self.0.seek(position * STRIDE))
    }

    fn put(&mut self, name: &[u8], value: &[u8], deadline_ms: Option<u64>) -> Option<Option<u64>> {
        let Some(found) = self.find(name) else {
            self.push(name, value, deadline_ms);
            return None;
        };
        let at = self.0.after(found);
        let overwritten = self.deadline(at);
        self.0.replace_at(at, value);
        self.write_deadline(at, deadline_ms);
        Some(overwritten)
    }

    fn set_deadline(&mut self, name: &[u8], deadline_ms: Option<u64>) {
        if let Some(name) = self.find(name) {
            self.write_deadline(self.0.after(name), deadline_ms);
        }
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(name) = self.find(name) {
            self.0.remove_at(name, STRIDE);
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        if STRIDE == 2 {
            return None;
        }
        self.iter().filter_map(|field| field.deadline_ms).min()
    }

    fn expired(&self, now_ms: u64) -> usize {
        if STRIDE == 2 {
            return 0;
        }
        self.iter().filter(|field| !field.is_live(now_ms)).count()
    }

    fn all_expired(&self, now_ms: u64) -> bool {
        self.iter().all(|field| !field.is_live(now_ms))
    }

    fn remove_expired(&mut self, now_ms: u64, max: usize, removed: &mut dyn FnMut(&[u8])) -> usize {
        let mut count = 0;
        let mut cursor = self.0.first();
        while STRIDE == 3 && count < max && cursor < self.0.end() {
            let value = self.0.after(cursor);
            if is_live(self.deadline(value), now_ms) {
                cursor = self.0.after(self.0.after(value));
            } else {
                removed(self.0.at(cursor).as_bytes(&mut [0; 20]));
                self.0.remove_at(cursor, STRIDE);
                count += 1;
            }
        }
        count
    }
}

fn read_deadline(element: Element<'_>) -> Option<u64> {
    element.int().filter(|&deadline_ms| deadline_ms != 0).map(|deadline_ms| deadline_ms as u64)
}

pub(super) struct Iter<'a, const STRIDE: usize>(packed::Iter<'a>);

impl<'a, const STRIDE: usize> Iterator for Iter<'a, STRIDE> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let (name, value) = (self.0.next()?, self.0.next()?);
        let deadline_ms = if STRIDE == 3 { read_deadline(self.0.next()?) } else { None };
        Some(Field { name, value, deadline_ms })
    }
}
