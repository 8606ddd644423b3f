//! Keys of any type, over the wire.

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use limpid::data::Thresholds;
use limpid::data::hash::Hash;
use limpid::data::list::{End, List};
use limpid::data::rdb;
use limpid::data::set::Set;
use limpid::data::zset::ZSet;
use limpid::protocol::Value;
use support::{Limpid, PATIENCE, RespClient, bulk, status};

const OK: &str = "OK";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const NO_DB: &str = "ERR DB index is out of range";
const SAME: &str = "ERR source and destination objects are the same";

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn bulks(words: &[&str]) -> Value {
    Value::Array(words.iter().map(bulk).collect())
}

/// Stores a value by its dump.
#[track_caller]
fn restore(c: &mut RespClient, key: &str, dump: &[u8]) {
    assert_eq!(c.cmd_bytes(&[b"RESTORE", key.as_bytes(), b"0", dump, b"REPLACE"]), status(OK));
}

fn list(elements: &[&str]) -> Vec<u8> {
    let mut list = List::new();
    elements.iter().for_each(|e| list.push(End::Back, e.as_bytes(), &Thresholds::default()));
    rdb::list(&list)
}

fn set(members: &[&str]) -> Vec<u8> {
    let mut set = Set::new();
    members.iter().for_each(|member| _ = set.add(member.as_bytes(), &Thresholds::default()));
    rdb::set(&set)
}

fn zset(members: &[(&str, f64)]) -> Vec<u8> {
    let mut zset = ZSet::new();
    members.iter().for_each(|(m, score)| _ = zset.set(m.as_bytes(), *score, &Thresholds::default()));
    rdb::zset(&zset)
}

fn hash(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut hash = Hash::new();
    fields.iter().for_each(|(f, v)| _ = hash.set(f.as_bytes(), v.as_bytes(), 0, &Thresholds::default()));
    rdb::hash(&hash, 0)
}

/// Waits for a key's deadline, which must be near.
#[track_caller]
fn await_end(c: &mut RespClient, key: &str) {
    let until = Instant::now() + PATIENCE;
    while c.cmd(&["EXISTS", key]) == int(1) {
        assert!(Instant::now() < until, "{key} does not expire");
    }
}

#[test]
fn as_a_person_types_them() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("SET user:1 John", "OK");
    c.check("TYPE user:1", "string");
    c.check("TYPE user:2", "none");
    c.check("RENAME user:1 user:2", "OK");
    c.check("RENAMENX user:2 user:3", "1");
    c.check("COPY user:3 user:1", "1");
    c.check("EXISTS user:1 user:2 user:3 user:1", "3");
    c.check("MOVE user:1 5", "1");
    c.check("SELECT 5", "OK");
    c.check("GET user:1", "John");
    c.check("DBSIZE", "1");
    c.check("SCAN 0", "0 (user:1)");
    c.check("SCAN 0 MATCH nothing*", "0 ()");
    c.check("RANDOMKEY", "user:1");
    c.check("OBJECT ENCODING user:1", "embstr");
    c.check("UNLINK user:1", "1");
    c.check("RANDOMKEY", "nil");
    c.check("SWAPDB 0 5", "OK");
    c.check("GET user:3", "John");
    c.check("FLUSHALL", "OK");
    c.check("KEYS *", "");
    c.check("WAIT 1 10", "0");
    c.check("EXPIRE user:3 10", "0");
}

#[test]
fn a_name_takes_value_and_deadline_along() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET a 1 PXAT 33177117420000", status(OK));
    c.check("SET b 2", status(OK));
    c.check("RENAME a b", status(OK));
    c.check("GET b", bulk("1"));
    c.check("PEXPIRETIME b", int(33177117420000));
    c.check("EXISTS a", int(0));
    c.check("SET a 3", status(OK));
    c.check("RENAMENX a b", int(0));
    c.check("RENAMENX a c", int(1));
    c.check("RENAME c b", status(OK));
    c.check("TTL b", int(-1));
    c.check("RENAME b b", status(OK));
    c.check("RENAMENX b b", int(0));
    c.check_error("RENAME nosuch b", "ERR no such key");
    c.check_error("RENAMENX nosuch nosuch", "ERR no such key");
}

