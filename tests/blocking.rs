//! Clients that wait for a key, over the wire.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, eventually, status};

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn bulks(words: &[&str]) -> Value {
    Value::Array(words.iter().map(bulk).collect())
}

/// A client that has sent a command which waits.
struct Waiting {
    client: RespClient,
    id: String,
}

impl Waiting {
    /// Whether its reply has come is the caller's to find out, by [`Waiting::reply`].
    fn start(server: &Limpid, looks: &mut RespClient, command: &str) -> Waiting {
        let mut client = server.resp();
        let Value::Int(id) = client.cmd(&["CLIENT", "ID"]) else { panic!("an id") };
        let before = blocked(looks);
        client.send(&command.split(' ').collect::<Vec<_>>());
        eventually("it waits", || blocked(looks) == before + 1);
        Waiting { client, id: id.to_string() }
    }

    #[track_caller]
    fn reply(&mut self) -> Value {
        self.client.read()
    }

    /// Its reply has not come: what it says to another command comes first.
    #[track_caller]
    fn still_waits(&mut self, looks: &mut RespClient) {
        let Value::Bulk(list) = looks.cmd(&["CLIENT", "LIST", "ID", &self.id]) else { panic!("a list") };
        let list = String::from_utf8_lossy(&list).into_owned();
        assert!(list.contains("flags=b"), "{list}");
    }
}

/// How many clients wait.
fn blocked(c: &mut RespClient) -> usize {
    c.info("blocked_clients").parse().expect("INFO counts them")
}

