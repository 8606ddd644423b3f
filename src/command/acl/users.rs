//! Where users come from at the start, and where they go to.

use std::path::Path;
use std::sync::LazyLock;

use crate::acl::{Acl, Catalogue, Categories, DEFAULT_USER, Listed, Off};
use crate::command::context::Server;
use crate::command::table;
use crate::config::Config;

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
    for name in &config.switched_off {
        acl.switch_off(name, Off::Unknown).map_err(|why| format!("rename-command: {why}"))?;
    }
    if !config.enable_debug {
        acl.switch_off("debug", Off::Debug)?;
    }
    if !config.requirepass.is_empty() {
        acl.set_default_password(&config.requirepass);
    }
    let lines: Vec<_> = config.users.iter().map(|line| line.text.clone().into_bytes()).enumerate().collect();
    acl.configure(&lines).map_err(|wrong| format!("{}: {}", config.users[wrong.line].at, wrong.why))?;
    if config.aclfile.as_os_str().is_empty() {
        return Ok(acl);
    }
    let path = config.aclfile.display();
    if let Some(line) = config.users.first() {
        return Err(format!("{}: users are kept in the ACL file {path}, or here, but not in both", line.at));
    }
    let text = read(&config.aclfile).map_err(|why| format!("cannot read the ACL file {path}: {why}"))?;
    match acl.load(&text) {
        Ok(_) => Ok(acl),
        Err(wrong) => Err(format!("{path}:{}", wrong[0])),
    }
}

/// The `user` lines of a configuration file. The default user has one only if `requirepass` does not say it all.
pub fn lines(server: &Server, config: &Config) -> Result<Vec<String>, String> {
    if !config.aclfile.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let users = server.acl.users().into_iter();
    let users = users.filter(|user| *user.name != *DEFAULT_USER || !user.is_as_new(&config.requirepass));
    let text = |line: Vec<u8>| {
        String::from_utf8(line).map_err(|_| "Rewriting config file: a user's rules are no text".to_string())
    };
    users.map(|user| text(user.line())).collect()
}

/// The names of the commands in a category.
pub fn in_category(category: Categories) -> Vec<&'static str> {
    catalogue().in_category(category).map(|(_, listed)| &*listed.name).collect()
}
