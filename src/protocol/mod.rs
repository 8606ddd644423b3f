//! The two protocols: bytes into requests, replies into bytes.
//!
//! Nothing here knows a socket, a command or a clock. The reactor owns the buffers and hands them in:
//!
//! ```text
//!   connection's buffer          Batch                     connection's output
//!  ┌──────────────────────┐     ┌──────────────────────┐     ┌───────────────────┐
//!  │ SET k v⏎GET k⏎SET k… │ ──▶ │ bytes                │ ──▶ │ OK⏎v⏎             │
//!  └──────────────────────┘     │ spans: words in them │     └───────────────────┘
//!             Parser            │ requests             │   Reply
//!   complete requests leave     └──────────────────────┘     as the request was written:
//!   with the batch                                           plain text, RESP2 or RESP3
//! ```
//!
//! The first byte of a request decides: `*` starts a RESP array (`resp.rs`), anything else a line
//! (`line.rs`). Words are never copied: a request is a list of ranges in the bytes it came in.
//! [`quote`] writes a word so that a line can hold it; [`decode`](mod@decode) is the client's side of RESP.
//!
//! Deliberately absent: I/O, and the names of commands.

pub mod decode;
pub mod double;
mod fault;
mod line;
pub mod parser;
pub mod quote;
pub mod reply;
mod request;
mod resp;
#[cfg(test)]
mod support;
mod text;
pub mod words;

pub use decode::{DecodeError, Decoder, Value, decode};
pub use fault::Fault;
pub use line::copied_words;
pub use parser::{Limits, Parser};
pub use reply::{Mark, Reply, Wire};
pub use request::{Batch, Form, OwnedWords, Request, Span, Words};
