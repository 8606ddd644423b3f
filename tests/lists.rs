//! Lists, over the wire.

mod support;

use std::collections::VecDeque;

use limpid::protocol::Value;
use support::{Limpid, bulk, status};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

fn int(value: i64) -> Value {
    Value::Int(value)
}

fn bulks<W: AsRef<[u8]>>(words: &[W]) -> Value {
    Value::Array(words.iter().map(bulk).collect())
}

#[test]
fn both_ends() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("RPUSH l c d", int(2));
    c.check("LPUSH l b a", int(4));
    c.check("LPUSHX l z", int(5));
    c.check("RPUSHX nosuch z", int(0));
    c.check("EXISTS nosuch", int(0));
    c.check("LRANGE l 0 -1", bulks(&["z", "a", "b", "c", "d"]));
    c.check("LLEN l", int(5));
    c.check("LPOP l", bulk("z"));
    c.check("RPOP l", bulk("d"));
    c.check("LPOP l 2", bulks(&["a", "b"]));
    c.check("LPOP l 0", bulks::<&str>(&[]));
    c.check("RPOP l 9", bulks(&["c"]));
    c.check("EXISTS l", int(0));
    c.check("LPOP l", Value::Null);
    c.check("LPOP l 1", Value::Null);
    c.check("RPUSH l a b c", int(3));
    c.check("RPOP l 2", bulks(&["c", "b"]));
    c.check_error("LPOP l -1", "ERR value is out of range, must be positive");
    c.check_error("LPOP l x", "ERR value is out of range, must be positive");
    c.check_error("LPOP l 1 1", "ERR wrong number of arguments for 'lpop' command");
}

#[test]
fn from_the_middle() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("RPUSH l a b c b a", int(5));
    for (range, expected) in [
        ("0 1", &["a", "b"][..]),
        ("-2 -1", &["b", "a"]),
        ("-100 0", &["a"]),
        ("3 100", &["b", "a"]),
        ("2 1", &[]),
        ("9 10", &[]),
    ] {
        c.check(&format!("LRANGE l {range}"), bulks(expected));
    }
    c.check("LINDEX l 2", bulk("c"));
    c.check("LINDEX l -1", bulk("a"));
    c.check("LINDEX l 5", Value::Null);
    c.check("LSET l -1 z", status("OK"));
    c.check_error("LSET l 5 z", "ERR index out of range");
    c.check_error("LSET nosuch 0 z", "ERR no such key");
    c.check("LINSERT l BEFORE c x", int(6));
    c.check("LINSERT l after c y", int(7));
    c.check("LINSERT l BEFORE nosuch x", int(-1));
    c.check("LINSERT nosuch BEFORE a x", int(0));
    c.check_error("LINSERT l BESIDE a x", "ERR syntax error");
    c.check("LRANGE l 0 -1", bulks(&["a", "b", "x", "c", "y", "b", "z"]));
    c.check("LREM l 1 b", int(1));
    c.check("LREM l -1 nosuch", int(0));
    c.check("LPOS l b", int(4));
    c.check("LTRIM l 1 -2", status("OK"));
    c.check("LRANGE l 0 -1", bulks(&["x", "c", "y", "b"]));
    c.check("LTRIM l 5 9", status("OK"));
    c.check("EXISTS l", int(0));
    c.check("LTRIM l 0 1", status("OK"));
}

#[test]
fn where_an_element_is() {
    let server = Limpid::start();
    let mut c = server.resp();
    let ints = |all: &[i64]| Value::Array(all.iter().copied().map(Value::Int).collect());
    c.check("RPUSH l a b c 1 2 3 c c", int(8));
    c.check("LPOS l c", int(2));
    c.check("LPOS l c RANK 2", int(6));
    c.check("LPOS l c RANK -1", int(7));
    c.check("LPOS l c RANK 4", Value::Null);
    c.check("LPOS l c COUNT 2", ints(&[2, 6]));
    c.check("LPOS l c COUNT 0 RANK -1", ints(&[7, 6, 2]));
    c.check("LPOS l c MAXLEN 2", Value::Null);
    c.check("LPOS l c COUNT 0 MAXLEN 7", ints(&[2, 6]));
    c.check("LPOS l nosuch", Value::Null);
    c.check("LPOS l nosuch COUNT 1", ints(&[]));
    c.check("LPOS nosuch a", Value::Null);
    c.check_error("LPOS l c COUNT -1", "ERR COUNT can't be negative");
    c.check_error("LPOS l c MAXLEN -1", "ERR MAXLEN can't be negative");
    c.check_error("LPOS l c RANK x", NOT_AN_INTEGER);
    c.check_error("LPOS l c FOO 1", "ERR syntax error");
}

