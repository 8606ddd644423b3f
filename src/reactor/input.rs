//! A connection's incoming bytes: one read per readiness event, parsed where they were read.
//!
//! An idle connection keeps no buffer. Bytes are read into a recycled one; complete requests leave with it, and only
//! the start of an unfinished request stays behind.

use crate::limits;
use crate::protocol::{Batch, Limits, Parser};
use crate::transport::{Next, Stream};

/// The start of an unfinished request, up to this size, is copied into the buffer of the next read.
const CARRIED_MAX: usize = limits::READ_CHUNK / 4;

#[derive(Default)]
pub struct Input {
    parser: Parser,
    /// The unfinished request: bytes that have come, then room. Empty while there is none.
    pending: Vec<u8>,
    filled: usize,
}

pub struct Outcome {
    /// Complete requests, or none.
    pub batch: Batch,
    pub bytes: usize,
    pub then: Next,
}

impl Input {
    /// Reads once, behind what is pending, and parses. `is_known`: the client has authenticated, if it has to.
    pub fn read(&mut self, stream: &Stream, mut batch: Batch, is_known: bool) -> Outcome {
        if self.filled > CARRIED_MAX {
            std::mem::swap(&mut batch.bytes, &mut self.pending);
        }
        let room = self.make_room(&mut batch.bytes);
        if self.filled <= CARRIED_MAX {
            batch.bytes[..self.filled].copy_from_slice(&self.pending[..self.filled]);
        }
        let (bytes, then) = stream.read(&mut batch.bytes[self.filled..self.filled + room]);
        self.filled += bytes;
        let consumed = if bytes > 0 {
            let filled = &mut batch.bytes[..self.filled];
            let limits = if is_known { Limits::default() } else { Limits::unauthenticated() };
            self.parser.parse(filled, &mut batch.spans, &mut batch.requests, &limits)
        } else {
            0
        };
        self.keep(&mut batch.bytes, consumed);
        let then =
            if !is_known && self.filled > limits::UNAUTHENTICATED_QUERY_MAX { Next::Broken } else { then };
        Outcome { batch, bytes, then }
    }

    /// Bytes of a request that is not complete.
    pub fn unfinished(&self) -> usize {
        self.filled
    }

    /// What the buffer of such a request takes beyond them.
    pub fn room(&self) -> usize {
        self.pending.capacity() - self.filled
    }

    /// The buffer keeps its length at its capacity, so bytes are set to zero once and not per read. It grows with what
    /// has come, towards what the request has announced, never ahead of the bytes.
    fn make_room(&self, buffer: &mut Vec<u8>) -> usize {
        let wanted = self.parser.wanted().clamp(limits::READ_CHUNK, self.filled + limits::READ_CHUNK);
        if buffer.capacity() < self.filled + wanted {
            // Many words add up as well: by an eighth at least, so that not every one of them moves the buffer.
            let length = self.filled + wanted.max(self.filled / 8);
            buffer.reserve_exact(length - buffer.len());
        }
        buffer.resize(buffer.capacity(), 0);
        buffer.len() - self.filled
    }

    /// What stands behind the complete requests stays: copied where it is little, otherwise buffer and all.
    fn keep(&mut self, buffer: &mut Vec<u8>, consumed: usize) {
        self.parser.rebase(consumed);
        let unfinished = &buffer[consumed..self.filled];
        self.filled = unfinished.len();
        if consumed == 0 && self.filled > CARRIED_MAX {
            std::mem::swap(buffer, &mut self.pending);
        } else if self.filled > 0 {
            self.pending.clear();
            self.pending.extend_from_slice(unfinished);
        } else {
            self.pending = Vec::new();
        }
    }
}
