//! What may be wrong with input.

use super::request::Form;
use std::borrow::Cow;

/// Input that is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A line with a quote open: only this request is lost.
    Unbalanced,
    /// Close once the error is sent.
    Lost(Lost),
}

/// Why nobody knows where the next request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    LineTooLong,
    InvalidCount,
    InvalidLength,
    EndlessCount,
    EndlessLength,
    UnauthenticatedCount,
    UnauthenticatedLength,
    UnexpectedMarker(u8),
    /// Redis closes such a client without a word.
    TooBig,
}

impl Fault {
    /// The whole error reply, `ERR` and all.
    pub fn text(self) -> Cow<'static, str> {
        let text = match self {
            Fault::Unbalanced => "ERR Protocol error: unbalanced quotes in request",
            Fault::Lost(Lost::LineTooLong) => "ERR Protocol error: too big inline request",
            Fault::Lost(Lost::InvalidCount) => "ERR Protocol error: invalid multibulk length",
            Fault::Lost(Lost::InvalidLength) => "ERR Protocol error: invalid bulk length",
            Fault::Lost(Lost::EndlessCount) => "ERR Protocol error: too big mbulk count string",
            Fault::Lost(Lost::EndlessLength) => "ERR Protocol error: too big bulk count string",
            Fault::Lost(Lost::UnauthenticatedCount) => "ERR Protocol error: unauthenticated multibulk length",
            Fault::Lost(Lost::UnauthenticatedLength) => "ERR Protocol error: unauthenticated bulk length",
            Fault::Lost(Lost::UnexpectedMarker(byte)) => {
                return format!("ERR Protocol error: expected '$', got '{}'", char::from(byte)).into();
            }
            Fault::Lost(Lost::TooBig) => "ERR Protocol error: too big request",
        };
        text.into()
    }
}

impl Lost {
    pub(super) fn form(self) -> Form {
        match self {
            // How the line would have ended must not matter.
            Lost::LineTooLong => Form::Text,
            _ => Form::Resp,
        }
    }
}
