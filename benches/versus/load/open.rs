//! The open loop: one thread sends on schedule, one receives.
//!
//! Request `i` is due at `start + i / rate` on connection `i % connections`. Replies keep order on
//! their connection, so the receiver knows from a reply's place alone when its request was due.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::{Shape, Tally};
use crate::peer::Server;
use crate::proc;
use crate::replies::ReplyCounter;
use crate::request::Requests;

/// How long to wait for replies after the last request was due.
const DRAIN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    interval: Duration,
    connections: u64,
    total: u64,
}

impl Schedule {
    fn due(&self, request: u64) -> Instant {
        self.start + Duration::from_nanos(self.interval.as_nanos() as u64 * request)
    }

    fn end(&self) -> Instant {
        self.due(self.total)
    }
}

pub fn run(
    server: &Server,
    requests: &Requests,
    shape: &Shape,
    rate: f64,
    connections: Vec<TcpStream>,
) -> crate::Result<Tally> {
    let schedule = Schedule {
        start: Instant::now(),
        interval: Duration::from_secs_f64(1.0 / rate),
        connections: connections.len() as u64,
        total: (rate * shape.duration.as_secs_f64()) as u64,
    };
    let mut clients = Vec::new();
    for stream in &connections {
        stream.set_nonblocking(true)?;
        clients.push(Client {
            stream: mio::net::TcpStream::from_std(stream.try_clone()?),
            answered: 0,
            replies: ReplyCounter::new(server.kind.dialect()),
        });
    }
    thread::scope(|scope| {
        let sender = scope.spawn(move || send(&connections, requests, schedule));
        let received = receive(clients, schedule);
        let sender_cpu_ns = sender.join().map_err(|_| "the sending thread panicked")??;
        let mut tally = received?;
        tally.cpu_ns += sender_cpu_ns;
        Ok(tally)
    })
}

/// Returns the CPU time that sending took.
fn send(connections: &[TcpStream], requests: &Requests, schedule: Schedule) -> io::Result<u64> {
    let cpu_before_ns = proc::own_thread_cpu_ns();
    for request in 0..schedule.total {
        let early = schedule.due(request).saturating_duration_since(Instant::now());
        if !early.is_zero() {
            thread::sleep(early);
        }
        let stream = &connections[(request % schedule.connections) as usize];
        write_all(stream, requests.slice(request as usize % requests.len(), 1), schedule.end() + DRAIN)?;
    }
    Ok(proc::own_thread_cpu_ns() - cpu_before_ns)
}

/// The receiver's clone shares the non-blocking flag, so a full socket buffer is met by waiting here:
/// requests behind it leave late, and their latency, counted from when they were due, says so.
fn write_all(mut stream: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(Duration::from_micros(100));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

struct Client {
    stream: mio::net::TcpStream,
    answered: u64,
    replies: ReplyCounter,
}

fn receive(mut clients: Vec<Client>, schedule: Schedule) -> io::Result<Tally> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    let mut tally = Tally::new();
    let cpu_before_ns = proc::own_thread_cpu_ns();
    for (index, client) in clients.iter_mut().enumerate() {
        poll.registry().register(&mut client.stream, Token(index), Interest::READABLE)?;
    }
    let give_up = schedule.end() + DRAIN;
    while tally.operations < schedule.total && Instant::now() < give_up {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let index = event.token().0;
            clients[index].drain(index as u64, &mut buffer, schedule, &mut tally)?;
        }
    }
    let now = Instant::now();
    for (index, client) in clients.iter().enumerate() {
        // What never came took at least this long.
        client
            .outstanding(index as u64, schedule)
            .for_each(|due| tally.record(now.saturating_duration_since(due)));
        tally.take_errors(&client.replies);
    }
    tally.cpu_ns = proc::own_thread_cpu_ns() - cpu_before_ns;
    Ok(tally)
}

impl Client {
    fn drain(
        &mut self,
        index: u64,
        buffer: &mut [u8],
        schedule: Schedule,
        tally: &mut Tally,
    ) -> io::Result<()> {
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed a connection"));
                }
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let now = Instant::now();
            for _ in 0..self.replies.feed(&buffer[..length]) {
                let due = schedule.due(index + self.answered * schedule.connections);
                tally.record(now.saturating_duration_since(due));
                tally.operations += 1;
                self.answered += 1;
            }
        }
    }

    /// When the requests that were never answered were due.
    fn outstanding(&self, index: u64, schedule: Schedule) -> impl Iterator<Item = Instant> {
        let first = index + self.answered * schedule.connections;
        (first..schedule.total)
            .step_by(schedule.connections as usize)
            .map(move |request| schedule.due(request))
    }
}
