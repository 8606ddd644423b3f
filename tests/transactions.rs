//! MULTI, EXEC, WATCH: what each means, and that together they isolate; single keys under a linearizability checker.

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use limpid::protocol::Value;
use support::{Limpid, RespClient, bulk, encode, eventually, knows, status};

fn queued(c: &mut RespClient, command: &str) {
    c.check(command, status("QUEUED"));
}

#[test]
fn exec_answers_for_every_command() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET a 1");
    queued(&mut c, "GET a");
    queued(&mut c, "GET b");
    queued(&mut c, "EXISTS a b");
    queued(&mut c, "PING");
    let replies = vec![status("OK"), bulk("1"), Value::Null, Value::Int(1), status("PONG")];
    c.check("EXEC", Value::Array(replies));
    c.check("MULTI", status("OK"));
    c.check("EXEC", Value::Array(vec![]));
}

#[test]
fn nothing_happens_before_exec() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET a 1");
    other.check("EXISTS a", Value::Int(0));
    c.check("DISCARD", status("OK"));
    other.check("EXISTS a", Value::Int(0));
    c.check("GET a", Value::Null);
}

#[test]
fn steps_out_of_order() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check_error("EXEC", "ERR EXEC without MULTI");
    c.check_error("DISCARD", "ERR DISCARD without MULTI");
    c.check("UNWATCH", status("OK"));
    c.check("MULTI", status("OK"));
    c.check_error("MULTI", "ERR MULTI calls can not be nested");
    c.check_error("WATCH a", "ERR WATCH inside MULTI is not allowed");
    queued(&mut c, "SET a 1");
    // Neither mistake spoils the transaction.
    c.check("EXEC", Value::Array(vec![status("OK")]));
}

#[test]
fn a_mistake_in_the_queue_aborts() {
    let server = Limpid::start();
    let mut c = server.resp();
    for (mistake, error) in [
        ("NOSUCH", "ERR unknown command 'NOSUCH', with args beginning with: "),
        ("GET", "ERR wrong number of arguments for 'get' command"),
    ] {
        c.check("MULTI", status("OK"));
        queued(&mut c, "SET a 1");
        c.check_error(mistake, error);
        queued(&mut c, "SET b 1");
        c.check_error("EXEC", "EXECABORT Transaction discarded because of previous errors.");
        c.check("EXISTS a b", Value::Int(0));
    }
}

/// EXEC with words behind it had left the transaction open, and had answered as any other command.
#[test]
fn exec_with_words_behind_it() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET a 1");
    let error = "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command";
    c.check_error("EXEC now", error);
    c.check_error("EXEC", "ERR EXEC without MULTI");
    c.check("EXISTS a", Value::Int(0));
}

/// A refused EXEC had answered as any other command, and had left the transaction open.
#[test]
fn an_exec_that_is_refused() {
    let server = Limpid::with(&["--appendonly", "no", "--requirepass", "sesame"]);
    let mut c = server.resp();
    c.check_error("EXEC", "EXECABORT Transaction discarded because of: NOAUTH Authentication required.");
    c.check("AUTH sesame", status("OK"));
    c.check("ACL SETUSER ann on nopass ~* +@all -exec", status("OK"));
    c.check("AUTH ann any", status("OK"));
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET a 1");
    let no = "NOPERM User ann has no permissions to run the 'exec' command";
    c.check_error("EXEC", &format!("EXECABORT Transaction discarded because of: {no}"));
    c.check_error("DISCARD", "ERR DISCARD without MULTI");
    c.check("EXISTS a", Value::Int(0));
}

#[test]
fn an_error_while_running_stops_nothing() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET a 1");
    queued(&mut c, "EXPIRE a soon");
    queued(&mut c, "SET b 2");
    let error = Value::Error("ERR value is not an integer or out of range".into());
    c.check("EXEC", Value::Array(vec![status("OK"), error, status("OK")]));
    c.check("EXISTS a b", Value::Int(2));
}

#[test]
fn a_session_ends_with_its_transaction() {
    let server = Limpid::start();
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET a 1");
    drop(c);
    let mut c = server.resp();
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET b 1");
    c.check("QUIT", status("OK"));
    server.resp().check("EXISTS a b", Value::Int(0));
}

