//! `--hotkeys`: the keys that are used most, by the counters that eviction by frequency keeps.

use super::super::connection::{Connection, Error};
use super::bigkeys::quoted;
use super::walk::{Progress, Walk};
use super::{print, println};
use crate::limits::CLIENT_HOT_KEYS;
use crate::protocol::Value;

pub fn run(connection: &mut Connection, walk: &Walk<'_>) -> Result<(), Error> {
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
    for (counter, key) in &hottest.keys {
        println(format_args!("hot key found with counter: {counter}\tkeyname: {key}"))?;
    }
    Ok(())
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
