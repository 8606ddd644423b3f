//! Reports, walks and streams.

use limpid::protocol::Value;

use crate::client::{Endless, at, cli, finished, printed, with_input};
use crate::support::{Limpid, Redis, eventually, knows};

fn filled() -> Limpid {
    let server = Limpid::start();
    let mut lines: String = (0..2000).map(|n| format!("SET key:{n} {n}\n")).collect();
    lines += "SET \"we ird\\n\" 0123456789\nRPUSH l 1 2 3\nHSET h f v g w\nZADD z 1 m\nSADD s a b\n";
    let outcome = with_input(at(server.port()).arg("--pipe"), lines.as_bytes());
    assert!(outcome.out.ends_with("errors: 0, replies: 2005\n"), "{outcome:?}");
    server
}

#[test]
fn scan_lists_keys() {
    let server = filled();
    assert_eq!(printed(&server, "--scan --pattern key:*").lines().count(), 2000);
    assert_eq!(printed(&server, "--scan --type list"), "l\n");
    assert_eq!(printed(&server, "--scan --pattern we* --count 500"), "we ird\n\n");
    assert_eq!(printed(&server, "--no-raw --scan --pattern we*"), "\"we ird\\n\"\n");
    let keys = printed(&server, "--json --scan");
    assert_eq!(keys.lines().count(), 2005);
    for line in keys.lines() {
        serde_json::from_str::<String>(line).expect("a JSON string a line");
    }
    assert_eq!(printed(&server, "-n 1 --scan"), "");
}

#[test]
fn bigkeys_finds_the_biggest_of_each_type() {
    let server = filled();
    let report = printed(&server, "--bigkeys");
    for line in [
        "Sampled 2005 keys in the keyspace!",
        "Biggest string found '\"we ird\\n\"' has 10 bytes",
        "Biggest   list found '\"l\"' has 3 items",
        "Biggest   hash found '\"h\"' has 2 fields",
        "Biggest    set found '\"s\"' has 2 members",
        "Biggest   zset found '\"z\"' has 1 members",
        "1 lists with 3 items (00.05% of keys, avg size 3.00)",
        "0 streams with 0 entries (00.00% of keys, avg size 0.00)",
    ] {
        assert!(report.lines().any(|found| found == line), "{line}\n{report}");
    }
    let report = printed(&server, "--bigkeys --type list -i 0.001");
    assert!(report.contains("Sampled 1 keys in the keyspace!"), "{report}");
    let report = printed(&server, "--memkeys --memkeys-samples 0");
    assert!(report.contains("Sampled 2005 keys in the keyspace!"), "{report}");
    assert!(report.lines().any(|line| line.starts_with("Biggest   hash found '\"h\"' has ")), "{report}");
}

#[test]
fn an_interrupted_walk_tells_what_it_has_found() {
    let server = filled();
    let mut walk = Endless::start(at(server.port()).args(["--bigkeys", "-i", "600", "--count", "1"]));
    while !walk.line().contains("Biggest string found so far") {}
    walk.interrupt();
    let outcome = walk.ended();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(outcome.out.contains("-------- summary -------"), "{}", outcome.out);
}

#[test]
fn hotkeys_are_sampled_or_counted() {
    let server = filled();
    // The sample takes one request of 64 or so.
    printed(&server, "SET hot 1");
    with_input(at(server.port()).arg("--pipe"), "GET hot\n".repeat(5000).as_bytes());
    let is_hottest = |report: &str| {
        let first = report.lines().find(|line| line.starts_with("hot key found with counter: "));
        first.is_some_and(|line| line.ends_with("\tkeyname: \"hot\""))
    };
    let report = printed(&server, "--hotkeys");
    assert!(is_hottest(&report), "{report}");
    let report = printed(&server, "-n 1 --hotkeys");
    assert!(!report.contains("hot key found"), "{report}");

    // Only some keys: by the counters of eviction.
    let refused = cli(&server, "--hotkeys --pattern h*");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.starts_with("Error: ERR An LFU maxmemory policy is not selected"), "{}", refused.err);
    printed(&server, "CONFIG SET maxmemory-policy allkeys-lfu");
    with_input(at(server.port()).arg("--pipe"), "GET hot\n".repeat(2000).as_bytes());
    let report = printed(&server, "--hotkeys --pattern h*");
    assert!(report.contains("Sampled 2 keys in the keyspace!") && is_hottest(&report), "{report}");
}

#[test]
fn stat_prints_lines() {
    let server = filled();
    let report = printed(&server, "--stat -r 22 -i 0");
    let lines: Vec<&str> = report.lines().collect();
    assert!(lines[0].starts_with("------- data ------"), "{report}");
    assert!(lines[1].starts_with("keys       mem      clients"), "{report}");
    assert!(lines[2].starts_with("2005       ") && lines[2].contains(" (+0) "), "{report}");
    assert!(lines[3].contains(" (+1) "), "{report}");
    assert_eq!(lines.len(), 22 + 4, "a header for each 20 lines: {report}");
}

