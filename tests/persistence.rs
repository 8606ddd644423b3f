//! Commands about the log: SAVE and its kin, BACKUP, DEBUG RELOAD, BGREWRITEAOF, SHUTDOWN.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, eventually, status};

const EVERYSEC: &[&str] = &["--appendonly", "yes", "--appendfsync", "everysec"];

fn int(value: Value) -> i64 {
    let Value::Int(n) = value else { panic!("no number: {value:?}") };
    n
}

fn compact(c: &mut RespClient) {
    let before: u64 = c.info("aof_rewrites").parse().expect("a number");
    c.check("BGREWRITEAOF", status("Background append only file rewriting started"));
    eventually("the compaction ends", || c.info("aof_rewrites").parse::<u64>().expect("a number") > before);
    assert_eq!(c.info("aof_last_bgrewrite_status"), "ok");
}

/// Keys of every type, with deadlines.
fn fill(c: &mut RespClient) {
    for n in 0..200 {
        c.cmd(&["SET", &format!("string:{n}"), &"v".repeat(n)]);
        c.cmd(&["HSET", "hash", &n.to_string(), "a \r\n value"]);
        c.cmd(&["ZADD", "zset", &format!("{n}.5"), &n.to_string()]);
        c.cmd(&["SADD", "set", &n.to_string(), &format!("text {n}")]);
        c.cmd(&["RPUSH", "list", &n.to_string()]);
    }
    c.cmd(&["SET", "short", "lived", "EX", "1000"]);
    c.cmd(&["SELECT", "3"]);
    c.cmd(&["SET", "elsewhere", "yes"]);
    c.cmd(&["SELECT", "0"]);
}

/// What every key of database 0 holds, by DUMP, and when it ends.
fn contents(c: &mut RespClient) -> Vec<(Value, Value, Value)> {
    let Value::Array(keys) = c.cmd(&["KEYS", "*"]) else { panic!("KEYS is an array") };
    let mut keys: Vec<Vec<u8>> = keys
        .into_iter()
        .map(|key| match key {
            Value::Bulk(key) => key,
            other => panic!("no key: {other:?}"),
        })
        .collect();
    keys.sort();
    let mut contents = Vec::new();
    for key in keys {
        let value = match c.cmd_bytes(&[b"TYPE", &key]) {
            Value::Status(kind) if kind == b"set" => sorted(c.cmd_bytes(&[b"SMEMBERS", &key])),
            Value::Status(kind) if kind == b"hash" => sorted(c.cmd_bytes(&[b"HGETALL", &key])),
            _ => c.cmd_bytes(&[b"DUMP", &key]),
        };
        let deadline = c.cmd_bytes(&[b"PEXPIRETIME", &key]);
        contents.push((Value::Bulk(key), value, deadline));
    }
    contents
}

fn sorted(value: Value) -> Value {
    let Value::Array(mut elements) = value else { panic!("no array: {value:?}") };
    elements.sort_by_key(|element| format!("{element:?}"));
    Value::Array(elements)
}

#[test]
fn save_waits_for_the_disk_and_keeps_no_worker() {
    let server = Limpid::with(&[EVERYSEC, &["--workers", "1"]].concat());
    let mut c = server.resp();
    let started = int(c.cmd(&["LASTSAVE"]));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64;
    assert!((now - 60..=now).contains(&started), "before the first sync it is the start: {started}");
    for n in 0..100 {
        c.send(&["SET", &format!("k{n}"), "v"]);
        c.send(&["SAVE"]);
        c.send(&["INFO", "persistence"]);
    }
    for _ in 0..100 {
        assert_eq!(c.read(), status("OK"));
        assert_eq!(c.read(), status("OK"));
        let Value::Bulk(text) = c.read() else { panic!("INFO is a bulk string") };
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains("rdb_changes_since_last_save:0\r\n"), "{text}");
    }
    c.check("BGSAVE", status("Background saving started"));
    c.check("MULTI", status("OK"));
    c.check_error("SAVE", "ERR Command not allowed inside a transaction");
    c.check_error("EXEC", "EXECABORT Transaction discarded because of previous errors.");
    let server = server.crash().restart();
    server.text().check("EXISTS k0 k50 k99", "3");
    let memory = Limpid::start();
    memory.resp().check_error("SAVE", "ERR there is no log to save to: appendonly is no");
    assert!(int(memory.resp().cmd(&["LASTSAVE"])) > 0);
}

