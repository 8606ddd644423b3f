//! Sets, over the wire.

mod support;

use std::collections::BTreeSet;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, status};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

fn int(value: i64) -> Value {
    Value::Int(value)
}

/// Members, whatever their order.
fn members(value: Value) -> BTreeSet<Vec<u8>> {
    let (Value::Array(all) | Value::Set(all)) = value else { panic!("no members: {value:?}") };
    let count = all.len();
    let set: BTreeSet<Vec<u8>> = all
        .into_iter()
        .map(|member| match member {
            Value::Bulk(member) => member,
            other => panic!("no text: {other:?}"),
        })
        .collect();
    assert_eq!(set.len(), count, "each member once");
    set
}

#[track_caller]
fn check(c: &mut RespClient, command: &str, expected: &str) {
    let found = members(c.cmd(&command.split(' ').collect::<Vec<_>>()));
    let expected = expected.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
    assert_eq!(found, expected, "in reply to {command:?}");
}

#[test]
fn members_come_and_go() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SADD s a b a c", int(3));
    c.check("SADD s a d", int(1));
    c.check("SCARD s", int(4));
    c.check("SISMEMBER s a", int(1));
    c.check("SISMEMBER s z", int(0));
    c.check("SMISMEMBER s a z b", Value::Array(vec![int(1), int(0), int(1)]));
    c.check("SMISMEMBER nosuch a", Value::Array(vec![int(0)]));
    check(&mut c, "SMEMBERS s", "a b c d");
    check(&mut c, "SMEMBERS nosuch", "");
    c.check("SREM s a z b", int(2));
    c.check("SMOVE s t c", int(1));
    c.check("SMOVE s t c", int(0));
    c.check("SMOVE nosuch t c", int(0));
    c.check("SMOVE t t c", int(1));
    c.check("SMOVE s t d", int(1));
    c.check("EXISTS s", int(0));
    check(&mut c, "SMEMBERS t", "c d");
}

#[test]
fn what_sets_have_together_in_common_and_apart() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SADD a 1 2 3 4", int(4));
    c.check("SADD b 2 3 x", int(3));
    c.check("SADD c 3 x y", int(3));
    check(&mut c, "SINTER a b", "2 3");
    check(&mut c, "SINTER a b c", "3");
    check(&mut c, "SINTER a nosuch", "");
    check(&mut c, "SUNION a b nosuch", "1 2 3 4 x");
    check(&mut c, "SDIFF a b c", "1 4");
    check(&mut c, "SDIFF nosuch a", "");
    check(&mut c, "SDIFF a a", "");
    c.check("SINTERCARD 2 a b", int(2));
    c.check("SINTERCARD 2 a b LIMIT 1", int(1));
    c.check("SINTERCARD 3 a b c LIMIT 0", int(1));
    c.check("SINTERSTORE d a b", int(2));
    check(&mut c, "SMEMBERS d", "2 3");
    c.check("SUNIONSTORE a a c", int(6));
    check(&mut c, "SMEMBERS a", "1 2 3 4 x y");
    c.check("SDIFFSTORE d a a", int(0));
    c.check("EXISTS d", int(0));
    c.check("SET s text EX 100", status("OK"));
    c.check("SUNIONSTORE s b", int(3));
    c.check("TTL s", int(-1));
    c.check("TYPE s", status("set"));
    for (command, error) in [
        ("SINTERCARD 0 a", "ERR numkeys should be greater than 0"),
        ("SINTERCARD 2 a", "ERR Number of keys can't be greater than number of args"),
        ("SINTERCARD 1 a LIMIT -1", "ERR LIMIT can't be negative"),
        ("SINTERCARD 1 a FOO 1", "ERR syntax error"),
    ] {
        c.check_error(command, error);
    }
}

#[test]
fn other_types_are_left_alone() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET s text", status("OK"));
    c.check("SADD t a", int(1));
    for command in [
        "SADD s a",
        "SREM s a",
        "SCARD s",
        "SISMEMBER s a",
        "SMISMEMBER s a",
        "SMEMBERS s",
        "SPOP s",
        "SPOP s 1",
        "SRANDMEMBER s",
        "SMOVE s t a",
        "SMOVE t s a",
        "SINTER t s",
        "SUNION t s",
        "SDIFF t s",
        "SUNIONSTORE d t s",
        "SINTERCARD 2 nosuch s",
        "SINTER nosuch s",
        "SSCAN s 0",
    ] {
        c.check_error(command, WRONG_TYPE);
    }
    c.check("GET s", bulk("text"));
    check(&mut c, "SMEMBERS t", "a");
}

