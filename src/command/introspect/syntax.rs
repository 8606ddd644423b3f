//! The syntax of a row, as people read it, into arguments, as programs want them.
//!
//! ```text
//!   key [NX | XX] [LIMIT offset count] [member ...]
//!   |   |         |                    |
//!   |   |         |                    optional, several
//!   |   |         optional block behind the token LIMIT
//!   |   optional, one of two tokens
//!   a key
//! ```
//!
//! Words in capitals are tokens, others are names of arguments; `[ ]` is optional, `< | >` one of several, and a
//! repetition in brackets says that what stands before it may come several times.

/// One argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    pub name: String,
    pub kind: Kind,
    /// The word that introduces it.
    pub token: Option<String>,
    pub optional: bool,
    pub multiple: bool,
    /// The token comes again with each value.
    pub multiple_token: bool,
    /// Of a block or a choice.
    pub arguments: Vec<Argument>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Text,
    Key,
    Integer,
    Double,
    Pattern,
    UnixTime,
    /// Nothing but its token.
    Token,
    OneOf,
    Block,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "string",
            Kind::Key => "key",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::Token => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }

    /// Names tell what they stand for.
    fn of_name(name: &str) -> Kind {
        const INTEGERS: &[&str] = &[
            "bit",
            "client-id",
            "clientid",
            "count",
            "cursor",
            "db",
            "decrement",
            "destination-db",
            "end",
            "end-index",
            "field-count",
            "height",
            "index",
            "index1",
            "index2",
            "iterations",
            "len",
            "maxlen",
            "milliseconds",
            "min-match-len",
            "numfields",
            "numkeys",
            "numlocal",
            "numreplicas",
            "offset",
            "protover",
            "rank",
            "replicas",
            "seconds",
            "start",
            "stop",
            "ttl",
            "version",
        ];
        const DOUBLES: &[&str] = &[
            "height-width",
            "latitude",
            "longitude",
            "max-score",
            "min-score",
            "radius",
            "score",
            "timeout-seconds",
            "weight",
            "width",
        ];
        let is_key = ["key", "source", "destination"].contains(&name)
            || name.trim_end_matches(|c: char| c.is_ascii_digit()) == "key"
            || name.ends_with("key");
        match name {
            _ if is_key => Kind::Key,
            _ if name.starts_with("unix-time") => Kind::UnixTime,
            _ if name.ends_with("pattern") => Kind::Pattern,
            _ if INTEGERS.contains(&name) => Kind::Integer,
            _ if DOUBLES.contains(&name) => Kind::Double,
            _ => Kind::Text,
        }
    }
}

pub fn parse(syntax: &str) -> Vec<Argument> {
    let mut words = Words { rest: syntax };
    let mut choices = choices(&mut words);
    // A syntax that is a choice at its top is one.
    match choices.len() {
        0 => Vec::new(),
        1 => choices.remove(0),
        _ => vec![one_of(choices)],
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        let length = match first {
            '[' | ']' | '<' | '>' | '|' => 1,
            _ => self.rest.find([' ', '[', ']', '<', '>', '|']).unwrap_or(self.rest.len()),
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(word)
    }
}

/// Sequences between bars, up to the bracket that closes them.
fn choices(words: &mut Words) -> Vec<Vec<Argument>> {
    let mut sequence = Sequence::default();
    let mut choices = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "]" | ">" => break,
            "|" => choices.push(std::mem::take(&mut sequence).finish()),
            "[" => sequence.optional(self::choices(words)),
            "<" => sequence.push(grouped(self::choices(words))),
            "..." => sequence.repeats = true,
            token if is_token(token) => sequence.token(token),
            name => sequence.push(Argument {
                name: name.to_string(),
                kind: Kind::of_name(name),
                ..Argument::default()
            }),
        }
    }
    choices.push(sequence.finish());
    choices
}

fn is_token(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_uppercase()) && !word.chars().any(|c| c.is_ascii_lowercase())
}

/// Arguments, one behind another.
#[derive(Default)]
struct Sequence {
    done: Vec<Argument>,
    /// A token, and what stands behind it so far.
    open: Option<(String, Vec<Argument>)>,
    /// Ended with dots: a repetition of what stands before the brackets.
    repeats: bool,
}

impl Sequence {
    fn push(&mut self, argument: Argument) {
        match &mut self.open {
            Some((_, behind)) => behind.push(argument),
            None => self.done.push(argument),
        }
    }

    fn token(&mut self, token: &str) {
        self.close();
        self.open = Some((token.to_string(), Vec::new()));
    }

    /// A token takes the plain arguments behind it: none, one, or a block of several.
    fn close(&mut self) {
        let Some((token, mut behind)) = self.open.take() else { return };
        let name = token.to_ascii_lowercase();
        let argument = match behind.len() {
            0 => Argument { name, kind: Kind::Token, ..Argument::default() },
            1 => behind.remove(0),
            _ => Argument { name, kind: Kind::Block, arguments: behind, ..Argument::default() },
        };
        self.done.push(Argument { token: Some(token), ..argument });
    }

