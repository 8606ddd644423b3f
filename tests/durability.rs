//! What a reply promises, kept through `kill -9`, SIGTERM, torn tails and damage.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use limpid::protocol::Value;
use support::{Limpid, Stopped, bulk, eventually, knows, status};

fn number(value: &Value) -> u64 {
    let Value::Bulk(digits) = value else { panic!("no value: {value:?}") };
    String::from_utf8_lossy(digits).parse().expect("a number")
}

/// The directory's files with this ending, in order.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .expect("the log's directory")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}

#[track_caller]
fn only_segment(dir: &Path) -> PathBuf {
    let segments = files(dir, ".aof");
    assert_eq!(segments.len(), 1, "one segment: {segments:?}");
    segments.into_iter().next().expect("asserted above")
}

/// One clear line, exit code 1.
#[track_caller]
fn check_refused(output: &Output, mentions: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("limpid: ")).collect();
    assert_eq!(lines.len(), 1, "one clear line in {said:?}");
    assert!(!said.contains("panicked"), "{said}");
    for mention in mentions {
        assert!(lines[0].contains(mention), "{mention:?} in {:?}", lines[0]);
    }
    assert!(!String::from_utf8_lossy(&output.stdout).contains("listens"), "no banner");
}

#[test]
fn the_first_story() {
    let server = Limpid::durable();
    server.text().check("SET user:1 John", "OK");
    let server = server.crash().restart();
    assert!(server.banner().contains("loaded 1 key;"), "{}", server.banner());
    server.text().check("GET user:1", "John");
}

/// Writers count up, each in a key of its own, until the server is killed in the middle.
#[test]
fn every_acknowledged_write_survives_a_kill() {
    let mut server = Limpid::durable();
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    for round in 0..4 {
        let (report, reports) = mpsc::channel();
        let total = Arc::new(AtomicU64::new(0));
        let writers: Vec<_> = (0..8)
            .map(|id| {
                let (mut c, report, total) = (server.resp(), report.clone(), Arc::clone(&total));
                let key = format!("writer:{id}");
                let first = acknowledged.get(&key).copied().unwrap_or(0);
                thread::spawn(move || {
                    let mut done = first;
                    while let Ok(reply) = c.try_cmd(&["SET", &key, &(done + 1).to_string()]) {
                        assert_eq!(reply, status("OK"));
                        done += 1;
                        total.fetch_add(1, Ordering::Relaxed);
                    }
                    report.send((key, done)).expect("the test waits");
                })
            })
            .collect();
        drop(report);
        eventually("many writes", || total.load(Ordering::Relaxed) > 300 * (round + 1));
        server = server.crash().restart();
        writers.into_iter().for_each(|writer| writer.join().expect("only OKs came"));
        acknowledged.extend(reports);
        let mut c = server.resp();
        for (key, &done) in &acknowledged {
            let found = number(&c.cmd(&["GET", key]));
            assert!(found == done || found == done + 1, "{key}: {done} was acknowledged, {found} is there");
        }
        // What was not acknowledged and yet written counts from here on.
        for (key, done) in &mut acknowledged {
            *done = number(&c.cmd(&["GET", key]));
        }
    }
}