#[test]
fn latency_is_one_line_for_scripts() {
    let server = Limpid::start();
    let numbers = |line: &str, separator| -> Vec<f64> {
        line.trim().split(separator).map(|number| number.parse().expect("a number")).collect()
    };
    let [min, max, average, count] = numbers(&printed(&server, "--latency -i 0.05"), ' ')[..] else {
        panic!("four numbers")
    };
    assert!(min <= max && average <= max + 1.0 && count >= 1.0);
    assert_eq!(numbers(&printed(&server, "--latency --csv -i 0"), ',').len(), 4);
    let json: serde_json::Value =
        serde_json::from_str(&printed(&server, "--latency --json -i 0")).expect("JSON");
    assert!(json["count"] == 1 && json["min"].as_f64() == json["max"].as_f64());
    assert_eq!(printed(&server, "--latency-history -i 0.01 -r 3").lines().count(), 3);
    let history = printed(&server, "--latency-history --no-raw -i 0.01 -r 1");
    assert!(history.starts_with("min: ") && history.ends_with(" seconds range\n"), "{history}");
}

#[test]
fn streams_go_on_until_ctrl_c() {
    let server = Limpid::start();
    let mut c = server.text();
    let mut subscriber = Endless::start(at(server.port()).args(["--csv", "PSUBSCRIBE", "new*"]));
    assert_eq!(subscriber.line(), "\"psubscribe\",\"new*\",1");
    c.check("PUBLISH news hello", "1");
    c.check("PUBLISH news world", "1");
    assert_eq!(subscriber.line(), "\"pmessage\",\"new*\",\"news\",\"hello\"");
    assert_eq!(subscriber.line(), "\"pmessage\",\"new*\",\"news\",\"world\"");
    subscriber.interrupt();
    assert_ne!(subscriber.ended().code, Some(0));
    eventually("the subscriber is gone", || c.ask("PUBLISH news nobody") == "0");

    let mut json = Endless::start(at(server.port()).args(["--json", "SUBSCRIBE", "news"]));
    assert_eq!(json.line(), "[\"subscribe\",\"news\",1]");
    c.check("PUBLISH news x", "1");
    assert_eq!(json.line(), "[\"message\",\"news\",\"x\"]");

    if knows("MONITOR") {
        check_monitor(server.port());
    }
}

fn check_monitor(port: u16) {
    let mut monitor = Endless::start(at(port).arg("MONITOR"));
    assert_eq!(monitor.line(), "OK");
    assert_eq!(finished(at(port).args(["SET", "a", "1"])).out, "OK\n");
    let line = monitor.line();
    assert!(line.ends_with("\"SET\" \"a\" \"1\""), "{line}");
}

#[test]
fn a_blocking_command_waits() {
    let server = Limpid::start();
    let blocked = Endless::start(at(server.port()).args(["BLPOP", "q", "0"]));
    let mut c = server.resp();
    eventually("it waits", || c.info("blocked_clients") == "1");
    c.check("RPUSH q job", Value::Int(1));
    let outcome = blocked.ended();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(0), "q\njob\n"));
}

/// Each mode against the other server that it is meant for.
#[test]
fn redis_is_as_good() {
    let Some(redis) = Redis::start() else { return };
    let cli = |arguments: &str| {
        let outcome = finished(at(redis.port()).args(arguments.split(' ')));
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments}: {}", outcome.out);
        outcome.out
    };
    // Lines of text; Redis answers them in RESP.
    let lines: String = (0..500).map(|n| format!("SET key:{n} {n}\nGET key:{n}\n")).collect();
    let piped = with_input(at(redis.port()).arg("--pipe"), lines.as_bytes());
    assert!(piped.out.ends_with("errors: 0, replies: 1000\n"), "{piped:?}");
    assert_eq!(cli("--scan --pattern key:*").lines().count(), 500);
    assert!(cli("--bigkeys").contains("Sampled 500 keys in the keyspace!"));
    assert!(cli("--memkeys").contains("Sampled 500 keys in the keyspace!"));
    assert!(cli("--stat -r 1").lines().any(|line| line.starts_with("500 ")));
    assert_eq!(cli("--latency -i 0").lines().count(), 1);
    cli("CONFIG SET maxmemory-policy allkeys-lfu");
    assert_eq!(cli("SET hot 1"), "OK\n");
    assert!(cli("--hotkeys").contains("Sampled 501 keys in the keyspace!"));
    assert_eq!(cli("--json -n 0 GET key:7"), "\"7\"\n");
    check_monitor(redis.port());
}