#[test]
fn from_list_to_list() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("RPUSH l a b c d", int(4));
    c.check("LMOVE l m LEFT RIGHT", bulk("a"));
    c.check("LMOVE l m RIGHT LEFT", bulk("d"));
    c.check("RPOPLPUSH l m", bulk("c"));
    c.check("LRANGE m 0 -1", bulks(&["c", "d", "a"]));
    c.check("LMOVE m m LEFT RIGHT", bulk("c"));
    c.check("LRANGE m 0 -1", bulks(&["d", "a", "c"]));
    c.check("LMOVE l l LEFT LEFT", bulk("b"));
    c.check("LMOVE l m LEFT LEFT", bulk("b"));
    c.check("EXISTS l", int(0));
    c.check("LMOVE l m LEFT LEFT", Value::Null);
    c.check_error("LMOVE l m LEFT UP", "ERR syntax error");
    c.check("SET s text", status("OK"));
    c.check_error("LMOVE m s LEFT LEFT", WRONG_TYPE);
    c.check_error("LMOVE s m LEFT LEFT", WRONG_TYPE);
    c.check("LMOVE nosuch s LEFT LEFT", Value::Null);
    c.check("LLEN m", int(4));
    c.check("LMPOP 2 nosuch m LEFT COUNT 3", Value::Array(vec![bulk("m"), bulks(&["b", "d", "a"])]));
    c.check("LMPOP 1 nosuch RIGHT", Value::Null);
    c.check_error("LMPOP 0 m LEFT", "ERR numkeys should be greater than 0");
    c.check_error("LMPOP 1 m LEFT COUNT 0", "ERR count should be greater than 0");
    c.check_error("LMPOP 1 m LEFT COUNT 1 COUNT 1", "ERR syntax error");
    c.check_error("LMPOP 1 s LEFT", WRONG_TYPE);
}

#[test]
fn other_types_are_left_alone() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET s text", status("OK"));
    for command in [
        "LPUSH s a",
        "RPUSH s a",
        "LPUSHX s a",
        "LPOP s",
        "LLEN s",
        "LRANGE s 0 1",
        "LINDEX s 0",
        "LSET s 0 a",
        "LINSERT s BEFORE a b",
        "LREM s 0 a",
        "LTRIM s 0 1",
        "LPOS s a",
    ] {
        c.check_error(command, WRONG_TYPE);
    }
    c.check("GET s", bulk("text"));
    for command in ["LRANGE l x 1", "LREM l x a", "LTRIM l 0 x"] {
        c.check_error(command, NOT_AN_INTEGER);
    }
}

/// Long and short elements, numbers and bytes, through many nodes; and the same again after a restart.
#[test]
fn a_long_list_against_a_deque() {
    let server = Limpid::with(&["--appendfsync", "no"]);
    let mut c = server.resp();
    let mut model: VecDeque<Vec<u8>> = VecDeque::new();
    let mut seed = 7_u64;
    let mut random = |end: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % end
    };
    for step in 0..4000 {
        let element = match random(4) {
            0 => step.to_string().into_bytes(),
            1 => vec![b'x'; random(300)],
            2 => vec![0, 255, b'\r', b'\n'],
            _ => vec![b'y'; if random(100) == 0 { 20_000 } else { 3 }],
        };
        match random(8) {
            0 => {
                let popped = model.pop_front();
                assert_eq!(c.cmd(&["LPOP", "l"]), popped.map_or(Value::Null, bulk));
            }
            1 => {
                let popped = model.pop_back();
                assert_eq!(c.cmd(&["RPOP", "l"]), popped.map_or(Value::Null, bulk));
            }
            2 | 3 => {
                model.push_front(element.clone());
                assert_eq!(c.cmd_bytes(&[b"LPUSH", b"l", &element]), int(model.len() as i64));
            }
            4 | 5 => {
                model.push_back(element.clone());
                assert_eq!(c.cmd_bytes(&[b"RPUSH", b"l", &element]), int(model.len() as i64));
            }
            6 if !model.is_empty() => {
                let at = random(model.len());
                model[at] = element.clone();
                let at = at.to_string();
                assert_eq!(c.cmd_bytes(&[b"LSET", b"l", at.as_bytes(), &element]), status("OK"));
            }
            _ if !model.is_empty() => {
                let at = random(model.len());
                assert_eq!(c.cmd(&["LINDEX", "l", &at.to_string()]), bulk(&model[at]));
            }
            _ => {}
        }
    }
    let all = bulks(model.make_contiguous());
    c.check("OBJECT ENCODING l", bulk("quicklist"));
    c.check("LRANGE l 0 -1", all.clone());
    let server = server.stop().restart();
    server.resp().check("LRANGE l 0 -1", all);
}

#[test]
fn as_a_person_types_them() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("RPUSH todo \"buy milk\" sleep", "2");
    c.check("LRANGE todo 0 -1", "\"buy milk\" sleep");
    c.check("LPOP todo", "buy milk");
    c.check("LINDEX todo 7", "nil");
    c.check("LMOVE todo done LEFT LEFT", "sleep");
    c.check("LRANGE todo 0 -1", "");
    c.check("BLPOP todo 0.001", "nil");
}
