//! `docs/commands.md`, from the table.

use super::super::row::{Command, Flags, Group};
use super::super::table::{self, Found};

const HEAD: &str = "\
# Commands

Every command, from the table that the server itself runs on; `COMMAND DOCS` says the same to programs.
*Since* is the version of Redis that introduced it; BACKUP and HOTKEYS are limpid's own. This page is written by
`LIMPID_BLESS=1 cargo test docs_equal_the_table`.
";

const GROUPS: [(Group, &str); 15] = [
    (Group::String, "Strings"),
    (Group::Bitmap, "Bitmaps"),
    (Group::HyperLogLog, "HyperLogLog"),
    (Group::Generic, "Keys of any type"),
    (Group::Hash, "Hashes"),
    (Group::List, "Lists"),
    (Group::Set, "Sets"),
    (Group::SortedSet, "Sorted sets"),
    (Group::Geo, "Places on earth"),
    (Group::PubSub, "Publish and subscribe"),
    (Group::Transactions, "Transactions"),
    (Group::Connection, "Connection"),
    (Group::Cluster, "Cluster"),
    (Group::Scripting, "Scripts and functions"),
    (Group::Server, "Server"),
];

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_string();
    for (group, title) in GROUPS {
        let mut rows: Vec<(String, &Command)> =
            documented().filter(|found| found.command.group == group).map(|f| (name(f), f.command)).collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        page.push_str(&format!(
            "\n## {title}\n\n| command | arguments | since | complexity | what it does |\n|---|---|---|---|---|\n"
        ));
        for (name, row) in rows {
            let syntax =
                if row.syntax.is_empty() { String::new() } else { format!("`{}`", cell(row.syntax)) };
            page.push_str(&format!(
                "| `{name}` | {syntax} | {} | {} | {} |\n",
                row.since,
                cell(row.complexity),
                cell(row.summary)
            ));
        }
    }
    page
}

/// Every command that does something by itself: of containers, their subcommands.
fn documented() -> impl Iterator<Item = Found> {
    table::all().flat_map(|found| {
        let subcommands = found.command.subcommands().iter();
        let hidden = found.command.flags.has(Flags::ONE_NAME);
        let own = (subcommands.len() == 0).then_some(found);
        own.into_iter().chain(subcommands.filter(move |_| hidden).map(move |row| Found {
            command: row,
            parent: Some(found.command),
            ..found
        }))
    })
}

fn name(found: Found) -> String {
    let own = found.command.name.to_ascii_uppercase();
    found.parent.map_or(own.clone(), |parent| format!("{} {own}", parent.name.to_ascii_uppercase()))
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_equal_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
        let page = page();
        if std::env::var_os("LIMPID_BLESS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).expect("it can be made");
            std::fs::write(path, &page).expect("it can be written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page,
            "docs/commands.md is not what the table says: LIMPID_BLESS=1 cargo test docs_equal_the_table"
        );
    }

    #[test]
    fn every_command_is_in_some_table() {
        let page = page();
        for found in documented() {
            assert!(page.contains(&format!("| `{}` |", name(found))), "{}", found.full_name());
        }
    }
}
