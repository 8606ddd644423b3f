//! `limpid check` beside real logs: what it says, and what it makes of them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{Limpid, Ran, RespClient, Stopped, bulk, eventually, limpid, status};

fn compact(c: &mut RespClient) {
    let before = c.info("aof_rewrites");
    c.check("BGREWRITEAOF", status("Background append only file rewriting started"));
    eventually("it is done", || c.info("aof_rewrites") != before);
}

fn the_one(dir: &Path, ending: &str) -> PathBuf {
    let paths = fs::read_dir(dir).expect("the log's directory").map(|entry| entry.expect("readable").path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn flip_a_bit(path: &Path, of: &str) {
    let mut bytes = fs::read(path).expect("it is there");
    let at = bytes.windows(of.len()).position(|window| window == of.as_bytes()).expect("it holds that");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("it is ours");
}

fn dir(stopped: &Stopped) -> &str {
    stopped.dir().to_str().expect("temporary directories have plain names")
}

/// A copy of the log as it was at a moment.
fn until(stopped: &Stopped, moment: &str, output: &Path) -> Ran {
    let output = output.to_str().expect("temporary directories have plain names");
    limpid(&["check", dir(stopped), "--until", moment, "--output", output], b"")
}

/// A copy that was refused once left an empty directory beside the log.
#[test]
fn a_moment_before_the_log_leaves_nothing() {
    let server = Limpid::durable();
    server.resp().check("SET k v", status("OK"));
    let stopped = server.stop();
    let elsewhere = tempfile::tempdir().expect("the temporary directory is writable");
    let output = elsewhere.path().join("copy");
    let back_to = |moment: &str| until(&stopped, moment, &output);
    let refused = back_to("2001-01-01T00:00:00Z");
    assert_eq!((refused.code(), refused.out.as_str()), (1, ""));
    assert!(refused.err.starts_with("limpid check: the log goes back to "), "{}", refused.err);
    assert!(!output.exists());
    // What was there before is left.
    fs::create_dir(&output).expect("it is not there");
    assert_eq!(back_to("2001-01-01T00:00:00Z").code(), 1);
    assert!(output.exists());
    assert_eq!(back_to("2999-01-01T00:00:00Z").code(), 0);
    Limpid::in_dir(output.to_str().expect("plain"), &[]).resp().check("GET k", bulk("v"));
}

/// It may be the very reason why an earlier moment is asked for.
#[test]
fn damage_in_a_newer_state_does_not_matter_to_an_older_one() {
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "always", "--aof-retain", "1"]);
    let mut c = server.resp();
    c.check("SET k old", status("OK"));
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis().to_string();
    std::thread::sleep(Duration::from_millis(5));
    c.check("SET k new", status("OK"));
    compact(&mut c);
    let stopped = server.stop();
    for (ending, text) in [(".delta.aof", "#commit"), (".base.aof", "SET k new")] {
        flip_a_bit(&the_one(stopped.dir(), ending), text);
        let elsewhere = tempfile::tempdir().expect("the temporary directory is writable");
        let copy = elsewhere.path().join("copy");
        let ran = until(&stopped, &moment, &copy);
        assert_eq!(ran.code(), 0, "{} {}", ran.out, ran.err);
        Limpid::in_dir(copy.to_str().expect("plain"), &[]).resp().check("GET k", bulk("old"));
    }
}

#[test]
fn a_copy_lies_beside_the_directory_however_that_is_spelled() {
    let server = Limpid::durable();
    server.resp().check("SET k v", status("OK"));
    let stopped = server.stop();
    let elsewhere = tempfile::tempdir().expect("the temporary directory is writable");
    let data = elsewhere.path().join("data");
    fs::rename(stopped.dir(), &data).expect("nobody uses it");
    let ran = limpid(&["check", &format!("{}/", data.display()), "--until", "2999-01-01T00:00:00Z"], b"");
    assert_eq!(ran.code(), 0, "{} {}", ran.out, ran.err);
    let copy = elsewhere.path().join("data.2999-01-01T00:00:00.000Z");
    Limpid::in_dir(copy.to_str().expect("plain"), &[]).resp().check("GET k", bulk("v"));
    fs::create_dir(stopped.dir()).expect("it was moved away");
}

/// The marks are right, but there are fewer records than there were.
#[test]
fn a_manifest_that_says_otherwise_is_no_small_thing() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check("SET k v", status("OK"));
    compact(&mut c);
    c.check("SET other v", status("OK"));
    let stopped = server.stop();
    let base = the_one(stopped.dir(), ".base.aof");
    let text = fs::read_to_string(&base).expect("it is text");
    let header = text.split_inclusive('\n').next().expect("it has a header");
    fs::write(&base, header).expect("it is ours");
    assert!(!Limpid::refused(&["--dir", dir(&stopped)]).status.success());
    let asked = limpid(&["check", dir(&stopped), "--reseal"], b"");
    assert_eq!(asked.code(), 0);
    assert!(
        asked.out.contains("MANIFEST would say what the files hold, which is other than it said"),
        "{}",
        asked.out
    );
    let done = limpid(&["check", dir(&stopped), "--reseal", "--yes"], b"");
    assert!(done.out.contains("MANIFEST says now what the files hold"), "{}", done.out);
    Limpid::in_dir(dir(&stopped), &[]).resp().check("GET other", bulk("v"));
}

#[test]
fn a_torn_tail_is_named_by_its_first_line() {
    let server = Limpid::durable();
    server.resp().check("SET k v", status("OK"));
    let stopped = server.stop();
    let segment = the_one(stopped.dir(), ".aof");
    let text = fs::read_to_string(&segment).expect("it is text");
    let lines = text.lines().count();
    fs::write(&segment, format!("{text}SET half")).expect("it is ours");
    let ran = limpid(&["check", dir(&stopped)], b"");
    let said = format!("a torn tail of 8 bytes from line {} (byte {}) on", lines + 1, text.len());
    assert!(ran.out.contains(&said), "{}", ran.out);
}
