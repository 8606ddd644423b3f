//! Other people's programs against the real server: redis-py, node-redis, redis-cli, redis-benchmark.
//!
//! A program that is not installed is left out, and its test says so; `.ci/run` installs them all, the libraries in the
//! versions that `tests/clients/` was written for, and names their directory in `LIMPID_CLIENTS`.

mod support;

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use support::Limpid;
use support::tls::Pki;

/// Where `.ci/run` has put `venv` and `node_modules`.
fn installed(path: &str) -> Option<PathBuf> {
    env::var_os("LIMPID_CLIENTS").map(|dir| Path::new(&dir).join(path))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Whether this can be run at all; says so where it cannot.
fn is_there(command: &mut Command) -> bool {
    let there =
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !there {
        println!("left out, not installed: {command:?}");
    }
    there
}

/// What a program printed, which must have ended well.
#[track_caller]
fn output(command: &mut Command) -> String {
    checked(command.output().expect("it was there just now"))
}

#[track_caller]
fn checked(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}{errors}", output.status);
    text
}

#[test]
fn redis_py() {
    let python = installed("venv/bin/python").unwrap_or_else(|| "python3".into());
    if is_there(Command::new(&python).args(["-c", "import redis"])) {
        let server = Limpid::durable();
        let port = server.port().to_string();
        output(Command::new(&python).arg(script("redis_py.py")).arg(port));
    }
}

#[test]
fn redis_py_over_tls() {
    let python = installed("venv/bin/python").unwrap_or_else(|| "python3".into());
    if is_there(Command::new(&python).args(["-c", "import redis"])) {
        let pki = Pki::new();
        let server = pki.server(&[]);
        let files = ["ca.crt", "client.crt", "client.key"].map(|name| pki.file(name));
        output(Command::new(&python).arg(script("redis_py.py")).arg(server.port().to_string()).args(files));
    }
}

#[test]
fn node_redis() {
    let node = || {
        let mut node = Command::new("node");
        node.envs(installed("node_modules").map(|path| ("NODE_PATH", path)));
        node
    };
    if is_there(node().args(["-e", "require('redis')"])) {
        let server = Limpid::durable();
        let port = server.port().to_string();
        output(node().arg(script("node_redis.cjs")).arg(port));
    }
}

#[test]
fn redis_cli() {
    if !is_there(Command::new("redis-cli").arg("--version")) {
        return;
    }
    let server = Limpid::durable();
    let cli = |words: &[&str]| {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &server.port().to_string()]).args(words);
        cli
    };
    let with_input = |words: &[&str], input: &[u8]| {
        let mut child = cli(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was there just now");
        let mut stdin = child.stdin.take().expect("piped above");
        let input = input.to_vec();
        let writer = thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("it is our child");
        writer.join().expect("it only writes").expect("it takes all its input");
        checked(output)
    };

    assert_eq!(output(&mut cli(&["SET", "greeting", "hello world"])), "OK\n");
    assert_eq!(output(&mut cli(&["GET", "greeting"])), "hello world\n");
    assert_eq!(output(&mut cli(&["--no-raw", "GET", "nobody"])), "(nil)\n");
    assert_eq!(output(&mut cli(&["-n", "3", "DBSIZE"])), "0\n");
    assert_eq!(output(&mut cli(&["HSET", "h", "f", "1"])), "1\n");
    assert_eq!(output(&mut cli(&["-3", "--no-raw", "HGETALL", "h"])), "1# \"f\" => \"1\"\n");
    assert_eq!(output(&mut cli(&["--csv", "MGET", "greeting", "nobody"])), "\"hello world\",NULL\n");
    assert_eq!(with_input(&["-x", "SET", "bytes"], b"\x00\xff\r\n"), "OK\n");
    assert_eq!(output(&mut cli(&["STRLEN", "bytes"])), "4\n");

    // A file of commands, as people write them; then a mass insertion.
    assert_eq!(with_input(&[], b"INCR n\nINCR n\nMULTI\nINCR n\nEXEC\n"), "1\n2\nOK\nQUEUED\n3\n");
    let mass: String = (0..2000).map(|n| format!("SET mass:{n} {n}\r\n")).collect();
    let report = with_input(&["--pipe"], mass.as_bytes());
    assert!(report.ends_with("errors: 0, replies: 2000\n"), "{report}");

    let scanned = output(&mut cli(&["--scan", "--pattern", "mass:*"]));
    assert_eq!(scanned.lines().count(), 2000);
    for report in ["--bigkeys", "--memkeys"] {
        let report = output(&mut cli(&[report]));
        assert!(report.contains("2004 keys in the keyspace"), "{report}");
    }
    assert!(output(&mut cli(&["INFO", "keyspace"])).contains("db0:keys=2004,"));
}

/// Default options, but for the number of requests.
#[test]
fn redis_benchmark() {
    if !is_there(Command::new("redis-benchmark").arg("--version")) {
        return;
    }
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let port = server.port().to_string();
    for options in [&[][..], &["-P", "16"], &["--threads", "2"], &["-r", "1000", "-d", "1000"]] {
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.args(["-p", &port, "-n", "2000", "--csv"]).args(options);
        let report = benchmark.output().expect("it was there just now");
        let errors = String::from_utf8_lossy(&report.stderr).into_owned();
        let report = checked(report);
        assert!(errors.is_empty(), "{options:?}: {errors}");
        let tests: Vec<&str> = report.lines().skip(1).collect();
        assert_eq!(tests.len(), 20, "{options:?}: {report}");
        for test in tests {
            let rate = test.split('"').nth(3).and_then(|rate| rate.parse::<f64>().ok());
            assert!(rate.is_some_and(|rate| rate > 0.0), "{options:?}: {test}");
        }
    }
}
