//! What one worker counts of one command.

use std::iter::Sum;
use std::sync::OnceLock;

use super::Counter;
use super::histogram::Histogram;

/// One cache line, so that commands do not share any.
#[derive(Default)]
#[repr(align(64))]
pub struct CommandCounters {
    pub calls: Counter,
    nanos: Counter,
    /// Refused before it ran.
    pub rejected: Counter,
    /// Ran, and replied with an error.
    failed: Counter,
    /// Most workers never see most commands.
    latencies: OnceLock<Box<Histogram>>,
}

const _: () = assert!(size_of::<CommandCounters>() == 64);

/// A command's figures, over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    pub calls: u64,
    pub nanos: u64,
    pub rejected: u64,
    pub failed: u64,
}

impl CommandCounters {
    #[inline]
    pub fn ran(&self, nanos: u64, failed: bool, tracking: bool) {
        self.calls.add(1);
        self.nanos.add(nanos);
        if failed {
            self.failed.add(1);
        }
        if tracking {
            self.latencies.get_or_init(Box::default).note(nanos);
        }
    }

    pub fn totals(&self) -> CommandTotals {
        CommandTotals {
            calls: self.calls.get(),
            nanos: self.nanos.get(),
            rejected: self.rejected.get(),
            failed: self.failed.get(),
        }
    }

    pub fn latencies(&self) -> Option<&Histogram> {
        self.latencies.get().map(|latencies| &**latencies)
    }

    pub fn reset(&self) {
        for counter in [&self.calls, &self.nanos, &self.rejected, &self.failed] {
            counter.reset();
        }
        if let Some(latencies) = self.latencies.get() {
            latencies.reset();
        }
    }
}

impl Sum for CommandTotals {
    fn sum<I: Iterator<Item = CommandTotals>>(totals: I) -> CommandTotals {
        totals.fold(CommandTotals::default(), |a, b| CommandTotals {
            calls: a.calls + b.calls,
            nanos: a.nanos + b.nanos,
            rejected: a.rejected + b.rejected,
            failed: a.failed + b.failed,
        })
    }
}
