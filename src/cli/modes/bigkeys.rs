//! `--bigkeys` and `--memkeys`: of each type the biggest key, and how much there is of it.

use super::super::connection::{Connection, Error};
use super::super::format::printable;
use super::walk::{Progress, Walk, share_percent};
use super::{print, println};
use crate::protocol::Value;
use crate::protocol::quote::push_quoted;

/// What makes a key big.
#[derive(Clone, Copy)]
pub enum Measure {
    Elements,
    Memory {
        /// Elements to look at; the server decides without.
        samples: Option<u64>,
    },
}

/// A type, the command that counts its elements, and what they are called.
const TYPES: [(&str, &str, &str); 6] = [
    ("string", "STRLEN", "bytes"),
    ("list", "LLEN", "items"),
    ("set", "SCARD", "members"),
    ("hash", "HLEN", "fields"),
    ("zset", "ZCARD", "members"),
    ("stream", "XLEN", "entries"),
];

pub fn run(connection: &mut Connection, walk: &Walk<'_>, measure: Measure) -> Result<(), Error> {
    let mut report = Report::new(Progress::begin(connection)?, measure);
    print(
        "\n# Looking at every key for the biggest of each type; Ctrl-C ends it with what was found.\n\
         # -i 0.1 waits 0.1 seconds after each 100 SCAN commands.\n\n",
    )?;
    walk.each_page(connection, |connection, keys| {
        let types = types_of(connection, &keys)?;
        let sizes = sizes_of(connection, &keys, &types, measure)?;
        for ((key, kind), size) in keys.iter().zip(types).zip(sizes) {
            // Nobody can count the elements of a module's type.
            if let Some(kind) = kind
                && let Some(found) = report.add(key, &kind, size.unwrap_or(0))
            {
                println(format_args!("{found}"))?;
            }
        }
        Ok(())
    })?;
    print(report.summary())
}

/// The type of each key that is still there.
fn types_of(connection: &mut Connection, keys: &[Vec<u8>]) -> Result<Vec<Option<String>>, Error> {
    let commands: Vec<_> = keys.iter().map(|key| vec![&b"TYPE"[..], key]).collect();
    let name = |reply| match reply {
        Value::Status(name) if name != b"none" => Some(printable(&name)),
        _ => None,
    };
    Ok(connection.pipeline(&commands)?.into_iter().map(name).collect())
}

/// The size of each key whose type says how to ask for it.
fn sizes_of(
    connection: &mut Connection,
    keys: &[Vec<u8>],
    types: &[Option<String>],
    measure: Measure,
) -> Result<Vec<Option<u64>>, Error> {
    let samples = match measure {
        Measure::Memory { samples } => samples.map(|samples| samples.to_string()),
        Measure::Elements => None,
    };
    let command = |key: &'_ Vec<u8>, kind: &Option<String>| -> Option<Vec<Vec<u8>>> {
        let mut words: Vec<Vec<u8>> = match measure {
            Measure::Elements => vec![about(kind.as_deref()?)?.1.into(), key.clone()],
            Measure::Memory { .. } => vec!["MEMORY".into(), "USAGE".into(), key.clone()],
        };
        words.extend(samples.iter().flat_map(|samples| ["SAMPLES".into(), samples.as_bytes().to_vec()]));
        Some(words)
    };
    let commands: Vec<_> = keys.iter().zip(types).map(|(key, kind)| command(key, kind)).collect();
    let asked: Vec<_> = commands.iter().flatten().cloned().collect();
    let mut replies = connection.pipeline(&asked)?.into_iter();
    let mut sizes = Vec::with_capacity(keys.len());
    for command in &commands {
        sizes.push(match command.as_ref().and_then(|_| replies.next()) {
            Some(Value::Int(size)) => Some(size.unsigned_abs()),
            Some(Value::Error(error)) if matches!(measure, Measure::Memory { .. }) => {
                return Err(Error::denied(&error));
            }
            // It went away or became another type meanwhile; or nobody can count it.
            _ => None,
        });
    }
    Ok(sizes)
}

fn about(kind: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    TYPES.iter().find(|(name, ..)| *name == kind)
}

struct Report {
    progress: Progress,
    measure: Measure,
    key_bytes: u64,
    types: Vec<Tally>,
}

struct Tally {
    name: String,
    unit: &'static str,
    keys: u64,
    size: u64,
    biggest: Option<(u64, String)>,
}

impl Report {
    fn new(progress: Progress, measure: Measure) -> Self {
        let types = TYPES.iter().map(|(name, _, unit)| Tally::new(name, unit)).collect();
        Self { progress, measure, key_bytes: 0, types }
    }

    /// Counts a key; says so if there was no bigger one of its type.
    fn add(&mut self, key: &[u8], kind: &str, size: u64) -> Option<String> {
        self.progress.sampled += 1;
        self.key_bytes += key.len() as u64;
        let percent = self.progress.percent();
        let place = self.types.iter().position(|tally| tally.name == kind).unwrap_or_else(|| {
            // Of a module.
            self.types.push(Tally::new(kind, "elements"));
            self.types.len() - 1
        });
        let unit = self.unit(&self.types[place]);
        let tally = &mut self.types[place];
        tally.keys += 1;
        tally.size += size;
        if tally.biggest.as_ref().is_some_and(|(biggest, _)| *biggest >= size) {
            return None;
        }
        let key = quoted(key);
        let found = format!("[{percent:05.2}%] Biggest {kind:<6} found so far '{key}' with {size} {unit}");
        tally.biggest = Some((size, key));
        Some(found)
    }

    fn unit(&self, tally: &Tally) -> &'static str {
        match self.measure {
            Measure::Elements => tally.unit,
            Measure::Memory { .. } => "bytes",
        }
    }

    fn summary(&self) -> String {
        let sampled = self.progress.sampled;
        let mut text = format!(
            "\n-------- summary -------\n\nSampled {sampled} keys in the keyspace!\n\
             Total key length in bytes is {} (avg len {:.2})\n\n",
            self.key_bytes,
            average(self.key_bytes, sampled)
        );
        for tally in &self.types {
            if let Some((size, key)) = &tally.biggest {
                let unit = self.unit(tally);
                text += &format!("Biggest {:>6} found '{key}' has {size} {unit}\n", tally.name);
            }
        }
        text.push('\n');
        for tally in &self.types {
            let unit = self.unit(tally);
            text += &format!(
                "{} {}s with {} {unit} ({:05.2}% of keys, avg size {:.2})\n",
                tally.keys,
                tally.name,
                tally.size,
                share_percent(tally.keys, sampled),
                average(tally.size, tally.keys)
            );
        }
        text
    }
}

impl Tally {
    fn new(name: &str, unit: &'static str) -> Self {
        Self { name: name.to_owned(), unit, keys: 0, size: 0, biggest: None }
    }
}

fn average(sum: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { sum as f64 / count as f64 }
}

/// A key as a line can show it.
pub fn quoted(key: &[u8]) -> String {
    let mut out = Vec::new();
    push_quoted(&mut out, key);
    String::from_utf8_lossy(&out).into_owned()
}
