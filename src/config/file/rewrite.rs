//! CONFIG REWRITE: today's values and users into the file that was read.

use std::path::Path;

use super::{INCLUDE, USER, is, lines, text, words_of};
use crate::config::{Config, Opt, Shape, options};
use crate::protocol::quote::push_word;

/// What stands above the lines that a rewrite has added.
const ADDED: &str = "# Added by CONFIG REWRITE";

/// A `user` line in words.
type User = Vec<Vec<u8>>;

/// A file's new text, and what it says when it is read.
#[derive(Debug)]
pub struct Rewritten {
    pub text: Vec<u8>,
    pub says: Config,
}

impl Config {
    /// The file's text with today's values, and today's `users` in words. Comments and order stay, and so does each line
    /// that says what is true; of several lines for one option the last one counts and stays. What no line says yet comes
    /// at the end.
    pub fn rewritten(&self, text: &[u8], folder: &Path, users: &[User]) -> Result<Rewritten, String> {
        let line_end = if text.windows(2).any(|pair| pair == b"\r\n") { "\r\n" } else { "\n" };
        let origin = self.file.as_ref().map_or("the file".into(), |file| file.display().to_string());
        let mut out = self.edited(text, line_end, users);
        let mut says = self.baseline();
        says.read(&out, &origin, folder).map_err(first_line)?;
        let missing = self.missing(&says, line_end, users);
        if !missing.is_empty() && !lines(&out).any(|(_, line)| line.trim_ascii_end() == ADDED.as_bytes()) {
            out.extend_from_slice(ADDED.as_bytes());
            out.extend_from_slice(line_end.as_bytes());
        }
        out.extend(missing);
        let mut says = self.baseline();
        says.read(&out, &origin, folder).map_err(first_line)?;
        match options::all().find(|opt| (opt.get)(&says) != (opt.get)(self)) {
            Some(opt) => Err(format!("the file would not say what {} is", opt.name)),
            None => Ok(Rewritten { text: out, says }),
        }
    }

    /// The lines that are there, each true; every line ends.
    fn edited(&self, text: &[u8], line_end: &str, users: &[User]) -> Vec<u8> {
        let subjects: Vec<Subject> = lines(text).map(|(_, line)| Subject::of(line)).collect();
        let mut out = Vec::new();
        for ((number, line), subject) in lines(text).zip(&subjects) {
            let is_said_later = || subjects[number..].iter().any(|later| later.is_same(subject));
            match subject {
                Subject::Option(opt) if opt.adds_up && self.agrees(line, opt) => {
                    push_line(&mut out, line, "\n")
                }
                Subject::Option(_) | Subject::User(_) if is_said_later() => {}
                Subject::Option(opt) if !self.agrees(line, opt) => self.push_option(&mut out, opt, line_end),
                Subject::User(said) => match users.iter().find(|user| user.get(1) == said.get(1)) {
                    None => {}
                    Some(user) if user == said => push_line(&mut out, line, "\n"),
                    Some(user) => push_user(&mut out, user, line_end),
                },
                Subject::None if text.is_empty() => {}
                _ => push_line(&mut out, line, "\n"),
            }
        }
        out
    }

    /// Lines for what these do not say yet.
    fn missing(&self, says: &Config, line_end: &str, users: &[User]) -> Vec<u8> {
        let mut out = Vec::new();
        for opt in options::all().filter(|opt| (opt.get)(self) != (opt.get)(says)) {
            self.push_option(&mut out, opt, line_end);
        }
        let is_said = |user: &User| says.users.iter().any(|said| said.words.get(1) == user.get(1));
        users.iter().filter(|user| !is_said(user)).for_each(|user| push_user(&mut out, user, line_end));
        out
    }

    /// Whether a line sets the option to the value that it has.
    fn agrees(&self, line: &[u8], opt: &Opt) -> bool {
        let mut said = self.clone();
        let words = words_of(line).and_then(|words| text(&words)).unwrap_or_default();
        let set = words.split_first().is_some_and(|(name, values)| said.set_words(name, values).is_ok());
        set && (opt.get)(&said) == (opt.get)(self)
    }

    fn push_option(&self, out: &mut Vec<u8>, opt: &Opt, line_end: &str) {
        let value = (opt.get)(self);
        let values = match opt.shape {
            Shape::Words if !value.is_empty() => value.split(' ').collect(),
            _ => vec![&*value],
        };
        push_words(out, std::iter::once(opt.name).chain(values).map(str::as_bytes), line_end);
    }
}

fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().into()
}

fn push_user(out: &mut Vec<u8>, user: &User, line_end: &str) {
    push_words(out, user.iter().map(Vec::as_slice), line_end);
}

