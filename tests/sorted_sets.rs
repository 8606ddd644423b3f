//! Sorted sets, over the wire.

mod support;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, status};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_A_FLOAT: &str = "ERR value is not a valid float";

fn int(value: i64) -> Value {
    Value::Int(value)
}

/// A flat array of texts.
#[track_caller]
fn check(c: &mut RespClient, command: &str, expected: &str) {
    c.check(command, Value::Array(expected.split_whitespace().map(bulk).collect()));
}

#[test]
fn scores_come_and_change() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("ZADD z 1 a 2 b 3 c", int(3));
    c.check("ZADD z 5 a 4 d", int(1));
    c.check("ZADD z CH 6 a 2 b 7 e", int(2));
    c.check("ZADD z NX 9 a 9 f", int(1));
    c.check("ZADD z XX 8 a 9 g", int(0));
    c.check("ZADD z GT CH 7 a 10 f", int(1));
    c.check("ZADD z LT CH 9 a 9 f", int(1));
    c.check("ZADD z INCR 1.5 a", bulk("9.5"));
    c.check("ZADD z NX INCR 1 a", Value::Null);
    c.check("ZADD z XX INCR 1 nosuch", Value::Null);
    c.check("ZINCRBY z -0.5 a", bulk("9"));
    c.check("ZINCRBY z 1 new", bulk("1"));
    c.check("ZSCORE z a", bulk("9"));
    c.check("ZSCORE z nosuch", Value::Null);
    c.check("ZMSCORE z a nosuch b", Value::Array(vec![bulk("9"), Value::Null, bulk("2")]));
    c.check("ZCARD z", int(7));
    c.check("ZREM z a nosuch new", int(2));
    check(&mut c, "ZRANGE z 0 -1 WITHSCORES", "b 2 c 3 d 4 e 7 f 9");
    c.check("ZREM z b c d e f", int(5));
    c.check("EXISTS z", int(0));
}

#[test]
fn numbers_at_their_edges() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check("ZADD z -inf low +inf high 1e-300 tiny 17976931348623157e292 huge 0.1 tenth -0 zero", int(6));
    let all = "low -inf zero 0 tiny 1e-300 tenth 0.1 huge 1.7976931348623157e+308 high inf";
    check(&mut c, "ZRANGE z 0 -1 WITHSCORES", all);
    c.check_error("ZADD z nan a", NOT_A_FLOAT);
    c.check_error("ZADD z x a", NOT_A_FLOAT);
    c.check_error("ZADD z 1 a x b", NOT_A_FLOAT);
    c.check("ZSCORE z a", Value::Null);
    c.check_error("ZINCRBY z -inf high", "ERR resulting score is not a number (NaN)");
    c.check_error("ZADD z INCR +inf low", "ERR resulting score is not a number (NaN)");
    let server = server.crash().restart();
    let mut c = server.resp();
    check(&mut c, "ZRANGE z 0 -1 WITHSCORES", all);
    c.cmd(&["HELLO", "3"]);
    c.check("ZSCORE z high", Value::Double(f64::INFINITY));
    let Value::Array(pairs) = c.cmd(&["ZRANGE", "z", "0", "0", "WITHSCORES"]) else { panic!("pairs") };
    assert_eq!(pairs, [Value::Array(vec![bulk("low"), Value::Double(f64::NEG_INFINITY)])]);
}

#[test]
fn by_rank() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("ZADD z 1 a 2 b 2 c 3 d", int(4));
    check(&mut c, "ZRANGE z 1 2", "b c");
    check(&mut c, "ZRANGE z -2 -1 REV WITHSCORES", "b 2 a 1");
    check(&mut c, "ZREVRANGE z 0 1", "d c");
    check(&mut c, "ZRANGE z 3 1", "");
    c.check("ZRANK z c", int(2));
    c.check("ZREVRANK z c", int(1));
    c.check("ZRANK z nosuch", Value::Null);
    c.check("ZRANK nosuch a", Value::Null);
    c.check("ZRANK z c WITHSCORE", Value::Array(vec![int(2), bulk("2")]));
    c.check("ZRANK z nosuch WITHSCORE", Value::Null);
    c.check("ZREMRANGEBYRANK z 1 2", int(2));
    check(&mut c, "ZRANGE z 0 -1", "a d");
    c.check("ZREMRANGEBYRANK z 0 -1", int(2));
    c.check("EXISTS z", int(0));
}

