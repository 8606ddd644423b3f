//! TLS: real clients, certificates that are right and wrong, and bytes that are no TLS at all.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use support::tls::{Pki, TlsClient};
use support::{Limpid, PATIENCE, eventually, free_port, memory_kib};

/// A plain connection to the port, with the test's patience.
fn plain(server: &Limpid) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
    stream
}

/// Everything until the server closes, by a farewell or by a reset.
fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    if let Err(error) = stream.read_to_end(&mut said) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    said
}

#[test]
fn redis_cli_in_both_versions() {
    let pki = Pki::new();
    let (cert, key) = (pki.file("client.crt"), pki.file("client.key"));
    for versions in ["TLSv1.2", "TLSv1.3", "TLSv1.2 TLSv1.3"] {
        let server = pki.server(&["--tls-protocols", versions]);
        let ask = |words: &[&str], input: &[u8]| {
            let arguments = [&["--cert", &cert, "--key", &key], words].concat();
            let output = pki.redis_cli(&server, &arguments, input)?;
            assert!(output.status.success(), "{versions}, {words:?}: {output:?}");
            Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        };
        let Some(pong) = ask(&["PING"], b"") else {
            eprintln!("skipped: redis-cli is not installed");
            return;
        };
        assert_eq!(pong, "PONG");
        let big = "0123456789".repeat(700_000);
        assert_eq!(ask(&["-x", "SET", "big"], big.as_bytes()).as_deref(), Some("OK"));
        assert!(ask(&["GET", "big"], b"").as_deref() == Some(&big), "7 MB come back as they were");
        let many = "PING\n".repeat(2000);
        assert_eq!(ask(&[], many.as_bytes()).map(|out| out.lines().count()), Some(2000));
    }
}

#[test]
fn clients_show_a_certificate_of_the_right_authority() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = pki.server(&[]);
    let address = server.address();
    pki.client(Some(&pki)).connect(address).check("PING", "PONG");
    assert!(pki.client(None).connect(address).try_ask("PING").is_err(), "none was shown");
    assert!(pki.client(Some(&other)).connect(address).try_ask("PING").is_err(), "nobody vouches for it");
    assert!(other.client(Some(&pki)).connect(address).try_ask("PING").is_err(), "not the server it trusts");
    let refused = pki.redis_cli(&server, &["PING"], b"");
    assert!(refused.is_none_or(|output| !output.status.success()), "redis-cli without a certificate");

    let mut c = pki.client(Some(&pki)).connect(address);
    c.check("CONFIG SET tls-auth-clients optional", "OK");
    pki.client(None).connect(address).check("PING", "PONG");
    assert!(
        pki.client(Some(&other)).connect(address).try_ask("PING").is_err(),
        "a bad one is worse than none"
    );
    c.check("CONFIG SET tls-auth-clients no", "OK");
    pki.client(None).connect(address).check("PING", "PONG");
    pki.client(Some(&other)).connect(address).check("PING", "PONG");
    c.check("CONFIG GET tls-auth-clients", "tls-auth-clients no");
}

#[test]
fn who_speaks_plainly_is_told() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    for request in [&b"PING\n"[..], b"*1\r\n$4\r\nPING\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0"] {
        let mut stream = plain(&server);
        stream.write_all(request).expect("a fresh socket");
        assert_eq!(until_closed(stream), b"-ERR this port speaks TLS only\r\n");
    }
    pki.client(Some(&pki)).connect(server.address()).check("PING", "PONG");
}

#[test]
fn garbage_closes_its_own_connection_only() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    let mut witness = pki.client(Some(&pki)).connect(server.address());
    let mut noise: u32 = 1;
    for length in [1, 5, 6, 100, 5000, 70_000] {
        let mut bytes: Vec<u8> = (0..length)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        // Like a handshake, for as long as that takes.
        for (byte, like) in bytes.iter_mut().zip([22, 3, 1, 2, 0, 1]) {
            *byte = like;
        }
        let mut stream = plain(&server);
        // The server may have had enough before all is sent.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        until_closed(stream);
        witness.check("PING", "PONG");
    }
    // In the middle of a session: a record that nobody has encrypted.
    let mut c = pki.client(Some(&pki)).connect(server.address());
    c.check("PING", "PONG");
    c.stream.sock.write_all(&[23, 3, 3, 0, 20]).expect("connected");
    c.stream.sock.write_all(&[7; 20]).expect("connected");
    assert!(c.try_ask("PING").is_err());
    witness.check("PING", "PONG");
    witness.check("CLIENT KILL TYPE normal", "0");
}

