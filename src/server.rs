//! The composition root: builds every part, connects them, starts and stops them. Nothing else knows all of them.
//!
//! ```text
//!            listeners           Keyspace <----- janitor
//!                |                  ^                |
//!   clients -> reactor -> Pool -> Executor --Log--> aof -> files
//!                ^          |                         |
//!                +- notices-+ <------ Verdict --------+
//! ```

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use mio::net::TcpListener;

use crate::command::{Control, Server, table};
use crate::config::{Config, file};
use crate::connection::{Notice, ReactorHandle};
use crate::execute::Executor;
use crate::janitor::{Duties, Janitor};
use crate::keyspace::Keyspace;
use crate::memory::{self, Limit};
use crate::metrics::Metrics;
use crate::persistence::{self, Opened};
use crate::reactor::{Reactor, listener};
use crate::session::{Blocked, Broker, Clients, Line, Pauses};
use crate::worker::{Pool, Verdict, now_ms};

/// A server that takes commands.
pub struct Running {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// One line for whoever started it.
    pub banner: String,
    reactor: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
    pool: Arc<Pool>,
    janitor: Janitor,
    log: persistence::Handle,
    to_reactor: ReactorHandle,
    stop: Receiver<()>,
    stopper: Sender<()>,
}

/// What commands may ask of the process.
struct Controls {
    stop: Sender<()>,
    evict: Sender<()>,
    to_reactor: ReactorHandle,
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

    fn rewrite_config(&self, config: &Config) -> Result<(), String> {
        let Some(path) = &config.file else {
            return Err("The server is running without a config file".into());
        };
        let cannot = |e: std::io::Error| format!("Rewriting config file: {}", reason(&e));
        let text = std::fs::read_to_string(path).map_err(cannot)?;
        file::replace(path, &config.rewritten(&text)).map_err(cannot)
    }
}

impl Running {
    /// Loads the data, then listens. The error is one line for whoever started it.
    pub fn start(config: Config) -> Result<Running, String> {
        memory::note_startup();
        let listeners = bind_all(&config)?;
        let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        let (garbage, rubbish) = unbounded();
        let keyspace = Arc::new(Keyspace::new(seed(), now_ms(), garbage));
        let opened = persistence::open(&config, &keyspace)?;
        let metrics = Arc::new(Metrics::new(config.workers, table::count()));
        let reactor = Reactor::new(listeners).map_err(|e| format!("cannot poll sockets: {e}"))?;
        let to_reactor = reactor.handle();
        let (stopper, stop) = bounded(1);
        let (evict, full) = bounded(1);
        let workers = config.workers;
        let banner = banner(&config, &addresses, &opened, &keyspace);

        // The log speaks to the pool, and the pool to the log: the pool comes second and is told through a cell.
        let verdicts: Arc<Mutex<Option<Arc<Pool>>>> = Arc::default();
        let listener_of_log = Arc::clone(&verdicts);
        let tell = move |verdict: Verdict| {
            let pool = listener_of_log.lock().ok().and_then(|pool| pool.clone());
            if let Some(pool) = pool {
                pool.settle(verdict);
            }
        };
        let log = opened.start(Box::new(tell), Arc::clone(&keyspace), config.aof_retain)?;
        let server = Arc::new(Server {
            keyspace: Arc::clone(&keyspace),
            clients: Arc::new(Clients::default()),
            broker: Broker::default(),
            line: Line::default(),
            pauses: Pauses::default(),
            metrics: Arc::clone(&metrics),
            persistence: log.persistence(),
            limit: Limit::default(),
            control: Arc::new(Controls { stop: stopper.clone(), evict, to_reactor: to_reactor.clone() }),
            started_ms: now_ms(),
            run_id: new_id(),
            replication_id: Mutex::new(new_id()),
            port: addresses.first().map_or(config.port, SocketAddr::port),
            config: Mutex::new(config),
            active_expire: AtomicBool::new(true),
        });
        server.apply(&server.config());
        let executor = Executor::new(Arc::clone(&server), log.port());
        let pool = Pool::new(executor, workers);
        if let Ok(mut cell) = verdicts.lock() {
            *cell = Some(Arc::clone(&pool));
        }
        let duties = Duties { server: Arc::clone(&server), log: log.port(), garbage: rubbish, full };
        duties.sweep();
        let cannot = |e: std::io::Error| format!("cannot start a thread: {e}");
        Ok(Running {
            addresses,
            banner,
            workers: pool.start(workers).map_err(cannot)?,
            reactor: reactor.start(server, Arc::clone(&pool)).map_err(cannot)?,
            janitor: Janitor::start(duties).map_err(cannot)?,
            pool,
            log,
            to_reactor,
            stop,
            stopper,
        })
    }

    /// What asks the server to stop, from a signal handler's thread.
    pub fn stopper(&self) -> Sender<()> {
        self.stopper.clone()
    }

    /// Serves until it is asked to stop; then finishes what was received, and makes it durable.
    pub fn wait(self) -> Result<(), String> {
        // The sender lives in `self`, so this returns only when asked.
        let _ = self.stop.recv();
        self.to_reactor.tell(Notice::Stop);
        let mut panicked = self.reactor.join().is_err();
        self.pool.stop(self.workers.len());
        for worker in self.workers {
            panicked |= worker.join().is_err();
        }
        self.janitor.stop();
        self.log.close()?;
        if panicked { Err("a thread has panicked; the log is intact".into()) } else { Ok(()) }
    }
}

fn bind_all(config: &Config) -> Result<Vec<TcpListener>, String> {
    let mut port = config.port;
    let mut listeners = Vec::new();
    for address in &config.bind {
        let ip: IpAddr = address.parse().map_err(|_| format!("bind: '{address}' is not an IP address"))?;
        let listener = listener::bind(ip, port, config.tcp_backlog)
            .map_err(|e| format!("cannot listen on {}: {}", SocketAddr::new(ip, port), reason(&e)))?;
        // With port 0, all addresses share the port that the first one got.
        port = listener.local_addr().map_or(port, |bound| bound.port());
        listeners.push(listener);
    }
    Ok(listeners)
}

/// The system's words without its error number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

fn banner(config: &Config, addresses: &[SocketAddr], opened: &Opened, keyspace: &Keyspace) -> String {
    let listens = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
    let keys: usize = keyspace.databases().map(|db| keyspace.size(db).keys).sum();
    format!(
        "limpid {} listens on {listens}; {}; {}",
        env!("CARGO_PKG_VERSION"),
        opened.loaded(keys),
        persistence::promise(config)
    )
}

/// Unpredictable enough to keep hash collisions unpredictable: the system's randomness, as the standard library draws it.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(now_ms())
}

fn new_id() -> String {
    (0..3).map(|_| format!("{:016x}", seed())).collect::<String>()[..40].to_string()
}
