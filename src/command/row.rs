//! A command is one row: everything the rest of the server wants to know about it.
//!
//! What can be derived from a row is derived: READONLY and WRITE and what to lock from the handler's type, the key set
//! from `keys`, ACL categories from group and flags, key permissions from `uses`, COMMAND DOCS and `docs/commands.md`
//! from the texts.

use super::args::Args;
use super::context::Context;
use super::error::Done;
use super::key_use::Uses;
use crate::acl::Categories;
use crate::keyspace::{Edit, Places, View};
use crate::protocol::{Reply, Words};

pub struct Command {
    /// Lower case. A subcommand's own name, without its parent's.
    pub name: &'static str,
    /// Words including the name; negative: at least so many.
    pub arity: i16,
    pub keys: Keys,
    /// What it does to them.
    pub uses: Uses,
    pub channels: Channels,
    pub flags: Flags,
    pub group: Group,
    /// The ACL categories of what it is about, where they are not those of its group.
    pub about: Option<Categories>,
    /// The arguments, as the documentation writes them.
    pub syntax: &'static str,
    pub summary: &'static str,
    /// The Redis version that introduced it.
    pub since: &'static str,
    pub complexity: &'static str,
    pub run: Run,
}

/// What a handler may touch says what it is.
#[derive(Clone, Copy)]
pub enum Run {
    /// Reads its keys, under a shared lock.
    Read(fn(&mut Args, &View, &mut Reply) -> Done),
    /// Changes its keys, under an exclusive lock, and records what it changed.
    Write(fn(&mut Args, &mut Edit, &mut Reply) -> Done),
    /// Touches the client's session and the server around it, but no key.
    Serve(fn(&mut Args, &mut Context, &mut Reply) -> Done),
    /// A step of a transaction; `execute` takes it.
    Transaction(Step),
    /// A command that only has subcommands. Where its arity takes the bare name, that is the first of them.
    Container(&'static [Command]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Multi,
    Exec,
    Discard,
    Watch,
    Unwatch,
}

/// Where a command's keys stand among its words, or how to find them.
#[derive(Clone, Copy)]
pub enum Keys {
    None,
    /// Words `first` to `last`, every `step`-th; a negative `last` counts from the end.
    Range {
        first: i16,
        last: i16,
        step: i16,
    },
    /// A count of keys at word `at`, the keys right behind it; and, with `dest`, one key at that word.
    Counted {
        at: i16,
        dest: i16,
    },
    /// Whatever the function says: for keys in other databases, behind keywords, or derived from values.
    Found {
        first: i16,
        last: i16,
        step: i16,
        /// What COMMAND INFO says of the keys that are not at fixed places.
        behind: Behind,
        find: fn(Words<'_>, u8, &mut KeySink<'_>),
    },
    /// Every key of the database: goes shard by shard for a read, locks all its shards for a write.
    Every,
}

/// Where else the keys of a request may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Nowhere.
    Nothing,
    /// Behind one of these words, which stand at the given word or later.
    Keywords(&'static [&'static str], i16),
    /// Only the command itself can tell.
    Anywhere,
}

/// Which words of a request are channels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    None,
    /// The first is published to.
    Published,
    /// All are subscribed to.
    Subscribed,
    /// All are patterns that are subscribed to.
    Patterns,
}

/// Takes the keys that a request names.
pub trait KeyVisitor {
    fn key(&mut self, db: u8, key: &[u8]);
    /// The request may touch any key of this database.
    fn database(&mut self, _: u8) {}
    /// The request may touch any key of any database.
    fn everything(&mut self) {}
    /// Because of this option, the request reads keys of this database whose names it makes from values.
    fn made_up(&mut self, db: u8, _option: &'static str) {
        self.database(db);
    }
}

pub type KeySink<'a> = dyn KeyVisitor + 'a;

impl KeyVisitor for Places {
    fn key(&mut self, db: u8, key: &[u8]) {
        Places::key(self, db, key);
    }

    fn database(&mut self, db: u8) {
        Places::database(self, db);
    }

    fn everything(&mut self) {
        Places::everything(self);
    }
}

impl Keys {
    pub const fn one() -> Keys {
        Keys::Range { first: 1, last: 1, step: 1 }
    }

    /// All words behind the command's name.
    pub const fn rest() -> Keys {
        Keys::Range { first: 1, last: -1, step: 1 }
    }

    pub const fn range(first: i16, last: i16, step: i16) -> Keys {
        Keys::Range { first, last, step }
    }

    /// Every key of every database: a write locks all shards, and so does EXEC for whoever asks for sizes.
    pub const fn everything() -> Keys {
        Keys::Found {
            first: 0,
            last: 0,
            step: 0,
            behind: Behind::Nothing,
            find: |_, _, sink| sink.everything(),
        }
    }

