//! What the server shows to TLS clients, and what it asks of them: certificates and keys, read from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::pem;
use crate::config::Tls;
use crate::config::tls::AskClients;

/// The option that is to blame, and why.
pub type Wrong = (&'static str, String);

/// Reads all files anew. Connections that are open keep what they have agreed on.
pub fn server_config(options: &Tls) -> Result<Arc<ServerConfig>, Wrong> {
    let chain = pem::certificates(&options.cert_file).map_err(|why| ("tls-cert-file", why))?;
    let key = pem::private_key(&options.key_file).map_err(|why| ("tls-key-file", why))?;
    let provider = Arc::new(default_provider());
    let versions: Vec<_> = options.protocols.versions().collect();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| ("tls-protocols", error.to_string()))?;
    let builder = match options.auth_clients {
        AskClients::No => builder.with_no_client_auth(),
        asked => {
            let roots = Arc::new(authorities(options)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier =
                if asked == AskClients::Optional { verifier.allow_unauthenticated() } else { verifier };
            let verifier = verifier.build().map_err(|error| ("tls-ca-cert-file", error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => (
            "tls-key-file",
            format!(
                "'{}' is not the key of the certificate in '{}'",
                options.key_file.display(),
                options.cert_file.display()
            ),
        ),
        error => ("tls-cert-file", format!("'{}' cannot be used: {error}", options.cert_file.display())),
    })?;
    if options.session_caching {
        config.session_storage = ServerSessionMemoryCache::new(options.session_cache_size);
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// Who vouches for clients.
fn authorities(options: &Tls) -> Result<RootCertStore, Wrong> {
    let mut roots = RootCertStore::empty();
    let mut trust = |path: &Path, option: &'static str| {
        for certificate in pem::certificates(path).map_err(|why| (option, why))? {
            let unusable = |error| (option, format!("'{}' cannot be used: {error}", path.display()));
            roots.add(certificate).map_err(unusable)?;
        }
        Ok(())
    };
    if !options.ca_cert_file.as_os_str().is_empty() {
        trust(&options.ca_cert_file, "tls-ca-cert-file")?;
    }
    if !options.ca_cert_dir.as_os_str().is_empty() {
        let unreadable = |error: std::io::Error| {
            ("tls-ca-cert-dir", format!("cannot read '{}': {error}", options.ca_cert_dir.display()))
        };
        for entry in std::fs::read_dir(&options.ca_cert_dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file() {
                trust(&path, "tls-ca-cert-dir")?;
            }
        }
    }
    match roots.is_empty() {
        false => Ok(roots),
        true => Err((
            "tls-auth-clients",
            "to ask clients for certificates takes tls-ca-cert-file or tls-ca-cert-dir; 'no' asks for none"
                .into(),
        )),
    }
}