#[test]
fn waitaof_waits_for_this_clients_writes() {
    let server = Limpid::with(EVERYSEC);
    let mut c = server.resp();
    for n in 0..20 {
        c.cmd(&["SET", "k", &n.to_string()]);
        c.check("WAITAOF 1 0 0", Value::Array(vec![Value::Int(1), Value::Int(0)]));
        assert_eq!(c.info("rdb_changes_since_last_save"), "0");
    }
    c.check("WAITAOF 0 0 0", Value::Array(vec![Value::Int(1), Value::Int(0)]));
    c.check("MULTI", status("OK"));
    c.check("SET k v", status("QUEUED"));
    c.check("WAITAOF 1 0 0", status("QUEUED"));
    let Value::Array(replies) = c.cmd(&["EXEC"]) else { panic!("an array") };
    assert!(matches!(&replies[1], Value::Array(counts) if counts[1] == Value::Int(0)), "{replies:?}");
    Limpid::durable().resp().check("WAITAOF 1 0 0", Value::Array(vec![Value::Int(1), Value::Int(0)]));
}

#[test]
fn debug_reload_brings_back_what_was() {
    for policy in ["always", "everysec"] {
        let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", policy]);
        let mut c = server.resp();
        fill(&mut c);
        let before = contents(&mut c);
        let over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3)
            .map(|id| {
                let (mut c, over) = (server.resp(), Arc::clone(&over));
                thread::spawn(move || {
                    let key = format!("counter:{id}");
                    let mut count = 0;
                    while !over.load(Ordering::Relaxed) {
                        count += 1;
                        assert_eq!(c.cmd(&["INCR", &key]), Value::Int(count), "none is lost or done twice");
                    }
                    c.cmd(&["DEL", &key]);
                })
            })
            .collect();
        for _ in 0..5 {
            c.check("DEBUG RELOAD", status("OK"));
            c.check("PING", status("PONG"));
        }
        over.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().expect("it has counted right"));
        assert!(contents(&mut c) == before, "{policy}");
        c.cmd(&["SELECT", "3"]);
        c.check("GET elsewhere", bulk("yes"));
        c.check_error(
            "DEBUG RELOAD SOMEHOW",
            "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
        );
        c.check("SET after reload", status("OK"));
        let server = server.crash().restart();
        let mut c = server.resp();
        assert!(contents(&mut c) == before, "{policy}: after a restart");
    }
}

