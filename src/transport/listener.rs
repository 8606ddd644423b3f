//! Listening sockets: TCP, TLS, and Unix.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use rustix::io::Errno;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{Stream, TlsStream};
use crate::config::Config;
use crate::machine;

/// A place to listen at, as the configuration asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Tcp(Place),
    Tls(Place),
    Unix { path: PathBuf, permissions: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub address: SocketAddr,
    /// The machine may not have this address.
    is_optional: bool,
}

/// All that the configuration asks for.
pub fn endpoints(config: &Config) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    let places = |port| {
        config.bind.iter().map(move |address| Place {
            address: SocketAddr::new(address.ip, port),
            is_optional: address.is_optional,
        })
    };
    if config.has_plain_port() {
        endpoints.extend(places(config.port).map(Endpoint::Tcp));
    }
    if config.tls.port != 0 {
        endpoints.extend(places(config.tls.port).map(Endpoint::Tls));
    }
    if !config.unixsocket.as_os_str().is_empty() {
        endpoints.push(Endpoint::Unix {
            path: config.unixsocket.clone(),
            permissions: config.unixsocket_permissions,
        });
    }
    endpoints
}

impl Endpoint {
    fn is_optional(&self) -> bool {
        match self {
            Endpoint::Tcp(place) | Endpoint::Tls(place) => place.is_optional,
            Endpoint::Unix { .. } => false,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(place) => place.address.fmt(f),
            Endpoint::Tls(place) => write!(f, "{} (TLS)", place.address),
            Endpoint::Unix { path, .. } => path.display().fmt(f),
        }
    }
}

pub struct Listener {
    /// What was asked for: with port 0, not what it got.
    pub endpoint: Endpoint,
    socket: Listening,
    _file: Option<SocketFile>,
}

/// The file of a Unix socket; it goes with the listener.
struct SocketFile(PathBuf);

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where to listen from now on, and what to show to TLS clients.
pub struct Plan {
    pub endpoints: Vec<Endpoint>,
    pub backlog: u32,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Where it listens, with the ports that it got; or why all is as it was.
pub type Changed = Result<Vec<Endpoint>, String>;

/// Nothing was bound, as all addresses were left out.
pub const NOWHERE: &str = "this machine has none of the addresses to listen on";

/// Binds them all, or none. Addresses that the machine lacks are left out where the configuration allows that.
/// With port 0, all addresses share the port that the first one got.
pub fn bind_all<'a>(
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
    backlog: u32,
) -> Result<Vec<Listener>, String> {
    let mut bound: Vec<Listener> = Vec::new();
    for endpoint in endpoints {
        let mut wanted = endpoint.clone();
        if let (Endpoint::Tcp(place), Some(Endpoint::Tcp(first))) =
            (&mut wanted, bound.first().map(Listener::bound))
            && place.address.port() == 0
        {
            place.address.set_port(first.address.port());
        }
        match Listener::bind(&wanted, backlog) {
            Ok(listener) => bound.push(Listener { endpoint: endpoint.clone(), ..listener }),
            Err(error) => {
                let why = format!("cannot listen on {wanted}: {}", machine::reason(&error));
                if !(endpoint.is_optional() && is_lacking(&error)) {
                    return Err(why);
                }
                tracing::info!("{why}; left out");
            }
        }
    }
    Ok(bound)
}

/// Whether the machine has no such address, or no addresses of that kind.
pub fn is_lacking(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

/// A connection that has just come.
pub struct Arrival {
    pub stream: Stream,
    /// The peer and our end, as CLIENT LIST shows them.
    pub address: String,
    pub local_address: String,
    pub fd: i32,
}

impl Listener {
    pub fn bind(endpoint: &Endpoint, backlog: u32) -> io::Result<Listener> {
        let (socket, file) = match endpoint {
            Endpoint::Tcp(place) | Endpoint::Tls(place) => {
                (Listening::Tcp(bind_tcp(place.address, backlog)?), None)
            }
            Endpoint::Unix { path, permissions } => {
                let socket = bind_unix(path, *permissions, backlog)?;
                (Listening::Unix(socket), Some(SocketFile(path.clone())))
            }
        };
        Ok(Listener { endpoint: endpoint.clone(), socket, _file: file })
    }

    /// Where it listens, with the port that it got.
    pub fn bound(&self) -> Endpoint {
        match (&self.endpoint, &self.socket) {
            (Endpoint::Tcp(asked), Listening::Tcp(socket)) => {
                let address = socket.local_addr().unwrap_or(asked.address);
                Endpoint::Tcp(Place { address, ..*asked })
            }
            _ => self.endpoint.clone(),
        }
    }

    pub fn source(&mut self) -> &mut dyn Source {
        match &mut self.socket {
            Listening::Tcp(socket) => socket,
            Listening::Unix(socket) => socket,
        }
    }

    /// The next connection that waits. `None`: it came and went, or it cannot be served.
    pub fn accept(&self, tls: Option<&Arc<ServerConfig>>) -> io::Result<Option<Arrival>> {
        let socket = match &self.socket {
            Listening::Tcp(socket) => socket,
            Listening::Unix(socket) => {
                let (stream, _) = socket.accept()?;
                let address = format!("{}:0", self.endpoint);
                let fd = stream.as_raw_fd();
                let stream = Stream::Unix(stream);
                return Ok(Some(Arrival { stream, local_address: address.clone(), address, fd }));
            }
        };
        let (stream, address) = socket.accept()?;
        let address = address.to_string();
        let local_address = stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
        let fd = stream.as_raw_fd();
        let stream = match (&self.endpoint, tls) {
            (Endpoint::Tls(_), Some(config)) => match TlsStream::new(stream, Arc::clone(config)) {
                Ok(stream) => Stream::Tls(Box::new(stream)),
                Err(error) => {
                    tracing::warn!("cannot begin a TLS session with {address}: {error}");
                    return Ok(None);
                }
            },
            (Endpoint::Tls(_), None) => return Ok(None),
            _ => Stream::Tcp(stream),
        };
        Ok(Some(Arrival { stream, address, local_address, fd }))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If it is gone already, that is what is wanted.
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn bind_tcp(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `::` and `0.0.0.0` can then be bound side by side.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Nobody can connect before the permissions are set. 0 leaves them as the system's mask makes them.
fn bind_unix(path: &Path, permissions: u32, backlog: u32) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    if permissions != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
    }
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(UnixListener::from_std(socket.into()))
}

/// A server that was killed has left its socket's file behind. One that lives keeps it, and so does a file of another kind.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file of that name, and it is no socket"))
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            Err(io::Error::new(ErrorKind::AddrInUse, "another server listens there"))
        }
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}
