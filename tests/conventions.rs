//! What holds for every file of the project. Each message names the fix.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder with one of these endings, in order.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A source file without its tests and comments: what runs. Line numbers stay.
struct Source {
    name: String,
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("UTF-8");
        let is_test =
            name.ends_with("/tests.rs") || name.ends_with("/support.rs") || name.contains("/testing/");
        let whole =
            if is_test { "" } else { text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text) };
        let code =
            |line: &str| if line.trim_start().starts_with("//") { String::new() } else { line.to_owned() };
        Source { name, lines: whole.lines().map(code).collect() }
    };
    files("src", &[".rs"]).into_iter().map(read).collect()
}

/// `file:line` of each line that is wrong.
fn offences(wrong: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources() {
        for (number, line) in source.lines.iter().enumerate() {
            if wrong(&source, line) {
                found.push(format!("{}:{}: {}", source.name, number + 1, line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn none(found: &[String], fix: &str) {
    assert!(found.is_empty(), "{fix}:\n{}", found.join("\n"));
}

/// The layer that a file of `src` belongs to: its folder, or its own name.
fn layer(name: &str) -> &str {
    let inside = name.strip_prefix("src/").expect("a file of src");
    inside.split('/').next().expect("never empty").trim_end_matches(".rs")
}

/// The modules of the crate that a line names: after `crate::`, braces and all.
fn imports(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or(rest, |group| group.split('}').next().unwrap_or(group));
        let several = rest.starts_with('{');
        for name in names.split(',').take(if several { usize::MAX } else { 1 }) {
            let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
            found.push(name.trim().split(end).next().unwrap_or_default());
        }
    }
    found
}

/// What each layer must not know. Inner layers first.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "data",
        &[
            "keyspace",
            "command",
            "execute",
            "session",
            "worker",
            "reactor",
            "aof",
            "server",
            "protocol",
            "config",
            "connection",
        ],
    ),
    (
        "acl",
        &[
            "command",
            "execute",
            "session",
            "worker",
            "reactor",
            "aof",
            "server",
            "config",
            "connection",
            "protocol",
        ],
    ),
    (
        "protocol",
        &[
            "data",
            "keyspace",
            "command",
            "execute",
            "session",
            "worker",
            "reactor",
            "aof",
            "server",
            "config",
            "connection",
        ],
    ),
    (
        "keyspace",
        &[
            "acl",
            "command",
            "execute",
            "session",
            "worker",
            "reactor",
            "aof",
            "server",
            "config",
            "connection",
            "janitor",
        ],
    ),
    ("command", &["execute", "worker", "reactor", "aof", "server", "connection", "janitor"]),
    ("session", &["command", "execute", "worker", "reactor", "aof", "server", "connection"]),
    ("execute", &["worker", "reactor", "aof", "server", "connection", "janitor"]),
    (
        "aof",
        &["data", "command", "session", "worker", "reactor", "server", "config", "connection", "janitor"],
    ),
    (
        "transport",
        &[
            "data",
            "keyspace",
            "protocol",
            "command",
            "execute",
            "session",
            "worker",
            "reactor",
            "aof",
            "server",
            "connection",
            "observe",
        ],
    ),
    (
        "metrics",
        &["command", "execute", "session", "worker", "reactor", "aof", "server", "connection", "observe"],
    ),
    (
        "observe",
        &["execute", "reactor", "aof", "server", "connection", "janitor", "compaction", "persistence"],
    ),
    ("worker", &["reactor", "aof", "server"]),
    ("reactor", &["aof", "server", "data"]),
];

#[test]
fn arrows_point_inwards() {
    for (inner, outer) in FORBIDDEN {
        let found = offences(|source, line| {
            layer(&source.name) == *inner && imports(line).iter().any(|name| outer.contains(name))
        });
        none(
            &found,
            &format!(
                "`{inner}` must not know these layers; hand it what it needs, or move the code outwards"
            ),
        );
    }
}

#[test]
fn the_log_knows_effects_and_nothing_else_of_the_keyspace() {
    let found = offences(|source, line| {
        layer(&source.name) == "aof"
            && line.contains("crate::keyspace")
            && !line.contains("keyspace::effects")
    });
    none(&found, "`aof` takes effects; anything else of the keyspace comes in as a closure or a trait");
}

#[test]
fn only_the_composition_root_knows_everything() {
    let found = offences(|source, line| {
        !["server", "main", "lib"].contains(&layer(&source.name)) && line.contains("crate::server::")
    });
    none(&found, "only `server` builds things; receive your collaborators");
}

#[test]
fn inner_layers_know_no_socket_file_or_clock() {
    let outside = ["std::net", "std::fs", "mio::", "SystemTime", "Instant::now", "std::io::Write"];
    let found = offences(|source, line| {
        ["data", "keyspace", "acl", "command"].contains(&layer(&source.name))
            && outside.iter().any(|word| line.contains(word))
    });
    none(&found, "the moment comes in as `now_ms`; sockets and files belong to the outer layers");
}

#[test]
fn nothing_unwraps() {
    let found = offences(|_, line| line.contains(".unwrap()"));
    none(&found, "handle the error, or `expect` the invariant that stands on the same screen");
}

#[test]
fn nothing_sleeps() {
    // DEBUG SLEEP is asked to.
    let found =
        offences(|source, line| line.contains("thread::sleep") && !source.name.ends_with("server/debug.rs"));
    none(&found, "wait for the event itself: a channel, a condition, the poll's timeout");
}

#[test]
fn nothing_is_unfinished() {
    let words = ["todo!(", "unimplemented!(", "dbg!("];
    let found = offences(|_, line| words.iter().any(|word| line.contains(word)));
    none(&found, "finish it or leave it out");
}

#[test]
fn unsafe_is_argued_and_contained() {
    let mut found = Vec::new();
    for path in files("src", &[".rs"]) {
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if !(code.contains("unsafe {") || code.contains("unsafe impl")) {
                continue;
            }
            let inside = ["keyspace", "data"].contains(&layer(&name));
            let argued = lines[number.saturating_sub(6)..=number].iter().any(|line| line.contains("SAFETY:"));
            if !inside || !argued {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none(&found, "`unsafe` lives in keyspace and data alone, each block below a `SAFETY:` comment");
}

#[test]
fn files_fit_a_sitting() {
    let mut found = Vec::new();
    for path in files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"])) {
        let lines = fs::read_to_string(&path).expect("UTF-8").lines().count();
        if lines > 700 {
            found.push(format!("{}: {lines} lines", path.display()));
        }
    }
    none(&found, "split it by sense");
}

/// Relative links in Markdown lead somewhere.
#[test]
fn links_are_alive() {
    let mut pages = if root().join("docs").is_dir() { files("docs", &[".md"]) } else { Vec::new() };
    pages.extend(Some(root().join("README.md")).filter(|page| page.is_file()));
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("UTF-8");
        for (number, line) in text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap_or_default();
                let elsewhere = link.contains("://") || link.starts_with("mailto:") || target.is_empty();
                let folder = page.parent().expect("a file lies in a folder");
                if !elsewhere && !folder.join(target).exists() {
                    found.push(format!("{}:{}: {link}", page.display(), number + 1));
                }
            }
        }
    }
    none(&found, "the page has moved; mend the link");
}

#[test]
fn imports_are_read_as_written() {
    assert_eq!(imports("use crate::keyspace::Edit;"), ["keyspace"]);
    assert_eq!(imports("use crate::{aof, data::Set};"), ["aof", "data"]);
    assert_eq!(imports("    crate::memory::usage(); crate::limits::X"), ["memory", "limits"]);
    assert_eq!(layer("src/aof/writer.rs"), "aof");
    assert_eq!(layer("src/janitor.rs"), "janitor");
}
