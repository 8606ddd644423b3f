//! `--hotkeys`: the keys that are used most.
//!
//! limpid always samples them, and says so by HOTKEYS. Any other server has to be walked for the counters that
//! eviction by frequency keeps; so has limpid, if only some keys are meant.

use super::super::connection::{Connection, Error};
use super::bigkeys::quoted;
use super::walk::{Progress, Walk};
use super::{print, println};
use crate::limits::{CLIENT_HOT_KEYS, DATABASES};
use crate::protocol::Value;

/// Of one database.
pub fn run(connection: &mut Connection, walk: &Walk<'_>, db: u32) -> Result<(), Error> {
    match sampled(connection, walk, db)? {
        Some(keys) => {
            print("\n# What the server has sampled: counters are uses per second.\n\n")?;
            keys.iter().take(CLIENT_HOT_KEYS).try_for_each(|(counter, key)| show(*counter, key))
        }
        None => counted(connection, walk),
    }
}

fn show(counter: u64, key: &str) -> Result<(), Error> {
    println(format_args!("hot key found with counter: {counter}\tkeyname: {key}"))
}

/// What HOTKEYS tells of this database, if the server has it and all keys are meant.
fn sampled(
    connection: &mut Connection,
    walk: &Walk<'_>,
    db: u32,
) -> Result<Option<Vec<(u64, String)>>, Error> {
    if walk.selection.pattern.is_some() || walk.selection.kind.is_some() {
        return Ok(None);
    }
    // Those of other databases are among them.
    let count = (CLIENT_HOT_KEYS * DATABASES).to_string();
    let Value::Array(keys) = connection.request(&["HOTKEYS", "COUNT", &count])? else { return Ok(None) };
    let of_this_database = |key: &Value| match key {
        Value::Array(parts) => match &parts[..] {
            [Value::Bulk(key), Value::Int(of), Value::Int(uses)] if *of == i64::from(db) => {
                Some((uses.unsigned_abs(), quoted(key)))
            }
            _ => None,
        },
        _ => None,
    };
    Ok(Some(keys.iter().filter_map(of_this_database).collect()))
}

fn counted(connection: &mut Connection, walk: &Walk<'_>) -> Result<(), Error> {
    let mut progress = Progress::begin(connection)?;
    let mut hottest = Hottest::default();
    print(
        "\n# Looking at every key for those that are used most; Ctrl-C ends it with what was found.\n\
         # -i 0.1 waits 0.1 seconds after each 100 SCAN commands.\n\n",
    )?;
    walk.each_page(connection, |connection, keys| {
        let counters = counters_of(connection, &keys)?;
        for (key, counter) in keys.into_iter().zip(counters) {
            progress.sampled += 1;
            let Some(counter) = counter else { continue };
            if hottest.is_hot(counter) {
                let (percent, key) = (progress.percent(), quoted(&key));
                println(format_args!(
                    "[{percent:05.2}%] Hot key '{key}' found so far with counter {counter}"
                ))?;
                hottest.add(counter, key);
            }
        }
        Ok(())
    })?;
    println(format_args!(
        "\n-------- summary -------\n\nSampled {} keys in the keyspace!",
        progress.sampled
    ))?;
    hottest.keys.iter().try_for_each(|(counter, key)| show(*counter, key))
}

/// The counter of each key that is still there.
fn counters_of(connection: &mut Connection, keys: &[Vec<u8>]) -> Result<Vec<Option<u64>>, Error> {
    let commands: Vec<_> = keys.iter().map(|key| vec![&b"OBJECT"[..], b"FREQ", key]).collect();
    let counter = |reply| match reply {
        Value::Int(counter) => Ok(Some(counter.unsigned_abs())),
        // The policy counts nothing.
        Value::Error(error) if !error.starts_with(b"ERR no such key") => Err(Error::denied(&error)),
        _ => Ok(None),
    };
    connection.pipeline(&commands)?.into_iter().map(counter).collect()
}

/// The hottest first.
#[derive(Default)]
struct Hottest {
    keys: Vec<(u64, String)>,
}

impl Hottest {
    /// Whether a key with this counter is among them.
    fn is_hot(&self, counter: u64) -> bool {
        let is_full = self.keys.len() >= CLIENT_HOT_KEYS;
        let least = self.keys.last().filter(|_| is_full).map_or(0, |(counter, _)| *counter);
        counter > least
    }

    fn add(&mut self, counter: u64, key: String) {
        let place = self.keys.partition_point(|(other, _)| *other >= counter);
        self.keys.insert(place, (counter, key));
        self.keys.truncate(CLIENT_HOT_KEYS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_are_kept_in_order() {
        let mut hottest = Hottest::default();
        assert!(!hottest.is_hot(0));
        for counter in 1..=CLIENT_HOT_KEYS as u64 + 3 {
            assert!(hottest.is_hot(counter));
            hottest.add(counter, counter.to_string());
        }
        assert_eq!(hottest.keys.len(), CLIENT_HOT_KEYS);
        assert_eq!(hottest.keys[0].0, CLIENT_HOT_KEYS as u64 + 3);
        assert!(!hottest.is_hot(4) && hottest.is_hot(5));
    }
}
