//! `--pipe`: any number of commands, in either protocol.

use crate::client::{at, cli, finished, printed, with_input};
use crate::support::{Limpid, Redis, encode};

const COMMANDS: usize = 100_000;

#[test]
fn a_hundred_thousand_lines() {
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let lines: String = (0..COMMANDS).map(|n| format!("SET key:{n} {n}\n")).collect();
    let outcome = with_input(at(server.port()).arg("--pipe"), lines.as_bytes());
    let expected = format!(
        "All data transferred. Waiting for the last reply...\nLast reply received from server.\n\
         errors: 0, replies: {COMMANDS}\n"
    );
    assert_eq!((outcome.code, outcome.out, outcome.err.as_str()), (Some(0), expected, ""));
    assert_eq!(printed(&server, "DBSIZE"), format!("{COMMANDS}\n"));
}

#[test]
fn a_hundred_thousand_requests_in_resp() {
    let server = Limpid::start();
    // Their replies are more than a server holds for whoever does not read.
    let value = "x".repeat(100);
    let mut bytes = encode(&["SET", "key", &value]);
    (1..COMMANDS).for_each(|_| bytes.extend(encode(&["GET", "key"])));
    let outcome = with_input(at(server.port()).arg("--pipe"), &bytes);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.ends_with(&format!("errors: 0, replies: {COMMANDS}\n")), "{outcome:?}");
}

/// The log may hold lines that the line protocol does not take.
#[test]
fn lines_may_be_long() {
    let server = Limpid::start();
    let lines = format!("SET a 1\nSET \"the big\" {}\nINCR a\n", "x".repeat(1 << 20));
    let outcome = with_input(at(server.port()).arg("--pipe"), lines.as_bytes());
    assert!(outcome.out.ends_with("errors: 0, replies: 3\n"), "{outcome:?}");
    assert_eq!(printed(&server, "GET a"), "2\n");
    let length = finished(at(server.port()).args(["STRLEN", "the big"]));
    assert_eq!(length.out, "1048576\n");
}

#[test]
fn errors_are_counted_and_some_shown() {
    let server = Limpid::start();
    // A last line without an end, a sentence for SET, and a comment.
    let text = with_input(at(server.port()).arg("--pipe"), b"# a comment\nNOSUCH\nSET s hello world\nGET s");
    assert_eq!(text.code, Some(1));
    assert!(text.out.ends_with("errors: 1, replies: 3\n"), "{text:?}");
    assert!(text.err.starts_with("reply 1: ERR unknown command 'NOSUCH'"), "{text:?}");
    assert_eq!(printed(&server, "GET s"), "hello world\n");

    // Lines that end in \r\n are answered in RESP: a value with a line end in it is one reply.
    let inline = b"SET a \"1\\n2\\n3\"\r\nGET a\r\nNOSUCH\r\n";
    let inline = with_input(at(server.port()).arg("--pipe"), inline);
    assert!(inline.out.ends_with("errors: 1, replies: 3\n"), "{inline:?}");

    let many = with_input(at(server.port()).arg("--pipe"), "NOSUCH\n".repeat(1000).as_bytes());
    assert!(many.out.ends_with("errors: 1000, replies: 1000\n") && many.err.lines().count() == 10);
    let nothing = with_input(at(server.port()).arg("--pipe"), b"");
    assert_eq!((nothing.code, nothing.out.lines().last()), (Some(0), Some("errors: 0, replies: 0")));
}

#[test]
fn silence_and_farewells_are_told() {
    let server = Limpid::start();
    // The word that is announced takes in the last request.
    let cut = with_input(
        at(server.port()).args(["--pipe", "--pipe-timeout", "1"]),
        b"*2\r\n$3\r\nGET\r\n$900\r\nx",
    );
    assert_eq!((cut.code, cut.err.as_str()), (Some(1), "Error: No replies for 1 seconds\n"));
    assert!(cut.out.ends_with("errors: 0, replies: 0\n"), "{cut:?}");

    let left = with_input(at(server.port()).arg("--pipe"), b"PING\nQUIT\nPING\n");
    assert_eq!((left.code, left.err.as_str()), (Some(1), "Error: Server closed the connection\n"));
    assert!(left.out.ends_with("errors: 0, replies: 2\n"), "{left:?}");
    assert_eq!(cli(&server, "--pipe PING").code, Some(1));
}

#[test]
fn redis_takes_as_many() {
    let Some(redis) = Redis::start() else { return };
    let bytes: Vec<u8> =
        (0..COMMANDS).flat_map(|n| encode(&["SET", &format!("key:{n}"), &n.to_string()])).collect();
    let outcome = with_input(at(redis.port()).arg("--pipe"), &bytes);
    assert!(outcome.out.ends_with(&format!("errors: 0, replies: {COMMANDS}\n")), "{outcome:?}");
}
