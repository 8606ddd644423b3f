//! The plain-text protocol, over real sockets: requests as a person types them, replies as a person reads them.

mod support;

use std::io::Write;
use std::net::Shutdown;
use std::process::{Command, Stdio};

use support::{Limpid, RespClient, TextClient, nc};

/// Sends everything, half-closes, and returns all that came back.
#[track_caller]
fn converse(server: &Limpid, input: &[u8]) -> String {
    let mut c = server.text();
    c.send_bytes(input);
    c.half_close();
    c.rest()
}

#[test]
fn every_row_of_the_reply_table() {
    let server = Limpid::start();
    let mut c = server.text();
    // done
    c.check("SET user:1 John", "OK");
    // value
    c.check("GET user:1", "John");
    // missing
    c.check("GET user:2", "nil");
    // number
    c.check("DEL user:1 user:2", "1");
    c.check("EXISTS user:1", "0");
    c.check("TTL user:1", "-2");
    // error
    c.check_starts("GET", "ERR wrong number of arguments for 'get' command");
    // the EXPIRE family and PERSIST
    c.check("SET k v", "OK");
    c.check("TTL k", "-1");
    c.check("EXPIRE k 100", "OK");
    c.check("TTL k", "100");
    c.check("PERSIST k", "OK");
    c.check("PERSIST k", "0");
    c.check("EXPIRE nosuchkey 100", "0");
    c.check("PERSIST nosuchkey", "0");
    // array
    c.check("KEYS *", "k");
    c.check("KEYS x*", "");
    c.check("DEL k", "1");
    c.check("KEYS *", "");
}

#[test]
fn other_codes_follow_err() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("EXEC", "ERR EXEC without MULTI");
    c.check("MULTI", "OK");
    c.check_starts("NOSUCHCOMMAND", "ERR unknown command 'NOSUCHCOMMAND'");
    c.check("EXEC", "ERR EXECABORT Transaction discarded because of previous errors.");
}

#[test]
fn ping_quit_and_case() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("PING", "PONG");
    c.check("ping", "PONG");
    c.check("pInG \"hello world\"", "hello world");
    c.check("sEt K v", "OK");
    c.check("get K", "v");
    c.check("get k", "nil");
    c.check("QUIT", "OK");
    c.expect_closed();
}

#[test]
fn nothing_behind_quit_is_run() {
    let server = Limpid::start();
    assert_eq!(converse(&server, b"SET a 1\nQUIT\nSET b 2\n"), "OK\nOK\n");
    server.text().check("EXISTS a b", "1");
}

#[test]
fn info_is_several_lines() {
    let server = Limpid::start();
    let info = converse(&server, b"SET a 1\nSET b 2 EX 100\nINFO\n");
    for line in [
        "# Server",
        "redis_version:7.2.4",
        "# Clients",
        "# Memory",
        "# Persistence",
        "# Stats",
        "# Keyspace",
        &format!("process_id:{}", server.pid()),
        &format!("tcp_port:{}", server.port()),
    ] {
        assert!(info.lines().any(|found| found == line), "no {line:?} in {info}");
    }
    let keyspace = info.lines().find(|line| line.starts_with("db0:")).expect("db0 has keys");
    assert!(keyspace.starts_with("db0:keys=2,expires=1"), "{keyspace}");
    for name in
        ["limpid_version", "os", "uptime_in_seconds", "uptime_in_days", "used_memory", "used_memory_rss"]
    {
        assert!(info.lines().any(|line| line.starts_with(&format!("{name}:"))), "no {name} in {info}");
    }
    assert!(!info.contains('\r'), "plain text has bare line ends: {info:?}");
}

