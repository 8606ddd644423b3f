//! How replies look, in each style.

use serde_json::{Value, json};

use crate::client::{at, cli, finished, printed, with_input};
use crate::support::Limpid;

fn filled() -> Limpid {
    let server = Limpid::start();
    printed(&server, "RPUSH l 1 two 3");
    printed(&server, "HSET h f v g w");
    printed(&server, "ZADD z 1.5 m");
    let set = with_input(at(server.port()).args(["-x", "SET", "odd"]), b"a\"\x00\xff\n");
    assert_eq!(set.out, "OK\n");
    server
}

#[test]
fn raw_and_not() {
    let server = filled();
    assert_eq!(printed(&server, "LRANGE l 0 -1"), "1\ntwo\n3\n");
    assert_eq!(printed(&server, "-d , LRANGE l 0 -1"), "1,two,3\n");
    assert_eq!(printed(&server, "--no-raw LRANGE l 0 -1"), "1) \"1\"\n2) \"two\"\n3) \"3\"\n");
    assert_eq!(printed(&server, "--no-raw -3 HGETALL h"), "1# \"f\" => \"v\"\n2# \"g\" => \"w\"\n");
    assert_eq!(printed(&server, "--no-raw -3 -2 HGET h f"), "\"v\"\n");
    assert_eq!(printed(&server, "--no-raw GET nobody"), "(nil)\n");
    let bytes = at(server.port()).args(["--raw", "GET", "odd"]).output().expect("it runs").stdout;
    assert_eq!(bytes, b"a\"\x00\xff\n\n");
}

#[test]
fn csv() {
    let server = filled();
    assert_eq!(printed(&server, "--csv LRANGE l 0 -1"), "\"1\",\"two\",\"3\"\n");
    assert_eq!(printed(&server, "--csv MGET nobody odd"), "NULL,\"a\\\"\\x00\\xff\\n\"\n");
    assert_eq!(printed(&server, "--csv LLEN l"), "3\n");
    let refused = cli(&server, "--csv NOSUCH");
    assert!(refused.out.starts_with("ERROR,\"ERR unknown command 'NOSUCH'"), "{}", refused.out);
}

#[test]
fn json_is_valid() {
    let server = filled();
    let json = |arguments: &str| -> Value {
        let out = cli(&server, &format!("--json {arguments}")).out;
        assert_eq!(out.lines().count(), 1, "{out}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments}: {error}: {out}"))
    };
    assert_eq!(json("HGETALL h"), json!({"f": "v", "g": "w"}));
    assert_eq!(json("-2 HGETALL h"), json!(["f", "v", "g", "w"]));
    assert_eq!(json("ZRANGE z 0 -1 WITHSCORES"), json!([["m", 1.5]]));
    assert_eq!(json("MGET nobody l"), json!([null, null]));
    assert_eq!(json("GET odd"), json!("a\"\0\u{fffd}\n"));
    assert_eq!(json("--quoted-json GET odd"), json!("a\\\"\\x00\\xff\\n"));
    assert!(json("INFO server").as_str().is_some_and(|info| info.contains("redis_version:")));
    assert!(json("NOSUCH")["error"].as_str().is_some_and(|error| error.starts_with("ERR unknown")));
    assert!(json("COMMAND DOCS").as_object().is_some_and(|docs| docs.contains_key("get")));
    assert!(json("COMMAND INFO get set").as_array().is_some_and(|about| about.len() == 2));
}

#[test]
fn no_colours_but_on_a_terminal() {
    let server = filled();
    let outcome = finished(at(server.port()).env("TERM", "xterm").args(["--no-raw", "LLEN", "l"]));
    assert_eq!(outcome.out, "(integer) 3\n");
}
