//! RESP over real sockets: shapes, malformed input, depth of pipelines, order of replies.

mod support;

use std::io::{Read, Write};
use std::thread;

use limpid::protocol::Value;
use support::{Limpid, bulk, memory_kib, status};

fn error(text: &str) -> Value {
    Value::Error(text.into())
}

#[test]
fn the_first_commands_in_resp() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("PING", status("PONG"));
    c.check("PING hello", bulk("hello"));
    c.check("SET k v", status("OK"));
    c.check("GET k", bulk("v"));
    c.check("GET nosuchkey", Value::Null);
    c.check("EXISTS k k nosuchkey", Value::Int(2));
    c.check("EXPIRE k 100", Value::Int(1));
    c.check("TTL k", Value::Int(100));
    c.check("PERSIST k", Value::Int(1));
    c.check("PERSIST k", Value::Int(0));
    c.check("TTL k", Value::Int(-1));
    c.check("TTL nosuchkey", Value::Int(-2));
    c.check("SET k v NX", Value::Null);
    c.check("SET k w GET", bulk("v"));
    c.check("KEYS *", Value::Array(vec![bulk("k")]));
    c.check("DEL k nosuchkey", Value::Int(1));
    c.check("KEYS *", Value::Array(vec![]));
    c.check_error("GET", "ERR wrong number of arguments for 'get' command");
    c.check_error("FLY a b", "ERR unknown command 'FLY', with args beginning with: 'a' 'b' ");
    c.check("QUIT", status("OK"));
    assert_eq!(c.rest(), b"");
}

/// RESP2's two nulls and its bytes, exactly.
#[test]
fn resp2_byte_for_byte() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.send_bytes(
        b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*1\r\n$4\r\nEXEC\r\n\
          *2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n*1\r\n$4\r\nQUIT\r\n",
    );
    assert_eq!(String::from_utf8_lossy(&c.rest()), "$-1\r\n+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n*0\r\n+OK\r\n");
}

#[test]
fn resp3_byte_for_byte() {
    let server = Limpid::start();
    if limpid::command::table::find(b"hello").is_none() {
        return;
    }
    let mut c = server.resp();
    let Value::Map(hello) = c.cmd(&["HELLO", "3"]) else { panic!("HELLO 3 answers a map") };
    assert!(hello.contains(&(bulk("proto"), Value::Int(3))), "{hello:?}");
    c.send_bytes(b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n");
    c.send_bytes(b"*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*1\r\n$4\r\nQUIT\r\n");
    let rest = String::from_utf8_lossy(&c.rest()).into_owned();
    assert!(rest.starts_with("_\r\n*0\r\n*") && rest.ends_with("$-1\r\n+OK\r\n"), "{rest:?}");
}

#[test]
fn every_byte_survives() {
    let server = Limpid::durable();
    let mut c = server.resp();
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(c.cmd_bytes(&[b"SET", &all, &all]), status("OK"));
    assert_eq!(c.cmd_bytes(&[b"GET", &all]), bulk(&all));
    assert_eq!(c.cmd_bytes(&[b"SET", b"", b""]), status("OK"));
    let server = server.crash().restart();
    let mut c = server.resp();
    assert_eq!(c.cmd_bytes(&[b"GET", &all]), bulk(&all));
    assert_eq!(c.cmd_bytes(&[b"GET", b""]), bulk(""));
}

/// What Redis says to each, before it closes.
#[test]
fn malformed_requests() {
    let server = Limpid::start();
    let count = "ERR Protocol error: invalid multibulk length";
    let length = "ERR Protocol error: invalid bulk length";
    for (input, said) in [
        (&b"*x\r\n"[..], count),
        (b"*1x\r\n", count),
        (b"*\r\n", count),
        (b"* 1\r\n", count),
        (b"*+1\r\n", count),
        (b"*1048577\r\n", count),
        (b"*99999999999999999999\r\n", count),
        (b"*1\r\n$x\r\n", length),
        (b"*1\r\n$\r\n", length),
        (b"*1\r\n$-1\r\n", length),
        (b"*1\r\n$-99\r\n", length),
        (b"*1\r\n$536870913\r\n", length),
        (b"*1\r\n$99999999999999999999\r\n", length),
        (b"*2\r\n$4\r\nPING\r\n$4x\r\n", length),
        (b"*1\r\n:4\r\n", "ERR Protocol error: expected '$', got ':'"),
        (b"*1\r\nPING\r\n", "ERR Protocol error: expected '$', got 'P'"),
        (b"*1\r\n*1\r\n", "ERR Protocol error: expected '$', got '*'"),
        (b"*2\r\n$3\r\nGET\r\nk\r\n", "ERR Protocol error: expected '$', got 'k'"),
    ] {
        let mut c = server.resp();
        c.send_bytes(b"*1\r\n$4\r\nPING\r\n");
        c.send_bytes(input);
        // Nothing behind the fault is run.
        c.send_bytes(b"*3\r\n$3\r\nSET\r\n$4\r\nevil\r\n$1\r\n1\r\n");
        assert_eq!(
            String::from_utf8_lossy(&c.rest()),
            format!("+PONG\r\n-{said}\r\n"),
            "after {:?}",
            input.escape_ascii()
        );
    }
    server.resp().check("EXISTS evil", Value::Int(0));
}

/// Redis ignores requests of no words, or of fewer.
#[test]
fn empty_requests_are_ignored() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.send_bytes(b"*0\r\n*-1\r\n*-77\r\n\r\n*1\r\n$4\r\nPING\r\n");
    assert_eq!(c.read(), status("PONG"));
}

