//! A row in Redis's terms: flags, ACL categories, key specs.

use super::super::row::{Command, Flags, Group, Keys, Run};
use super::super::table::{self, Found};
use super::{has_movable_keys, traits};

/// In the order in which Redis lists them.
pub fn flags(command: &Command) -> Vec<&'static str> {
    let has = |flag| command.flags.has(flag);
    let touches_data = command.is_read() || command.is_write();
    let is_container = matches!(command.run, Run::Container(_)) && !has(Flags::ONE_NAME);
    if is_container {
        return Vec::new();
    }
    [
        (command.is_write(), "write"),
        (command.is_read(), "readonly"),
        (has(Flags::GROWS), "denyoom"),
        (has(Flags::ADMIN), "admin"),
        (command.group == Group::PubSub, "pubsub"),
        (has(Flags::ADMIN) || has(Flags::BLOCKING) || belongs_to_a_session(command), "noscript"),
        (has(Flags::BLOCKING), "blocking"),
        (!touches_data, "loading"),
        (!touches_data, "stale"),
        (has(Flags::FAST), "fast"),
        (has(Flags::NO_AUTH), "no_auth"),
        (has(Flags::TELLS), "may_replicate"),
        (has(Flags::NO_MULTI), "no_multi"),
        (has_movable_keys(command), "movablekeys"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect()
}

/// Whether it makes sense only for a client that is there.
fn belongs_to_a_session(command: &Command) -> bool {
    match command.group {
        Group::Transactions => true,
        Group::Connection => !["ping", "echo", "select", "help"].contains(&command.name),
        Group::PubSub => command.name.ends_with("subscribe"),
        _ => false,
    }
}

/// ACL categories, without their `@`, in the order in which Redis lists them.
pub fn categories(found: Found) -> Vec<&'static str> {
    let command = found.command;
    let has = |flag| command.flags.has(flag);
    let group = command.group;
    let is_fast = has(Flags::FAST);
    [
        (group == Group::Generic, "keyspace"),
        (command.is_read(), "read"),
        (command.is_write(), "write"),
        (group == Group::Set, "set"),
        (group == Group::SortedSet, "sortedset"),
        (group == Group::List, "list"),
        (group == Group::Hash, "hash"),
        (group == Group::String, "string"),
        (group == Group::Bitmap, "bitmap"),
        (group == Group::HyperLogLog, "hyperloglog"),
        (group == Group::Geo, "geo"),
        (group == Group::PubSub, "pubsub"),
        (has(Flags::ADMIN), "admin"),
        (is_fast, "fast"),
        (!is_fast, "slow"),
        (has(Flags::BLOCKING), "blocking"),
        (has(Flags::DANGEROUS), "dangerous"),
        (group == Group::Connection, "connection"),
        (group == Group::Transactions, "transaction"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect()
}

/// First key, last key, step, as COMMAND INFO has them; a command whose keys are counted has none.
pub fn positions(command: &Command) -> (i16, i16, i16) {
    command.keys.positions()
}

/// Where to look for keys, and what is done to them.
pub struct KeySpec {
    pub flags: Vec<&'static str>,
    pub begin: (&'static str, Vec<(&'static str, i64)>),
    pub find: (&'static str, Vec<(&'static str, i64)>),
}

pub fn key_specs(found: Found) -> Vec<KeySpec> {
    let command = found.command;
    let access = traits::key_access(&found.full_name(), command);
    let flags = |nth: usize| access[nth.min(access.len() - 1)].split(' ').collect::<Vec<_>>();
    match command.keys {
        Keys::None | Keys::Every => Vec::new(),
        // Commands that treat their first key unlike the others have a spec for each kind.
        Keys::Range { first, last, step } | Keys::Found { first, last, step, .. } if first > 0 => {
            let mut specs: Vec<KeySpec> = (1..access.len())
                .map(|nth| range(flags(nth - 1), first + (nth as i16 - 1) * step, 0, 1))
                .collect();
            let at = first + specs.len() as i16 * step;
            specs.push(range(flags(specs.len()), at, if last < 0 { last } else { last - at }, step));
            specs
        }
        Keys::Range { .. } | Keys::Found { .. } => vec![unknown(flags(0))],
        Keys::Counted { at, dest } => {
            let dest = (dest > 0).then(|| range(flags(0), dest, 0, 1));
            let counted = counted(flags(dest.is_some().into()), at);
            dest.into_iter().chain([counted]).collect()
        }
    }
}

fn range(flags: Vec<&'static str>, first: i16, last: i16, step: i16) -> KeySpec {
    let spec = vec![("lastkey", last.into()), ("keystep", step.into()), ("limit", 0)];
    KeySpec { flags, begin: ("index", vec![("index", first.into())]), find: ("range", spec) }
}

fn counted(flags: Vec<&'static str>, at: i16) -> KeySpec {
    let spec = vec![("keynumidx", 0), ("firstkey", 1), ("keystep", 1)];
    KeySpec { flags, begin: ("index", vec![("index", at.into())]), find: ("keynum", spec) }
}

fn unknown(mut flags: Vec<&'static str>) -> KeySpec {
    flags.push("incomplete");
    KeySpec { flags, begin: ("unknown", Vec::new()), find: ("unknown", Vec::new()) }
}

/// The subcommands that the outside knows.
pub fn listed_subcommands(found: Found) -> Vec<Found> {
    if found.parent.is_some() || found.command.flags.has(Flags::ONE_NAME) {
        return Vec::new();
    }
    let names = found.command.subcommands().iter().map(|row| row.name.as_bytes());
    names.filter_map(|name| table::find_subcommand(found, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Found {
        super::super::by_full_name(name.as_bytes()).expect("it is in the table")
    }

    #[test]
    fn flags_and_categories_follow_from_the_row() {
        assert_eq!(flags(find("get").command), ["readonly", "fast"]);
        assert_eq!(flags(find("set").command), ["write", "denyoom"]);
        assert_eq!(flags(find("config").command), [""; 0]);
        assert_eq!(flags(find("config|get").command), ["admin", "noscript", "loading", "stale"]);
        assert_eq!(categories(find("get")), ["read", "string", "fast"]);
        assert_eq!(categories(find("config|get")), ["admin", "slow", "dangerous"]);
    }

    #[test]
    fn key_specs_say_where_keys_are() {
        let specs = key_specs(find("get"));
        assert_eq!(specs.len(), 1);
        assert_eq!(specs[0].flags, ["RO", "access"]);
        assert_eq!(specs[0].begin, ("index", vec![("index", 1)]));
        assert_eq!(specs[0].find, ("range", vec![("lastkey", 0), ("keystep", 1), ("limit", 0)]));
        assert_eq!(key_specs(find("del"))[0].find.1[0], ("lastkey", -1));
        assert_eq!(key_specs(find("memory|usage"))[0].begin.1, [("index", 2)]);
        assert!(key_specs(find("ping")).is_empty());
    }

    #[test]
    fn every_row_can_be_described() {
        for found in table::all() {
            key_specs(found);
            flags(found.command);
            assert!(!categories(found).is_empty(), "{}", found.full_name());
        }
    }
}
