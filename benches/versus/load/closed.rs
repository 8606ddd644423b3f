//! The closed loop: a few threads, each polling its share of the connections.

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

pub fn run(
    server: &Server,
    requests: &Requests,
    shape: &Shape,
    connections: Vec<TcpStream>,
) -> crate::Result<Tally> {
    let mut shares: Vec<Vec<Client>> = (0..shape.threads).map(|_| Vec::new()).collect();
    let spread = requests.len() / connections.len();
    for (index, stream) in connections.into_iter().enumerate() {
        // Each client starts elsewhere in the ring, on a pipeline's boundary.
        let cursor = index * spread / shape.pipeline * shape.pipeline;
        let replies = ReplyCounter::new(server.kind.dialect());
        shares[index % shape.threads].push(Client::new(stream, requests, cursor, shape.pipeline, replies)?);
    }
    let deadline = Instant::now() + shape.duration;
    thread::scope(|scope| {
        let threads: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || drive(share, deadline))).collect();
        let mut total = Tally::new();
        for thread in threads {
            total.add(thread.join().map_err(|_| "a client thread panicked")??);
        }
        Ok(total)
    })
}

fn drive(mut clients: Vec<Client>, deadline: Instant) -> io::Result<Tally> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut tally = Tally::new();
    let mut buffer = vec![0; 64 << 10];
    let cpu_before_ns = proc::own_thread_cpu_ns();
    for (index, client) in clients.iter_mut().enumerate() {
        poll.registry().register(
            &mut client.stream,
            Token(index),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        client.send_next(Instant::now())?;
    }
    let mut now = Instant::now();
    while now < deadline {
        poll.poll(&mut events, Some(Duration::from_millis(100).min(deadline - now)))?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if event.is_readable() {
                client.receive(&mut buffer, &mut tally)?;
            }
            client.flush()?;
        }
        now = Instant::now();
    }
    tally.cpu_ns = proc::own_thread_cpu_ns() - cpu_before_ns;
    clients.iter().for_each(|client| tally.take_errors(&client.replies));
    Ok(tally)
}

/// One connection: a pipeline of requests on its way, and how much of it is answered.
struct Client<'a> {
    stream: mio::net::TcpStream,
    requests: &'a Requests,
    /// Where in the ring the next pipeline begins.
    cursor: usize,
    pipeline: usize,
    unsent: &'a [u8],
    awaited: usize,
    sent_at: Instant,
    replies: ReplyCounter,
}

impl<'a> Client<'a> {
    fn new(
        stream: TcpStream,
        requests: &'a Requests,
        cursor: usize,
        pipeline: usize,
        replies: ReplyCounter,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = mio::net::TcpStream::from_std(stream);
        Ok(Self {
            stream,
            requests,
            cursor,
            pipeline,
            unsent: &[],
            awaited: 0,
            sent_at: Instant::now(),
            replies,
        })
    }

    fn send_next(&mut self, now: Instant) -> io::Result<()> {
        if self.cursor + self.pipeline > self.requests.len() {
            self.cursor = 0;
        }
        self.unsent = self.requests.slice(self.cursor, self.pipeline);
        self.cursor += self.pipeline;
        self.awaited = self.pipeline;
        self.sent_at = now;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent) {
                Ok(written) => self.unsent = &self.unsent[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads until the socket is drained; a short read means that it is.
    fn receive(&mut self, buffer: &mut [u8], tally: &mut Tally) -> io::Result<()> {
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed a connection"));
                }
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let completed = self.replies.feed(&buffer[..length]);
            tally.operations += completed as u64;
            self.awaited -= completed;
            if self.awaited == 0 {
                let now = Instant::now();
                tally.record(now - self.sent_at);
                self.send_next(now)?;
            }
            if length < buffer.len() {
                return Ok(());
            }
        }
    }
}
