//! Commands from arguments and from stdin, and what the exit code says.

use crate::client::{Endless, at, bare, cli, finished, printed, with_input};
use crate::support::{Limpid, free_port};

#[test]
fn the_exit_code_tells_of_errors() {
    let server = Limpid::start();
    assert_eq!(printed(&server, "SET a 1"), "OK\n");
    let refused = cli(&server, "INCR a b");
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.out, "ERR wrong number of arguments for 'incr' command\n");
    assert_eq!(refused.err, "");
}

#[test]
fn e_stops_at_the_first_error() {
    let server = Limpid::start();
    let refused = cli(&server, "-e NOSUCH");
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
    assert!(refused.err.starts_with("ERR unknown command 'NOSUCH'"), "{}", refused.err);

    let lines = b"INCR n\nNOSUCH\nINCR n\n";
    let on = with_input(&mut at(server.port()), lines);
    assert_eq!((on.code, on.out.lines().next(), on.out.lines().last()), (Some(1), Some("1"), Some("2")));
    let stopped = with_input(at(server.port()).arg("-e"), lines);
    assert_eq!((stopped.code, stopped.out.as_str()), (Some(1), "3\n"));
    assert_eq!(printed(&server, "GET n"), "3\n");
}

#[test]
fn wrong_usage_is_told() {
    for (arguments, complaint) in [
        ("--fast", "unexpected option '--fast'"),
        ("--stat GET a", "'GET' is no part of what was asked for"),
        ("-u http://localhost PING", "it begins with redis:// or rediss://"),
        ("--tls --cacert /nowhere/ca.crt PING", "cannot read '/nowhere/ca.crt': No such file or directory"),
        ("--cert /nowhere/client.crt PING", "--key <FILE>"),
        ("-i -1 PING", "-i <SECONDS>"),
    ] {
        let outcome = finished(bare().args(arguments.split(' ')));
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{arguments}");
        assert!(outcome.err.contains(complaint), "{arguments}: {}", outcome.err);
    }
    assert_eq!(finished(bare().arg("--help")).code, Some(0));
}

#[test]
fn a_missing_server_is_one_line() {
    let port = free_port();
    let outcome = finished(at(port).arg("PING"));
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert_eq!(outcome.err, format!("Could not connect to limpid at 127.0.0.1:{port}: Connection refused\n"));
    let outcome = finished(bare().args(["-s", "/nowhere/limpid.sock", "PING"]));
    assert_eq!(outcome.code, Some(1));
    let expected = "Could not connect to limpid at /nowhere/limpid.sock: No such file or directory\n";
    assert_eq!(outcome.err, expected);
}

#[test]
fn a_lost_connection_is_one_line() {
    let server = Limpid::start();
    let lines = b"INCR n\nCLIENT KILL TYPE normal SKIPME no\nINCR n\n";
    let outcome = with_input(&mut at(server.port()), lines);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.out, "1\n1\n");
    assert_eq!(outcome.err, "Error: Server closed the connection\n");
    assert_eq!(printed(&server, "GET n"), "1\n");

    let mut waiting = Endless::start(at(server.port()).args(["SUBSCRIBE", "news"]));
    assert_eq!([waiting.line(), waiting.line(), waiting.line()], ["subscribe", "news", "1"]);
    drop(server.crash());
    let outcome = waiting.ended();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), "Error: Server closed the connection\n"));
}

#[test]
fn shutdown_ends_well() {
    let server = Limpid::start();
    assert_eq!(printed(&server, "SHUTDOWN NOSAVE"), "");
    assert!(server.ended().status.success());
}

#[test]
fn commands_repeat() {
    let server = Limpid::start();
    assert_eq!(printed(&server, "-r 3 INCR n"), "1\n2\n3\n");
    assert_eq!(printed(&server, "-r 2 -i 0.01 INCR n"), "4\n5\n");
    let outcome = cli(&server, "-r 3 -e NOSUCH");
    assert_eq!((outcome.code, outcome.err.lines().count()), (Some(1), 1));
    let mut endless = Endless::start(at(server.port()).args(["-r", "-1", "INCR", "n"]));
    assert_eq!([endless.line(), endless.line()], ["6", "7"]);
}

#[test]
fn x_reads_the_last_argument() {
    let server = Limpid::start();
    let set = with_input(at(server.port()).args(["-x", "SET", "bytes"]), b"\x00\xff\r\nend\n");
    assert_eq!((set.code, set.out.as_str()), (Some(0), "OK\n"));
    assert_eq!(printed(&server, "STRLEN bytes"), "8\n");
    let got = at(server.port()).args(["-D", "", "GET", "bytes"]).output().expect("it runs");
    assert_eq!(got.stdout, b"\x00\xff\r\nend\n");
}

#[test]
fn the_place_is_a_uri_or_a_socket() {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let socket = dir.path().join("limpid.sock");
    let socket = socket.to_str().expect("temporary directories have plain names");
    let port = free_port().to_string();
    let listen = ["--port", &port, "--unixsocket", socket, "--requirepass", "s3 cret"];
    let server = Limpid::with(&[&["--appendonly", "no"], &listen[..]].concat());
    let uri = format!("redis://default:s3%20cret@127.0.0.1:{}/3", server.port());
    let set = finished(bare().args(["-u", &uri, "SET", "where", "three"]));
    assert_eq!((set.code, set.out.as_str(), set.err.as_str()), (Some(0), "OK\n", ""));
    let get = finished(bare().args(["-s", socket, "-a", "s3 cret", "-n", "3", "GET", "where"]));
    assert_eq!((get.code, get.out.as_str()), (Some(0), "three\n"));
}

#[test]
fn passwords_come_from_several_places() {
    let server = Limpid::with(&["--appendonly", "no", "--requirepass", "secret"]);
    let denied = cli(&server, "PING");
    assert_eq!((denied.code, denied.out.as_str()), (Some(1), "NOAUTH Authentication required.\n"));
    for variable in ["LIMPID_PASSWORD", "REDISCLI_AUTH"] {
        let let_in = finished(at(server.port()).env(variable, "secret").arg("PING"));
        assert_eq!((let_in.code, let_in.out.as_str()), (Some(0), "PONG\n"), "{variable}");
    }
    // What is said wins.
    let let_in = finished(at(server.port()).env("REDISCLI_AUTH", "wrong").args(["--pass", "secret", "PING"]));
    assert_eq!(let_in.out, "PONG\n");
    let refused = cli(&server, "-a wrong PING");
    let expected = "AUTH failed: WRONGPASS invalid username-password pair or user is disabled.\n".to_owned();
    assert_eq!((refused.code, refused.err), (Some(1), expected));

    assert_eq!(printed(&server, "-a secret ACL SETUSER me on >mine ~* +@all"), "OK\n");
    assert_eq!(printed(&server, "--user me -a mine ACL WHOAMI"), "me\n");
    assert_eq!(printed(&server, "-3 --user me -a mine ACL WHOAMI"), "me\n");
}

#[test]
fn a_reader_that_goes_ends_it_quietly() {
    let server = Limpid::start();
    printed(&server, "SETRANGE big 5000000 x");
    for arguments in ["-r -1 GET big", "-r -1 --json GET big", "--latency-history --csv -i 0.001"] {
        let endless = Endless::start(at(server.port()).args(arguments.split(' ')));
        let outcome = endless.abandoned();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments}");
    }
}
