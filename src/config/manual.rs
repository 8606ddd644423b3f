//! `docs/configuration.md` and `docs/limpid.conf`, from the table.

use super::options::{self, Opt, SECTIONS, fixed};

const PAGE_HEAD: &str = "\
# Configuration

Every option is a directive of a configuration file (`port 7000`), a flag (`--port 7000`) and a parameter of CONFIG. What
is nearer wins: flags over the file, the file over the environment, the environment over the defaults. This page is
written from the table that the server itself reads options with, by `LIMPID_BLESS=1 cargo test docs_equal_the_table`.

## The file

```
limpid limpid.conf --port 7000     # a file, and a flag over it
limpid - < limpid.conf             # `-` is standard input; it may follow a file
limpid --check-config limpid.conf  # says what is wrong and starts nothing; -t for short. Exit code 0 or 1
```

A check reads all that a start would read before it touches anything: the file and what it includes, flags, users, certificates.

- A line is a name and its value. Names are read in any case. `#` starts a comment, where a line begins with it.
- A value with blanks stands in quotes: `\"...\"` with `\\n \\r \\t \\b \\a \\\\ \\\" \\xHH`, or `'...'` with `\\'`. An empty value is `\"\"`.
- `include FILE ...` puts the lines of other files in its place. `*`, `?` and `[...]` match several, in order, or none; a
  plain name must be there. A relative path starts at the folder of the file that it stands in. Up to 16 files may
  include one another, 1000 in all, and none itself.
- `user NAME RULE ...` makes a user, by the rules of ACL SETUSER; `rename-command COMMAND \"\"` takes a command away from
  everyone. [security.md](security.md) says more of both.
- Where an option comes twice, the last one counts.
- A wrong line stops the start. All wrong lines are named: file, number and what is wrong, with the nearest right name.
- Sizes take units as in Redis: `1k` is 1000 and `1kb` is 1024 bytes; then `m`, `mb`, `g`, `gb`. Times take `us`, `ms`,
  `s`, `m`, `h`, `d`; without one they are in the option's own unit. CONFIG GET shows plain numbers.

## While it runs

`CONFIG GET pattern ...` asks, `CONFIG SET name value ...` sets options that are marked *live*: all of them, or none.
`CONFIG REWRITE` writes what is true now into the file that was read. It keeps comments, order, units and every line that
says what is true, drops all but the last line for an option, adds what no line says, and replaces the file at once. A
`user` line becomes what ACL LIST says, with hashes for passwords; users who are gone lose theirs. A password that came from
the environment is not written.

[limpid.conf](limpid.conf) is the same as a file to start from.
";

const FILE_HEAD: &str = "\
# limpid.conf: every option, commented out at its default. Use: limpid limpid.conf
#
# A line is a name and its value; one with blanks stands in quotes. A line that starts with # is a comment. A flag of the
# same name wins over the file: limpid limpid.conf --port 7000. Options marked (live) can be changed while the server runs,
# by CONFIG SET, and CONFIG REWRITE writes them back to the file that was read. `limpid --check-config FILE` checks a file.
# Sizes take units: 64mb, 1gb (1kb is 1024 bytes, 1k is 1000). Times too: 30s, 5m, 1h.
#
# `include FILE ...` reads other files in its place; * matches several.
# include conf.d/*.conf
#
# `user` and the rules of ACL SETUSER make a user; docs/security.md has them.
# user alice on >password ~app:* +@read
#
# A command is switched off for everyone by a line like this one.
# rename-command FLUSHALL \"\"
";