#[test]
fn a_copy_is_a_value_of_its_own() {
    let server = Limpid::start();
    let mut c = server.resp();
    restore(&mut c, "l", &list(&["a", "b"]));
    c.check("PEXPIREAT l 33177117420000", int(1));
    c.check("COPY l m", int(1));
    c.check("PEXPIRETIME m", int(33177117420000));
    c.check("DEL l", int(1));
    c.check("SORT m ALPHA DESC", bulks(&["b", "a"]));
    c.check("SET s 1", status(OK));
    c.check("COPY s m", int(0));
    c.check("COPY s m REPLACE", int(1));
    c.check("TYPE m", status("string"));
    c.check("TTL m", int(-1));
    c.check("COPY s s DB 3", int(1));
    c.check("COPY s s DB 3", int(0));
    c.check("COPY s s DB 3 REPLACE", int(1));
    c.check("COPY nosuch s", int(0));
    c.check_error("COPY s s", SAME);
    c.check_error("COPY s s DB 0", SAME);
    c.check_error("COPY s t DB", "ERR syntax error");
    c.check_error("COPY s t DB x", NOT_AN_INTEGER);
    c.check_error("COPY s t DB 16", NO_DB);
    c.check_error("COPY s t WHAT", "ERR syntax error");
}

#[test]
fn sixteen_databases() {
    let server = Limpid::start();
    let mut c = server.resp();
    for db in 0..16 {
        c.check(&format!("SELECT {db}"), status(OK));
        c.check(&format!("SET k {db}"), status(OK));
    }
    c.check_error("SELECT 16", NO_DB);
    c.check_error("SELECT -1", NO_DB);
    c.check_error("SELECT abc", NOT_AN_INTEGER);
    c.check_error(
        "SELECT 99999999999",
        "ERR value is out of range, value must between -2147483648 and 2147483647",
    );
    c.check("GET k", bulk("15"));
    c.check_error("MOVE k 15", SAME);
    c.check("MOVE k 3", int(0));
    c.check("MOVE nosuch 3", int(0));
    c.check_error("MOVE k 16", NO_DB);
    c.check("RENAME k other", status(OK));
    c.check("MOVE other 3", int(1));
    c.check("DBSIZE", int(0));
    c.check("SWAPDB 15 3", status(OK));
    c.check("GET other", bulk("15"));
    c.check("GET k", bulk("3"));
    c.check("SWAPDB 15 15", status(OK));
    c.check_error("SWAPDB a 1", "ERR invalid first DB index");
    c.check_error("SWAPDB 1 b", "ERR invalid second DB index");
    c.check_error("SWAPDB 1 16", NO_DB);
    c.check_error("FLUSHDB WHAT", "ERR syntax error");
    c.check_error("FLUSHALL SYNC ASYNC", "ERR syntax error");
    c.check("FLUSHDB ASYNC", status(OK));
    c.check("DBSIZE", int(0));
    c.check("SELECT 14", status(OK));
    c.check("DBSIZE", int(1));
    c.check("FLUSHALL SYNC", status(OK));
    c.check("DBSIZE", int(0));
}

#[test]
fn a_transaction_follows_its_selects() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status(OK));
    for command in
        ["SET k 0", "SELECT 7", "SET k 7", "SELECT 16", "SET other 7", "DBSIZE", "FLUSHALL", "SET k 8"]
    {
        c.check(command, status("QUEUED"));
    }
    let ok = || status(OK);
    let no_db = Value::Error(NO_DB.into());
    c.check("EXEC", Value::Array(vec![ok(), ok(), ok(), no_db, ok(), int(2), ok(), ok()]));
    c.check("DBSIZE", int(1));
    c.check("GET k", bulk("8"));
    c.check("SELECT 0", status(OK));
    c.check("DBSIZE", int(0));
}

#[test]
fn who_watches_a_key_hears_of_it_whatever_it_is_called() {
    let server = Limpid::start();
    let (mut watcher, mut c) = (server.resp(), server.resp());
    let mut check = |change: &[&str], aborts: bool| {
        c.check("FLUSHALL", status(OK));
        c.check("MSET k 1 other 2", status(OK));
        watcher.check("WATCH k", status(OK));
        change.iter().for_each(|command| _ = c.cmd(&command.split(' ').collect::<Vec<_>>()));
        watcher.check("MULTI", status(OK));
        watcher.check("PING", status("QUEUED"));
        let expected = if aborts { Value::Null } else { Value::Array(vec![status("PONG")]) };
        assert_eq!(watcher.cmd(&["EXEC"]), expected, "after {change:?}");
    };
    for change in [
        "RENAME k x",
        "RENAME other k",
        "COPY other k REPLACE",
        "MOVE k 1",
        "SWAPDB 0 1",
        "FLUSHDB",
        "FLUSHALL",
        "UNLINK k",
        "EXPIRE k 100",
        "EXPIRE k -1",
        "SORT nosuch STORE k",
    ] {
        check(&[change], true);
    }
    check(&["SELECT 1", "SET k 1", "FLUSHDB", "SELECT 0"], false);
    for change in ["COPY k x", "RENAME other x", "RENAMENX other k", "MOVE other 1", "TOUCH k", "PERSIST k"] {
        check(&[change], false);
    }
}

