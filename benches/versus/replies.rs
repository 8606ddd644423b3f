//! Counts replies without reading them: just enough of each protocol to know where a reply ends.

use crate::request::Dialect;

/// An incremental counter; a reply may be split anywhere.
pub struct ReplyCounter {
    dialect: Dialect,
    state: State,
    /// RESP: elements of the current reply that are still to come, itself included.
    open: u64,
    errors: u64,
    first_error: Option<String>,
}

enum State {
    /// Inside a line; what has come of it.
    Line(Vec<u8>),
    /// Inside a body that needs no look, its line end included: bytes still to come.
    Body(usize),
}

impl ReplyCounter {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, state: State::Line(Vec::new()), open: 1, errors: 0, first_error: None }
    }

    /// Takes what was read; returns how many replies it completed.
    pub fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let mut completed = 0;
        while !bytes.is_empty() {
            match &mut self.state {
                State::Body(left) => {
                    let taken = bytes.len().min(*left);
                    bytes = &bytes[taken..];
                    *left -= taken;
                    if *left == 0 {
                        self.state = State::Line(Vec::new());
                        completed += self.element();
                    }
                }
                State::Line(begun) => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        begun.extend_from_slice(bytes);
                        return completed;
                    };
                    let begun = std::mem::take(begun);
                    let (head, rest) = bytes.split_at(end + 1);
                    bytes = rest;
                    completed +=
                        if begun.is_empty() { self.line(head) } else { self.line(&[&begun, head].concat()) };
                }
            }
        }
        completed
    }

    pub fn errors(&self) -> u64 {
        self.errors
    }

    pub fn first_error(&self) -> Option<&str> {
        self.first_error.as_deref()
    }

    fn line(&mut self, line: &[u8]) -> usize {
        match self.dialect {
            Dialect::Resp => self.resp_line(line),
            Dialect::Memcached => self.memcached_line(line),
        }
    }

    fn resp_line(&mut self, line: &[u8]) -> usize {
        let length = || number(&line[1..]);
        match line[0] {
            b'$' | b'=' if length() >= 0 => {
                self.state = State::Body(length() as usize + 2);
                return 0;
            }
            b'*' | b'~' | b'>' if length() > 0 => self.open += length() as u64,
            b'%' if length() > 0 => self.open += 2 * length() as u64,
            b'-' | b'!' => self.error(line),
            _ => {}
        }
        self.element()
    }

    fn memcached_line(&mut self, line: &[u8]) -> usize {
        if line.starts_with(b"VALUE ") {
            let length = line.trim_ascii_end().rsplit(|&byte| byte == b' ').next().map_or(0, number);
            self.state = State::Body(length as usize + 2);
            // The value and the END line after it.
            self.open += 1;
            return 0;
        }
        if !matches!(line, b"END\r\n" | b"STORED\r\n") {
            self.error(line);
        }
        self.element()
    }

    /// One element is complete; returns 1 if it was the reply's last.
    fn element(&mut self) -> usize {
        self.open -= 1;
        if self.open > 0 {
            return 0;
        }
        self.open = 1;
        1
    }

    fn error(&mut self, line: &[u8]) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
    }
}

/// The decimal number that a line begins with.
fn number(digits: &[u8]) -> i64 {
    let (negative, digits) = match digits.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, digits),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |n, &byte| n * 10 + i64::from(byte - b'0'));
    if negative { -value } else { value }
}
