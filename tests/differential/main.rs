//! Random requests to limpid and to `redis-server`, reply for reply; and after a `kill -9` the same data again.
//!
//! `LIMPID_STEPS=100000 LIMPID_SEED=7 cargo test --test differential` for more, or for the same once more.
//! Where `redis-server` is not installed, limpid is held against itself before the kill.

mod commands;
mod compare;
mod events;
mod grammar;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::env;

use compare::{Likeness, alike};
use events::{Happened, Listener};
use grammar::{Random, Template};
use limpid::command::row::Flags;
use limpid::protocol::Value;
use support::{Limpid, Redis, RespClient, encode, knows};

/// Requests between two looks at the whole data.
const ROUND: usize = 250;
/// Sent before the replies are read.
const BATCH: usize = 50;
/// Requests that are printed before a difference.
const SHOWN_BEFORE: usize = 20;
/// Differences that are printed in full.
const SHOWN_MAX: usize = 60;

struct Row {
    template: Template,
    likeness: Likeness,
}

type Request = Vec<Vec<u8>>;

/// One server, by the connection that random requests go over, and one that looks.
struct Side {
    requests: RespClient,
    looks: RespClient,
    events: Listener,
}

struct Run {
    rows: Vec<Row>,
    /// Each row as often as its weight says.
    wheel: Vec<usize>,
    random: Random,
    resp3: bool,
    /// Some of limpid's data was read back from its log.
    reloaded: bool,
    /// What differed, by command.
    differences: BTreeMap<String, Vec<String>>,
    /// This round's requests.
    past: Vec<Request>,
    /// Keys that the round before may have left in one server past their deadline.
    dead: Vec<String>,
}

