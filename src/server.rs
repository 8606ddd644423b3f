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
use crate::logging;
use crate::memory;
use crate::metrics::Metrics;
use crate::observe::{Observer, Stage};
use crate::persistence::{self, Opened};
use crate::reactor::{Reactor, listener};
use crate::session::{Blocked, Broker, Clients, Line, Monitors, Pauses};
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
    observer: Option<Observer>,
    log: persistence::Handle,
    to_reactor: ReactorHandle,
    stop: Receiver<()>,
    stopper: Sender<()>,
}

/// What commands may ask of the process.
struct Controls {
    stop: Sender<()>,
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

    fn close(&self, client: u64) {
        self.to_reactor.tell(Notice::Kill(client));
    }

    fn new_id(&self) -> String {
        new_id()
    }

    fn log_as(&self, config: &Config) -> Result<(), String> {
        logging::apply(config)
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
        let observer = observe(&config)?;
        let opened = persistence::open(&config, &keyspace, &mut |done_bytes, total_bytes| {
            if let Some(observer) = &observer {
                observer.set(Stage::Loading { done_bytes, total_bytes });
            }
        })?;
        let metrics = Arc::new(Metrics::new(config.workers, table::count()));
        let reactor = Reactor::new(listeners).map_err(|e| format!("cannot poll sockets: {e}"))?;
        let to_reactor = reactor.handle();
        let (stopper, stop) = bounded(1);
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
        let log =
            opened.start(Box::new(tell), Arc::clone(&keyspace), config.aof_retain, Arc::clone(&metrics))?;
        let server = Arc::new(Server {
            keyspace: Arc::clone(&keyspace),
            clients: Arc::new(Clients::default()),
            broker: Broker::default(),
            monitors: Monitors::default(),
            line: Line::default(),
            pauses: Pauses::default(),
            metrics: Arc::clone(&metrics),
            persistence: log.persistence(),
            control: Arc::new(Controls { stop: stopper.clone(), to_reactor: to_reactor.clone() }),
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
        let duties = Duties { server: Arc::clone(&server), log: log.port(), garbage: rubbish };
        duties.sweep();
        let cannot = |e: std::io::Error| format!("cannot start a thread: {e}");
        if let Some(observer) = &observer {
            observer.serve(Arc::clone(&server));
        }
        Ok(Running {
            addresses,
            banner,
            workers: pool.start(workers).map_err(cannot)?,
            reactor: reactor.start(server, Arc::clone(&pool)).map_err(cannot)?,
            janitor: Janitor::start(duties).map_err(cannot)?,
            observer,
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
        if let Some(observer) = &self.observer {
            observer.set(Stage::Stopping);
        }
        self.to_reactor.tell(Notice::Stop);
        let mut panicked = self.reactor.join().is_err();
        self.pool.stop(self.workers.len());
        for worker in self.workers {
            panicked |= worker.join().is_err();
        }
        self.janitor.stop();
        if let Some(observer) = self.observer {
            observer.stop();
        }
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

/// The metrics port, up before the log is loaded.
fn observe(config: &Config) -> Result<Option<Observer>, String> {
    if config.metrics_port == 0 {
        return Ok(None);
    }
    let mut listeners = Vec::new();
    let mut is_open = true;
    for address in &config.metrics_bind {
        let ip: IpAddr =
            address.parse().map_err(|_| format!("metrics-bind: '{address}' is not an IP address"))?;
        is_open &= ip.is_loopback();
        let address = SocketAddr::new(ip, config.metrics_port);
        let listener = listener::bind(ip, config.metrics_port, config.tcp_backlog)
            .map_err(|e| format!("cannot listen on {address} for metrics: {}", reason(&e)))?;
        listeners.push(listener);
        tracing::info!("dashboard on http://{address}/, metrics on http://{address}/metrics");
    }
    if !is_open && config.requirepass.is_empty() {
        return Err(format!(
            "metrics-bind {} is open to other machines: set requirepass, or keep to 127.0.0.1",
            config.metrics_bind.join(" ")
        ));
    }
    Observer::start(listeners, is_open).map(Some).map_err(|e| format!("cannot serve metrics: {e}"))
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