#[test]
fn an_endless_length_line() {
    let server = Limpid::start();
    for start in [&b"*"[..], b"*1\r\n$"] {
        let mut c = server.resp();
        let mut input = start.to_vec();
        input.extend_from_slice(&vec![b'1'; 100 << 10]);
        c.send_bytes(&input);
        let said = c.rest();
        assert!(
            said.starts_with(b"-ERR Protocol error: ") && said.ends_with(b"\r\n"),
            "{:?}",
            said.escape_ascii()
        );
    }
}

#[test]
fn truncated_requests_harm_nobody() {
    let server = Limpid::start();
    let whole = b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$5\r\nvalue\r\n";
    for end in 1..whole.len() {
        let mut c = server.resp();
        c.send_bytes(&whole[..end]);
        if end % 2 == 0 {
            c.stream().shutdown(std::net::Shutdown::Write).expect("a connected socket");
            assert_eq!(c.rest(), b"", "after {end} bytes");
        }
    }
    server.resp().check("EXISTS half", Value::Int(0));
}

#[test]
fn byte_by_byte() {
    let server = Limpid::start();
    let mut c = server.resp();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" {
        c.send_bytes(&[*byte]);
    }
    assert_eq!(c.read(), status("OK"));
    assert_eq!(c.read(), bulk("\r\n\r\n"));
}

