//! What SORT was asked for.

use std::borrow::Cow;

use super::text;
use crate::command::args::Args;
use crate::command::error::Error;
use crate::keyspace::{Object, View};
use crate::protocol::Words;

pub struct Options<'a> {
    pub by: By<'a>,
    pub alpha: bool,
    pub descending: bool,
    /// Where to begin, and how many; negative: all.
    pub limit: (i64, i64),
    pub gets: Vec<Pattern<'a>>,
    pub store: Option<&'a [u8]>,
}

/// What decides the order.
pub enum By<'a> {
    Element,
    Pattern(Pattern<'a>),
    /// BY without a place for the element: the order is to stay as it is.
    Nothing,
}

/// What to make of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// `#`: itself.
    Element,
    /// The value of the key with the element between these two, or a field of the hash there.
    Key { before: &'a [u8], behind: &'a [u8], field: Option<&'a [u8]> },
    /// No place for the element: there is never a value.
    Missing,
}

impl<'a> Options<'a> {
    /// Behind the key.
    pub fn parse(args: &mut Args<'a>, may_store: bool) -> Result<Options<'a>, Error> {
        let mut options = Options {
            by: By::Element,
            alpha: false,
            descending: false,
            limit: (0, -1),
            gets: Vec::new(),
            store: None,
        };
        while !args.is_done() {
            if args.keyword("ASC") {
                options.descending = false;
            } else if args.keyword("DESC") {
                options.descending = true;
            } else if args.keyword("ALPHA") {
                options.alpha = true;
            } else if args.left() > 2 && args.keyword("LIMIT") {
                options.limit = (args.int(), args.int());
                args.check()?;
            } else if let Some(pattern) = args.keyword_and_value("BY") {
                options.by = match Pattern::parse(pattern) {
                    pattern @ Pattern::Key { .. } => By::Pattern(pattern),
                    _ => By::Nothing,
                };
            } else if let Some(pattern) = args.keyword_and_value("GET") {
                options.gets.push(Pattern::parse(pattern));
            } else if may_store && let Some(destination) = args.keyword_and_value("STORE") {
                options.store = Some(destination);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    /// The option, if there is one, because of which other keys are read.
    pub fn reads_other_keys(&self) -> Option<&'static str> {
        let gets = self.gets.iter().any(|get| matches!(get, Pattern::Key { .. }));
        matches!(self.by, By::Pattern(_)).then_some("BY").or(gets.then_some("GET"))
    }
}

/// Where a request that may hold a mistake says to store: users are asked for their right to it all the same, and COMMAND
/// GETKEYS names it.
pub fn stated_destination(words: Words<'_>) -> Option<&[u8]> {
    let mut words = words.iter().skip(2);
    let mut destination = None;
    while let Some(word) = words.next() {
        match word.to_ascii_uppercase().as_slice() {
            b"LIMIT" => drop(words.nth(1)),
            b"BY" | b"GET" => drop(words.next()),
            b"STORE" => destination = words.next().or(destination),
            _ => {}
        }
    }
    destination
}

impl<'a> Pattern<'a> {
    /// `before*behind`, `before*behind->field`, or `#`.
    pub fn parse(pattern: &'a [u8]) -> Pattern<'a> {
        if pattern == b"#" {
            return Pattern::Element;
        }
        let Some(star) = memchr::memchr(b'*', pattern) else { return Pattern::Missing };
        let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
        match memchr::memmem::find(behind, b"->") {
            Some(arrow) if arrow + 2 < behind.len() => {
                Pattern::Key { before, behind: &behind[..arrow], field: Some(&behind[arrow + 2..]) }
            }
            _ => Pattern::Key { before, behind, field: None },
        }
    }

    /// What this makes of an element, where a key of that name holds it.
    pub fn look_up<'v>(&self, view: &'v View, element: &[u8]) -> Option<Cow<'v, [u8]>> {
        let Pattern::Key { before, behind, field } = self else { return None };
        let entry = view.get(&[before, element, behind].concat())?;
        match (field, entry.object()) {
            (Some(field), Some(Object::Hash(hash))) => hash.get(field, view.now_ms()).map(text),
            (Some(_), _) => None,
            (None, _) => entry.bytes().map(Cow::Borrowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OwnedWords;

    #[test]
    fn patterns() {
        let key = |before, behind, field| Pattern::Key { before, behind, field };
        assert_eq!(Pattern::parse(b"#"), Pattern::Element);
        assert_eq!(Pattern::parse(b"w_*"), key(b"w_", b"", None));
        assert_eq!(Pattern::parse(b"a*b*c"), key(b"a", b"b*c", None));
        assert_eq!(Pattern::parse(b"h_*x->f"), key(b"h_", b"x", Some(b"f")));
        assert_eq!(Pattern::parse(b"h_*->"), key(b"h_", b"->", None), "no field");
        assert_eq!(Pattern::parse(b"h->*"), key(b"h->", b"", None), "an arrow before the star");
        assert_eq!(Pattern::parse(b"nosort"), Pattern::Missing);
        assert_eq!(Pattern::parse(b""), Pattern::Missing);
    }

    #[track_caller]
    fn fails(words: &str, error: Error) {
        let words = OwnedWords::from_words(format!("sort {words}").split(' '));
        let result = Options::parse(&mut Args::new(words.words()), true);
        assert_eq!(result.err(), Some(error));
    }

    #[test]
    fn a_mistake_does_not_hide_the_destination() {
        for (words, destination) in [
            ("sort l by store get limit limit 0 store store x what", Some("x")),
            ("sort l store x limit 0 y store", Some("x")),
            ("sort l limit 0 1", None),
            ("sort store", None),
        ] {
            let request = OwnedWords::from_words(words.split(' '));
            let found = stated_destination(request.words()).map(String::from_utf8_lossy);
            assert_eq!(found.as_deref(), destination, "{words}");
        }
    }

    #[test]
    fn mistakes() {
        fails("by", Error::SYNTAX);
        fails("limit 1", Error::SYNTAX);
        fails("limit a 1", Error::NOT_AN_INTEGER);
        fails("asc desc what", Error::SYNTAX);
        let words = OwnedWords::from_words(["sort_ro", "store", "x"]);
        assert!(Options::parse(&mut Args::new(words.words()), false).is_err());
    }
}