#[test]
fn after_a_farewell_every_pending_reply_comes() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    let mut c = pki.client(Some(&pki)).connect(server.address());
    let value = "x".repeat(60_000);
    c.check(&format!("SET big {value}"), "OK");
    c.stream.write_all(&b"GET big\n".repeat(300)).expect("the server reads");
    let rest = c.rest();
    assert!(rest == format!("{value}\n").repeat(300).as_bytes(), "{} bytes of 300 replies", rest.len());
}

/// It asks for hundreds of megabytes and takes nothing; memory stays, and who reads late gets all of it.
#[test]
fn a_client_that_reads_late() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    let mut c = pki.client(Some(&pki)).connect(server.address());
    let value = "x".repeat(60_000);
    c.check(&format!("SET big {value}"), "OK");
    let before = memory_kib(server.pid());
    let mut late: Vec<TlsClient> = (0..4)
        .map(|_| {
            let mut client = pki.client(Some(&pki)).connect(server.address());
            client.stream.write_all(&b"GET big\n".repeat(2000)).expect("the server takes so little");
            client.stream.flush().expect("the server takes so little");
            client
        })
        .collect();
    let mut most = 0;
    for _ in 0..200 {
        c.check("GET big", &value);
        most = most.max(memory_kib(server.pid()));
    }
    assert!(most.saturating_sub(before) < 64 << 10, "{} KiB more", most - before);
    let mut reply = vec![0; value.len() + 1];
    for _ in 0..2000 {
        late[0].stream.read_exact(&mut reply).expect("the next reply");
        assert!(reply.ends_with(b"xxx\n") && reply.starts_with(b"xxx"));
    }
}

#[test]
fn certificates_are_taken_anew_and_connections_stay() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = pki.server(&["--tls-auth-clients", "no"]);
    let mut c = pki.client(None).connect(server.address());
    // What cannot be used leaves the old ones in force.
    let failed = "ERR CONFIG SET failed (possibly related to argument";
    let reason = "- Unable to update TLS configuration:";
    let (missing, wrong_key) = (pki.file("missing.crt"), other.file("server.key"));
    c.check(
        &format!("CONFIG SET tls-cert-file {missing}"),
        &format!("{failed} 'tls-cert-file') {reason} cannot read '{missing}': No such file or directory"),
    );
    c.check(
        &format!("CONFIG SET tls-key-file {wrong_key}"),
        &format!(
            "{failed} 'tls-key-file') {reason} '{wrong_key}' is not the key of the certificate in '{}'",
            pki.file("server.crt")
        ),
    );
    c.check("CONFIG GET tls-key-file", &format!("tls-key-file {}", pki.file("server.key")));
    pki.client(None).connect(server.address()).check("PING", "PONG");
    // New names.
    let (cert, key) = (other.file("server.crt"), other.file("server.key"));
    c.check(&format!("CONFIG SET tls-cert-file {cert} tls-key-file {key}"), "OK");
    other.client(None).connect(server.address()).check("PING", "PONG");
    assert!(pki.client(None).connect(server.address()).try_ask("PING").is_err());
    // The same names, and new files behind them.
    other.replace_server_by(&pki);
    other.client(None).connect(server.address()).check("PING", "PONG");
    c.check(&format!("CONFIG SET tls-cert-file {cert}"), "OK");
    pki.client(None).connect(server.address()).check("PING", "PONG");
    c.check("PING", "PONG");
}

