//! The table of options: one file per theme, one row per option. The file, the flags, CONFIG and the documentation
//! derive from it.

mod clients;
mod durability;
mod encodings;
pub mod fixed;
mod memory;
mod network;
mod process;
mod security;
mod tls;
mod watching;

use super::Config;

/// Options of one theme, as they stand together in the documentation.
pub struct Section {
    pub title: &'static str,
    /// What holds for all of them; perhaps nothing.
    pub about: &'static str,
    pub rows: &'static [Opt],
}

pub static SECTIONS: &[Section] = &[
    section("Where it listens", network::ROWS),
    section("TLS", tls::ROWS).about(
        "CONFIG SET of any of these reads the files anew, also those whose names stay. Connections that are open go on as they \
         are. Files that cannot be used stop the start, or leave what was in force.",
    ),
    section("What clients may take", clients::ROWS),
    section("Who may do what", security::ROWS),
    section("What it keeps, and how safely", durability::ROWS),
    section("Memory and expiry", memory::ROWS),
    section("How it works", process::ROWS),
    section("What it watches", watching::ROWS),
    section("Up to where collections stay packed", encodings::ROWS).about(
        "A small collection is one block of memory, searched from end to end; past either threshold it becomes a table or a \
         tree.",
    ),
];

const fn section(title: &'static str, rows: &'static [Opt]) -> Section {
    Section { title, about: "", rows }
}

impl Section {
    const fn about(self, about: &'static str) -> Section {
        Section { about, ..self }
    }
}

/// One option, as flag, directive and CONFIG parameter.
pub struct Opt {
    pub name: &'static str,
    /// Redis's other name for it, if any.
    pub alias: &'static str,
    /// What the value looks like.
    pub value: &'static str,
    pub help: &'static str,
    /// What else there is to know, in whole sentences.
    pub more: &'static str,
    /// How the default reads, where it depends on the machine.
    pub default: &'static str,
    pub shape: Shape,
    /// Each of several lines says a part of the value.
    pub adds_up: bool,
    /// May be changed while the server runs.
    pub live: bool,
    pub get: fn(&Config) -> String,
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

/// How many words make a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One, which may hold blanks where it is quoted.
    Word,
    /// Several on one line; `get` and `set` have them with single blanks between.
    Words,
}

impl Opt {
    const ROW: Opt = Opt {
        name: "",
        alias: "",
        value: "",
        help: "",
        more: "",
        default: "",
        shape: Shape::Word,
        adds_up: false,
        live: false,
        get: |_| String::new(),
        set: |_, _| Ok(()),
    };

    /// The default as a reader of the documentation sees it; empty for an empty value.
    pub fn default_text(&self) -> String {
        if self.default.is_empty() { (self.get)(&Config::default()) } else { self.default.to_string() }
    }

    fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || !self.alias.is_empty() && self.alias.eq_ignore_ascii_case(name)
    }
}

/// Every option, theme by theme.
pub fn all() -> impl Iterator<Item = &'static Opt> {
    SECTIONS.iter().flat_map(|section| section.rows)
}

pub fn find(name: &str) -> Option<&'static Opt> {
    all().find(|opt| opt.is_called(name))
}