    /// As COMMAND INFO states them: first, last, step.
    pub fn positions(&self) -> (i16, i16, i16) {
        match *self {
            Keys::None | Keys::Every => (0, 0, 0),
            Keys::Range { first, last, step } | Keys::Found { first, last, step, .. } => (first, last, step),
            Keys::Counted { dest: 0, .. } => (0, 0, 0),
            Keys::Counted { dest, .. } => (dest, dest, 1),
        }
    }

    /// Names every key of a request whose arity has been checked.
    pub fn each(&self, words: Words<'_>, db: u8, sink: &mut KeySink<'_>) {
        match *self {
            Keys::None => {}
            Keys::Every => sink.database(db),
            Keys::Range { first, last, step } => {
                let last = if last < 0 { words.len() as i64 + i64::from(last) } else { i64::from(last) };
                let last = last.min(words.len() as i64 - 1);
                (i64::from(first)..=last)
                    .step_by(step as usize)
                    .for_each(|at| sink.key(db, words.get(at as usize)));
            }
            Keys::Counted { at, dest } => {
                if dest > 0 && (dest as usize) < words.len() {
                    sink.key(db, words.get(dest as usize));
                }
                let at = at as usize;
                let count = words.iter().nth(at).and_then(super::args::parse_int).unwrap_or(0);
                words.iter().skip(at + 1).take(count.max(0) as usize).for_each(|key| sink.key(db, key));
            }
            Keys::Found { find, .. } => find(words, db, sink),
        }
    }
}

/// What cannot be derived from the rest of the row.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Flags = Flags(0);
    /// Constant or logarithmic time.
    pub const FAST: Flags = Flags(1);
    /// May run for long: what is queued behind it moves to another worker first.
    pub const LONG: Flags = Flags(2);
    /// May grow the data set: refused when memory is full.
    pub const GROWS: Flags = Flags(4);
    pub const ADMIN: Flags = Flags(8);
    pub const DANGEROUS: Flags = Flags(16);
    /// Allowed before authentication.
    pub const NO_AUTH: Flags = Flags(32);
    /// Not allowed inside a transaction, which holds its keys: waits for a file, a socket or the disk.
    pub const NO_MULTI: Flags = Flags(64);
    /// Allowed while the client is subscribed, RESP2 or text.
    pub const PUBSUB: Flags = Flags(128);
    pub const BLOCKING: Flags = Flags(256);
    /// Its arguments are secrets.
    pub const SENSITIVE: Flags = Flags(1024);

    /// Moves the session to the database that its argument names.
    pub const SELECTS: Flags = Flags(2048);
    /// Runs at once, even between MULTI and EXEC.
    pub const AT_ONCE: Flags = Flags(4096);
    /// A container that the outside knows as one command: its subcommands are counted and listed under its name.
    pub const ONE_NAME: Flags = Flags(8192);
    /// Changes no key, and is felt by others all the same: waits while writes are paused.
    pub const TELLS: Flags = Flags(16384);
    /// What it replies are messages, which CLIENT REPLY does not hold back.
    pub const PUSHES: Flags = Flags(32768);

    /// May reply only later, for another reason than that a key is missing: what stands before it is sent first.
    pub const REPLIES_LATER: Flags = Flags(1 << 20);

    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    pub const fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }
}

/// The families, by the names of COMMAND DOCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Generic,
    String,
    Bitmap,
    HyperLogLog,
    List,
    Set,
    SortedSet,
    Hash,
    Geo,
    PubSub,
    Transactions,
    Connection,
    Cluster,
    Scripting,
    Server,
}

impl Group {
    /// Whether its commands work on collections.
    pub fn is_of_collections(self) -> bool {
        matches!(self, Group::List | Group::Set | Group::SortedSet | Group::Hash | Group::Geo)
    }

    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Geo => "geo",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Cluster => "cluster",
            Group::Scripting => "scripting",
            Group::Server => "server",
        }
    }
}

impl Command {
    /// What most rows have; a row states only what differs.
    pub const ROW: Command = Command {
        name: "",
        arity: -1,
        keys: Keys::None,
        uses: Uses::AsHandled,
        channels: Channels::None,
        flags: Flags::NONE,
        group: Group::Generic,
        about: None,
        syntax: "",
        summary: "",
        since: "1.0.0",
        complexity: "O(1)",
        run: Run::Container(&[]),
    };

    pub fn takes(&self, words: usize) -> bool {
        let arity = i64::from(self.arity);
        if arity >= 0 { words as i64 == arity } else { words as i64 >= -arity }
    }

    pub fn is_write(&self) -> bool {
        matches!(self.run, Run::Write(_))
    }

    pub fn is_read(&self) -> bool {
        matches!(self.run, Run::Read(_))
    }

    pub fn subcommands(&self) -> &'static [Command] {
        match self.run {
            Run::Container(subcommands) => subcommands,
            _ => &[],
        }
    }
}
