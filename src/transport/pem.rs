//! Certificates and keys from PEM files.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::machine;

/// Every certificate of a file; there must be one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: pem::Error| unreadable(path, "certificate", &error);
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    match certificates.is_empty() {
        false => Ok(certificates),
        true => Err(wrong(pem::Error::NoItemsFound)),
    }
}

pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unreadable(path, "private key", &error))
}

fn unreadable(path: &Path, what: &str, error: &pem::Error) -> String {
    let path = path.display();
    match error {
        _ if path.to_string().is_empty() => format!("no file is named, and TLS needs a {what}"),
        pem::Error::Io(error) => format!("cannot read '{path}': {}", machine::reason(error)),
        pem::Error::NoItemsFound => format!("'{path}' holds no {what} in PEM form"),
        error => format!("'{path}' is no good PEM file: {error}"),
    }
}
