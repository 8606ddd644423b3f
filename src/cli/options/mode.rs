//! What to do, if not to run commands.

use std::time::Duration;

use clap::{ArgGroup, Args};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Commands,
    Pipe { patience: Option<Duration> },
    Stat,
    Latency { history: bool },
    BigKeys(Selection),
    MemKeys { selection: Selection, samples: Option<u64> },
    HotKeys(Selection),
    Scan(Selection),
}

impl Mode {
    /// The keys of a walk over all of them.
    pub fn selection(&self) -> Option<&Selection> {
        match self {
            Mode::BigKeys(selection)
            | Mode::MemKeys { selection, .. }
            | Mode::HotKeys(selection)
            | Mode::Scan(selection) => Some(selection),
            Mode::Commands | Mode::Pipe { .. } | Mode::Stat | Mode::Latency { .. } => None,
        }
    }
}

/// Which keys, and how many a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub pattern: Option<String>,
    pub kind: Option<String>,
    pub count: Option<u64>,
}

#[derive(Args)]
#[command(
    next_help_heading = "Modes",
    group = ArgGroup::new("mode"),
    group = ArgGroup::new("walk").multiple(true),
)]
pub struct ModeFlags {
    /// Print figures of the server, line by line
    #[arg(long, group = "mode")]
    stat: bool,
    /// Measure how long replies take: for ever on a terminal, for one second (or -i) into a file
    #[arg(long, group = "mode")]
    latency: bool,
    /// The same, with a line every 15 seconds (or -i)
    #[arg(long, group = "mode")]
    latency_history: bool,
    /// Look for keys with many elements
    #[arg(long, groups = ["mode", "walk"])]
    bigkeys: bool,
    /// Look for keys that take much memory
    #[arg(long, groups = ["mode", "walk"])]
    memkeys: bool,
    /// The same, looking at so many elements of each; 0 is all
    #[arg(
        long,
        value_name = "COUNT",
        group = "walk",
        conflicts_with_all = ["stat", "latency", "latency_history", "bigkeys", "hotkeys", "scan", "pipe"],
    )]
    memkeys_samples: Option<u64>,
    /// Tell the keys that are used most; Redis needs one of the lfu policies of maxmemory for it
    #[arg(long, groups = ["mode", "walk"])]
    hotkeys: bool,
    /// List keys
    #[arg(long, groups = ["mode", "walk"])]
    scan: bool,
    /// Only keys like this; with --scan, --bigkeys, --memkeys or --hotkeys
    #[arg(long, requires = "walk")]
    pattern: Option<String>,
    /// Only keys of this type
    #[arg(long = "type", requires = "walk")]
    kind: Option<String>,
    /// Ask for about so many keys at once
    #[arg(long, requires = "walk", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Send stdin as it is, lines or RESP, and count replies and errors
    #[arg(long, group = "mode")]
    pipe: bool,
    /// Give up when no reply comes for so long after all was sent; 0 waits for ever
    #[arg(long, value_name = "SECONDS", default_value = "30", requires = "pipe")]
    pipe_timeout: u64,
}

impl ModeFlags {
    pub fn mode(self) -> Mode {
        let selection = Selection { pattern: self.pattern, kind: self.kind, count: self.count };
        match () {
            () if self.pipe => {
                let patience = Some(Duration::from_secs(self.pipe_timeout)).filter(|time| !time.is_zero());
                Mode::Pipe { patience }
            }
            () if self.stat => Mode::Stat,
            () if self.latency || self.latency_history => Mode::Latency { history: self.latency_history },
            () if self.bigkeys => Mode::BigKeys(selection),
            () if self.memkeys || self.memkeys_samples.is_some() => {
                Mode::MemKeys { selection, samples: self.memkeys_samples }
            }
            () if self.hotkeys => Mode::HotKeys(selection),
            () if self.scan => Mode::Scan(selection),
            () => Mode::Commands,
        }
    }
}
