//! What is configured of TLS.

use std::path::PathBuf;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

#[derive(Clone, Debug)]
pub struct Tls {
    /// 0: none.
    pub port: u16,
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub ca_cert_file: PathBuf,
    pub ca_cert_dir: PathBuf,
    pub auth_clients: AskClients,
    pub protocols: Protocols,
    pub session_caching: bool,
    pub session_cache_size: usize,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            port: 0,
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            ca_cert_file: PathBuf::new(),
            ca_cert_dir: PathBuf::new(),
            auth_clients: AskClients::Yes,
            protocols: Protocols::default(),
            session_caching: true,
            session_cache_size: 20_480,
        }
    }
}

/// Whether clients show a certificate. Redis: `tls-auth-clients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskClients {
    Yes,
    No,
    /// Those that have one; it must be good.
    Optional,
}

impl AskClients {
    pub const NAMES: [&'static str; 3] = ["no", "yes", "optional"];

    pub fn named(name: &str) -> AskClients {
        match name {
            "no" => AskClients::No,
            "optional" => AskClients::Optional,
            _ => AskClients::Yes,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            AskClients::Yes => "yes",
            AskClients::No => "no",
            AskClients::Optional => "optional",
        }
    }
}

/// Versions of the protocol that are spoken. As written, so that it is read back as written; empty: both.
#[derive(Clone, Debug, Default)]
pub struct Protocols(String);

static VERSIONS: [(&str, &SupportedProtocolVersion); 2] = [("TLSv1.2", &TLS12), ("TLSv1.3", &TLS13)];

impl Protocols {
    pub fn parse(text: &str) -> Result<Protocols, String> {
        let known = |word: &str| VERSIONS.iter().any(|(name, _)| name.eq_ignore_ascii_case(word));
        match text.split_whitespace().find(|word| !known(word)) {
            Some(word) => Err(format!("'{word}' is not spoken; TLSv1.2 and TLSv1.3 are")),
            None => Ok(Protocols(text.split_whitespace().collect::<Vec<_>>().join(" "))),
        }
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    pub fn versions(&self) -> impl Iterator<Item = &'static SupportedProtocolVersion> {
        let chosen = |name: &str| self.0.split(' ').any(|word| word.eq_ignore_ascii_case(name));
        VERSIONS
            .iter()
            .filter(move |(name, _)| self.0.is_empty() || chosen(name))
            .map(|(_, version)| *version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_named_as_openssl_does() {
        let count = |text: &str| Protocols::parse(text).map(|protocols| protocols.versions().count());
        assert_eq!((count(""), count("TLSv1.2 TLSv1.3")), (Ok(2), Ok(2)));
        assert_eq!((count("tlsv1.3"), count("TLSv1.2")), (Ok(1), Ok(1)));
        assert_eq!(count("TLSv1.1"), Err("'TLSv1.1' is not spoken; TLSv1.2 and TLSv1.3 are".into()));
    }
}
