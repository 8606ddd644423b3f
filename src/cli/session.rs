//! A conversation: one command after another over a connection that may have to be made anew.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::connection::{Connection, Error, Target};
use super::format::{self, Style};
use crate::protocol::Value;

pub struct Session {
    /// What a new connection is set to: the database follows SELECT, the protocol HELLO.
    target: Target,
    style: Style,
    interrupted: Option<Arc<AtomicBool>>,
    connection: Option<Connection>,
    in_transaction: bool,
}

/// Commands after which messages come until the connection ends.
const STREAMS: [&str; 4] = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"];

impl Session {
    pub fn connect(
        target: Target,
        style: Style,
        interrupted: Option<Arc<AtomicBool>>,
    ) -> Result<Self, Error> {
        let mut session = Self::new(target, style, interrupted);
        session.reconnect()?;
        Ok(session)
    }

    /// Makes sure that there is a connection.
    pub fn reconnect(&mut self) -> Result<(), Error> {
        self.connection().map(|_| ())
    }

    /// Connects with the first command.
    pub fn new(target: Target, style: Style, interrupted: Option<Arc<AtomicBool>>) -> Self {
        Self { target, style, interrupted, connection: None, in_transaction: false }
    }

    /// Runs a command and prints what comes of it; false for an error reply.
    ///
    /// After any other failure the connection is dropped, and the next command opens another: what has
    /// been sent may have run, so nothing is ever sent twice.
    pub fn run(&mut self, words: &[Vec<u8>]) -> Result<bool, Error> {
        let outcome = if is_stream(words) { self.stream(words) } else { self.exchange(words) };
        if outcome.is_err() {
            self.connection = None;
            self.in_transaction = false;
        }
        outcome
    }

    /// Asks without printing; `None` if there is no connection to ask.
    pub fn ask(&mut self, words: &[&str]) -> Option<Value> {
        let reply = self.connection().ok()?.request(words);
        if reply.is_err() {
            self.connection = None;
        }
        reply.ok()
    }

    pub fn prompt(&self) -> String {
        if self.connection.is_none() {
            return "not connected> ".into();
        }
        let db = if self.target.db == 0 { String::new() } else { format!("[{}]", self.target.db) };
        let transaction = if self.in_transaction { "(TX)" } else { "" };
        format!("{}{db}{transaction}> ", self.target)
    }

    /// The connection, made anew if the server has closed it meanwhile.
    fn connection(&mut self) -> Result<&mut Connection, Error> {
        let connection = match self.connection.take().filter(Connection::is_open) {
            Some(open) => open,
            None => {
                self.in_transaction = false;
                Connection::open(&self.target, self.interrupted.clone())?
            }
        };
        Ok(self.connection.insert(connection))
    }

    fn exchange(&mut self, words: &[Vec<u8>]) -> Result<bool, Error> {
        self.connection()?.send(words)?;
        loop {
            let value = self.connection.as_mut().ok_or(Error::Closed)?.receive()?;
            self.print(&value, words)?;
            // A push is no reply; it may come at any time in RESP3.
            if !matches!(value, Value::Push(_)) {
                self.follow(words, &value);
                return Ok(!matches!(value, Value::Error(_)));
            }
        }
    }

    /// Prints what comes until it is interrupted or the server closes.
    fn stream(&mut self, words: &[Vec<u8>]) -> Result<bool, Error> {
        self.connection()?.send(words)?;
        if self.style == Style::Human && io::stdout().is_terminal() {
            writeln!(io::stdout(), "Reading messages... (Ctrl-C ends it)").map_err(Error::Output)?;
        }
        loop {
            let value = self.connection.as_mut().ok_or(Error::Closed)?.receive()?;
            self.print(&value, words)?;
            if matches!(value, Value::Error(_)) {
                return Ok(false);
            }
        }
    }

    fn print(&self, value: &Value, words: &[Vec<u8>]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        out.write_all(&format::reply(value, words, self.style))
            .and_then(|()| out.flush())
            .map_err(Error::Output)
    }

    /// Keeps in mind what a command has changed about the connection.
    fn follow(&mut self, words: &[Vec<u8>], reply: &Value) {
        if matches!(reply, Value::Error(_)) {
            // An EXEC that fails has ended its transaction all the same.
            self.in_transaction &= !is(words, "EXEC");
            return;
        }
        let number =
            |index: usize| words.get(index).and_then(|word| str::from_utf8(word).ok()?.parse::<u32>().ok());
        match () {
            // Within a transaction a SELECT is only queued.
            () if is(words, "SELECT") && !self.in_transaction => {
                self.target.db = number(1).unwrap_or(self.target.db)
            }
            () if is(words, "HELLO") => {
                self.target.resp3 = number(1).map_or(self.target.resp3, |version| version == 3)
            }
            () if is(words, "MULTI") => self.in_transaction = true,
            () if is(words, "EXEC") || is(words, "DISCARD") => self.in_transaction = false,
            () if is(words, "RESET") => {
                self.in_transaction = false;
                self.target.resp3 = false;
                self.target.db = 0;
            }
            () => {}
        }
    }
}

pub fn is(words: &[Vec<u8>], name: &str) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn is_stream(words: &[Vec<u8>]) -> bool {
    STREAMS.iter().any(|name| is(words, name))
}
