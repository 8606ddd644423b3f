//! Keyspace notifications, over the wire.

mod support;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, eventually, status};

const OK: &str = "OK";
/// Published after a command, to know that all of its events have come.
const MARK: &str = "__keymark__:";

/// A writer, and a subscriber who hears what it does.
struct Pair {
    writes: RespClient,
    hears: RespClient,
}

impl Pair {
    /// `classes` of events; keys and events are both heard from the one kind of channel that is named in them.
    fn new(server: &Limpid, classes: &str) -> Pair {
        let (mut writes, mut hears) = (server.resp(), server.resp());
        writes.check(&format!("CONFIG SET notify-keyspace-events {classes}"), status(OK));
        hears.cmd(&["PSUBSCRIBE", "__key*"]);
        Pair { writes, hears }
    }

    /// Channel and message.
    #[track_caller]
    fn next(&mut self) -> (String, String) {
        let Value::Array(parts) = self.hears.read() else { panic!("a message") };
        let text = |part: &Value| match part {
            Value::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
            other => panic!("no text: {other:?}"),
        };
        (text(&parts[2]), text(&parts[3]))
    }

    /// What has happened up to now, as `event key`.
    #[track_caller]
    fn heard(&mut self) -> Vec<String> {
        self.writes.cmd(&["PUBLISH", MARK, ""]);
        let mut heard = Vec::new();
        loop {
            let (channel, message) = self.next();
            if channel == MARK {
                return heard;
            }
            heard.push(match channel.strip_prefix("__keyevent@0__:") {
                Some(event) => format!("{event} {message}"),
                None => format!("{channel} {message}"),
            });
        }
    }

    /// Runs a command, whatever it answers, and expects exactly these events.
    #[track_caller]
    fn check(&mut self, command: &str, events: &[&str]) {
        let words: Vec<&str> = command.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
        let reply = self.writes.cmd(&words);
        assert!(!matches!(reply, Value::Error(_)), "{command}: {reply:?}");
        assert_eq!(self.heard(), events, "of {command:?}");
    }
}

#[test]
fn nobody_is_told_what_nobody_has_asked_for() {
    let server = Limpid::start();
    let mut c = server.resp();
    let setting = |value: &str| Value::Array(vec![bulk("notify-keyspace-events"), bulk(value)]);
    c.check("CONFIG GET notify-keyspace-events", setting(""));
    for (given, spelled) in
        [("KEA", "AKE"), ("g$lshzxetdK", "AK"), ("Exn", "xnE"), ("KElsm", "lsKEm"), ("A", "A")]
    {
        c.check(&format!("CONFIG SET notify-keyspace-events {given}"), status(OK));
        c.check("CONFIG GET notify-keyspace-events", setting(spelled));
    }
    c.check_error(
        "CONFIG SET notify-keyspace-events KEq",
        "ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class \
         character. Use 'Ag$lshzxeKEtmdn'.",
    );
    for classes in ["A", "K$", "El", "K"] {
        let mut pair = Pair::new(&server, classes);
        let expected: &[&str] = if classes == "K$" { &["__keyspace@0__:k set"] } else { &[] };
        pair.check("SET k v", expected);
    }
    let mut pair = Pair::new(&server, "KEg");
    pair.check("DEL k", &["__keyspace@0__:k del", "del k"]);
}

