//! Words of a request that nobody else may read, in the slow log or in MONITOR.

use super::row::Flags;
use super::table::Found;
use crate::protocol::Words;

const HIDDEN: &[u8] = b"(redacted)";

/// How many words behind which word are secret.
const SECRETS: [(&str, usize); 3] = [("AUTH", 2), ("requirepass", 1), ("SETUSER", usize::MAX)];

/// The words as they may be shown.
pub fn hidden<'a>(found: Found, words: Words<'a>) -> impl Iterator<Item = &'a [u8]> {
    let is_sensitive = found.command.flags.has(Flags::SENSITIVE);
    let mut to_hide = 0;
    words.iter().map(move |word| {
        if to_hide > 0 {
            to_hide -= 1;
            return HIDDEN;
        }
        if is_sensitive {
            let secret = SECRETS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
            to_hide = secret.map_or(0, |(_, count)| *count);
        }
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
        assert_eq!(shown("hello 3 auth u p setname x"), "hello 3 auth (redacted) (redacted) setname x");
        assert_eq!(
            shown("config set maxclients 5 RequirePass p"),
            "config set maxclients 5 RequirePass (redacted)"
        );
        assert_eq!(shown("acl setuser alice on >p"), "acl setuser (redacted) (redacted) (redacted)");
        assert_eq!(shown("set auth x"), "set auth x");
    }
}
