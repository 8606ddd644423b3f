//! The servers: how each is started for a fair comparison, and the running process.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Result;
use crate::request::Dialect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Limpid,
    Redis,
    Valkey,
    Kevy,
    Memcached,
}

/// Whether the servers keep a log; `None` is `--appendonly no`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durability(pub Option<Fsync>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    Always,
    Everysec,
    No,
}

impl Fsync {
    pub const NAMES: [&str; 3] = ["always", "everysec", "no"];

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Always, Self::Everysec, Self::No].into_iter().find(|fsync| fsync.name() == name)
    }

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl Kind {
    /// In the order in which they are listed; the baseline comes last.
    pub const ALL: [Kind; 5] = [Kind::Limpid, Kind::Kevy, Kind::Valkey, Kind::Memcached, Kind::Redis];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Limpid => "limpid",
            Kind::Redis => "redis",
            Kind::Valkey => "valkey",
            Kind::Kevy => "kevy",
            Kind::Memcached => "memcached",
        }
    }

    pub fn dialect(self) -> Dialect {
        if self == Kind::Memcached { Dialect::Memcached } else { Dialect::Resp }
    }

    /// The binary's name on the PATH; limpid's own is the one that was built with this benchmark.
    fn binary(self) -> &'static str {
        match self {
            Kind::Limpid => env!("CARGO_BIN_EXE_limpid"),
            Kind::Redis => "redis-server",
            Kind::Valkey => "valkey-server",
            Kind::Kevy => "kevy",
            Kind::Memcached => "memcached",
        }
    }

    fn arguments(self, port: u16, dir: &str, durability: Durability) -> Vec<String> {
        let port = port.to_string();
        let words: Vec<&str> = match (self, durability.0) {
            (Kind::Limpid, None) => vec!["--port", &port, "--dir", dir, "--appendonly", "no"],
            (Kind::Limpid, Some(fsync)) => {
                vec!["--port", &port, "--dir", dir, "--appendonly", "yes", "--appendfsync", fsync.name()]
            }
            (Kind::Redis | Kind::Valkey, None) => {
                vec!["--port", &port, "--dir", dir, "--save", "", "--appendonly", "no"]
            }
            (Kind::Redis | Kind::Valkey, Some(fsync)) => vec![
                "--port",
                &port,
                "--dir",
                dir,
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                fsync.name(),
            ],
            (Kind::Kevy, None) => vec!["--port", &port, "--dir", dir, "--no-aof"],
            (Kind::Kevy, Some(_)) => vec!["--port", &port, "--dir", dir],
            // Room for every case's keys, so that it never evicts; as root it insists on a user.
            (Kind::Memcached, _) => {
                vec!["-l", "127.0.0.1", "-p", &port, "-m", "4096", "-c", "20000", "-u", "nobody"]
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

/// One column of the comparison: a kind of server, its binary and extra arguments.
#[derive(Clone, Debug)]
pub struct Peer {
    pub kind: Kind,
    pub label: String,
    pub binary: PathBuf,
    pub extra: Vec<String>,
}

impl Peer {
    /// `KIND[=PATH] [ARG...]`, such as `limpid=/tmp/old/limpid --workers 1`.
    pub fn parse(spec: &str) -> std::result::Result<Self, String> {
        let mut words = spec.split_whitespace();
        let first = words.next().unwrap_or_default();
        let (name, path) = first.split_once('=').map_or((first, None), |(name, path)| (name, Some(path)));
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            format!("no server {name:?} (there are {})", Kind::ALL.map(Kind::name).join(", "))
        })?;
        let extra: Vec<String> = words.map(str::to_owned).collect();
        let label = [&[name.to_owned()], &extra[..]].concat().join(" ");
        Ok(Self { kind, label, binary: path.unwrap_or(kind.binary()).into(), extra })
    }

    /// limpid, and every peer that is installed.
    pub fn installed() -> Vec<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = |kind: &Kind| std::env::split_paths(&path).any(|dir| dir.join(kind.binary()).is_file());
        Kind::ALL.into_iter().filter(on_path).flat_map(|kind| Self::parse(kind.name())).collect()
    }

    /// Starts the server in a directory of its own and waits until it takes connections.
    pub fn start(&self, durability: Durability) -> Result<Server> {
        let mut server = self.launch(durability, Arc::new(tempfile::tempdir()?))?;
        server.await_ready().map_err(|error| format!("{}: {error}", self.label))?;
        Ok(server)
    }

    /// Starts the process and returns at once.
    pub fn launch(&self, durability: Durability, dir: Arc<TempDir>) -> Result<Server> {
        let port = free_port()?;
        if let (Kind::Kevy, Some(fsync)) = (self.kind, durability.0) {
            let config = format!("[persistence]\naof = true\nappendfsync = \"{}\"\n", fsync.name());
            fs::write(dir.path().join("kevy.toml"), config)?;
        }
        let said = File::create(dir.path().join(SAID))?;
        // A relative path means the directory that the benchmark runs in, not the server's.
        let binary = fs::canonicalize(&self.binary).unwrap_or_else(|_| self.binary.clone());
        let child = Command::new(binary)
            .args(self.kind.arguments(port, &dir.path().to_string_lossy(), durability))
            .args(&self.extra)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))?;
        Ok(Server { child, address: ([127, 0, 0, 1], port).into(), kind: self.kind, dir })
    }
}

/// What a server prints goes into this file of its directory.
const SAID: &str = "said.txt";

/// A running server; dropping it ends the process and removes its directory.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub kind: Kind,
    dir: Arc<TempDir>,
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory, once the server has stopped of itself and left there what it keeps.
    pub fn stop(mut self) -> Result<Arc<TempDir>> {
        TcpStream::connect(self.address)?.write_all(b"SHUTDOWN\r\n")?;
        self.child.wait()?;
        Ok(Arc::clone(&self.dir))
    }

    /// Asks until the server says that it has loaded what it keeps.
    pub fn await_loaded(&mut self) -> Result<()> {
        self.await_ready()?;
        let mut stream = TcpStream::connect(self.address)?;
        let mut reply = [0; 256];
        loop {
            stream.write_all(b"PING\r\n")?;
            let length = stream.read(&mut reply)?;
            if reply[..length].starts_with(b"+PONG") {
                return Ok(());
            }
            if length == 0 {
                return Err("the server closed a connection".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn await_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                let said = fs::read_to_string(self.dir.path().join(SAID)).unwrap_or_default();
                return Err(format!("{status}: {}", said.trim()).into());
            }
            if Instant::now() > deadline {
                return Err("takes no connections".into());
            }
            // No peer says in the same way that it is ready; asking is what they share.
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
