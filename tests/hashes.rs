//! Hashes, over the wire.

mod support;

use limpid::protocol::Value;
use support::{Limpid, RespClient, Stopped, bulk, eventually, status};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn ints(values: &[i64]) -> Value {
    Value::Array(values.iter().copied().map(Value::Int).collect())
}

/// The server after a crash, and a client.
fn restarted(stopped: Stopped) -> (Limpid, RespClient) {
    let server = stopped.restart();
    let client = server.resp();
    (server, client)
}

fn bulks(words: &[&str]) -> Value {
    Value::Array(words.iter().map(bulk).collect())
}

#[test]
fn fields_come_change_and_go() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("HSET h a 1 b 2 a 3", int(2));
    c.check("HSET h a 4 c 5", int(1));
    c.check("HGET h a", bulk("4"));
    c.check("HGET h nosuch", Value::Null);
    c.check("HGET nosuch a", Value::Null);
    c.check("HMGET h a nosuch b", Value::Array(vec![bulk("4"), Value::Null, bulk("2")]));
    c.check("HMGET nosuch a b", Value::Array(vec![Value::Null, Value::Null]));
    c.check("HMSET h d 6", status("OK"));
    c.check("HSETNX h d 7", int(0));
    c.check("HSETNX h e 7", int(1));
    c.check("HLEN h", int(5));
    c.check("HSTRLEN h e", int(1));
    c.check("HSTRLEN h nosuch", int(0));
    c.check("HEXISTS h e", int(1));
    c.check("HEXISTS h nosuch", int(0));
    c.check("HGETALL h", bulks(&["a", "4", "b", "2", "c", "5", "d", "6", "e", "7"]));
    c.check("HKEYS h", bulks(&["a", "b", "c", "d", "e"]));
    c.check("HVALS h", bulks(&["4", "2", "5", "6", "7"]));
    c.check("HDEL h a nosuch b a", int(2));
    c.check("HGETDEL h FIELDS 2 c nosuch", Value::Array(vec![bulk("5"), Value::Null]));
    c.check("HDEL h d e", int(2));
    c.check("EXISTS h", int(0));
    c.check("HGETALL h", bulks(&[]));
    c.check("HKEYS h", bulks(&[]));
}

#[test]
fn any_bytes_are_a_field_or_a_value() {
    let server = Limpid::durable();
    let mut c = server.resp();
    let long = vec![b'x'; 100_000];
    let words: [&[u8]; 5] = [b"", b"\0\r\n\xff", b"\"quoted\"", b"-0", &long];
    for (field, value) in words.iter().zip(words.iter().rev()) {
        assert_eq!(c.cmd_bytes(&[b"HSET", b"h", field, value]), int(1));
    }
    let (_server, mut c) = restarted(server.crash());
    for (field, value) in words.iter().zip(words.iter().rev()) {
        assert_eq!(c.cmd_bytes(&[b"HGET", b"h", field]), bulk(value));
    }
}

#[test]
fn numbers_in_fields() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("HINCRBY h n 41", int(41));
    c.check("HINCRBY h n -50", int(-9));
    c.check("HINCRBYFLOAT h f 10.50", bulk("10.5"));
    c.check("HINCRBYFLOAT h f 0.1", bulk("10.6"));
    c.check("HINCRBYFLOAT h f 5.0e3", bulk("5010.60000000000000009"));
    c.check("HSET h text abc big 9223372036854775807", int(2));
    c.check_error("HINCRBY h text 1", "ERR hash value is not an integer");
    c.check_error("HINCRBY h big 1", "ERR increment or decrement would overflow");
    c.check_error("HINCRBY h n 1.5", "ERR value is not an integer or out of range");
    c.check_error("HINCRBYFLOAT h text 1", "ERR hash value is not a float");
    c.check_error("HINCRBYFLOAT h f x", "ERR value is not a valid float");
    c.check_error("HINCRBYFLOAT h f inf", "ERR value is NaN or Infinity");
    c.check("HGET h big", bulk("9223372036854775807"));
}

#[test]
fn what_is_wrong_with_a_request() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET s text", status("OK"));
    for command in [
        "HSET s a 1",
        "HSETNX s a 1",
        "HGET s a",
        "HMGET s a",
        "HGETALL s",
        "HKEYS s",
        "HVALS s",
        "HLEN s",
        "HSTRLEN s a",
        "HEXISTS s a",
        "HDEL s a",
        "HINCRBY s a 1",
        "HINCRBYFLOAT s a 1",
        "HRANDFIELD s",
        "HSCAN s 0",
        "HTTL s FIELDS 1 a",
        "HEXPIRE s 1 FIELDS 1 a",
        "HGETDEL s FIELDS 1 a",
    ] {
        c.check_error(command, WRONG_TYPE);
    }
    c.check_error("HSET h a", "ERR wrong number of arguments for 'hset' command");
    c.check_error("HSET h a 1 b", "ERR wrong number of arguments for 'hset' command");
    c.check_error("HMSET h a 1 b", "ERR wrong number of arguments for 'hmset' command");
    c.check_error("HRANDFIELD h 1 VALUES", "ERR syntax error");
    c.check_error("HRANDFIELD h x", "ERR value is not an integer or out of range");
    c.check_error("HSCAN h x", "ERR invalid cursor");
    c.check("GET s", bulk("text"));
}

