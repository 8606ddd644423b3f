//! Strings, over the wire.

mod support;

use limpid::protocol::Value;
use support::{Limpid, bulk, status};

const OK: &str = "OK";
const WRONG_NUMBER: &str = "ERR value is not an integer or out of range";

#[test]
fn set_takes_every_option() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET k v", status(OK));
    c.check("SET k w NX", Value::Null);
    c.check("SET k w XX", status(OK));
    c.check("SET k x GET", bulk("w"));
    c.check("SET k y NX GET", bulk("x"));
    c.check("SET new y GET", Value::Null);
    c.check("GET new", bulk("y"));
    c.check("SET k z EX 100", status(OK));
    c.check("SET k z KEEPTTL", status(OK));
    assert_ne!(c.cmd(&["TTL", "k"]), Value::Int(-1));
    c.check("SET k z EX 100 EX 200", status(OK));
    c.check("TTL k", Value::Int(200));
    c.check("SET k z PXAT 33177117420000", status(OK));
    c.check("PEXPIRETIME k", Value::Int(33177117420000));
    c.check("SET k z", status(OK));
    c.check("TTL k", Value::Int(-1));
}

#[test]
fn set_names_what_is_wrong_with_its_options() {
    let server = Limpid::start();
    let mut c = server.resp();
    for options in ["NX XX", "EX", "EX 10 PX 10", "KEEPTTL EX 10", "EX abc FOO", "PERSIST", "FOO"] {
        c.check_error(&format!("SET k v {options}"), "ERR syntax error");
    }
    c.check_error("SET k v EX abc", WRONG_NUMBER);
    for options in ["EX 0", "PX -1", "EXAT -5", "EX 9223372036854775807"] {
        c.check_error(&format!("SET k v {options}"), "ERR invalid expire time in 'set' command");
    }
    c.check("EXISTS k", Value::Int(0));
    c.check_error("SETEX k 0 v", "ERR invalid expire time in 'setex' command");
    c.check_error("PSETEX k -1 v", "ERR invalid expire time in 'psetex' command");
    c.check("SET k v", status(OK));
    c.check_error("GETEX k EX 0", "ERR invalid expire time in 'getex' command");
    c.check_error("GETEX k KEEPTTL", "ERR syntax error");
}

#[test]
fn reading_can_change_or_end_a_life() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET k v", status(OK));
    c.check("GETEX k EX 100", bulk("v"));
    c.check("TTL k", Value::Int(100));
    c.check("GETEX k PERSIST", bulk("v"));
    c.check("TTL k", Value::Int(-1));
    c.check("GETEX k PXAT 1", bulk("v"));
    c.check("EXISTS k", Value::Int(0));
    c.check("SETEX k 100 v", status(OK));
    c.check("GETSET k w", bulk("v"));
    c.check("TTL k", Value::Int(-1));
    c.check("GETDEL k", bulk("w"));
    c.check("GETDEL k", Value::Null);
}

#[test]
fn many_at_once() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MSET a 1 b 2 a 3", status(OK));
    c.check("MGET a nosuch b", Value::Array(vec![bulk("3"), Value::Null, bulk("2")]));
    c.check("MSETNX c 1 a 1", Value::Int(0));
    c.check("EXISTS c", Value::Int(0));
    c.check("MSETNX c 1 d 1", Value::Int(1));
    c.check_error("MSET a", "ERR wrong number of arguments for 'mset' command");
    c.check_error("MSET a 1 b", "ERR wrong number of arguments for 'mset' command");
    c.check_error("MSETNX a 1 b", "ERR wrong number of arguments for 'msetnx' command");
}

#[test]
fn parts_grow_within_the_limit() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SETRANGE k 3 abc", Value::Int(6));
    c.check("GET k", bulk(b"\0\0\0abc"));
    c.check("APPEND k de", Value::Int(8));
    c.check("SETRANGE k 0 xyz", Value::Int(8));
    c.check("GETRANGE k 0 -3", bulk("xyzabc"));
    c.check("SUBSTR k -2 -1", bulk("de"));
    c.check("STRLEN k", Value::Int(8));
    c.check_error("SETRANGE k -1 x", "ERR offset is out of range");
    let too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    c.check_error("SETRANGE k 536870912 x", too_long);
    c.check_error("SETRANGE k 9223372036854775807 x", too_long);
    assert_eq!(c.cmd(&["SETRANGE", "nosuch", "9", ""]), Value::Int(0));
    c.check("EXISTS nosuch", Value::Int(0));
}

#[test]
fn numbers() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("INCR n", Value::Int(1));
    c.check("INCRBY n 41", Value::Int(42));
    c.check("DECR n", Value::Int(41));
    c.check("DECRBY n 50", Value::Int(-9));
    c.check_error("INCRBY n 1.5", WRONG_NUMBER);
    c.check_error("DECRBY n -9223372036854775808", "ERR decrement would overflow");
    c.check_error("DECRBY n 9223372036854775807", "ERR increment or decrement would overflow");
    c.check("SET s text", status(OK));
    c.check_error("INCR s", WRONG_NUMBER);
    c.check_error("INCRBYFLOAT s 1", "ERR value is not a valid float");
    c.check("INCRBYFLOAT f 10.50", bulk("10.5"));
    c.check("INCRBYFLOAT f 0.1", bulk("10.6"));
    c.check("INCRBYFLOAT f 5.0e3", bulk("5010.60000000000000009"));
    c.check_error("INCRBYFLOAT f inf", "ERR increment would produce NaN or Infinity");
}

