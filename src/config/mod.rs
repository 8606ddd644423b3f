//! Configuration: flags, the configuration file, CONFIG GET and CONFIG SET all derive from one table ([`options`]).

pub mod address;
pub mod clients;
mod exposure;
pub mod file;
#[cfg(test)]
mod manual;
pub mod nearest;
pub mod options;
pub mod tls;
mod value;

use std::fmt;
use std::path::PathBuf;

use crate::data::Thresholds;
use crate::keyspace::event::Classes;
use crate::keyspace::evict::Policy;
use crate::limits;
use address::Address;
use clients::{ClientsMemory, OutputLimits};
pub use options::{Opt, Shape};
pub use tls::Tls;

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

/// A user, as the configuration file tells it.
#[derive(Clone, Debug)]
pub struct UserLine {
    /// `file:line`
    pub at: String,
    /// `user`, the name, and the rules behind it.
    pub words: Vec<Vec<u8>>,
}

/// A command that `rename-command` switches off.
#[derive(Clone, Debug)]
pub struct SwitchedOff {
    /// `file:line`
    pub at: String,
    pub command: String,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub port: u16,
    pub bind: Vec<Address>,
    /// Empty: none.
    pub unixsocket: PathBuf,
    pub unixsocket_permissions: u32,
    pub tls: Tls,
    pub dir: PathBuf,
    pub appendonly: bool,
    pub appendfsync: Fsync,
    pub rewrite_percentage: u64,
    pub rewrite_min_bytes: u64,
    pub aof_retain: usize,
    pub workers: usize,
    pub maxclients: usize,
    /// 0: never.
    pub timeout_seconds: u32,
    pub output_limits: OutputLimits,
    pub query_bytes_max: usize,
    pub clients_memory: ClientsMemory,
    pub tcp_backlog: u32,
    pub tcp_keepalive_seconds: u32,
    pub sweep_period_ms: u64,
    pub loglevel: String,
    pub log_format: String,
    /// Empty: standard error.
    pub logfile: String,
    /// 0: none.
    pub metrics_port: u16,
    pub metrics_bind: Vec<Address>,
    /// Empty: none.
    pub pidfile: PathBuf,
    /// Empty: clients need no password.
    pub requirepass: String,
    /// Where users are kept; empty: in the configuration file.
    pub aclfile: PathBuf,
    pub acl_all_channels: bool,
    pub acllog_max_len: usize,
    /// `user` lines.
    pub users: Vec<UserLine>,
    pub switched_off: Vec<SwitchedOff>,
    pub enable_debug: bool,
    /// Negative: never.
    pub slowlog_slower_than_us: i64,
    pub slowlog_max_len: usize,
    /// 0: never.
    pub latency_monitor_ms: u64,
    pub latency_tracking: bool,
    pub latency_percentiles: Vec<f64>,
    pub thresholds: Thresholds,
    /// Asked for, and without effect: lists are not compressed.
    pub list_compress_depth: u32,
    pub notify_keyspace_events: Classes,
    /// Bytes; 0: no limit.
    pub maxmemory: u64,
    pub maxmemory_policy: Policy,
    pub maxmemory_samples: usize,
    pub eviction_tenacity: u32,
    pub lfu_log_factor: u32,
    /// 0: never.
    pub lfu_decay_minutes: u32,
    /// The environment's `requirepass`: what counts where neither file nor flag says anything.
    pub inherited_password: String,
    /// Where it was read from, if anywhere: what CONFIG REWRITE writes.
    pub file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            port: 6379,
            bind: vec![Address::loopback()],
            unixsocket: PathBuf::new(),
            unixsocket_permissions: 0,
            tls: Tls::default(),
            dir: "./data".into(),
            appendonly: true,
            appendfsync: Fsync::Always,
            rewrite_percentage: 100,
            rewrite_min_bytes: 64 << 20,
            aof_retain: 0,
            // Two at least: a slow command must leave a worker for everyone else.
            workers: std::thread::available_parallelism().map_or(2, |n| n.get().max(2)),
            maxclients: limits::CLIENTS_DEFAULT,
            timeout_seconds: 0,
            output_limits: OutputLimits::default(),
            query_bytes_max: limits::QUERY_MAX,
            clients_memory: ClientsMemory::Bytes(0),
            tcp_backlog: 511,
            tcp_keepalive_seconds: 300,
            sweep_period_ms: 100,
            loglevel: "notice".into(),
            log_format: "text".into(),
            logfile: String::new(),
            metrics_port: 0,
            metrics_bind: vec![Address::loopback()],
            pidfile: PathBuf::new(),
            requirepass: String::new(),
            aclfile: PathBuf::new(),
            acl_all_channels: false,
            acllog_max_len: 128,
            users: Vec::new(),
            switched_off: Vec::new(),
            enable_debug: true,
            slowlog_slower_than_us: 10_000,
            slowlog_max_len: 128,
            latency_monitor_ms: 0,
            latency_tracking: true,
            latency_percentiles: vec![50.0, 99.0, 99.9],
            thresholds: Thresholds::default(),
            list_compress_depth: 0,
            notify_keyspace_events: Classes::NONE,
            maxmemory: 0,
            maxmemory_policy: Policy::NoEviction,
            maxmemory_samples: 5,
            eviction_tenacity: 10,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            inherited_password: String::new(),
            file: None,
        }
    }
}