#[test]
fn strings_and_keys() {
    let server = Limpid::durable();
    let mut pair = Pair::new(&server, "EAn");
    for (command, events) in [
        ("SET k v", &["new k", "set k"][..]),
        ("SET k v EX 100", &["set k", "expire k"]),
        ("SET k v NX", &[]),
        ("SETEX k 100 v", &["set k", "expire k"]),
        ("GETEX k PERSIST", &["persist k"]),
        ("GETEX k EX 9", &["expire k"]),
        ("APPEND k w", &["append k"]),
        ("SETRANGE k 1 x", &["setrange k"]),
        ("SETBIT k 1 1", &[]),
        ("SETBIT k 7 1", &["setbit k"]),
        ("BITFIELD k SET u8 0 7", &["setbit k"]),
        ("MSET a 1 b 2", &["new a", "set a", "new b", "set b"]),
        ("INCR a", &["incrby a"]),
        ("DECRBY a 5", &["incrby a"]),
        ("INCRBYFLOAT a 1.5", &["incrbyfloat a"]),
        ("BITOP OR c a b", &["new c", "set c"]),
        ("BITOP OR c nosuch", &["del c"]),
        ("PFADD p x", &["new p", "pfadd p"]),
        ("PFADD p x", &[]),
        ("PFMERGE q p", &["new q", "pfadd q"]),
        ("EXPIRE a 100", &["expire a"]),
        ("PERSIST a", &["persist a"]),
        ("PERSIST a", &[]),
        ("EXPIRE a -1", &["del a"]),
        ("RENAME b d", &["new d", "rename_from b", "rename_to d"]),
        ("SET b 1", &["new b", "set b"]),
        ("RENAME d b", &["new b", "rename_from d", "rename_to b"]),
        ("COPY b e", &["new e", "copy_to e"]),
        ("COPY b e REPLACE", &["new e", "copy_to e"]),
        ("GETDEL e", &["del e"]),
        ("DEL nosuch b k", &["del b", "del k"]),
        ("UNLINK p", &["del p"]),
        ("FLUSHALL", &[]),
    ] {
        pair.check(command, events);
    }
    pair.check("SET k v", &["new k", "set k"]);
    pair.check("MOVE k 3", &["__keyevent@3__:new k", "move_from k", "__keyevent@3__:move_to k"]);
}

#[test]
fn collections() {
    let server = Limpid::durable();
    let mut pair = Pair::new(&server, "EAn");
    for (command, events) in [
        ("RPUSH l a b c d e", &["new l", "rpush l"][..]),
        ("LPUSH l z", &["lpush l"]),
        ("LPUSHX nosuch z", &[]),
        ("LSET l 0 y", &["lset l"]),
        ("LINSERT l BEFORE a x", &["linsert l"]),
        ("LINSERT l BEFORE nosuch x", &[]),
        ("LREM l 0 x", &["lrem l"]),
        ("LREM l 0 x", &[]),
        ("LTRIM l 0 -1", &["ltrim l"]),
        ("LMOVE l m LEFT RIGHT", &["new m", "rpush m", "lpop l"]),
        ("RPOPLPUSH m l", &["lpush l", "rpop m", "del m"]),
        ("LPOP l 2", &["lpop l"]),
        ("LMPOP 1 l RIGHT COUNT 2", &["rpop l"]),
        ("SORT l ALPHA STORE s", &["new s", "sortstore s"]),
        ("BLPOP l 1", &["lpop l"]),
        ("RPOP l", &["rpop l", "del l"]),
        ("SORT l STORE s", &["del s"]),
        ("HSET h f 1 g 2", &["new h", "hset h"]),
        ("HSETNX h f 1", &[]),
        ("HINCRBY h f 1", &["hincrby h"]),
        ("HINCRBYFLOAT h f 1", &["hincrbyfloat h"]),
        ("HEXPIRE h 100 FIELDS 2 f nosuch", &["hexpire h"]),
        ("HPERSIST h FIELDS 1 f", &["hpersist h"]),
        ("HPERSIST h FIELDS 1 f", &[]),
        ("HGETEX h EX 100 FIELDS 1 f", &["hexpire h"]),
        ("HSETEX h EX 100 FIELDS 1 i 3", &["hset h", "hexpire h"]),
        ("HGETDEL h FIELDS 1 i", &["hdel h"]),
        ("HEXPIRE h 0 FIELDS 1 f", &["hdel h"]),
        ("HDEL h f g", &["hdel h", "del h"]),
        ("SADD t a b c", &["new t", "sadd t"]),
        ("SADD t a", &[]),
        ("SREM t a x", &["srem t"]),
        ("SREM t x", &[]),
        ("SMOVE t u b", &["srem t", "new u", "sadd u"]),
        ("SMOVE t u c", &["srem t", "del t", "sadd u"]),
        ("SUNIONSTORE t u", &["new t", "sunionstore t"]),
        ("SINTERSTORE t u", &["sinterstore t"]),
        ("SDIFFSTORE t u nosuch", &["sdiffstore t"]),
        ("SDIFFSTORE t u u", &["del t"]),
        ("SPOP u", &["spop u"]),
        ("SPOP u 5", &["spop u", "del u"]),
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", &["new z", "zadd z"]),
        ("ZADD z 1 a", &[]),
        ("ZADD z INCR 1 a", &["zincr z"]),
        ("ZINCRBY z 1 a", &["zincr z"]),
        ("ZREM z a nosuch", &["zrem z"]),
        ("ZPOPMIN z", &["zpopmin z"]),
        ("ZMPOP 1 z MAX", &["zpopmax z"]),
        ("ZUNIONSTORE y 1 z", &["new y", "zunionstore y"]),
        ("ZINTERSTORE y 2 z y", &["zinterstore y"]),
        ("ZDIFFSTORE y 2 z nosuch", &["zdiffstore y"]),
        ("ZRANGESTORE y z 0 -1", &["zrangestore y"]),
        ("ZRANGESTORE y nosuch 0 -1", &["del y"]),
        ("ZREMRANGEBYRANK z 0 0", &["zremrangebyrank z"]),
        ("ZREMRANGEBYSCORE z 4 4", &["zremrangebyscore z"]),
        ("ZREMRANGEBYLEX z - +", &["zremrangebylex z", "del z"]),
        ("GEOADD g 13.4 38.1 a", &["new g", "zadd g"]),
        ("GEOSEARCHSTORE y g FROMLONLAT 13 38 BYRADIUS 500 km", &["new y", "geosearchstore y"]),
        ("GEORADIUS g 13 38 500 km STORE y", &["georadiusstore y"]),
        ("BZPOPMIN g 1", &["zpopmin g", "del g"]),
    ] {
        pair.check(command, events);
    }
}