#[test]
fn lcs_in_every_shape() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MSET a ohmytext b mynewtext", status(OK));
    c.check("LCS a b", bulk("mytext"));
    c.check("LCS a b LEN", Value::Int(6));
    c.check("LCS a nosuch", bulk(""));
    let pair = |x, y| Value::Array(vec![Value::Int(x), Value::Int(y)]);
    let found = Value::Array(vec![pair(4, 7), pair(5, 8), Value::Int(4)]);
    c.check(
        "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
        Value::Array(vec![bulk("matches"), Value::Array(vec![found]), bulk("len"), Value::Int(6)]),
    );
    c.check_error("LCS a b LEN IDX", "ERR If you want both the length and indexes, please just use IDX.");
    c.check_error("LCS a b MINMATCHLEN", "ERR syntax error");
    c.check("SETRANGE a 20000 x", Value::Int(20001));
    c.check("SETRANGE b 20000 x", Value::Int(20001));
    c.check_error(
        "LCS a b LEN",
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    );
}

#[test]
fn in_plain_text() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("MSET a 1 b \"two words\"", "OK");
    c.check("MGET a b c", "1 \"two words\" nil");
    c.check("INCR a", "2");
    c.check("APPEND b !", "10");
    c.check("GETRANGE b 4 -1", "words!");
    c.check("SETNX a 5", "0");
    c.check("LCS a b IDX", "matches () len 0");
    c.check("GETDEL a", "2");
    c.check("INCR b", "ERR value is not an integer or out of range");
}

/// What the log holds must bring back exactly what was there, deadlines and all.
#[test]
fn everything_survives_a_crash() {
    let server = Limpid::durable();
    let mut c = server.text();
    for (request, reply) in [
        ("SET counter 7 PXAT 33177117420000", "OK"),
        ("INCR counter", "8"),
        ("INCRBYFLOAT counter 0.5", "8.5"),
        ("SETRANGE zeros 3 x", "4"),
        ("APPEND zeros yz", "6"),
        ("SET kept v PXAT 33177117420000", "OK"),
        ("APPEND kept w", "2"),
        ("SET freed v EX 1000", "OK"),
        ("GETEX freed PERSIST", "v"),
        ("SET timed v", "OK"),
        ("GETEX timed PXAT 33177117420000", "v"),
        ("SET gone v", "OK"),
        ("GETDEL gone", "v"),
        ("MSET a 1 b 2", "OK"),
        ("SETBIT bits 9 1", "0"),
        ("BITOP OR joined a bits", "2"),
        ("BITFIELD fields OVERFLOW FAIL INCRBY u4 0 5 INCRBY u4 4 5 INCRBY u4 12 99", "5 5 nil"),
    ] {
        c.check(request, reply);
    }
    let server = server.crash().restart();
    let mut c = server.text();
    for (request, reply) in [
        ("GET counter", "8.5"),
        ("PEXPIRETIME counter", "33177117420000"),
        ("GET zeros", "\"\\x00\\x00\\x00xyz\""),
        ("GET kept", "vw"),
        ("PEXPIRETIME kept", "33177117420000"),
        ("TTL freed", "-1"),
        ("PEXPIRETIME timed", "33177117420000"),
        ("GET gone", "nil"),
        ("MGET a b", "1 2"),
        ("GET bits", "\"\\x00@\""),
        ("GET joined", "1@"),
        ("GET fields", "\"U\\x00\""),
    ] {
        c.check(request, reply);
    }
}

#[test]
fn bits_one_by_one_and_in_ranges() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SETBIT k 7 1", Value::Int(0));
    c.check("SETBIT k 7 0", Value::Int(1));
    c.check("GETBIT k 100", Value::Int(0));
    c.check("SETBIT k 100 0", Value::Int(0));
    c.check("STRLEN k", Value::Int(13));
    c.check_error("SETBIT k 4294967296 1", "ERR bit offset is not an integer or out of range");
    c.check_error("SETBIT k 0 2", "ERR bit is not an integer or out of range");
    c.check("SET s foobar", status(OK));
    c.check("BITCOUNT s", Value::Int(26));
    c.check("BITCOUNT s 1 1", Value::Int(6));
    c.check("BITCOUNT s 5 30 BIT", Value::Int(17));
    c.check_error("BITCOUNT s 0", "ERR syntax error");
    c.check("BITCOUNT nosuch 0 -1", Value::Int(0));
    c.check_error("BITCOUNT nosuch 0", "ERR syntax error");
    c.check_error("BITCOUNT nosuch a b", "ERR value is not an integer or out of range");
    c.check_error("BITPOS nosuch 0 a", "ERR value is not an integer or out of range");
    c.check("BITPOS s 0 1", Value::Int(8));
    c.check("BITPOS s 1 7 15 BIT", Value::Int(9));
    c.check("BITPOS nosuch 0", Value::Int(0));
    c.check("BITPOS nosuch 1", Value::Int(-1));
    c.check_error("BITPOS s 2", "ERR The bit argument must be 1 or 0.");
}

