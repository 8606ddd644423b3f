//! What an operator watches a server with, over the protocol: MONITOR, HOTKEYS, SLOWLOG, LATENCY, the log file.

mod support;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, eventually, status};

/// A line of MONITOR without its time and address, which differ from run to run.
fn shown(c: &mut RespClient) -> String {
    let Value::Status(line) = c.read() else { panic!("MONITOR sends statuses") };
    let line = String::from_utf8(line.to_vec()).expect("printable ASCII");
    let (time, rest) = line.split_once(" [").expect("a time, and who it was");
    let (seconds, micros) = time.split_once('.').expect("microseconds");
    assert!(seconds.parse::<u64>().is_ok() && micros.len() == 6, "{line}");
    let (db, rest) = rest.split_once(" 127.0.0.1:").expect("an address");
    let (_, words) = rest.split_once("] ").expect("the words");
    format!("{db} {words}")
}

/// Whatever Redis shows, and in its words; recorded from redis-server 7.0.
#[test]
fn monitor_shows_requests_as_redis_does() {
    let server = Limpid::with(&["--appendonly", "no", "--requirepass", "pw"]);
    let mut monitor = server.resp();
    monitor.check_error("MONITOR", "NOAUTH Authentication required.");
    monitor.check("AUTH pw", status("OK"));
    monitor.check("MONITOR", status("OK"));
    let mut c = server.resp();
    c.check("AUTH pw", status("OK"));
    c.cmd_bytes(&[b"SET", b"k", b"a\nb \xff\"q\\ J\xc3\xbcrgen"]);
    c.cmd(&["get", "k"]);
    // Administration is not shown, nor is what did not come to run.
    c.cmd(&["CONFIG", "GET", "port"]);
    c.cmd(&["CLIENT", "LIST"]);
    c.cmd(&["NOSUCH", "a"]);
    c.cmd(&["GET"]);
    c.cmd(&["CLIENT", "SETNAME", "x"]);
    c.check("SELECT 3", status("OK"));
    c.check("MULTI", status("OK"));
    c.check("SET q 1", status("QUEUED"));
    c.check("INCR q", status("QUEUED"));
    c.cmd(&["EXEC"]);
    c.cmd(&["HELLO", "2", "AUTH", "default", "pw"]);
    c.cmd(&["AUTH", "my", "long", "password"]);
    c.cmd(&["BLPOP", "l", "0.01"]);
    c.cmd(&["PING"]);
    let expected = [
        r#"0 "AUTH" "(redacted)""#,
        r#"0 "SET" "k" "a\nb \xff\"q\\ J\xc3\xbcrgen""#,
        r#"0 "get" "k""#,
        r#"0 "CLIENT" "SETNAME" "x""#,
        r#"3 "SELECT" "3""#,
        r#"3 "MULTI""#,
        r#"3 "SET" "q" "1""#,
        r#"3 "INCR" "q""#,
        r#"3 "EXEC""#,
        r#"3 "HELLO" "2" "AUTH" "(redacted)" "(redacted)""#,
        r#"3 "AUTH" "(redacted)" "(redacted)" "(redacted)""#,
        r#"3 "BLPOP" "l" "0.01""#,
        r#"3 "PING""#,
    ];
    for line in expected {
        assert_eq!(shown(&mut monitor), line);
    }
    monitor.check_error("GET k", "ERR Replica can't interact with the keyspace");
    let Value::Bulk(list) = c.cmd(&["CLIENT", "LIST"]) else { panic!("a list") };
    assert!(String::from_utf8_lossy(&list).contains(" flags=O "), "{}", list.escape_ascii());
    // RESET ends it.
    monitor.check("RESET", status("RESET"));
    monitor.check("AUTH pw", status("OK"));
    c.cmd(&["PING"]);
    assert!(matches!(monitor.cmd(&["GET", "k"]), Value::Bulk(_)));
}

