//! Words of a request that nobody else may read, in the slow log or in MONITOR.

use super::row::Flags;
use super::table::Found;
use crate::protocol::Words;

const HIDDEN: &[u8] = b"(redacted)";

/// All that is behind one of these is secret: where a request is malformed, any of it may be a password.
const SECRETS: [&str; 3] = ["AUTH", "requirepass", "SETUSER"];

/// The words as they may be shown.
pub fn hidden<'a>(found: Found, words: Words<'a>) -> impl Iterator<Item = &'a [u8]> {
    let is_sensitive = found.command.flags.has(Flags::SENSITIVE);
    let mut hides = false;
    words.iter().map(move |word| {
        if hides {
            return HIDDEN;
        }
        hides = is_sensitive && SECRETS.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
        word
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::look_up;
    use crate::protocol::OwnedWords;

    fn shown(request: &str) -> String {
        let words = OwnedWords::from_words(request.split(' '));
        let found = look_up(words.words()).expect("a request of this table");
        let shown: Vec<_> = hidden(found, words.words()).map(String::from_utf8_lossy).collect();
        shown.join(" ")
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("auth secret"), "auth (redacted)");
        assert_eq!(shown("AUTH user secret"), "AUTH (redacted) (redacted)");
        assert_eq!(shown("hello 3 setname x auth u p"), "hello 3 setname x auth (redacted) (redacted)");
        assert_eq!(
            shown("config set maxclients 5 RequirePass p"),
            "config set maxclients 5 RequirePass (redacted)"
        );
        assert_eq!(shown("acl setuser alice on >p"), "acl setuser (redacted) (redacted) (redacted)");
        assert_eq!(shown("set auth x"), "set auth x");
    }

    #[test]
    fn nor_are_parts_of_them_where_the_request_is_malformed() {
        for request in [
            "AUTH my secret pass",
            "config set requirepass my secret pass",
            "config set maxclients requirepass my secret pass",
            "HELLO 3 SETNAME auth AUTH my secret pass",
            "HELLO 3 AUTH my secret pass",
            "HELLO AUTH my secret pass",
            "ACL SETUSER my on >secret pass",
        ] {
            let shown = shown(request);
            assert!(
                !["my", "secret", "pass"].iter().any(|part| shown.contains(&format!(" {part}"))),
                "{shown}"
            );
        }
    }
}