#[test]
fn quotes_and_escapes_in_requests() {
    let server = Limpid::start();
    let mut c = server.text();
    for (word, value) in [
        (r#""Jane Doe""#, "Jane Doe"),
        (r#"'Jane Doe'"#, "Jane Doe"),
        (r#"'it\'s'"#, "it's"),
        (r#""it's""#, "it's"),
        (r#""say \"hi\"""#, r#"say "hi""#),
        (r#""back\\slash""#, r"back\slash"),
        (r#"'\n'"#, r"\n"),
        (r#""\x4a\x6F""#, "Jo"),
        (r#""\q""#, "q"),
        ("Größe", "Größe"),
        ("#", "#"),
        ("*", "*"),
        (r#""\n""#, r#""\n""#),
        (r#""\r\n\t\b\a""#, r#""\r\n\t\b\a""#),
        (r#""\x00\xff""#, r#""\x00\xff""#),
        (r#""""#, r#""""#),
        ("''", r#""""#),
        ("nil", r#""nil""#),
        ("NIL", "NIL"),
        (r#""\"quoted\"""#, r#""\"quoted\"""#),
        (r#""ERR no""#, r#""ERR no""#),
        ("ERR", "ERR"),
        (r#"" ""#, " "),
        (r#""(a)""#, "(a)"),
        ("OK", "OK"),
        ("123", "123"),
    ] {
        c.check(&format!("SET k {word}"), "OK");
        c.check("GET k", value);
    }
    c.check("SET \t k  \t  v \t", "OK");
    c.check("GET k", "v");
}

#[test]
fn a_reply_reads_back_as_the_same_value() {
    let server = Limpid::start();
    let (mut c, mut r) = (server.text(), server.resp());
    let values: Vec<Vec<u8>> = (0..=255u8)
        .map(|byte| vec![byte])
        .chain((0..=255).map(|byte| vec![b'a', byte, b'z']))
        .chain([b"".to_vec(), b"nil".to_vec(), b"ERR x".to_vec(), b"\"".to_vec(), "é\u{85}\u{2028}".into()])
        .collect();
    for value in values {
        r.cmd_bytes(&[b"SET", b"k", &value]);
        let line = c.ask("GET k");
        if line.starts_with('"') {
            c.check(&format!("SET copy {line}"), "OK");
        } else {
            // An unquoted line is the value itself.
            r.cmd_bytes(&[b"SET", b"copy", line.as_bytes()]);
        }
        assert_eq!(
            r.cmd(&["GET", "copy"]),
            support::bulk(&value),
            "{:?} was printed {line:?}",
            value.escape_ascii()
        );
    }
}

#[test]
fn array_elements_are_single_words() {
    let server = Limpid::start();
    let mut c = server.text();
    for (word, element) in [
        ("plain", "plain"),
        (r#""two words""#, r#""two words""#),
        (r#""""#, r#""""#),
        ("nil", r#""nil""#),
        (r#""a\nb""#, r#""a\nb""#),
    ] {
        c.check(&format!("SET {word} v"), "OK");
        c.check("KEYS *", element);
        c.check(&format!("DEL {element}"), "1");
    }
}

#[test]
fn set_takes_a_sentence() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check("SET greeting hello world", "OK");
    c.check("GET greeting", "hello world");
    c.check("SET greeting  hello \t  wide   world  ", "OK");
    c.check("GET greeting", "hello wide world");
    c.check(r#"SET greeting "a  b" c"#, "OK");
    c.check("GET greeting", "a  b c");
    // An option keyword makes it Redis's grammar.
    c.check("SET greeting hello EX 100", "OK");
    c.check("GET greeting", "hello");
    c.check("TTL greeting", "100");
    c.check("SET greeting again KEEPTTL", "OK");
    c.check("TTL greeting", "100");
    c.check("SET greeting x NX", "nil");
    c.check("SET fresh x NX", "OK");
    c.check("SET nosuchkey x XX", "nil");
    c.check("SET fresh y GET", "x");
    c.check("SET fresh y xx get", "y");
    // Options among a sentence: the error says to quote.
    for sentence in ["go and get it", "hello world EX 10", "hello PX", "one two NX"] {
        let reply = c.ask(&format!("SET greeting {sentence}"));
        assert!(reply.starts_with("ERR syntax error"), "{sentence}: {reply}");
    }
    let reply = c.ask("SET greeting go and get it");
    assert!(reply.contains("quoted"), "the error says what to do: {reply}");
    c.check("GET greeting", "again");
    c.check(r#"SET greeting "go and get it""#, "OK");
    c.check("GET greeting", "go and get it");
}

#[test]
fn only_plain_text_takes_a_sentence() {
    let server = Limpid::start();
    let mut r = server.resp();
    r.check_error("SET k hello world", "ERR syntax error");
    r.send_bytes(b"SET k hello world\r\n");
    assert_eq!(r.read(), limpid::protocol::Value::Error("ERR syntax error".into()));
}

#[test]
fn empty_lines_and_comments_are_ignored() {
    let server = Limpid::start();
    let replies =
        converse(&server, b"\n\n  \t\n# a comment\n#SET a 1\nSET b 2\n#commit 1 2 3\nGET a\n\nGET b\n\n");
    assert_eq!(replies, "OK\nnil\n2\n");
}

#[test]
fn unbalanced_quotes_cost_one_line() {
    let server = Limpid::start();
    let mut c = server.text();
    for line in ["SET k \"v", "SET k 'v", "SET k \"v\"x", "SET k it's", "\"", "SET k \"\\\""] {
        c.check_starts(line, "ERR ");
        c.check("GET k", "nil");
    }
}

#[test]
fn mistakes_cost_one_line() {
    let server = Limpid::start();
    let mut c = server.text();
    c.check(
        "FLY me to the moon",
        "ERR unknown command 'FLY', with args beginning with: 'me' 'to' 'the' 'moon' ",
    );
    c.check("GET", "ERR wrong number of arguments for 'get' command");
    c.check("GET a b", "ERR wrong number of arguments for 'get' command");
    c.check("SET a", "ERR wrong number of arguments for 'set' command");
    c.check("SET a 1", "OK");
    c.check("EXPIRE a soon", "ERR value is not an integer or out of range");
    c.check("EXPIRE a 99999999999999999999", "ERR value is not an integer or out of range");
    c.check("SET a 1 EX 0", "ERR invalid expire time in 'set' command");
    c.check_starts("\"\" x", "ERR unknown command ''");
    c.check_starts("\"a\\nb\"", "ERR unknown command 'a");
    c.check("PING", "PONG");
}

#[test]
fn lines_up_to_64_kib() {
    let server = Limpid::start();
    let mut c = server.text();
    let longest = format!("SET k {}", "x".repeat((64 << 10) - 6));
    c.check(&longest, "OK");
    c.check("GET k", &longest[6..]);
    c.send(&format!("{longest}y"));
    assert!(c.line().starts_with("ERR "));
    c.expect_closed();
    // Without a line end, too: nobody waits for one for ever.
    let mut c = server.text();
    c.send_bytes(&vec![b'x'; 100 << 10]);
    let said = c.rest();
    assert!(said.starts_with("ERR ") && said.lines().count() == 1, "{said:?}");
    server.text().check("PING", "PONG");
}

#[test]
fn what_came_before_an_overlong_line_is_answered() {
    let server = Limpid::start();
    let mut input = b"SET a 1\nGET a\n".to_vec();
    input.extend_from_slice(&vec![b'x'; 200 << 10]);
    input.extend_from_slice(b"\nSET b 2\n");
    let mut c = server.text();
    c.send_bytes(&input);
    let said = c.rest();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["OK", "1"]);
    assert!(lines.len() == 3 && lines[2].starts_with("ERR "), "{said:?}");
    server.text().check("GET b", "nil");
}

#[test]
fn byte_by_byte() {
    let server = Limpid::start();
    let mut c = server.text();
    for byte in b"SET \"user 1\" 'a b'\n# nothing\nGET \"user 1\"\nPING\r\n" {
        c.send_bytes(&[*byte]);
    }
    assert_eq!(c.line(), "OK");
    assert_eq!(c.line(), "a b");
    assert_eq!(c.line(), "+PONG\r");
}

#[test]
fn a_thousand_lines_in_one_packet() {
    let server = Limpid::durable();
    let input: String = (0..1000).map(|i| format!("SET k{i} value-{i}\nGET k{i}\n")).collect();
    let expected: String = (0..1000).map(|i| format!("OK\nvalue-{i}\n")).collect();
    assert_eq!(converse(&server, input.as_bytes()), expected);
}

/// Half-close at once, with the replies still to be computed, written and made durable.
#[test]
fn half_close_gets_every_reply() {
    let server = Limpid::durable();
    let big = "x".repeat(60_000);
    let mut input = format!("SET big {big}\n");
    (0..200).for_each(|_| input += "GET big\n");
    input += "SET last one";
    // The last line has no end, so it is no request.
    let said = converse(&server, input.as_bytes());
    let mut expected = "OK\n".to_owned();
    (0..200).for_each(|_| expected += &format!("{big}\n"));
    assert!(said == expected, "{} bytes instead of {}", said.len(), expected.len());
    server.text().check("GET last", "nil");
}

#[test]
fn crlf_gets_resp() {
    let server = Limpid::start();
    let said = converse(
        &server,
        b"PING\r\nSET k \"a b\"\r\nGET k\r\nGET k\nGET nosuchkey\r\nEXISTS k\r\nKEYS *\r\nEXPIRE k 100\r\nFLY\r\n\r\nGET \"x\r\n",
    );
    assert_eq!(
        said,
        "+PONG\r\n+OK\r\n$3\r\na b\r\na b\n$-1\r\n:1\r\n*1\r\n$1\r\nk\r\n:1\r\n\
         -ERR unknown command 'FLY', with args beginning with: \r\n\
         -ERR Protocol error: unbalanced quotes in request\r\n"
    );
}

/// One connection may change its tongue with every request.
#[test]
fn the_three_forms_mix() {
    let server = Limpid::start();
    let said = converse(
        &server,
        b"SET k v\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nGET k\r\nGET k\n*1\r\n$4\r\nPING\r\nPING\n",
    );
    assert_eq!(said, "OK\n$1\r\nv\r\n$1\r\nv\r\nv\n+PONG\r\nPONG\n");
}

#[test]
fn bytes_that_are_no_utf8_are_data() {
    let server = Limpid::start();
    let mut c = server.text();
    c.send_bytes(b"SET \xff\xfe \xc3(\n");
    assert_eq!(c.line(), "OK");
    c.send_bytes(b"GET \xff\xfe\n");
    assert_eq!(c.line(), r#""\xc3(""#);
    c.check("KEYS *", r#""\xff\xfe""#);
    c.send_bytes(b"\xff\xfe\n");
    assert!(c.line().starts_with("ERR unknown command"));
}

#[test]
fn real_netcat() {
    let server = Limpid::durable();
    assert_eq!(nc(server.port(), b"SET user:1 John\n"), "OK\n");
    assert_eq!(nc(server.port(), b"GET user:1\n"), "John\n");
    let server = server.crash().restart();
    assert_eq!(nc(server.port(), b"GET user:1\nQUIT\n"), "John\nOK\n");
}

/// `nc -N 127.0.0.1 PORT < old.aof`
#[test]
fn netcat_replays_a_plain_file() {
    let server = Limpid::durable();
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let file = dir.path().join("old.aof");
    std::fs::write(&file, "SET user:1 John\nEXPIRE user:1 60\nSET user:2 Jane\nDEL user:2\nPERSIST user:1\n")
        .expect("a file of our own");
    let output = Command::new("nc")
        .args(["-N", "-w", "30", "127.0.0.1", &server.port().to_string()])
        .stdin(Stdio::from(std::fs::File::open(&file).expect("written above")))
        .output()
        .expect("nc is installed (netcat-openbsd)");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "OK\nOK\nOK\n1\nOK\n");
    let mut c = server.text();
    c.check("TTL user:1", "-1");
    c.check("KEYS *", "user:1");
}

/// The log that one server wrote, piped into another.
#[test]
fn netcat_replays_our_own_log() {
    let first = Limpid::durable();
    let mut c = first.text();
    c.check("SET user:1 John", "OK");
    c.check("SET \"user 2\" Jane Doe", "OK");
    c.check("EXPIRE user:1 1000", "OK");
    c.check("SET gone x", "OK");
    c.check("DEL gone", "1");
    let mut r = first.resp();
    r.cmd_bytes(&[b"SET", b"bin", b"\0\r\n\xff\"'# "]);
    let stopped = first.stop();
    let mut text = Vec::new();
    let mut logs: Vec<_> = std::fs::read_dir(stopped.dir())
        .expect("the log's directory")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "aof"))
        .collect();
    logs.sort();
    assert!(!logs.is_empty(), "no *.aof in the directory");
    for log in logs {
        text.extend(std::fs::read(log).expect("readable"));
    }
    let second = Limpid::start();
    let said = nc(second.port(), &text);
    assert!(
        said.lines().all(|line| line == "OK" || line == "1"),
        "{said}\nfor\n{}",
        String::from_utf8_lossy(&text)
    );
    let mut c = second.text();
    c.check("GET user:1", "John");
    c.check("GET \"user 2\"", "Jane Doe");
    c.check("GET gone", "nil");
    c.check("GET bin", r##""\x00\r\n\xff\"'# ""##);
    let left: i64 = c.ask("TTL user:1").parse().expect("a number");
    assert!((900..=1000).contains(&left), "{left}");
}

/// A client that sends half a line and goes, gently or not.
#[test]
fn half_a_line_is_no_request() {
    let server = Limpid::start();
    let mut c = server.text();
    c.send_bytes(b"SET a 1\nSET b 2");
    c.half_close();
    assert_eq!(c.rest(), "OK\n");
    let mut c = TextClient::connect(server.address());
    c.send_bytes(b"SET c 3");
    drop(c);
    let mut c = RespClient::connect(server.address());
    c.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nd\r\n$1\r\n4");
    c.stream().flush().expect("a connected socket");
    c.stream().shutdown(Shutdown::Both).expect("a connected socket");
    server.text().check("EXISTS a b c d", "1");
}