fn from_env(name: &str, default: u64) -> u64 {
    env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn resp2() {
    run(false);
}

#[test]
fn resp3() {
    if knows("hello") {
        run(true);
    }
}

/// The same run each time, unless another is asked for.
const SEED: u64 = 1;

fn run(resp3: bool) {
    let (seed, steps) = (from_env("LIMPID_SEED", SEED), from_env("LIMPID_STEPS", 3000) as usize);
    println!("LIMPID_SEED={seed} LIMPID_STEPS={steps}");
    let redis = Redis::start();
    let mut limpid = Limpid::durable();
    let mut run = Run::new(seed + u64::from(resp3), resp3);
    for round in 0..steps.div_ceil(ROUND) {
        let mut ours = run.side(|| limpid.resp());
        let mut theirs = redis.as_ref().map(|redis| run.side(|| redis.resp()));
        let sound = run.round(&mut ours, theirs.as_mut());
        let kept = state(&mut ours.looks);
        if let (true, Some(theirs)) = (sound, &mut theirs) {
            run.compare_states("after a round", &kept, &state(&mut theirs.looks));
        }
        // A few crashes are enough: each replays all that came before.
        if round % 4 == 3 || (round + 1) * ROUND >= steps {
            drop(ours);
            limpid = limpid.crash().restart();
            let mut look = limpid.resp();
            run.hello(&mut look);
            run.compare_states("after a kill and a restart", &state(&mut look), &kept);
            run.reloaded = true;
        }
        for side in [Some(run.side(|| limpid.resp())), theirs].into_iter().flatten() {
            let Side { mut looks, .. } = side;
            if sound && round % 3 != 2 {
                continue;
            }
            looks.cmd(&["SELECT", "1"]);
            flush(&mut looks);
            looks.cmd(&["SELECT", "0"]);
            flush(&mut looks);
            run.reloaded = false;
        }
    }
    run.report(seed);
}

/// FLUSHDB, also where that command is still missing.
fn flush(client: &mut RespClient) {
    if knows("flushdb") {
        client.cmd(&["FLUSHDB"]);
    } else if let Value::Array(keys) = client.cmd(&["KEYS", "*"]) {
        for key in keys {
            let Value::Bulk(key) = key else { continue };
            client.cmd_bytes(&[b"DEL", &key]);
        }
    }
}

impl Run {
    fn new(seed: u64, resp3: bool) -> Run {
        let mut rows = Vec::new();
        let mut wheel = Vec::new();
        for &(weight, template, likeness) in commands::TABLE {
            wheel.extend(std::iter::repeat_n(rows.len(), weight));
            rows.push(Row { template: Template::parse(template), likeness });
        }
        Run {
            rows,
            wheel,
            random: Random::new(seed),
            resp3,
            reloaded: false,
            differences: BTreeMap::new(),
            past: Vec::new(),
            dead: Vec::new(),
        }
    }

    fn hello(&self, client: &mut RespClient) {
        if self.resp3 {
            client.cmd(&["HELLO", "3"]);
        }
    }

    fn side(&self, connect: impl Fn() -> RespClient) -> Side {
        let [requests, looks, hears] = [(); 3].map(|()| {
            let mut client = connect();
            self.hello(&mut client);
            client
        });
        Side { requests, looks, events: Listener::new(hears) }
    }

    fn next_request(&mut self) -> (Request, Likeness) {
        loop {
            let row = &self.rows[self.wheel[self.random.below(self.wheel.len())]];
            let request = row.template.request(&mut self.random);
            let name = String::from_utf8_lossy(&request[0]).into_owned();
            // One member by chance: from there on, the servers would hold different data.
            if name.eq_ignore_ascii_case("SPOP") && request.len() == 2 {
                continue;
            }
            if waits_for_ever(&request) {
                continue;
            }
            if name.eq_ignore_ascii_case("NOSUCHCOMMAND") || has_command(&request) {
                return (request, row.likeness);
            }
        }
    }

    /// Returns whether both sides did the same.
    fn round(&mut self, ours: &mut Side, mut theirs: Option<&mut Side>) -> bool {
        self.dead = events::dead_from_the_start(&self.past);
        self.past.clear();
        let mut sound = true;
        // Replies to a transaction compare as loosely as the loosest of its commands.
        let mut queued: Vec<(Request, Likeness)> = Vec::new();
        for _ in 0..ROUND / BATCH {
            let batch: Vec<(Request, Likeness)> = (0..BATCH).map(|_| self.next_request()).collect();
            let bytes: Vec<u8> = batch.iter().flat_map(|(request, _)| encode(request)).collect();
            ours.requests.send_bytes(&bytes);
            theirs.iter_mut().for_each(|side| side.requests.send_bytes(&bytes));
            for (request, likeness) in batch {
                let our_reply = ours.requests.read();
                self.past.push(request);
                let request = &self.past[self.past.len() - 1];
                let Some(their_reply) = theirs.as_mut().map(|side| side.requests.read()) else { continue };
                // Queued by one server only, by a difference that is meant: the transaction will end in another way.
                if (our_reply == queued_status()) != (their_reply == queued_status()) {
                    let meant = self.alike(likeness, request, &our_reply, &their_reply);
                    if sound && !meant {
                        self.note(&our_reply, &their_reply);
                    }
                    sound = false;
                    continue;
                }
                let same = if let (Value::Array(a), Value::Array(b)) = (&our_reply, &their_reply)
                    && request[0].eq_ignore_ascii_case(b"EXEC")
                {
                    let pairs = queued.iter().zip(a.iter().zip(b));
                    let same =
                        pairs.map(|((request, likeness), (a, b))| self.alike(*likeness, request, a, b));
                    a.len() == b.len() && !same.collect::<Vec<_>>().contains(&false)
                } else {
                    self.alike(likeness, request, &our_reply, &their_reply)
                };
                if their_reply == queued_status() {
                    queued.push((request.clone(), likeness));
                } else if !matches!(their_reply, Value::Error(_)) {
                    queued.clear();
                }
                if sound && !same {
                    sound = false;
                    self.note(&our_reply, &their_reply);
                }
            }
            if !sound {
                break;
            }
            // Between MULTI and EXEC nothing happens, and the next batch shows it.
            let Some(theirs) = theirs.as_mut() else { continue };
            let heard = ours.events.until_mark(&mut ours.looks);
            if !self.compare_events(&heard, &theirs.events.until_mark(&mut theirs.looks)) {
                return false;
            }
        }
        // Whatever is still open is not looked at.
        ours.requests.cmd(&["DISCARD"]);
        theirs.iter_mut().for_each(|side| drop(side.requests.cmd(&["DISCARD"])));
        sound
    }

    fn alike(&self, likeness: Likeness, request: &Request, ours: &Value, theirs: &Value) -> bool {
        alike(likeness, request, ours, theirs) || self.reloaded && compare::was_edited(ours, theirs)
    }

    /// Writes a difference down, with the requests before it that touched one of its keys.
    fn note(&mut self, ours: &Value, theirs: &Value) {
        let (request, past) = self.past.split_last().expect("a reply to a request");
        let mut text = related(past, request);
        text += &format!(
            "    > {}\n      limpid {}\n      redis  {}\n",
            spelled(request),
            shown(ours),
            shown(theirs)
        );
        let name = String::from_utf8_lossy(&request[0]).to_ascii_uppercase();
        self.differences.entry(name).or_default().push(text);
    }

    /// Returns whether both servers have told the same.
    fn compare_events(&mut self, ours: &[Happened], theirs: &[Happened]) -> bool {
        let dead = [&self.dead[..], &events::dead_from_the_start(&self.past)].concat();
        let [ours, theirs] = [ours, theirs].map(|heard| {
            heard.iter().filter(|event| !events::tells_of_deleting(event, &dead)).cloned().collect::<Vec<_>>()
        });
        if ours == theirs {
            return true;
        }
        let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let next = |events: &[Happened]| format!("{:?}", &events[same..events.len().min(same + 4)]);
        let keys: Vec<Vec<u8>> =
            [ours.get(same), theirs.get(same)].into_iter().flatten().map(events::key_of).collect();
        let touched = related(&self.past, &keys);
        let (a, b) = (next(&ours), next(&theirs));
        let text = format!("{touched}    after {same} alike\n      limpid {a}\n      redis  {b}\n");
        self.differences.entry("events".to_owned()).or_default().push(text);
        false
    }

    fn compare_states(&mut self, when: &str, ours: &State, theirs: &State) {
        for key in ours.keys().chain(theirs.keys()) {
            let same = match (ours.get(key), theirs.get(key)) {
                (Some((a, ttl_a)), Some((b, ttl_b))) => {
                    alike(Likeness::Exact, &[], a, b) && (ttl_a == ttl_b || (ttl_a - ttl_b).abs() < 60)
                }
                _ => false,
            };
            if !same {
                let [a, b] = [ours.get(key), theirs.get(key)].map(|found| match found {
                    Some((value, ttl)) => format!("{} for {ttl} s", shown(value)),
                    None => "missing".to_owned(),
                });
                let touched = related(&self.past, &[key.as_bytes()[2..].to_vec()]);
                let text = format!("{touched}    {key}\n      {a}\n      {b}\n");
                self.differences.entry(format!("the data {when}")).or_default().push(text);
                return;
            }
        }
    }

    #[track_caller]
    fn report(&self, seed: u64) {
        let mut shown = 0;
        for (name, texts) in &self.differences {
            eprintln!("{name}: {} differences", texts.len());
            for text in texts.iter().take(from_env("LIMPID_SHOWN", 4) as usize) {
                shown += 1;
                if shown < SHOWN_MAX {
                    eprintln!("{text}");
                }
            }
        }
        assert!(self.differences.is_empty(), "differences; the same run again: LIMPID_SEED={seed}");
    }
}

fn queued_status() -> Value {
    Value::Status("QUEUED".into())
}

/// A mistake in the words may have put a timeout of 0 there; both servers would wait, as told.
fn waits_for_ever(request: &Request) -> bool {
    let Some(found) = limpid::command::table::find(&request[0]) else { return false };
    let timeout = if found.command.name.ends_with("mpop") { request.get(1) } else { request.last() };
    found.command.flags.has(Flags::BLOCKING) && timeout.is_some_and(|timeout| timeout == b"0")
}

fn has_command(request: &[Vec<u8>]) -> bool {
    use limpid::command::row::Run::Container;
    use limpid::command::table::{find, find_subcommand};
    find(&request[0]).is_some_and(|found| match (found.command.run, request.get(1)) {
        (Container(rows), Some(name)) => {
            // An unknown subcommand is asked for on purpose, once there are known ones.
            !rows.is_empty() && (name == b"NOSUCH" || find_subcommand(found, name).is_some())
        }
        _ => true,
    })
}

/// The last requests that name one of these keys, and the transactions around them; all of the transaction, for EXEC.
fn related(past: &[Request], words: &[Vec<u8>]) -> String {
    if words[0].eq_ignore_ascii_case(b"EXEC") {
        let begin = past.iter().rposition(|request| request[0].eq_ignore_ascii_case(b"MULTI")).unwrap_or(0);
        return past[begin..].iter().map(|request| format!("      {}\n", spelled(request))).collect();
    }
    let is_step = |request: &Request| {
        [&b"MULTI"[..], b"EXEC", b"DISCARD"].iter().any(|step| request[0].eq_ignore_ascii_case(step))
    };
    let touches = |earlier: &&Request| {
        is_step(earlier) || earlier[1..].iter().any(|word| word.len() == 2 && words.contains(word))
    };
    let last: Vec<&Request> = past.iter().rev().filter(touches).take(SHOWN_BEFORE).collect();
    last.iter().rev().map(|request| format!("      {}\n", spelled(request))).collect()
}

fn spelled(request: &[Vec<u8>]) -> String {
    request.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect::<Vec<_>>().join(" ")
}

fn shown(value: &Value) -> String {
    let all = |values: &[Value]| values.iter().map(shown).collect::<Vec<_>>().join(" ");
    match value {
        Value::Status(text) => format!("+{}", text.escape_ascii()),
        Value::Error(text) => format!("-{}", text.escape_ascii()),
        Value::Int(number) => format!(":{number}"),
        Value::Bulk(text) => format!("\"{}\"", text.escape_ascii()),
        Value::Array(values) => format!("[{}]", all(values)),
        Value::Set(values) => format!("~[{}]", all(values)),
        other => format!("{other:?}"),
    }
}

/// Every key with its value and seconds to live.
type State = BTreeMap<String, (Value, i64)>;

fn state(client: &mut RespClient) -> State {
    let mut state = State::new();
    for db in ["0", "1"] {
        if knows("select") {
            client.cmd(&["SELECT", db]);
        } else if db != "0" {
            continue;
        }
        let Value::Array(keys) = client.cmd(&["KEYS", "*"]) else { panic!("KEYS answers an array") };
        for key in keys {
            let Value::Bulk(key) = key else { panic!("keys are bulk strings") };
            let Value::Int(ttl) = client.cmd_bytes(&[b"TTL", &key]) else { panic!("TTL answers a number") };
            state.insert(format!("{db}:{}", key.escape_ascii()), (value(client, &key), ttl));
        }
    }
    if knows("select") {
        client.cmd(&["SELECT", "0"]);
    }
    state
}

fn value(client: &mut RespClient, key: &[u8]) -> Value {
    let kind = if knows("type") { client.cmd_bytes(&[b"TYPE", key]) } else { Value::Status("string".into()) };
    let Value::Status(kind) = kind else { panic!("TYPE answers a status") };
    let (read, order): (&[&[u8]], _) = match &kind[..] {
        b"string" => (&[b"GET", key], Likeness::Exact),
        b"list" => (&[b"LRANGE", key, b"0", b"-1"], Likeness::Exact),
        b"hash" => (&[b"HGETALL", key], Likeness::Unordered),
        b"set" => (&[b"SMEMBERS", key], Likeness::Unordered),
        b"zset" => (&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], Likeness::Exact),
        other => panic!("no such type: {}", other.escape_ascii()),
    };
    let read_back = client.cmd_bytes(read);
    match order {
        _ if kind == b"string" => compare::without_cached_counts(&read_back),
        Likeness::Unordered => compare::sorted(&[read[0].to_vec()], &read_back),
        _ if kind == b"zset" => compare::with_numbers(&read_back),
        _ => read_back,
    }
}
