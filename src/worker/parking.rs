//! Connections whose replies wait for the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::connection::Connection;
use crate::execute::log::{Health, Log, Seq};

/// What the log has to say to those who wait.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Everything up to this record is safe.
    Durable(Seq),
    /// Nothing behind this record will be acknowledged; the text is for the clients.
    Failed { durable: Seq, reason: String },
}

/// By the record that they wait for.
#[derive(Default)]
pub struct Parking {
    waiting: Mutex<BTreeMap<Seq, Vec<Arc<Connection>>>>,
}

impl Parking {
    /// Parks a connection, unless the log got there meanwhile: then it is handed back.
    pub fn park(&self, connection: Arc<Connection>, until: Seq, log: &dyn Log) -> Option<Arc<Connection>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock that `settle` takes after the log has published: one of the two sees the other.
        if log.durable() >= until {
            return Some(connection);
        }
        if let Health::Refusing(reason) = log.health() {
            connection.exec().fail_held(&reason);
            return Some(connection);
        }
        waiting.entry(until).or_default().push(connection);
        None
    }

    /// Those who need wait no longer.
    pub fn settle(&self, verdict: Verdict) -> Vec<Arc<Connection>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (durable, failed) = match verdict {
            Verdict::Durable(seq) => (seq, None),
            Verdict::Failed { durable, reason } => (durable, Some(reason)),
        };
        // Where no reply waits for the disk, everything is as good as durable: the largest number there is.
        let next = durable.saturating_add(1);
        let mut later = waiting.split_off(&next);
        if let Some(reason) = failed {
            let lost = std::mem::take(&mut later).into_values().flatten();
            let lost = lost.inspect(|connection| connection.exec().fail_held(&reason)).collect();
            waiting.insert(next, lost);
        }
        std::mem::replace(&mut *waiting, later).into_values().flatten().collect()
    }
}