#[test]
fn monitor_in_plain_text_is_a_line_each() {
    let server = Limpid::start();
    let mut monitor = server.text();
    monitor.check("MONITOR", "OK");
    server.text().check("SET greeting hello world", "OK");
    let line = monitor.line();
    assert!(line.ends_with(r#"] "SET" "greeting" "hello" "world""#), "{line}");
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    c.check("MONITOR", status("QUEUED"));
    let refused = Value::Error("ERR MONITOR isn't allowed for DENY BLOCKING client".into());
    assert_eq!(c.cmd(&["EXEC"]), Value::Array(vec![refused]));
}

/// It is closed, and costs nobody else anything.
#[test]
fn a_monitor_that_does_not_read_is_closed() {
    let server = Limpid::start();
    let mut monitor = server.resp();
    monitor.check("MONITOR", status("OK"));
    let mut c = server.resp();
    let value = "x".repeat(1 << 20);
    eventually("the monitor is gone", || {
        c.check(&format!("SET key {value}"), status("OK"));
        let Value::Bulk(list) = c.cmd(&["CLIENT", "LIST"]) else { panic!("a list") };
        !String::from_utf8_lossy(&list).contains("flags=O")
    });
}

#[test]
fn hot_keys_come_first() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SELECT 2", status("OK"));
    let mut bytes = Vec::new();
    let requests = 20_000;
    for i in 0..requests {
        let cold = format!("cold:{i}");
        let key = if i % 4 == 0 { "hot" } else { &cold };
        bytes.extend(support::encode(&[b"GET", key.as_bytes()]));
    }
    c.send_bytes(&bytes);
    (0..requests).for_each(|_| _ = c.read());
    let Value::Array(hottest) = c.cmd(&["HOTKEYS", "COUNT", "1"]) else { panic!("an array") };
    let Value::Array(first) = &hottest[0] else { panic!("an array of arrays") };
    assert_eq!((hottest.len(), &first[0], &first[1]), (1, &bulk("hot"), &Value::Int(2)));
    assert!(matches!(first[2], Value::Int(rate) if rate > 0), "{first:?}");
    c.check_error("HOTKEYS COUNT 0", "ERR COUNT must be > 0");
    c.check_error("HOTKEYS COUNT", "ERR syntax error");
    c.check_error("HOTKEYS MOST", "ERR syntax error");
    c.check("CONFIG RESETSTAT", status("OK"));
    c.check("HOTKEYS", Value::Array(vec![]));
}

#[test]
fn a_slow_sync_and_a_slow_command_are_events() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check("CONFIG SET latency-monitor-threshold 1", status("OK"));
    c.check("DEBUG SLEEP 0.02", status("OK"));
    let Value::Array(history) = c.cmd(&["LATENCY", "HISTORY", "command"]) else { panic!("an array") };
    assert!(!history.is_empty());
    let Value::Bulk(report) = c.cmd(&["LATENCY", "DOCTOR"]) else { panic!("a text") };
    assert!(String::from_utf8_lossy(&report).contains("command: "), "{}", report.escape_ascii());
}

/// The log of the server itself: level, format and file, changed and rotated while it runs.
#[test]
fn the_log_file_is_followed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).to_str().expect("plain names").to_owned();
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    let server = Limpid::with(&["--log-format", "json", "--logfile", &path("a.log")]);
    let mut c = server.resp();
    c.check("BGREWRITEAOF", status("Background append only file rewriting started"));
    eventually("the first file has it", || {
        c.cmd(&["PING"]);
        read("a.log").contains("compaction done")
    });
    for line in read("a.log").lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string());
    }
    std::fs::rename(path("a.log"), path("a.old")).expect("it is there");
    let hangup = format!("kill -HUP {}", server.pid());
    assert!(std::process::Command::new("sh").args(["-c", &hangup]).status().is_ok_and(|s| s.success()));
    eventually("the file is opened again", || {
        c.cmd(&["PING"]);
        read("a.log").contains("opened again")
    });
    // No client may have the server write to a file of its choice.
    c.check_error(
        &format!("CONFIG SET logfile {}", path("b.log")),
        "ERR CONFIG SET failed (possibly related to argument 'logfile') - it can be changed only by a restart",
    );
    assert_eq!(
        c.cmd(&["CONFIG", "GET", "logfile"]),
        Value::Array(vec![bulk("logfile"), bulk(path("a.log"))])
    );
    // Nor write lines of its choice.
    let forged = path("copy\nserver ended, all is well");
    assert_eq!(c.cmd(&["BACKUP", &forged]), status("OK"));
    let last = read("a.log").lines().last().expect("it was logged").to_owned();
    let last: serde_json::Value = serde_json::from_str(&last).expect("an object a line");
    let message = last["message"].as_str().expect("text");
    assert!(message.starts_with("backup in ") && !message.contains('\n'), "{message}");
    c.check("CONFIG SET loglevel warning", status("OK"));
    let (before, mut other) = (read("a.log").lines().count(), server.resp());
    // A client that speaks HTTP is worth a warning; a backup is not.
    assert_eq!(c.cmd(&["BACKUP", &path("quiet")]), status("OK"));
    other.send(&["POST", "/"]);
    assert!(matches!(other.read(), Value::Error(_)));
    eventually("the warning is there", || {
        c.cmd(&["PING"]);
        read("a.log").contains("it speaks HTTP")
    });
    assert_eq!(read("a.log").lines().count(), before + 1);
    assert_eq!(server.stderr(), "");
}
