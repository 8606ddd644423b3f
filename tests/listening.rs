//! Where the server listens: Unix sockets, addresses that change while it runs, and those it refuses.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use support::{Limpid, PATIENCE, free_port};

fn ask(path: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
    stream.write_all(request.as_bytes()).expect("the server reads");
    stream.shutdown(std::net::Shutdown::Write).expect("connected");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("replies, and the end");
    said
}

#[test]
fn a_unix_socket() {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let path = dir.path().join("limpid.sock");
    let name = path.to_str().expect("a plain name");
    let port = free_port().to_string();
    let flags = ["--appendonly", "no", "--port", &port, "--unixsocket", name, "--unixsocketperm", "700"];
    let server = Limpid::with(&flags);
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o700);
    assert_eq!(ask(&path, "SET k v\nGET k\nPING\r\n*1\r\n$4\r\nPING\r\n"), "OK\nv\n+PONG\r\n+PONG\r\n");
    let list = ask(&path, "CLIENT LIST\n");
    assert!(
        list.contains(&format!(" addr={name}:0 laddr={name}:0 ")) && list.contains(" flags=U "),
        "{list}"
    );
    // Big replies, and half-closed clients, as by TCP.
    let value = "x".repeat(60_000);
    let replies = ask(&path, &format!("SET big {value}\n{}", "GET big\n".repeat(200)));
    assert!(replies.len() == 3 + 200 * (value.len() + 1), "{} bytes", replies.len());
    // An orderly stop takes the file away; a crash leaves it, and the next start takes it over.
    let stopped = server.stop();
    assert!(!path.exists());
    let stopped = stopped.restart().crash();
    assert!(path.exists());
    let server = stopped.restart();
    assert_eq!(ask(&path, "PING\n"), "PONG\n");
    // A second server leaves the first one's socket alone.
    let refused = Limpid::refused(&["--unixsocket", name, "--appendonly", "no"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(&format!("cannot listen on {name}: another server listens there")), "{said}");
    assert_eq!(ask(&path, "PING\n"), "PONG\n");
    drop(server);
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let path = dir.path().join("precious");
    std::fs::write(&path, "data").expect("writable");
    let refused = Limpid::refused(&["--unixsocket", path.to_str().expect("a plain name")]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("it is no socket"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "data");
}

#[test]
fn beyond_loopback_only_with_a_password() {
    for address in ["0.0.0.0", "::"] {
        let output = Limpid::refused(&["--bind", address]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.lines().count() == 1, "{said}");
        assert!(
            said.contains(address) && said.contains("requirepass") && said.contains("127.0.0.1"),
            "{said}"
        );
    }
    let port = free_port().to_string();
    let server = Limpid::with(&["--appendonly", "no", "--port", &port, "--bind", "127.0.0.1"]);
    let mut c = server.text();
    let prefix = "ERR CONFIG SET failed (possibly related to argument";
    let reason = "- bind: 0.0.0.0 can be reached from other machines, and clients need no password: set requirepass \
                  (or LIMPID_PASSWORD in the environment), or bind 127.0.0.1 only";
    c.check("CONFIG SET bind 0.0.0.0", &format!("{prefix} 'bind') {reason}"));
    c.check("CONFIG SET bind 0.0.0.0 requirepass secret", "OK");
    c.check("CONFIG SET requirepass \"\"", &format!("{prefix} 'requirepass') {reason}"));
    c.check("CONFIG SET bind 127.0.0.1 requirepass \"\"", "OK");
    server.text().check("PING", "PONG");
}

#[test]
fn an_address_that_the_machine_lacks_may_be_left_out() {
    // 198.51.100.0/24 is for documentation.
    let flags = |bind: &'static str| ["--appendonly", "no", "--requirepass", "p", "--bind", bind];
    let server = Limpid::with(&flags("127.0.0.1 -198.51.100.1"));
    let mut c = server.text();
    c.check("AUTH p", "OK");
    c.check("CONFIG GET bind", "bind \"127.0.0.1 -198.51.100.1\"");
    c.check("CONFIG SET bind \"-198.51.100.2 127.0.0.1\"", "OK");
    c.check(
        "CONFIG SET bind -198.51.100.2",
        "ERR CONFIG SET failed (possibly related to argument 'bind') - \
         this machine has none of the addresses to listen on",
    );
    c.check("PING", "PONG");
    let refused = Limpid::refused(&flags("127.0.0.1 198.51.100.1"));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot listen on 198.51.100.1:"));
}

#[test]
fn the_environment_may_hold_the_password() {
    let mut command = std::process::Command::new("env");
    command.args(["LIMPID_PASSWORD=from outside", env!("CARGO_BIN_EXE_limpid")]);
    let server = Limpid::by(command, &["--appendonly", "no"]);
    let mut c = server.text();
    c.check("PING", "ERR NOAUTH Authentication required.");
    c.check("AUTH \"from outside\"", "OK");
    c.check("PING", "PONG");
}

#[test]
fn port_and_addresses_change_while_it_runs() {
    let (first, second) = (free_port(), free_port());
    let server = Limpid::with(&["--appendonly", "no", "--port", &first.to_string()]);
    let mut c = server.text();
    c.check(&format!("CONFIG SET port {second}"), "OK");
    assert!(TcpStream::connect(("127.0.0.1", first)).is_err());
    TcpStream::connect(("127.0.0.1", second)).expect("it listens there now");
    c.check("CONFIG SET bind \"127.0.0.1 127.0.0.2\"", "OK");
    TcpStream::connect(("127.0.0.2", second)).expect("it listens there, too");
    // A port that another has: all is as it was.
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let taken = other.local_addr().expect("bound").port();
    c.check(
        &format!("CONFIG SET port {taken}"),
        &format!(
            "ERR CONFIG SET failed (possibly related to argument 'port') - cannot listen on 127.0.0.1:{taken}: \
             Address already in use"
        ),
    );
    TcpStream::connect(("127.0.0.1", second)).expect("it listens there still");
    TcpStream::connect(("127.0.0.2", second)).expect("it listens there still");
    c.check("CONFIG GET port", &format!("port {second}"));
    c.check("PING", "PONG");
}

#[test]
fn what_is_listened_at_already_is_not_closed() {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    let path = dir.path().join("limpid.sock");
    let name = path.to_str().expect("a plain name");
    let port = free_port().to_string();
    let server = Limpid::with(&["--appendonly", "no", "--port", &port, "--unixsocket", name]);
    let before = std::fs::metadata(&path).expect("it is there").modified().expect("Linux says so");
    server.text().check("CONFIG SET bind \"127.0.0.1 127.0.0.3\"", "OK");
    let after = std::fs::metadata(&path).expect("it is there").modified().expect("Linux says so");
    assert_eq!(before, after);
    assert_eq!(ask(&path, "PING\n"), "PONG\n");
    // A socket that nobody listens at is not in the way.
    drop(server.stop());
    drop(UnixListener::bind(&path).expect("it is gone"));
    let server = Limpid::with(&["--appendonly", "no", "--port", &port, "--unixsocket", name]);
    assert_eq!(ask(&path, "PING\n"), "PONG\n");
    drop(server);
}
