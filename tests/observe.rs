//! The metrics port: what it says, to whom, and what it puts up with.

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};

use serde_json::Value as Json;
use support::http::{answer, connect, exchange, free_port, get, get_with, observed};
use support::{Limpid, eventually, status};

/// Samples of Prometheus's text format, by name and labels as they are written. Strict: each family is declared once,
/// and its samples follow; numbers are numbers; a histogram's buckets rise and end in `+Inf`, which equals its count.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut declared: BTreeMap<String, String> = BTreeMap::new();
    let (mut family, mut kind) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, is) = rest.split_once(' ').expect("a name and a type");
            assert!(["counter", "gauge", "histogram"].contains(&is), "{line}");
            (family, kind) = (name.into(), is.into());
            assert!(declared.insert(family.clone(), kind.clone()).is_none(), "declared twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
            let bare = name.split('{').next().expect("never empty");
            let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.iter().any(|suffix| bare == format!("{family}{suffix}")), "{line} in {family}");
            assert!(name == bare || name.ends_with('}') && name.matches('"').count() % 2 == 0, "{line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(samples.insert(name.to_owned(), value).is_none(), "there twice: {line}");
        }
    }
    check_histograms(&samples);
    samples
}

fn check_histograms(samples: &BTreeMap<String, f64>) {
    let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (name, &value) in samples.iter().filter(|(name, _)| name.contains("_bucket{")) {
        let (before, rest) = name.split_once("le=\"").expect("a bucket has a bound");
        let (bound, after) = rest.split_once('"').expect("a quoted bound");
        let bound = bound.replace("+Inf", "inf").parse().expect("a number");
        let labels = format!("{}{}", before.trim_end_matches(','), after.trim_start_matches(','));
        series.entry(labels.replace("_bucket", "_count").replace("{}", "")).or_default().push((bound, value));
    }
    for (count, mut buckets) in series {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{count}: {buckets:?}");
        let (bound, all) = *buckets.last().expect("there is one");
        assert!(bound.is_infinite() && samples[&count] == all, "{count}: {buckets:?}");
    }
}

#[test]
fn a_scrape_counts_what_was_done() {
    let (server, port) = observed(&["--appendonly", "yes"]);
    let mut c = server.resp();
    (0..5).for_each(|i| c.check(&format!("SET key:{i} value"), status("OK")));
    c.cmd(&["GET", "key:1"]);
    c.cmd(&["GET", "missing"]);
    c.cmd(&["INCR", "key:1"]);
    c.cmd(&["PEXPIRE", "key:2", "100000"]);
    c.cmd(&["GET"]);
    let scraped = get(port, "/metrics");
    assert_eq!(scraped.status, 200);
    assert!(scraped.head.contains("Content-Type: text/plain; version=0.0.4"), "{}", scraped.head);
    let samples = parse(&scraped.body);
    let expected = [
        ("limpid_commands_total{command=\"set\"}", 5.0),
        ("limpid_command_duration_seconds_count{command=\"get\"}", 2.0),
        ("limpid_commands_failed_total{command=\"incr\"}", 1.0),
        ("limpid_commands_rejected_total{command=\"get\"}", 1.0),
        ("limpid_error_replies_total{code=\"ERR\"}", 2.0),
        ("limpid_keyspace_hits_total", 1.0),
        ("limpid_keyspace_misses_total", 1.0),
        ("limpid_keys{db=\"0\"}", 5.0),
        ("limpid_expiring_keys{db=\"0\"}", 1.0),
        ("limpid_clients", 1.0),
        ("limpid_connections_total", 1.0),
        ("limpid_log_records_total", 6.0),
        ("limpid_log_writable", 1.0),
        ("limpid_log_backlog_bytes", 0.0),
        ("limpid_log_undurable_records", 0.0),
        ("limpid_compaction_running", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name}");
    }
    let at_least_something = [
        "limpid_received_bytes_total",
        "limpid_sent_bytes_total",
        "limpid_memory_used_bytes",
        "limpid_memory_resident_bytes",
        "limpid_log_sync_duration_seconds_count",
        "limpid_log_sync_duration_seconds_sum",
        "limpid_log_group_records_count",
        "limpid_log_last_durable_time_seconds",
        "limpid_thread_cpu_seconds_total{thread=\"worker-0\"}",
        "limpid_thread_cpu_seconds_total{thread=\"aof\"}",
    ];
    for name in at_least_something {
        assert!(samples.get(name).is_some_and(|value| *value > 0.0), "{name} in {samples:?}");
    }
    let age = samples["limpid_log_last_durable_age_seconds"];
    assert!((0.0..60.0).contains(&age), "{age}");
}