/// What stands behind a SELECT had been locked in the selected database only. Where EXEC refused the SELECT, the writes went
/// nowhere: the reply said OK, the log had them, and memory did not.
#[test]
fn a_select_that_exec_refuses() {
    let server = Limpid::durable();
    let mut c = server.resp();
    c.check("ACL SETUSER u on >p ~* +@all -select", status("OK"));
    c.check("SET moves 1", status("OK"));
    c.check("MULTI", status("OK"));
    let commands = ["SET before 1", "AUTH u p", "SELECT 1", "SET a b", "GET a", "MOVE moves 2", "DBSIZE"];
    commands.iter().for_each(|command| queued(&mut c, command));
    let refused = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
                   This command is no longer allowed for the following reason: no permission to execute the command \
                   or subcommand";
    let ok = status("OK");
    let refused = Value::Error(refused.into());
    let done = vec![ok.clone(), ok.clone(), refused, ok, bulk("b"), Value::Int(1), Value::Int(2)];
    c.check("EXEC", Value::Array(done));
    let is_so = |server: &Limpid| {
        let mut c = server.resp();
        for (db, keys) in [("0", &["a", "before"][..]), ("1", &[]), ("2", &["moves"])] {
            c.check(&format!("SELECT {db}"), status("OK"));
            c.check("DBSIZE", Value::Int(keys.len() as i64));
            keys.iter().for_each(|key| c.check(&format!("EXISTS {key}"), Value::Int(1)));
        }
    };
    is_so(&server);
    is_so(&server.crash().restart());
}

/// They wait for files and sockets, and a transaction had held its keys meanwhile.
#[test]
fn what_waits_for_files_is_not_for_transactions() {
    let server = Limpid::start();
    let mut c = server.resp();
    for command in ["CONFIG REWRITE", "ACL SAVE", "ACL LOAD"] {
        c.check("MULTI", status("OK"));
        queued(&mut c, "SET a 1");
        queued(&mut c, "CONFIG GET maxclients");
        c.check_error(command, "ERR Command not allowed inside a transaction");
        c.check_error("EXEC", "EXECABORT Transaction discarded because of previous errors.");
        c.check("EXISTS a", Value::Int(0));
    }
    c.check("MULTI", status("OK"));
    queued(&mut c, "CONFIG SET maxclients 100");
    queued(&mut c, "CONFIG SET port 0");
    queued(&mut c, "ACL SETUSER u on");
    let Value::Array(replies) = c.cmd(&["EXEC"]) else { panic!("EXEC answers for every command") };
    assert_eq!((&replies[0], &replies[2]), (&status("OK"), &status("OK")));
    let stays = "ERR CONFIG SET failed (possibly related to argument 'port') - sockets stay as they are within a transaction";
    assert_eq!(replies[1], Value::Error(stays.into()));
    assert_eq!(c.cmd(&["CONFIG", "GET", "maxclients"]), Value::Array(vec![bulk("maxclients"), bulk("100")]));
}

fn info_in_exec(c: &mut RespClient) -> String {
    c.check("MULTI", status("OK"));
    queued(c, "INFO keyspace");
    queued(c, "MEMORY STATS");
    let Value::Array(replies) = c.cmd(&["EXEC"]) else { panic!("EXEC answers for every command") };
    let (Value::Bulk(text) | Value::Verbatim { text, .. }) = &replies[0] else { panic!("INFO is a text") };
    String::from_utf8_lossy(text).into_owned()
}

