//! The configuration file: redis.conf-style lines, read at the start and rewritten by CONFIG REWRITE.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::{Config, UserLine, options};

/// What stands above the lines that a rewrite has added.
const ADDED: &str = "# Added by CONFIG REWRITE";

impl Config {
    /// Reads redis.conf-style lines: a directive, blank, its value. `origin` names the file in errors.
    pub fn read(&mut self, text: &str, origin: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            if let Some((name, value)) = directive(line) {
                let at = format!("{origin}:{}", number + 1);
                self.direct(name, value, &at).map_err(|why| format!("{at}: {why}"))?;
            }
        }
        Ok(())
    }

    /// One directive: an option, or one of those that may stand there more than once.
    fn direct(&mut self, name: &str, value: &str, at: &str) -> Result<(), String> {
        if name.eq_ignore_ascii_case("user") {
            self.users.push(UserLine { at: at.into(), text: format!("user {value}") });
            return Ok(());
        }
        if name.eq_ignore_ascii_case("rename-command") {
            let (command, new_name) = value.split_once(char::is_whitespace).unwrap_or((value, "missing"));
            if !["\"\"", "''"].contains(&new_name.trim()) {
                return Err(format!(
                    "rename-command '{command}': a command can only be switched off, by \"\"; who may run it is for \
                     ACL rules to say, see `user`"
                ));
            }
            self.switched_off.push(command.into());
            return Ok(());
        }
        self.set(name, value)
    }

    /// The file's text with today's values: lines keep their order, comments stay, and what differs from the default
    /// and has no line yet gets one at the end. `users` are today's; they stand at the end.
    pub fn rewritten(&self, text: &str, users: &[String]) -> String {
        let mut out = String::new();
        let mut written: Vec<&str> = Vec::new();
        for line in text.lines() {
            if directive(line).is_some_and(|(name, _)| name.eq_ignore_ascii_case("user")) {
                continue;
            }
            let option = directive(line).and_then(|(name, _)| options::find(name));
            match option {
                Some(opt) if written.contains(&opt.name) => continue,
                Some(opt) => {
                    written.push(opt.name);
                    push_directive(&mut out, opt.name, &(opt.get)(self));
                }
                None => {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
        let defaults = Config::default();
        let changed = options::all()
            .filter(|opt| !written.contains(&opt.name) && (opt.get)(self) != (opt.get)(&defaults));
        let mut added = String::new();
        changed.for_each(|opt| push_directive(&mut added, opt.name, &(opt.get)(self)));
        users.iter().for_each(|line| added.extend([line.as_str(), "\n"]));
        if !added.is_empty() && !text.lines().any(|line| line == ADDED) {
            out.extend([ADDED, "\n"]);
        }
        out + &added
    }
}

fn push_directive(out: &mut String, name: &str, value: &str) {
    let value = if value.is_empty() { Cow::Borrowed("\"\"") } else { Cow::Borrowed(value) };
    out.push_str(&format!("{name} {value}\n"));
}

/// The name and the value of a line; `None` for comments and blank lines.
fn directive(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some((name, unquoted.unwrap_or(value)))
}

/// Puts a new text in a file's place: there is never a moment with half of it.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!("{name}.new"));
    let mut file = std::fs::File::create(&temporary)?;
    // A file that few may read stays so.
    if let Ok(known) = path.metadata() {
        file.set_permissions(known.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::super::Fsync;
    use super::*;

    #[test]
    fn a_wrong_line_names_file_line_and_the_nearest_name() {
        let mut config = Config::default();
        config.read("# comment\nport 7000\n\nappendfsync everysec\n", "x.conf").expect("all right");
        assert_eq!((config.port, config.appendfsync), (7000, Fsync::Everysec));
        let why = config.read("port 1\nappendfsynk always\n", "x.conf").expect_err("a typing error");
        assert_eq!(why, "x.conf:2: unknown option 'appendfsynk', did you mean 'appendfsync'?");
        let why = config.read("port 70000\n", "x.conf").expect_err("no port");
        assert_eq!(why, "x.conf:1: port '70000': argument must be between 0 and 65535 inclusive");
    }

    #[test]
    fn a_rewrite_keeps_the_file_and_changes_what_has_changed() {
        let text = "# mine\nport 7000\n\nsave \"\"\nmaxclients 5\nPORT 7000\n";
        let mut config = Config::default();
        config.read(text, "x.conf").expect("all right");
        assert_eq!(config.rewritten(text, &[]), "# mine\nport 7000\n\nsave \"\"\nmaxclients 5\n");
        config.set("maxclients", "6").expect("a number");
        config.set("requirepass", "p").expect("a word");
        let rewritten = config.rewritten(text, &[]);
        assert_eq!(
            rewritten,
            format!("# mine\nport 7000\n\nsave \"\"\nmaxclients 6\n{ADDED}\nrequirepass p\n")
        );
        let mut again = Config::default();
        again.read(&rewritten, "x.conf").expect("all right");
        assert_eq!((again.port, again.maxclients, &*again.requirepass), (7000, 6, "p"));
        assert_eq!(again.rewritten(&rewritten, &[]), rewritten);
    }
}
