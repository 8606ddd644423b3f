//! Completion of command names, and hints at what may follow them.

use std::sync::Arc;

use reedline::{Completer, CompletionResult, Hinter, History, Span, Suggestion};

use super::docs::{self, CommandDoc};

/// The shell's own words, beside the server's commands.
const OWN: [&str; 4] = ["help", "clear", "exit", "quit"];

pub struct Names(pub Arc<[CommandDoc]>);

impl Completer for Names {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        CompletionResult::fresh(self.suggestions(line.get(..pos).unwrap_or(line)))
    }
}

impl Names {
    fn suggestions(&self, typed: &str) -> Vec<Suggestion> {
        // `help` is followed by a command.
        let start = match typed.get(..5) {
            Some(help) if help.eq_ignore_ascii_case("help ") => 5,
            _ => typed.len() - typed.trim_start().len(),
        };
        let prefix = &typed[start..];
        let is_match = |name: &&str| {
            !prefix.is_empty()
                && name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        };
        let described = |name: &str, summary: &str| Suggestion {
            value: cased_like(prefix, name),
            description: Some(summary.to_owned()).filter(|summary| !summary.is_empty()),
            span: Span { start, end: typed.len() },
            append_whitespace: true,
            ..Suggestion::default()
        };
        let commands = self.0.iter().filter(|doc| is_match(&doc.name.as_str()));
        let own = OWN.into_iter().filter(is_match).filter(|_| start == 0);
        let mut suggestions: Vec<_> = commands.map(|doc| described(&doc.name, &doc.summary)).collect();
        suggestions.extend(own.map(|name| described(name, "")));
        suggestions.dedup_by(|a, b| a.value == b.value);
        suggestions
    }
}

/// Who types in small letters goes on in small letters.
fn cased_like(prefix: &str, name: &str) -> String {
    let small = prefix.chars().any(char::is_lowercase);
    if small { name.to_lowercase() } else { name.to_uppercase() }
}

/// Shows the rest of a command's syntax, dimmed, behind the cursor.
pub struct Syntax(pub Arc<[CommandDoc]>);

impl Hinter for Syntax {
    fn handle(
        &mut self,
        line: &str,
        pos: usize,
        _: &dyn History,
        use_ansi_coloring: bool,
        _: &str,
    ) -> String {
        let hint = if pos == line.len() { hint(&self.0, line) } else { String::new() };
        match use_ansi_coloring && !hint.is_empty() {
            true => format!("\x1b[90m{hint}\x1b[0m"),
            false => hint,
        }
    }

    // The hint describes, it is not what one would type: there is nothing to accept.
    fn complete_hint(&self) -> String {
        String::new()
    }

    fn next_hint_token(&self) -> String {
        String::new()
    }
}

fn hint(docs: &[CommandDoc], line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(doc) = docs::find(docs, &words) else { return String::new() };
    let given = words.len() - doc.words();
    match (line.ends_with(char::is_whitespace), given) {
        (true, given) => doc.remaining(given),
        (false, 0) => format!(" {}", doc.remaining(0)).trim_end().to_owned(),
        // In the midst of an argument there is no telling whether it is complete.
        (false, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::docs::Argument;

    fn doc(name: &str, arguments: &[&str]) -> CommandDoc {
        let argument = |text: &&str| Argument { text: (*text).into(), optional: false, multiple: false };
        CommandDoc {
            name: name.into(),
            arguments: arguments.iter().map(argument).collect(),
            summary: String::new(),
            since: String::new(),
            group: String::new(),
        }
    }

    fn docs() -> Arc<[CommandDoc]> {
        [
            doc("CONFIG GET", &["pattern"]),
            doc("GET", &["key"]),
            doc("GETEX", &["key"]),
            doc("SET", &["key", "value"]),
        ]
        .into()
    }

    fn completed(typed: &str) -> Vec<String> {
        Names(docs()).suggestions(typed).into_iter().map(|suggestion| suggestion.value).collect()
    }

    #[test]
    fn completes_in_the_case_that_is_typed() {
        assert_eq!(completed("ge"), ["get", "getex"]);
        assert_eq!(completed("GE"), ["GET", "GETEX"]);
        assert_eq!(completed("config g"), ["config get"]);
        assert_eq!(completed("help se"), ["set"]);
        assert_eq!(completed("ex"), ["exit"]);
    }

    #[test]
    fn completes_nothing_out_of_nothing() {
        assert!(completed("").is_empty());
        assert!(completed("get k").is_empty());
        assert!(completed("é").is_empty());
    }

    #[test]
    fn hints_at_what_may_follow() {
        let docs = docs();
        assert_eq!(hint(&docs, "set"), " key value");
        assert_eq!(hint(&docs, "set "), "key value");
        assert_eq!(hint(&docs, "set k "), "value");
        assert_eq!(hint(&docs, "set k v "), "");
        assert_eq!(hint(&docs, "set k"), "");
        assert_eq!(hint(&docs, "config get "), "pattern");
        assert_eq!(hint(&docs, "frob "), "");
        assert_eq!(hint(&docs, ""), "");
    }
}
