//! Whether to speak TLS, whom to trust, and what to show.

use std::path::PathBuf;

use clap::Args;

use crate::cli::connection::tls::{self, Identity, Tls, Trust};

#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsFlags {
    /// Speak TLS
    #[arg(long)]
    tls: bool,
    /// Trust the authorities in this file, in place of the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Trust those in the files of this directory
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "cacert")]
    cacertdir: Option<PathBuf>,
    /// Show this certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The name that the server must prove, if it is not the host's
    #[arg(long, value_name = "HOST")]
    sni: Option<String>,
    /// Take any certificate: encrypted, but perhaps not with whom you think
    #[arg(long, conflicts_with_all = ["cacert", "cacertdir"])]
    insecure: bool,
}

impl TlsFlags {
    pub fn is_wanted(&self) -> bool {
        self.tls
    }

    pub fn configure(&self) -> Result<Tls, String> {
        let trust = match (&self.cacert, &self.cacertdir) {
            _ if self.insecure => Trust::Anyone,
            (Some(file), _) => Trust::File(file),
            (None, Some(directory)) => Trust::Directory(directory),
            (None, None) => Trust::System,
        };
        let identity = self
            .cert
            .as_deref()
            .zip(self.key.as_deref())
            .map(|(certificate, key)| Identity { certificate, key });
        Ok(Tls {
            config: tls::configure(trust, identity)?,
            name: self.sni.as_deref().map(tls::server_name).transpose().map_err(|error| error.to_string())?,
        })
    }
}