#[test]
fn by_score_and_by_name() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("ZADD z 1 a 2 b 3 c 4 d 5 e", int(5));
    for (command, expected) in [
        ("ZRANGE z (1 3 BYSCORE", "b c"),
        ("ZRANGE z -inf +inf BYSCORE LIMIT 1 2", "b c"),
        ("ZRANGE z +inf (2 BYSCORE REV LIMIT 0 -1 WITHSCORES", "e 5 d 4 c 3"),
        ("ZRANGEBYSCORE z 2 (4 WITHSCORES", "b 2 c 3"),
        ("ZREVRANGEBYSCORE z 4 2 LIMIT 1 5", "c b"),
        ("ZRANGEBYSCORE z 4 2", ""),
        ("ZRANGEBYSCORE nosuch 0 1", ""),
    ] {
        check(&mut c, command, expected);
    }
    c.check("ZCOUNT z (1 4", int(3));
    c.check("ZADD same 0 a 0 b 0 c 0 d", int(4));
    for (command, expected) in [
        ("ZRANGE same [b [c BYLEX", "b c"),
        ("ZRANGE same (b + BYLEX LIMIT 0 1", "c"),
        ("ZRANGE same + - BYLEX REV", "d c b a"),
        ("ZRANGEBYLEX same - (c", "a b"),
        ("ZREVRANGEBYLEX same [c -", "c b a"),
    ] {
        check(&mut c, command, expected);
    }
    c.check("ZLEXCOUNT same [b +", int(3));
    c.check("ZREMRANGEBYLEX same [a (c", int(2));
    c.check("ZREMRANGEBYSCORE z (2 (5", int(2));
    check(&mut c, "ZRANGE z 0 -1", "a b e");
    c.check("ZRANGESTORE d z 0 1 REV", int(2));
    check(&mut c, "ZRANGE d 0 -1", "b e");
    c.check("ZRANGESTORE d nosuch 0 1", int(0));
    c.check("EXISTS d", int(0));
    for (command, error) in [
        (
            "ZRANGE z 0 1 LIMIT 0 1",
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        (
            "ZRANGE z [a [b BYLEX WITHSCORES",
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ),
        ("ZRANGE z x 1", "ERR value is not an integer or out of range"),
        ("ZRANGEBYSCORE z x 1", "ERR min or max is not a float"),
        ("ZCOUNT z nan 1", "ERR min or max is not a float"),
        ("ZRANGEBYLEX z a [b", "ERR min or max not valid string range item"),
        ("ZRANGESTORE d z 0 1 WITHSCORES", "ERR syntax error"),
    ] {
        c.check_error(command, error);
    }
}

#[test]
fn off_either_end() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check("ZADD z 1 a 2 b 3 c 4 d 5 e", int(5));
    check(&mut c, "ZPOPMIN z", "a 1");
    check(&mut c, "ZPOPMAX z 2", "e 5 d 4");
    check(&mut c, "ZPOPMIN z 0", "");
    check(&mut c, "ZPOPMIN nosuch", "");
    let pair = Value::Array(vec![Value::Array(vec![bulk("b"), bulk("2")])]);
    c.check("ZMPOP 2 nosuch z MIN", Value::Array(vec![bulk("z"), pair]));
    c.check("ZMPOP 1 nosuch MAX", Value::Null);
    c.check_error("ZPOPMIN z -1", "ERR value is out of range, must be positive");
    c.check_error("ZMPOP 1 z MIDDLE", "ERR syntax error");
    c.check_error("ZMPOP 0 z MIN", "ERR numkeys should be greater than 0");
    let server = server.crash().restart();
    let mut c = server.resp();
    check(&mut c, "ZPOPMAX z 9", "c 3");
    c.check("EXISTS z", int(0));
}

