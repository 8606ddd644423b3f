//! What the world around the process sees: the service manager, the pidfile, the packages' files.

mod support;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use limpid::protocol::Value;
use support::{Limpid, PATIENCE, limpid, limpid_with, status};

fn project(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_service_manager_is_told_of_start_and_stop() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a fresh path");
    socket.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
    let receive = || {
        let mut room = [0; 4096];
        let length = socket.recv(&mut room).expect("a datagram within the test's patience");
        String::from_utf8_lossy(&room[..length]).into_owned()
    };
    let path = path.to_str().expect("plain");
    let server = Limpid::in_environment(&[("NOTIFY_SOCKET", path)], &["--appendonly", "no"]);
    assert!(receive().contains("STATUS=Loading"), "first that it loads");
    let ready = receive();
    assert!(ready.lines().any(|line| line == "READY=1"), "{ready}");
    assert!(ready.lines().any(|line| line == format!("STATUS={}", server.banner())), "{ready}");
    assert!(server.stop().status.success());
    assert!(receive().lines().any(|line| line == "STOPPING=1"), "and that it stops");
}

#[test]
fn the_pidfile_is_there_while_the_server_runs() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let path = folder.path().join("limpid.pid");
    let name = path.to_str().expect("plain");
    let server = Limpid::with(&["--appendonly", "no", "--pidfile", name]);
    assert_eq!(fs::read_to_string(&path).expect("there"), format!("{}\n", server.pid()));
    assert!(server.stop().status.success());
    assert!(!path.exists());
    let refused = Limpid::refused(&["--pidfile", "/nonexistent/limpid.pid"]);
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("cannot write the pidfile /nonexistent/limpid.pid"), "{why}");
}

#[test]
fn completions_are_what_a_shell_takes() {
    for (shell, mark) in [("bash", "complete -F"), ("zsh", "#compdef limpid"), ("fish", "complete -c limpid")]
    {
        let ran = limpid(&["completions", shell], b"");
        assert_eq!(ran.code(), 0, "{}", ran.err);
        for word in [mark, "appendfsync", "pipe"] {
            assert!(ran.out.contains(word), "{word} for {shell}");
        }
        // Where that shell is installed, it reads its completions itself.
        let folder = tempfile::tempdir().expect("the temporary directory is writable");
        let file = folder.path().join("completions");
        fs::write(&file, &ran.out).expect("writable");
        if let Ok(output) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(limpid(&["completions", "dos"], b"").code(), 2);
}

#[test]
fn the_version_is_said_in_one_line() {
    for (arguments, name) in [
        (&["--version"][..], "limpid"),
        (&["-V"], "limpid"),
        // As redis-server and redis-cli have it.
        (&["-v"], "limpid"),
        (&["cli", "-v"], "limpid cli"),
    ] {
        let ran = limpid(arguments, b"");
        assert!(ran.out.starts_with(&format!("{name} {}", env!("CARGO_PKG_VERSION"))), "{}", ran.out);
        assert_eq!(ran.out.lines().count(), 1);
    }
}

#[test]
fn info_says_each_thing_once() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check("SET a 1", status("OK"));
    let Value::Bulk(text) = c.cmd(&["INFO", "everything"]) else { panic!("INFO is a bulk string") };
    let text = String::from_utf8(text.to_vec()).expect("INFO is text");
    let fields = text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
    let mut fields: Vec<&str> = fields.collect();
    assert!(fields.contains(&"redis_git_sha1"), "{text}");
    fields.sort_unstable();
    let twice = fields.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}

#[allow(dead_code)]
#[path = "../src/build.rs"]
mod build;

#[test]
fn the_commit_is_what_git_says() {
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let root = folder.path();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let output = Command::new("git").arg("-C").arg(root).args(identity).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(build::commit_of(root), None, "no repository");
    if git(&["init", "-q"]).is_none() {
        return; // No git here, so nobody to ask.
    }
    assert_eq!(build::commit_of(root), None, "no commit");
    fs::write(root.join("a"), "1").expect("writable");
    git(&["add", "a"]).expect("a file");
    git(&["commit", "-qm", "first"]).expect("a change");
    let head = git(&["rev-parse", "--short=9", "HEAD"]).expect("a commit");
    assert_eq!(build::commit_of(root), Some(head.clone()));
    fs::write(root.join("b"), "2").expect("writable");
    assert_eq!(build::commit_of(root), Some(format!("{head}-dirty")));
    let inside = root.join("inside");
    fs::create_dir(&inside).expect("writable");
    assert_eq!(build::commit_of(&inside), None, "a folder of somebody else's repository");
    let note = r#"{"git":{"sha1":"0123456789abcdef","dirty":true},"path_in_vcs":""}"#;
    fs::write(inside.join(".cargo_vcs_info.json"), note).expect("writable");
    assert_eq!(build::commit_of(&inside).as_deref(), Some("012345678-dirty"));
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = project("docs/limpid.service");
    assert!(unit.contains("Type=notify"));
    let folder = tempfile::tempdir().expect("the temporary directory is writable");
    let file = folder.path().join("limpid.service");
    // Where the binary lies is for the package to say; systemd wants to see it.
    fs::write(&file, unit.replace("/usr/local/bin/limpid", env!("CARGO_BIN_EXE_limpid"))).expect("writable");
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&file).output()
    else {
        return; // No systemd here.
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let complaints: Vec<&str> = said.lines().filter(|line| line.contains("limpid")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// The words of a JSON array of strings, behind the first of `mark`.
fn words_behind(text: &str, mark: &str) -> Vec<String> {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("there is no {mark}"));
    let (array, _) = rest.split_once(']').expect("an array ends");
    array.split('"').skip(1).step_by(2).map(String::from).collect()
}

/// They are good, and with a password only.
#[track_caller]
fn check_flags(file: &str, mark: &str) {
    let words = words_behind(&project(file), mark);
    let words: Vec<&str> = std::iter::once("-t").chain(words.iter().map(String::as_str)).collect();
    limpid_with(&[("LIMPID_PASSWORD", "p")], &words, b"").says("limpid: the configuration is good\n");
    let without = limpid(&words, b"");
    assert_eq!(without.code(), 1);
    assert!(without.err.contains("LIMPID_PASSWORD"), "{}", without.err);
}

#[test]
fn the_containers_start_with_good_flags() {
    check_flags("Dockerfile", "\nCMD [");
    check_flags("compose.yaml", "    command: [");
}

#[test]
fn the_health_check_says_whether_the_server_answers() {
    let command = words_behind(&project("Dockerfile"), "HEALTHCHECK");
    assert_eq!(command[0], "/limpid");
    let words: Vec<&str> = command[1..].iter().map(String::as_str).collect();
    let [client, request @ ..] = &*words else { panic!("{words:?}") };
    let check = |port: u16, password: &str| {
        let port = port.to_string();
        let words = [&[*client, "-p", &*port], request].concat();
        limpid_with(&[("LIMPID_PASSWORD", password)], &words, b"").code()
    };
    let server = Limpid::in_environment(&[("LIMPID_PASSWORD", "p")], &["--appendonly", "no"]);
    assert_eq!(check(server.port(), "p"), 0);
    assert_eq!(check(server.port(), "q"), 1);
    let port = server.port();
    server.stop();
    assert_eq!(check(port, "p"), 1);
    // An empty password is none, to both.
    let server = Limpid::in_environment(&[("LIMPID_PASSWORD", "")], &["--appendonly", "no"]);
    assert_eq!(check(server.port(), ""), 0);
}
