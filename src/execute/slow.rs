//! A command that took long: a line in the slow log, a sample for LATENCY.

use super::is_exec;
use crate::command::row::Flags;
use crate::command::secrets;
use crate::command::table::Found;
use crate::metrics::slowlog::{Entry, Slow, shortened};
use crate::protocol::Words;
use crate::session::Client;

#[cold]
pub fn note(slow: &Slow, found: Found, words: Words<'_>, client: &Client, nanos: u64, now_ms: u64) {
    // What EXEC runs is noted by itself.
    if slow.is_logged(nanos) && !is_exec(found) {
        let shown: Vec<&[u8]> = secrets::hidden(found, words).collect();
        slow.log().push(Entry {
            id: 0,
            unix_seconds: now_ms / 1000,
            micros: nanos / 1000,
            words: shortened(shown.into_iter()),
            address: client.origin.address.clone(),
            name: client.names().name.clone(),
        });
    }
    if slow.is_event(nanos) {
        let name = if found.command.flags.has(Flags::FAST) { "fast-command" } else { "command" };
        slow.events().note(name, now_ms / 1000, nanos / 1_000_000);
    }
}
