//! Commands: one row and one handler each, a file per family.
//!
//! ```text
//!   request words --table::find--> Command (a row) --> handler(Args, View | Edit | Context, Reply)
//! ```
//!
//! A handler reads its arguments, calls a value type in `data`, shapes a reply and records the effect.
//! It knows no socket, no file, no lock and no clock.

pub mod acl;
pub mod args;
pub mod bitmaps;
pub mod blocking;
mod categories;
mod cluster;
pub mod collection;
pub mod connection;
pub mod context;
pub mod deadline;
pub mod error;
pub mod extensions;
pub mod geo;
pub mod hashes;
pub mod help;
pub mod hyperloglog;
pub mod info;
pub mod introspect;
pub mod key_use;
pub mod keys;
pub mod lists;
pub mod permission;
pub mod pubsub;
pub mod row;
pub mod secrets;
pub mod server;
pub mod sets;
pub mod sorted_sets;
pub mod strings;
pub mod table;
pub mod transactions;

pub use args::Args;
pub use context::{Context, Control, Persistence, Server};
pub use error::{Done, Error};
pub use row::{Command, Flags, Group, KeySink, KeyVisitor, Keys, Run, Step};
