//! What is sent: the input as it is, except that a line which is too long for the line protocols goes as RESP.

use memchr::{memchr_iter, memrchr};

use crate::cli::connection::encode;
use crate::limits::{LINE_MAX, QUERY_MAX};
use crate::protocol::words;

pub struct Input {
    is_lines: bool,
    /// A line whose end has not come.
    unfinished: Vec<u8>,
    last_byte: u8,
}

impl Input {
    /// By how it begins.
    pub fn new(beginning: &[u8]) -> Self {
        Self { is_lines: !beginning.starts_with(b"*"), unfinished: Vec::new(), last_byte: b'\n' }
    }

    /// What to send of this and of what was held back.
    pub fn take(&mut self, chunk: Vec<u8>) -> Vec<u8> {
        self.last_byte = chunk.last().copied().unwrap_or(self.last_byte);
        if !self.is_lines {
            return chunk;
        }
        // More than that is no request in RESP either; the server says so.
        if self.unfinished.len() > QUERY_MAX {
            return [std::mem::take(&mut self.unfinished), chunk].concat();
        }
        let Some(end) = memrchr(b'\n', &chunk) else {
            self.unfinished.extend_from_slice(&chunk);
            return Vec::new();
        };
        let (whole, rest) = chunk.split_at(end + 1);
        let mut lines = std::mem::replace(&mut self.unfinished, rest.to_vec());
        lines.extend_from_slice(whole);
        fitting(lines)
    }

    /// What is left: a last line without an end is a line all the same.
    pub fn end(&mut self) -> Vec<u8> {
        let mut last = std::mem::take(&mut self.unfinished);
        if self.last_byte != b'\n' {
            last.push(b'\n');
        }
        if self.is_lines { fitting(last) } else { last }
    }
}

/// Whole lines, each in a form that a server takes.
fn fitting(lines: Vec<u8>) -> Vec<u8> {
    if lines.len() <= LINE_MAX {
        return lines;
    }
    let mut fitting = Vec::with_capacity(lines.len());
    let mut begin = 0;
    for end in memchr_iter(b'\n', &lines) {
        let line = &lines[begin..=end];
        begin = end + 1;
        if line.len() <= LINE_MAX {
            fitting.extend_from_slice(line);
            continue;
        }
        match words::split(line) {
            // A comment.
            Ok(words) if words.is_empty() => {}
            Ok(words) => fitting.extend(encode(&words)),
            Err(_) => fitting.extend_from_slice(line),
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(chunks: &[&[u8]]) -> Vec<u8> {
        let mut input = Input::new(chunks[0]);
        let mut sent: Vec<u8> = chunks.iter().flat_map(|chunk| input.take(chunk.to_vec())).collect();
        sent.extend(input.end());
        sent
    }

    #[test]
    fn what_fits_goes_as_it_is() {
        assert_eq!(sent(&[b"PING\nGE", b"T", b" a\r\n# no", b"te"]), b"PING\nGET a\r\n# note\n");
        assert_eq!(sent(&[b"*1\r\n$4\r\nPI", b"NG\r\n"]), b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(sent(&[b""]), b"");
    }

    #[test]
    fn a_long_line_goes_as_resp() {
        let value = "x".repeat(LINE_MAX);
        let line = format!("SET \"the key\" {value}\n");
        let (head, tail) = line.as_bytes().split_at(1000);
        let expected = [b"PING\n", &encode(&["SET", "the key", &value])[..], b"PING\n"].concat();
        assert_eq!(sent(&[b"PING\n", head, tail, b"PING"]), expected);
        assert_eq!(sent(&[format!("# {value}\n").as_bytes()]), b"");
    }
}