fn push_words<'w>(out: &mut Vec<u8>, words: impl Iterator<Item = &'w [u8]>, line_end: &str) {
    for (nth, word) in words.enumerate() {
        if nth > 0 {
            out.push(b' ');
        }
        push_word(out, word);
    }
    out.extend_from_slice(line_end.as_bytes());
}

fn push_line(out: &mut Vec<u8>, line: &[u8], line_end: &str) {
    out.extend_from_slice(line);
    out.extend_from_slice(line_end.as_bytes());
}

/// What a line is about. Comments, includes and what has one value only stay as they are.
enum Subject {
    Option(&'static Opt),
    User(User),
    None,
}

impl Subject {
    fn of(line: &[u8]) -> Subject {
        let words = words_of(line).unwrap_or_default();
        match words.first() {
            Some(name) if is(name, USER) => Subject::User(words),
            Some(name) if !is(name, INCLUDE) => {
                let option = str::from_utf8(name).ok().and_then(options::find);
                option.map_or(Subject::None, Subject::Option)
            }
            _ => Subject::None,
        }
    }

    fn is_same(&self, other: &Subject) -> bool {
        match (self, other) {
            (Subject::Option(a), Subject::Option(b)) => a.name == b.name,
            (Subject::User(a), Subject::User(b)) => a.get(1) == b.get(1),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: &str = ".";

    fn read(text: &str) -> Config {
        let mut config = Config::default();
        config.read(text.as_bytes(), "x.conf", Path::new(HERE)).expect("all right");
        config
    }

    fn rewritten(config: &Config, text: &str) -> String {
        with_users(config, text, &[])
    }

    fn with_users(config: &Config, text: &str, users: &[User]) -> String {
        let rewritten = config.rewritten(text.as_bytes(), Path::new(HERE), users).expect("a good file");
        String::from_utf8(rewritten.text).expect("UTF-8 in, UTF-8 out")
    }

    fn user(line: &str) -> User {
        words_of(line.as_bytes()).expect("balanced")
    }

    #[track_caller]
    fn check(before: &str, settings: &[(&str, &str)], after: &str) {
        let mut config = read(before);
        for (name, value) in settings {
            config.set(name, value).expect("a good value");
        }
        assert_eq!(rewritten(&config, before), after);
        let again = read(after);
        for opt in options::all() {
            assert_eq!((opt.get)(&again), (opt.get)(&config), "{}", opt.name);
        }
        assert_eq!(rewritten(&again, after), after);
    }

    #[test]
    fn a_file_that_says_it_all_stays_as_it_is() {
        let text = "# mine\n\nport  7000\nauto-aof-rewrite-min-size 100mb\nsave \"\"\nbind 127.0.0.1 '::1'\n";
        check(text, &[], text);
        check("", &[], "");
    }

    #[test]
    fn only_what_has_changed_is_written() {
        check(
            "# mine\nport 7000\n\n# clients\nmaxclients 5\n",
            &[("maxclients", "6")],
            "# mine\nport 7000\n\n# clients\nmaxclients 6\n",
        );
        check(
            "port 7000",
            &[("requirepass", "p \"q\"")],
            &format!("port 7000\n{ADDED}\nrequirepass \"p \\\"q\\\"\"\n"),
        );
        check("requirepass x\r\n", &[("requirepass", "")], "requirepass \"\"\r\n");
        check(
            &format!("{ADDED}\nmaxclients 5\n"),
            &[("bind", "127.0.0.1 ::1")],
            &format!("{ADDED}\nmaxclients 5\nbind 127.0.0.1 ::1\n"),
        );
    }

    #[test]
    fn of_several_lines_the_last_one_stays() {
        check("port 1\nPORT 2\n# end\n", &[], "PORT 2\n# end\n");
        check("port 1\n# middle\nport 2\n", &[("port", "3")], "# middle\nport 3\n");
    }

    #[test]
    fn what_an_included_file_says_is_not_repeated_and_can_be_overruled() {
        let folder = tempfile::tempdir().expect("the temporary directory is writable");
        std::fs::write(folder.path().join("a.conf"), "maxclients 5\nuser a >p\ntcp-backlog 9\n")
            .expect("writable");
        let text = b"include a.conf\n";
        let mut config = Config::default();
        config.read(text, "x.conf", folder.path()).expect("all right");
        let rewritten = |config: &Config, users: &[User]| {
            let rewritten = config.rewritten(text, folder.path(), users).expect("a good file");
            String::from_utf8(rewritten.text).expect("UTF-8")
        };
        assert_eq!(rewritten(&config, &[user("user a on")]), "include a.conf\n");
        config.set("maxclients", "6").expect("a number");
        let users = [user("user a on"), user("user b off")];
        assert_eq!(
            rewritten(&config, &users),
            format!("include a.conf\n{ADDED}\nmaxclients 6\nuser b off\n")
        );
    }

    #[test]
    fn lines_that_add_up_stay_side_by_side() {
        let limits = "client-output-buffer-limit normal 1mb 0 0\nclient-output-buffer-limit pubsub 2mb 0 0\n";
        check(limits, &[], limits);
        check(
            limits,
            &[("client-output-buffer-limit", "normal 5 0 0")],
            &format!(
                "client-output-buffer-limit pubsub 2mb 0 0\n{ADDED}\n\
                 client-output-buffer-limit normal 5 0 0 slave 268435456 67108864 60 pubsub 2097152 0 0\n"
            ),
        );
    }

    #[test]
    fn users_stand_where_they_stood() {
        let text =
            "# mine\nuser a on >p\n# yours\nuser b  off\nuser gone on\nrename-command KEYS \"\"\n# end\n";
        let users = [user("user a on #1"), user("user b off"), user("user c on")];
        let written = with_users(&read(text), text, &users);
        let after = "# mine\nuser a on #1\n# yours\nuser b  off\nrename-command KEYS \"\"\n# end\n";
        assert_eq!(written, format!("{after}{ADDED}\nuser c on\n"));
        assert_eq!(with_users(&read(&written), &written, &users), written);
        // Words that are no text, or look like something else, are read back as they were.
        let odd = vec![b"user".to_vec(), b"\xff\"".to_vec(), b"~#*".to_vec(), b"&'".to_vec()];
        let written = with_users(&read(""), "", std::slice::from_ref(&odd));
        assert_eq!(read(&written).users[0].words, odd);
    }

    /// A value that some option takes, or nearly does.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => (0..200u32, prop::sample::select(vec!["", "k", "MB", "gb", "ms", "s", "m", "%"]))
                .prop_map(|(number, unit)| format!("{number}{unit}")),
            1 => prop::sample::select(vec![
                "yes", "No", "always", "everysec", "\"\"", "''", "127.0.0.1 ::1", "-2", "TLSv1.3", "optional", "debug",
                "normal 1mb 0 0", "pubsub 0 64kb 9", "K$gx", "50 99.9", "640", "allchannels", "900 1",
            ]).prop_map(str::to_string),
            1 => r#""[a-z\\ #'*]{0,5}[a-zé]""#,
            1 => r#"[a-z0-9"'\\#*. /-]{0,9}"#,
        ]
    }