/// 200 clients each announce half a gigabyte, and a million words.
#[test]
fn declared_lengths_allocate_nothing() {
    let server = Limpid::start();
    let before = memory_kib(server.pid());
    let mut clients = Vec::new();
    for index in 0..200 {
        let mut c = server.resp();
        c.send_bytes(match index % 3 {
            0 => b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nx",
            1 => b"*1048576\r\n$3\r\nDEL\r\n",
            _ => b"*1048576\r\n$536870912\r\n",
        });
        clients.push(c);
    }
    // When a later client has been served, the earlier ones have been read.
    for _ in 0..3 {
        server.resp().check("PING", status("PONG"));
    }
    let grown = memory_kib(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more");
}

#[test]
fn a_large_value_whole_and_intact() {
    let server = Limpid::start();
    let mut c = server.resp();
    let value: Vec<u8> = (0..32u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(c.cmd_bytes(&[b"SET", b"big", &value]), status("OK"));
    let Value::Bulk(read) = c.cmd(&["GET", "big"]) else { panic!("no bulk") };
    assert!(read == value, "{} bytes came back, not the same", read.len());
}

#[test]
fn a_request_of_many_words() {
    let server = Limpid::start();
    let mut c = server.resp();
    let keys: Vec<String> = (0..100_000).map(|i| format!("k{i}")).collect();
    let mut words = vec!["EXISTS"];
    words.extend(keys.iter().map(String::as_str));
    c.cmd(&["SET", "k7", "v"]);
    c.cmd(&["SET", "k99999", "v"]);
    assert_eq!(c.cmd(&words), Value::Int(2));
}

/// 100,000 requests are written before the first reply is read.
#[test]
fn deep_pipelines() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut stream = c.stream().try_clone().expect("a connected socket");
    let writer = thread::spawn(move || {
        let mut input = Vec::new();
        for i in 0..50_000 {
            let value = i.to_string();
            input.extend_from_slice(
                format!(
                    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
                    value.len()
                )
                .as_bytes(),
            );
        }
        stream.write_all(&input).expect("the server takes it all");
    });
    writer.join().expect("it writes all before anything is read");
    for i in 0..50_000 {
        assert_eq!(c.read(), status("OK"));
        assert_eq!(c.read(), bulk(i.to_string()));
    }
}

/// Slow and fast commands, reads and writes, durable and not: one connection's replies come in its order.
#[test]
fn replies_keep_their_order() {
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "always", "--workers", "4"]);
    let mut filler = server.resp();
    for i in 0..2000 {
        filler.send(&["SET", &format!("fill:{i}"), "x"]);
    }
    (0..2000).for_each(|_| assert_eq!(filler.read(), status("OK")));
    let clients: Vec<_> = (0..6)
        .map(|id| {
            let mut c = server.resp();
            thread::spawn(move || {
                let key = format!("own:{id}");
                for round in 0..30 {
                    for i in 0..20 {
                        let value = format!("{round}:{i}");
                        c.send(&["SET", &key, &value]);
                        c.send(&["GET", &key]);
                        if i % 7 == 0 {
                            c.send(&["KEYS", "fill:1999"]);
                        }
                        c.send(&["PING", &value]);
                        c.send(&["NOSUCH"]);
                    }
                    for i in 0..20 {
                        let value = format!("{round}:{i}");
                        assert_eq!(c.read(), status("OK"));
                        assert_eq!(c.read(), bulk(&value));
                        if i % 7 == 0 {
                            assert_eq!(c.read(), Value::Array(vec![bulk("fill:1999")]));
                        }
                        assert_eq!(c.read(), bulk(&value));
                        assert_eq!(
                            c.read(),
                            error("ERR unknown command 'NOSUCH', with args beginning with: ")
                        );
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("every reply in its place");
    }
}

/// A health check by `\r\n` lines, and RESP behind it.
#[test]
fn inline_and_resp_mix() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.send_bytes(b"PING\r\n*1\r\n$4\r\nPING\r\nEXISTS k\r\n");
    assert_eq!((c.read(), c.read(), c.read()), (status("PONG"), status("PONG"), Value::Int(0)));
}

#[test]
fn random_bytes_never_stop_the_server() {
    let server = Limpid::start();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..200 {
        let mut c = server.resp();
        let mut input = Vec::new();
        for _ in 0..300 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            const ALPHABET: &[u8] = b"*$\r\n\r\n0123-+:\"' #SETGETk\0\xff";
            input.push(ALPHABET[(seed % ALPHABET.len() as u64) as usize]);
        }
        // The server may have closed already; that is its right.
        let _ = c.stream().write_all(&input);
        let _ = c.stream().shutdown(std::net::Shutdown::Write);
        let _ = c.stream().read_to_end(&mut Vec::new());
    }
    server.resp().check("PING", status("PONG"));
}

/// A web page could make a browser post commands to a port on this machine.
#[test]
fn http_ends_the_connection_before_its_body_runs() {
    let server = Limpid::start();
    let mut browser = server.resp();
    browser.send_bytes(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET pwned 1\r\n");
    assert_eq!(browser.rest(), b"-ERR this is no HTTP server\r\n");
    server.resp().check("GET pwned", Value::Null);
}

#[test]
fn a_subscriber_is_pinged_by_a_message() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.send(&["SUBSCRIBE", "news"]);
    c.read();
    c.check("PING", Value::Array(vec![bulk("pong"), bulk("")]));
    c.check("PING there", Value::Array(vec![bulk("pong"), bulk("there")]));
    c.send(&["UNSUBSCRIBE", "news"]);
    c.read();
    c.check("PING", status("PONG"));
    c.cmd(&["HELLO", "3"]);
    c.send(&["SUBSCRIBE", "news"]);
    c.read();
    c.check("PING", status("PONG"));
}

#[test]
fn every_type_of_reply() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("DEBUG PROTOCOL double", bulk("3.141"));
    c.check("DEBUG PROTOCOL attrib", bulk("Some real reply following the attribute"));
    c.check_error("DEBUG PROTOCOL push", "ERR RESP2 is not supported by this command");
    c.cmd(&["HELLO", "3"]);
    assert!(
        matches!(c.cmd(&["DEBUG", "PROTOCOL", "double"]), Value::Double(double) if double.to_string() == "3.141")
    );
    let popularity = Value::Array(vec![bulk("key:123"), Value::Int(90)]);
    let value = Box::new(bulk("Some real reply following the attribute"));
    let attributes = vec![(bulk("key-popularity"), popularity)];
    c.check("DEBUG PROTOCOL attrib", Value::Attributed { attributes, value });
    c.check("DEBUG PROTOCOL push", Value::Push(vec![bulk("server-cpu-usage"), Value::Int(42)]));
    assert_eq!(c.read(), bulk("Some real reply following the push reply"));
}

#[test]
fn command_alone_describes_every_command() {
    let server = Limpid::start();
    let mut c = server.resp();
    let Value::Array(described) = c.cmd(&["COMMAND"]) else { panic!("COMMAND answers an array") };
    c.check("COMMAND COUNT", Value::Int(described.len() as i64));
    c.check("COMMAND INFO", Value::Array(described));
}

#[test]
fn there_are_no_scripts_and_those_who_ask_are_told_so() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("FUNCTION FLUSH", status("OK"));
    c.check("FUNCTION LIST LIBRARYNAME lib* WITHCODE", Value::Array(vec![]));
    c.check("SCRIPT FLUSH ASYNC", status("OK"));
    c.check("MODULE LIST", Value::Array(vec![]));
    c.check("SCRIPT EXISTS abc def", Value::Array(vec![Value::Int(0), Value::Int(0)]));
    c.check("FUNCTION FLUSH NOW", error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    c.check("SCRIPT FLUSH NOW", error("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    c.check("FUNCTION LIST LIBRARYNAME", error("ERR library name argument was not given"));
    c.check("SCRIPT KILL", error("NOTBUSY No scripts in execution right now."));
    c.check("FUNCTION LIST x", error("ERR Unknown argument x"));
    c.check("EVAL x 0", error("ERR unknown command 'EVAL', with args beginning with: 'x' '0' "));
}

#[test]
fn this_is_no_node_of_a_cluster() {
    let server = Limpid::start();
    let mut c = server.resp();
    for command in ["CLUSTER INFO", "cluster keyslot a", "READONLY", "READWRITE", "ASKING"] {
        c.check(command, error("ERR This instance has cluster support disabled"));
    }
    c.check("CLUSTER", error("ERR wrong number of arguments for 'cluster' command"));
    // Rules that are written for any Redis may name them.
    c.check("ACL SETUSER reader on nopass ~* +@read +cluster +readonly", status("OK"));
}