#[test]
fn strings_combined() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MSET a abc b ab", status(OK));
    c.check("BITOP AND d a b", Value::Int(3));
    c.check("GET d", bulk(b"ab\0"));
    c.check("BITOP XOR d a b", Value::Int(3));
    c.check("GET d", bulk(b"\0\0c"));
    c.check("BITOP OR d nosuch", Value::Int(0));
    c.check("EXISTS d", Value::Int(0));
    c.check_error("BITOP NOT d a b", "ERR BITOP NOT must be called with a single source key.");
    c.check_error("BITOP NAND d a b", "ERR syntax error");
}

#[test]
fn integers_in_bits() {
    let server = Limpid::start();
    let mut c = server.resp();
    let ints = |values: &[i64]| Value::Array(values.iter().map(|&value| Value::Int(value)).collect());
    c.check("BITFIELD k SET u8 0 200 INCRBY u8 0 100 GET i4 #1", ints(&[0, 44, -4]));
    c.check("BITFIELD k OVERFLOW SAT INCRBY u8 0 1000", ints(&[255]));
    c.check("BITFIELD k OVERFLOW FAIL INCRBY u8 0 1", Value::Array(vec![Value::Null]));
    c.check("BITFIELD_RO k GET u4 0", ints(&[15]));
    c.check("BITFIELD nosuch GET u8 0", ints(&[0]));
    c.check("EXISTS nosuch", Value::Int(0));
    c.check_error("BITFIELD_RO k SET u8 0 1", "ERR BITFIELD_RO only supports the GET subcommand");
    c.check_error(
        "BITFIELD k GET u64 0",
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    c.check_error("BITFIELD k OVERFLOW LOUD", "ERR Invalid OVERFLOW type specified");
    c.check_error("BITFIELD k GET u8 4294967289", "ERR bit offset is not an integer or out of range");
}

#[test]
fn different_elements_are_counted() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("PFADD h a b c", Value::Int(1));
    c.check("PFADD h a b", Value::Int(0));
    c.check("PFCOUNT h", Value::Int(3));
    c.check("PFADD i", Value::Int(1));
    c.check("PFADD i c d", Value::Int(1));
    c.check("PFCOUNT h i nosuch", Value::Int(4));
    c.check("PFMERGE h i nosuch", status(OK));
    c.check("PFCOUNT h", Value::Int(4));
    c.check("PFCOUNT nosuch", Value::Int(0));
    c.check("SET s text", status(OK));
    let not_one = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    c.check_error("PFADD s a", not_one);
    c.check_error("PFCOUNT h s", not_one);
    c.check_error("PFMERGE h s", not_one);
    c.check("PFADD sparse a", Value::Int(1));
    c.check("SETRANGE sparse 16 xxxx", Value::Int(21));
    c.check_error("PFCOUNT sparse", "INVALIDOBJ Corrupted HLL object detected");
    c.check("SET text words", status(OK));
    // The first of two mistakes is told.
    for command in ["PFCOUNT sparse text", "PFMERGE d sparse text"] {
        c.check_error(command, "INVALIDOBJ Corrupted HLL object detected");
    }
    for command in ["PFCOUNT text sparse", "PFMERGE d text sparse"] {
        c.check_error(command, "WRONGTYPE Key is not a valid HyperLogLog string value.");
    }
}

#[test]
fn registers_can_be_looked_at() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("PFADD h a", Value::Int(1));
    c.check("PFDEBUG ENCODING h", status("sparse"));
    c.check("PFDEBUG DECODE h", bulk("Z:12711 v:2,1 Z:3672"));
    c.check("PFDEBUG TODENSE h", Value::Int(1));
    c.check("PFDEBUG TODENSE h", Value::Int(0));
    c.check("PFDEBUG ENCODING h", status("dense"));
    c.check_error("PFDEBUG DECODE h", "ERR HLL encoding is not sparse");
    c.check("PFCOUNT h", Value::Int(1));
    let Value::Array(registers) = c.cmd(&["PFDEBUG", "GETREG", "h"]) else { panic!("an array") };
    let seen: Vec<_> = (0..).zip(&registers).filter(|(_, value)| **value != Value::Int(0)).collect();
    assert_eq!((registers.len(), seen), (16384, vec![(12711, &Value::Int(2))]));
    c.check_error("PFDEBUG GETREG nosuch", "ERR The specified key does not exist");
    c.check_error("PFDEBUG FOLD h", "ERR Unknown PFDEBUG subcommand 'FOLD'");
    c.check("PFSELFTEST", status(OK));
    c.check("CONFIG SET hll-sparse-max-bytes 20", status(OK));
    c.check("PFADD small a b c d e", Value::Int(1));
    c.check("PFDEBUG ENCODING small", status("dense"));
}