#[test]
fn by_chance() {
    let server = Limpid::durable();
    let mut c = server.resp();
    let all: Vec<String> = (0..1000).map(|number| format!("m{number}")).collect();
    let words: Vec<&str> = ["SADD", "s"].into_iter().chain(all.iter().map(String::as_str)).collect();
    c.check(&words.join(" "), int(1000));
    let known: BTreeSet<Vec<u8>> = all.iter().map(|member| member.clone().into_bytes()).collect();
    assert_eq!(members(c.cmd(&["SRANDMEMBER", "s", "2000"])), known);
    assert_eq!(members(c.cmd(&["SRANDMEMBER", "s", "100"])).len(), 100);
    let Value::Array(draws) = c.cmd(&["SRANDMEMBER", "s", "-5000"]) else { panic!("members") };
    assert_eq!(draws.len(), 5000);
    let different: BTreeSet<String> = draws.iter().map(|draw| format!("{draw:?}")).collect();
    assert!(different.len() > 900, "5000 draws of 1000 hit nearly all: {}", different.len());
    let popped = members(c.cmd(&["SPOP", "s", "400"]));
    assert_eq!(popped.len(), 400);
    let Value::Bulk(one) = c.cmd(&["SPOP", "s"]) else { panic!("a member") };
    let rest = members(c.cmd(&["SMEMBERS", "s"]));
    assert_eq!(rest.len(), 599);
    assert!(rest.is_disjoint(&popped) && !rest.contains(&one));
    // What chance has decided is the same after a crash.
    let server = server.crash().restart();
    let mut c = server.resp();
    assert_eq!(members(c.cmd(&["SMEMBERS", "s"])), rest);
    assert_eq!(members(c.cmd(&["SPOP", "s", "9999"])), rest);
    c.check("EXISTS s", int(0));
    c.check("SPOP s", Value::Null);
    check(&mut c, "SPOP s 1", "");
    c.check("SRANDMEMBER s", Value::Null);
    check(&mut c, "SRANDMEMBER s 1", "");
    c.check_error("SPOP s -1", "ERR value is out of range, must be positive");
    c.check_error("SRANDMEMBER s x", "ERR value is not an integer or out of range");
}

#[test]
fn how_they_are_kept() {
    let server = Limpid::start();
    let mut c = server.resp();
    let numbers = |from: i32, to: i32| (from..to).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    c.check(&format!("SADD n {}", numbers(0, 512)), int(512));
    c.check("OBJECT ENCODING n", bulk("intset"));
    c.check("SADD n 9223372036854775807 -9223372036854775808", int(2));
    c.check("OBJECT ENCODING n", bulk("hashtable"));
    c.check("SADD m 1 2 3", int(3));
    c.check("SADD m text", int(1));
    c.check("OBJECT ENCODING m", bulk("listpack"));
    let words = (0..200).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
    c.check(&format!("SADD m {words}"), int(200));
    c.check("OBJECT ENCODING m", bulk("hashtable"));
    c.check("SCARD m", int(204));
    // A number is a member by its text.
    c.check("SISMEMBER n 01", int(0));
    c.check("SISMEMBER n 1", int(1));
    c.cmd(&["HELLO", "3"]);
    assert!(matches!(c.cmd(&["SMEMBERS", "m"]), Value::Set(all) if all.len() == 204));
    assert!(matches!(c.cmd(&["SINTER", "m", "n"]), Value::Set(all) if all.len() == 3));
}

#[test]
fn a_scan_finds_whoever_stays() {
    let server = Limpid::start();
    let mut c = server.resp();
    for number in 0..2000 {
        c.cmd(&["SADD", "s", &format!("stays{number}")]);
    }
    let mut other = server.resp();
    let found = std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..4000 {
                other.cmd(&["SADD", "s", &format!("comes{number}")]);
                other.cmd(&["SREM", "s", &format!("comes{}", number / 2)]);
            }
        });
        let (mut found, mut cursor) = (BTreeSet::new(), "0".to_owned());
        loop {
            let Value::Array(step) = c.cmd(&["SSCAN", "s", &cursor, "COUNT", "37"]) else { panic!("a step") };
            let [Value::Bulk(next), more @ Value::Array(_)] = &step[..] else { panic!("{step:?}") };
            found.extend(members(more.clone()));
            cursor = String::from_utf8_lossy(next).into_owned();
            if cursor == "0" {
                return found;
            }
        }
    });
    for number in 0..2000 {
        assert!(found.contains(format!("stays{number}").as_bytes()), "stays{number}");
    }
    c.check("SSCAN nosuch 0", Value::Array(vec![bulk("0"), Value::Array(vec![])]));
    c.check_error("SSCAN s x", "ERR invalid cursor");
    c.check_error("SSCAN s 0 COUNT 0", "ERR syntax error");
}

#[test]
fn as_a_person_types_them() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("SADD tags red \"light blue\"", "2");
    c.check("SISMEMBER tags red", "1");
    c.check("SREM tags red", "1");
    c.check("SMEMBERS tags", "\"light blue\"");
    c.check("SPOP tags", "light blue");
    c.check("SMEMBERS tags", "");
}