#[test]
fn open_metrics_for_those_who_ask() {
    let (_server, port) = observed(&["--appendonly", "no"]);
    let scraped = get_with(port, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    assert!(
        scraped.head.contains("Content-Type: application/openmetrics-text; version=1.0.0"),
        "{}",
        scraped.head
    );
    assert!(scraped.body.ends_with("\n# EOF\n"), "{}", scraped.body);
    assert!(!scraped.body.contains("limpid_log_"), "there is no log");
}

#[test]
fn health_follows_the_log() {
    let port = free_port();
    let arguments = ["--appendonly", "yes", "--metrics-port", &port.to_string()];
    let server = Limpid::limited_to_kib(100, &arguments);
    let ready = get(port, "/health");
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));
    let mut c = server.resp();
    let value = "x".repeat(10_000);
    eventually("the log is full", || c.cmd(&["SET", "key", &value]) != status("OK"));
    let refusing = get(port, "/health");
    assert_eq!(refusing.status, 503);
    assert!(refusing.body.starts_with("writes are refused: writing 00000001.aof"), "{}", refusing.body);
    assert_eq!(refusing.body.lines().count(), 1);
    let json: Json = parse_json(&get_with(port, "/health", "Accept: application/json\r\n").body);
    assert_eq!(json["status"], "refusing");
    assert_eq!(parse(&get(port, "/metrics").body)["limpid_log_writable"], 0.0);
    assert_eq!(parse_json(&get(port, "/api/stats").body)["state"], "refusing");
}

fn parse_json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn the_page_and_what_it_polls() {
    let (server, port) = observed(&["--appendonly", "yes", "--slowlog-log-slower-than", "0"]);
    let mut c = server.resp();
    c.check("SET big:1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", status("OK"));
    for _ in 0..2000 {
        c.send(&["GET", "big:1"]);
    }
    (0..2000).for_each(|_| _ = c.read());
    let page = get(port, "/");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("Content-Type: text/html; charset=utf-8"), "{}", page.head);
    assert!(page.head.contains("Content-Security-Policy: default-src 'none'"), "{}", page.head);
    let foreign = ["http://", "https://", "//cdn", "@import", "url("];
    let loads = foreign.iter().filter(|word| page.body.replace("http://www.w3.org/", "").contains(**word));
    assert_eq!(loads.count(), 0, "the page loads something from elsewhere");
    // The second sample comes a second after the first one, and big keys are found once somebody looks.
    let mut stats = Json::Null;
    eventually("two samples, a walk over the keys, and a sample of requests", || {
        stats = parse_json(&get(port, "/api/stats").body);
        let has = |name: &str| stats[name].as_array().is_some_and(|list| !list.is_empty());
        has("samples") && has("big") && has("hot")
    });
    assert_eq!(stats["state"], "ready");
    assert_eq!(stats["hot"][0]["key"], "big:1");
    assert_eq!((&stats["big"][0]["key"], &stats["big"][0]["type"]), (&"big:1".into(), &"string".into()));
    assert_eq!(stats["slow"][0]["request"], "GET big:1");
    assert_eq!(stats["clients"]["connected"], 1);
    assert_eq!(stats["clients"]["list"][0]["command"], "get");
    assert_eq!(stats["databases"][0]["keys"], 1);
    assert!(stats["log"]["size"].as_u64().is_some_and(|bytes| bytes > 0));
    let columns = stats["columns"].as_array().expect("names").len();
    assert!(
        stats["samples"].as_array().expect("rows").iter().all(|row| row.as_array().unwrap().len() == columns)
    );
    let last = stats["samples"].as_array().and_then(|rows| rows.last()).and_then(|row| row[0].as_f64());
    let newer = parse_json(&get(port, &format!("/api/stats?since={}", last.expect("a time"))).body);
    assert!(newer["samples"].as_array().expect("rows").len() <= 2);
}

#[test]
fn a_password_guards_what_shows_data() {
    let (_server, port) = observed(&["--appendonly", "no", "--requirepass", "s3cret"]);
    // default:s3cret, default:wrong, nobody:s3cret
    let basic = |encoded: &str| format!("Authorization: Basic {encoded}\r\n");
    let (right, wrong, stranger) = ("ZGVmYXVsdDpzM2NyZXQ=", "ZGVmYXVsdDp3cm9uZw==", "bm9ib2R5OnMzY3JldA==");
    for path in ["/", "/api/stats"] {
        let refused = get(port, path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.head.contains("WWW-Authenticate: Basic realm=\"limpid\""), "{}", refused.head);
        assert_eq!(get_with(port, path, &basic(wrong)).status, 401);
        assert_eq!(get_with(port, path, &basic(stranger)).status, 401);
        assert_eq!(get_with(port, path, &basic(right)).status, 200);
    }
    // Figures show nobody's data, and this is loopback.
    assert_eq!(get(port, "/metrics").status, 200);
    assert_eq!(get(port, "/health").status, 200);
}

#[test]
fn users_see_what_their_commands_would_show() {
    let arguments = ["--appendonly", "no", "--requirepass", "s3cret", "--metrics-bind", "0.0.0.0"];
    let (server, port) = observed(&arguments);
    let mut c = server.resp();
    c.check("AUTH s3cret", status("OK"));
    c.check("ACL SETUSER watcher on >pw +info", status("OK"));
    // watcher:pw
    let watcher = "Authorization: Basic d2F0Y2hlcjpwdw==\r\n";
    assert_eq!(get_with(port, "/metrics", watcher).status, 200);
    let refused = get_with(port, "/api/stats", watcher);
    assert_eq!((refused.status, refused.body.as_str()), (403, "this needs the permission to run monitor\n"));
    c.check("ACL SETUSER watcher +monitor", status("OK"));
    assert_eq!(get_with(port, "/api/stats", watcher).status, 200);
    c.check("ACL SETUSER watcher off", status("OK"));
    assert_eq!(get_with(port, "/metrics", watcher).status, 401);
}