#[test]
fn dumps_and_misses() {
    let server = Limpid::start();
    let mut pair = Pair::new(&server, "Eg$m");
    pair.check("GET nosuch", &["keymiss nosuch"]);
    pair.check("EXISTS nosuch other", &["keymiss nosuch", "keymiss other"]);
    pair.check("LPUSHX nosuch a", &[]);
    pair.check("SET k v GET", &["keymiss k", "set k"]);
    let Value::Bulk(dump) = pair.writes.cmd(&["DUMP", "k"]) else { panic!("a dump") };
    assert_eq!(pair.writes.cmd_bytes(&[b"RESTORE", b"r", b"0", &dump]), status(OK));
    assert_eq!(pair.heard(), ["restore r"]);
    assert_eq!(pair.writes.cmd_bytes(&[b"RESTORE", b"r", b"1", &dump, b"REPLACE", b"ABSTTL"]), status(OK));
    assert_eq!(pair.heard(), ["del r"]);
}

#[test]
fn a_transaction_is_told_in_its_order_and_as_one() {
    let server = Limpid::durable();
    let mut pair = Pair::new(&server, "EA");
    pair.hears.cmd(&["SUBSCRIBE", "news"]);
    for command in ["MULTI", "SET a 1", "PUBLISH news between", "LPUSH l 1", "GET a", "RPOP l"] {
        pair.writes.cmd(&command.split(' ').collect::<Vec<_>>());
    }
    let replies = pair.writes.cmd(&["EXEC"]);
    let Value::Array(replies) = replies else { panic!("{replies:?}") };
    assert_eq!(replies[1], Value::Int(1), "one client hears the news");
    let event = |event: &str, key: &str| (format!("__keyevent@0__:{event}"), key.to_owned());
    assert_eq!(pair.next(), event("set", "a"));
    assert_eq!(pair.hears.read(), Value::Array(vec![bulk("message"), bulk("news"), bulk("between")]));
    for (name, key) in [("lpush", "l"), ("rpop", "l"), ("del", "l")] {
        assert_eq!(pair.next(), event(name, key));
    }
}