/// Into a table and back through a dump: always the same fields, and an encoding that says how they are kept.
#[test]
fn small_and_large() {
    let server = Limpid::with(&["--appendfsync", "no"]);
    let mut c = server.resp();
    for number in 0..512 {
        c.check(&format!("HSET h f{number} {number}"), int(1));
    }
    c.check("OBJECT ENCODING h", bulk("listpack"));
    c.check("HSET h f512 512", int(1));
    c.check("OBJECT ENCODING h", bulk("hashtable"));
    let long = "x".repeat(65);
    c.check(&format!("HSET long a {long}"), int(1));
    c.check("OBJECT ENCODING long", bulk("hashtable"));
    for number in 0..5000 {
        c.cmd(&["HSET", "h", &format!("f{number}"), &number.to_string()]);
    }
    c.check("HLEN h", int(5000));
    let (_server, mut c) = restarted(server.stop());
    c.check("HLEN h", int(5000));
    for number in (0..5000).step_by(97) {
        c.check(&format!("HGET h f{number}"), bulk(number.to_string()));
    }
    let Value::Bulk(dump) = c.cmd(&["DUMP", "h"]) else { panic!("a dump") };
    assert_eq!(c.cmd_bytes(&[b"RESTORE", b"copy", b"0", &dump]), status("OK"));
    c.check("HLEN copy", int(5000));
    c.check("HGET copy f4999", bulk("4999"));
}

/// All fields of a hash, as HSCAN finds them.
fn scanned(c: &mut RespClient, key: &str, options: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let Value::Array(step) = c.cmd(&[&["HSCAN", key, &cursor], options].concat()) else {
            panic!("a step")
        };
        let [Value::Bulk(next), Value::Array(words)] = &step[..] else { panic!("{step:?}") };
        for word in words {
            let Value::Bulk(word) = word else { panic!("a text") };
            found.push(String::from_utf8_lossy(word).into_owned());
        }
        cursor = String::from_utf8_lossy(next).into_owned();
        if cursor == "0" {
            return found;
        }
    }
}

#[test]
fn a_scan_finds_every_field_while_others_come_and_go() {
    let server = Limpid::start();
    let mut c = server.resp();
    for number in 0..3000 {
        c.cmd(&["HSET", "h", &format!("stays{number}"), "1"]);
    }
    let mut other = server.resp();
    let found = std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..6000 {
                other.cmd(&["HSET", "h", &format!("comes{number}"), "1"]);
                if number % 3 == 0 {
                    other.cmd(&["HDEL", "h", &format!("comes{}", number / 2)]);
                }
            }
        });
        scanned(&mut c, "h", &["COUNT", "50", "NOVALUES"])
    });
    for number in 0..3000 {
        assert!(found.contains(&format!("stays{number}")), "stays{number}");
    }
    let few = scanned(&mut c, "h", &["MATCH", "stays299?", "COUNT", "500"]);
    assert_eq!(few.len(), 20, "ten fields and their values: {few:?}");
}

#[test]
fn fields_by_chance() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("HSET h a 1 b 2 c 3", int(3));
    let Value::Bulk(one) = c.cmd(&["HRANDFIELD", "h"]) else { panic!("a field") };
    assert!([&b"a"[..], b"b", b"c"].contains(&&*one));
    let len = |value: Value| match value {
        Value::Array(all) => all.len(),
        other => panic!("{other:?}"),
    };
    for (command, expected) in [
        ("HRANDFIELD h 2", 2),
        ("HRANDFIELD h 9", 3),
        ("HRANDFIELD h -9", 9),
        ("HRANDFIELD h 0", 0),
        ("HRANDFIELD h 2 WITHVALUES", 4),
        ("HRANDFIELD h -5 WITHVALUES", 10),
        ("HRANDFIELD nosuch 5", 0),
    ] {
        assert_eq!(len(c.cmd(&command.split(' ').collect::<Vec<_>>())), expected, "{command}");
    }
    c.check("HRANDFIELD nosuch", Value::Null);
    c.cmd(&["HELLO", "3"]);
    let Value::Array(pairs) = c.cmd(&["HRANDFIELD", "h", "3", "WITHVALUES"]) else { panic!("pairs") };
    assert!(pairs.iter().all(|pair| matches!(pair, Value::Array(pair) if pair.len() == 2)), "{pairs:?}");
    let Value::Map(all) = c.cmd(&["HGETALL", "h"]) else { panic!("a map") };
    assert_eq!(all.len(), 3);
}