#[test]
fn beyond_loopback_everything_needs_the_password() {
    let port = free_port().to_string();
    let refused =
        Limpid::refused(&["--appendonly", "no", "--metrics-port", &port, "--metrics-bind", "0.0.0.0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("metrics-bind: 0.0.0.0 can be reached from other machines"), "{said}");
    let (server, port) =
        observed(&["--appendonly", "no", "--metrics-bind", "0.0.0.0", "--requirepass", "s3cret"]);
    let right = "Authorization: Basic ZGVmYXVsdDpzM2NyZXQ=\r\n";
    for path in ["/", "/api/stats", "/metrics", "/health"] {
        assert_eq!(get(port, path).status, 401, "{path}");
        assert_eq!(get_with(port, path, right).status, 200, "{path}");
    }
    let mut c = server.resp();
    c.check("AUTH s3cret", status("OK"));
    let opens = "ERR CONFIG SET failed (possibly related to argument 'requirepass') - metrics-bind: 0.0.0.0 can be reached \
                 from other machines, and clients need no password: set requirepass (or LIMPID_PASSWORD in the \
                 environment), or metrics-bind 127.0.0.1 only";
    c.check_error("CONFIG SET requirepass ", opens);
    c.check_error(
        "ACL SETUSER default nopass",
        "ERR the default user would be without a password, but metrics-bind: 0.0.0.0 can be reached from other machines, \
         and clients need no password: set requirepass (or LIMPID_PASSWORD in the environment), or metrics-bind \
         127.0.0.1 only",
    );
    assert_eq!(get(port, "/metrics").status, 401);
    assert_eq!(get_with(port, "/metrics", right).status, 200);
}

/// A browser that was lured here by another name shows that name.
#[test]
fn other_names_are_refused() {
    let (_server, port) = observed(&["--appendonly", "no"]);
    let refused = answer(port, b"GET /api/stats HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(refused.status, 403);
    assert_eq!(answer(port, b"GET /health HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let port = taken.local_addr().expect("bound").port().to_string();
    let refused = Limpid::refused(&["--appendonly", "no", "--metrics-port", &port]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let line = format!("limpid: cannot listen on 127.0.0.1:{port} for metrics: Address already in use");
    assert_eq!(said.lines().last(), Some(&*line));
}

#[test]
fn hostile_http_gets_an_error_or_a_closed_connection() {
    let (server, port) = observed(&["--appendonly", "no"]);
    let status_of = |request: &[u8]| answer(port, request).status;
    assert_eq!(status_of(b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), 405);
    assert_eq!(status_of(b"BREW / HTTP/1.1\r\n\r\n"), 405);
    assert_eq!(status_of(b"*1\r\n$4\r\nPING\r\n"), 400);
    assert_eq!(status_of(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"), 400);
    assert_eq!(status_of(b"GET /nothing HTTP/1.1\r\n\r\n"), 404);
    assert_eq!(status_of(b"GET /../../etc/passwd HTTP/1.1\r\n\r\n"), 404);
    assert_eq!(status_of(format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(100_000)).as_bytes()), 431);
    assert_eq!(status_of(format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000)).as_bytes()), 431);
    // What is pipelined behind a request is not looked at: there is one answer.
    let piped =
        exchange(port, format!("GET /health HTTP/1.1\r\n\r\n{}", "GET / \0\r\n\r\n".repeat(500)).as_bytes());
    assert_eq!(piped.matches("HTTP/1.1 ").count(), 1, "{piped}");
    assert!(piped.ends_with("\r\n\r\nready\n"), "{piped}");
    let head = answer(port, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert_eq!((head.status, &*head.body), (200, ""));
    assert!(head.head.contains("Content-Length: "), "{}", head.head);
    // Half a request and then nothing: closed, without a word.
    let mut slow = connect(port);
    slow.write_all(b"GET / HTT").expect("a fresh socket");
    let mut said = Vec::new();
    slow.read_to_end(&mut said).expect("closed within the test's patience");
    assert!(said.is_empty());
    server.resp().check("PING", status("PONG"));
}

/// More connections than there is room for, all silent: those who ask are served all the same, and so are clients.
#[test]
fn silent_connections_keep_nobody_out() {
    let (server, port) = observed(&["--appendonly", "no"]);
    let silent: Vec<_> = (0..600).map(|_| connect(port)).collect();
    for _ in 0..20 {
        assert_eq!(get(port, "/health").status, 200);
    }
    // The same where they have asked and do not read.
    let deaf: Vec<_> = (0..600)
        .map(|_| {
            let mut stream = connect(port);
            // Closed already, perhaps, for the next one.
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            stream
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(get(port, "/health").status, 200);
    }
    server.resp().check("PING", status("PONG"));
    drop((silent, deaf));
}