#[test]
fn a_key_that_is_due_is_gone_for_every_command() {
    let server = Limpid::start();
    let mut c = server.resp();
    for (command, reply) in [
        ("RENAME k x", Value::Error("ERR no such key".into())),
        ("COPY k x", int(0)),
        ("MOVE k 1", int(0)),
        ("TYPE k", status("none")),
        ("TOUCH k", int(0)),
        ("DUMP k", Value::Null),
        ("OBJECT ENCODING k", Value::Null),
        ("RANDOMKEY", Value::Null),
        ("KEYS *", bulks(&[])),
        ("SCAN 0", Value::Array(vec![bulk("0"), bulks(&[])])),
        ("PERSIST k", int(0)),
        ("TTL k", int(-2)),
        ("DEL k", int(0)),
    ] {
        c.check("FLUSHALL", status(OK));
        c.check("SET k v PX 1", status(OK));
        await_end(&mut c, "k");
        c.check(command, reply);
    }
    c.check("SET k v PX 1", status(OK));
    await_end(&mut c, "k");
    c.check("SET x v", status(OK));
    c.check("RENAMENX x k", int(1));
    c.check("TTL k", int(-1));
}

#[test]
fn expire_looks_at_its_options_before_its_number() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET k v", status(OK));
    c.check_error("EXPIRE k abc WHAT", "ERR Unsupported option WHAT");
    c.check_error("EXPIRE k abc", NOT_AN_INTEGER);
    c.check_error("EXPIRE k 10 NX XX", "ERR NX and XX, GT or LT options at the same time are not compatible");
    c.check_error("EXPIRE k 10 GT LT", "ERR GT and LT options at the same time are not compatible");
    c.check_error("EXPIRE k 9223372036854775807", "ERR invalid expire time in 'expire' command");
    c.check_error("PEXPIRE k 9223372036854775807", "ERR invalid expire time in 'pexpire' command");
    c.check("EXPIREAT k 9223372036854775", int(1));
    c.check("EXPIRE k 100 GT", int(0));
    c.check("EXPIRE k 100 NX", int(0));
    c.check("EXPIRE k 100 LT", int(1));
    c.check("EXPIRE k 200 XX GT", int(1));
    c.check("TTL k", int(200));
    c.check("PERSIST k", int(1));
    c.check("EXPIRE k 100 GT", int(0));
    c.check("EXPIRE k 100 XX", int(0));
    c.check("EXPIRE k 100 LT", int(1));
    c.check("EXPIRE k -1", int(1));
    c.check("EXPIRE k 10", int(0));
}

#[test]
fn how_values_are_kept() {
    let server = Limpid::start();
    let mut c = server.resp();
    for (value, encoding) in [
        ("12345", "int"),
        ("-9223372036854775808", "int"),
        ("9223372036854775808", "embstr"),
        ("007", "embstr"),
        (&"x".repeat(44), "embstr"),
        (&"x".repeat(45), "raw"),
    ] {
        assert_eq!(c.cmd(&["SET", "k", value]), status(OK));
        c.check("OBJECT ENCODING k", bulk(encoding));
    }
    c.check("SET k 12", status(OK));
    let Value::Status(told) = c.cmd(&["DEBUG", "OBJECT", "k"]) else { panic!("a line") };
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains(" encoding:int serializedlength:2 "), "{told}");
    assert_eq!(c.cmd(&["APPEND", "k", ""]), int(2));
    c.check("OBJECT ENCODING k", bulk("raw"));
    c.check("OBJECT REFCOUNT k", int(1));
    c.check_error("MEMORY USAGE k SAMPLES x", NOT_AN_INTEGER);
    c.check_error("MEMORY USAGE k SAMPLES -1", "ERR syntax error");
    c.check("OBJECT IDLETIME k", int(0));
    c.check_error(
        "OBJECT FREQ k",
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    c.check("OBJECT FREQ nosuch", Value::Null);
    c.check_error("OBJECT WHAT k", "ERR unknown subcommand 'WHAT'. Try OBJECT HELP.");
    c.check_error("OBJECT ENCODING", "ERR wrong number of arguments for 'object|encoding' command");
    let Value::Array(help) = c.cmd(&["OBJECT", "HELP"]) else { panic!("HELP is a list of lines") };
    assert!(help.contains(&status("ENCODING key")), "{help:?}");
}

