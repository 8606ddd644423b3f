//! What commands may ask of the process: to listen elsewhere, to stop, files.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use crossbeam_channel::{Sender, bounded};
use rustls::ServerConfig;

use super::new_id;
use crate::command::Control;
use crate::command::acl::users;
use crate::config::{Config, Refusal, file};
use crate::connection::{Notice, ReactorHandle};
use crate::logging;
use crate::machine;
use crate::session::Blocked;
use crate::transport::listener::{self, Endpoint, Plan};
use crate::transport::{certificates, descriptors};

/// What commands may ask of the process.
pub(super) struct Controls {
    /// Files are replaced one at a time.
    files: Mutex<()>,
    stop: Sender<()>,
    evict: Sender<()>,
    to_reactor: ReactorHandle,
    /// The plain port that was really bound.
    port: Arc<AtomicU16>,
    /// What TLS clients are shown.
    tls: Mutex<Option<Arc<ServerConfig>>>,
}

/// Why an option cannot have this value.
fn wrong(option: &str, why: String) -> Refusal {
    Refusal::Wrong(option.into(), why)
}

impl Controls {
    pub fn new(
        stop: Sender<()>,
        evict: Sender<()>,
        to_reactor: ReactorHandle,
        port: Arc<AtomicU16>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Controls {
        Controls { files: Mutex::new(()), stop, evict, to_reactor, port, tls: Mutex::new(tls) }
    }

    /// Listens where the configuration says, with the certificates that it names; or all is as before.
    fn listen(&self, before: &Config, after: &Config, reload: bool) -> Result<(), Refusal> {
        let endpoints = listener::endpoints(after);
        if !reload && endpoints == listener::endpoints(before) {
            return Ok(());
        }
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match after.tls.port {
            0 => None,
            _ if !reload && tls.is_some() => tls.clone(),
            _ => Some(certificates::server_config(&after.tls).map_err(|(option, why)| {
                wrong(option, format!("Unable to update TLS configuration: {why}"))
            })?),
        };
        let (answer, changed) = bounded(1);
        let plan = Plan { endpoints, backlog: after.tcp_backlog, tls: next.clone() };
        self.to_reactor.tell(Notice::Listen(plan, answer));
        let option = if after.port == before.port { "bind" } else { "port" };
        // The reactor waits for nobody, so its answer comes soon; none comes if it has stopped.
        let changed = changed.recv().map_err(|_| wrong(option, "the server is stopping".into()))?;
        self.port.store(plain_port(&changed.map_err(|why| wrong(option, why))?), Ordering::Relaxed);
        *tls = next;
        Ok(())
    }
}

impl Control for Controls {
    fn stop(&self) {
        // A second request finds the channel full: stopping already.
        let _ = self.stop.try_send(());
    }

    fn expire_at(&self, at: Instant, blocked: Weak<Blocked>) {
        self.to_reactor.tell(Notice::Expire { at, blocked });
    }

    fn evict_on(&self) {
        // A second request finds the channel full: the janitor has not come to the first one yet.
        let _ = self.evict.try_send(());
    }

    fn close(&self, client: u64) {
        self.to_reactor.tell(Notice::Kill(client));
    }

    fn new_id(&self) -> String {
        new_id()
    }

    fn adopt(
        &self,
        before: &Config,
        after: &Config,
        needs_password: bool,
        reload: bool,
    ) -> Result<(), Refusal> {
        after.check_exposure(needs_password).map_err(|why| {
            let option = if after.requirepass == before.requirepass { "bind" } else { "requirepass" };
            wrong(option, why)
        })?;
        let fit = descriptors::make_room_for(after.maxclients);
        if fit < after.maxclients {
            let why = "The operating system is not able to handle the specified number of clients, try with";
            return Err(wrong("maxclients", format!("{why} {fit}")));
        }
        self.listen(before, after, reload)?;
        logging::set_level(&after.loglevel);
        Ok(())
    }

    fn rewrite_config(&self, config: &Config, users: &[Vec<Vec<u8>>]) -> Result<(), String> {
        let Some(path) = &config.file else {
            return Err("The server is running without a config file".into());
        };
        let cannot = |why: String| format!("Rewriting config file: {why}");
        let text = match std::fs::read(path) {
            Ok(text) => text,
            // Whoever took it away gets it back.
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(cannot(machine::reason(&error))),
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        let rewritten = config.rewritten(&text, folder, users).map_err(cannot)?;
        if config.aclfile.as_os_str().is_empty() {
            let acl = users::configured(&rewritten.says, read).map_err(cannot)?;
            if users::lines(&acl, config) != users {
                let why = "an included file has users as they are no longer; change them there";
                return Err(cannot(why.into()));
            }
        }
        match rewritten.text == text {
            true => Ok(()),
            false => self.replace_file(path, &rewritten.text).map_err(cannot),
        }
    }

    fn read_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        read(path)
    }

    fn replace_file(&self, path: &Path, text: &[u8]) -> Result<(), String> {
        let _one = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        file::replace(path, text).map_err(|e| machine::reason(&e))
    }

    fn random_bytes(&self, bytes: &mut [u8]) -> Result<(), String> {
        getrandom::fill(bytes).map_err(|e| e.to_string())
    }
}

/// 0 where there is none.
pub(super) fn plain_port(endpoints: &[Endpoint]) -> u16 {
    let port = |endpoint: &Endpoint| match endpoint {
        Endpoint::Tcp(place) => Some(place.address.port()),
        _ => None,
    };
    endpoints.iter().find_map(port).unwrap_or(0)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| machine::reason(&e))
}
