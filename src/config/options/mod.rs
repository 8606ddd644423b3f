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
    pub rows: &'static [Opt],
}

pub static SECTIONS: &[Section] = &[
    Section { title: "Where it listens", rows: network::ROWS },
    Section { title: "TLS", rows: tls::ROWS },
    Section { title: "What clients may take", rows: clients::ROWS },
    Section { title: "Who may do what", rows: security::ROWS },
    Section { title: "What it keeps, and how safely", rows: durability::ROWS },
    Section { title: "Memory and expiry", rows: memory::ROWS },
    Section { title: "How it works", rows: process::ROWS },
    Section { title: "What it watches", rows: watching::ROWS },
    Section { title: "Up to where collections stay packed", rows: encodings::ROWS },
];

/// One option, as flag, directive and CONFIG parameter.
pub struct Opt {
    pub name: &'static str,
    /// Redis's other name for it, if any.
    pub alias: &'static str,
    /// What the value looks like.
    pub value: &'static str,
    pub help: &'static str,
    pub shape: Shape,
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
        shape: Shape::Word,
        live: false,
        get: |_| String::new(),
        set: |_, _| Ok(()),
    };

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