/// INFO and MEMORY STATS had held the shards of their own database and waited for those of all others, against the order in
/// which everybody else locks them: two workers waited for each other for ever.
#[test]
fn sizes_of_all_databases_within_a_transaction() {
    let server = Limpid::with(&["--appendonly", "no", "--workers", "4"]);
    let mut c = server.resp();
    c.check("SET a 1", status("OK"));
    c.check("SELECT 1", status("OK"));
    c.check("SET b 1", status("OK"));
    c.check("SET c 1", status("OK"));
    let text = info_in_exec(&mut c);
    assert!(text.contains("db0:keys=1,") && text.contains("db1:keys=2,"), "{text}");
    // Many at once, so that each is at it while the other one begins.
    let repeat = |mut c: RespClient, commands: &'static [&'static str], times: usize| {
        thread::spawn(move || {
            let sent: Vec<Vec<u8>> =
                commands.iter().map(|command| encode(&command.split(' ').collect::<Vec<_>>())).collect();
            c.send_bytes(&sent.concat().repeat(times));
            (0..times * commands.len()).for_each(|_| drop(c.read()));
        })
    };
    let asking = repeat(c, &["MULTI", "INFO keyspace", "EXEC"], 1000);
    let swapping = repeat(server.resp(), &["SWAPDB 0 1"], 3000);
    [asking, swapping].into_iter().for_each(|client| client.join().expect("everything was answered"));
}

/// What another client does between WATCH and EXEC, and whether EXEC then runs.
#[test]
fn watch_sees_every_change() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    for (change, runs) in [
        ("SET k 2", false),
        ("SET k 1", false),
        ("DEL k", false),
        ("EXPIRE k 100", false),
        ("PERSIST k", true),
        ("SET unrelated 1", true),
        ("SET k 9 NX", true),
        ("GET k", true),
        ("DEL nosuchkey", true),
        ("EXPIRE k 100 XX", true),
        ("EXPIRE k -1", false),
    ] {
        other.check("SET k 1", status("OK"));
        c.check("WATCH x k y", status("OK"));
        let words: Vec<&str> = change.split(' ').collect();
        other.cmd(&words);
        c.check("MULTI", status("OK"));
        queued(&mut c, "PING");
        let reply = if runs { Value::Array(vec![status("PONG")]) } else { Value::Null };
        assert_eq!(c.cmd(&["EXEC"]), reply, "after {change}");
        // EXEC forgets what was watched.
        other.check("SET k 3", status("OK"));
        c.check("MULTI", status("OK"));
        c.check("EXEC", Value::Array(vec![]));
    }
}

#[test]
fn watch_sees_a_key_appear() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    c.check("WATCH k", status("OK"));
    other.check("SET k 1", status("OK"));
    c.check("MULTI", status("OK"));
    c.check("EXEC", Value::Null);
    // And gone again before EXEC: changed all the same.
    c.check("WATCH n", status("OK"));
    other.check("SET n 1", status("OK"));
    other.check("DEL n", Value::Int(1));
    c.check("MULTI", status("OK"));
    c.check("EXEC", Value::Null);
}

#[test]
fn unwatch_and_discard_forget() {
    let server = Limpid::start();
    let (mut c, mut other) = (server.resp(), server.resp());
    for forget in [&["UNWATCH"][..], &["MULTI", "DISCARD"]] {
        c.check("WATCH k", status("OK"));
        other.check("SET k 1", status("OK"));
        forget.iter().for_each(|step| c.check(step, status("OK")));
        c.check("MULTI", status("OK"));
        c.check("EXEC", Value::Array(vec![]));
    }
    // Its own changes count as well.
    c.check("WATCH k", status("OK"));
    c.check("SET k 2", status("OK"));
    c.check("MULTI", status("OK"));
    c.check("EXEC", Value::Null);
}

#[test]
fn watch_sees_expiry() {
    let server = Limpid::with(&["--appendonly", "no", "--sweep-period", "3600000"]);
    let (mut c, mut other) = (server.resp(), server.resp());
    other.check("SET k 1 PX 30", status("OK"));
    c.check("WATCH k", status("OK"));
    eventually("it expires", || other.cmd(&["EXISTS", "k"]) == Value::Int(0));
    c.check("MULTI", status("OK"));
    queued(&mut c, "SET k 2");
    c.check("EXEC", Value::Null);
    c.check("EXISTS k", Value::Int(0));
}