#[test]
fn whoever_waited_is_told_of_after_who_woke_it() {
    let server = Limpid::durable();
    let mut pair = Pair::new(&server, "EA");
    let mut waits = server.resp();
    waits.send(&["BLMOVE", "from", "to", "LEFT", "LEFT", "0"]);
    eventually("it waits", || pair.writes.info("blocked_clients") == "1");
    pair.check("RPUSH from a", &["rpush from", "lpush to", "lpop from", "del from"]);
}

#[test]
fn the_end_of_a_life() {
    let server = Limpid::with(&["--appendonly", "no", "--sweep-period", "10"]);
    let mut pair = Pair::new(&server, "Exh");
    pair.check("SET k v PX 1", &[]);
    assert_eq!(pair.next(), ("__keyevent@0__:expired".into(), "k".into()));
    pair.check("HSET h f 1 g 2", &["hset h"]);
    pair.writes.cmd(&["HPEXPIRE", "h", "1", "FIELDS", "1", "f"]);
    assert_eq!(pair.next(), ("__keyevent@0__:hexpire".into(), "h".into()));
    assert_eq!(pair.next(), ("__keyevent@0__:hexpired".into(), "h".into()));
    // Nobody sweeps here: whoever writes to the key removes it.
    let server = Limpid::with(&["--appendonly", "no", "--sweep-period", "3600000"]);
    let mut pair = Pair::new(&server, "Eglx");
    pair.check("RPUSH l a", &["rpush l"]);
    pair.check("PEXPIRE l 1", &["expire l"]);
    eventually("it ends", || pair.writes.cmd(&["EXISTS", "l"]) == Value::Int(0));
    pair.check("RPUSH l b", &["expired l", "rpush l"]);
}

#[test]
fn every_protocol_spells_them() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("CONFIG SET notify-keyspace-events KEA", status(OK));
    let (mut text, mut resp3) = (server.text(), server.resp());
    text.check("SUBSCRIBE __keyspace@0__:k", "subscribe __keyspace@0__:k 1");
    resp3.cmd(&["HELLO", "3"]);
    resp3.cmd(&["SUBSCRIBE", "__keyevent@0__:set"]);
    c.check("SET k v", status(OK));
    assert_eq!(text.line(), "message __keyspace@0__:k set");
    assert_eq!(resp3.read(), Value::Push(vec![bulk("message"), bulk("__keyevent@0__:set"), bulk("k")]));
    // Its own changes as well.
    resp3.send(&["SET", "own", "v"]);
    let mut both = [resp3.read(), resp3.read()];
    both.sort_by_key(|value| matches!(value, Value::Push(_)));
    assert_eq!(both[0], status(OK));
    assert_eq!(both[1], Value::Push(vec![bulk("message"), bulk("__keyevent@0__:set"), bulk("own")]));
}

/// What is told has happened for good: of writes that the log could not take, nobody hears.
#[test]
fn nobody_hears_of_what_a_crash_could_take_back() {
    let server = Limpid::limited_to_kib(64, &["--appendonly", "yes", "--appendfsync", "always"]);
    let mut pair = Pair::new(&server, "E$");
    let value = "x".repeat(1000);
    let mut acknowledged = 0;
    while pair.writes.cmd(&["SET", &format!("k{acknowledged}"), &value]) == status(OK) {
        acknowledged += 1;
    }
    assert!(acknowledged > 10, "the log takes a few dozen");
    for number in 0..acknowledged {
        assert_eq!(pair.next(), ("__keyevent@0__:set".into(), format!("k{number}")));
    }
    // Reads go on, and so do messages that tell of nothing that was written.
    let mut other = server.resp();
    other.cmd(&["SUBSCRIBE", "still here"]);
    let mut count = 0;
    let mut speaker = server.resp();
    eventually("the server answers", || {
        count += 1;
        speaker.cmd(&["PUBLISH", "still here", "yes"]) == Value::Int(1)
    });
    drop(server.crash());
    assert!(pair.hears.try_read().is_err(), "nothing more is told before the end");
}
