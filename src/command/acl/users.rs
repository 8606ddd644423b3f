//! Where users come from at the start, and where they go to.

use std::path::Path;
use std::sync::LazyLock;

use crate::acl::{Acl, Catalogue, Categories, DEFAULT_USER, Line, Listed, LoadError, Off};
use crate::command::table;
use crate::config::{Config, nearest};

/// The commands of the table, by their numbers there.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        let parent = |name| table::find(name).map(|found| found.index);
        let listed = table::all().map(|found| Listed {
            name: found.full_name(),
            parent: found.parent.and_then(|command| parent(command.name.as_bytes())),
            categories: found.command.categories(),
        });
        Catalogue::new(listed.collect())
    });
    &CATALOGUE
}

/// The users of the ACL file, or of the configuration file. The error names the file and the line.
pub fn configured(
    config: &Config,
    read: impl FnOnce(&Path) -> Result<Vec<u8>, String>,
) -> Result<Acl, String> {
    let mut acl = Acl::new(catalogue(), config.acllog_max_len);
    acl.set_all_channels(config.acl_all_channels);
    for off in &config.switched_off {
        acl.switch_off(&off.command, Off::Unknown).map_err(|why| {
            let names: Vec<String> = table::all().map(|found| found.full_name()).collect();
            let near = nearest::of(&off.command, names.iter().map(String::as_str));
            format!("{}: rename-command: {why}{}", off.at, nearest::hint(near))
        })?;
    }
    if !config.enable_debug {
        acl.switch_off("debug", Off::Debug)?;
    }
    if !config.requirepass.is_empty() {
        acl.set_default_password(&config.requirepass);
    }
    let words = config.users.iter().map(|line| line.words.iter().map(Vec::as_slice).collect());
    let lines: Vec<Line> = words.enumerate().collect();
    acl.configure(&lines).map_err(|wrong| format!("{}: {}", config.users[wrong.line].at, wrong.why))?;
    if config.aclfile.as_os_str().is_empty() {
        return Ok(acl);
    }
    let path = config.aclfile.display();
    if let Some(line) = config.users.first() {
        return Err(format!("{}: users are kept in the ACL file {path}, or here, but not in both", line.at));
    }
    let text = read(&config.aclfile).map_err(|why| format!("cannot read the ACL file {path}: {why}"))?;
    // Whether users and addresses go together is looked at next.
    match acl.load(&text, Ok(())) {
        Ok(_) => Ok(acl),
        Err(LoadError::Wrong(lines)) => Err(format!("{path}:{}", lines[0])),
        Err(LoadError::Open(why)) => Err(why),
    }
}

/// The `user` lines of a configuration file, in words. The default user has one only if `requirepass` does not say it
/// all.
pub fn lines(acl: &Acl, config: &Config) -> Vec<Vec<Vec<u8>>> {
    if !config.aclfile.as_os_str().is_empty() {
        return Vec::new();
    }
    let users = acl.users().into_iter();
    let users = users.filter(|user| *user.name != *DEFAULT_USER || !user.is_as_new(&config.requirepass));
    let words = |line: Vec<u8>| line.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    users.map(|user| words(user.line())).collect()
}

/// The names of the commands in a category.
pub fn in_category(category: Categories) -> Vec<&'static str> {
    catalogue().in_category(category).map(|(_, listed)| &*listed.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::is_word;
    use proptest::prelude::*;

    fn no_file(_: &Path) -> Result<Vec<u8>, String> {
        Err("there is none".into())
    }

    fn read(text: &[u8]) -> Config {
        let mut config = Config::default();
        config.read(text, "x.conf", Path::new(".")).expect("a good file");
        config
    }

    #[test]
    fn a_wrong_line_is_named() {
        let why = |text: &str| configured(&read(text.as_bytes()), no_file).err();
        assert_eq!(
            why("\nrename-command FLUSHAL \"\"\n").as_deref(),
            Some("x.conf:2: rename-command: there is no command 'FLUSHAL', did you mean 'flushall'?")
        );
        assert_eq!(why("user a on\n\nuser \"a\" off").as_deref(), Some("x.conf:3: Duplicate user 'a' found"));
        assert_eq!(
            why("user").as_deref(),
            Some("x.conf:1: should start with user keyword followed by the username")
        );
        assert_eq!(
            why("user a on \">a password\" '~key \"' +get"),
            Some("x.conf:1: user 'a': Syntax error".into())
        );
    }

    /// Rules that may be right, with any bytes in them.
    fn rule() -> impl Strategy<Value = Vec<u8>> {
        let bytes = prop::collection::vec(any::<u8>(), 0..6);
        let sign = prop::sample::select(&["~", "%R~", "&", ">", "+get|", "+", "-", ""][..]);
        let word =
            prop::sample::select(&["on", "nopass", "allkeys", "+@read", "-@write", "-get", "(~a +get)"][..]);
        prop_oneof![
            (sign, bytes).prop_map(|(sign, bytes)| [sign.as_bytes(), &bytes].concat()),
            word.prop_map(|word| word.as_bytes().to_vec()),
        ]
    }

    proptest! {
        /// CONFIG REWRITE writes users that a start reads as the same.
        #[test]
        fn users_are_read_as_they_are_written(
            // ACL SETUSER takes no other name.
            name in prop::collection::vec(any::<u8>().prop_filter("no word", |byte| is_word(&[*byte])), 1..6),
            rules in prop::collection::vec(rule(), 0..12),
            password in "[a-z]{0,2}",
        ) {
            let config = Config { requirepass: password, ..Config::default() };
            let acl = configured(&config, no_file).expect("nobody but the default user");
            for name in [&name[..], b"alice", DEFAULT_USER] {
                for rule in &rules {
                    // Not every rule is one, nor every name.
                    let _ = acl.set_user(name, &[rule], Ok(()));
                }
            }
            let users = lines(&acl, &config);
            let written = config.rewritten(b"", Path::new("."), &users).expect("nothing is in its way");
            let again = configured(&read(&written.text), no_file);
            prop_assert_eq!(again.map(|acl| lines(&acl, &config)), Ok(users));
        }
    }
}