#[test]
fn dumps_go_in_and_out() {
    let server = Limpid::start();
    let mut c = server.resp();
    // What Redis 7.0 answers.
    c.check("SET k 10", status(OK));
    c.check("DUMP k", bulk(b"\x00\xc0\x0a\x0a\x00\x6e\x9f\x57\x45\x0e\xae\x63\xbb"));
    c.check("DUMP nosuch", Value::Null);
    for (dump, kind, encoding) in [
        (list(&["a", "1", ""]), "list", "listpack"),
        (set(&["3", "1", "2"]), "set", "intset"),
        (set(&["a", "1"]), "set", "listpack"),
        (zset(&[("a", 1.5), ("b", f64::INFINITY)]), "zset", "listpack"),
        (hash(&[("f", "v"), ("g", "")]), "hash", "listpack"),
        (hash(&[("f", &"v".repeat(100))]), "hash", "hashtable"),
    ] {
        restore(&mut c, "v", &dump);
        c.check("TYPE v", status(kind));
        c.check("OBJECT ENCODING v", bulk(encoding));
        c.check("DUMP v", bulk(&dump));
    }
    let dump = rdb::string(b"hello");
    let mut restore = |key: &[u8], rest: &[&[u8]], reply: Value| {
        let words = [&[&b"RESTORE"[..], key], rest].concat();
        assert_eq!(c.cmd_bytes(&words), reply, "RESTORE {}", words[2].escape_ascii());
    };
    let error = |text: &str| Value::Error(text.into());
    restore(b"v", &[b"0", &dump], error("BUSYKEY Target key name already exists."));
    restore(b"new", &[b"-1", &dump], error("ERR Invalid TTL value, must be >= 0"));
    restore(b"new", &[b"x", &dump], error(NOT_AN_INTEGER));
    restore(
        b"new",
        &[b"0", &dump[..dump.len() - 1]],
        error("ERR DUMP payload version or checksum are wrong"),
    );
    restore(b"new", &[b"0", &dump, b"IDLETIME", b"-1"], error("ERR Invalid IDLETIME value, must be >= 0"));
    restore(
        b"new",
        &[b"0", &dump, b"FREQ", b"256"],
        error("ERR Invalid FREQ value, must be >= 0 and <= 255"),
    );
    restore(b"new", &[b"0", &dump, b"FREQ", b"1", b"IDLETIME", b"1"], error("ERR syntax error"));
    restore(b"new", &[b"33177117420000", &dump, b"ABSTTL", b"IDLETIME", b"1000"], status(OK));
    restore(b"gone", &[b"1", &dump, b"ABSTTL"], status(OK));
    restore(b"v", &[b"1", &dump, b"ABSTTL", b"REPLACE"], status(OK));
    c.check("EXISTS gone v", int(0));
    c.check("PEXPIRETIME new", int(33177117420000));
    let Value::Int(idle) = c.cmd(&["OBJECT", "IDLETIME", "new"]) else { panic!("a number of seconds") };
    assert!((1000..1000 + PATIENCE.as_secs() as i64).contains(&idle), "{idle}");
    c.check("CLIENT NO-TOUCH ON", status(OK));
    for asks in ["TYPE new", "STRLEN new", "GETRANGE new 0 1", "APPEND new x"] {
        c.cmd(&asks.split(' ').collect::<Vec<_>>());
    }
    let Value::Int(idle) = c.cmd(&["OBJECT", "IDLETIME", "new"]) else { panic!("a number of seconds") };
    assert!(idle >= 1000, "{idle}");
    c.check("TOUCH new", int(1));
    c.check("OBJECT IDLETIME new", int(0));
    c.check("CLIENT NO-TOUCH OFF", status(OK));
}

