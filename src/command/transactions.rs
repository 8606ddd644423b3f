//! Transactions: rows only; the steps are taken by `execute`, which alone can lock many commands' keys at once.

use super::key_use::{KeyUse, Uses};
use super::row::{Command, Flags, Group, Keys, Run, Step};

pub static ROWS: &[Command] = &[
    Command {
        name: "multi",
        arity: 1,
        summary: "Starts a transaction: the commands that follow are queued.",
        since: "1.2.0",
        run: Run::Transaction(Step::Multi),
        ..ROW
    },
    Command {
        name: "exec",
        arity: 1,
        summary: "Runs all queued commands, atomically and isolated.",
        since: "1.2.0",
        complexity: "Depends on the queued commands.",
        flags: Flags::NONE,
        run: Run::Transaction(Step::Exec),
        ..ROW
    },
    Command {
        name: "discard",
        arity: 1,
        summary: "Forgets a transaction's queued commands.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of queued commands.",
        run: Run::Transaction(Step::Discard),
        ..ROW
    },
    Command {
        name: "watch",
        arity: -2,
        keys: Keys::rest(),
        uses: Uses::Each(&[KeyUse::RO]),
        syntax: "key [key ...]",
        summary: "Makes the next EXEC fail if one of these keys changes before it.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of keys.",
        run: Run::Transaction(Step::Watch),
        ..ROW
    },
    Command {
        name: "unwatch",
        arity: 1,
        summary: "Forgets all watched keys.",
        since: "2.2.0",
        run: Run::Transaction(Step::Unwatch),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Transactions, flags: Flags::FAST, ..Command::ROW };