#[test]
fn a_backup_is_a_log_of_one_moment() {
    let server = Limpid::durable();
    let mut c = server.resp();
    fill(&mut c);
    compact(&mut c);
    let over = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let writer = {
        let (mut c, over, written) = (server.resp(), Arc::clone(&over), Arc::clone(&written));
        thread::spawn(move || {
            for n in 1.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let value = n.to_string();
                c.cmd(&["MSET", "left", &value, "right", &value]);
                written.store(n, Ordering::Relaxed);
            }
        })
    };
    eventually("some writes", || written.load(Ordering::Relaxed) > 20);
    let elsewhere = tempfile::tempdir().expect("the temporary directory is writable");
    for round in 0..3 {
        let path = elsewhere.path().join(format!("copy{round}"));
        let path = path.to_str().expect("plain");
        let before = written.load(Ordering::Relaxed);
        c.check(&format!("BACKUP {path}"), status("OK"));
        let after = written.load(Ordering::Relaxed) + 1;
        let copy = Limpid::in_dir(path, &[]);
        let mut of_copy = copy.resp();
        let [left, right] = ["left", "right"].map(|key| of_copy.cmd(&["GET", key]));
        assert_eq!(left, right, "half a command");
        let Value::Bulk(kept) = left else { panic!("it was written") };
        let kept: u64 = String::from_utf8_lossy(&kept).parse().expect("a number");
        assert!((before..=after).contains(&kept), "{before} were written before, {kept} are kept, {after}");
        of_copy.check("LLEN list", Value::Int(200));
        assert!(!copy.stderr().contains("torn"), "{}", copy.stderr());
        check_private(Path::new(path));
    }
    over.store(true, Ordering::Relaxed);
    writer.join().expect("it only writes");
    let there = elsewhere.path().join("copy0").to_string_lossy().into_owned();
    c.check_error(&format!("BACKUP {there}"), &format!("ERR {there} exists already"));
    let nowhere = elsewhere.path().join("no/such").to_string_lossy().into_owned();
    c.check_error(&format!("BACKUP {nowhere}"), &format!("ERR there is no directory for {nowhere}"));
    let all = contents(&mut c);
    // A relative path lies in the data directory, where some names are taken.
    for name in ["MANIFEST.tmp", "00000009.aof", "LOCK"] {
        let path = server.dir().join(name).to_string_lossy().into_owned();
        let taken = [format!("ERR {path} is a name of the log's own"), format!("ERR {path} exists already")];
        let refused = c.cmd(&["BACKUP", name]);
        assert!(taken.iter().any(|text| refused == Value::Error(text.as_str().into())), "{refused:?}");
    }
    c.check("BACKUP monday", status("OK"));
    let monday = server.dir().join("monday");
    assert!(contents(&mut Limpid::in_dir(monday.to_str().expect("plain"), &[]).resp()) == all);
    // What the copy shares with the original is never changed by either.
    c.check("FLUSHALL", status("OK"));
    compact(&mut c);
    let _stopped = server.crash();
    assert!(contents(&mut Limpid::in_dir(monday.to_str().expect("plain"), &[]).resp()) == all);
}

/// A value is read back in the encoding that the configuration asks for.
#[test]
fn thresholds_hold_while_the_log_is_read() {
    let server = Limpid::with(&["--appendonly", "yes", "--hash-max-listpack-entries", "1000"]);
    let mut c = server.resp();
    for field in 0..600 {
        c.cmd(&["HSET", "hash", &field.to_string(), "v"]);
    }
    c.check("OBJECT ENCODING hash", bulk("listpack"));
    let server = server.crash().restart();
    server.resp().check("OBJECT ENCODING hash", bulk("listpack"));
}

fn check_private(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(dir), 0o700);
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("readable").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// Large collections are copied piece by piece while they change.
#[test]
fn a_compaction_under_writes_loses_nothing() {
    let server = Limpid::with(EVERYSEC);
    let mut c = server.resp();
    for at in (0..30_000).step_by(100) {
        let mut words =
            [vec!["HSET".to_owned(), "hash".to_owned()], vec!["SADD".to_owned(), "set".to_owned()]];
        let mut list = vec!["RPUSH".to_owned(), "list".to_owned()];
        for n in at..at + 100 {
            words[0].extend([n.to_string(), format!("v{n}")]);
            words[1].push(n.to_string());
            list.push(n.to_string());
        }
        for words in words.iter().chain([&list]) {
            c.cmd(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    fill(&mut c);
    c.cmd(&["EXPIRE", "hash", "100000"]);
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|id| {
            let (mut c, over) = (server.resp(), Arc::clone(&over));
            thread::spawn(move || {
                for n in (id..).step_by(2) {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let (old, new) = ((n * 37 % 30_000).to_string(), n.to_string());
                    c.cmd(&["HSET", "hash", &old, &new]);
                    c.cmd(&["HDEL", "hash", &(n * 17 % 30_000).to_string()]);
                    c.cmd(&["SREM", "set", &old]);
                    c.cmd(&["SADD", "set", &format!("new {new}")]);
                    if n % 10 == 0 {
                        c.cmd(&["RPOPLPUSH", "list", "list"]);
                        c.cmd(&["LSET", "list", "5", &new]);
                    }
                    if n % 100 == 0 {
                        c.cmd(&["RENAME", "hash", "hash2"]);
                        c.cmd(&["RENAME", "hash2", "hash"]);
                    }
                }
            })
        })
        .collect();
    for _ in 0..5 {
        compact(&mut c);
    }
    over.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().expect("it only writes"));
    let before = contents(&mut c);
    c.check("SAVE", status("OK"));
    let server = server.crash().restart();
    assert!(contents(&mut server.resp()) == before);
}

#[test]
fn a_compaction_beside_flushes_comes_to_its_end() {
    let server = Limpid::with(EVERYSEC);
    let mut c = server.resp();
    fill(&mut c);
    let over = Arc::new(AtomicBool::new(false));
    let flusher = {
        let (mut c, over) = (server.resp(), Arc::clone(&over));
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                c.check("FLUSHALL", status("OK"));
                c.check("SET k v", status("OK"));
            }
        })
    };
    (0..10).for_each(|_| compact(&mut c));
    over.store(true, Ordering::Relaxed);
    flusher.join().expect("only OKs came");
    let before = contents(&mut c);
    c.check("SAVE", status("OK"));
    let server = server.crash().restart();
    assert!(contents(&mut server.resp()) == before);
}

