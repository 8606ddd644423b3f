//! Ctrl-C, where it ends something smaller than the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Error;

/// How often a wait looks whether it was interrupted.
pub const GLANCE: Duration = Duration::from_millis(100);

#[derive(Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C does not end the process.
    pub fn listen() -> Result<Self, Error> {
        let interrupt = Self::default();
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt.0))
            .map_err(Error::Input)?;
        Ok(interrupt)
    }

    /// Whether it came since it was last asked for.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits so long, or until it comes.
    pub fn pause(&self, duration: Duration) {
        let begun = Instant::now();
        while let Some(left) = duration.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            if self.is_set() {
                return;
            }
            thread::park_timeout(left.min(GLANCE));
        }
    }
}

/// Waits so long; Ctrl-C ends the process meanwhile.
pub fn pause(duration: Duration) {
    Interrupt::default().pause(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_is_taken_once_and_ends_a_pause() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.take());
        interrupt.set();
        let begun = Instant::now();
        interrupt.pause(Duration::from_secs(600));
        assert!(begun.elapsed() < Duration::from_secs(300));
        assert!(interrupt.take() && !interrupt.take());
    }
}