    fn optional(&mut self, choices: Vec<Vec<Argument>>) {
        if let [only] = &choices[..]
            && let Some(marker) = only.first().filter(|argument| argument.name == REPETITION)
        {
            return self.repeat(&marker.arguments);
        }
        self.close();
        let argument = grouped(choices);
        self.done.push(Argument { optional: true, ..argument });
    }

    /// What stands before the brackets is in them again, and may come several times.
    fn repeat(&mut self, again: &[Argument]) {
        let with_token = again.first().is_some_and(|argument| argument.token.is_some());
        if with_token {
            self.close();
        }
        let list = match &mut self.open {
            Some((_, behind)) => behind,
            None => &mut self.done,
        };
        if again.len() > 1 && list.len() >= again.len() {
            let block = list.split_off(list.len() - again.len());
            list.push(grouped(vec![block]));
        }
        if let Some(last) = list.last_mut() {
            last.multiple = true;
            last.multiple_token = with_token;
        }
    }

    fn finish(mut self) -> Vec<Argument> {
        self.close();
        if !self.repeats {
            return self.done;
        }
        vec![Argument { name: REPETITION.into(), arguments: self.done, ..Argument::default() }]
    }
}

/// Marks what was in brackets before dots. No argument has such a name.
const REPETITION: &str = "...";

/// Several arguments, or a choice of several, as one.
fn grouped(mut choices: Vec<Vec<Argument>>) -> Argument {
    if choices.len() > 1 {
        return one_of(choices);
    }
    let mut arguments = choices.pop().unwrap_or_default();
    if arguments.len() == 1 {
        return arguments.remove(0);
    }
    let name = arguments.iter().map(|argument| &*argument.name).collect::<Vec<_>>().join("-");
    Argument { name, kind: Kind::Block, arguments, ..Argument::default() }
}

fn one_of(choices: Vec<Vec<Argument>>) -> Argument {
    let arguments: Vec<Argument> = choices.into_iter().map(|choice| grouped(vec![choice])).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument.name == name);
    let name = match () {
        () if has("nx") || has("xx") => "condition".into(),
        () if has("gt") || has("lt") => "comparison".into(),
        () if has("seconds") => "expiration".into(),
        () => arguments.iter().map(|argument| &*argument.name).collect::<Vec<_>>().join("-or-"),
    };
    Argument { name, kind: Kind::OneOf, arguments, ..Argument::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments on one line: `?` optional, `*` several, `*TOKEN` several with their token, `{}` blocks, `()` choices.
    fn shown(arguments: &[Argument]) -> String {
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn one(argument: &Argument) -> String {
        let inner = match argument.kind {
            Kind::Token => String::new(),
            Kind::OneOf => {
                format!("({})", argument.arguments.iter().map(one).collect::<Vec<_>>().join("|"))
            }
            Kind::Block => format!("{{{}}}", shown(&argument.arguments)),
            kind => format!("{}:{}", argument.name, kind.name()),
        };
        let token = argument.token.as_ref().map_or(String::new(), |token| format!("{token}="));
        let several = match (argument.multiple, argument.multiple_token) {
            (true, true) => "*TOKEN",
            (true, false) => "*",
            _ => "",
        };
        let optional = if argument.optional { "?" } else { "" };
        format!("{token}{inner}{several}{optional}")
    }

    #[test]
    fn the_syntaxes_that_there_are() {
        for (syntax, arguments) in [
            ("", ""),
            ("key", "key:key"),
            ("key [key ...]", "key:key*"),
            ("[message]", "message:string?"),
            ("[section [section ...]]", "section:string*?"),
            ("key value [NX | XX] [GET]", "key:key value:string (NX=|XX=)? GET=?"),
            (
                "[EX seconds | PXAT unix-time-milliseconds]",
                "(EX=seconds:integer|PXAT=unix-time-milliseconds:unix-time)?",
            ),
            ("[LIMIT offset count]", "LIMIT={offset:integer count:integer}?"),
            ("key score member [score member ...]", "key:key {score:double member:string}*"),
            ("<ON | OFF> [PREFIX prefix [PREFIX prefix ...]]", "(ON=|OFF=) PREFIX=prefix:string*TOKEN?"),
            ("<host port | NO ONE>", "({host:string port:string}|{NO= ONE=})"),
            (
                "[protover [AUTH username password] [SETNAME clientname]]",
                "{protover:integer AUTH={username:string password:string}? SETNAME=clientname:string?}?",
            ),
            (
                "numkeys key [key ...] [WEIGHTS weight [weight ...]]",
                "numkeys:integer key:key* WEIGHTS=weight:double*?",
            ),
            ("0 | 1", "(0:string|1:string)"),
        ] {
            assert_eq!(shown(&parse(syntax)), arguments, "{syntax}");
        }
    }

    #[test]
    fn every_row_has_a_syntax_that_can_be_read() {
        for found in crate::command::table::all() {
            let syntax = found.command.syntax;
            let (open, close) = (syntax.matches(['[', '<']).count(), syntax.matches([']', '>']).count());
            assert_eq!(open, close, "{}: brackets", found.full_name());
            assert_eq!(parse(syntax).is_empty(), syntax.is_empty(), "{}", found.full_name());
        }
    }
}