fn page() -> String {
    let mut page = PAGE_HEAD.to_string();
    for section in SECTIONS {
        page += &format!("\n## {}\n\n", section.title);
        if !section.about.is_empty() {
            page += &format!("{}\n\n", section.about);
        }
        page += "| option | default | |\n|---|---|---|\n";
        section.rows.iter().for_each(|opt| page += &row(opt));
    }
    page += "\n## Options of Redis that have one value here\n\n\
             CONFIG GET answers them, and they may stand in a file or behind CONFIG SET with this value; any other is refused.\n\n\
             | option | value |\n|---|---|\n";
    for fixed in fixed::ROWS {
        page += &format!("| `{}` | {} |\n", fixed.name, code(fixed.value));
    }
    page += &format!(
        "\n## Options of Redis that are not here\n\nIn a file or as a flag they are refused, with words that say so: {}.\n",
        fixed::ABSENT.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    page
}

fn row(opt: &Opt) -> String {
    let live = if opt.live { "; *live*" } else { "" };
    let alias = if opt.alias.is_empty() { String::new() } else { format!(", or `{}`", opt.alias) };
    let more =
        if opt.more.is_empty() { String::new() } else { format!(". {}", opt.more.trim_end_matches('.')) };
    let cell = |text: &str| text.replace('|', "\\|");
    let value = cell(opt.value);
    let default = if opt.default.is_empty() { code(&opt.default_text()) } else { opt.default.to_string() };
    format!("| `{} {value}`{alias} | {default} | {}{}{live} |\n", opt.name, cell(opt.help), cell(&more))
}

fn code(value: &str) -> String {
    if value.is_empty() { "`\"\"`".into() } else { format!("`{value}`") }
}

fn sample() -> String {
    let mut file = FILE_HEAD.to_string();
    for section in SECTIONS {
        file += &format!("\n# ---- {} ----\n", section.title);
        if !section.about.is_empty() {
            file += &comment(section.about);
        }
        for opt in section.rows {
            let live = if opt.live { " (live)" } else { "" };
            let default =
                if opt.default.is_empty() { String::new() } else { format!(" By default {}.", opt.default) };
            let more = if opt.more.is_empty() { String::new() } else { format!(" {}", opt.more) };
            file += &format!(
                "\n{}# {} {}\n",
                comment(&sentence(opt, &format!("{live}{default}{more}"))),
                opt.name,
                sample_value(opt)
            );
        }
    }
    file
}

/// The help as a sentence: a capital, a full stop.
fn sentence(opt: &Opt, rest: &str) -> String {
    let mut letters = opt.help.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{} [{}].{rest}", letters.as_str(), opt.value)
}

fn sample_value(opt: &Opt) -> String {
    let value = (opt.get)(&super::Config::default());
    match () {
        () if value.is_empty() => "\"\"".into(),
        // The default depends on the machine, and the comment says how.
        () if opt.name == "workers" => "2".into(),
        () => value,
    }
}

/// Lines of a comment, broken where they get long.
fn comment(text: &str) -> String {
    const WIDTH: usize = 118;
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("starts with one");
        match line.len() + word.len() < WIDTH {
            true => *line += &format!(" {word}"),
            false => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[track_caller]
    fn equals(file: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
        if std::env::var_os("LIMPID_BLESS").is_some() {
            std::fs::write(&path, text).expect("docs is writable");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "docs/{file} is not what the table says: LIMPID_BLESS=1 cargo test docs_equal_the_table"
        );
    }

    #[test]
    fn configuration_docs_equal_the_table() {
        equals("configuration.md", &page());
    }

    #[test]
    fn sample_file_docs_equal_the_table() {
        equals("limpid.conf", &sample());
    }

    #[test]
    fn the_sample_file_sets_each_option_to_its_default() {
        let bare = sample();
        let directives: Vec<&str> = bare
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| {
                line.split(' ')
                    .next()
                    .is_some_and(|name| options::find(name).is_some_and(|opt| opt.name == name))
            })
            .collect();
        let mut config = Config::default();
        config.read(directives.join("\n").as_bytes(), "limpid.conf", Path::new(".")).expect("a good file");
        for opt in options::all().filter(|opt| opt.default.is_empty()) {
            assert!(
                directives.iter().any(|line| line.starts_with(&format!("{} ", opt.name))),
                "{}",
                opt.name
            );
            assert_eq!((opt.get)(&config), (opt.get)(&Config::default()), "{}", opt.name);
        }
    }
}
