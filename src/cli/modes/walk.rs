//! Over all keys, page by page, as SCAN gives them.

use std::time::Duration;

use super::super::connection::{Connection, Error};
use super::super::interrupt::Interrupt;
use super::super::options::Selection;
use crate::protocol::Value;

pub struct Walk<'a> {
    pub selection: &'a Selection,
    /// A pause comes after so many pages.
    pub pages_between: u64,
    pub interval: Option<Duration>,
    pub interrupt: Interrupt,
}

impl Walk<'_> {
    /// Shows each page to `visit`. Ctrl-C ends the walk as its end does.
    pub fn each_page(
        &self,
        connection: &mut Connection,
        mut visit: impl FnMut(&mut Connection, Vec<Vec<u8>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.pages(connection, &mut visit) {
            Err(Error::Interrupted) => Ok(()),
            walked => walked,
        }
    }

    fn pages(
        &self,
        connection: &mut Connection,
        visit: &mut impl FnMut(&mut Connection, Vec<Vec<u8>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut cursor = b"0".to_vec();
        for page in 1.. {
            let (next, keys) = page_of(connection.ask(&self.command(cursor))?)?;
            visit(connection, keys)?;
            if next == b"0" {
                break;
            }
            cursor = next;
            if let Some(interval) = self.interval.filter(|_| page % self.pages_between == 0) {
                self.interrupt.pause(interval);
            }
            if self.interrupt.take() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }

    fn command(&self, cursor: Vec<u8>) -> Vec<Vec<u8>> {
        let Selection { pattern, kind, count } = self.selection;
        let count = count.map(|count| count.to_string());
        let options = [("MATCH", pattern), ("TYPE", kind), ("COUNT", &count)];
        let mut words = vec![b"SCAN".to_vec(), cursor];
        for (name, value) in options {
            if let Some(value) = value {
                words.extend([name.into(), value.as_bytes().to_vec()]);
            }
        }
        words
    }
}

/// The next cursor and the keys of SCAN's reply.
fn page_of(reply: Value) -> Result<(Vec<u8>, Vec<Vec<u8>>), Error> {
    let strange = || Error::Denied("the reply to SCAN is none".into());
    let Value::Array(parts) = reply else { return Err(strange()) };
    let Ok([Value::Bulk(cursor), Value::Array(keys)]) = <[Value; 2]>::try_from(parts) else {
        return Err(strange());
    };
    let key = |key| if let Value::Bulk(key) = key { Some(key) } else { None };
    Ok((cursor, keys.into_iter().filter_map(key).collect()))
}

/// How far a walk has come, out of as many keys as there were when it began.
pub struct Progress {
    pub sampled: u64,
    total: u64,
}

impl Progress {
    pub fn begin(connection: &mut Connection) -> Result<Self, Error> {
        let total = match connection.ask(&["DBSIZE"])? {
            Value::Int(count) => count.unsigned_abs(),
            _ => 0,
        };
        Ok(Self { sampled: 0, total })
    }

    /// Never more than all, though keys may come meanwhile.
    pub fn percent(&self) -> f64 {
        share_percent(self.sampled.min(self.total), self.total)
    }
}

pub fn share_percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_or_refused() {
        let bulk = |text: &str| Value::Bulk(text.into());
        let page = Value::Array(vec![bulk("7"), Value::Array(vec![bulk("a"), bulk("b")])]);
        assert_eq!(page_of(page).expect("a page"), (b"7".to_vec(), vec![b"a".to_vec(), b"b".to_vec()]));
        for strange in [Value::Null, Value::Array(vec![]), Value::Array(vec![bulk("0"), Value::Null])] {
            assert!(page_of(strange).is_err());
        }
    }
}
