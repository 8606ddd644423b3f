//! The table: every family's rows, and the look-up by name.

use std::sync::LazyLock;

use super::row::{Command, Flags, Run};
use super::{
    acl, bitmaps, cluster, connection, extensions, geo, hashes, hyperloglog, introspect, keys, lists, pubsub,
    server, sets, sorted_sets, strings, transactions,
};
use crate::protocol::Words;

/// The families, in the order of the documentation.
static FAMILIES: &[&[Command]] = &[
    strings::ROWS,
    bitmaps::ROWS,
    hyperloglog::ROWS,
    hashes::ROWS,
    hashes::DEADLINE_ROWS,
    lists::ROWS,
    keys::existence::ROWS,
    keys::expiry::ROWS,
    keys::naming::ROWS,
    keys::walk::ROWS,
    keys::object::ROWS,
    keys::dump::ROWS,
    keys::sort::ROWS,
    keys::databases::ROWS,
    keys::wait::ROWS,
    sets::ROWS,
    sorted_sets::ROWS,
    geo::ROWS,
    pubsub::ROWS,
    transactions::ROWS,
    connection::ROWS,
    cluster::ROWS,
    introspect::ROWS,
    acl::ROWS,
    extensions::ROWS,
    server::ROWS,
];

/// A command's place in the table: what per-command counters are indexed by.
#[derive(Clone, Copy)]
pub struct Found {
    pub index: usize,
    pub command: &'static Command,
    /// Present where the request names a subcommand.
    pub parent: Option<&'static Command>,
}

impl Found {
    /// `config|get`, or the plain name.
    pub fn full_name(&self) -> String {
        match self.parent {
            Some(parent) if parent.flags.has(Flags::ONE_NAME) => parent.name.to_string(),
            Some(parent) => format!("{}|{}", parent.name, self.command.name),
            None => self.command.name.to_string(),
        }
    }
}

/// Open addressing on a hash of the folded name: one multiplication and, nearly always, one comparison.
struct Index {
    slots: Vec<Option<Found>>,
}

/// Longer than any command's name.
const NAME_MAX: usize = 24;

fn hash(name: &[u8]) -> usize {
    let mut hash = name.len() as u64;
    for &byte in name {
        hash = (hash ^ u64::from(byte | 0x20)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
    }
    hash as usize
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let count: usize = all().count();
    let mut slots = vec![None; (count * 4).next_power_of_two()];
    let mask = slots.len() - 1;
    for found in all().filter(|found| found.parent.is_none()) {
        debug_assert!(found.command.name.len() <= NAME_MAX);
        let mut at = hash(found.command.name.as_bytes()) & mask;
        while slots[at].is_some() {
            at = (at + 1) & mask;
        }
        slots[at] = Some(found);
    }
    Index { slots }
});

/// The command at a place in the table.
pub fn at(index: usize) -> Option<Found> {
    static BY_INDEX: LazyLock<Vec<Found>> = LazyLock::new(|| all().collect());
    BY_INDEX.get(index).copied()
}

/// Every command and subcommand, subcommands behind their parent.
pub fn all() -> impl Iterator<Item = Found> {
    FAMILIES
        .iter()
        .flat_map(|rows| rows.iter())
        .flat_map(|command| {
            let own = std::iter::once((command, None));
            let listed = if command.flags.has(Flags::ONE_NAME) { &[] } else { command.subcommands() };
            own.chain(listed.iter().map(move |sub| (sub, Some(command))))
        })
        .enumerate()
        .map(|(index, (command, parent))| Found { index, command, parent })
}

pub fn count() -> usize {
    static COUNT: LazyLock<usize> = LazyLock::new(|| all().count());
    *COUNT
}

/// A command by name, in any case.
pub fn find(name: &[u8]) -> Option<Found> {
    if name.len() > NAME_MAX {
        return None;
    }
    let slots = &INDEX.slots;
    let mask = slots.len() - 1;
    let mut at = hash(name) & mask;
    while let Some(found) = slots[at] {
        if found.command.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(found);
        }
        at = (at + 1) & mask;
    }
    None
}

/// The subcommand that `name` names, where `parent` has any of that name.
pub fn find_subcommand(parent: Found, name: &[u8]) -> Option<Found> {
    let Run::Container(rows) = parent.command.run else { return None };
    let at = rows.iter().position(|row| row.name.as_bytes().eq_ignore_ascii_case(name))?;
    let index = if parent.command.flags.has(Flags::ONE_NAME) { parent.index } else { parent.index + 1 + at };
    Some(Found { index, command: &rows[at], parent: Some(parent.command) })
}

/// The command or subcommand that a request names.
pub fn find_request(words: Words<'_>) -> Option<Found> {
    let found = find(words.get(0))?;
    match found.command.subcommands() {
        [] => Some(found),
        _ => find_subcommand(found, words.iter().nth(1)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_is_complete() {
        let mut names = HashSet::new();
        for found in all() {
            let name = found.full_name();
            let row = found.command;
            assert!(names.insert(name.clone()), "two rows are named {name}");
            assert_eq!(row.name, row.name.to_ascii_lowercase(), "{name}: names are in lower case");
            assert!(row.arity != 0, "{name}: arity counts the name itself");
            assert!(!row.summary.is_empty(), "{name}: give it a summary");
            assert!(row.summary.ends_with('.'), "{name}: a summary is a sentence");
            let wants_words = row.arity.abs() > 1 + i16::from(found.parent.is_some());
            let is_container = matches!(row.run, Run::Container(_));
            assert!(
                is_container || !wants_words || !row.syntax.is_empty(),
                "{name}: write down its arguments"
            );
        }
    }

    #[test]
    fn finds_every_name_in_any_case() {
        for found in all().filter(|found| found.parent.is_none()) {
            let name = found.command.name;
            let upper = find(name.to_ascii_uppercase().as_bytes()).expect(name);
            assert_eq!((upper.index, upper.command.name), (found.index, name));
            for sub in found.command.subcommands() {
                assert_eq!(
                    find_subcommand(found, sub.name.as_bytes()).expect(sub.name).command.name,
                    sub.name
                );
            }
        }
        assert!(find(b"nosuchcommand").is_none() && find(b"").is_none() && find(&[b'x'; 100]).is_none());
    }
}
