//! The two protocols: bytes into requests, replies into bytes.
//!
//! Nothing here knows a socket, a command or a clock. The reactor owns the buffers and hands them in:
//!
//! ```text
//!   a connection's buffer                    Batch                        output buffer
//!  ┌─────────────────────────┐  Parser  ┌──────────────────┐  Reply   ┌──────────────────┐
//!  │ SET k v\n GET k\n SET k… │ ───────▶ │ bytes            │ ──────▶  │ OK\n v\n         │
//!  └─────────────────────────┘          │ spans    ┄ words │          └──────────────────┘
//!    complete requests leave            │ requests         │   as the request was written:
//!    with the batch, the rest stays     └──────────────────┘   plain text, RESP2 or RESP3
//! ```
//!
//! The first byte of a request decides: `*` starts a RESP array ([`resp`]), anything else is a line
//! ([`line`]). Words are never copied; a request is a list of ranges in the bytes it came in.
//! [`quote`] writes a word so that a line can hold it, [`decode`] is the client's side of RESP.

pub mod decode;
pub mod double;
mod line;
pub mod parser;
pub mod quote;
pub mod reply;
mod request;
mod resp;

pub use decode::{DecodeError, Decoder, Value, decode};
pub use parser::{Limits, Parser};
pub use reply::{Mark, Reply, Wire};
pub use request::{Batch, Fault, Form, OwnedWords, Request, Span, Words};
