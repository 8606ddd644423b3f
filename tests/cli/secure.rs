//! TLS: whom the client trusts, what it shows, and what it says when that does not do.

use crate::client::{Outcome, bare, finished, with_input};
use crate::support::tls::Pki;
use crate::support::{Limpid, encode};

fn cli(server: &Limpid, arguments: &[&str]) -> Outcome {
    finished(bare().args(["-p", &server.port().to_string()]).args(arguments))
}

#[test]
fn a_trusted_server_is_spoken_to() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = pki.server(&["--tls-auth-clients", "no", "--requirepass", "secret"]);
    let ca = pki.file("ca.crt");
    let pong = cli(&server, &["--tls", "--cacert", &ca, "-a", "secret", "PING"]);
    assert_eq!((pong.code, pong.out.as_str(), pong.err.as_str()), (Some(0), "PONG\n", ""));
    let uri = format!("rediss://:secret@localhost:{}", server.port());
    assert_eq!(finished(bare().args(["-u", &uri, "--cacert", &ca, "PING"])).out, "PONG\n");

    // The directory holds keys as well.
    let directory = pki.path("").to_str().expect("temporary directories have plain names").to_owned();
    assert_eq!(cli(&server, &["--tls", "--cacertdir", &directory, "-a", "secret", "PING"]).out, "PONG\n");
    let nothing = tempfile::tempdir().expect("the temporary directory is writable");
    let nothing = nothing.path().to_str().expect("temporary directories have plain names").to_owned();
    let empty = cli(&server, &["--tls", "--cacertdir", &nothing, "PING"]);
    assert!(empty.err.contains("no certificate to verify the server with"), "{}", empty.err);

    let place = format!("Could not connect to limpid at 127.0.0.1:{}: ", server.port());
    let stranger = cli(&server, &["--tls", "--cacert", &other.file("ca.crt"), "PING"]);
    assert_eq!((stranger.code, stranger.out.as_str()), (Some(1), ""));
    assert!(stranger.err.starts_with(&format!("{place}invalid peer certificate: ")), "{}", stranger.err);
    let unknown = cli(&server, &["--tls", "PING"]);
    assert!(unknown.err.starts_with(&place) && unknown.err.lines().count() == 1, "{}", unknown.err);
    assert_eq!(cli(&server, &["--tls", "--insecure", "-a", "secret", "PING"]).out, "PONG\n");

    let sni = |name| cli(&server, &["--tls", "--cacert", &ca, "--sni", name, "-a", "secret", "PING"]);
    assert_eq!(sni("localhost").out, "PONG\n");
    let other_name = sni("example.org");
    assert_eq!(other_name.code, Some(1));
    assert!(other_name.err.contains("certificate not valid for name \"example.org\""), "{}", other_name.err);
}

#[test]
fn a_client_shows_its_certificate() {
    let pki = Pki::new();
    let server = pki.server(&[]);
    let files = ["ca.crt", "client.crt", "client.key"].map(|name| pki.file(name));
    let [ca, certificate, key] = &files;
    let shown = ["--tls", "--cacert", ca, "--cert", certificate, "--key", key];
    assert_eq!(cli(&server, &[&shown[..], &["SET", "a", "1"]].concat()).out, "OK\n");
    let hidden = cli(&server, &["--tls", "--cacert", ca, "PING"]);
    assert_eq!((hidden.code, hidden.err.lines().count()), (Some(1), 1), "{}", hidden.err);
    let wrong =
        cli(&server, &["--tls", "--cacert", ca, "--cert", certificate, "--key", &pki.file("server.key")]);
    assert!(wrong.err.contains("is not the key of the certificate in"), "{}", wrong.err);
}

#[test]
fn everything_goes_over_tls() {
    let pki = Pki::new();
    let server = pki.server(&["--tls-auth-clients", "no"]);
    let ca = pki.file("ca.crt");
    let tls = ["--tls", "--cacert", ca.as_str()];
    // Replies that nobody may hold for long, while more is sent.
    let value = "x".repeat(1000);
    let mut bytes = encode(&["SET", "key", &value]);
    (1..20_000).for_each(|_| bytes.extend(encode(&["GET", "key"])));
    let port = server.port().to_string();
    let piped = with_input(bare().args(["-p", &port]).args(tls).arg("--pipe"), &bytes);
    assert!(piped.out.ends_with("errors: 0, replies: 20000\n"), "{piped:?}");

    assert_eq!(cli(&server, &[&tls[..], &["--scan"]].concat()).out, "key\n");
    let latency = cli(&server, &[&tls[..], &["--latency", "-i", "0"]].concat());
    assert_eq!((latency.code, latency.out.lines().count()), (Some(0), 1));
    let lines = with_input(bare().args(["-p", &port]).args(tls), b"STRLEN key\nSELECT 2\nDBSIZE\n");
    assert_eq!(lines.out, "1000\nOK\n0\n");
}

#[test]
fn a_server_without_tls_is_no_riddle() {
    let server = Limpid::start();
    let outcome = cli(&server, &["--tls", "--insecure", "PING"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.starts_with("Could not connect to limpid at "), "{}", outcome.err);
    assert_eq!(outcome.err.lines().count(), 1);
}
