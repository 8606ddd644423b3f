//! How far long work has come: a bar on a terminal, lines in the server's log elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of bytes on standard error; indicatif hides it where that is no terminal.
pub fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Work of the server.
pub struct Progress {
    what: &'static str,
    bar: ProgressBar,
    shown_percent: AtomicU64,
}

impl Progress {
    /// Less is done before anyone could read a line about it.
    const WORTH_SHOWING_BYTES: u64 = 64 << 20;
    const STEP_PERCENT: u64 = 10;

    pub fn new(what: &'static str) -> Progress {
        Progress { what, bar: bar(), shown_percent: AtomicU64::new(0) }
    }

    pub fn show(&self, done: u64, total: u64) {
        if total < Self::WORTH_SHOWING_BYTES {
            return;
        }
        if !self.bar.is_hidden() {
            self.bar.set_length(total);
            self.bar.set_position(done);
            return;
        }
        let percent = done * 100 / total;
        if percent >= self.shown_percent.load(Ordering::Relaxed) + Self::STEP_PERCENT {
            self.shown_percent.store(percent, Ordering::Relaxed);
            tracing::info!("{}: {percent}% of {} MiB", self.what, total >> 20);
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
