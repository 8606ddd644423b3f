//! Who may do what.

use super::Opt;
use crate::config::value::{boolean, number, one_of, yes_no};

pub static ROWS: &[Opt] = &[
    Opt {
        name: "requirepass",
        value: "PASSWORD",
        help: "what clients have to say first, by AUTH; empty: nothing",
        more: "The environment variable LIMPID_PASSWORD sets it where neither the file nor a flag does, which keeps it out of the list of processes. `limpid cli` takes its password from there too.",
        live: true,
        get: |c| c.requirepass.clone(),
        set: |c, v| {
            c.requirepass = v.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "aclfile",
        value: "FILE",
        help: "where users are kept, a `user` line each; without it, they are lines of the configuration file",
        more: "ACL SAVE writes it and ACL LOAD reads it.",
        get: |c| c.aclfile.display().to_string(),
        set: |c, v| {
            c.aclfile = v.into();
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "acl-pubsub-default",
        value: "resetchannels|allchannels",
        help: "the channels that a new user may use: none, or all",
        live: true,
        get: |c| if c.acl_all_channels { "allchannels" } else { "resetchannels" }.into(),
        set: |c, v| {
            let word = one_of(v, &["allchannels", "resetchannels"])?;
            c.acl_all_channels = word == "allchannels";
            Ok(())
        },
        ..Opt::ROW
    },
    Opt {
        name: "acllog-max-len",
        value: "N",
        help: "entries that ACL LOG keeps",
        live: true,
        get: |c| c.acllog_max_len.to_string(),
        set: |c, v| number(v, 0, 1_000_000).map(|n| c.acllog_max_len = n as usize),
        ..Opt::ROW
    },
    Opt {
        name: "enable-debug-command",
        value: "yes|no",
        help: "whether there is DEBUG, which tests of clients use",
        get: |c| yes_no(c.enable_debug),
        set: |c, v| boolean(v).map(|b| c.enable_debug = b),
        ..Opt::ROW
    },
];
