//! What MONITOR shows: a line for each request that has run.

use std::fmt::Write;

use super::{Call, Executor};
use crate::command::row::Flags;
use crate::command::secrets;
use crate::command::table::Found;
use crate::machine;
use crate::protocol::Words;

impl Executor {
    /// Administrative commands are nobody else's business, as in Redis.
    #[cold]
    pub(super) fn show(&self, found: Found, words: Words<'_>, call: &mut Call) {
        if found.command.flags.has(Flags::ADMIN) {
            return;
        }
        let now = machine::since_epoch();
        let (seconds, micros) = (now.as_secs(), now.subsec_micros());
        let (db, address) = (call.session.db, &call.session.client.origin.address);
        let mut line = format!("{seconds}.{micros:06} [{db} {address}]");
        for word in secrets::hidden(found, words) {
            line.push(' ');
            push_quoted(&mut line, word);
        }
        self.server.monitors.show(&line, call.woken);
    }
}

/// As Redis quotes it: everything that is not printable ASCII is escaped.
fn push_quoted(line: &mut String, word: &[u8]) {
    line.push('"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => line.extend(['\\', char::from(byte)]),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            7 => line.push_str("\\a"),
            8 => line.push_str("\\b"),
            b' '..=b'~' => line.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => _ = write!(line, "\\x{byte:02x}"),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_redis_does() {
        let mut line = String::new();
        push_quoted(&mut line, b"a\nb \xff\"q\\ \x07\x08\r\t\x7f");
        assert_eq!(line, r#""a\nb \xff\"q\\ \a\b\r\t\x7f""#);
    }
}
