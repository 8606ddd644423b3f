//! The composition root: builds every part, connects them, starts and stops them. Nothing else knows all of them.
//!
//! ```text
//!            listeners           Keyspace <----- janitor
//!                |                  ^                |
//!   clients -> reactor -> Pool -> Executor --Log--> aof -> files
//!                ^          |                         |
//!                +- notices-+ <------ Verdict --------+
//! ```

mod controls;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustls::ServerConfig;

use crate::acl::Acl;
use crate::command::acl::users;
use crate::command::{Server, table};
use crate::config::Config;
use crate::connection::{Notice, ReactorHandle, connection_behind};
use crate::execute::Executor;
use crate::janitor::{Duties, Janitor};
use crate::keyspace::Keyspace;
use crate::machine::{self, now_ms};
use crate::memory::{self, Limit};
use crate::metrics::Metrics;
use crate::observe::{Observer, Stage};
use crate::persistence::{self, Opened};
use crate::reactor::Reactor;
use crate::session::{Broker, Clients, Line, Monitors, Notifications, Outlet, Pauses};
use crate::transport::listener::{self, Endpoint, Listener};
use crate::transport::{certificates, descriptors};
use crate::version;
use crate::worker::Pool;
use controls::{Controls, plain_port, read};

/// A server that takes commands.
pub struct Running {
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

/// Whether a server could start with this: users, certificates, and whether it may listen there. Nothing is touched.
pub fn check(config: &Config) -> Result<(), String> {
    admit(config).map(|_| ())
}

fn admit(config: &Config) -> Result<(Acl, Option<Arc<ServerConfig>>), String> {
    let acl = users::configured(config, read)?;
    config.check_exposure(acl.default_needs_password())?;
    let tls = match config.tls.port {
        0 => None,
        _ => Some(
            certificates::server_config(&config.tls).map_err(|(option, why)| format!("{option}: {why}"))?,
        ),
    };
    Ok((acl, tls))
}

impl Running {
    /// Loads the data, then listens. The error is one line for whoever started it.
    pub fn start(mut config: Config) -> Result<Running, String> {
        limit_clients(&mut config);
        memory::note_startup();
        let (acl, tls) = admit(&config)?;
        let listeners = listener::bind_all(&listener::endpoints(&config), config.tcp_backlog)?;
        if listeners.is_empty() {
            return Err(listener::NOWHERE.into());
        }
        let endpoints: Vec<Endpoint> = listeners.iter().map(Listener::bound).collect();
        let (garbage, rubbish) = unbounded();
        let keyspace = Arc::new(Keyspace::new(seed(), now_ms(), garbage));
        keyspace.tuning.set(config.thresholds);
        keyspace.prepare(0);
        let observer = observe(&config)?;
        let opened = persistence::open(&config, &keyspace, &mut |done_bytes, total_bytes| {
            if let Some(observer) = &observer {
                observer.set(Stage::Loading { done_bytes, total_bytes });
            }
        })?;
        memory::count_anew();
        let metrics = Arc::new(Metrics::new(config.workers, table::count()));
        let reactor =
            Reactor::new(listeners, tls.clone()).map_err(|e| format!("cannot poll sockets: {e}"))?;
        let to_reactor = reactor.handle();
        let (stopper, stop) = bounded(1);
        let (evict, full) = bounded(1);
        let workers = config.workers;
        let port = Arc::new(AtomicU16::new(plain_port(&endpoints)));
        let banner = banner(&config, &endpoints, &opened, &keyspace);

        // The log speaks to the pool, and the pool to the log: the pool comes second.
        let pool_to_come: Arc<OnceLock<Arc<Pool>>> = Arc::default();
        let log = start_log(opened, &config, &keyspace, &metrics, &pool_to_come)?;
        let server = Arc::new(Server {
            keyspace: Arc::clone(&keyspace),
            acl,
            clients: Arc::new(Clients::default()),
            broker: Broker::default(),
            notifications: Notifications::default(),
            monitors: Monitors::default(),
            line: Line::default(),
            pauses: Pauses::default(),
            metrics: Arc::clone(&metrics),
            buffers: Arc::default(),
            persistence: log.persistence(),
            limit: Limit::default(),
            control: Arc::new(Controls::new(
                stopper.clone(),
                evict,
                to_reactor.clone(),
                Arc::clone(&port),
                tls,
            )),
            started_ms: now_ms(),
            run_id: new_id(),
            replication_id: Mutex::new(new_id()),
            port,
            config: Mutex::new(config),
            changing: Mutex::new(()),
            active_expire: AtomicBool::new(true),
        });
        server.apply(&server.config());
        let executor = Executor::new(Arc::clone(&server), log.port());
        let pool = Pool::new(executor, workers);
        // It is set once, here.
        let _ = pool_to_come.set(Arc::clone(&pool));
        let duties = Duties {
            server: Arc::clone(&server),
            log: log.port(),
            garbage: rubbish,
            pool: Arc::clone(&pool),
            full,
        };
        duties.sweep();
        let cannot = |e: std::io::Error| format!("cannot start a thread: {e}");
        if let Some(observer) = &observer {
            observer.serve(Arc::clone(&server));
        }
        Ok(Running {
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

    /// Serves until it is asked to stop, and says so; then finishes what was received, and makes it durable.
    pub fn wait(self, on_stop: impl FnOnce()) -> Result<(), String> {
        // The sender lives in `self`, so this returns only when asked.
        let _ = self.stop.recv();
        if let Some(observer) = &self.observer {
            observer.set(Stage::Stopping);
        }
        on_stop();
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

/// As many as there may be open files for.
fn limit_clients(config: &mut Config) {
    let maxclients = descriptors::make_room_for(config.maxclients);
    if maxclients < config.maxclients {
        tracing::warn!(
            "maxclients has been reduced from {} to {maxclients} to fit the limit on open files. If you need more, \
             increase 'ulimit -n'.",
            config.maxclients
        );
        config.maxclients = maxclients;
    }
}

/// What the log has to say goes to the pool, once there is one.
fn start_log(
    opened: Opened,
    config: &Config,
    keyspace: &Arc<Keyspace>,
    metrics: &Arc<Metrics>,
    pool: &Arc<OnceLock<Arc<Pool>>>,
) -> Result<persistence::Handle, String> {
    let (told, woken) = (Arc::clone(pool), Arc::clone(pool));
    let tell = move |verdict| {
        if let Some(pool) = told.get() {
            pool.settle(verdict);
        }
    };
    let wake = move |clients: Vec<Arc<dyn Outlet>>| {
        if let Some(pool) = woken.get().filter(|_| !clients.is_empty()) {
            pool.submit_shared(clients.into_iter().filter_map(connection_behind).collect());
        }
    };
    let (keyspace, metrics) = (Arc::clone(keyspace), Arc::clone(metrics));
    opened.start(Box::new(tell), Arc::new(wake), keyspace, config.aof_retain, metrics)
}

/// The metrics port, up before the log is loaded.
fn observe(config: &Config) -> Result<Option<Observer>, String> {
    if config.metrics_port == 0 {
        return Ok(None);
    }
    let mut listeners = Vec::new();
    for place in &config.metrics_bind {
        let address = SocketAddr::new(place.ip, config.metrics_port);
        match listener::bind_tcp(address, config.tcp_backlog) {
            Ok(listener) => {
                tracing::info!("dashboard on http://{address}/, metrics on http://{address}/metrics");
                listeners.push(listener);
            }
            Err(e) => {
                let why = format!("cannot listen on {address} for metrics: {}", machine::reason(&e));
                if !(place.is_optional && listener::is_lacking(&e)) {
                    return Err(why);
                }
                tracing::info!("{why}; left out");
            }
        }
    }
    Observer::start(listeners, config.keeps_metrics_local())
        .map(Some)
        .map_err(|e| format!("cannot serve metrics: {e}"))
}

fn banner(config: &Config, endpoints: &[Endpoint], opened: &Opened, keyspace: &Keyspace) -> String {
    let listens = endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(", ");
    let keys: usize = keyspace.databases().map(|db| keyspace.size(db).keys).sum();
    format!(
        "limpid {} listens on {listens}; {}; {}",
        version::NUMBER,
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
