//! A row in Redis's terms: flags and key specs.

use super::super::key_use::KeyUse;
use super::super::row::{Behind, Command, Flags, Group, Keys, Run};
use super::super::table::{self, Found};
use super::has_movable_keys;
use crate::acl::Categories;

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
        (command.categories().has(Categories::PUBSUB), "pubsub"),
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

/// First key, last key, step, as COMMAND INFO has them; a command whose keys are counted has none.
pub fn positions(command: &Command) -> (i16, i16, i16) {
    command.keys.positions()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    At(i64),
    Behind(&'static str),
}

/// Where to look for keys, and what is done to them.
pub struct KeySpec {
    pub flags: Vec<&'static str>,
    pub begin: (&'static str, Vec<(&'static str, Place)>),
    pub find: (&'static str, Vec<(&'static str, i64)>),
}

pub fn key_specs(command: &Command) -> Vec<KeySpec> {
    let uses = command.key_uses();
    match command.keys {
        Keys::None | Keys::Every => Vec::new(),
        Keys::Range { first, last, step } => ranges(command, uses, first, last, step),
        Keys::Found { first, last, step, behind, .. } => {
            let (last_use, others) = uses.split_last().expect("a command with keys uses them");
            match behind {
                Behind::Nothing if first == 0 => Vec::new(),
                Behind::Nothing => ranges(command, uses, first, last, step),
                Behind::Keywords(words, from) => {
                    let mut specs = ranges(command, others, first, last, step);
                    specs.extend(words.iter().map(|word| behind_keyword(*last_use, word, from)));
                    specs
                }
                Behind::Anywhere => {
                    let mut specs = ranges(command, &uses[..1], first, last, step);
                    // What its options read, and what it writes, if it writes.
                    let known = std::iter::once(&KeyUse::RO_ACCESS).chain(others.iter().map(|_| last_use));
                    specs.extend(known.map(|of| unknown(*of)));
                    specs
                }
            }
        }
        Keys::Counted { at, dest } => {
            let dest = (dest > 0).then(|| range(names(command, uses[0]), dest, 0, 1));
            let counted = counted(names(command, uses[uses.len() - 1]), at);
            dest.into_iter().chain([counted]).collect()
        }
    }
}

fn names(command: &Command, of: KeyUse) -> Vec<&'static str> {
    let mut names = of.names();
    names.extend(command.has_variable_use().then_some("variable_flags"));
    names
}

/// Commands that treat their first keys unlike the others have a spec for each kind.
fn ranges(command: &Command, uses: &[KeyUse], first: i16, last: i16, step: i16) -> Vec<KeySpec> {
    let single = uses.len() as i16 - 1;
    let mut specs: Vec<KeySpec> = uses[..single as usize]
        .iter()
        .zip(0..)
        .map(|(of, nth)| range(names(command, *of), first + nth * step, 0, 1))
        .collect();
    let at = first + single * step;
    let last = if last < 0 { last } else { last - at };
    specs.push(range(names(command, uses[single as usize]), at, last, step));
    specs
}

fn range(flags: Vec<&'static str>, first: i16, last: i16, step: i16) -> KeySpec {
    let spec = vec![("lastkey", last.into()), ("keystep", step.into()), ("limit", 0)];
    let begin = vec![("index", Place::At(first.into()))];
    KeySpec { flags, begin: ("index", begin), find: ("range", spec) }
}

fn behind_keyword(of: KeyUse, word: &'static str, from: i16) -> KeySpec {
    let spec = vec![("lastkey", 0), ("keystep", 1), ("limit", 0)];
    let begin = vec![("keyword", Place::Behind(word)), ("startfrom", Place::At(from.into()))];
    KeySpec { flags: of.names(), begin: ("keyword", begin), find: ("range", spec) }
}

fn counted(flags: Vec<&'static str>, at: i16) -> KeySpec {
    let spec = vec![("keynumidx", 0), ("firstkey", 1), ("keystep", 1)];
    let begin = vec![("index", Place::At(at.into()))];
    KeySpec { flags, begin: ("index", begin), find: ("keynum", spec) }
}

fn unknown(of: KeyUse) -> KeySpec {
    KeySpec { flags: of.names(), begin: ("unknown", Vec::new()), find: ("unknown", Vec::new()) }
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

    fn specs(name: &str) -> Vec<KeySpec> {
        key_specs(find(name).command)
    }

    #[test]
    fn flags_and_categories_follow_from_the_row() {
        assert_eq!(flags(find("get").command), ["readonly", "fast"]);
        assert_eq!(flags(find("set").command), ["write", "denyoom"]);
        assert_eq!(flags(find("config").command), [""; 0]);
        assert_eq!(flags(find("config|get").command), ["admin", "noscript", "loading", "stale"]);
    }

    #[test]
    fn key_specs_say_where_keys_are() {
        let get = specs("get");
        assert_eq!(get.len(), 1);
        assert_eq!(get[0].flags, ["RO", "access"]);
        assert_eq!(get[0].begin, ("index", vec![("index", Place::At(1))]));
        assert_eq!(get[0].find, ("range", vec![("lastkey", 0), ("keystep", 1), ("limit", 0)]));
        assert_eq!(specs("del")[0].find.1[0], ("lastkey", -1));
        assert_eq!(specs("set")[0].flags, ["RW", "access", "update", "variable_flags"]);
        assert_eq!(specs("memory|usage")[0].begin.1, [("index", Place::At(2))]);
        assert!(specs("ping").is_empty() && specs("flushall").is_empty());
        let georadius = specs("georadius");
        assert_eq!(georadius.len(), 3);
        assert_eq!(georadius[2].flags, ["OW", "update"]);
        assert_eq!(
            georadius[2].begin.1,
            [("keyword", Place::Behind("STOREDIST")), ("startfrom", Place::At(6))]
        );
        assert_eq!((specs("sort").len(), specs("sort_ro").len()), (3, 2));
    }

    #[test]
    fn every_row_can_be_described() {
        for found in table::all() {
            key_specs(found.command);
            flags(found.command);
            assert!(found.command.categories() != Categories::NONE, "{}", found.full_name());
        }
    }
}
