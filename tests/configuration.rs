//! File, flags, environment and CONFIG, at the real binary.

mod support;

use std::fs;
use std::path::PathBuf;

use support::{Limpid, bulk, limpid, limpid_with, status};

/// A file in a directory that lives as long as the test.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> File {
        let file = File { folder: tempfile::tempdir().expect("the temporary directory is writable") };
        fs::write(file.path(), text).expect("writable");
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("limpid.conf")
    }

    fn name(&self) -> String {
        self.path().to_str().expect("plain").to_owned()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("there")
    }
}

#[test]
fn flags_win_over_the_file_and_both_over_the_environment() {
    let file = File::new("maxclients 50\nrequirepass \"from the file\"\ntcp-keepalive 5m\n");
    let from_environment = [("LIMPID_PASSWORD", "from the environment")];
    let server = Limpid::in_environment(
        &from_environment,
        &[&file.name(), "--maxclients", "60", "--appendonly", "no"],
    );
    let mut c = server.resp();
    c.check_error("PING", "NOAUTH Authentication required.");
    assert_eq!(c.cmd(&["AUTH", "from the file"]), status("OK"));
    assert_eq!(
        c.cmd(&["CONFIG", "GET", "maxclients"]),
        limpid::protocol::Value::Array(vec![bulk("maxclients"), bulk("60")])
    );
    assert_eq!(
        c.cmd(&["CONFIG", "GET", "tcp-keepalive"]),
        limpid::protocol::Value::Array(vec![bulk("tcp-keepalive"), bulk("300")])
    );

    let server = Limpid::in_environment(&from_environment, &["--appendonly", "no"]);
    let port = server.port().to_string();
    // The client finds the password in the same place.
    limpid_with(&from_environment, &["cli", "-p", &port, "PING"], b"").says("PONG\n");
    let without = limpid(&["cli", "-p", &port, "PING"], b"");
    assert_eq!((without.code(), without.out.as_str()), (1, "NOAUTH Authentication required.\n"));
}

#[test]
fn rewrite_writes_what_has_changed_and_a_restart_reads_it() {
    let file = File::new("# mine\nappendonly no\nauto-aof-rewrite-min-size 100mb   \n\n# the end\n");
    let server = Limpid::with(&[&file.name(), "--maxclients", "70"]);
    let mut c = server.text();
    c.check("CONFIG REWRITE", "OK");
    let first = file.text();
    assert!(
        first.starts_with("# mine\nappendonly no\nauto-aof-rewrite-min-size 100mb   \n\n# the end\n"),
        "{first}"
    );
    assert!(first.contains("\nmaxclients 70\n"), "{first}");
    c.check("CONFIG SET slowlog-max-len 9 requirepass \"a b\" slowlog-log-slower-than 10ms", "OK");
    c.check("CONFIG REWRITE", "OK");
    let rewritten = file.text();
    assert!(
        rewritten.contains("\nslowlog-max-len 9\n") && rewritten.contains("\nrequirepass \"a b\"\n"),
        "{rewritten}"
    );
    assert!(!rewritten.contains("slowlog-log-slower-than"), "the default needs no line: {rewritten}");
    drop(server);

    let server = Limpid::with(&[&file.name()]);
    let mut c = server.text();
    c.check("AUTH \"a b\"", "OK");
    c.check("CONFIG GET maxclients slowlog-max-l?n", "maxclients 70 slowlog-max-len 9");
    c.check("CONFIG REWRITE", "OK");
    assert_eq!(fs::read_dir(file.folder.path()).expect("there").count(), 1, "nothing else is left");
}

#[test]
fn a_password_of_the_environment_is_not_written_down() {
    let file = File::new("appendonly no\n");
    let server = Limpid::in_environment(&[("LIMPID_PASSWORD", "secret")], &[&file.name()]);
    let mut c = server.text();
    c.check("AUTH secret", "OK");
    c.check("CONFIG SET maxclients 9", "OK");
    c.check("CONFIG REWRITE", "OK");
    assert!(!file.text().contains("secret") && file.text().contains("maxclients 9"), "{}", file.text());
}

#[test]
fn without_a_file_there_is_nothing_to_rewrite() {
    let server = Limpid::start();
    server.text().check("CONFIG REWRITE", "ERR The server is running without a config file");
}

#[test]
fn check_config_says_what_is_wrong_and_starts_nothing() {
    let good = File::new("port 7000\ninclude *.none\n");
    let ran = limpid(&["-t", &good.name()], b"");
    assert_eq!((ran.code(), ran.err.as_str()), (0, ""));
    assert!(ran.out.ends_with("limpid.conf is good\n"), "{}", ran.out);
    let bad = File::new("port 7000\nmaxclient 5\nbind here\n");
    let ran = limpid(&["--check-config", &bad.name()], b"");
    let why = format!(
        "limpid: {0}:2: unknown option 'maxclient', did you mean 'maxclients'?\n\
         limpid: {0}:3: bind 'here': 'here' is not an IP address\n",
        bad.name()
    );
    assert_eq!((ran.code(), ran.err, ran.out), (1, why, String::new()));
    let ran = limpid(&["-t", &good.name(), "--port", "x"], b"");
    assert_eq!(ran.code(), 1);
    assert!(ran.err.starts_with("limpid: --port 'x': "), "{}", ran.err);
    assert_eq!(limpid(&["-t", "--frobnicate"], b"").code(), 2);
}

#[test]
fn a_configuration_may_come_from_stdin() {
    let file = File::new("maxclients 5\n");
    let ran = limpid(&["-t", &file.name(), "-"], b"port 1\nappendfsnc no\n");
    let why = "limpid: standard input:2: unknown option 'appendfsnc', did you mean 'appendfsync'?\n";
    assert_eq!((ran.code(), ran.err.as_str()), (1, why));
    limpid(&["-t", "-"], b"port 1\n").says("limpid: the configuration is good\n");
}

#[test]
fn a_redis_user_may_say_what_is_true_here() {
    let server = Limpid::with(&["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    server.text().check(
        "CONFIG GET save databases proto-max-bulk-len",
        "save \"\" proto-max-bulk-len 536870912 databases 16",
    );
    let ran = limpid(&["-t", "--daemonize", "yes"], b"");
    assert_eq!(ran.code(), 1);
    assert!(ran.err.contains("limpid.service"), "{}", ran.err);
}

#[test]
fn a_truncated_configuration_does_not_start() {
    let file = File::new("port 7000\nrequirepass \"half a passw");
    let refused = Limpid::refused(&[&file.name()]);
    let why = format!("limpid: {}:2: unbalanced quotes\n", file.name());
    assert_eq!((refused.status.code(), String::from_utf8_lossy(&refused.stderr)), (Some(1), why.into()));
}

#[test]
fn the_sample_file_is_good() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limpid.conf");
    assert_eq!(limpid(&["-t", sample], b"").code(), 0);
}
