//! INFO: sections of `name:value` lines, in Redis's names where Redis has the figure.

mod absent;
mod memory;
mod persistence;
mod sections;
mod statistics;

use std::fmt::Write;

use super::context::Context;

/// What limpid behaves like.
pub const REDIS_VERSION: &str = "7.2.4";

type Section = fn(&mut Lines, &Context);

/// When a section is part of the answer without being named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Always,
    /// `all`, and not by default.
    InAll,
    /// By default and in `everything`, not in `all`.
    AboutModules,
}

/// In the order of INFO: title, when it is said, what writes it.
static SECTIONS: &[(&str, Said, Section)] = &[
    ("Server", Said::Always, sections::server),
    ("Clients", Said::Always, sections::clients),
    ("Memory", Said::Always, memory::memory),
    ("Persistence", Said::Always, persistence::persistence),
    ("Stats", Said::Always, sections::stats),
    ("Replication", Said::Always, sections::replication),
    ("CPU", Said::Always, sections::cpu),
    ("Modules", Said::AboutModules, |_, _| {}),
    ("Commandstats", Said::InAll, statistics::commands),
    ("Errorstats", Said::Always, statistics::errors),
    ("Latencystats", Said::InAll, statistics::latencies),
    ("Cluster", Said::Always, sections::cluster),
    ("Keyspace", Said::Always, sections::keyspace),
];

/// The sections asked for, in lower case; none, `default`, `all` and `everything` have Redis's meaning.
pub fn text(context: &Context, wanted: &[String]) -> String {
    let mut lines = Lines::default();
    for (title, said, write) in SECTIONS {
        if is_wanted(title, *said, wanted) {
            lines.begin(title);
            write(&mut lines, context);
            absent::write(&mut lines, title);
        }
    }
    lines.text
}

fn is_wanted(title: &str, said: Said, wanted: &[String]) -> bool {
    let asked = |name: &str| wanted.iter().any(|w| w.eq_ignore_ascii_case(name));
    asked(title)
        || asked("everything")
        || asked("all") && said != Said::AboutModules
        || (wanted.is_empty() || asked("default")) && said != Said::InAll
}

/// Lines as INFO has them.
#[derive(Default)]
pub struct Lines {
    pub text: String,
}

impl Lines {
    fn begin(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push_str("\r\n");
    }
}

/// `name: value` pairs, a line each.
macro_rules! lines {
    ($lines:expr, $($name:literal: $value:expr),* $(,)?) => {{
        $($lines.line(format_args!("{}:{}", $name, $value));)*
    }};
}
use lines;

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(wanted: &[&str]) -> Vec<&'static str> {
        let wanted: Vec<String> = wanted.iter().map(|w| w.to_string()).collect();
        SECTIONS.iter().filter(|(title, said, _)| is_wanted(title, *said, &wanted)).map(|s| s.0).collect()
    }

    #[test]
    fn sections_as_redis_chooses_them() {
        assert_eq!(titles(&["cpu", "nosuch"]), ["CPU"]);
        assert_eq!(titles(&["keyspace", "server"]), ["Server", "Keyspace"]);
        assert_eq!(titles(&["everything"]).len(), SECTIONS.len());
        assert_eq!(titles(&["cpu", "default"]), titles(&[]));
        let all = titles(&["cpu", "all"]);
        assert!(all.contains(&"Commandstats") && !all.contains(&"Modules"));
        let default = titles(&[]);
        assert!(!default.contains(&"Commandstats") && !default.contains(&"Latencystats"));
        assert!(default.contains(&"Modules") && default.contains(&"Errorstats"));
    }
}