#[test]
fn info_tells_of_compactions() {
    let server = Limpid::durable();
    let mut c = server.resp();
    for (field, value) in [
        ("aof_enabled", "1"),
        ("aof_rewrite_in_progress", "0"),
        ("aof_rewrite_scheduled", "0"),
        ("aof_last_rewrite_time_sec", "-1"),
        ("aof_current_rewrite_time_sec", "-1"),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_last_write_status", "ok"),
    ] {
        assert_eq!(c.info(field), value, "{field}");
    }
    fill(&mut c);
    compact(&mut c);
    assert_eq!(c.info("aof_last_rewrite_time_sec"), "0");
    assert_eq!(c.info("aof_rewrite_shards_done"), c.info("aof_rewrite_shards_total"));
    assert!(c.info("aof_base_size").parse::<u64>().expect("a number") > 1000);
}

#[test]
fn info_has_the_same_fields_without_a_log() {
    let server = Limpid::start();
    let mut c = server.resp();
    for (field, value) in [
        ("loading", "0"),
        ("rdb_bgsave_in_progress", "0"),
        ("rdb_last_bgsave_status", "ok"),
        ("rdb_last_bgsave_time_sec", "-1"),
        ("aof_enabled", "0"),
        ("aof_rewrite_in_progress", "0"),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_last_write_status", "ok"),
    ] {
        assert_eq!(c.info(field), value, "{field}");
    }
}

#[test]
fn shutdown_says_what_it_will_not_do() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check_error("SHUTDOWN ABORT", "ERR No shutdown in progress.");
    c.check_error("SHUTDOWN SAVE NOSAVE", "ERR syntax error");
    c.check_error("SHUTDOWN ABORT NOW", "ERR syntax error");
    c.check_error("SHUTDOWN LATER", "ERR syntax error");
    c.check("SET k v", status("OK"));
    c.send(&["SHUTDOWN", "NOW", "FORCE", "SAVE"]);
    let stopped = server.ended();
    assert_eq!(stopped.status.code(), Some(0));
    stopped.restart().text().check("GET k", "v");
}

/// A client that goes while it waits for the disk takes nothing along.
#[test]
fn clients_may_leave_while_they_wait() {
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        let mut c = server.resp();
        c.send(&["SET", "k", "v"]);
        c.send(&["SAVE"]);
        c.send(&["DEBUG", "RELOAD"]);
    }
    let mut c = server.resp();
    c.check("GET k", bulk("v"));
    c.check("SAVE", status("OK"));
    eventually("nobody waits any more", || c.info("blocked_clients") == "0");
}