#[test]
fn whatever_is_there_is_taken_at_once() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("RPUSH l a b c d", int(4));
    c.check("ZADD z 1 a 2 b 3 c", int(3));
    c.check("BLPOP nosuch l 0", bulks(&["l", "a"]));
    c.check("BRPOP l 0", bulks(&["l", "d"]));
    c.check("BLMOVE l m LEFT RIGHT 0", bulk("b"));
    c.check("BRPOPLPUSH l m 0", bulk("c"));
    c.check("BLMPOP 0 2 nosuch m LEFT COUNT 5", Value::Array(vec![bulk("m"), bulks(&["c", "b"])]));
    c.check("BZPOPMIN nosuch z 0", bulks(&["z", "a", "1"]));
    c.check("BZPOPMAX z 0", bulks(&["z", "c", "3"]));
    let pairs = Value::Array(vec![bulks(&["b", "2"])]);
    c.check("BZMPOP 0 1 z MIN", Value::Array(vec![bulk("z"), pairs]));
    c.check("EXISTS l m z", int(0));
    c.check("SET s text", status("OK"));
    for command in [
        "BLPOP s 0",
        "BRPOP nosuch s 0",
        "BLMOVE s l LEFT LEFT 0",
        "BZPOPMIN s 0",
        "BLMPOP 0 1 s LEFT",
        "BZMPOP 0 1 s MAX",
    ] {
        c.check_error(command, "WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}

#[test]
fn what_is_wrong_with_a_wait() {
    let server = Limpid::start();
    let mut c = server.resp();
    for command in ["BLPOP l", "BRPOP l", "BLMOVE l m LEFT RIGHT", "BZPOPMIN z", "BRPOPLPUSH l m"] {
        for (timeout, error) in [
            ("-1", "ERR timeout is negative"),
            ("x", "ERR timeout is not a float or out of range"),
            ("nan", "ERR timeout is not a float or out of range"),
            ("inf", "ERR timeout is out of range"),
            ("1e17", "ERR timeout is out of range"),
        ] {
            c.check_error(&format!("{command} {timeout}"), error);
        }
    }
    for (command, error) in [
        ("BLMPOP -1 1 l LEFT", "ERR timeout is negative"),
        ("BZMPOP x 1 z MIN", "ERR timeout is not a float or out of range"),
        ("BLMPOP x 0 l LEFT", "ERR numkeys should be greater than 0"),
        ("BZMPOP x 0 z MIN", "ERR numkeys should be greater than 0"),
        ("BLMPOP 0 0 l LEFT", "ERR numkeys should be greater than 0"),
        ("BZMPOP 0 x z MIN", "ERR numkeys should be greater than 0"),
        ("BLMPOP 0 1 l MIDDLE", "ERR syntax error"),
        ("BLMPOP 0 1 l LEFT COUNT 0", "ERR count should be greater than 0"),
        ("BZMPOP 0 2 z MIN", "ERR syntax error"),
        ("BLMOVE l m LEFT UP 0", "ERR syntax error"),
    ] {
        c.check_error(command, error);
    }
}

#[test]
fn the_time_is_kept_to_the_millisecond() {
    let server = Limpid::start();
    let mut c = server.resp();
    for command in [
        "BLPOP l 0.05",
        "BRPOP l m 0.05",
        "BLMOVE l m LEFT LEFT 0.05",
        "BRPOPLPUSH l m 0.05",
        "BLMPOP 0.05 1 l LEFT",
        "BZPOPMIN z 0.05",
        "BZMPOP 0.05 1 z MAX",
    ] {
        let began = Instant::now();
        c.check(command, Value::Null);
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(50), "{command} took {took:?}");
        assert!(took < Duration::from_secs(5), "{command} took {took:?}");
    }
    // The shortest there is.
    c.check("BLPOP l 0.001", Value::Null);
}

#[test]
fn first_come_first_served() {
    const CLIENTS: usize = 40;
    let server = Limpid::start();
    let mut c = server.resp();
    let mut line: Vec<Waiting> = (0..CLIENTS).map(|_| Waiting::start(&server, &mut c, "BLPOP l 0")).collect();
    // One by one, several with one push, all the rest from a transaction.
    for number in 0..10 {
        c.check(&format!("RPUSH l {number}"), int(1));
    }
    c.check("RPUSH l 10 11 12 13 14", int(5));
    c.check("MULTI", status("OK"));
    for number in 15..CLIENTS {
        c.check(&format!("RPUSH l {number}"), status("QUEUED"));
    }
    c.cmd(&["EXEC"]);
    for (number, waiting) in line.iter_mut().enumerate() {
        assert_eq!(
            waiting.reply(),
            bulks(&["l", &number.to_string()]),
            "the client that came as number {number}"
        );
    }
    c.check("EXISTS l", int(0));
}

#[test]
fn whoever_goes_gives_its_place_to_the_next() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut line: Vec<Waiting> = (0..9).map(|_| Waiting::start(&server, &mut c, "BRPOP l 0")).collect();
    for index in [6, 3, 0] {
        drop(line.remove(index));
        eventually("it is gone", || blocked(&mut c) == line.len());
    }
    c.check(&format!("CLIENT UNBLOCK {}", line[0].id), int(1));
    assert_eq!(line.remove(0).reply(), Value::Null);
    c.check(&format!("CLIENT UNBLOCK {} ERROR", line[0].id), int(1));
    let refused = Value::Error("UNBLOCKED client unblocked via CLIENT UNBLOCK".into());
    assert_eq!(line[0].reply(), refused);
    c.check(&format!("CLIENT UNBLOCK {}", line[0].id), int(0));
    c.check_error(
        "CLIENT UNBLOCK 1 ERROR what",
        "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.",
    );
    // It is still there, and goes on with other things.
    line[0].client.check("PING", status("PONG"));
    c.check(&format!("CLIENT KILL ID {}", line[1].id), int(1));
    eventually("it is gone", || blocked(&mut c) == 3);
    for (number, waiting) in line[2..].iter_mut().enumerate() {
        c.check(&format!("LPUSH l {number}"), int(1));
        assert_eq!(waiting.reply(), bulks(&["l", &number.to_string()]));
    }
    assert_eq!(blocked(&mut c), 0);
}

#[test]
fn several_keys_in_their_order() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP a b c 0");
    c.check("RPUSH b 1", int(1));
    assert_eq!(waiting.reply(), bulks(&["b", "1"]));
    // Within a transaction all keys change before anybody looks: then the request's order counts.
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP a b c 0");
    for command in ["MULTI", "RPUSH c 3", "RPUSH a 1", "EXEC"] {
        c.cmd(&command.split(' ').collect::<Vec<_>>());
    }
    assert_eq!(waiting.reply(), bulks(&["a", "1"]));
    c.check("LRANGE c 0 -1", bulks(&["3"]));
    // It does not stand in the line of the other keys any more.
    c.check("RPUSH b 2", int(1));
    c.check("LLEN b", int(1));
    // The same key twice is one place in line.
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP d d 0");
    c.check("RPUSH d 1 2", int(2));
    assert_eq!(waiting.reply(), bulks(&["d", "1"]));
    c.check("LLEN d", int(1));
}