#[test]
fn together_in_common_and_apart() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("ZADD a 1 x 2 y 3 z", int(3));
    c.check("ZADD b 10 y 20 z 30 w", int(3));
    c.check("SADD s x w", int(2));
    for (command, expected) in [
        ("ZUNION 2 a b WITHSCORES", "x 1 y 12 z 23 w 30"),
        ("ZUNION 2 a b WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES", "x 2 y 5 z 10 w 15"),
        ("ZINTER 2 a b AGGREGATE MIN WITHSCORES", "y 2 z 3"),
        ("ZINTER 2 a s WITHSCORES", "x 2"),
        ("ZDIFF 2 a b WITHSCORES", "x 1"),
        ("ZDIFF 2 nosuch b", ""),
    ] {
        check(&mut c, command, expected);
    }
    c.check("ZINTERCARD 2 a b", int(2));
    c.check("ZINTERCARD 2 a b LIMIT 1", int(1));
    c.check("ZUNIONSTORE a 2 a b", int(4));
    c.check("ZINTERSTORE d 2 a b WEIGHTS 1 -1", int(3));
    check(&mut c, "ZRANGE d 0 -1 WITHSCORES", "w 0 y 2 z 3");
    c.check("ZDIFFSTORE d 2 a a", int(0));
    c.check("EXISTS d", int(0));
    for (command, error) in [
        ("ZUNION 0 a", "ERR at least 1 input key is needed for 'zunion' command"),
        ("ZINTERSTORE d 0 a", "ERR at least 1 input key is needed for 'zinterstore' command"),
        ("ZUNION 3 a b", "ERR syntax error"),
        ("ZUNION 2 a b WEIGHTS 1", "ERR syntax error"),
        ("ZUNION 2 a b WEIGHTS 1 x", "ERR weight value is not a float"),
        ("ZUNION 2 a b AGGREGATE AVG", "ERR syntax error"),
        ("ZUNIONSTORE d 1 a WITHSCORES", "ERR syntax error"),
    ] {
        c.check_error(command, error);
    }
}

#[test]
fn other_types_are_left_alone() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET s text", status("OK"));
    for command in [
        "ZADD s 1 a",
        "ZADD s XX 1 a",
        "ZINCRBY s 1 a",
        "ZREM s a",
        "ZCARD s",
        "ZSCORE s a",
        "ZMSCORE s a",
        "ZRANK s a",
        "ZRANGE s 0 1",
        "ZRANGEBYSCORE s 0 1",
        "ZRANGEBYLEX s - +",
        "ZCOUNT s 0 1",
        "ZLEXCOUNT s - +",
        "ZPOPMIN s",
        "ZREMRANGEBYRANK s 0 1",
        "ZREMRANGEBYSCORE s 0 1",
        "ZREMRANGEBYLEX s - +",
        "ZUNION 1 s",
        "ZINTERSTORE d 1 s",
        "ZDIFF 1 s",
        "ZRANDMEMBER s",
        "ZSCAN s 0",
        "ZRANGESTORE d s 0 1",
    ] {
        c.check_error(command, WRONG_TYPE);
    }
    c.check("GET s", bulk("text"));
    for (command, error) in [
        ("ZADD z NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
        ("ZADD z GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z NX GT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z INCR 1 a 2 b", "ERR INCR option supports a single increment-element pair"),
        ("ZADD z 1", "ERR wrong number of arguments for 'zadd' command"),
        ("ZADD z 1 a 2", "ERR syntax error"),
        ("ZRANK z a WITHSCORES", "ERR syntax error"),
    ] {
        c.check_error(command, error);
    }
    c.check("EXISTS z d", int(0));
}