/// The variable that `requirepass` is taken from where nothing else sets it. The client looks there as well.
pub const PASSWORD_VARIABLE: &str = "LIMPID_PASSWORD";

/// Why CONFIG SET changes nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Unknown(String),
    /// The option, and why not.
    Wrong(String, String),
}

impl Config {
    /// The defaults, under a password from the environment.
    pub fn inherited(password: Option<String>) -> Config {
        let password = password.unwrap_or_default();
        Config { requirepass: password.clone(), inherited_password: password, ..Config::default() }
    }

    /// What this would be without file, flags and CONFIG SET.
    fn baseline(&self) -> Config {
        Config::inherited(Some(self.inherited_password.clone()))
    }

    /// Sets one option to the words of a line or flag. The error says which, and why not.
    pub fn set_words(&mut self, name: &str, words: &[String]) -> Result<(), String> {
        let is_word = options::find(name).is_some_and(|opt| opt.shape == Shape::Word);
        match words {
            [] if is_word => Err(format!("{name}: a value is missing")),
            // Without the words: they may be a password.
            [_, _, ..] if is_word => {
                Err(format!("{name}: it takes one value; one with blanks stands in quotes"))
            }
            _ => self.set(name, &words.join(" ")),
        }
    }

    /// Sets one option by name, at the start. The error says which, and why not.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some(opt) = options::find(name) {
            return (opt.set)(self, value).map_err(|why| format!("{} '{value}': {why}", opt.name));
        }
        if let Some(fixed) = options::fixed::find(name) {
            return fixed.set(value).map_err(|why| format!("{} '{value}': {why}", fixed.name));
        }
        if options::fixed::is_absent(name) {
            return Err(format!("'{name}' is an option of Redis that limpid does not have; leave it out"));
        }
        Err(format!("unknown option '{name}'{}", nearest::hint(nearest::option(name))))
    }

    /// Sets options of a running server: all of them, or none.
    pub fn set_live(&mut self, settings: &[(String, String)]) -> Result<(), Refusal> {
        let mut changed = self.clone();
        for (at, (name, value)) in settings.iter().enumerate() {
            let wrong = |why: String| Refusal::Wrong(name.clone(), why);
            if settings[..at].iter().any(|(before, _)| before.eq_ignore_ascii_case(name)) {
                return Err(wrong("duplicate parameter".into()));
            }
            match (options::find(name), options::fixed::find(name)) {
                (Some(opt), _) => {
                    (opt.set)(&mut changed, value).map_err(wrong)?;
                    if !opt.live && (opt.get)(&changed) != (opt.get)(self) {
                        return Err(wrong("it can be changed only by a restart".into()));
                    }
                }
                (None, Some(fixed)) if fixed.immutable => {
                    return Err(wrong("can't set immutable config".into()));
                }
                (None, Some(fixed)) => fixed.set(value).map_err(wrong)?,
                (None, None) => return Err(Refusal::Unknown(name.clone())),
            }
        }
        *self = changed;
        Ok(())
    }

    /// Every option whose name `wanted` says yes to, with its value.
    pub fn matching(&self, wanted: impl Fn(&str) -> bool) -> Vec<(&'static str, String)> {
        let own = options::all().map(|opt| (opt.name, opt.alias, (opt.get)(self)));
        let fixed = options::fixed::ROWS.iter().map(|fixed| (fixed.name, "", fixed.value.to_string()));
        let mut found = Vec::new();
        for (name, alias, value) in own.chain(fixed) {
            if !alias.is_empty() && wanted(alias) {
                found.push((alias, value.clone()));
            }
            if wanted(name) {
                found.push((name, value));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_live(config: &mut Config, settings: &[(&str, &str)]) -> Result<(), Refusal> {
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        config.set_live(&settings)
    }

    fn wrong(name: &str, why: &str) -> Result<(), Refusal> {
        Err(Refusal::Wrong(name.into(), why.into()))
    }

    #[test]
    fn every_option_reads_back_what_it_was_set_to() {
        let defaults = Config::default();
        for opt in options::all() {
            let value = (opt.get)(&defaults);
            let mut config = Config::default();
            (opt.set)(&mut config, &value).unwrap_or_else(|why| panic!("{} {value}: {why}", opt.name));
            assert_eq!((opt.get)(&config), value, "{}", opt.name);
        }
        for fixed in options::fixed::ROWS {
            assert_eq!(fixed.set(fixed.value), Ok(()), "{}", fixed.name);
            assert!(options::find(fixed.name).is_none(), "{} is there twice", fixed.name);
        }
        for opt in options::all() {
            assert!(!options::fixed::is_absent(opt.name), "{} is there: it is not absent", opt.name);
        }
    }

    #[test]
    fn several_settings_are_all_or_nothing() {
        let mut config = Config::default();
        assert_eq!(set_live(&mut config, &[("maxclients", "7"), ("SLOWLOG-MAX-LEN", "3")]), Ok(()));
        assert_eq!((config.maxclients, config.slowlog_max_len), (7, 3));
        let refused = set_live(&mut config, &[("maxclients", "8"), ("slowlog-max-len", "x")]);
        assert_eq!(refused, wrong("slowlog-max-len", "argument couldn't be parsed into an integer"));
        let twice = set_live(&mut config, &[("maxclients", "8"), ("MaxClients", "9")]);
        assert_eq!(twice, wrong("MaxClients", "duplicate parameter"));
        let unknown = set_live(&mut config, &[("maxclients", "8"), ("nope", "9")]);
        assert_eq!(unknown, Err(Refusal::Unknown("nope".into())));
        assert_eq!((config.maxclients, config.slowlog_max_len), (7, 3));
    }

    #[test]
    fn what_cannot_change_keeps_its_value() {
        let mut config = Config::default();
        assert_eq!(set_live(&mut config, &[("port", "6379"), ("save", "")]), Ok(()));
        assert_eq!(
            set_live(&mut config, &[("workers", "7")]),
            wrong("workers", "it can be changed only by a restart")
        );
        assert_eq!(
            set_live(&mut config, &[("databases", "16")]),
            wrong("databases", "can't set immutable config")
        );
        assert!(set_live(&mut config, &[("save", "900 1")]).is_err());
    }

    #[test]
    fn options_are_found_by_name_and_alias() {
        let config = Config::default();
        let found = config.matching(|name| name.starts_with("slowlog"));
        assert_eq!(
            found,
            [("slowlog-log-slower-than", "10000".to_string()), ("slowlog-max-len", "128".to_string())]
        );
        assert_eq!(config.matching(|name| name == "databases"), [("databases", "16".to_string())]);
    }
}
