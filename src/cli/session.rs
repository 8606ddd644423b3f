//! A conversation: one command after another over a connection that may have to be made anew.

use std::io::{self, IsTerminal, Write};

use super::connection::{Connection, Error, Target};
use super::format::{Format, Style, printable};
use super::interrupt::Interrupt;
use super::options::Options;
use crate::protocol::Value;

pub struct Session {
    /// What a new connection is set to: the database follows SELECT, the protocol HELLO, the user AUTH.
    target: Target,
    format: Format,
    stop_on_error: bool,
    /// There only if somebody sits at it, who may interrupt, and wants a lost connection to be made anew.
    interrupt: Option<Interrupt>,
    connection: Option<Connection>,
    in_transaction: bool,
}

/// Commands after which messages come until the connection ends.
const STREAMS: [&str; 4] = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"];
/// Commands that are answered once for each of their arguments, in RESP3 by a push.
const FAREWELLS: [&str; 3] = ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"];

impl Session {
    /// For a script: connected, or not at all.
    pub fn connect(options: &Options) -> Result<Self, Error> {
        let mut session = Self::new(options, None);
        session.connection = Some(Connection::open(&session.target, None)?);
        Ok(session)
    }

    /// For a person; connects when it has to.
    pub fn interactive(options: &Options, interrupt: Interrupt) -> Self {
        Self::new(options, Some(interrupt))
    }

    fn new(options: &Options, interrupt: Option<Interrupt>) -> Self {
        Self {
            target: options.target.clone(),
            format: options.format.clone(),
            stop_on_error: options.stop_on_error,
            interrupt,
            connection: None,
            in_transaction: false,
        }
    }

    /// Makes sure that there is a connection.
    pub fn reconnect(&mut self) -> Result<(), Error> {
        self.connection().map(|_| ())
    }

    /// Runs a command and prints what comes of it; false for an error reply.
    ///
    /// After any other failure the connection is dropped, and the next command opens another: what has
    /// been sent may have run, so nothing is ever sent twice.
    pub fn run(&mut self, words: &[Vec<u8>]) -> Result<bool, Error> {
        let outcome = if is_one_of(&STREAMS, words) { self.stream(words) } else { self.exchange(words) };
        if outcome.is_err() {
            self.connection = None;
            self.in_transaction = false;
        }
        match outcome {
            // It did as it was told.
            Err(Error::Closed | Error::Lost(_)) if is(words, "SHUTDOWN") => Ok(true),
            outcome => outcome,
        }
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
        format!("{}{db}{transaction}> ", self.target.address)
    }

    /// The connection, made anew for a person if the server has closed it meanwhile.
    fn connection(&mut self) -> Result<&mut Connection, Error> {
        let mut connection = self.connection.take();
        if !connection.as_mut().is_some_and(Connection::is_open) {
            // What is typed next was meant for the transaction, which is lost.
            if std::mem::take(&mut self.in_transaction) {
                return Err(Error::Closed);
            }
            let interrupt = self.interrupt.clone().ok_or(Error::Closed)?;
            let mut fresh = Connection::dial(&self.target, Some(interrupt))?;
            match fresh.introduce(&self.target) {
                // Who is not welcome yet may still say AUTH.
                Err(Error::Refused(..)) if self.interrupt.is_some() => {}
                introduced => introduced?,
            }
            connection = Some(fresh);
        }
        connection.map(|connection| self.connection.insert(connection)).ok_or(Error::Closed)
    }

    fn exchange(&mut self, words: &[Vec<u8>]) -> Result<bool, Error> {
        self.connection()?.send(words)?;
        let is_farewell = is_one_of(&FAREWELLS, words);
        let mut awaited = if is_farewell { (words.len() - 1).max(1) } else { 1 };
        loop {
            let value = self.receive()?;
            self.print(&value, words)?;
            // Any other push is no reply; it may come at any time in RESP3.
            if matches!(value, Value::Push(_)) && !is_farewell {
                continue;
            }
            awaited -= 1;
            if awaited == 0 || matches!(value, Value::Error(_)) {
                self.follow(words, &value)?;
                return Ok(!matches!(value, Value::Error(_)));
            }
        }
    }

    /// Prints what comes until it is interrupted or the server closes.
    fn stream(&mut self, words: &[Vec<u8>]) -> Result<bool, Error> {
        self.connection()?.send(words)?;
        if self.format.style == Style::Human && io::stdout().is_terminal() {
            writeln!(io::stdout(), "Reading messages... (Ctrl-C ends it)").map_err(Error::Output)?;
        }
        loop {
            let value = self.receive()?;
            self.print(&value, words)?;
            if matches!(value, Value::Error(_)) {
                return Ok(false);
            }
        }
    }

    fn receive(&mut self) -> Result<Value, Error> {
        self.connection.as_mut().ok_or(Error::Closed)?.receive()
    }

    fn print(&self, value: &Value, words: &[Vec<u8>]) -> Result<(), Error> {
        if let Value::Error(text) = value
            && self.stop_on_error
        {
            return writeln!(io::stderr(), "{}", printable(text)).map_err(Error::Output);
        }
        let mut out = io::stdout().lock();
        out.write_all(&self.format.reply(value, words)).and_then(|()| out.flush()).map_err(Error::Output)
    }

    /// Keeps in mind what a command has changed about the connection.
    fn follow(&mut self, words: &[Vec<u8>], reply: &Value) -> Result<(), Error> {
        if matches!(reply, Value::Error(_)) {
            // An EXEC that fails has ended its transaction all the same.
            self.in_transaction &= !is(words, "EXEC");
            return Ok(());
        }
        let word = |index: usize| words.get(index).and_then(|word| str::from_utf8(word).ok());
        let number = |index: usize| word(index).and_then(|word| word.parse::<u32>().ok());
        match () {
            // Within a transaction a SELECT is only queued.
            () if is(words, "SELECT") && !self.in_transaction => {
                self.target.db = number(1).unwrap_or(self.target.db)
            }
            () if is(words, "HELLO") => {
                self.target.resp3 = number(1).map_or(self.target.resp3, |version| version == 3)
            }
            () if is(words, "AUTH") && self.interrupt.is_some() => {
                let (user, password) = if words.len() > 2 { (word(1), word(2)) } else { (None, word(1)) };
                self.target.user = user.map(str::to_owned);
                self.target.password = password.map(str::to_owned);
                return self.introduce_again();
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
        Ok(())
    }

    /// Asks for what was refused before the password came: the protocol and the database.
    fn introduce_again(&mut self) -> Result<(), Error> {
        match self.connection.as_mut().ok_or(Error::Closed)?.introduce(&self.target) {
            Err(Error::Refused(what, error)) => {
                writeln!(io::stdout(), "{}", Error::Refused(what, error)).map_err(Error::Output)
            }
            introduced => introduced,
        }
    }
}

pub fn is(words: &[Vec<u8>], name: &str) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn is_one_of(names: &[&str], words: &[Vec<u8>]) -> bool {
    names.iter().any(|name| is(words, name))
}
