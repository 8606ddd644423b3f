//! The commands that a selector allows: a bit for each, and the rules that made them so.

use super::{Catalogue, Categories};

/// A set of commands by number, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    bits: Box<[u64]>,
    /// Started from all commands, so that a version that knows more of them allows those as well.
    from_all: bool,
    /// Commands that are not allowed but with this word behind them: `+select|0`.
    first_arguments: Vec<(usize, Box<[u8]>)>,
    /// What has been added and taken away since the start, in order, without what a later rule has overruled.
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    /// `get`, `config|get`, `@read`.
    what: Box<[u8]>,
}

impl Commands {
    pub fn none(catalogue: &Catalogue) -> Commands {
        let bits = vec![0; catalogue.len().div_ceil(64)].into();
        Commands { bits, from_all: false, first_arguments: Vec::new(), rules: Vec::new() }
    }

    /// `+@all` or `-@all`: forgets what was before.
    pub fn start(&mut self, from_all: bool) {
        self.bits.fill(if from_all { u64::MAX } else { 0 });
        self.from_all = from_all;
        self.first_arguments.clear();
        self.rules.clear();
    }

    /// `+command` or `-command`, its subcommands included.
    pub fn set(&mut self, catalogue: &Catalogue, command: usize, allows: bool) {
        self.set_bits(catalogue, command, allows);
        self.note(catalogue.get(command).name.as_bytes(), allows);
    }

    /// `+@category` or `-@category`.
    pub fn set_category(&mut self, catalogue: &Catalogue, category: Categories, allows: bool) {
        for (command, _) in catalogue.in_category(category) {
            self.set_bits(catalogue, command, allows);
        }
        for name in category.names() {
            self.note(format!("@{name}").as_bytes(), allows);
        }
    }

    /// `+command|word`, where that is no subcommand.
    pub fn allow_first_argument(&mut self, catalogue: &Catalogue, command: usize, word: &[u8]) {
        let word = word.to_ascii_lowercase();
        let known = |(of, known): &(usize, Box<[u8]>)| *of == command && **known == *word;
        if !self.first_arguments.iter().any(known) {
            self.first_arguments.push((command, word.clone().into()));
            // In an order that does not tell how it came about: the same rights are the same user.
            self.first_arguments.sort_unstable();
        }
        self.note(&[catalogue.get(command).name.as_bytes(), b"|", &word].concat(), true);
    }

    /// Whether a command may run, given the word behind its name.
    #[inline]
    pub fn allows(&self, command: usize, argument: Option<&[u8]>) -> bool {
        self.bits[command / 64] >> (command % 64) & 1 == 1
            || !self.first_arguments.is_empty() && self.allows_argument(command, argument)
    }

    /// Whether all commands may run, those of later versions included.
    pub fn is_all(&self) -> bool {
        self.from_all && self.bits.iter().all(|word| *word == u64::MAX)
    }

    fn allows_argument(&self, command: usize, argument: Option<&[u8]>) -> bool {
        let is_allowed = |word: &[u8]| {
            self.first_arguments.iter().any(|(of, known)| *of == command && word.eq_ignore_ascii_case(known))
        };
        argument.is_some_and(is_allowed)
    }

    fn set_bits(&mut self, catalogue: &Catalogue, command: usize, allows: bool) {
        for number in std::iter::once(command).chain(catalogue.subcommands(command)) {
            let bit = 1 << (number % 64);
            match allows {
                true => self.bits[number / 64] |= bit,
                false => self.bits[number / 64] &= !bit,
            }
            self.first_arguments.retain(|(of, _)| *of != number);
        }
    }

    /// The newest rule about something overrules what was said of it, and of its subcommands.
    fn note(&mut self, what: &[u8], allows: bool) {
        let is_about = |rule: &Rule| {
            rule.what.strip_prefix(what).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"|"))
        };
        self.rules.retain(|rule| !is_about(rule));
        self.rules.push(Rule { allows, what: what.into() });
    }

    /// As the rules of ACL SETUSER that make the same set.
    pub fn describe(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.from_all { b"+@all" } else { b"-@all" });
        for rule in &self.rules {
            out.extend_from_slice(if rule.allows { b" +" } else { b" -" });
            out.extend_from_slice(&rule.what);
        }
    }
}