    /// A line as somebody may write it. Not every one is right.
    fn line() -> impl Strategy<Value = String> {
        let names = options::all().flat_map(|opt| [opt.name, opt.alias]).filter(|name| !name.is_empty());
        let names = names.chain(options::fixed::ROWS.iter().map(|fixed| fixed.name));
        let name = prop::sample::select(names.collect::<Vec<_>>());
        prop_oneof![
            6 => (name, value()).prop_map(|(name, value)| format!("{name}  {value}")),
            1 => value().prop_map(|password| format!("RequirePass {password}")),
            1 => r#"user [ab] (on|off|~[a-z"'*]{1,3}|">[a-z ]{2}") \+[a-z]{1,3}"#,
            1 => r#"rename-command [a-z]{1,4} (""|'')"#,
            1 => "# [a-zé]{0,9}",
            1 => Just(String::new()),
        ]
    }

    /// The lines that are right, and what they say together.
    fn right(lines: Vec<String>) -> (String, Config) {
        let (mut text, mut config) = (String::new(), Config::default());
        for line in lines {
            let mut said = config.clone();
            if said.read(line.as_bytes(), "x.conf", Path::new("/nonexistent")).is_ok() {
                (text, config) = (text + &line + "\n", said);
            }
        }
        (text, config)
    }

    /// The last line of each user.
    fn last(config: &Config) -> Vec<User> {
        let mut users: Vec<User> = Vec::new();
        for line in &config.users {
            users.retain(|user| user[1] != line.words[1]);
            users.push(line.words.clone());
        }
        users.sort();
        users
    }

    proptest! {
        #[test]
        fn a_rewritten_file_says_what_is_true(
            before in prop::collection::vec(line(), 0..12),
            now in prop::collection::vec(line(), 0..6),
            password in any::<String>(),
        ) {
            let (before, _) = right(before);
            let (_, mut config) = right(before.lines().map(String::from).chain(now).collect());
            config.requirepass = password;
            let users = last(&config);
            let rewritten = with_users(&config, &before, &users);
            let again = read(&rewritten);
            for opt in options::all() {
                prop_assert_eq!((opt.get)(&again), (opt.get)(&config), "{}", opt.name);
            }
            prop_assert_eq!(last(&again), users.clone());
            prop_assert_eq!(again.users.len(), users.len());
            for kept in before.lines().filter(|line| line.starts_with('#') || line.starts_with("rename")) {
                prop_assert!(rewritten.lines().any(|line| line == kept), "{kept}");
            }
            prop_assert_eq!(with_users(&again, &rewritten, &users), rewritten);
        }
    }
}
