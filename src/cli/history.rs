//! What was typed, kept in a file of the home directory; passwords are not.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

use crate::limits::CLIENT_HISTORY_LINES;
use crate::protocol::words;

/// A file-backed history that forgets lines with secrets in them at once.
pub struct Discreet(FileBackedHistory);

/// The history of earlier runs, if there is a home to keep it in.
pub fn open() -> Option<Discreet> {
    let path = PathBuf::from(std::env::var_os("HOME")?).join(".limpid_history");
    // Nobody else's business; an older file keeps the mode that it has.
    OpenOptions::new().append(true).create(true).mode(0o600).open(&path).ok()?;
    FileBackedHistory::with_file(CLIENT_HISTORY_LINES, path).ok().map(Discreet)
}

/// Whether one of the lines that were typed or pasted together holds a password.
fn is_secret(input: &str) -> bool {
    input.lines().any(|line| holds_password(&words_of(line)))
}

/// The words in capitals, without their quotes if those are balanced.
fn words_of(line: &str) -> Vec<String> {
    match words::split(line.as_bytes()) {
        Ok(words) => words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).collect(),
        Err(_) => {
            line.split_whitespace().map(|word| word.replace(['"', '\''], "").to_ascii_uppercase()).collect()
        }
    }
}

fn holds_password(words: &[String]) -> bool {
    // The shell takes a number of times in front.
    let is_count = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = words.iter().map(String::as_str).skip_while(is_count).collect();
    match words[..] {
        ["AUTH", ..] | ["ACL", "SETUSER", ..] => true,
        ["HELLO" | "MIGRATE", ..] => words.contains(&"AUTH") || words.contains(&"AUTH2"),
        ["CONFIG", "SET", ..] => words.iter().any(|word| word.contains("PASS") || word.contains("AUTH")),
        _ => false,
    }
}

impl History for Discreet {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        if is_secret(&item.command_line) { Ok(item) } else { self.0.save(item) }
    }
    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }
    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }
    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }
    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.0.update(id, updater)
    }
    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }
    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }
    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_kept() {
        for line in ["auth hunter2", " AUTH me hunter2", "acl setuser me >hunter2", "HELLO 3 auth me hunter2"]
        {
            assert!(is_secret(line), "{line}");
        }
        for line in [
            "\"auth\" hunter2",
            "'AUTH' \"hunter2",
            "auth \"hunter",
            "GET a\nAUTH hunter2",
            "2 AUTH hunter2",
            "acl 'setuser' me >x",
        ] {
            assert!(is_secret(line), "{line}");
        }
        assert!(is_secret("config set requirepass hunter2"));
        for line in ["GET auth", "ACL LIST", "HELLO 3", "CONFIG GET *", ""] {
            assert!(!is_secret(line), "{line}");
        }
    }
}