#[test]
fn sort_by_itself_and_by_what_others_hold() {
    let server = Limpid::start();
    let mut c = server.resp();
    restore(&mut c, "l", &list(&["3", "10", "1.5", "-2"]));
    c.check("SORT l", bulks(&["-2", "1.5", "3", "10"]));
    c.check("SORT l ALPHA", bulks(&["-2", "1.5", "10", "3"]));
    c.check("SORT l DESC LIMIT 1 2", bulks(&["3", "1.5"]));
    c.check("SORT_RO l BY nosort DESC", bulks(&["-2", "1.5", "10", "3"]));
    c.check_error("SORT_RO l STORE d", "ERR syntax error");
    restore(&mut c, "users", &set(&["1", "2", "3"]));
    c.check("MSET w_1 30 w_2 10 w_3 20", status(OK));
    restore(&mut c, "h_1", &hash(&[("name", "Ann"), ("age", "7")]));
    restore(&mut c, "h_2", &hash(&[("name", "Bob"), ("age", "9")]));
    c.check("SORT users BY w_*", bulks(&["2", "3", "1"]));
    c.check("SORT_RO users BY w_* GET # GET w_* LIMIT 0 2", bulks(&["2", "10", "3", "20"]));
    c.check("SORT users BY h_*->age DESC", bulks(&["2", "1", "3"]));
    let names = vec![Value::Null, bulk("Ann"), bulk("Bob")];
    c.check("SORT users BY h_*->name ALPHA GET h_*->name", Value::Array(names));
    c.check("SORT users BY w_* GET h_*->name STORE d", int(3));
    c.check("SORT d ALPHA", bulks(&["", "Ann", "Bob"]));
    c.check("SORT nosuch STORE d", int(0));
    c.check("EXISTS d", int(0));
    restore(&mut c, "z", &zset(&[("b", 1.0), ("a", 2.0)]));
    c.check("SORT z BY nosort", bulks(&["b", "a"]));
    c.check("SORT z BY nosort DESC LIMIT 0 1", bulks(&["a"]));
    c.check_error("SORT z", "ERR One or more scores can't be converted into double");
    c.check_error("SORT w_1", "WRONGTYPE Operation against a key holding the wrong kind of value");
    c.check_error("SORT l LIMIT a 1", NOT_AN_INTEGER);
}

/// One scan from start to end, calling each key's name.
fn scan(c: &mut RespClient, options: &str) -> Vec<String> {
    let (mut cursor, mut seen) = (String::from("0"), Vec::new());
    loop {
        let request = format!("SCAN {cursor} {options}");
        let reply = c.cmd(&request.trim_end().split(' ').collect::<Vec<_>>());
        let Value::Array(parts) = &reply else { panic!("{reply:?}") };
        let [Value::Bulk(next), Value::Array(keys)] = &parts[..] else { panic!("{reply:?}") };
        seen.extend(keys.iter().map(|key| match key {
            Value::Bulk(key) => String::from_utf8_lossy(key).into_owned(),
            other => panic!("{other:?}"),
        }));
        cursor = String::from_utf8_lossy(next).into_owned();
        if cursor == "0" {
            return seen;
        }
    }
}

#[test]
fn a_scan_finds_what_stays_while_others_come_and_go() {
    const STAY: usize = 1_000;
    let server = Limpid::start();
    let mut c = server.resp();
    for i in 0..STAY {
        // A third of them in one shard.
        let tag = if i % 3 == 0 { "{tag}" } else { "" };
        c.send(&["SET", &format!("{tag}stays:{i}"), "v"]);
    }
    (0..STAY).for_each(|_| assert_eq!(c.read(), status(OK)));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..2 {
            let (mut c, stop) = (server.resp(), &stop);
            scope.spawn(move || {
                for round in 0usize.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let verb = if round % 2 == 0 { "SET" } else { "DEL" };
                    for i in 0..500 {
                        let (tag, key) =
                            (if i % 3 == 0 { "{tag}" } else { "" }, format!("comes:{thread}:{i}"));
                        let words = [verb, &format!("{tag}{key}"), "v"];
                        c.send(if verb == "SET" { &words } else { &words[..2] });
                    }
                    (0..500).for_each(|_| _ = c.read());
                }
            });
        }
        for count in [1, 100] {
            let mut seen = HashMap::new();
            for key in scan(&mut c, &format!("COUNT {count}")) {
                *seen.entry(key).or_insert(0) += 1;
            }
            let stayed = seen.iter().filter(|(key, _)| key.contains("stays"));
            assert_eq!(stayed.clone().count(), STAY, "with COUNT {count}");
            assert!(stayed.into_iter().all(|(_, &times)| times == 1));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_scan_keeps_to_pattern_and_type() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MSET user:1 a user:2 b other c", status(OK));
    restore(&mut c, "user:list", &list(&["a"]));
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(sorted(scan(&mut c, "MATCH user:*")), "user:1 user:2 user:list");
    assert_eq!(sorted(scan(&mut c, "MATCH user:* TYPE string")), "user:1 user:2");
    assert_eq!(sorted(scan(&mut c, "TYPE LIST COUNT 1")), "user:list");
    assert_eq!(sorted(scan(&mut c, "TYPE nosuch")), "");
    c.check_error("SCAN abc", "ERR invalid cursor");
    c.check_error("SCAN 0 COUNT 0", "ERR syntax error");
    c.check_error("SCAN 0 COUNT x", NOT_AN_INTEGER);
    c.check_error("SCAN 0 MATCH", "ERR syntax error");
    c.check_error("SCAN 0 WHAT x", "ERR syntax error");
}

