//! TLS from the client's side: whom to trust, what to show, and the session over a socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::transport::is_timeout;
use crate::limits::CLIENT_CONNECT_SECONDS;
use crate::transport::pem;

/// What was agreed on before any connection.
#[derive(Clone)]
pub struct Tls {
    pub config: Arc<ClientConfig>,
    /// The name that the server must prove, in place of the one that was dialled.
    pub name: Option<ServerName<'static>>,
}

/// Whose signature on the server's certificate counts.
pub enum Trust<'a> {
    File(&'a Path),
    Directory(&'a Path),
    System,
    /// Anybody's: encrypted, but perhaps not with whom one thinks.
    Anyone,
}

/// The client's own certificate and its key.
pub struct Identity<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

pub fn configure(trust: Trust<'_>, identity: Option<Identity<'_>>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anyone => Arc::new(Unverified(Arc::clone(&provider))),
        trust => WebPkiServerVerifier::builder_with_provider(Arc::new(roots(trust)?), Arc::clone(&provider))
            .build()
            .map_err(|error| format!("no certificate to verify the server with: {error}"))?,
    };
    // `dangerous` is what rustls calls any choice of verifier.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS12, &TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = pem::certificates(certificate)?;
            builder.with_client_auth_cert(chain, pem::private_key(key)?).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => format!(
                    "'{}' is not the key of the certificate in '{}'",
                    key.display(),
                    certificate.display()
                ),
                error => format!("'{}' cannot be used: {error}", certificate.display()),
            })?
        }
    };
    Ok(Arc::new(config))
}

fn roots(trust: Trust<'_>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::File(path) => add(&mut roots, path)?,
        Trust::Directory(path) => {
            let unreadable = |error| format!("cannot read '{}': {error}", path.display());
            for entry in std::fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                // What lies beside the certificates is nobody's mistake; none at all is told later.
                roots.add_parsable_certificates(pem::certificates(&file).unwrap_or_default());
            }
        }
        Trust::System | Trust::Anyone => {
            // Some of a system's certificates may be unreadable; the others count.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    for certificate in pem::certificates(path)? {
        roots.add(certificate).map_err(|error| format!("'{}' cannot be used: {error}", path.display()))?;
    }
    Ok(())
}

/// For `--insecure`: takes every certificate, as long as the server holds its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A session over a socket, blocking or not as the socket is.
///
/// Reading never waits for room to write: a server that does not read before its replies are taken would wait for ever.
pub struct TlsStream {
    pub socket: TcpStream,
    session: ClientConnection,
}

impl TlsStream {
    /// Agrees on keys with whoever is at the other end.
    pub fn open(mut socket: TcpStream, tls: &Tls, host: &str) -> io::Result<Self> {
        let name = match &tls.name {
            Some(name) => name.clone(),
            None => server_name(host)?,
        };
        let mut session = ClientConnection::new(Arc::clone(&tls.config), name).map_err(io::Error::other)?;
        let patience = Some(Duration::from_secs(CLIENT_CONNECT_SECONDS));
        socket.set_read_timeout(patience)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket).map_err(|error| match error {
                error if is_timeout(&error) => io::Error::other("the TLS handshake took too long"),
                error if error.kind() == ErrorKind::UnexpectedEof => {
                    io::Error::other("the server closed the connection in the TLS handshake")
                }
                error => error,
            })?;
        }
        socket.set_read_timeout(None)?;
        Ok(Self { socket, session })
    }

    pub fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Decrypts what the socket has; false at its end.
    fn receive(&mut self) -> io::Result<bool> {
        let received = self.session.read_tls(&mut self.socket)?;
        let state = self.session.process_new_packets().map_err(io::Error::other)?;
        Ok(received > 0 || state.plaintext_bytes_to_read() > 0)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

pub fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, format!("'{host}' is no name of a server")))
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Replies are whole by themselves, so a missing farewell cuts nothing short.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if !self.receive()? {
                return Ok(0);
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send()?;
        let taken = self.session.writer().write(bytes)?;
        match self.send() {
            // They are taken; the next write or flush sends them on.
            Err(error) if is_timeout(&error) => Ok(taken),
            sent => sent.map(|()| taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
