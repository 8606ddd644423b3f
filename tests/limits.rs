//! What clients may take: time, buffers, memory, places. Each limit is passed here, and the right client is closed.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use limpid::protocol::Value;
use support::{Limpid, PATIENCE, RespClient, bulk, encode, eventually, status};

fn text(value: Value) -> String {
    match value {
        Value::Bulk(text) | Value::Verbatim { text, .. } => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("a text, not {other:?}"),
    }
}

/// A figure of INFO.
fn info(c: &mut RespClient, name: &str) -> u64 {
    c.info(name).parse().unwrap_or_else(|_| panic!("INFO has no figure {name}"))
}

/// A field of the client of this name in CLIENT LIST; `None` if there is no such client.
fn field(c: &mut RespClient, client: &str, name: &str) -> Option<u64> {
    let list = text(c.cmd(&["CLIENT", "LIST"]));
    let line = list.lines().find(|line| line.contains(&format!(" name={client} ")))?;
    let word = line.split(' ').find_map(|word| word.strip_prefix(&format!("{name}=")))?;
    Some(word.parse().expect("a number"))
}

fn named(server: &Limpid, name: &str) -> RespClient {
    let mut c = server.resp();
    c.check(&format!("CLIENT SETNAME {name}"), status("OK"));
    c
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a connected socket");
    let mut said = [0; 4096];
    loop {
        match stream.read(&mut said) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Sends until it is closed, or all is sent; an end in the middle is what it is for.
fn pour(c: &mut RespClient, bytes: &[u8]) {
    let _ = c.stream().write_all(bytes);
}

fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

#[test]
fn a_reply_larger_than_the_hard_limit() {
    let server =
        Limpid::with(&["--appendonly", "no", "--client-output-buffer-limit", "normal", "100kb", "0", "0"]);
    let mut c = server.resp();
    c.check(
        "CONFIG GET client-output-buffer-limit",
        Value::Array(vec![
            bulk("client-output-buffer-limit"),
            bulk("normal 102400 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
        ]),
    );
    let (fits, does_not) = ("x".repeat(90_000), "x".repeat(200_000));
    c.cmd(&["MSET", "fits", &fits, "does-not", &does_not]);
    c.check("GET fits", bulk(&fits));
    let mut greedy = server.resp();
    assert!(greedy.try_cmd(&["GET", "does-not"]).is_err(), "it is closed");
    assert_eq!(info(&mut c, "client_output_buffer_limit_disconnections"), 1);
    c.cmd(&["CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"]);
    c.check("GET does-not", bulk(&does_not));
    c.check("CONFIG RESETSTAT", status("OK"));
    assert_eq!(info(&mut c, "client_output_buffer_limit_disconnections"), 0);
}

#[test]
fn a_subscriber_that_does_not_read() {
    let server = Limpid::with(&["--appendonly", "no", "--client-output-buffer-limit", "pubsub 8mb 0 0"]);
    let mut c = server.resp();
    let mut deaf = named(&server, "deaf");
    deaf.cmd(&["SUBSCRIBE", "news"]);
    let message = "x".repeat(100_000);
    let mut seen = 0;
    let mut published = 0;
    while c.cmd(&["PUBLISH", "news", &message]) == Value::Int(1) {
        seen = seen.max(field(&mut c, "deaf", "omem").unwrap_or(0));
        published += 1;
        assert!(published < 1000, "a hundred megabytes are kept for it");
    }
    assert!(seen > 1 << 20 && seen <= 8 << 20, "omem was {seen}");
    eventually("it is closed", || field(&mut c, "deaf", "omem").is_none());
    assert_eq!(info(&mut c, "client_output_buffer_limit_disconnections"), 1);
}

#[test]
fn a_subscriber_that_is_behind_for_too_long() {
    let server = Limpid::with(&["--appendonly", "no", "--client-output-buffer-limit", "pubsub 0 1mb 2"]);
    let mut c = server.resp();
    let mut deaf = named(&server, "deaf");
    deaf.cmd(&["SUBSCRIBE", "news"]);
    let message = "x".repeat(100_000);
    let began = Instant::now();
    while field(&mut c, "deaf", "omem").is_some_and(|omem| omem < 2 << 20) {
        c.check(&format!("PUBLISH news {message}"), Value::Int(1));
    }
    eventually("it is closed", || {
        pause();
        field(&mut c, "deaf", "omem").is_none()
    });
    assert!(began.elapsed() > Duration::from_secs(2), "after {:?}", began.elapsed());
    assert_eq!(info(&mut c, "client_output_buffer_limit_disconnections"), 1);
}

#[test]
fn a_request_that_never_ends() {
    let server = Limpid::with(&["--appendonly", "no", "--client-query-buffer-limit", "1mb"]);
    let mut c = server.resp();
    let mut endless = named(&server, "endless");
    endless.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n");
    endless.send_bytes(&[b'x'; 500_000]);
    eventually("all of it has come", || field(&mut c, "endless", "qbuf").is_some_and(|qbuf| qbuf > 500_000));
    assert!(field(&mut c, "endless", "tot-mem").is_some_and(|total| total > 500_000));
    pour(&mut endless, &[b'x'; 1_000_000]);
    eventually("it is closed", || field(&mut c, "endless", "qbuf").is_none());
    eventually("its socket is closed", || is_closed(endless.stream()));
    assert_eq!(info(&mut c, "client_query_buffer_limit_disconnections"), 1);
    c.check_error(
        "CONFIG SET client-query-buffer-limit 1000",
        "ERR CONFIG SET failed (possibly related to argument 'client-query-buffer-limit') - \
         argument must be between 1048576 and 1073741824 inclusive",
    );
}

#[test]
fn a_transaction_that_never_ends() {
    let server = Limpid::with(&["--appendonly", "no", "--client-query-buffer-limit", "1mb"]);
    let mut c = server.resp();
    let mut endless = named(&server, "endless");
    endless.check("MULTI", status("OK"));
    let value = "x".repeat(300_000);
    for _ in 0..3 {
        assert_eq!(endless.cmd(&["SET", "k", &value]), status("QUEUED"));
    }
    let queued = field(&mut c, "endless", "multi-mem").expect("it is there");
    assert!((900_000..1_000_000).contains(&queued), "multi-mem is {queued}");
    let why = "ERR the transaction is larger than client-query-buffer-limit";
    assert_eq!(endless.cmd(&["SET", "k", &value]), Value::Error(why.into()));
    assert!(endless.try_read().is_err(), "it is closed");
    c.check("EXISTS k", Value::Int(0));
    assert_eq!(info(&mut c, "client_query_buffer_limit_disconnections"), 1);
}

#[test]
fn idle_clients_go_and_others_stay() {
    let server = Limpid::with(&["--appendonly", "no", "--timeout", "1"]);
    let mut c = named(&server, "busy");
    let mut idle = named(&server, "idle");
    let mut half = named(&server, "half");
    half.send_bytes(b"*1\r\n$4\r\nPI");
    let mut blocked = named(&server, "blocked");
    blocked.send(&["BLPOP", "list", "0"]);
    let mut subscriber = named(&server, "subscriber");
    subscriber.cmd(&["SUBSCRIBE", "news"]);
    eventually("those who send nothing are closed", || {
        pause();
        let list = text(c.cmd(&["CLIENT", "LIST"]));
        !list.contains(" name=idle ") && !list.contains(" name=half ")
    });
    eventually("its socket is closed", || is_closed(idle.stream()) && is_closed(half.stream()));
    c.check("PUBLISH news hello", Value::Int(1));
    c.check("RPUSH list one", Value::Int(1));
    assert_eq!(blocked.read(), Value::Array(vec![bulk("list"), bulk("one")]));
    c.check("CONFIG SET timeout 0", status("OK"));
}

#[test]
fn the_largest_clients_are_evicted_first() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("CLIENT NO-EVICT on", status("OK"));
    let half_of = |name: &str, bytes: usize| {
        let mut client = named(&server, name);
        client.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000000\r\n");
        client.send_bytes(&vec![b'x'; bytes]);
        client
    };
    let mut spared = named(&server, "spared");
    spared.check("CLIENT NO-EVICT on", status("OK"));
    spared.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000000\r\n");
    spared.send_bytes(&vec![b'x'; 3_000_000]);
    let _clients = [half_of("large", 2_000_000), half_of("middle", 1_000_000), half_of("small", 200_000)];
    for (name, bytes) in
        [("spared", 3_000_000), ("large", 2_000_000), ("middle", 1_000_000), ("small", 200_000)]
    {
        eventually("all of it has come", || field(&mut c, name, "qbuf").is_some_and(|qbuf| qbuf >= bytes));
    }
    let total: u64 = ["spared", "large", "middle", "small"]
        .iter()
        .map(|name| field(&mut c, name, "tot-mem").expect("it is there"))
        .sum();
    // A little too much: the largest that may go makes room enough.
    c.check(&format!("CONFIG SET maxmemory-clients {}", total - 100_000), status("OK"));
    eventually("the largest goes", || field(&mut c, "large", "qbuf").is_none());
    assert_eq!(info(&mut c, "evicted_clients"), 1);
    // Far too much: all go that may.
    c.check("CONFIG SET maxmemory-clients 1%", status("OK"));
    c.check("CONFIG SET maxmemory 100000000", status("OK"));
    eventually("the next one goes", || {
        field(&mut c, "middle", "qbuf").is_none() && field(&mut c, "small", "qbuf").is_none()
    });
    assert!(field(&mut c, "spared", "qbuf").is_some());
    c.check("CONFIG GET maxmemory-clients", Value::Array(vec![bulk("maxmemory-clients"), bulk("1%")]));
}

/// Each name once took as long as there were names before it, and none of them counted.
#[test]
fn names_that_are_subscribed_to_or_watched() {
    const NAMES: usize = 200_000;
    let server = Limpid::start();
    let mut c = server.resp();
    let mut many = named(&server, "many");
    let names: Vec<String> = (0..NAMES).map(|i| format!("name:{i}")).collect();
    let behind = |verb: &str| encode(&[&[verb.to_owned()], &names[..]].concat());
    // More than they take as text, less than they cost.
    let much = 100 * NAMES as u64;
    many.send_bytes(&behind("WATCH"));
    assert_eq!(many.read(), status("OK"));
    assert_eq!(field(&mut c, "many", "watch"), Some(NAMES as u64));
    assert!(field(&mut c, "many", "multi-mem").is_some_and(|bytes| bytes > much));
    assert_eq!(many.cmd(&["UNWATCH"]), status("OK"));
    assert_eq!(field(&mut c, "many", "multi-mem"), Some(0));
    let mut confirmed = |verb: &str, bytes: &[u8]| {
        many.send_bytes(bytes);
        for _ in 0..NAMES {
            let Value::Array(words) = many.read() else { panic!("a confirmation") };
            assert_eq!(words[0], bulk(verb));
        }
    };
    confirmed("subscribe", &behind("SUBSCRIBE"));
    eventually("they count", || field(&mut c, "many", "tot-mem").is_some_and(|bytes| bytes > much));
    confirmed("unsubscribe", &encode(&["UNSUBSCRIBE"]));
    eventually("they no longer do", || field(&mut c, "many", "tot-mem").is_some_and(|bytes| bytes < much));
    confirmed("psubscribe", &behind("PSUBSCRIBE"));
    c.check("CONFIG SET maxmemory-clients 1000000", status("OK"));
    eventually("the client goes", || field(&mut c, "many", "tot-mem").is_none());
    eventually("nobody listens any more", || c.cmd(&["PUBSUB", "NUMPAT"]) == Value::Int(0));
}

#[test]
fn info_shows_the_largest_buffers_of_late() {
    let server = Limpid::start();
    let mut c = server.resp();
    let mut half = server.resp();
    half.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000000\r\n");
    half.send_bytes(&vec![b'x'; 700_000]);
    eventually("the reactor has looked", || {
        pause();
        info(&mut c, "client_recent_max_input_buffer") > 700_000
    });
    assert_eq!(info(&mut c, "client_recent_max_output_buffer"), 0);
}

#[test]
fn the_limit_on_open_files_is_raised_or_said() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 300; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_limpid")]);
    let server = Limpid::by(command, &["--appendonly", "no", "--maxclients", "2000"]);
    let mut c = server.resp();
    let said = server.stderr();
    match info(&mut c, "maxclients") {
        2000 => assert!(
            said.contains("Increased maximum number of open files to 2064 (it was originally set to 300)")
        ),
        fewer => {
            assert_eq!(fewer, 300 - 64);
            assert!(said.contains("maxclients has been reduced from 2000 to 236"), "{said}");
        }
    }
}

#[test]
fn whoever_came_while_no_file_was_to_be_had_is_served_later() {
    let port = support::free_port();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_limpid")]);
    let arguments = ["--appendonly", "no", "--maxclients", "36", "--metrics-port", &port.to_string()];
    let server = Limpid::by(command, &arguments);
    let browsers: Vec<_> = (0..100).map(|_| TcpStream::connect(("127.0.0.1", port))).collect();
    eventually("the last file is open", || {
        let mut c = server.resp();
        c.send(&["PING"]);
        c.stream().set_read_timeout(Some(Duration::from_millis(50))).expect("a connected socket");
        c.try_read().is_err()
    });
    let mut c = server.resp();
    c.send(&["PING"]);
    drop(browsers);
    assert_eq!(c.read(), status("PONG"));
}

/// A crowd that sends half a request each, and goes on, a byte at a time; another client hardly notices.
#[test]
fn two_thousand_half_requests() {
    const CROWD: usize = 2000;
    if !support::allow_descriptors(CROWD as u64 + 200) {
        eprintln!("skipped: no {CROWD} files may be open here");
        return;
    }
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("SET k v", status("OK"));
    let mut p99 = |between: &mut dyn FnMut(usize)| {
        let mut times: Vec<Duration> = (0..3000)
            .map(|i| {
                between(i);
                let began = Instant::now();
                c.check("GET k", bulk("v"));
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    let alone = p99(&mut |_| {});
    let request = encode(&["SET", "slow", &"x".repeat(5000)]);
    let mut crowd: Vec<TcpStream> = (0..CROWD)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).expect("the server listens");
            stream.set_write_timeout(Some(PATIENCE)).expect("a fresh socket");
            stream.write_all(&request[..100]).expect("the server reads");
            stream
        })
        .collect();
    // Two of them send a byte before each request.
    let beside = p99(&mut |i| {
        for k in [2 * i, 2 * i + 1] {
            crowd[k % CROWD].write_all(b"x").expect("the server reads");
        }
    });
    // On a machine that is busy with other things, the same as without the crowd, or nearly.
    let limit = Duration::from_millis(10).max(alone * 3);
    assert!(beside < limit, "p99 is {beside:?} beside the crowd, {alone:?} without");
    assert_eq!(info(&mut server.resp(), "connected_clients"), CROWD as u64 + 2);
}

#[test]
fn ten_thousand_connections() {
    const CROWD: usize = 10_000;
    if !support::allow_descriptors(CROWD as u64 + 200) {
        eprintln!("skipped: no {CROWD} files may be open here");
        return;
    }
    let server = Limpid::with(&["--appendonly", "no", "--maxclients", "10001", "--tcp-backlog", "4096"]);
    let mut c = server.resp();
    assert_eq!(info(&mut c, "maxclients"), 10_001);
    let before = support::memory_kib(server.pid());
    let mut crowd: Vec<TcpStream> =
        (0..CROWD).map(|_| TcpStream::connect(server.address()).expect("the server listens")).collect();
    eventually("all are welcome", || {
        pause();
        info(&mut c, "connected_clients") == CROWD as u64 + 1
    });
    for stream in &mut crowd {
        stream.write_all(b"PING\n").expect("the server reads");
    }
    for stream in &mut crowd {
        let mut said = [0; 5];
        stream.set_read_timeout(Some(PATIENCE)).expect("a connected socket");
        stream.read_exact(&mut said).expect("a reply");
        assert_eq!(&said, b"PONG\n");
    }
    let mut said = String::new();
    let mut one_more = TcpStream::connect(server.address()).expect("the server listens");
    one_more.read_to_string(&mut said).expect("it says why, and closes");
    assert_eq!(said, "-ERR max number of clients reached\r\n");
    // Redis takes 20 MB for as many, and has them back from the burst as late.
    eventually("what the burst took is given back", || {
        pause();
        support::memory_kib(server.pid()).saturating_sub(before) < 20 << 10
    });
    drop(crowd);
    eventually("all are gone", || {
        pause();
        info(&mut c, "connected_clients") == 1
    });
}
