//! The configuration file: redis.conf-style lines.
//!
//! ```text
//!   name value          a directive; words are quoted as in a request: "a \"b\"", 'it\'s'
//!   # comment           and blank lines mean nothing; a line may end in CRLF
//!   include *.conf      those files' lines stand here; a relative path starts at this file's directory
//!   user NAME RULE ...  as ACL SETUSER has it; a line for each user
//!   rename-command X "" there is no command X
//! ```
//!
//! Where an option comes twice, the last one counts.

mod read;
mod replace;
mod rewrite;

pub use replace::replace;

use crate::protocol::words;

/// The directive whose value is files to read in its place.
pub const INCLUDE: &str = "include";
/// A user, and what that user may do.
const USER: &str = "user";
const RENAME_COMMAND: &str = "rename-command";

/// What is not an option: it may stand there more than once, and has no flag or parameter of CONFIG.
pub const DIRECTIVES: [&str; 3] = [INCLUDE, USER, RENAME_COMMAND];

/// The words of a line, the directive's name first; none for comments and blank lines.
fn words_of(line: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let line = line.trim_ascii();
    if line.starts_with(b"#") { Ok(Vec::new()) } else { words::split(line) }
}

fn is(word: &[u8], directive: &str) -> bool {
    word.eq_ignore_ascii_case(directive.as_bytes())
}

fn text(words: &[Vec<u8>]) -> Result<Vec<String>, &'static str> {
    let text = |word: &Vec<u8>| String::from_utf8(word.clone()).map_err(|_| "not UTF-8");
    words.iter().map(text).collect()
}

/// Lines with their numbers, and without their line ends.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&byte| byte == b'\n').zip(1..).map(|(line, number)| (number, line))
}