#[test]
fn a_start_that_cannot_be_says_why_in_one_line() {
    let (pki, other) = (Pki::new(), Pki::new());
    pki.write("empty.crt", "");
    let (cert, key, ca) = (pki.file("server.crt"), pki.file("server.key"), pki.file("ca.crt"));
    let (missing, empty, wrong_key) = (pki.file("missing"), pki.file("empty.crt"), other.file("server.key"));
    for (flags, mention) in [
        (vec![], "tls-cert-file: no file is named, and TLS needs a certificate"),
        (vec!["--tls-cert-file", &cert], "tls-key-file: no file is named"),
        (vec!["--tls-cert-file", &missing], "missing': No such file or directory"),
        (
            vec!["--tls-cert-file", &empty, "--tls-key-file", &key],
            "empty.crt' holds no certificate in PEM form",
        ),
        (
            vec!["--tls-cert-file", &cert, "--tls-key-file", &cert],
            "server.crt' holds no private key in PEM form",
        ),
        (vec!["--tls-cert-file", &cert, "--tls-key-file", &key], "takes tls-ca-cert-file or tls-ca-cert-dir"),
        (
            vec!["--tls-cert-file", &cert, "--tls-key-file", &wrong_key, "--tls-ca-cert-file", &ca],
            "is not the key of the certificate in",
        ),
        (vec!["--tls-protocols", "TLSv1.1"], "TLSv1.2 and TLSv1.3"),
    ] {
        let port = free_port().to_string();
        let output = Limpid::refused(&[&["--tls-port", &port], &flags[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(mention), "{flags:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_directory_of_authorities() {
    let (pki, other) = (Pki::new(), Pki::new());
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    for (name, of) in [("a.pem", &pki), ("b.pem", &other)] {
        std::fs::copy(of.path("ca.crt"), dir.path().join(name)).expect("both are there");
    }
    let server = pki.server(&["--tls-ca-cert-dir", dir.path().to_str().expect("a plain name")]);
    pki.client(Some(&pki)).connect(server.address()).check("PING", "PONG");
    pki.client(Some(&other)).connect(server.address()).check("PING", "PONG");
}

#[test]
fn plain_and_tls_side_by_side() {
    let pki = Pki::new();
    let (plain, secure) = (free_port().to_string(), free_port());
    let flags = pki.flags(secure);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Limpid::with(&[&["--appendonly", "no", "--port", &plain], &flags[..]].concat());
    server.text().check("SET k v", "OK");
    let mut c = pki.client(Some(&pki)).connect(([127, 0, 0, 1], secure).into());
    c.check("GET k", "v");
    // The TLS port goes and comes; who is there stays.
    server.text().check("CONFIG SET tls-port 0", "OK");
    assert!(TcpStream::connect(("127.0.0.1", secure)).is_err());
    c.check("GET k", "v");
    server.text().check(&format!("CONFIG SET tls-port {secure}"), "OK");
    pki.client(Some(&pki)).connect(([127, 0, 0, 1], secure).into()).check("GET k", "v");
    // So does the plain one.
    c.check("CONFIG SET port 0", "OK");
    assert!(TcpStream::connect(server.address()).is_err());
    c.check("GET k", "v");
}

/// Messages go out by other clients' workers.
#[test]
fn subscribers_over_tls() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    let mut subscriber = pki.client(Some(&pki)).connect(server.address());
    subscriber.check("SUBSCRIBE news", "subscribe news 1");
    let mut c = pki.client(Some(&pki)).connect(server.address());
    for i in 0..100 {
        c.check(&format!("PUBLISH news {i}"), "1");
    }
    for i in 0..100 {
        let mut line = vec![0; format!("message news {i}\n").len()];
        subscriber.stream.read_exact(&mut line).expect("a message");
        assert_eq!(String::from_utf8_lossy(&line), format!("message news {i}\n"));
    }
}

#[test]
fn who_does_not_come_to_terms_is_closed() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    let mut silent = plain(&server);
    let mut half = plain(&server);
    half.write_all(&[22, 3, 1, 1, 0, 1]).expect("a fresh socket");
    let mut c = pki.client(Some(&pki)).connect(server.address());
    eventually("both are closed", || {
        // One request after the other for ten seconds would only cost time.
        std::thread::sleep(std::time::Duration::from_millis(100));
        c.try_ask("INFO clients").is_ok() && is_closed(&mut silent) && is_closed(&mut half)
    });
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a connected socket");
    let mut said = [0; 64];
    loop {
        match stream.read(&mut said) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}
