//! HyperLogLog: counting different elements without keeping them.

use super::args::Args;
use super::context::Context;
use super::error::{Done, Error};
use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run};
use super::strings::string_mut;
use crate::data::hyperloglog::{self, Corrupt};
use crate::keyspace::{Edit, View, event};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "pfadd",
        arity: -2,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::RW_INSERT]),
        flags: Flags::GROWS.and(Flags::FAST),
        syntax: "key [element [element ...]]",
        summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
        complexity: "O(1) for each element.",
        run: Run::Write(pfadd),
        ..ROW
    },
    Command {
        name: "pfcount",
        arity: -2,
        keys: Keys::rest(),
        flags: Flags::TELLS,
        uses: Uses::Each(&[KeyUse::RW_ACCESS]),
        syntax: "key [key ...]",
        summary: "Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).",
        complexity: "O(N) where N is the number of keys, with a constant of 16384.",
        run: Run::Read(pfcount),
        ..ROW
    },
    Command {
        name: "pfdebug",
        arity: 3,
        keys: Keys::range(2, 2, 1),
        uses: Uses::Each(&[KeyUse::RW_ACCESS]),
        flags: Flags::GROWS.and(Flags::ADMIN).and(Flags::DANGEROUS),
        syntax: "<DECODE | ENCODING | GETREG | TODENSE> key",
        summary: "Shows, or changes, how the registers of a HyperLogLog are kept.",
        complexity: "O(N) where N is the number of registers, 16384.",
        run: Run::Write(pfdebug),
        ..ROW
    },
    Command {
        name: "pfmerge",
        arity: -2,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RW_ACCESS_INSERT, KeyUse::RO_ACCESS]),
        flags: Flags::GROWS,
        syntax: "destkey [sourcekey [sourcekey ...]]",
        summary: "Merges one or more HyperLogLog values into a single key.",
        complexity: "O(N) where N is the number of keys, with a constant of 16384.",
        run: Run::Write(pfmerge),
        ..ROW
    },
    Command {
        name: "pfselftest",
        arity: 1,
        flags: Flags::ADMIN.and(Flags::DANGEROUS).and(Flags::LONG),
        summary: "Counts known elements, and checks that the figures are near enough.",
        complexity: "O(1), though it takes long.",
        run: Run::Serve(pfselftest),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::HyperLogLog, since: "2.8.9", ..Command::ROW };

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Error {
        Error::fixed("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The bytes of a HyperLogLog, if there is a key.
fn registers<'v>(view: &'v View, key: &[u8]) -> Result<Option<&'v [u8]>, Error> {
    match view.string(key)? {
        Some(bytes) if !hyperloglog::is_valid(bytes) => {
            Err(Error::fixed("WRONGTYPE Key is not a valid HyperLogLog string value."))
        }
        found => Ok(found),
    }
}

fn all_registers<'v, 'k>(
    view: &'v View,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<Vec<&'v [u8]>, Error> {
    let mut all = Vec::new();
    for key in keys {
        match registers(view, key) {
            Ok(found) => all.extend(found),
            Err(error) => {
                // A corrupt one before it is told of first.
                hyperloglog::count_union(&all)?;
                return Err(error);
            }
        }
    }
    Ok(all)
}

/// Recorded are the elements that changed something: adding them again repeats it.
fn pfadd(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let key = args.next();
    let is_new = registers(edit, key)?.is_none();
    let sparse_max = edit.thresholds().hll_sparse_max_bytes;
    let bytes = string_mut(edit, key)?;
    if is_new {
        *bytes = hyperloglog::new();
    }
    let mut record = vec![&b"PFADD"[..], key];
    let mut done = Ok(());
    for element in args.rest() {
        match hyperloglog::add(bytes, element, sparse_max) {
            Ok(true) => record.push(element),
            Ok(false) => {}
            Err(corrupt) => {
                done = Err(corrupt.into());
                break;
            }
        }
    }
    let changed = is_new || record.len() > 2;
    if changed {
        edit.record(&record);
        edit.notify(event::PFADD, key);
    }
    reply.int(changed.into());
    done
}

fn pfcount(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    let count = match &all_registers(view, args.rest())?[..] {
        [] => 0,
        [only] => match hyperloglog::cached_count(only) {
            Some(count) => count,
            None => hyperloglog::count(only)?,
        },
        all => hyperloglog::count_union(all)?,
    };
    reply.int(count as i64);
    Ok(())
}

/// Recorded as it is: the result may be 12 KiB, and the sources are in the log.
fn pfmerge(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let keys = args.rest();
    // What is due ends now, and in the log: a replay of this must find the same sources.
    for key in keys.clone() {
        edit.get_mut(key);
    }
    let dest = args.words().get(1);
    let mut merged = registers(edit, dest)?.map_or_else(hyperloglog::new, <[u8]>::to_vec);
    let sparse_max = edit.thresholds().hll_sparse_max_bytes;
    hyperloglog::merge(&mut merged, &all_registers(edit.reading(), keys)?, sparse_max)?;
    *string_mut(edit, dest)? = merged;
    edit.record_all(dest, args.words().iter());
    edit.notify(event::PFADD, dest);
    reply.ok();
    Ok(())
}

fn pfdebug(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (what, key) = (args.next(), args.next());
    let bytes = registers(edit, key)?.ok_or(Error::fixed("ERR The specified key does not exist"))?;
    match &*what.to_ascii_lowercase() {
        b"decode" if !hyperloglog::is_sparse(bytes) => {
            return Err(Error::fixed("ERR HLL encoding is not sparse"));
        }
        b"decode" => reply.bulk(hyperloglog::spelled(bytes)?.as_bytes()),
        b"encoding" => reply.status(if hyperloglog::is_sparse(bytes) { "sparse" } else { "dense" }),
        b"getreg" => {
            let registers = hyperloglog::registers(bytes)?;
            reply.array(registers.len());
            registers.iter().for_each(|&value| reply.int(value.into()));
        }
        b"todense" => {
            let was_sparse = hyperloglog::make_dense(string_mut(edit, key)?)?;
            if was_sparse {
                edit.record_made(key, true);
            }
            reply.int(was_sparse.into());
        }
        _ => {
            let what = String::from_utf8_lossy(what);
            return Err(Error::new(format!("ERR Unknown PFDEBUG subcommand '{what}'")));
        }
    }
    Ok(())
}

/// Elements that PFSELFTEST counts.
const TEST_ELEMENTS: u32 = 100_000;

fn pfselftest(_: &mut Args, _: &mut Context, reply: &mut Reply) -> Done {
    match hyperloglog::self_test(TEST_ELEMENTS)? {
        true => reply.ok(),
        false => return Err(Error::fixed("ERR TESTFAILED Too big error")),
    }
    Ok(())
}