/// A reader polls what a writer writes as fast as it can, without waiting: what the reader has seen stays.
#[test]
fn no_client_sees_what_a_crash_takes_back() {
    let mut server = Limpid::durable();
    let mut next = 1;
    for _ in 0..4 {
        let mut writer = server.resp();
        writer.check(&format!("SET k {next}"), status("OK"));
        let mut stream = writer.stream().try_clone().expect("a connected socket");
        let writing = thread::spawn(move || {
            for i in next.. {
                use std::io::Write;
                let (i, other) = (i.to_string(), "x".repeat(200));
                let request = format!(
                    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{i}\r\n*3\r\n$3\r\nSET\r\n$1\r\no\r\n${}\r\n{other}\r\n",
                    i.len(),
                    other.len()
                );
                if stream.write_all(request.as_bytes()).is_err() {
                    return i.parse::<u64>().expect("printed above");
                }
            }
            unreachable!("the server is killed long before")
        });
        // Somebody has to take the writer's replies.
        let drain = thread::spawn(move || while writer.try_read().is_ok() {});
        let seen = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..3)
            .map(|id| {
                let (mut c, seen) = (server.resp(), Arc::clone(&seen));
                thread::spawn(move || {
                    loop {
                        let reply = match id {
                            0 | 1 => c.try_cmd(&["GET", "k"]),
                            // A write that changes nothing tells about the key, too.
                            _ => c.try_cmd(&["SET", "k", "never", "NX", "GET"]),
                        };
                        match reply {
                            Ok(Value::Null) => {}
                            Ok(value) => drop(seen.fetch_max(number(&value), Ordering::SeqCst)),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        let goal = next + 500;
        eventually("the reader sees many values", || seen.load(Ordering::SeqCst) > goal);
        server = server.crash().restart();
        readers.into_iter().for_each(|reader| reader.join().expect("it read numbers"));
        drain.join().expect("it only reads");
        let sent = writing.join().expect("it only writes");
        let (seen, kept) = (seen.load(Ordering::SeqCst), number(&server.resp().cmd(&["GET", "k"])));
        assert!(seen <= kept && kept <= sent, "{seen} was seen, {kept} is kept, {sent} was sent");
        next = kept + 1;
    }
}

/// Two keys change together or not at all.
#[test]
fn transactions_survive_whole() {
    let mut server = Limpid::durable();
    for round in 0..3 {
        let (count, counted) = mpsc::channel();
        let writers: Vec<_> = (0..4)
            .map(|id| {
                let (mut c, count) = (server.resp(), count.clone());
                thread::spawn(move || {
                    let (left, right) = (format!("left:{id}"), format!("right:{id}"));
                    for i in 0.. {
                        let value = format!("{round}:{i}");
                        let steps = [
                            vec!["MULTI"],
                            vec!["SET", &left, &value],
                            vec!["DEL", "between"],
                            vec!["SET", "between", &value],
                            vec!["SET", &right, &value],
                            vec!["EXEC"],
                        ];
                        if steps.iter().any(|step| c.try_cmd(step).is_err()) {
                            return (left, right, i);
                        }
                        let _ = count.send(());
                    }
                    unreachable!("the server is killed long before")
                })
            })
            .collect();
        counted.iter().take(200).for_each(drop);
        drop(counted);
        server = server.crash().restart();
        let mut c = server.resp();
        for writer in writers {
            let (left, right, done) = writer.join().expect("no assertion in it");
            let kept = c.cmd(&["GET", &left]);
            assert_eq!(kept, c.cmd(&["GET", &right]), "half a transaction");
            if done > 0 {
                let allowed = [format!("{round}:{}", done - 1), format!("{round}:{done}")];
                assert!(allowed.iter().any(|value| kept == bulk(value)), "{kept:?} is none of {allowed:?}");
            }
        }
    }
}

#[test]
fn deadlines_are_absolute() {
    let server = Limpid::durable();
    let mut c = server.text();
    c.check("SET a 1 EX 1000", "OK");
    c.check("SET b 1", "OK");
    c.check("EXPIRE b 1000", "OK");
    c.check("SET c 1 EXAT 4102444800", "OK");
    c.check("SET d 1 EX 1000", "OK");
    c.check("PERSIST d", "OK");
    c.check("SET e 1 EX 1000", "OK");
    c.check("SET e 2", "OK");
    c.check("SET f 1 EX 1000", "OK");
    c.check("SET f 2 KEEPTTL", "OK");
    let left_before: i64 = c.ask("TTL c").parse().expect("a number");
    let server = server.crash().restart();
    let mut c = server.text();
    for key in ["a", "b", "f"] {
        let left: i64 = c.ask(&format!("TTL {key}")).parse().expect("a number");
        assert!((900..=1000).contains(&left), "{key}: {left}");
    }
    let left: i64 = c.ask("TTL c").parse().expect("a number");
    assert!((left_before - 100..=left_before).contains(&left), "{left} of {left_before}");
    c.check("TTL d", "-1");
    c.check("TTL e", "-1");
    if knows("expiretime") {
        c.check("EXPIRETIME c", "4102444800");
    }
}

#[test]
fn expired_keys_do_not_come_back() {
    let server = Limpid::durable();
    let mut c = server.text();
    c.check("SET read v PX 30", "OK");
    c.check("SET unread v PX 30", "OK");
    c.check("SET again old PX 30", "OK");
    eventually("the key expires", || c.ask("GET read") == "nil");
    eventually("the key expires", || c.ask("SET again new NX") == "OK");
    let server = server.crash().restart();
    let mut c = server.text();
    c.check("EXISTS read unread", "0");
    c.check("GET again", "new");
    c.check("TTL again", "-1");
    c.check("KEYS *", "again");
}

/// An increment of a key that had expired begins a new key, without the old one's deadline.
#[test]
fn an_increment_after_expiry_is_replayed_as_one() {
    if !knows("incr") {
        return;
    }
    let server = Limpid::durable();
    let mut c = server.text();
    c.check("SET n 5 PX 30", "OK");
    eventually("the key expires", || c.ask("EXISTS n") == "0");
    c.check("INCR n", "1");
    c.check("SET m 5 PX 30", "OK");
    eventually("an increment finds nothing", || c.ask("INCR m") == "1");
    let server = server.crash().restart();
    let mut c = server.text();
    for key in ["n", "m"] {
        c.check(&format!("GET {key}"), "1");
        c.check(&format!("TTL {key}"), "-1");
    }
}

#[test]
fn keys_that_expire_while_the_server_is_down() {
    let server = Limpid::durable();
    let mut c = server.text();
    c.check("SET short v PX 20", "OK");
    c.check("SET long v EX 1000", "OK");
    let stopped = server.crash();
    let deadline = std::time::Instant::now() + std::time::Duration::from_millis(30);
    while std::time::Instant::now() < deadline {
        thread::yield_now();
    }
    let server = stopped.restart();
    assert!(server.banner().contains("loaded"), "{}", server.banner());
    let mut c = server.text();
    c.check("GET short", "nil");
    c.check("KEYS *", "long");
}

#[test]
fn a_torn_tail_is_cut_kept_and_reported() {
    let server = Limpid::durable();
    server.text().check("SET whole 1", "OK");
    let stopped = server.crash();
    let segment = only_segment(stopped.dir());
    let whole = fs::read(&segment).expect("readable");
    for (index, tail) in
        [&b"SET half"[..], b"SET torn 1\n", b"SET torn 1\n#commit 99 1 0", b"\0\0\0\0", b"\xff\n"]
            .into_iter()
            .enumerate()
    {
        fs::write(&segment, [&whole[..], tail].concat()).expect("writable");
        let server = Limpid::restarted(&stopped);
        let mut c = server.text();
        c.check("KEYS *", "whole");
        eventually("the report", || {
            let said = server.stderr();
            said.contains(&segment.file_name().expect("a file").to_string_lossy().into_owned())
                && said.contains(&whole.len().to_string())
                && said.contains(".torn")
        });
        let kept =
            files(stopped.dir(), "").into_iter().filter(|path| path.to_string_lossy().contains(".torn"));
        let kept: Vec<Vec<u8>> = kept.map(|path| fs::read(path).expect("readable")).collect();
        assert_eq!(kept.len(), index + 1, "each tail is kept");
        assert!(kept.iter().any(|kept| kept == tail), "{:?} is kept as it was", tail.escape_ascii());
        drop(server);
    }
}

/// The last group of a server that was killed, cut at every byte: all of it or nothing.
#[test]
fn cut_anywhere() {
    let server = Limpid::durable();
    let mut c = server.text();
    c.check("SET first 1", "OK");
    let before = fs::read(only_segment(server.dir())).expect("readable").len();
    c.check("SET second \"2 2\"", "OK");
    let stopped = server.crash();
    let segment = only_segment(stopped.dir());
    let whole = fs::read(&segment).expect("readable");
    for end in (before..whole.len()).step_by(7).chain([whole.len() - 1, whole.len()]) {
        fs::write(&segment, &whole[..end]).expect("writable");
        let server = Limpid::restarted(&stopped);
        let mut c = server.text();
        c.check("GET first", "1");
        c.check("GET second", if end == whole.len() { "2 2" } else { "nil" });
    }
}

#[test]
fn damage_is_refused() {
    let server = Limpid::durable();
    let mut c = server.text();
    for i in 0..20 {
        c.check(&format!("SET key:{i} value-{i}"), "OK");
    }
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));
    let segment = only_segment(stopped.dir());
    let whole = fs::read(&segment).expect("readable");
    let at = whole.windows(7).position(|window| window == b"value-7").expect("it was written");
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    fs::write(&segment, &damaged).expect("writable");
    let name = segment.file_name().expect("a file").to_string_lossy().into_owned();
    check_refused(&stopped.restart_refused(), &["damaged", &format!("{name}:"), "limpid check"]);
    assert_eq!(fs::read(&segment).expect("readable"), damaged, "nothing is changed");
    assert!(files(stopped.dir(), ".torn").is_empty(), "damage is no torn tail");
    fs::write(&segment, &whole).expect("writable");
    stopped.restart().text().check("GET key:7", "value-7");
}

#[test]
fn missing_files_are_refused() {
    let server = Limpid::durable();
    server.text().check("SET a 1", "OK");
    let stopped = server.stop();
    let segment = only_segment(stopped.dir());
    let whole = fs::read(&segment).expect("readable");
    fs::remove_file(&segment).expect("removable");
    check_refused(&stopped.restart_refused(), &[&segment.file_name().expect("a file").to_string_lossy()]);
    fs::write(&segment, &whole).expect("writable");
    let manifest = stopped.dir().join("MANIFEST");
    let listed = fs::read(&manifest).expect("readable");
    fs::remove_file(&manifest).expect("removable");
    check_refused(&stopped.restart_refused(), &["MANIFEST"]);
    fs::write(&manifest, "no manifest\n").expect("writable");
    check_refused(&stopped.restart_refused(), &["MANIFEST"]);
    fs::write(&manifest, &listed).expect("writable");
    stopped.restart().text().check("GET a", "1");
}

#[test]
fn one_directory_one_server() {
    let server = Limpid::durable();
    let dir = server.dir().to_str().expect("plain").to_owned();
    server.text().check("SET a 1", "OK");
    check_refused(&Limpid::refused(&["--dir", &dir]), &[&dir]);
    server.text().check("GET a", "1");
    // A killed server leaves no claim behind.
    server.crash().restart().text().check("GET a", "1");
}

#[test]
fn a_port_in_use() {
    let server = Limpid::start();
    let port = server.port().to_string();
    check_refused(&Limpid::refused(&["--port", &port]), &[&port]);
    server.text().check("PING", "PONG");
}

#[test]
fn an_unwritable_directory() {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("writable");
    for path in [file.clone(), file.join("below")] {
        let path = path.to_str().expect("plain").to_owned();
        check_refused(&Limpid::refused(&["--dir", &path]), &[&path]);
    }
    let proc = "/proc/limpid";
    check_refused(&Limpid::refused(&["--dir", proc]), &[proc]);
}

#[test]
fn wrong_options_name_the_right_ones() {
    for (arguments, mention) in [
        (&["--appendfsync", "sometimes"][..], "everysec, always, no"),
        (&["--appendonly", "maybe"], "'yes' or 'no'"),
        (&["--workers", "0"], "between 1 and"),
        (&["--maxclients", "many"], "an integer"),
        (&["--bind", "nowhere"], "not an IP address"),
        (&["--appendfsinc", "no"], "--appendfsync"),
        (&["/nonexistent/limpid.conf"], "/nonexistent/limpid.conf"),
    ] {
        let output = Limpid::refused(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(mention), "{arguments:?}: {said}");
    }
}

/// SIGTERM under load: exit code 0, and every reply that was received still holds, whatever the policy.
#[test]
fn an_orderly_stop_loses_nothing() {
    for policy in ["always", "everysec", "no"] {
        let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", policy]);
        let total = Arc::new(AtomicU64::new(0));
        let writers: Vec<_> = (0..4)
            .map(|id| {
                let (mut c, total) = (server.resp(), Arc::clone(&total));
                thread::spawn(move || {
                    let mut done = 0;
                    while let Ok(reply) = c.try_cmd(&["SET", &format!("w:{id}"), &(done + 1).to_string()]) {
                        assert_eq!(reply, status("OK"));
                        done += 1;
                        total.fetch_add(1, Ordering::Relaxed);
                    }
                    done
                })
            })
            .collect();
        eventually("some writes", || total.load(Ordering::Relaxed) > 200);
        let stopped = server.stop();
        assert_eq!(stopped.status.code(), Some(0), "{policy}");
        let done: Vec<u64> =
            writers.into_iter().map(|writer| writer.join().expect("only OKs came")).collect();
        let server = stopped.restart();
        let mut c = server.resp();
        for (id, done) in done.into_iter().enumerate() {
            let kept = number(&c.cmd(&["GET", &format!("w:{id}")]));
            assert!(kept == done || kept == done + 1, "{policy}: {done} were acknowledged, {kept} is kept");
        }
        assert!(files(server.dir(), ".torn").is_empty(), "{policy}: a clean stop tears nothing");
    }
}

/// A request that has been received is finished before the stop.
#[test]
fn a_stop_answers_what_was_received() {
    let server = Limpid::durable();
    let mut c = server.resp();
    for i in 0..1000 {
        c.send(&["SET", &format!("k{i}"), "v"]);
    }
    assert_eq!(c.read(), status("OK"));
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));
    let mut answered = 1;
    while let Ok(reply) = c.try_read() {
        assert_eq!(reply, status("OK"));
        answered += 1;
    }
    let server = stopped.restart();
    let mut c = server.resp();
    for i in 0..answered {
        c.check(&format!("EXISTS k{i}"), Value::Int(1));
    }
}

/// Under `everysec` and `no` the system has the bytes soon, and then a killed process loses nothing.
#[test]
fn weaker_policies_survive_a_kill_once_written() {
    for policy in ["everysec", "no"] {
        let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", policy]);
        let mut c = server.text();
        for i in 0..100 {
            c.check(&format!("SET k{i} v"), "OK");
        }
        eventually("the log has been written", || {
            let log = fs::read_to_string(only_segment(server.dir())).expect("text");
            log.lines().last().is_some_and(|last| last.starts_with("#commit ")) && log.contains("SET k99 v\n")
        });
        let server = server.crash().restart();
        assert!(server.banner().contains("loaded 100 keys"), "{policy}: {}", server.banner());
    }
}

#[test]
fn no_log_no_files() {
    let server = Limpid::start();
    assert!(server.banner().contains("in memory only"), "{}", server.banner());
    server.text().check("SET a 1", "OK");
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert_eq!(files(stopped.dir(), "").len(), 0, "nothing was written");
    stopped.restart().text().check("GET a", "nil");
}

/// A person can read it.
#[test]
fn the_log_is_text() {
    let server = Limpid::durable();
    let mut c = server.text();
    c.check("SET user:1 John", "OK");
    c.check("SET user:2 Jane Doe", "OK");
    c.check("EXPIRE user:1 1000", "OK");
    c.check("EXPIRE nosuchkey 1000", "0");
    c.check("DEL nosuchkey", "0");
    c.check("DEL user:2", "1");
    let stopped = server.stop();
    let log = fs::read_to_string(only_segment(stopped.dir())).expect("text");
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("# limpid aof 1"));
    let records: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    assert_eq!(records[..2], ["SET user:1 John", "SET user:2 \"Jane Doe\""]);
    assert!(records[2].starts_with("PEXPIREAT user:1 1"), "{records:?}");
    assert_eq!(records[3..], ["DEL user:2"]);
}

/// A log is written on: many lives, one data set.
#[test]
fn many_restarts() {
    let mut server = Limpid::durable();
    for life in 0..6 {
        let mut c = server.text();
        c.check(&format!("SET life:{life} yes"), "OK");
        c.check("SET last one", "OK");
        c.check(
            &format!("EXISTS {}", (0..=life).map(|n| format!("life:{n} ")).collect::<String>()),
            &format!("{}", life + 1),
        );
        let stopped: Stopped = if life % 2 == 0 { server.crash() } else { server.stop() };
        server = stopped.restart();
    }
}

#[test]
fn the_policy_changes_while_clients_write() {
    let server = Limpid::durable();
    let mut c = server.resp();
    for policy in ["no", "everysec", "always", "no", "always"] {
        assert_eq!(c.cmd(&["CONFIG", "SET", "appendfsync", policy]), status("OK"));
        assert_eq!(c.cmd(&["SET", "policy", policy]), status("OK"));
    }
    let server = server.crash().restart();
    assert_eq!(server.resp().cmd(&["GET", "policy"]), bulk("always"));
}