#[test]
fn fields_have_lives_of_their_own() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("HSET h a 1 b 2 c 3", int(3));
    c.check("HEXPIRE h 100 FIELDS 3 a b nosuch", ints(&[1, 1, -2]));
    c.check("HTTL h FIELDS 4 a b c nosuch", ints(&[100, 100, -1, -2]));
    c.check("HEXPIRE h 50 NX FIELDS 2 a c", ints(&[0, 1]));
    c.check("HEXPIRE h 200 GT FIELDS 2 a c", ints(&[1, 1]));
    c.check("HEXPIRE h 300 LT FIELDS 1 a", ints(&[0]));
    c.check("HEXPIRE h 300 XX FIELDS 1 a", ints(&[1]));
    c.check("HPERSIST h FIELDS 3 a a nosuch", ints(&[1, -1, -2]));
    c.check("HPEXPIREAT h 33177117420000 FIELDS 1 a", ints(&[1]));
    c.check("HPEXPIRETIME h FIELDS 2 a nosuch", ints(&[33177117420000, -2]));
    c.check("HEXPIRETIME h FIELDS 1 a", ints(&[33177117420]));
    c.check("HSET h a 1", int(0));
    c.check("HTTL h FIELDS 1 a", ints(&[-1]));
    c.check("HPEXPIREAT h 33177117420000 FIELDS 1 a", ints(&[1]));
    c.check("HINCRBY h a 1", int(2));
    c.check("HPEXPIRETIME h FIELDS 1 a", ints(&[33177117420000]));
    c.check("HEXPIREAT h 1 FIELDS 1 a", ints(&[2]));
    c.check("HEXISTS h a", int(0));
    c.check("HGETEX h EX 100 FIELDS 2 b nosuch", Value::Array(vec![bulk("2"), Value::Null]));
    c.check("HTTL h FIELDS 1 b", ints(&[100]));
    c.check("HGETEX h PERSIST FIELDS 1 b", bulks(&["2"]));
    c.check("HTTL h FIELDS 1 b", ints(&[-1]));
    c.check("HSETEX h FNX EX 100 FIELDS 2 b 9 d 9", int(0));
    c.check("HSETEX h FXX EX 100 FIELDS 2 b 9 c 9", int(1));
    c.check("HSETEX h KEEPTTL FIELDS 1 b 8", int(1));
    c.check("HTTL h FIELDS 1 b", ints(&[100]));
    c.check("HMGET h b c", bulks(&["8", "9"]));
    c.check("HEXPIRE h 0 FIELDS 2 b c", ints(&[2, 2]));
    c.check("EXISTS h", int(0));
    c.check("HEXPIRE h 100 FIELDS 1 a", ints(&[-2]));
    c.check("HTTL h FIELDS 1 a", ints(&[-2]));
}

#[test]
fn what_is_wrong_with_a_fields_deadline() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("HSET h a 1", int(1));
    for (command, error) in [
        ("HEXPIRE h x FIELDS 1 a", "ERR value is not an integer or out of range"),
        ("HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"),
        ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"),
        ("HEXPIRE h 1 FIELD 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position"),
        ("HEXPIRE h 1 FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments"),
        ("HEXPIRE h 1 FIELDS 0 a", "ERR Parameter `numFields` should be greater than 0"),
        ("HTTL h FIELDS 0 a", "ERR Number of fields must be a positive integer"),
        (
            "HGETEX h EX 1 PERSIST FIELDS 1 a",
            "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified",
        ),
        ("HSETEX h FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified"),
    ] {
        c.check_error(command, error);
    }
    c.check("HTTL h FIELDS 1 a", ints(&[-1]));
}

#[test]
fn fields_end_in_time_and_for_good() {
    let server = Limpid::with(&["--sweep-period", "20"]);
    let mut c = server.resp();
    c.check("HSET h a 1 b 2", int(2));
    c.check("HSET gone a 1", int(1));
    c.check("HPEXPIRE h 30 FIELDS 1 a", ints(&[1]));
    c.check("HPEXPIRE gone 30 FIELDS 1 a", ints(&[1]));
    eventually("the field ends", || c.cmd(&["HEXISTS", "h", "a"]) == int(0));
    c.check("HGETALL h", bulks(&["b", "2"]));
    c.check("HLEN h", int(1));
    eventually("a hash goes with its last field", || c.cmd(&["EXISTS", "gone"]) == int(0));
    eventually("and is swept", || c.cmd(&["DBSIZE"]) == int(1));
    c.check("HPEXPIREAT h 33177117420000 FIELDS 1 b", ints(&[1]));
    let (_server, mut c) = restarted(server.crash());
    c.check("HGETALL h", bulks(&["b", "2"]));
    c.check("HPEXPIRETIME h FIELDS 1 b", ints(&[33177117420000]));
}

#[test]
fn as_a_person_types_them() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("HSET user:1 name John city \"New York\"", "2");
    c.check("HGET user:1 city", "New York");
    c.check("HGETALL user:1", "name John city \"New York\"");
    c.check("HMGET user:1 name nosuch", "John nil");
    c.check("HINCRBY user:1 visits 1", "1");
    c.check("HEXPIRE user:1 60 FIELDS 1 visits", "1");
    c.check("HTTL user:1 FIELDS 2 visits name", "60 -1");
    c.check("HDEL user:1 visits", "1");
    c.check("HSCAN user:1 0", "0 (name John city \"New York\")");
}
