//! `--pipe`: stdin to the server as it is, while replies are only counted.
//!
//! ```text
//!   stdin ──> [ chunk ] ──> socket        one thread, one poll: nothing waits for anything else, so a server
//!             [ tally ] <── socket        that does not read before its replies are taken is no trouble
//! ```
//!
//! Behind the last request goes an ECHO; when its answer comes, everything before it has been answered.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::println;
use crate::cli::connection::{Connection, Error, Target, Transport, is_timeout};
use input::Input;
use tally::{Framing, Tally};

mod input;
mod tally;

const CHUNK: usize = 64 << 10;

/// Whether no reply was an error.
pub fn run(target: &Target, patience: Option<Duration>) -> Result<bool, Error> {
    let mut connection = Connection::open(target, None)?;
    let first = read_chunk()?;
    let framing = Framing::find(&first, &mut connection)?;
    let marker = marker()?;
    let bar = progress_bar();
    let (transport, _) = connection.into_nonblocking()?;
    let mut transfer = Transfer {
        transport,
        input: Input::new(&first),
        pending: Vec::new(),
        sent: 0,
        stage: Stage::Sending,
        farewell: framing.farewell(&marker),
        patience,
        bar: &bar,
    };
    let mut tally = Tally::new(framing, marker, &bar);
    let outcome = transfer.run(first, &mut tally);
    bar.finish_and_clear();
    if outcome.is_ok() {
        println(format_args!("Last reply received from server."))?;
    }
    println(format_args!("errors: {}, replies: {}", tally.errors, tally.replies))?;
    outcome.map(|()| tally.errors == 0)
}

/// What no reply to the input can be, by chance or by intent.
fn marker() -> Result<String, Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Error::Input(io::Error::other(error.to_string())))?;
    Ok(format!("limpid-pipe-{:032x}", u128::from_le_bytes(random)))
}

/// What stdin has; nothing at its end.
fn read_chunk() -> Result<Vec<u8>, Error> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match io::stdin().lock().read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Input(error)),
            Ok(length) => {
                chunk.truncate(length);
                return Ok(chunk);
            }
        }
    }
}

#[derive(PartialEq)]
enum Stage {
    Sending,
    /// All input is taken, and the farewell behind it.
    Ending,
    /// All is sent: only replies are still to come.
    Waiting,
}

struct Transfer<'a> {
    transport: Transport,
    /// The chunk that is being sent, and how much of it is.
    pending: Vec<u8>,
    sent: usize,
    input: Input,
    stage: Stage,
    farewell: Vec<u8>,
    patience: Option<Duration>,
    bar: &'a ProgressBar,
}

impl Transfer<'_> {
    /// Until the answer to the farewell has come.
    fn run(&mut self, first: Vec<u8>, tally: &mut Tally<'_>) -> Result<(), Error> {
        self.refill(first);
        let mut last_reply = Instant::now();
        loop {
            self.send()?;
            let received = self.receive(tally)?;
            if tally.is_over {
                return Ok(());
            }
            if received || self.stage != Stage::Waiting {
                last_reply = Instant::now();
            }
            let left = self.patience.map(|patience| patience.saturating_sub(last_reply.elapsed()));
            if let (Some(patience), Some(Duration::ZERO)) = (self.patience, left) {
                return Err(Error::Silent(patience.as_secs()));
            }
            if self.wait(left)? {
                self.refill(read_chunk()?);
            }
        }
    }

    fn is_sent(&self) -> bool {
        self.sent == self.pending.len() && !self.transport.wants_write()
    }

    /// As much as the socket takes.
    fn send(&mut self) -> Result<(), Error> {
        while self.sent < self.pending.len() {
            match self.transport.write(&self.pending[self.sent..]) {
                Ok(length) => {
                    self.sent += length;
                    self.bar.inc(length as u64);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Ok(()),
                // Why it went away may still be there to read.
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) => return Err(Error::Lost(error)),
            }
        }
        match self.transport.flush() {
            Err(error) if !is_timeout(&error) && !is_gone(&error) => return Err(Error::Lost(error)),
            _ => {}
        }
        if self.stage == Stage::Ending && self.is_sent() {
            self.stage = Stage::Waiting;
            self.bar
                .suspend(|| println(format_args!("All data transferred. Waiting for the last reply...")))?;
        }
        Ok(())
    }

    /// All that has come; whether that was anything.
    fn receive(&mut self, tally: &mut Tally<'_>) -> Result<bool, Error> {
        let mut chunk = [0; CHUNK];
        let mut received = false;
        loop {
            match self.transport.read(&mut chunk) {
                Ok(0) => return Err(Error::Closed),
                Ok(length) => {
                    received = true;
                    tally.take(&chunk[..length])?;
                }
                Err(error) if is_timeout(&error) => return Ok(received),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_gone(&error) => return Err(Error::Closed),
                Err(error) => return Err(Error::Lost(error)),
            }
        }
    }

    /// Until something can go on, and whether that is the input.
    fn wait(&self, patience: Option<Duration>) -> Result<bool, Error> {
        let wants_input = self.stage == Stage::Sending && self.is_sent();
        let direction = match self.is_sent() {
            true => PollFlags::IN,
            false => PollFlags::IN | PollFlags::OUT,
        };
        let stdin = io::stdin();
        let mut sources = vec![PollFd::new(&self.transport, direction)];
        if wants_input {
            sources.push(PollFd::new(&stdin, PollFlags::IN));
        }
        let timeout = patience.filter(|_| self.stage == Stage::Waiting);
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::Input(error.into())),
        }
        Ok(sources.get(1).is_some_and(|stdin| !stdin.revents().is_empty()))
    }

    /// Makes ready what comes next; an empty chunk is the end of the input.
    fn refill(&mut self, chunk: Vec<u8>) {
        self.sent = 0;
        if chunk.is_empty() {
            self.stage = Stage::Ending;
            self.pending = self.input.end();
            self.pending.extend_from_slice(&self.farewell);
        } else {
            self.pending = self.input.take(chunk);
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// On a terminal: how much is sent, out of how much if stdin is a file.
fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let size = io::stdin().as_fd().try_clone_to_owned().ok().and_then(|fd| File::from(fd).metadata().ok());
    let (bar, template) = match size.filter(std::fs::Metadata::is_file) {
        Some(file) => {
            (ProgressBar::new(file.len()), "{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {binary_bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
