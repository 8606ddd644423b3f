//! The ACL file, and the `user` lines of the configuration file: `user NAME RULE ...`.

use std::fmt;

use super::patterns::is_word;
use super::rule::{self, RuleError, Terms};
use super::user::User;

/// A wrong line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Counted from 1.
    pub line: usize,
    pub why: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.why)
    }
}

pub(super) struct Users {
    pub users: Vec<User>,
    pub errors: Vec<FileError>,
}

/// A line's number, and its words.
pub type Line<'t> = (usize, Vec<&'t [u8]>);

/// An ACL file's lines, without blank ones. There are no comments: ACL SAVE would lose them.
pub(super) fn lines(text: &[u8]) -> Vec<Line<'_>> {
    let lines = text.split(|byte| *byte == b'\n').zip(1..);
    lines.map(|(line, number)| (number, words(line))).filter(|(_, words)| !words.is_empty()).collect()
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

pub(super) fn users(lines: &[Line], terms: &Terms) -> Users {
    let mut read = Users { users: Vec::new(), errors: Vec::new() };
    for (number, words) in lines {
        let known = |name: &[u8]| read.users.iter().any(|user| *user.name == *name);
        match user(words, known, terms) {
            Ok(user) => read.users.push(user),
            Err(why) => read.errors.push(FileError { line: *number, why }),
        }
    }
    read
}

/// The user of one line. An error shows no word of it that could be a password.
fn user(words: &[&[u8]], is_known: impl Fn(&[u8]) -> bool, terms: &Terms) -> Result<User, String> {
    let [keyword, name, rules @ ..] = words else {
        return Err("should start with user keyword followed by the username".into());
    };
    if !keyword.eq_ignore_ascii_case(b"user") {
        return Err("should start with user keyword followed by the username".into());
    }
    let shown = String::from_utf8_lossy(name);
    if !is_word(name) {
        return Err(format!("username '{shown}' contains invalid characters"));
    }
    if is_known(name) {
        return Err(format!("Duplicate user '{shown}' found"));
    }
    let rules =
        rule::joined(rules).map_err(|_| "Unmatched parenthesis in selector definition".to_string())?;
    let mut user = User::new(name, terms);
    for rule in &rules {
        user.apply(rule, terms).map_err(|why| match why {
            RuleError::UnknownCommand => {
                format!("Error in applying operation '{}': {why}", String::from_utf8_lossy(rule))
            }
            _ => format!("user '{shown}': {why}"),
        })?;
    }
    Ok(user)
}
