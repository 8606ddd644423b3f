//! Load on one server, and what came of it.
//!
//! Closed loop: each connection sends its next pipeline when the last one is answered; latency is
//! from the first byte sent to the last reply of the pipeline. It finds the most a server can do.
//!
//! Open loop: requests leave at a fixed rate, whatever the server does; latency is from the moment
//! a request was *due*, so that a stalled server pays for everybody who had to wait in line.

mod closed;
mod listeners;
mod open;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

pub use listeners::Listeners;

use crate::Result;
use crate::peer::Server;
use crate::proc;
use crate::replies::ReplyCounter;
use crate::request::Requests;

/// How hard and for how long.
#[derive(Clone, Debug)]
pub struct Shape {
    pub connections: usize,
    pub pipeline: usize,
    /// Client threads of the closed loop.
    pub threads: usize,
    pub duration: Duration,
    /// Open loop at so many requests a second, all connections together.
    pub rate: Option<f64>,
}

/// What one run measured.
pub struct Outcome {
    pub operations: u64,
    pub elapsed: Duration,
    pub server_cpu_ns: u64,
    /// How busy the client's threads were, 0 to 1.
    pub client_busy: f64,
    /// How many cores did something else meanwhile: above a few tenths, only CPU per operation is worth reading.
    pub others_busy: f64,
    pub errors: u64,
    pub first_error: Option<String>,
    pub latency_ns: Histogram<u64>,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64()
    }

    pub fn server_cpu_us(&self) -> f64 {
        self.server_cpu_ns as f64 / 1e3 / self.operations.max(1) as f64
    }

    pub fn latency_us(&self, quantile: f64) -> f64 {
        self.latency_ns.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// What one client thread measured.
struct Tally {
    operations: u64,
    errors: u64,
    first_error: Option<String>,
    latency_ns: Histogram<u64>,
    cpu_ns: u64,
}

impl Tally {
    fn new() -> Self {
        let latency_ns =
            Histogram::new_with_bounds(1_000, 3_600_000_000_000, 3).expect("constant, valid bounds");
        Self { operations: 0, errors: 0, first_error: None, latency_ns, cpu_ns: 0 }
    }

    fn record(&mut self, latency: Duration) {
        self.latency_ns.saturating_record(latency.as_nanos() as u64);
    }

    fn take_errors(&mut self, replies: &ReplyCounter) {
        self.errors += replies.errors();
        self.first_error = self.first_error.take().or(replies.first_error().map(str::to_owned));
    }

    fn add(&mut self, other: Tally) {
        self.operations += other.operations;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.latency_ns += other.latency_ns;
        self.cpu_ns += other.cpu_ns;
    }
}

/// Runs the load; the clock starts when every connection stands.
pub fn run(server: &Server, requests: &Requests, shape: &Shape) -> Result<Outcome> {
    let connections = (0..shape.connections).map(|_| connect(server.address)).collect::<Result<Vec<_>>>()?;
    let threads = if shape.rate.is_some() { 2 } else { shape.threads };
    let cpu_before_ns = proc::cpu_ns(server.pid());
    let machine_before_ns = proc::machine_cpu_ns();
    let started = Instant::now();
    let tally = match shape.rate {
        Some(rate) => open::run(server, requests, shape, rate, connections)?,
        None => closed::run(server, requests, shape, connections)?,
    };
    let elapsed = started.elapsed();
    let server_cpu_ns = proc::cpu_ns(server.pid()).saturating_sub(cpu_before_ns);
    let others_ns = (proc::machine_cpu_ns() - machine_before_ns).saturating_sub(server_cpu_ns + tally.cpu_ns);
    Ok(Outcome {
        operations: tally.operations,
        elapsed,
        server_cpu_ns,
        client_busy: tally.cpu_ns as f64 / elapsed.as_nanos() as f64 / threads as f64,
        others_busy: others_ns as f64 / elapsed.as_nanos() as f64,
        errors: tally.errors,
        first_error: tally.first_error,
        latency_ns: tally.latency_ns,
    })
}

/// Sends every request once over one connection, as fast as the server takes them.
pub fn send_all(server: &Server, requests: &Requests) -> Result<()> {
    const BATCH: usize = 256;
    let mut client = Blocking::connect(server)?;
    for from in (0..requests.len()).step_by(BATCH) {
        let count = BATCH.min(requests.len() - from);
        client.ask(requests.slice(from, count), count)?;
    }
    client.check()
}

/// One connection, and patience.
pub struct Blocking {
    stream: TcpStream,
    replies: ReplyCounter,
    buffer: Vec<u8>,
}

impl Blocking {
    pub fn connect(server: &Server) -> Result<Self> {
        let replies = ReplyCounter::new(server.kind.dialect());
        Ok(Self { stream: connect(server.address)?, replies, buffer: vec![0; 64 << 10] })
    }

    /// Sends, and waits for that many replies.
    pub fn ask(&mut self, requests: &[u8], mut replies: usize) -> Result<()> {
        self.stream.write_all(requests)?;
        while replies > 0 {
            let length = self.stream.read(&mut self.buffer)?;
            if length == 0 {
                return Err("the server closed a connection".into());
            }
            replies -= self.replies.feed(&self.buffer[..length]);
        }
        Ok(())
    }

    /// Whether all replies so far were no errors.
    pub fn check(&self) -> Result<()> {
        self.replies.first_error().map_or(Ok(()), |error| Err(error.into()))
    }
}

pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
