//! What there is to allow: the commands by number, as the table of commands hands them in.

use super::Categories;

/// One command or subcommand.
pub struct Listed {
    /// In lower case; of a subcommand, `config|get`.
    pub name: String,
    /// The number of the command that it is a subcommand of.
    pub parent: Option<usize>,
    pub categories: Categories,
}

/// All commands. A command's number is its place.
pub struct Catalogue(Vec<Listed>);

impl Catalogue {
    pub fn new(commands: Vec<Listed>) -> Catalogue {
        Catalogue(commands)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, command: usize) -> &Listed {
        &self.0[command]
    }

    /// By name, in any case; of a subcommand, `config|get`.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.0.iter().position(|listed| name.eq_ignore_ascii_case(listed.name.as_bytes()))
    }

    pub fn subcommands(&self, command: usize) -> impl Iterator<Item = usize> {
        let is_child = move |(_, listed): &(usize, &Listed)| listed.parent == Some(command);
        self.0.iter().enumerate().filter(is_child).map(|(number, _)| number)
    }

    pub fn in_category(&self, category: Categories) -> impl Iterator<Item = (usize, &Listed)> {
        self.0.iter().enumerate().filter(move |(_, listed)| listed.categories.has(category))
    }
}
