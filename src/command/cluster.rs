//! The commands of a cluster's node, which this server is not: whoever asks is told so in Redis's words.

use super::error::Error;
use super::row::{Command, Flags, Group, Run};
use crate::acl::Categories;

pub static ROWS: &[Command] = &[
    Command {
        name: "asking",
        arity: 1,
        about: Some(Categories::CONNECTION),
        flags: Flags::FAST,
        summary: "Would let the next command reach a slot that is moving here.",
        ..ROW
    },
    Command {
        name: "cluster",
        arity: -2,
        syntax: "subcommand [argument ...]",
        summary: "Would ask and change what a cluster's nodes know.",
        ..ROW
    },
    Command {
        name: "readonly",
        arity: 1,
        about: Some(Categories::CONNECTION),
        flags: Flags::FAST,
        summary: "Would let a replica of a cluster answer reads.",
        ..ROW
    },
    Command {
        name: "readwrite",
        arity: 1,
        about: Some(Categories::CONNECTION),
        flags: Flags::FAST,
        summary: "Would end READONLY.",
        ..ROW
    },
];

const ROW: Command = Command {
    group: Group::Cluster,
    since: "3.0.0",
    run: Run::Serve(|_, _, _| Err(Error::fixed("ERR This instance has cluster support disabled"))),
    ..Command::ROW
};
