//! One table of options: flags, the configuration file, CONFIG GET and CONFIG SET derive from it.

use std::fmt;
use std::path::PathBuf;

use crate::limits;

/// When a write counts as safe. Redis: `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    Always,
    Everysec,
    No,
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fsync::Always => "always",
            Fsync::Everysec => "everysec",
            Fsync::No => "no",
        })
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    pub port: u16,
    pub bind: Vec<String>,
    pub dir: PathBuf,
    pub appendonly: bool,
    pub appendfsync: Fsync,
    pub workers: usize,
    pub maxclients: usize,
    pub tcp_backlog: u32,
    pub tcp_keepalive_seconds: u32,
    pub sweep_period_ms: u64,
    pub loglevel: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            port: 6379,
            bind: vec!["127.0.0.1".into()],
            dir: "./data".into(),
            appendonly: true,
            appendfsync: Fsync::Always,
            // Two at least: a slow command must leave a worker for everyone else.
            workers: std::thread::available_parallelism().map_or(2, |n| n.get().max(2)),
            maxclients: limits::CLIENTS_DEFAULT,
            tcp_backlog: 511,
            tcp_keepalive_seconds: 300,
            sweep_period_ms: 1000,
            loglevel: "notice".into(),
        }
    }
}

/// One option, as flag, directive and CONFIG parameter.
pub struct Opt {
    pub name: &'static str,
    /// What the value looks like.
    pub value: &'static str,
    pub help: &'static str,
    /// May be changed while the server runs.
    pub live: bool,
    pub get: fn(&Config) -> String,
    pub set: fn(&mut Config, &str) -> Result<(), String>,
}

pub static OPTIONS: &[Opt] = &[
    Opt {
        name: "port",
        value: "PORT",
        help: "TCP port; 0 takes a free one",
        live: false,
        get: |c| c.port.to_string(),
        set: |c, v| number(v, 0, 65_535).map(|n| c.port = n as u16),
    },
    Opt {
        name: "bind",
        value: "ADDRESS ...",
        help: "addresses to listen on, IPv4 or IPv6",
        live: false,
        get: |c| c.bind.join(" "),
        set: |c, v| {
            let addresses: Vec<String> = v.split_whitespace().map(str::to_string).collect();
            match addresses.iter().find(|a| a.parse::<std::net::IpAddr>().is_err()) {
                Some(wrong) => Err(format!("'{wrong}' is not an IP address")),
                None if addresses.is_empty() => Err("at least one address is needed".into()),
                None => {
                    c.bind = addresses;
                    Ok(())
                }
            }
        },
    },
    Opt {
        name: "dir",
        value: "DIRECTORY",
        help: "where the append-only file lives; made if missing",
        live: false,
        get: |c| c.dir.display().to_string(),
        set: |c, v| {
            c.dir = v.into();
            Ok(())
        },
    },
    Opt {
        name: "appendonly",
        value: "yes|no",
        help: "keep the data on disk",
        live: false,
        get: |c| yes_no(c.appendonly),
        set: |c, v| boolean(v).map(|b| c.appendonly = b),
    },
    Opt {
        name: "appendfsync",
        value: "always|everysec|no",
        help: "when a write counts as safe: before its reply, within a second, or as the system likes",
        live: false,
        get: |c| c.appendfsync.to_string(),
        set: |c, v| {
            c.appendfsync = match v.to_ascii_lowercase().as_str() {
                "always" => Fsync::Always,
                "everysec" => Fsync::Everysec,
                "no" => Fsync::No,
                _ => return Err("argument must be one of: always, everysec, no".into()),
            };
            Ok(())
        },
    },
    Opt {
        name: "workers",
        value: "N",
        help: "threads that run commands",
        live: false,
        get: |c| c.workers.to_string(),
        set: |c, v| number(v, 1, 1024).map(|n| c.workers = n as usize),
    },
    Opt {
        name: "maxclients",
        value: "N",
        help: "connections at the same time",
        live: true,
        get: |c| c.maxclients.to_string(),
        set: |c, v| number(v, 1, 1_000_000).map(|n| c.maxclients = n as usize),
    },
    Opt {
        name: "tcp-backlog",
        value: "N",
        help: "connections that wait to be accepted",
        live: false,
        get: |c| c.tcp_backlog.to_string(),
        set: |c, v| number(v, 1, 65_535).map(|n| c.tcp_backlog = n as u32),
    },
    Opt {
        name: "tcp-keepalive",
        value: "SECONDS",
        help: "probe silent peers after this long; 0 never does",
        live: false,
        get: |c| c.tcp_keepalive_seconds.to_string(),
        set: |c, v| number(v, 0, 86_400 * 365).map(|n| c.tcp_keepalive_seconds = n as u32),
    },
    Opt {
        name: "sweep-period",
        value: "MILLISECONDS",
        help: "how often expired keys are swept; no client sees one meanwhile",
        live: true,
        get: |c| c.sweep_period_ms.to_string(),
        set: |c, v| number(v, 10, 3_600_000).map(|n| c.sweep_period_ms = n as u64),
    },
    Opt {
        name: "loglevel",
        value: "LEVEL",
        help: "debug, verbose, notice, warning or nothing",
        live: false,
        get: |c| c.loglevel.clone(),
        set: |c, v| {
            const LEVELS: [&str; 5] = ["debug", "verbose", "notice", "warning", "nothing"];
            let level = v.to_ascii_lowercase();
            if !LEVELS.contains(&level.as_str()) {
                return Err(format!("argument must be one of: {}", LEVELS.join(", ")));
            }
            c.loglevel = level;
            Ok(())
        },
    },
];

