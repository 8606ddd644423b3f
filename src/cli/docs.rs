//! What the server says about its commands, for completion, hints and `help`.

use super::session::Session;
use crate::protocol::Value;

/// One command, or one subcommand under its full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandDoc {
    /// In capitals, such as `CONFIG GET`.
    pub name: String,
    pub arguments: Vec<Argument>,
    pub summary: String,
    pub since: String,
    pub group: String,
}

/// One argument of a command, as it is shown: without the brackets of what is optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    pub text: String,
    pub optional: bool,
    pub multiple: bool,
}

/// Every command by name; or the names alone from a server that has no more; or what is always there.
pub fn fetch(session: &mut Session) -> Vec<CommandDoc> {
    let mut docs = session.ask(&["COMMAND", "DOCS"]).map(|reply| documented(&reply)).unwrap_or_default();
    if docs.is_empty() {
        docs = session.ask(&["COMMAND", "LIST"]).map(|reply| listed(&reply)).unwrap_or_default();
    }
    if docs.is_empty() {
        docs = ALWAYS.iter().map(|name| CommandDoc::bare(name)).collect();
    }
    docs.sort_by(|a, b| a.name.cmp(&b.name));
    docs
}

const ALWAYS: [&str; 11] =
    ["DEL", "EXISTS", "EXPIRE", "GET", "INFO", "KEYS", "PERSIST", "PING", "QUIT", "SET", "TTL"];

/// The doc whose name the words begin with; of several the longest, so that subcommands have their own.
pub fn find<'a>(docs: &'a [CommandDoc], words: &[&str]) -> Option<&'a CommandDoc> {
    let said = |name: &str| {
        let mut words = words.iter();
        name.split(' ').all(|part| words.next().is_some_and(|word| word.eq_ignore_ascii_case(part)))
    };
    docs.iter().filter(|doc| said(&doc.name)).max_by_key(|doc| doc.words())
}

impl CommandDoc {
    fn bare(name: &str) -> Self {
        let (summary, since, group) = Default::default();
        Self { name: name.to_ascii_uppercase(), arguments: Vec::new(), summary, since, group }
    }

    /// Words in the name.
    pub fn words(&self) -> usize {
        self.name.split(' ').count()
    }

    /// What may follow when `given` arguments are there, such as `value [NX|XX]`.
    pub fn remaining(&self, mut given: usize) -> String {
        let mut shown = Vec::new();
        for argument in &self.arguments {
            // Which of the optional ones were meant is not to be known, so they all stay.
            let used = given > 0 && !argument.optional;
            match (used, argument.multiple) {
                (true, true) => {
                    shown.push(format!("[{} ...]", argument.text));
                    given = 0;
                }
                (true, false) => given -= 1,
                (false, _) => shown.push(argument.to_string()),
            }
        }
        shown.join(" ")
    }
}

impl std::fmt::Display for Argument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = &self.text;
        match (self.optional, self.multiple) {
            (true, true) => write!(f, "[{text} [{text} ...]]"),
            (true, false) => write!(f, "[{text}]"),
            (false, true) => write!(f, "{text} [{text} ...]"),
            (false, false) => f.write_str(text),
        }
    }
}

/// The reply to COMMAND LIST.
fn listed(reply: &Value) -> Vec<CommandDoc> {
    elements(reply).iter().filter_map(|name| Some(CommandDoc::bare(&text(name)?.replace('|', " ")))).collect()
}

/// The reply to COMMAND DOCS: names, each with a map of what there is to say.
fn documented(reply: &Value) -> Vec<CommandDoc> {
    let mut docs = Vec::new();
    for (name, about) in entries(reply) {
        let subcommands = lookup(about, "subcommands").map(entries).unwrap_or_default();
        let has_own_syntax = subcommands.is_empty();
        for (name, about) in subcommands {
            docs.extend(text(name).map(|name| document(&name, about)));
        }
        if has_own_syntax {
            docs.extend(text(name).map(|name| document(&name, about)));
        }
    }
    docs
}

fn document(name: &str, about: &Value) -> CommandDoc {
    let field = |field| lookup(about, field).and_then(text).unwrap_or_default();
    CommandDoc {
        name: name.replace('|', " ").to_ascii_uppercase(),
        arguments: lookup(about, "arguments").map(arguments).unwrap_or_default(),
        summary: field("summary"),
        since: field("since"),
        group: field("group"),
    }
}

fn arguments(value: &Value) -> Vec<Argument> {
    elements(value).iter().map(argument).collect()
}

fn argument(about: &Value) -> Argument {
    let field = |field| lookup(about, field).and_then(text);
    let flags: Vec<String> =
        lookup(about, "flags").map(elements).unwrap_or_default().iter().filter_map(text).collect();
    let flag = |name: &str| flags.iter().any(|flag| flag == name);
    let parts = || lookup(about, "arguments").map(arguments).unwrap_or_default();
    let name = field("display_text").or_else(|| field("name")).unwrap_or_default();
    let token = field("token").map(|token| if token.is_empty() { "\"\"".into() } else { token });
    let optional = flag("optional");
    let text = match field("type").as_deref() {
        Some("pure-token") => token.clone().unwrap_or(name),
        Some("oneof") if optional && token.is_none() => joined(&parts(), "|"),
        Some("oneof") => with_token(&token, &format!("<{}>", joined(&parts(), "|"))),
        Some("block") => with_token(&token, &joined(&parts(), " ")),
        _ if flag("multiple") && !flag("multiple_token") && token.is_some() => {
            with_token(&token, &format!("{name} [{name} ...]"))
        }
        _ => with_token(&token, &name),
    };
    // A token that is said once stands before all its values; they were repeated above.
    let multiple = flag("multiple") && (token.is_none() || flag("multiple_token"));
    Argument { text, optional, multiple }
}

