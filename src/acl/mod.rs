//! Who may do what: users, their rules, and what came of breaking them.
//!
//! ```text
//!   rules (ACL SETUSER, `user` lines, the ACL file) --rule--> User: an immutable snapshot
//!                                                               |
//!   session --Login--> Account --current()----------------------+
//!                        ^   swapped by Acl on each change; the generation goes up
//!   request (a command's number, keys, channels) --check--> fine | Denied --> ACL LOG
//! ```
//!
//! A session keeps the snapshot and the generation at which it was taken. While the generation stands and the user may
//! do everything, a command costs one comparison; otherwise a bit of a set, and the patterns of its keys.
//!
//! Nothing here knows a socket, a file, a clock or the table of commands: a command is a number in a [`Catalogue`].

mod account;
mod catalogue;
mod category;
mod check;
mod commands;
mod file;
mod journal;
mod login;
mod password;
mod patterns;
mod registry;
mod rule;
mod selector;
#[cfg(test)]
mod tests;
mod user;

pub use account::Account;
pub use catalogue::{Catalogue, Listed};
pub use category::Categories;
pub use check::{Denied, Request, Visit};
pub use file::{FileError, Line};
pub use journal::{Entry, Journal, Place, Reason};
pub use login::Login;
pub use patterns::{Permission, is_word};
pub use registry::{Acl, Changed, LoadError, Loaded, Off};
pub use rule::{RuleError, Terms};
pub use selector::Selector;
pub use user::User;

/// The user that clients are before they say who they are.
pub const DEFAULT_USER: &[u8] = b"default";
