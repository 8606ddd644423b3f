//! The real binary on a port of its own, and clients that speak to it in the words of the domain.
//!
//! ```no_run
//! let server = Limpid::durable();
//! let mut c = server.text();
//! c.check("SET user:1 John", "OK");
//! let server = server.crash().restart();
//! server.text().check("GET user:1", "John");
//! ```
//!
//! Nothing here waits longer than [`PATIENCE`], and nothing sleeps: what a test waits for, it reads.

// Each test binary compiles this for itself and uses a part of it.
#![allow(dead_code, unused_imports)]

pub mod http;
mod redis;
mod resp;
mod run;
mod server;
mod text;
pub mod tls;

pub use redis::Redis;
pub use resp::{RespClient, bulk, encode, status};
pub use run::{Ran, limpid, limpid_with};
pub use server::{Limpid, Stopped, free_port, memory_kib, peak_kib};
pub use text::{TextClient, nc};

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until the answer is yes. The question is a request to the server, which sets the pace.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to that: {what}");
        std::thread::yield_now();
    }
}

/// Lets this process have so many files open. Returns whether the system agrees.
pub fn allow_descriptors(count: u64) -> bool {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return true;
    }
    limit.current = Some(count);
    limit.maximum = limit.maximum.map(|most| most.max(count));
    setrlimit(Resource::Nofile, limit).is_ok()
}

/// Whether this build has the command.
pub fn knows(command: &str) -> bool {
    limpid::command::table::find(command.as_bytes()).is_some()
}
