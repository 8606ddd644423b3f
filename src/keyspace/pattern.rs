//! Redis's glob-style patterns (KEYS, SCAN MATCH, PSUBSCRIBE, ACL), matched by the `glob` package.
//!
//! A pattern is translated once: `\x` becomes a class of one, `[^a]` becomes `[!a]`, `**` becomes `*`. Bytes are
//! matched, not characters: a byte is the `char` of the same number, so an ASCII key needs no copy.

use std::borrow::Cow;

use glob::MatchOptions;

use crate::limits::PATTERN_STARS_MAX;

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// A pattern that is ready to match.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// `*`
    All,
    /// No special character at all.
    Exactly(Vec<u8>),
    Glob(glob::Pattern),
    /// Matches nothing: an empty class, or too many `*`.
    Never,
}

impl Pattern {
    pub fn new(pattern: &[u8]) -> Pattern {
        if !pattern.is_empty() && pattern.iter().all(|&b| b == b'*') {
            return Pattern::All;
        }
        if memchr::memchr3(b'*', b'?', b'[', pattern).is_none() && memchr::memchr(b'\\', pattern).is_none() {
            return Pattern::Exactly(pattern.to_vec());
        }
        match translate(pattern).map(|glob| glob::Pattern::new(&glob)) {
            Some(Ok(glob)) => Pattern::Glob(glob),
            _ => Pattern::Never,
        }
    }

    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Exactly(wanted) => wanted == bytes,
            Pattern::Glob(glob) => glob.matches_with(&as_chars(bytes), OPTIONS),
            Pattern::Never => false,
        }
    }
}

fn as_chars(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|&b| char::from(b)).collect()),
    }
}

/// `None` where the pattern matches nothing: it holds an empty class, or more `*` than `glob`, which calls itself for
/// each of them, has stack for.
fn translate(pattern: &[u8]) -> Option<String> {
    let mut glob = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut stars = 0;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'*' => {
                if !glob.ends_with('*') {
                    glob.push('*');
                    stars += 1;
                }
            }
            b'?' => glob.push('?'),
            b'[' => {
                let (class, after) = Class::parse(after);
                class.push(&mut glob)?;
                rest = after;
            }
            b'\\' => match after.split_first() {
                Some((&escaped, after)) => {
                    push_literal(&mut glob, escaped);
                    rest = after;
                }
                None => push_literal(&mut glob, b'\\'),
            },
            _ => push_literal(&mut glob, byte),
        }
    }
    (stars <= PATTERN_STARS_MAX).then_some(glob)
}

fn push_literal(glob: &mut String, byte: u8) {
    match byte {
        b'*' | b'?' | b'[' | b']' => glob.extend(['[', char::from(byte), ']']),
        _ => glob.push(char::from(byte)),
    }
}

/// The bytes between `[` and `]`.
struct Class {
    members: [bool; 256],
    negated: bool,
}

impl Class {
    /// As Redis reads it: `\` escapes, a range may be written backwards, a missing `]` ends with the pattern.
    fn parse(mut rest: &[u8]) -> (Class, &[u8]) {
        let mut class = Class { members: [false; 256], negated: false };
        if let [b'^', after @ ..] = rest {
            class.negated = true;
            rest = after;
        }
        loop {
            match rest {
                [] => return (class, rest),
                [b'\\', escaped, after @ ..] => {
                    class.members[*escaped as usize] = true;
                    rest = after;
                }
                [b']', after @ ..] => return (class, after),
                [a, b'-', b, after @ ..] => {
                    let (low, high) = (*a.min(b), *a.max(b));
                    class.members[low as usize..=high as usize].fill(true);
                    rest = after;
                }
                [byte, after @ ..] => {
                    class.members[*byte as usize] = true;
                    rest = after;
                }
            }
        }
    }

