//! Users and their rules over real connections; beside `redis-server` where it is installed.

mod beside_redis;
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, eventually, free_port, status};

const NO_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const NO_KEY: &str = "NOPERM No permissions to access a key";
const NO_CHANNEL: &str = "NOPERM No permissions to access a channel";

fn ok() -> Value {
    status("OK")
}

/// What is said of a command that the user may not run.
fn no_command(user: &str, command: &str) -> String {
    format!("NOPERM User {user} has no permissions to run the '{command}' command")
}

/// A connection that acts as this user, whose rules say `nopass`.
fn as_user(server: &Limpid, name: &str) -> RespClient {
    let mut client = server.resp();
    client.check(&format!("AUTH {name} any"), ok());
    client
}

/// The server has closed the connection.
#[track_caller]
fn closes(mut client: RespClient) {
    assert_eq!(client.rest(), b"");
}

fn texts(value: Value) -> Vec<String> {
    let Value::Array(values) = value else { panic!("an array is expected, not {value:?}") };
    let text = |value| match value {
        Value::Bulk(text) | Value::Status(text) => String::from_utf8(text).expect("text"),
        Value::Int(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    values.into_iter().map(text).collect()
}

#[test]
fn a_user_logs_in_and_keeps_to_the_rules() {
    let server = Limpid::start();
    let mut admin = server.resp();
    admin.check("ACL WHOAMI", bulk("default"));
    admin.check("ACL SETUSER alice on >secret +get +set +mget ~own:* %R~read:*", ok());
    let mut alice = server.resp();
    alice.check_error("AUTH alice wrong", NO_PASSWORD);
    alice.check_error("AUTH nobody secret", NO_PASSWORD);
    alice.check("ACL WHOAMI", bulk("default"));
    alice.check("AUTH alice secret", ok());
    alice.check("SET own:1 v", ok());
    alice.check("GET own:1", bulk("v"));
    alice.check("GET read:1", Value::Null);
    alice.check_error("SET read:1 v", NO_KEY);
    alice.check_error("GET other", NO_KEY);
    alice.check_error("MGET own:1 other", NO_KEY);
    alice.check_error("DEL own:1", &no_command("alice", "del"));
    alice.check_error("CONFIG GET port", &no_command("alice", "config|get"));
    alice.check_error("ACL WHOAMI", &no_command("alice", "acl|whoami"));
    admin.check("ACL SETUSER alice +acl|whoami", ok());
    alice.check("ACL WHOAMI", bulk("alice"));
    // Switched off, nobody logs in any more; who is in stays.
    admin.check("ACL SETUSER alice off", ok());
    alice.check("GET own:1", bulk("v"));
    server.resp().check_error("AUTH alice secret", NO_PASSWORD);
    // RESET makes the default user of it again.
    alice.check("RESET", status("RESET"));
    alice.check("ACL WHOAMI", bulk("default"));
}

/// Commands that treat their keys differently need the permission for each.
#[test]
fn reading_and_writing_are_told_apart() {
    let server = Limpid::start();
    let mut admin = server.resp();
    admin.check("ACL SETUSER u on nopass +@all %R~r* %W~w* ~b*", ok());
    admin.check("RPUSH r1 2 1", Value::Int(2));
    let mut u = as_user(&server, "u");
    for (request, allowed) in [
        ("COPY r1 w1", true),
        ("COPY w1 r1", false),
        ("SORT r1", true),
        ("SORT r1 STORE w2", true),
        ("SORT r1 STORE r2", false),
        ("SORT w2", false),
        ("SET w3 v", true),
        ("SET w3 v GET", false),
        ("SET b1 v GET", true),
        ("BITFIELD r3 GET u4 0", true),
        ("BITFIELD r3 SET u4 0 1", false),
        ("BITFIELD b2 SET u4 0 1", true),
        ("SUNIONSTORE w4 r4 r5", true),
        ("SUNIONSTORE r4 r5", false),
        ("ZUNIONSTORE w5 2 r6 r7", true),
        ("ZUNIONSTORE w5 2 r6 w7", false),
        ("EXISTS r1 w1", true),
        ("EXISTS r1 x1", false),
        ("LPOP w1", false),
        ("DEL w1", true),
        ("DEL r1", false),
        ("GEOSEARCHSTORE w6 r8 FROMLONLAT 1 1 BYRADIUS 1 m", true),
        ("GEORADIUS r8 1 1 1 m STORE r9", false),
        ("KEYS *", true),
    ] {
        let words: Vec<&str> = request.split(' ').collect();
        let reply = u.cmd(&words);
        assert_eq!(reply != Value::Error(NO_KEY.into()), allowed, "{request}: {reply:?}");
    }
    // Names that SORT makes up may be those of any keys.
    let denied = |option| format!("ERR {option} option of SORT denied due to insufficient ACL permissions.");
    u.check_error("SORT r1 BY weight:*", &denied("BY"));
    u.check_error("SORT r1 GET value:*", &denied("GET"));
    admin.check("ACL SETUSER u %R~*", ok());
    u.check("SORT r1 BY weight:* LIMIT 0 1", Value::Array(vec![bulk("1")]));
}

#[test]
fn a_transaction_asks_when_it_queues_and_when_it_runs() {
    let server = Limpid::start();
    let mut admin = server.resp();
    admin.check("ACL SETUSER u on nopass +@all ~a*", ok());
    let mut u = as_user(&server, "u");
    u.check("MULTI", ok());
    u.check("SET a1 v", status("QUEUED"));
    u.check_error("SET b1 v", NO_KEY);
    u.check_error("EXEC", "EXECABORT Transaction discarded because of previous errors.");
    u.check("MULTI", ok());
    u.check("SET a1 v", status("QUEUED"));
    u.check("GET a1", status("QUEUED"));
    admin.check("ACL SETUSER u -set", ok());
    let changed = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
                   This command is no longer allowed for the following reason: no permission to execute the command \
                   or subcommand";
    u.check("EXEC", Value::Array(vec![Value::Error(changed.into()), Value::Null]));
    let log = texts(admin.cmd(&["ACL", "LOG", "1"]).first());
    assert_eq!(
        &log[..10],
        ["count", "1", "reason", "command", "context", "multi", "object", "set", "username", "u"]
    );
}

trait First {
    fn first(self) -> Value;
}

impl First for Value {
    fn first(self) -> Value {
        match self {
            Value::Array(values) => values.into_iter().next().expect("at least one"),
            other => panic!("an array is expected, not {other:?}"),
        }
    }
}

#[test]
fn what_is_refused_stands_in_the_log() {
    let server = Limpid::start();
    let mut admin = server.resp();
    admin.check("ACL SETUSER u on >p +get +subscribe ~a &c", ok());
    let mut u = server.resp();
    u.check("CLIENT SETNAME test", ok());
    u.check_error("AUTH u wrong", NO_PASSWORD);
    u.check_error("AUTH u wrong", NO_PASSWORD);
    u.check("AUTH u p", ok());
    u.check_error("GET b", NO_KEY);
    u.check_error("SUBSCRIBE c d", NO_CHANNEL);
    u.check_error("SET a v", &no_command("u", "set"));
    let Value::Array(entries) = admin.cmd(&["ACL", "LOG"]) else { panic!("an array") };
    let entries: Vec<Vec<String>> = entries.into_iter().map(texts).collect();
    let seen: Vec<_> = entries.iter().map(|e| [&*e[1], &e[3], &e[5], &e[7], &e[9]]).collect();
    assert_eq!(
        seen,
        [
            ["1", "command", "toplevel", "set", "u"],
            ["1", "channel", "toplevel", "d", "u"],
            ["1", "key", "toplevel", "b", "u"],
            ["2", "auth", "toplevel", "AUTH", "u"],
        ]
    );
    assert_eq!(
        (&*entries[0][10], &*entries[0][12], &*entries[0][14]),
        ("age-seconds", "client-info", "entry-id")
    );
    for part in ["name=test", "user=u", "cmd=set"] {
        assert!(entries[0][13].contains(part), "{}", entries[0][13]);
    }
    for (what, count) in [("auth", "2"), ("cmd", "1"), ("key", "1"), ("channel", "1")] {
        assert_eq!(admin.info(&format!("acl_access_denied_{what}")), count, "{what}");
    }
    admin.check("CONFIG SET acllog-max-len 1", ok());
    u.check_error("GET c", NO_KEY);
    for words in [&["ACL", "LOG"][..], &["ACL", "LOG", "5"]] {
        let Value::Array(entries) = admin.cmd(words) else { panic!("an array") };
        let objects: Vec<String> = entries.into_iter().map(|entry| texts(entry).swap_remove(7)).collect();
        assert_eq!(objects, ["c"]);
    }
    admin.check("ACL LOG RESET", ok());
    admin.check("ACL LOG", Value::Array(vec![]));
}

#[test]
fn whoever_loses_the_user_or_a_channel_is_disconnected() {
    let server = Limpid::start();
    let mut admin = server.resp();
    for name in ["gone", "own", "listens"] {
        admin.check(&format!("ACL SETUSER {name} on nopass +@all ~* &a &b*"), ok());
    }
    let gone = as_user(&server, "gone");
    admin.check("ACL DELUSER gone nobody", Value::Int(1));
    closes(gone);
    // Who deletes itself gets the reply first.
    let mut own = as_user(&server, "own");
    own.check("ACL DELUSER own", Value::Int(1));
    closes(own);
    let (mut one, mut two, mut three) =
        (as_user(&server, "listens"), as_user(&server, "listens"), as_user(&server, "listens"));
    one.cmd(&["SUBSCRIBE", "a"]);
    two.cmd(&["PSUBSCRIBE", "b*"]);
    three.cmd(&["SSUBSCRIBE", "a"]);
    admin.check("ACL SETUSER listens &more", ok());
    admin.check("PUBLISH a 1", Value::Int(1));
    one.read();
    admin.check("ACL SETUSER listens resetchannels &a", ok());
    closes(two);
    admin.check("PUBLISH a 2", Value::Int(1));
    one.read();
    admin.check("ACL SETUSER listens resetchannels", ok());
    closes(one);
    closes(three);
    admin.check_error("ACL DELUSER default", "ERR The 'default' user cannot be removed");
}

#[test]
fn clients_are_listed_and_closed_by_user() {
    let server = Limpid::start();
    let mut admin = server.resp();
    admin.check("ACL SETUSER u on nopass +@all", ok());
    let mut u = as_user(&server, "u");
    let Value::Bulk(line) = u.cmd(&["CLIENT", "INFO"]) else { panic!("text") };
    assert!(String::from_utf8_lossy(&line).contains(" user=u "));
    admin.check_error("CLIENT KILL MAXAGE -1", "ERR maxage should be greater than 0");
    admin.check("CLIENT KILL MAXAGE 1000000", Value::Int(0));
    admin.check_error("CLIENT KILL USER nobody", "ERR No such user 'nobody'");
    admin.check("CLIENT KILL USER u", Value::Int(1));
    closes(u);
}

#[test]
fn the_password_of_the_configuration_is_the_default_users() {
    let server = Limpid::with(&["--appendonly", "no", "--requirepass", "one"]);
    let mut c = server.resp();
    c.check_error("PING", "NOAUTH Authentication required.");
    c.check_error("AUTH two", NO_PASSWORD);
    c.check("AUTH one", ok());
    c.check("CONFIG GET requirepass", Value::Array(vec![bulk("requirepass"), bulk("one")]));
    c.check("CONFIG SET requirepass two", ok());
    server.resp().check_error("AUTH default one", NO_PASSWORD);
    server.resp().check_error("HELLO 3 AUTH default one", NO_PASSWORD);
    assert!(matches!(server.resp().cmd(&["HELLO", "3", "AUTH", "default", "two"]), Value::Map(_)));
    let mut waiting = server.resp();
    waiting.check_error("PING", "NOAUTH Authentication required.");
    c.check("CONFIG SET requirepass ", ok());
    // Nobody has to say anything any more, not even who came before.
    waiting.check("PING", status("PONG"));
    waiting.check_error(
        "AUTH x",
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
         configuration is correct?",
    );
    c.check("ACL SETUSER default off", ok());
    server.resp().check_error("PING", "NOAUTH Authentication required.");
}

/// A server in a directory of the test's, with a file there.
fn with_file(
    name: &str,
    text: &str,
    arguments: impl Fn(&str) -> Vec<String>,
) -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let path = dir.path().join(name);
    fs::write(&path, text).expect("the directory is writable");
    let path = path.to_str().expect("temporary directories have plain names").to_owned();
    let arguments = arguments(&path);
    (dir, arguments)
}

#[test]
fn the_acl_file_is_loaded_whole_or_not_at_all_and_saved() {
    let text = "user default on nopass ~* &* +@all\n\nuser alice on >p ~a* +@read\nuser bob on nopass (+set %W~b*)\n";
    let (dir, arguments) = with_file("users.acl", text, |path| {
        ["--appendonly", "no", "--aclfile", path].map(str::to_owned).to_vec()
    });
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let path = dir.path().join("users.acl");
    let server = Limpid::with(&arguments);
    let mut admin = server.resp();
    admin.check("ACL USERS", Value::Array(["alice", "bob", "default"].map(bulk).to_vec()));
    let mut alice = server.resp();
    alice.check("AUTH alice p", ok());
    let bob = as_user(&server, "bob");
    fs::write(&path, format!("{text}user carl +nosuch\nuser\n")).expect("writable");
    let Value::Error(why) = admin.cmd(&["ACL", "LOAD"]) else { panic!("a wrong file") };
    let file = path.display();
    assert_eq!(
        String::from_utf8_lossy(&why),
        format!(
            "ERR {file}:5: Error in applying operation '+nosuch': Unknown command or category name in ACL. \
             {file}:6: should start with user keyword followed by the username. \
             WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
        )
    );
    admin.check("ACL USERS", Value::Array(["alice", "bob", "default"].map(bulk).to_vec()));
    // All but the default user have to log in again.
    fs::write(&path, "user alice on >q ~b* +@read\n").expect("writable");
    admin.check("ACL LOAD", ok());
    closes(alice);
    closes(bob);
    let mut alice = server.resp();
    alice.check_error("AUTH alice p", NO_PASSWORD);
    alice.check("AUTH alice q", ok());
    alice.check("GET b1", Value::Null);
    admin.check("ACL SETUSER carl on >p", ok());
    admin.check("ACL SAVE", ok());
    let saved = fs::read_to_string(&path).expect("it was written");
    let lines = texts(admin.cmd(&["ACL", "LIST"]));
    assert_eq!(saved.lines().collect::<Vec<_>>(), lines);
    admin.check("ACL LOAD", ok());
    assert_eq!(texts(admin.cmd(&["ACL", "LIST"])), lines);
    fs::remove_file(&path).expect("it is there");
    let Value::Error(why) = admin.cmd(&["ACL", "LOAD"]) else { panic!("no file") };
    let why = String::from_utf8_lossy(&why).into_owned();
    assert_eq!(why, format!("ERR Error loading ACLs, opening file '{file}': No such file or directory"));
}

/// The start makes sure of it, and so does what comes later.
#[test]
fn a_file_that_would_let_every_machine_in_is_refused() {
    let (dir, arguments) = with_file("users.acl", "user default on >p ~* &* +@all\n", |path| {
        let port = free_port().to_string();
        let arguments =
            ["--appendonly", "no", "--metrics-bind", "0.0.0.0", "--metrics-port", &port, "--aclfile", path];
        arguments.map(str::to_owned).to_vec()
    });
    let server = Limpid::with(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let mut admin = server.resp();
    admin.check("AUTH p", ok());
    let path = dir.path().join("users.acl");
    fs::write(&path, "user alice on >q\n").expect("writable");
    let Value::Error(why) = admin.cmd(&["ACL", "LOAD"]) else { panic!("everybody may come in") };
    let why = String::from_utf8_lossy(&why).into_owned();
    assert!(
        why.starts_with("ERR the default user would be without a password, but metrics-bind: 0.0.0.0"),
        "{why}"
    );
    admin.check("ACL USERS", Value::Array(vec![bulk("default")]));
    server.resp().check_error("PING", "NOAUTH Authentication required.");
    fs::write(&path, "user default off\nuser alice on >q\n").expect("writable");
    admin.check("ACL LOAD", ok());
    server.resp().check("AUTH alice q", ok());
}

#[test]
fn a_wrong_file_refuses_the_start_and_names_the_line() {
    let refused = |name: &str, text: &str, is_acl: bool| {
        let (dir, arguments) = with_file(name, text, |path| match is_acl {
            true => vec!["--aclfile".into(), path.into()],
            false => vec![path.into()],
        });
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = Limpid::refused(&arguments);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.replace(dir.path().to_str().expect("plain"), "DIR")
    };
    assert_eq!(
        refused("users.acl", "user default on nopass +@all\nuser alice on >secret allkeys ~more\n", true),
        "limpid: DIR/users.acl:2: user 'alice': Adding a pattern after the * pattern (or the 'allkeys' flag) is not \
         valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns\n"
    );
    assert_eq!(
        refused("x.conf", "appendonly no\n\nuser alice on +nosuch\n", false),
        "limpid: DIR/x.conf:3: Error in applying operation '+nosuch': Unknown command or category name in ACL\n"
    );
    assert_eq!(
        refused("x.conf", "user alice on\naclfile /nonexistent/users.acl\n", false),
        "limpid: DIR/x.conf:1: users are kept in the ACL file /nonexistent/users.acl, or here, but not in both\n"
    );
    assert_eq!(
        refused("x.conf", "aclfile /nonexistent/users.acl\n", false),
        "limpid: cannot read the ACL file /nonexistent/users.acl: No such file or directory\n"
    );
    assert_eq!(
        refused("x.conf", "rename-command CONFIG other\n", false),
        "limpid: DIR/x.conf:1: rename-command 'CONFIG': a command can only be switched off, by \"\"; who may run it \
         is for ACL rules to say, see `user`\n"
    );
}

#[test]
fn users_of_the_configuration_file_are_written_back() {
    let text = "appendonly no\n# hers\nuser alice on >p ~a* +@read\nuser carl on >p\n# the end\n";
    let (dir, arguments) = with_file("x.conf", text, |path| vec![path.into()]);
    let server = Limpid::with(&[&*arguments[0]]);
    let mut admin = server.resp();
    server.resp().check("AUTH alice p", ok());
    admin.check("ACL SETUSER bob on nopass +get", ok());
    admin.check("ACL DELUSER carl", Value::Int(1));
    let lines = texts(admin.cmd(&["ACL", "LIST"]));
    admin.check("CONFIG REWRITE", ok());
    let written = fs::read_to_string(dir.path().join("x.conf")).expect("it was written");
    // Alice stays where she was, with a hash for her password; carl is gone.
    let kept = format!("appendonly no\n# hers\n{}\n# the end\n# Added by CONFIG REWRITE\n", lines[0]);
    assert!(written.starts_with(&kept), "{written}");
    assert!(written.ends_with(&format!("\n{}\n", lines[1])), "{written}");
    let again = Limpid::with(&[&*arguments[0]]);
    assert_eq!(texts(again.resp().cmd(&["ACL", "LIST"])), lines);
    admin.check_error(
        "ACL SAVE",
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
         command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store \
         users in the Redis configuration.",
    );
}

#[test]
fn what_is_switched_off_is_unknown_to_everyone_but_the_log() {
    let text = "rename-command FLUSHALL \"\"\nrename-command config \"\"\n";
    let (dir, arguments) = with_file("x.conf", text, |path| vec![path.into()]);
    let data = dir.path().to_str().expect("plain");
    // What was logged before is replayed all the same.
    let before = Limpid::in_dir(data, &[]);
    before.resp().check("SET gone 1", ok());
    before.resp().check("FLUSHALL", ok());
    before.resp().check("SET kept 1", ok());
    before.stop();
    let server = Limpid::in_dir(data, &[&*arguments[0]]);
    let mut c = server.resp();
    c.check("KEYS *", Value::Array(vec![bulk("kept")]));
    c.check_error("FLUSHALL", "ERR unknown command 'FLUSHALL', with args beginning with: ");
    c.check_error("config get port", "ERR unknown command 'config', with args beginning with: 'get' 'port' ");
    c.check("COMMAND INFO flushall", Value::Array(vec![Value::Null]));
    c.check("MULTI", ok());
    c.check_error("FLUSHALL", "ERR unknown command 'FLUSHALL', with args beginning with: ");
    c.check_error("EXEC", "EXECABORT Transaction discarded because of previous errors.");
    // Rules may name it; it stays off.
    c.check("ACL SETUSER u on nopass +@all ~* &*", ok());
    as_user(&server, "u")
        .check_error("FLUSHALL", "ERR unknown command 'FLUSHALL', with args beginning with: ");
}

#[test]
fn passwords_can_be_made_up() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut length = |request: &str| match c.cmd(&request.split(' ').collect::<Vec<_>>()) {
        Value::Bulk(text) => text.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((length("ACL GENPASS"), length("ACL GENPASS 5"), length("ACL GENPASS 4096")), (64, 2, 1024));
    let wrong = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
                 4096";
    c.check_error("ACL GENPASS 0", wrong);
    c.check_error("ACL GENPASS 4097", wrong);
    assert_ne!(c.cmd(&["ACL", "GENPASS"]), c.cmd(&["ACL", "GENPASS"]));
}

/// A client that does not say who it is may not make the server keep much.
#[test]
fn strangers_get_small_limits() {
    let server = Limpid::with(&["--appendonly", "no", "--requirepass", "p"]);
    let mut c = server.resp();
    c.send_bytes(b"*11\r\n");
    assert_eq!(c.rest(), b"-ERR Protocol error: unauthenticated multibulk length\r\n");
    let mut c = server.resp();
    c.send_bytes(b"*2\r\n$3\r\nGET\r\n$16385\r\n");
    assert_eq!(c.rest(), b"-ERR Protocol error: unauthenticated bulk length\r\n");
    // One that asks and never reads is closed once the socket is full, long before an ordinary client would be.
    let mut c = server.resp();
    let many = b"PING\r\n".repeat(16 << 10);
    let mut admin = server.resp();
    admin.check("AUTH p", ok());
    let clients = |admin: &mut RespClient| match admin.cmd(&["CLIENT", "LIST"]) {
        Value::Bulk(list) => list.iter().filter(|byte| **byte == b'\n').count(),
        other => panic!("{other:?}"),
    };
    eventually("the stranger is closed", || {
        use std::io::Write;
        c.stream().set_nonblocking(true).expect("a socket");
        // The socket is full, or closed.
        let _ = c.stream().write(&many);
        clients(&mut admin) == 1
    });
}
