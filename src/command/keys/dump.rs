//! Values as bytes, in Redis's own format: DUMP, RESTORE.

use super::ROW;
use crate::command::args::{Args, parse_int};
use crate::command::deadline::Unit;
use crate::command::error::{Done, Error};
use crate::command::key_use::{KeyUse, Uses};
use crate::command::row::{Command, Flags, Keys, Run};
use crate::data::rdb::{self, Unsealed, Value};
use crate::keyspace::entry::Entry;
use crate::keyspace::{Content, Edit, Object, Stored, View, event};
use crate::protocol::Reply;

pub static ROWS: &[Command] = &[
    Command {
        name: "dump",
        arity: 2,
        keys: Keys::one(),
        syntax: "key",
        summary: "Returns the value of a key in a binary format, which RESTORE of any Redis takes.",
        since: "2.6.0",
        complexity: "O(N) where N is the size of the value.",
        run: Run::Read(dump),
        ..ROW
    },
    Command {
        name: "restore",
        arity: -4,
        keys: Keys::one(),
        uses: Uses::Each(&[KeyUse::OW_UPDATE]),
        flags: Flags::GROWS.and(Flags::DANGEROUS),
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        summary: "Creates a key from what DUMP has returned.",
        since: "2.6.0",
        complexity: "O(N) where N is the size of the value; times log(N) for sorted sets.",
        run: Run::Write(restore),
        ..ROW
    },
];

fn dump(args: &mut Args, view: &View, reply: &mut Reply) -> Done {
    match view.get(args.next()) {
        Some(entry) => reply.bulk(&dump_of(entry, view.now_ms())),
        None => reply.null(),
    }
    Ok(())
}

fn dump_of(entry: &Entry, now_ms: u64) -> Vec<u8> {
    match entry.object() {
        None => rdb::string(entry.bytes().unwrap_or_default()),
        Some(Object::Bytes(bytes)) => rdb::string(bytes),
        Some(Object::List(list)) => rdb::list(list),
        Some(Object::Set(set)) => rdb::set(set),
        Some(Object::ZSet(zset)) => rdb::zset(zset),
        Some(Object::Hash(hash)) => rdb::hash(hash, now_ms),
    }
}

/// The bytes of a value as it is dumped, without its type in front and what vouches for it behind.
pub fn serialized_bytes(entry: &Entry, now_ms: u64) -> usize {
    dump_of(entry, now_ms).len() - 1 - rdb::FOOTER
}

/// What RESTORE was asked for besides key, time to live and value.
#[derive(Default)]
struct RestoreOptions {
    replace: bool,
    absolute: bool,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

impl RestoreOptions {
    fn parse(args: &mut Args) -> Result<RestoreOptions, Error> {
        let mut options = RestoreOptions::default();
        while !args.is_done() {
            if args.keyword("REPLACE") {
                options.replace = true;
            } else if args.keyword("ABSTTL") {
                options.absolute = true;
            } else if options.frequency.is_none() && args.left() > 1 && args.keyword("IDLETIME") {
                let idle_s = args.int();
                args.check()?;
                let wrong = |_| Error::fixed("ERR Invalid IDLETIME value, must be >= 0");
                options.idle_s = Some(u64::try_from(idle_s).map_err(wrong)?);
            } else if options.idle_s.is_none() && args.left() > 1 && args.keyword("FREQ") {
                let frequency = args.int();
                args.check()?;
                let wrong = |_| Error::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");
                options.frequency = Some(u8::try_from(frequency).map_err(wrong)?);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(args: &mut Args, edit: &mut Edit, reply: &mut Reply) -> Done {
    let (key, ttl, payload) = (args.next(), args.next(), args.next());
    let options = RestoreOptions::parse(args)?;
    let exists = edit.peek(edit.db(), key).is_some();
    if exists && !options.replace {
        return Err(Error::fixed("BUSYKEY Target key name already exists."));
    }
    let ttl = valid_ttl(ttl)?;
    let value = rdb::restore(payload, &edit.thresholds()).map_err(|error| match error {
        Unsealed::Footer => Error::fixed("ERR DUMP payload version or checksum are wrong"),
        Unsealed::Value => Error::fixed("ERR Bad data format"),
    })?;
    let deadline = deadline(ttl, options.absolute, edit.now_ms())?;
    let all_due = matches!(&value, Value::Hash(hash) if hash.is_empty(edit.now_ms()));
    if all_due || deadline.is_some_and(|at| at <= edit.now_ms()) {
        // Restored, and gone at once.
        if edit.remove(key) {
            edit.record(&[b"DEL", key]);
            edit.notify(event::DEL, key);
        }
    } else {
        if exists {
            edit.notify(event::NEW, key);
        }
        put(edit, key, value, deadline);
        edit.record_made(key, exists);
        edit.notify(event::RESTORE, key);
        let (usage, now_ms) = (edit.usage(), edit.now_ms());
        let idle = options.idle_s.and_then(|idle_s| usage.idle_for(idle_s.saturating_mul(1000), now_ms));
        let frequent = options.frequency.and_then(|frequency| usage.as_frequent_as(frequency, now_ms));
        if let (Some(access), Some(entry)) = (idle.or(frequent), edit.peek(edit.db(), key)) {
            entry.set_access(access);
        }
    }
    reply.ok();
    Ok(())
}

fn valid_ttl(ttl: &[u8]) -> Result<i64, Error> {
    match parse_int(ttl) {
        None => Err(Error::NOT_AN_INTEGER),
        Some(ttl) if ttl < 0 => Err(Error::fixed("ERR Invalid TTL value, must be >= 0")),
        Some(ttl) => Ok(ttl),
    }
}

/// `None` for a time to live of 0.
fn deadline(ttl: i64, absolute: bool, now_ms: u64) -> Result<Option<u64>, Error> {
    let unit = if absolute { Unit::UnixMilliseconds } else { Unit::Milliseconds };
    let at = unit.unix_ms(ttl, now_ms).and_then(|at| u64::try_from(at).ok());
    if ttl == 0 { Ok(None) } else { at.map(Some).ok_or_else(|| Error::invalid_expire("restore")) }
}

fn put(edit: &mut Edit, key: &[u8], value: Value, deadline: Option<u64>) {
    let object = match value {
        Value::String(bytes) => return edit.put(key, Content::Bytes(&bytes), deadline),
        Value::List(list) => list.into_object(),
        Value::Set(set) => set.into_object(),
        Value::ZSet(zset) => zset.into_object(),
        Value::Hash(hash) => hash.into_object(),
    };
    edit.put(key, Content::Object(Box::new(object)), deadline);
}
