//! The composition root: builds every part, connects them, starts and stops them. Nothing else knows all of them.
//!
//! ```text
//!            listeners           Keyspace <----- janitor
//!                |                  ^                |
//!   clients -> reactor -> Pool -> Executor --Log--> aof -> files
//!                ^          |                         |
//!                +- notices-+ <------ Verdict --------+
//! ```

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustls::ServerConfig;

use crate::acl::Acl;
use crate::command::acl::users;
use crate::command::{Control, Server, table};
use crate::config::{Config, Refusal, file};
use crate::connection::{Notice, ReactorHandle};
use crate::execute::Executor;
use crate::janitor::{Duties, Janitor};
use crate::keyspace::Keyspace;
use crate::logging;
use crate::machine::{self, now_ms};
use crate::memory::{self, Limit};
use crate::metrics::Metrics;
use crate::observe::{Observer, Stage};
use crate::persistence::{self, Opened};
use crate::reactor::Reactor;
use crate::session::{Blocked, Broker, Clients, Line, Monitors, Notifications, Outlet, Pauses};
use crate::transport::listener::{self, Endpoint, Listener, Plan};
use crate::transport::{certificates, descriptors};
use crate::version;
use crate::worker::{Pool, Verdict, connection_behind};

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

/// What commands may ask of the process.
struct Controls {
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
        let maxclients = descriptors::make_room_for(config.maxclients);
        if maxclients < config.maxclients {
            tracing::warn!(
                "maxclients has been reduced from {} to {maxclients} to fit the limit on open files. If you need more, \
                 increase 'ulimit -n'.",
                config.maxclients
            );
            config.maxclients = maxclients;
        }
        memory::note_startup();
        let (acl, tls) = admit(&config)?;
        let listeners = listener::bind_all(&listener::endpoints(&config), config.tcp_backlog)?;
        if listeners.is_empty() {
            return Err(listener::NOWHERE.into());
        }
        let endpoints: Vec<Endpoint> = listeners.iter().map(Listener::bound).collect();
        let (garbage, rubbish) = unbounded();
        let keyspace = Arc::new(Keyspace::new(seed(), now_ms(), garbage));
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

        // The log speaks to the pool, and the pool to the log: the pool comes second and is told through a cell.
        let verdicts: Arc<Mutex<Option<Arc<Pool>>>> = Arc::default();
        let listener_of_log = Arc::clone(&verdicts);
        let tell = move |verdict: Verdict| {
            let pool = listener_of_log.lock().ok().and_then(|pool| pool.clone());
            if let Some(pool) = pool {
                pool.settle(verdict);
            }
        };
        let submitter = Arc::clone(&verdicts);
        let wake = move |woken: Vec<Arc<dyn Outlet>>| {
            let pool = submitter.lock().ok().and_then(|pool| pool.clone());
            if let Some(pool) = pool.filter(|_| !woken.is_empty()) {
                pool.submit_shared(woken.into_iter().filter_map(connection_behind).collect());
            }
        };
        let log = opened.start(
            Box::new(tell),
            Arc::new(wake),
            Arc::clone(&keyspace),
            config.aof_retain,
            Arc::clone(&metrics),
        )?;
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
            control: Arc::new(Controls {
                files: Mutex::new(()),
                stop: stopper.clone(),
                evict,
                to_reactor: to_reactor.clone(),
                port: Arc::clone(&port),
                tls: Mutex::new(tls),
            }),
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
        if let Ok(mut cell) = verdicts.lock() {
            *cell = Some(Arc::clone(&pool));
        }
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

/// 0 where there is none.
fn plain_port(endpoints: &[Endpoint]) -> u16 {
    let port = |endpoint: &Endpoint| match endpoint {
        Endpoint::Tcp(place) => Some(place.address.port()),
        _ => None,
    };
    endpoints.iter().find_map(port).unwrap_or(0)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| machine::reason(&e))
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
