//! The server's own log: lines of text or of JSON, to standard error or to the end of a file.
//!
//! There is one per process, as there is one subscriber of `tracing`. The file is opened again on SIGHUP, so that
//! whatever rotates logs can move it away. No client chooses it: that would be writing to any file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;

/// Where lines go: a file, or standard error.
static TARGET: Mutex<Option<Target>> = Mutex::new(None);
/// Set once the subscriber is there.
static SET_LEVEL: OnceLock<Box<dyn Fn(LevelFilter) + Send + Sync>> = OnceLock::new();

struct Target {
    path: PathBuf,
    file: File,
}

impl Target {
    fn open(path: PathBuf) -> Result<Target, String> {
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(|e| format!("cannot open the log file {}: {e}", path.display()))?;
        Ok(Target { path, file })
    }
}

fn target() -> MutexGuard<'static, Option<Target>> {
    TARGET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Called once, at the start. The error is one line for whoever started the server.
pub fn start(config: &Config) -> Result<(), String> {
    if !config.logfile.is_empty() {
        *target() = Some(Target::open(config.logfile.as_str().into())?);
    }
    let (level, handle) = reload::Layer::new(filter(&config.loglevel));
    let lines = tracing_subscriber::fmt::layer().with_writer(Lines).with_ansi(false).with_target(false);
    let lines = match config.log_format.as_str() {
        "json" => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        _ => lines.boxed(),
    };
    tracing_subscriber::registry().with(level).with(lines).init();
    // Reloading fails only without a subscriber.
    SET_LEVEL.get_or_init(|| Box::new(move |level| _ = handle.reload(level)));
    Ok(())
}

/// From now on, only lines of this level or above.
pub fn set_level(level: &str) {
    if let Some(set_level) = SET_LEVEL.get() {
        set_level(filter(level));
    }
}

/// Opens the file anew, if it is one: it may have been moved away.
pub fn reopen() {
    let path = target().as_ref().map(|target| target.path.clone());
    let Some(path) = path else { return };
    match Target::open(path) {
        Ok(new) => {
            *target() = Some(new);
            tracing::info!("log file opened again");
        }
        Err(why) => tracing::warn!("{why}; going on with the one that is open"),
    }
}

/// Redis's level names.
fn filter(level: &str) -> LevelFilter {
    match level {
        "debug" => LevelFilter::TRACE,
        "verbose" => LevelFilter::DEBUG,
        "warning" => LevelFilter::WARN,
        "nothing" => LevelFilter::OFF,
        _ => LevelFilter::INFO,
    }
}

/// One line at a time, whole.
#[derive(Clone, Copy)]
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *target() {
            Some(target) => target.file.write_all(line)?,
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Lines;

    fn make_writer(&self) -> Lines {
        Lines
    }
}
