//! The server as people and machines watch it: metrics, health and a dashboard, over HTTP on a port of its own.
//!
//! ```text
//!   Prometheus, a browser --HTTP--> thread `observe` --reads--> counters, keyspace, the log's figures
//!                                       |
//!                                       +-- every second: one sample for the charts
//! ```
//!
//! It only reads, and only what others count anyway; neither the reactor nor a worker knows that it is there. It is up
//! before the log is loaded, so that `/health` can say so.

mod access;
mod big_keys;
mod figures;
mod history;
pub mod http;
mod json;
mod prometheus;
mod site;
mod threads;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use mio::Waker;
use mio::net::TcpListener;

use crate::command::Server;
use http::Http;
use site::Dashboard;

/// How far the server has come.
#[derive(Clone)]
pub enum Stage {
    Loading { done_bytes: u64, total_bytes: u64 },
    Serving(Arc<Server>),
    Stopping,
    Ended,
}

/// What the composition root keeps of it.
pub struct Observer {
    stage: Arc<Mutex<Stage>>,
    waker: Arc<Waker>,
    thread: JoinHandle<()>,
}

impl Observer {
    /// `is_open`: only this machine reaches the listeners.
    pub fn start(listeners: Vec<TcpListener>, is_open: bool) -> io::Result<Observer> {
        let stage = Arc::new(Mutex::new(Stage::Loading { done_bytes: 0, total_bytes: 0 }));
        let (http, waker) = Http::new(listeners)?;
        let site = Dashboard::new(Arc::clone(&stage), is_open);
        let thread = thread::Builder::new().name("observe".into()).spawn(move || http.run(site))?;
        Ok(Observer { stage, waker, thread })
    }

    pub fn set(&self, new: Stage) {
        *stage(&self.stage) = new;
    }

    /// The server is there; the first sample is taken at once.
    pub fn serve(&self, server: Arc<Server>) {
        self.set(Stage::Serving(server));
        self.wake();
    }

    pub fn stop(self) {
        self.set(Stage::Ended);
        self.wake();
        if self.thread.join().is_err() {
            tracing::error!("the thread `observe` has panicked");
        }
    }

    fn wake(&self) {
        // Fails only when the poll is gone, and the thread with it.
        let _ = self.waker.wake();
    }
}

fn stage(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
