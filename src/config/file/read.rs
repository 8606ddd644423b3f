//! Reads directives, and the files that they include.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{INCLUDE, RENAME_COMMAND, USER, is, lines, text, words_of};
use crate::config::{Config, SwitchedOff, UserLine};
use crate::limits::{INCLUDE_DEPTH_MAX, INCLUDED_FILES_MAX, WRONG_LINES_MAX};

impl Config {
    /// Reads a file; `-` is standard input. CONFIG REWRITE will write to the file. The error has a line for each wrong one.
    pub fn read_file(&mut self, name: &str) -> Result<(), String> {
        if name == "-" {
            let mut text = Vec::new();
            std::io::stdin()
                .read_to_end(&mut text)
                .map_err(|e| format!("cannot read standard input: {e}"))?;
            return self.read(&text, "standard input", Path::new("."));
        }
        let path = std::fs::canonicalize(name).map_err(|e| format!("cannot read {name}: {e}"))?;
        let text = std::fs::read(&path).map_err(|e| format!("cannot read {name}: {e}"))?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        Reader::new(self, vec![path.clone()]).read_all(&text, name, &folder)?;
        self.file = Some(path);
        Ok(())
    }

    /// Reads a text of directives. Errors name `origin`; what it includes is looked for from `folder`.
    pub fn read(&mut self, text: &[u8], origin: &str, folder: &Path) -> Result<(), String> {
        Reader::new(self, Vec::new()).read_all(text, origin, folder)
    }
}

struct Reader<'a> {
    config: &'a mut Config,
    /// The files that are being read, each included by the one before.
    open: Vec<PathBuf>,
    /// How many have been read, or begun.
    files: usize,
    /// What is said of the first wrong lines, and how many there are in all.
    wrong: Vec<String>,
    wrong_count: usize,
}