    /// `glob` reads `]` as a member only in front, `!` as one only behind something, and `-` at an edge.
    fn push(&self, glob: &mut String) -> Option<()> {
        let has = |byte: u8| self.members[byte as usize];
        let count = self.members.iter().filter(|&&member| member).count();
        match (count, self.negated) {
            (0, false) => return None,
            (0, true) => {
                glob.push('?');
                return Some(());
            }
            (1, false) if has(b'!') => {
                glob.push('!');
                return Some(());
            }
            _ => {}
        }
        glob.push('[');
        if self.negated {
            glob.push('!');
        }
        if has(b']') {
            glob.push(']');
        }
        if has(b'-') {
            glob.push('-');
        }
        let plain = |byte: u8| has(byte) && !matches!(byte, b']' | b'-' | b'!');
        let mut byte = 0u16;
        while byte < 256 {
            let start = byte as u8;
            byte += 1;
            if !plain(start) {
                continue;
            }
            let mut end = start;
            while byte < 256 && plain(byte as u8) {
                end = byte as u8;
                byte += 1;
            }
            glob.push(char::from(start));
            if end > start {
                glob.extend(['-', char::from(end)]);
            }
        }
        if has(b'!') {
            glob.push('!');
        }
        glob.push(']');
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = Pattern::new(pattern.as_bytes());
        for key in yes {
            assert!(compiled.matches(key.as_bytes()), "{pattern} should match {key}: {compiled:?}");
        }
        for key in no {
            assert!(!compiled.matches(key.as_bytes()), "{pattern} should not match {key}: {compiled:?}");
        }
    }

    #[test]
    fn matches_as_redis_does() {
        check("*", &["", "a", "a/b", ".hidden"], &[]);
        check("h?llo", &["hello", "hallo"], &["hllo", "heello"]);
        check("h*llo", &["hllo", "heeeello"], &["hell"]);
        check("h**o", &["ho", "hello"], &["h"]);
        check("h[ae]llo", &["hello", "hallo"], &["hillo"]);
        check("h[^e]llo", &["hallo", "hbllo"], &["hello"]);
        check("h[a-c]llo", &["hallo", "hbllo", "hcllo"], &["hdllo"]);
        check("h[c-a]llo", &["hallo", "hcllo"], &["hdllo"]);
        check("user:1", &["user:1"], &["user:2", "user:11"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn escapes_and_odd_classes() {
        check(r"\*", &["*"], &["a", r"\*"]);
        check(r"a\?b", &["a?b"], &["axb"]);
        check(r"\[x]", &["[x]"], &["x"]);
        check(r"x]", &["x]"], &["x"]);
        check(r"[\]]", &["]"], &["\\"]);
        check(r"[\^a]", &["^", "a"], &["b"]);
        check("[!]", &["!"], &["a"]);
        check("[!-]", &["!", "-"], &["a"]);
        check("[^!]", &["a"], &["!"]);
        check("[a!]", &["a", "!"], &["b"]);
        check("[a-]", &["a", "]", "^"], &["-", "b"]); // a range up to `]`, as Redis reads it
        check("[-a]", &["a", "-"], &["b"]);
        check("[abc", &["a", "c"], &["d", "[abc"]);
        check("a[]b", &[], &["ab", "a]b"]);
        check("a[^]b", &["axb"], &["ab"]);
        check("tail\\", &["tail\\"], &["tail"]);
    }

    #[test]
    fn bytes_are_matched_not_characters() {
        assert!(Pattern::new(b"?").matches(b"\xff"));
        assert!(Pattern::new(b"[\x80-\xff]x").matches(b"\xe4x"));
        assert!(!Pattern::new(b"?").matches("\u{e4}".as_bytes()), "two bytes in UTF-8");
        assert!(Pattern::new("\u{e4}*".as_bytes()).matches("\u{e4}b".as_bytes()));
    }

    #[test]
    fn many_stars_end_quickly() {
        let pattern = Pattern::new(&b"a*".repeat(40));
        assert!(!pattern.matches(&[&b"a".repeat(200)[..], b"b"].concat()[..39]));
        assert!(!Pattern::new(&[&b"a*".repeat(40)[..], b"b"].concat()).matches(&b"a".repeat(300)));
    }

    #[test]
    fn a_pattern_of_stars_does_not_use_up_the_stack() {
        let most = "*?".repeat(PATTERN_STARS_MAX);
        assert!(Pattern::new(most.as_bytes()).matches(&b"a".repeat(50_000)));
        assert!(!Pattern::new("*?".repeat(50_000).as_bytes()).matches(&b"a".repeat(50_000)));
    }
}