#[test]
fn in_a_transaction_nobody_waits() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    let commands = [
        "BLPOP l 0",
        "BRPOP l 0",
        "BLMOVE l m LEFT RIGHT 0",
        "BRPOPLPUSH l m 0",
        "BLMPOP 0 1 l LEFT",
        "BZPOPMIN z 0",
        "BZMPOP 0 1 z MIN",
    ];
    for command in commands {
        c.check(command, status("QUEUED"));
    }
    c.check("RPUSH l a", status("QUEUED"));
    c.check("BLPOP l 0", status("QUEUED"));
    let Value::Array(replies) = c.cmd(&["EXEC"]) else { panic!("an array") };
    for (reply, command) in replies.iter().zip(commands) {
        assert_eq!(reply, &Value::Null, "{command}");
    }
    assert_eq!(replies[commands.len()..], [int(1), bulks(&["l", "a"])]);
}

#[test]
fn a_transaction_is_over_before_whoever_it_wakes_looks() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP l 0");
    for command in ["MULTI", "RPUSH l a", "DEL l", "EXEC"] {
        c.cmd(&command.split(' ').collect::<Vec<_>>());
    }
    waiting.still_waits(&mut c);
    for command in ["MULTI", "SET l text", "DEL l", "RPUSH l b", "EXEC"] {
        c.cmd(&command.split(' ').collect::<Vec<_>>());
    }
    assert_eq!(waiting.reply(), bulks(&["l", "b"]));
}

/// Whatever makes the key a list, or a sorted set, is what was waited for.
#[test]
fn every_way_in_which_a_key_can_come() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("RPUSH source a", int(1));
    c.check("ZADD zsource 1 a", int(1));
    let Value::Bulk(dump) = c.cmd(&["DUMP", "source"]) else { panic!("a dump") };
    for command in [
        "COPY source l",
        "SORT source ALPHA STORE l",
        "RESTORE",
        "LMOVE other l LEFT LEFT",
        "RENAME other l",
        "MOVE",
        "SWAPDB",
    ] {
        c.check("DEL other l", int(i64::from(command == "nothing")));
        c.check("RPUSH other a", int(1));
        let mut waiting = Waiting::start(&server, &mut c, "BLPOP l 0");
        match command {
            "RESTORE" => assert_eq!(c.cmd_bytes(&[b"RESTORE", b"l", b"0", &dump]), status("OK")),
            "MOVE" | "SWAPDB" => {
                c.check("SELECT 1", status("OK"));
                c.check("RPUSH l a", int(1));
                let moved = if command == "MOVE" { "MOVE l 0" } else { "SWAPDB 0 1" };
                c.cmd(&moved.split(' ').collect::<Vec<_>>());
                c.check("SELECT 0", status("OK"));
            }
            _ => drop(c.cmd(&command.split(' ').collect::<Vec<_>>())),
        }
        assert_eq!(waiting.reply(), bulks(&["l", "a"]), "by {command}");
        c.check("FLUSHALL", status("OK"));
        c.check("RPUSH source a", int(1));
        c.check("ZADD zsource 1 a", int(1));
    }
    for command in [
        "ZADD z 1 a",
        "ZINCRBY z 1 a",
        "ZUNIONSTORE z 1 zsource",
        "ZINTERSTORE z 1 zsource",
        "ZDIFFSTORE z 1 zsource",
        "ZRANGESTORE z zsource 0 -1",
        "COPY zsource z",
        "RENAME zsource z",
    ] {
        let mut waiting = Waiting::start(&server, &mut c, "BZPOPMAX z 0");
        c.cmd(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(waiting.reply(), bulks(&["z", "a", "1"]), "by {command}");
    }
    let mut waiting = Waiting::start(&server, &mut c, "BZPOPMIN g 0");
    c.check("GEOADD g 13.361389 38.115556 a", int(1));
    assert_eq!(waiting.reply(), bulks(&["g", "a", "3479099956230698"]));
}

