//! Subscribers that read as fast as they can, so that what is measured is the server.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use crate::Result;
use crate::peer::Server;

/// They listen until they are dropped.
pub struct Listeners {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listeners {
    pub fn start(server: &Server, count: usize, channel: &str) -> Result<Listeners> {
        let streams = (0..count).map(|_| subscribed(server, channel)).collect::<Result<Vec<_>>>()?;
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = (count > 0).then(|| thread::spawn(move || listen(streams, &told)));
        Ok(Listeners { over, thread })
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // One that panicked has heard nothing; the report shows the rest.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn subscribed(server: &Server, channel: &str) -> Result<TcpStream> {
    let mut stream = super::connect(server.address)?;
    stream.write_all(format!("SUBSCRIBE {channel}\r\n").as_bytes())?;
    stream.read_exact(&mut [0])?;
    Ok(stream)
}

fn listen(streams: Vec<TcpStream>, over: &AtomicBool) {
    let Ok(mut poll) = Poll::new() else { return };
    let mut events = Events::with_capacity(1024);
    let mut streams: Vec<_> = streams
        .into_iter()
        .filter_map(|stream| {
            stream.set_nonblocking(true).ok().map(|()| mio::net::TcpStream::from_std(stream))
        })
        .collect();
    for (index, stream) in streams.iter_mut().enumerate() {
        let _ = poll.registry().register(stream, Token(index), Interest::READABLE);
    }
    let mut buffer = vec![0; 256 << 10];
    while !over.load(Ordering::Relaxed) {
        if poll.poll(&mut events, Some(Duration::from_millis(20))).is_err() {
            return;
        }
        for event in &events {
            let stream = &mut streams[event.token().0];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) if length < buffer.len() => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
    }
}