pub fn find(name: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|opt| opt.name.eq_ignore_ascii_case(name))
}

impl Config {
    /// Sets one option by name. The error says which, and why not.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let opt = find(name).ok_or_else(|| match nearest(name) {
            Some(near) => format!("unknown option '{name}', did you mean '{near}'?"),
            None => format!("unknown option '{name}'"),
        })?;
        (opt.set)(self, value).map_err(|why| format!("{} '{value}': {why}", opt.name))
    }

    /// Reads redis.conf-style lines: a directive, blank, its value. `origin` names the file in errors.
    pub fn read(&mut self, text: &str, origin: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let value = value.trim().trim_matches('"');
            self.set(name, value).map_err(|why| format!("{origin}:{}: {why}", number + 1))?;
        }
        Ok(())
    }
}

/// The known name that is fewest edits away, if it is close at all.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |other: &str| edits(&name.to_ascii_lowercase(), other);
    OPTIONS.iter().map(|opt| (distance(opt.name), opt.name)).min().filter(|(d, _)| *d <= 3).map(|(_, n)| n)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn number(value: &str, min: i64, max: i64) -> Result<i64, String> {
    match value.parse::<i64>() {
        Ok(n) if (min..=max).contains(&n) => Ok(n),
        _ => Err(format!("argument must be between {min} and {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_reads_back_what_it_was_set_to() {
        let defaults = Config::default();
        for opt in OPTIONS {
            let value = (opt.get)(&defaults);
            let mut config = Config::default();
            (opt.set)(&mut config, &value).unwrap_or_else(|why| panic!("{} {value}: {why}", opt.name));
            assert_eq!((opt.get)(&config), value, "{}", opt.name);
        }
    }

    #[test]
    fn a_wrong_line_names_file_line_and_the_nearest_name() {
        let mut config = Config::default();
        config.read("# comment\nport 7000\n\nappendfsync everysec\n", "x.conf").expect("all right");
        assert_eq!((config.port, config.appendfsync), (7000, Fsync::Everysec));
        let why = config.read("port 1\nappendfsynk always\n", "x.conf").expect_err("a typing error");
        assert_eq!(why, "x.conf:2: unknown option 'appendfsynk', did you mean 'appendfsync'?");
        let why = config.read("port http\n", "x.conf").expect_err("no number");
        assert_eq!(why, "x.conf:1: port 'http': argument must be between 0 and 65535");
    }
}