#[test]
fn another_type_is_nothing_to_wait_for() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP l 0");
    for command in ["SET l text", "DEL l", "ZADD l 1 a", "DEL l", "SADD l a"] {
        c.cmd(&command.split(' ').collect::<Vec<_>>());
    }
    waiting.still_waits(&mut c);
    // A sorted set's client behind a list's client: each gets its own.
    c.check("DEL l", int(1));
    let mut behind = Waiting::start(&server, &mut c, "BZPOPMIN l 0");
    c.check("ZADD l 1 a", int(1));
    assert_eq!(behind.reply(), bulks(&["l", "a", "1"]));
    waiting.still_waits(&mut c);
    c.check("RPUSH l b", int(1));
    assert_eq!(waiting.reply(), bulks(&["l", "b"]));
    // One of several keys becomes something else: the others still count, and the time ends without an error.
    for (command, push, reply) in [
        ("BLPOP k1 k2 0", "RPUSH k2 m", bulks(&["k2", "m"])),
        ("BLMPOP 0 2 k1 k2 LEFT", "RPUSH k2 m", Value::Array(vec![bulk("k2"), bulks(&["m"])])),
        ("BZPOPMIN k1 k2 0", "ZADD k2 1 m", bulks(&["k2", "m", "1"])),
        (
            "BZMPOP 0 2 k1 k2 MIN",
            "ZADD k2 1 m",
            Value::Array(vec![bulk("k2"), Value::Array(vec![bulks(&["m", "1"])])]),
        ),
    ] {
        let mut waiting = Waiting::start(&server, &mut c, command);
        c.check("SET k1 text", status("OK"));
        c.check(push, int(1));
        assert_eq!(waiting.reply(), reply, "{command}");
        c.check("DEL k1", int(1));
    }
    let mut waiting = Waiting::start(&server, &mut c, "BZPOPMIN k1 k2 0.1");
    c.check("SET k1 text", status("OK"));
    assert_eq!(waiting.reply(), Value::Null);
    // A move whose destination is no list fails when its turn comes.
    c.check("SET to text", status("OK"));
    let mut moving = Waiting::start(&server, &mut c, "BLMOVE from to LEFT LEFT 0");
    c.check("RPUSH from a", int(1));
    assert_eq!(
        moving.reply(),
        Value::Error("WRONGTYPE Operation against a key holding the wrong kind of value".into())
    );
    c.check("LRANGE from 0 -1", bulks(&["a"]));
}

#[test]
fn moves_that_wait_for_each_other() {
    const LENGTH: usize = 30;
    let server = Limpid::durable();
    let mut c = server.resp();
    let mut chain: Vec<Waiting> = (0..LENGTH)
        .map(|at| Waiting::start(&server, &mut c, &format!("BLMOVE l{at} l{} LEFT RIGHT 0", at + 1)))
        .collect();
    c.check("RPUSH l0 a", int(1));
    for waiting in &mut chain {
        assert_eq!(waiting.reply(), bulk("a"));
    }
    c.check(&format!("LRANGE l{LENGTH} 0 -1"), bulks(&["a"]));
    c.check("KEYS *", bulks(&[&format!("l{LENGTH}")]));
    // In a circle: once around, and it stays where nobody waits any more.
    let mut there = Waiting::start(&server, &mut c, "BRPOPLPUSH a b 0");
    let mut back = Waiting::start(&server, &mut c, "BRPOPLPUSH b a 0");
    c.check("RPUSH a x", int(1));
    assert_eq!(there.reply(), bulk("x"));
    assert_eq!(back.reply(), bulk("x"));
    c.check("LRANGE a 0 -1", bulks(&["x"]));
    // Onto itself.
    c.check("DEL a", int(1));
    let mut itself = Waiting::start(&server, &mut c, "BRPOPLPUSH a a 0");
    c.check("RPUSH a x y", int(2));
    assert_eq!(itself.reply(), bulk("y"));
    c.check("LRANGE a 0 -1", bulks(&["y", "x"]));
}

#[test]
fn a_wait_is_no_change_and_what_ends_it_is_one() {
    let server = Limpid::start();
    let (mut c, mut watcher) = (server.resp(), server.resp());
    watcher.check("WATCH l", status("OK"));
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP l 0");
    watcher.check("MULTI", status("OK"));
    watcher.check("PING", status("QUEUED"));
    watcher.check("EXEC", Value::Array(vec![status("PONG")]));
    watcher.check("WATCH l", status("OK"));
    c.check("RPUSH l a", int(1));
    assert_eq!(waiting.reply(), bulks(&["l", "a"]));
    watcher.check("MULTI", status("OK"));
    watcher.check("PING", status("QUEUED"));
    watcher.check("EXEC", Value::Null);
}

#[test]
fn requests_behind_a_wait_keep_their_place() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    c.send_bytes(b"SET k 1\r\nBLPOP l 0\r\nINCR k\r\nBLPOP l 0.01\r\nINCR k\r\n");
    assert_eq!(c.read(), status("OK"));
    eventually("it waits", || blocked(&mut other) == 1);
    other.check("GET k", bulk("1"));
    other.check("RPUSH l a", int(1));
    assert_eq!(c.read(), bulks(&["l", "a"]));
    assert_eq!(c.read(), int(2));
    assert_eq!(c.read(), Value::Null);
    assert_eq!(c.read(), int(3));
}