impl<'a> Reader<'a> {
    fn new(config: &'a mut Config, open: Vec<PathBuf>) -> Reader<'a> {
        Reader { config, open, files: 1, wrong: Vec::new(), wrong_count: 0 }
    }

    fn read_all(mut self, text: &[u8], origin: &str, folder: &Path) -> Result<(), String> {
        self.read(text, origin, folder);
        match self.wrong_count - self.wrong.len() {
            0 if self.wrong.is_empty() => Ok(()),
            0 => Err(self.wrong.join("\n")),
            more => Err(format!("{}\nand {more} more wrong lines", self.wrong.join("\n"))),
        }
    }

    /// Goes on behind a wrong line: whoever mends a file wants to know of all of them.
    fn read(&mut self, text: &[u8], origin: &str, folder: &Path) {
        for (number, line) in lines(text) {
            let at = format!("{origin}:{number}");
            let Err(why) = self.obey(line, &at, folder) else { continue };
            self.wrong_count += 1;
            if self.wrong.len() < WRONG_LINES_MAX {
                self.wrong.push(format!("{at}: {why}"));
            }
        }
    }

    fn obey(&mut self, line: &[u8], at: &str, folder: &Path) -> Result<(), String> {
        let words = words_of(line)?;
        match words.first() {
            None => Ok(()),
            Some(name) if is(name, USER) => {
                // Whether its rules are right is for whoever knows commands to say.
                self.config.users.push(UserLine { at: at.into(), words });
                Ok(())
            }
            Some(name) if is(name, INCLUDE) => self.include_all(&words[1..], folder),
            Some(name) if is(name, RENAME_COMMAND) => self.rename(&words[1..], at),
            Some(_) => self.set(&words),
        }
    }

    fn set(&mut self, words: &[Vec<u8>]) -> Result<(), String> {
        let words = text(words)?;
        self.config.set_words(&words[0], &words[1..])
    }

    fn rename(&mut self, values: &[Vec<u8>], at: &str) -> Result<(), String> {
        match &*text(values)? {
            [command, new_name] if new_name.is_empty() => {
                self.config.switched_off.push(SwitchedOff { at: at.into(), command: command.clone() });
                Ok(())
            }
            values => Err(format!(
                "{RENAME_COMMAND} '{}': a command can only be switched off, by \"\"; who may run it is for ACL rules to \
                 say, see `{USER}`",
                values.first().map_or("", String::as_str)
            )),
        }
    }

    fn include_all(&mut self, patterns: &[Vec<u8>], folder: &Path) -> Result<(), String> {
        let patterns = text(patterns)?;
        if patterns.is_empty() {
            return Err(format!("{INCLUDE}: a file is needed"));
        }
        patterns.iter().try_for_each(|pattern| self.include(pattern, folder))
    }

    /// Reads the files of a pattern, in order. A pattern may match nothing; a plain name must be there.
    fn include(&mut self, pattern: &str, folder: &Path) -> Result<(), String> {
        let pattern = folder.join(pattern);
        if !pattern.to_string_lossy().contains(['*', '?', '[']) {
            return self.include_file(&pattern);
        }
        let wrong = |why: String| format!("{INCLUDE} '{}': {why}", pattern.display());
        for path in glob::glob(&pattern.to_string_lossy()).map_err(|e| wrong(e.to_string()))? {
            self.include_file(&path.map_err(|e| wrong(e.to_string()))?)?;
        }
        Ok(())
    }

    fn include_file(&mut self, path: &Path) -> Result<(), String> {
        let wrong = |why: String| format!("{INCLUDE} '{}': {why}", path.display());
        let path_found = std::fs::canonicalize(path).map_err(|e| wrong(e.to_string()))?;
        if self.open.contains(&path_found) {
            return Err(wrong("it includes itself".into()));
        }
        if self.open.len() >= INCLUDE_DEPTH_MAX {
            return Err(wrong(format!("files include each other more than {INCLUDE_DEPTH_MAX} deep")));
        }
        if self.files >= INCLUDED_FILES_MAX {
            return Err(wrong(format!("more than {INCLUDED_FILES_MAX} files are read")));
        }
        let text = std::fs::read(&path_found).map_err(|e| wrong(e.to_string()))?;
        let folder = path_found.parent().unwrap_or(Path::new("/")).to_path_buf();
        self.files += 1;
        self.open.push(path_found);
        self.read(&text, &path.to_string_lossy(), &folder);
        self.open.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        config.read(text.as_bytes(), "x.conf", Path::new(".")).map(|()| config)
    }

    #[track_caller]
    fn wrong(text: &str, why: &str) {
        assert_eq!(read(text).err().as_deref(), Some(why), "{text:?}");
    }

    #[test]
    fn words_are_quoted_as_in_requests() {
        let config =
            read("# comment\r\nPort 7000\r\n\r\n  requirepass \"a \\\"b\\\" # \\x41\"\r\n").expect("right");
        assert_eq!((config.port, &*config.requirepass), (7000, "a \"b\" # A"));
        let config =
            read("requirepass 'it\\'s'\nbind 127.0.0.1   \"::1\"\nsave ''\nmaxclients 7").expect("right");
        assert_eq!((&*config.requirepass, config.maxclients), ("it's", 7));
        assert_eq!(config.bind, ["127.0.0.1", "::1"].map(|address| address.parse().expect("right")));
    }

    #[test]
    fn a_wrong_line_names_file_line_and_the_nearest_name() {
        wrong(
            "port 1\nappendfsynk always\n",
            "x.conf:2: unknown option 'appendfsynk', did you mean 'appendfsync'?",
        );
        wrong("port 70000\n", "x.conf:1: port '70000': argument must be between 0 and 65535 inclusive");
        wrong("\nport\n", "x.conf:2: port: a value is missing");
        wrong("port 1 2\n", "x.conf:1: port: it takes one value; one with blanks stands in quotes");
        wrong("port \"1\n", "x.conf:1: unbalanced quotes");
        wrong("include\n", "x.conf:1: include: a file is needed");
        wrong("frobnicate yes", "x.conf:1: unknown option 'frobnicate'");
        wrong(
            "repl-timeout 60",
            "x.conf:1: 'repl-timeout' is an option of Redis that limpid does not have; leave it out",
        );
        let bytes = Config::default().read(b"port 1\nrequirepass \xff", "x.conf", Path::new("."));
        assert_eq!(bytes, Err("x.conf:2: not UTF-8".into()));
        assert!(Config::default().read(b"# caf\xe9\nport 1", "x.conf", Path::new(".")).is_ok());
    }

    #[test]
    fn all_wrong_lines_are_named() {
        wrong(
            "porte 1\nport 2\nhz 10\n",
            "x.conf:1: unknown option 'porte', did you mean 'port'?\n\
             x.conf:3: 'hz' is an option of Redis that limpid does not have; leave it out",
        );
        let why = read(&"?\n".repeat(WRONG_LINES_MAX + 7)).expect_err("not a configuration");
        assert_eq!(why.lines().count(), WRONG_LINES_MAX + 1);
        assert!(why.ends_with("\nand 7 more wrong lines"), "{why}");
    }

    /// Files in a directory of their own.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("the temporary directory is writable");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("writable");
            std::fs::write(path, text).expect("writable");
        }
        folder
    }

    fn read_in(folder: &tempfile::TempDir, name: &str) -> Result<Config, String> {
        let mut config = Config::default();
        let path = folder.path().join(name);
        config.read_file(path.to_str().expect("plain")).map(|()| config)
    }

    #[test]
    fn included_files_are_read_in_their_place() {
        let folder = folder(&[
            ("main.conf", "port 1\ninclude sub/*.conf none*.conf\nmaxclients 9\n"),
            ("sub/a.conf", "port 2\nmaxclients 3\ninclude more"),
            ("sub/b.conf", "port 3\n"),
            ("sub/more", "tcp-backlog 5\n"),
        ]);
        let config = read_in(&folder, "main.conf").expect("all there");
        assert_eq!((config.port, config.maxclients, config.tcp_backlog), (3, 9, 5));
        assert!(config.file.expect("read from one").ends_with("main.conf"));
    }

    #[test]
    fn a_wrong_line_of_an_included_file_names_that_file() {
        let folder = folder(&[("main.conf", "\ninclude a.conf\n"), ("a.conf", "\n\nporte 1\n")]);
        let why = read_in(&folder, "main.conf").expect_err("a typing error");
        assert!(why.ends_with("/a.conf:3: unknown option 'porte', did you mean 'port'?"), "{why}");
        assert!(!why.contains("main.conf"), "{why}");
    }

    #[test]
    fn files_cannot_include_each_other_for_ever() {
        let folder = folder(&[
            ("a.conf", "include b.conf\n"),
            ("b.conf", "# back\ninclude a.conf\n"),
            ("missing.conf", "include nowhere.conf\n"),
            ("wide.conf", &"include empty.conf\n".repeat(INCLUDED_FILES_MAX)),
            ("empty.conf", ""),
        ]);
        let why = read_in(&folder, "a.conf").expect_err("a circle");
        assert!(
            why.contains("/b.conf:2: include '") && why.ends_with("a.conf': it includes itself"),
            "{why}"
        );
        let why = read_in(&folder, "missing.conf").expect_err("nothing there");
        assert!(why.contains("missing.conf:1: include '") && why.contains("No such file"), "{why}");
        let why = read_in(&folder, "wide.conf").expect_err("too many");
        assert!(why.contains("files are read"), "{why}");
        for depth in 0..=INCLUDE_DEPTH_MAX {
            let text = format!("include {}.deep\n", depth + 1);
            std::fs::write(folder.path().join(format!("{depth}.deep")), text).expect("writable");
        }
        let why = read_in(&folder, "0.deep").expect_err("too deep");
        assert!(why.contains("deep"), "{why}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Config::default().read(&text, "x.conf", Path::new("/nonexistent"));
        }

        #[test]
        fn nothing_like_a_file_panics(text in r#"((port|bind|requirepass|save|dir|maxclients|include)?[ \t]*[a-z0-9"'\\#*\n\r. -]{0,8}){0,8}"#) {
            let _ = Config::default().read(text.as_bytes(), "x.conf", Path::new("/nonexistent"));
        }
    }
}