#[test]
fn what_has_a_new_name_has_it_after_a_crash() {
    let server = Limpid::durable();
    let mut c = server.text();
    for command in [
        "SET a 1",
        "SET b 2",
        "SET c 3 PXAT 33177117420000",
        "SET d 4",
        "RENAME a a2",
        "COPY b b2",
        "COPY c c2 DB 2",
        "MOVE d 3",
        "SWAPDB 3 4",
        "EXPIREAT b 33177117420",
        "SELECT 9",
        "SET gone 1",
        "FLUSHDB",
        "SET stays 1",
        "SELECT 0",
    ] {
        assert!(["OK", "1"].contains(&&c.ask(command)[..]), "{command}");
    }
    c.check("WAITAOF 1 0 0", "1 0");
    drop(c);
    let server = server.crash().restart();
    let mut c = server.text();
    c.check("MGET a a2 b b2 c d", "nil 1 2 2 3 nil");
    c.check("PEXPIRETIME b", "33177117420000");
    c.check("TTL b2", "-1");
    c.check("SELECT 2", "OK");
    c.check("PEXPIRETIME c2", "33177117420000");
    c.check("SELECT 3", "OK");
    c.check("DBSIZE", "0");
    c.check("SELECT 4", "OK");
    c.check("GET d", "4");
    c.check("SELECT 9", "OK");
    c.check("KEYS *", "stays");
}

#[test]
fn nobody_waits_for_replicas_that_there_are_none_of() {
    let server = Limpid::start();
    let mut c = server.resp();
    let start = Instant::now();
    c.check("WAIT 1 60000", int(0));
    assert!(start.elapsed() < Duration::from_secs(30));
    c.check("WAITAOF 0 0 0", Value::Array(vec![int(0), int(0)]));
    c.check_error("WAIT x 0", NOT_AN_INTEGER);
    c.check_error("WAIT 0 x", "ERR timeout is not an integer or out of range");
    c.check_error("WAIT 0 -1", "ERR timeout is negative");
    c.check_error("WAITAOF 2 0 0", "ERR value is out of range, value must between 0 and 1");
    c.check_error("WAITAOF 0 -1 0", "ERR value is out of range, must be positive");
    c.check_error(
        "WAITAOF 1 0 0",
        "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
    );
}

#[test]
fn a_key_that_is_due_ends_when_it_is_asked_for() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("DEBUG SET-ACTIVE-EXPIRE 0", status("OK"));
    // Due no later than `k`.
    c.check("SET other v PX 1", status("OK"));
    c.check("SET k v PX 1", status("OK"));
    await_end(&mut c, "k");
    c.check("DBSIZE", int(1));
    c.check("CLIENT PAUSE 100000 WRITE", status("OK"));
    c.check("GET other", Value::Null);
    c.check("DBSIZE", int(1));
    c.check("CLIENT UNPAUSE", status("OK"));
    c.check("MGET other k", Value::Array(vec![Value::Null, Value::Null]));
    c.check("DBSIZE", int(0));
}

#[test]
fn a_pattern_of_stars_matches_nothing() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check(&format!("SET {} 1", "a".repeat(50_000)), status("OK"));
    c.check(&format!("KEYS {}", "*?".repeat(50_000)), Value::Array(vec![]));
    c.check("PING", status("PONG"));
}