fn with_token(token: &Option<String>, text: &str) -> String {
    token.as_ref().map_or(text.into(), |token| format!("{token} {text}"))
}

fn joined(arguments: &[Argument], separator: &str) -> String {
    arguments.iter().map(Argument::to_string).collect::<Vec<_>>().join(separator)
}

/// A map, as RESP3 writes it or as RESP2 has to: names and values in turn.
fn entries(value: &Value) -> Vec<(&Value, &Value)> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        Value::Array(values) => values.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect(),
        _ => Vec::new(),
    }
}

fn lookup<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    entries(map).into_iter().find(|(key, _)| text(key).as_deref() == Some(name)).map(|(_, value)| value)
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) | Value::Set(values) => values,
        _ => &[],
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bulk(bytes) | Value::Status(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.into())
    }

    /// `name=key type=key` as RESP2 has it; words in brackets become a list of flags.
    fn about(fields: &[(&str, Value)]) -> Value {
        Value::Array(fields.iter().flat_map(|(name, value)| [bulk(name), value.clone()]).collect())
    }

    fn simple(name: &str, kind: &str, flags: &[&str], token: Option<&str>) -> Value {
        let flags = Value::Array(flags.iter().map(|flag| Value::Status((*flag).into())).collect());
        let mut fields = vec![("name", bulk(name)), ("type", bulk(kind)), ("flags", flags)];
        fields.extend(token.map(|token| ("token", bulk(token))));
        about(&fields)
    }

    fn nested(kind: &str, flags: &[&str], parts: Vec<Value>) -> Value {
        let Value::Array(mut fields) = simple("nested", kind, flags, None) else {
            unreachable!("built as an array")
        };
        fields.extend([bulk("arguments"), Value::Array(parts)]);
        Value::Array(fields)
    }

    fn set() -> CommandDoc {
        let condition =
            vec![simple("nx", "pure-token", &[], Some("NX")), simple("xx", "pure-token", &[], Some("XX"))];
        let expiration = vec![
            simple("seconds", "integer", &[], Some("EX")),
            simple("keepttl", "pure-token", &[], Some("KEEPTTL")),
        ];
        let arguments = Value::Array(vec![
            simple("key", "key", &[], None),
            simple("value", "string", &[], None),
            nested("oneof", &["optional"], condition),
            nested("oneof", &["optional"], expiration),
        ]);
        let reply = Value::Array(vec![
            bulk("set"),
            about(&[("summary", bulk("Sets.")), ("since", bulk("1.0.0")), ("arguments", arguments)]),
        ]);
        documented(&reply).remove(0)
    }

    #[test]
    fn syntax_is_read_from_the_arguments() {
        let set = set();
        assert_eq!((set.name.as_str(), set.summary.as_str(), set.since.as_str()), ("SET", "Sets.", "1.0.0"));
        assert_eq!(set.remaining(0), "key value [NX|XX] [EX seconds|KEEPTTL]");
    }

    #[test]
    fn what_is_typed_needs_no_hint() {
        let set = set();
        assert_eq!(set.remaining(1), "value [NX|XX] [EX seconds|KEEPTTL]");
        assert_eq!(set.remaining(2), "[NX|XX] [EX seconds|KEEPTTL]");
        assert_eq!(set.remaining(9), "[NX|XX] [EX seconds|KEEPTTL]");
    }

    #[test]
    fn what_may_repeat_stays() {
        let arguments = Value::Array(vec![simple("key", "key", &["multiple"], None)]);
        let reply = Value::Map(vec![(bulk("del"), Value::Map(vec![(bulk("arguments"), arguments)]))]);
        let del = documented(&reply).remove(0);
        assert_eq!(del.remaining(0), "key [key ...]");
        assert_eq!(del.remaining(3), "[key ...]");
    }

    #[test]
    fn tokens_stand_before_their_values() {
        let shown = |flags: &[&str]| argument(&simple("pattern", "string", flags, Some("GET"))).to_string();
        assert_eq!(shown(&[]), "GET pattern");
        assert_eq!(shown(&["multiple"]), "GET pattern [pattern ...]");
        assert_eq!(shown(&["multiple", "multiple_token"]), "GET pattern [GET pattern ...]");
        assert_eq!(shown(&["optional", "multiple", "multiple_token"]), "[GET pattern [GET pattern ...]]");
    }

    #[test]
    fn subcommands_go_by_their_full_name() {
        let subcommands = Value::Array(vec![bulk("config|get"), about(&[]), bulk("config|set"), about(&[])]);
        let docs = documented(&Value::Array(vec![bulk("config"), about(&[("subcommands", subcommands)])]));
        assert_eq!(
            docs.iter().map(|doc| doc.name.as_str()).collect::<Vec<_>>(),
            ["CONFIG GET", "CONFIG SET"]
        );
        assert_eq!(find(&docs, &["config", "Set", "a"]).map(|doc| doc.name.as_str()), Some("CONFIG SET"));
        assert_eq!(find(&docs, &["config"]), None);
    }

    #[test]
    fn names_alone_will_do() {
        let docs = listed(&Value::Array(vec![bulk("get"), bulk("config|get"), Value::Null]));
        assert_eq!(docs.iter().map(|doc| doc.name.as_str()).collect::<Vec<_>>(), ["GET", "CONFIG GET"]);
    }
}
