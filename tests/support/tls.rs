//! Authorities, certificates and a client, for tests over TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Limpid, PATIENCE, free_port};

/// An authority, with a certificate of its own for the server and one for clients, as PEM files.
pub struct Pki {
    dir: tempfile::TempDir,
}

impl Pki {
    pub fn new() -> Pki {
        let dir = tempfile::tempdir().expect("the temporary directory is writable");
        let mut params = CertificateParams::new(Vec::new()).expect("no names, no wrong names");
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("there is randomness");
        let authority = CertifiedIssuer::self_signed(params, key).expect("it may sign itself");
        let pki = Pki { dir };
        pki.write("ca.crt", &authority.pem());
        for who in ["server", "client"] {
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let key = KeyPair::generate().expect("there is randomness");
            let mut params = CertificateParams::new(names).expect("good names");
            params.distinguished_name.push(DnType::CommonName, who);
            let certificate = params.signed_by(&key, &*authority).expect("it may sign");
            pki.write(&format!("{who}.crt"), &certificate.pem());
            pki.write(&format!("{who}.key"), &key.serialize_pem());
        }
        pki
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the temporary directory is writable");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str) -> String {
        self.path(name).to_str().expect("temporary directories have plain names").to_owned()
    }

    /// Overwrites the server's certificate and key with another one's.
    pub fn replace_server_by(&self, other: &Pki) {
        for name in ["server.crt", "server.key"] {
            std::fs::copy(other.path(name), self.path(name)).expect("both are there");
        }
    }

    /// The flags of a server with this certificate that listens by TLS alone.
    pub fn flags(&self, port: u16) -> Vec<String> {
        [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", self.file("server.crt")),
            ("--tls-key-file", self.file("server.key")),
            ("--tls-ca-cert-file", self.file("ca.crt")),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
    }

    /// A server without a log that listens by TLS alone, with these arguments too.
    pub fn server(&self, arguments: &[&str]) -> Limpid {
        let flags = self.flags(free_port());
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        Limpid::with(&[&["--appendonly", "no"], &flags[..], arguments].concat())
    }

    /// A client that trusts this authority, and shows a certificate of `shows`.
    pub fn client(&self, shows: Option<&Pki>) -> Client {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.path("ca.crt")) {
            roots.add(certificate).expect("an authority");
        }
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS12, &TLS13])
            .expect("ring speaks both")
            .with_root_certificates(roots);
        let config = match shows {
            None => builder.with_no_client_auth(),
            Some(pki) => {
                let key = PrivateKeyDer::from_pem_file(pki.path("client.key")).expect("a key");
                builder
                    .with_client_auth_cert(certificates(&pki.path("client.crt")), key)
                    .expect("they belong together")
            }
        };
        Client { config: Arc::new(config) }
    }

    /// `redis-cli --tls` that trusts this authority, with these arguments; `None` where it is not installed.
    pub fn redis_cli(&self, server: &Limpid, arguments: &[&str], input: &[u8]) -> Option<Output> {
        let mut child = Command::new("redis-cli")
            .args(["-p", &server.port().to_string(), "--tls", "--cacert", &self.file("ca.crt")])
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .ok()?;
        let mut stdin = child.stdin.take().expect("piped above");
        // A client that is refused does not read on.
        let _ = stdin.write_all(input);
        drop(stdin);
        Some(child.wait_with_output().expect("it ends"))
    }
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).expect("readable").collect::<Result<_, _>>().expect("PEM")
}

pub struct Client {
    config: Arc<ClientConfig>,
}

impl Client {
    pub fn connect(&self, address: SocketAddr) -> TlsClient {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket.set_nodelay(true).expect("a fresh socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a fresh socket");
        socket.set_write_timeout(Some(PATIENCE)).expect("a fresh socket");
        let name = ServerName::try_from("localhost").expect("a good name");
        let session = ClientConnection::new(Arc::clone(&self.config), name).expect("a good configuration");
        TlsClient { stream: StreamOwned::new(session, socket) }
    }
}

pub struct TlsClient {
    pub stream: StreamOwned<ClientConnection, TcpStream>,
}

impl TlsClient {
    /// Sends a line and returns the line that comes back.
    pub fn try_ask(&mut self, line: &str) -> io::Result<String> {
        self.stream.write_all(format!("{line}\n").as_bytes())?;
        let mut reply = Vec::new();
        let mut byte = [0];
        while !reply.ends_with(b"\n") {
            self.stream.read_exact(&mut byte)?;
            reply.push(byte[0]);
        }
        reply.pop();
        String::from_utf8(reply).map_err(io::Error::other)
    }

    #[track_caller]
    pub fn check(&mut self, line: &str, reply: &str) {
        assert_eq!(self.try_ask(line).expect("a reply"), reply, "in reply to {line:?}");
    }

    /// Says farewell, and that nothing more comes, and returns all that still comes back.
    pub fn rest(mut self) -> Vec<u8> {
        self.stream.conn.send_close_notify();
        self.stream.flush().expect("the server reads");
        self.stream.sock.shutdown(Shutdown::Write).expect("connected");
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("the server says farewell, too");
        rest
    }
}