/// Many members, of which many have the same score: ranks and ranges against a sorted vector, and again after a restart.
#[test]
fn a_large_one_against_a_sorted_vector() {
    let server = Limpid::with(&["--appendfsync", "no"]);
    let mut c = server.resp();
    let mut model: Vec<(i64, String)> = Vec::new();
    for number in 0..3000_i64 {
        let (score, member) = (number * 7919 % 500, format!("m{number}"));
        c.check(&format!("ZADD z {score} {member}"), int(1));
        model.push((score, member));
    }
    c.check("OBJECT ENCODING z", bulk("skiplist"));
    for number in (0..3000_usize).step_by(3) {
        c.check(&format!("ZREM z m{number}"), int(1));
    }
    model =
        model.into_iter().enumerate().filter(|(number, _)| number % 3 != 0).map(|(_, pair)| pair).collect();
    model.sort();
    let server = server.stop().restart();
    let mut c = server.resp();
    c.check("ZCARD z", int(model.len() as i64));
    for (rank, (score, member)) in model.iter().enumerate().step_by(53) {
        c.check(&format!("ZRANK z {member}"), int(rank as i64));
        c.check(&format!("ZREVRANK z {member}"), int((model.len() - 1 - rank) as i64));
        c.check(&format!("ZSCORE z {member}"), bulk(score.to_string()));
        let next: Vec<&str> = model[rank..].iter().take(20).map(|(_, member)| &**member).collect();
        check(&mut c, &format!("ZRANGE z {rank} {}", rank + 19), &next.join(" "));
        let same: Vec<&str> = model.iter().filter(|(s, _)| s == score).map(|(_, member)| &**member).collect();
        check(&mut c, &format!("ZRANGEBYSCORE z {score} {score}"), &same.join(" "));
    }
    let mut found = 0;
    let mut cursor = "0".to_owned();
    loop {
        let Value::Array(step) = c.cmd(&["ZSCAN", "z", &cursor, "COUNT", "100"]) else { panic!("a step") };
        let [Value::Bulk(next), Value::Array(words)] = &step[..] else { panic!("{step:?}") };
        found += words.len() / 2;
        cursor = String::from_utf8_lossy(next).into_owned();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(found, model.len());
}

#[test]
fn a_scan_finds_whoever_stays() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    for number in 0..2000 {
        c.send(&["ZADD", "z", "1", &format!("stays{number}")]);
    }
    (0..2000).for_each(|_| assert_eq!(c.read(), int(1)));
    let found = std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..4000 {
                other.cmd(&["ZADD", "z", &number.to_string(), &format!("comes{number}")]);
                other.cmd(&["ZINCRBY", "z", "1", &format!("stays{}", number / 2)]);
                other.cmd(&["ZREM", "z", &format!("comes{}", number / 2)]);
            }
        });
        let (mut found, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let Value::Array(step) = c.cmd(&["ZSCAN", "z", &cursor, "COUNT", "10"]) else { panic!("a step") };
            let [Value::Bulk(next), Value::Array(pairs)] = &step[..] else { panic!("{step:?}") };
            found.extend(pairs.chunks(2).map(|pair| pair[0].clone()));
            cursor = String::from_utf8_lossy(next).into_owned();
            if cursor == "0" {
                return found;
            }
        }
    });
    for number in 0..2000 {
        let times = found.iter().filter(|member| **member == bulk(format!("stays{number}"))).count();
        assert_eq!(times, 1, "stays{number}");
    }
}

#[test]
fn by_chance() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("ZADD z 1 a 2 b 3 c", int(3));
    let len = |value: Value| match value {
        Value::Array(all) => all.len(),
        other => panic!("{other:?}"),
    };
    for (command, expected) in [
        ("ZRANDMEMBER z 2", 2),
        ("ZRANDMEMBER z 9", 3),
        ("ZRANDMEMBER z -9", 9),
        ("ZRANDMEMBER z 2 WITHSCORES", 4),
        ("ZRANDMEMBER nosuch 2", 0),
    ] {
        assert_eq!(len(c.cmd(&command.split(' ').collect::<Vec<_>>())), expected, "{command}");
    }
    assert!(matches!(c.cmd(&["ZRANDMEMBER", "z"]), Value::Bulk(_)));
    c.check("ZRANDMEMBER nosuch", Value::Null);
}

#[test]
fn as_a_person_types_them() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("ZADD board 10 ann 20.5 bob", "2");
    c.check("ZRANGE board 0 -1 WITHSCORES", "ann 10 bob 20.5");
    c.check("ZINCRBY board 15 ann", "25");
    c.check("ZREVRANGE board 0 0", "ann");
    c.check("ZRANK board nobody", "nil");
    c.check("ZPOPMAX board", "ann 25");
}