/// A key that had expired before WATCH was no key: that it goes with its database, or to another one, is no change.
#[test]
fn what_had_expired_may_be_flushed_or_swapped() {
    let server = Limpid::with(&["--appendonly", "no"]);
    let (mut c, mut other) = (server.resp(), server.resp());
    c.check("DEBUG SET-ACTIVE-EXPIRE 0", status("OK"));
    let after = |c: &mut RespClient, other: &mut RespClient, change: &str, expected: Value| {
        c.check("WATCH k", status("OK"));
        other.check(change, status("OK"));
        c.check("MULTI", status("OK"));
        queued(c, "PING");
        c.check("EXEC", expected);
    };
    let unchanged = Value::Array(vec![status("PONG")]);
    for change in ["SWAPDB 0 1", "SWAPDB 0 1", "FLUSHALL"] {
        other.check("SET k 1 PX 1", status("OK"));
        other.check("SELECT 1", status("OK"));
        other.check("SET k 1 PX 1", status("OK"));
        other.check("SELECT 0", status("OK"));
        // Whoever looked at it would remove it.
        other.check("DEBUG SLEEP 0.005", status("OK"));
        after(&mut c, &mut other, change, unchanged.clone());
    }
    // One that was there has changed, be it by its deadline or by the command.
    other.check("SET k 1", status("OK"));
    after(&mut c, &mut other, "SWAPDB 0 1", Value::Null);
    after(&mut c, &mut other, "SWAPDB 0 1", Value::Null);
    after(&mut c, &mut other, "FLUSHDB", Value::Null);
    other.check("SET k 1 PX 30", status("OK"));
    c.check("WATCH k", status("OK"));
    other.check("DEBUG SLEEP 0.05", status("OK"));
    other.check("FLUSHDB", status("OK"));
    c.check("MULTI", status("OK"));
    c.check("EXEC", Value::Null);
}

/// A key that had expired before WATCH was no key; that it is swept is no change.
#[test]
fn sweeping_what_had_expired_is_no_change() {
    let server = Limpid::with(&["--appendonly", "no", "--sweep-period", "300"]);
    let (mut c, mut other) = (server.resp(), server.resp());
    other.check("SET k 1 PX 1", status("OK"));
    eventually("it expires", || other.cmd(&["EXISTS", "k"]) == Value::Int(0));
    c.check("WATCH k", status("OK"));
    eventually("it is swept", || other.info("db0").is_empty());
    c.check("MULTI", status("OK"));
    queued(&mut c, "PING");
    c.check("EXEC", Value::Array(vec![status("PONG")]));
}