#[test]
fn a_person_waits_too() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.text(), server.resp());
    c.send("BLPOP l 0");
    eventually("it waits", || blocked(&mut other) == 1);
    other.check("RPUSH l hello", int(1));
    assert_eq!(c.line(), "l hello");
    c.check("BLPOP l 0.01", "nil");
    let mut resp3 = server.resp();
    resp3.cmd(&["HELLO", "3"]);
    resp3.send(&["BZPOPMIN", "z", "0"]);
    eventually("it waits", || blocked(&mut other) == 1);
    other.check("ZADD z 1.5 a", int(1));
    assert_eq!(resp3.read(), Value::Array(vec![bulk("z"), bulk("a"), Value::Double(1.5)]));
}

/// Producers and consumers, some of whom vanish while they wait: each element is taken once, and none is lost but
/// what was on its way to somebody who vanished.
#[test]
fn a_queue_under_fire() {
    const ELEMENTS: usize = 4000;
    let server = Limpid::start();
    let taken: Vec<usize> = thread::scope(|scope| {
        let consumers: Vec<_> = (0..8)
            .map(|_| {
                let mut c = server.resp();
                scope.spawn(move || {
                    let mut taken = Vec::new();
                    loop {
                        let Value::Array(pair) = c.cmd(&["BLPOP", "q:1", "q:2", "0"]) else {
                            panic!("a pair")
                        };
                        let Value::Bulk(text) = &pair[1] else { panic!("a text") };
                        match String::from_utf8_lossy(text).parse() {
                            Ok(number) => taken.push(number),
                            Err(_) => return taken,
                        }
                    }
                })
            })
            .collect();
        // They wait for a key that nobody ever makes, and vanish.
        let address = server.address();
        let vanishing = scope.spawn(move || {
            for _ in 0..200 {
                let mut c = RespClient::connect(address);
                c.send(&["BLPOP", "nothing", "q:3", "0"]);
            }
        });
        let producers: Vec<_> = (0..4)
            .map(|who| {
                let mut c = server.resp();
                scope.spawn(move || {
                    for number in (who..ELEMENTS).step_by(4) {
                        let key = if number % 3 == 0 { "q:1" } else { "q:2" };
                        c.cmd(&[if number % 2 == 0 { "LPUSH" } else { "RPUSH" }, key, &number.to_string()]);
                    }
                })
            })
            .collect();
        producers.into_iter().for_each(|producer| producer.join().expect("it only pushes"));
        vanishing.join().expect("it only connects");
        let mut c = server.resp();
        eventually("all is taken", || c.cmd(&["EXISTS", "q:1", "q:2"]) == int(0));
        for _ in 0..8 {
            c.cmd(&["RPUSH", "q:1", "end"]);
        }
        consumers.into_iter().flat_map(|consumer| consumer.join().expect("it only pops")).collect()
    });
    let mut sorted = taken;
    sorted.sort_unstable();
    assert_eq!(sorted, (0..ELEMENTS).collect::<Vec<_>>());
    let mut c = server.resp();
    eventually("whoever vanished waits no longer", || blocked(&mut c) == 0);
}

/// What a waiting client has been given is gone after a crash, and what nobody took is there.
#[test]
fn what_was_taken_stays_taken() {
    let server = Limpid::durable();
    let mut c = server.resp();
    let mut waiting = Waiting::start(&server, &mut c, "BLPOP l 0");
    let mut moving = Waiting::start(&server, &mut c, "BLMOVE l m LEFT LEFT 0");
    let mut popping = Waiting::start(&server, &mut c, "BZPOPMIN z 0");
    c.check("RPUSH l a b c", int(3));
    c.check("ZADD z 1 a 2 b", int(2));
    assert_eq!(waiting.reply(), bulks(&["l", "a"]));
    assert_eq!(moving.reply(), bulk("b"));
    assert_eq!(popping.reply(), bulks(&["z", "a", "1"]));
    let server = server.crash().restart();
    let mut c = server.resp();
    c.check("LRANGE l 0 -1", bulks(&["c"]));
    c.check("LRANGE m 0 -1", bulks(&["b"]));
    c.check("ZRANGE z 0 -1", bulks(&["b"]));
}