/// Four tellers move money between accounts; an auditor who reads them all in one transaction always sees the same sum.
#[test]
fn transfers_keep_the_sum() {
    const ACCOUNTS: u64 = 6;
    let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", "always", "--workers", "4"]);
    let mut c = server.resp();
    (0..ACCOUNTS).for_each(|i| c.check(&format!("SET account:{i} 1000"), status("OK")));
    let (moved, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tellers: Vec<_> = (0..4u64)
        .map(|id| {
            let (mut c, moved, lost) = (server.resp(), Arc::clone(&moved), Arc::clone(&lost));
            thread::spawn(move || {
                for round in 0.. {
                    let (from, to) = ((id + round) % ACCOUNTS, (id + 3 * round + 1) % ACCOUNTS);
                    if from == to {
                        continue;
                    }
                    let (from, to) = (format!("account:{from}"), format!("account:{to}"));
                    c.cmd(&["WATCH", &from, &to]);
                    let (has, gets) = (balance(&c.cmd(&["GET", &from])), balance(&c.cmd(&["GET", &to])));
                    c.send(&["MULTI"]);
                    c.send(&["SET", &from, &(has - 1).to_string()]);
                    c.send(&["SET", &to, &(gets + 1).to_string()]);
                    c.send(&["EXEC"]);
                    (0..3).for_each(|_| drop(c.read()));
                    let outcome = if c.read() == Value::Null { &lost } else { &moved };
                    outcome.fetch_add(1, Ordering::SeqCst);
                    if moved.load(Ordering::SeqCst) > 600 {
                        return;
                    }
                }
            })
        })
        .collect();
    let mut sums = HashSet::new();
    while !tellers.iter().all(|teller| teller.is_finished()) {
        c.send(&["MULTI"]);
        (0..ACCOUNTS).for_each(|i| c.send(&["GET", &format!("account:{i}")]));
        c.send(&["EXEC"]);
        (0..=ACCOUNTS).for_each(|_| drop(c.read()));
        let Value::Array(balances) = c.read() else { panic!("nothing was watched") };
        sums.insert(balances.iter().map(balance).sum::<i64>());
    }
    tellers.into_iter().for_each(|teller| teller.join().expect("no assertion in it"));
    assert_eq!(sums, HashSet::from([1000 * ACCOUNTS as i64]), "an auditor saw half a transfer");
    let server = server.crash().restart();
    let mut c = server.resp();
    let sum: i64 = (0..ACCOUNTS).map(|i| balance(&c.cmd(&["GET", &format!("account:{i}")]))).sum();
    assert_eq!(sum, 1000 * ACCOUNTS as i64, "after a crash");
}

fn balance(value: &Value) -> i64 {
    let Value::Bulk(digits) = value else { panic!("an account is missing: {value:?}") };
    String::from_utf8_lossy(digits).parse().expect("a number")
}

/// Optimistic counting: every EXEC that runs counts once, no more and no less.
#[test]
fn watched_counters_lose_nothing() {
    let server = Limpid::with(&["--appendonly", "no", "--workers", "4"]);
    server.resp().check("SET n 0", status("OK"));
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let mut c = server.resp();
            thread::spawn(move || {
                let mut done = 0;
                while done < 100 {
                    c.send(&["WATCH", "n"]);
                    c.send(&["GET", "n"]);
                    c.read();
                    let next = balance(&c.read()) + 1;
                    c.send(&["MULTI"]);
                    c.send(&["SET", "n", &next.to_string()]);
                    c.send(&["EXEC"]);
                    (0..2).for_each(|_| drop(c.read()));
                    done += u64::from(c.read() != Value::Null);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().expect("it counts to 100"));
    server.resp().check("GET n", bulk("600"));
}

/// MSET-like writes of many keys against readers of them all.
#[test]
fn many_keys_change_at_once() {
    if !knows("mset") {
        return;
    }
    let server = Limpid::with(&["--appendonly", "no", "--workers", "4"]);
    let keys: Vec<String> = (0..20).map(|i| format!("key:{i}")).collect();
    let set = |value: String| -> Vec<String> {
        let pairs = keys.iter().flat_map(|key| [key.clone(), value.clone()]);
        std::iter::once("MSET".to_owned()).chain(pairs).collect()
    };
    let send =
        |c: &mut RespClient, words: &[String]| c.cmd(&words.iter().map(String::as_str).collect::<Vec<_>>());
    send(&mut server.resp(), &set("first".into()));
    let writers: Vec<_> = (0..3)
        .map(|id| {
            let mut c = server.resp();
            let rounds: Vec<Vec<String>> = (0..200).map(|round| set(format!("{id}:{round}"))).collect();
            thread::spawn(move || {
                for words in rounds {
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    assert_eq!(c.cmd(&words), status("OK"));
                }
            })
        })
        .collect();
    let mut c = server.resp();
    let get: Vec<String> = std::iter::once("MGET".to_owned()).chain(keys.iter().cloned()).collect();
    while !writers.iter().all(|writer| writer.is_finished()) {
        let Value::Array(values) = send(&mut c, &get) else { panic!("MGET answers an array") };
        assert!(values.iter().all(|value| *value == values[0]), "half an MSET: {values:?}");
    }
    writers.into_iter().for_each(|writer| writer.join().expect("only OKs came"));
}

// ---- linearizability ----

/// One operation on a register, with the time before it was sent and the time after its reply had come.
#[derive(Clone, Debug)]
struct Operation {
    from: u64,
    until: u64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Read(Option<u32>),
    Write(u32),
    /// SET NX: whether it took.
    Create(u32, bool),
    /// SET GET: what was there.
    Swap(u32, Option<u32>),
    /// DEL: whether there was anything.
    Delete(bool),
}

impl What {
    /// The register afterwards, where the reply fits what was there before.
    fn apply(&self, held: Option<u32>) -> Option<Option<u32>> {
        match *self {
            What::Read(read) => (read == held).then_some(held),
            What::Write(value) => Some(Some(value)),
            What::Create(value, took) => {
                (took == held.is_none()).then_some(if took { Some(value) } else { held })
            }
            What::Swap(value, old) => (old == held).then_some(Some(value)),
            What::Delete(was) => (was == held.is_some()).then_some(None),
        }
    }
}

/// Wing and Gong: is there an order that respects time and in which every reply is right?
fn is_linearizable(history: &[Operation]) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(0u64, None)];
    while let Some((done, held)) = open.pop() {
        if done.count_ones() as usize == history.len() {
            return true;
        }
        if !seen.insert((done, held)) {
            continue;
        }
        let left = || history.iter().enumerate().filter(|(i, _)| done & (1 << i) == 0);
        // Whatever begins after another has ended cannot come before it.
        let first_end = left().map(|(_, operation)| operation.until).min().unwrap_or(u64::MAX);
        for (i, operation) in left().filter(|(_, operation)| operation.from <= first_end) {
            if let Some(after) = operation.what.apply(held) {
                open.push((done | 1 << i, after));
            }
        }
    }
    false
}

#[test]
fn the_checker_tells_right_from_wrong() {
    let at = |from, until, what| Operation { from, until, what };
    assert!(is_linearizable(&[]));
    let overlapping = [at(0, 9, What::Write(1)), at(1, 2, What::Read(None)), at(3, 4, What::Read(Some(1)))];
    assert!(is_linearizable(&overlapping));
    let backwards = [at(0, 9, What::Write(1)), at(1, 2, What::Read(Some(1))), at(3, 4, What::Read(None))];
    assert!(!is_linearizable(&backwards));
    let stale = [at(0, 1, What::Write(1)), at(2, 3, What::Write(2)), at(4, 5, What::Read(Some(1)))];
    assert!(!is_linearizable(&stale));
    let twice = [at(0, 5, What::Create(1, true)), at(0, 5, What::Create(2, true))];
    assert!(!is_linearizable(&twice));
}

#[test]
fn single_keys_are_linearizable() {
    const CLIENTS: u64 = 5;
    const OPERATIONS: u64 = 10;
    for policy in ["always", "everysec"] {
        let server = Limpid::with(&["--appendonly", "yes", "--appendfsync", policy, "--workers", "4"]);
        for round in 0..60u64 {
            let clock = Arc::new(AtomicU64::new(0));
            let start = Arc::new(Barrier::new(CLIENTS as usize));
            let clients: Vec<_> = (0..CLIENTS)
                .map(|id| {
                    let (clock, start) = (Arc::clone(&clock), Arc::clone(&start));
                    let mut c = server.resp();
                    thread::spawn(move || {
                        start.wait();
                        let key = format!("register:{round}");
                        let tick = || clock.fetch_add(1, Ordering::SeqCst);
                        (0..OPERATIONS)
                            .map(|n| {
                                let value = (id * OPERATIONS + n) as u32;
                                let from = tick();
                                let what = operate(&mut c, &key, value, (id * 7 + n * 3 + round) % 8);
                                Operation { from, until: tick(), what }
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let history: Vec<Operation> =
                clients.into_iter().flat_map(|client| client.join().expect("known replies")).collect();
            assert!(is_linearizable(&history), "{policy}: no order explains {history:#?}");
        }
    }
}

fn operate(c: &mut RespClient, key: &str, value: u32, which: u64) -> What {
    let word = value.to_string();
    let number = |reply: Value| match reply {
        Value::Null => None,
        reply => Some(balance(&reply) as u32),
    };
    match which {
        0..=2 => What::Read(number(c.cmd(&["GET", key]))),
        3 | 4 => {
            assert_eq!(c.cmd(&["SET", key, &word]), status("OK"));
            What::Write(value)
        }
        5 => What::Create(value, c.cmd(&["SET", key, &word, "NX"]) == status("OK")),
        6 => What::Swap(value, number(c.cmd(&["SET", key, &word, "GET"]))),
        _ => What::Delete(c.cmd(&["DEL", key]) == Value::Int(1)),
    }
}
