//! The command line, parsed into what is to be done.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::cases::CHANNEL;
use crate::collections::{Collection, FILLINGS, Filled, LOADS, SUBSCRIBERS};
use crate::eviction::Trace;
use crate::load::Shape;
use crate::peer::{Durability, Fsync, Kind, Peer};
use crate::request::Template;

pub struct Options {
    pub peers: Vec<Peer>,
    /// Which peer the ratios are against.
    pub baseline: usize,
    pub durability: Durability,
    pub modes: Vec<Mode>,
    pub rounds: usize,
    pub keys: u64,
    pub value_bytes: usize,
    /// Sent to every server after it was filled: the command and how often.
    pub setup: Vec<(Template, usize)>,
    pub markdown: Option<PathBuf>,
    pub chart: Option<PathBuf>,
}

/// One thing to measure.
pub enum Mode {
    Load(Case),
    Beside(Disturbance),
    Eviction(Trace),
    Memory(Filling),
    Elements(&'static Filled),
    Idle { connections: usize },
    Restart { records: usize },
}

/// The same command over and over.
pub struct Case {
    pub command: String,
    pub template: Template,
    pub shape: Shape,
    /// Sent before, each so often.
    pub setup: Vec<(Template, usize)>,
    pub subscribers: usize,
}

/// A GET load beside a client that runs something heavy.
pub struct Disturbance {
    pub command: String,
    pub template: Template,
    /// Once a round instead of in a loop.
    pub once: bool,
    /// Clients that run it.
    pub clients: usize,
    pub shape: Shape,
}

/// What fills a server for the memory figures.
pub struct Filling {
    pub value_bytes: usize,
    pub deadline: bool,
}

const CASES: [&str; 10] =
    ["get", "set", "one", "collections", "publish", "elements", "memory", "idle", "eviction", "restart"];
/// Beside something heavy the loop is always open: a closed one would ask least when it hurts most.
const BESIDE_RATE: f64 = 1000.0;
const GET: &str = "GET key:__rand__";
const SET: &str = "SET key:__rand__ __value__";

pub fn parse() -> Options {
    let mut command = command();
    let matches = command.get_matches_mut();
    interpret(&matches)
        .unwrap_or_else(|error| command.error(clap::error::ErrorKind::ValueValidation, error).exit())
}

fn command() -> Command {
    Command::new("versus")
        .bin_name("cargo bench --bench versus --")
        .about("Loads limpid and its peers in turn on this machine, and compares them")
        .after_help(
            "Commands may hold __rand__ (a random key number), __seq__ (a running one), __value__ and \
             __in:MS__ (Unix milliseconds, so far ahead).\n\n\
             Examples, each after `cargo bench --bench versus --`:\n  \
             --case get --pipeline 16 --rounds 5\n  \
             --command 'LPUSH list:__rand__ __value__' --server limpid --server redis\n  \
             --beside 'KEYS key:0*11' --keys 1000000\n  \
             --setup '1000*SADD big __seq__' --beside 'DEL big' --beside-once\n  \
             --appendonly yes --beside 'SET other:__rand__ __value__' --beside-clients 8\n  \
             --case set --server limpid --server 'limpid --appendonly yes --appendfsync everysec' --baseline 1\n  \
             --case restart --keys 2000000\n  \
             --server limpid --server limpid=./old --server 'limpid --workers 2'",
        )
        .args([
            multiple("case").value_name("CASE").value_parser(PossibleValuesParser::new(CASES)).help(
                "What to measure; `one` is GET and SET over one connection, `collections` their common commands, \
                 `publish` messages from one connection to many, `elements` resident bytes per element, `memory` per key, `idle` per connection, `eviction` \
                 hit ratios of a full cache, `restart` the time to read a log of --keys records \
                 [default: get, set, one, memory]",
            ),
            multiple("command").value_name("COMMAND").help("Measure this command"),
            multiple("setup").value_name("[TIMES*]COMMAND").help("Sent to every server once it is filled"),
            Arg::new("beside").long("beside").value_name("COMMAND").help(
                "Measure GET while another client runs this command in a loop \
                 (by default one connection at a rate of 1000)",
            ),
            number("beside-clients", "N", "1").help("So many clients run the command of --beside"),
            flag("beside-once").help("Run the command of --beside once a round, after the setup"),
            multiple("server").value_name("KIND[=PATH] [ARG...]").help(
                "A server to compare, in this order: limpid, kevy, valkey, memcached or redis \
                 [default: limpid and all that are installed]",
            ),
            Arg::new("baseline")
                .long("baseline")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .help("Ratios are against the Nth server [default: the last redis, or else the last]"),
            Arg::new("limpid")
                .long("limpid")
                .value_name("PATH")
                .help("The limpid binary [default: this build's]"),
            multiple("server-arg").value_name("ARG").help("One more argument for every limpid"),
            number("rounds", "N", "5").help("Every server is measured so often, in turn"),
            Arg::new("seconds")
                .long("seconds")
                .value_name("S")
                .default_value("3")
                .value_parser(value_parser!(f64))
                .help("Each time"),
            Arg::new("connections")
                .long("connections")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .help("[default: 50]"),
            Arg::new("pipeline")
                .long("pipeline")
                .value_name("N,...")
                .default_value("1,16,100")
                .value_delimiter(',')
                .value_parser(value_parser!(u16).range(1..))
                .help("Requests on their way at once on each connection"),
            Arg::new("rate")
                .long("rate")
                .value_name("PER SECOND")
                .value_parser(value_parser!(f64))
                .help("Open loop: so many requests a second in all, latency from when each was due"),
            number("threads", "N", "1").help("Client threads"),
            number("keys", "N", "100000")
                .help("Keys that servers are filled with, and that __rand__ draws from"),
            number("value-size", "BYTES", "64").help("Bytes of a value"),
            Arg::new("appendonly")
                .long("appendonly")
                .value_name("YES/NO")
                .hide_possible_values(true)
                .default_value("no")
                .value_parser(["yes", "no"])
                .help("Whether limpid, Redis, Valkey and kevy keep a log"),
            Arg::new("fsync")
                .long("fsync")
                .value_name("POLICY")
                .default_value("always")
                .value_parser(Fsync::NAMES),
            Arg::new("markdown")
                .long("markdown")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Write the tables there too, under machine and command"),
            Arg::new("chart")
                .long("chart")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Draw the throughput of each load there, as SVG"),
            // cargo says so to every benchmark.
            flag("bench").hide(true),
        ])
}

fn multiple(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::Append)
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn number(name: &'static str, unit: &'static str, default: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(unit)
        .default_value(default)
        .value_parser(value_parser!(u32).range(1..))
}

fn interpret(matches: &ArgMatches) -> Result<Options, String> {
    let peers = peers(matches)?;
    let last_redis = peers.iter().rposition(|peer| peer.kind == Kind::Redis);
    let baseline = match matches.get_one::<usize>("baseline") {
        Some(nth) => {
            nth.checked_sub(1).filter(|&index| index < peers.len()).ok_or("no such server for a baseline")?
        }
        None => last_redis.unwrap_or(peers.len() - 1),
    };
    let fsync = Fsync::parse(text(matches, "fsync").unwrap_or_default());
    Ok(Options {
        baseline,
        durability: Durability(fsync.filter(|_| text(matches, "appendonly") == Some("yes"))),
        modes: modes(matches)?,
        rounds: count(matches, "rounds"),
        keys: count(matches, "keys") as u64,
        value_bytes: count(matches, "value-size"),
        setup: texts(matches, "setup").into_iter().map(setup).collect::<Result<_, _>>()?,
        markdown: matches.get_one("markdown").cloned(),
        chart: matches.get_one("chart").cloned(),
        peers,
    })
}

fn peers(matches: &ArgMatches) -> Result<Vec<Peer>, String> {
    let named: Vec<_> = texts(matches, "server").into_iter().map(Peer::parse).collect::<Result<_, _>>()?;
    let mut peers = if named.is_empty() { Peer::installed() } else { named };
    for peer in peers.iter_mut().filter(|peer| peer.kind == Kind::Limpid) {
        if let Some(path) = text(matches, "limpid") {
            peer.binary = path.into();
        }
        peer.extra.extend(texts(matches, "server-arg").into_iter().map(str::to_owned));
    }
    let labels: Vec<_> = peers.iter().map(|peer| peer.label.clone()).collect();
    for (index, peer) in peers.iter_mut().enumerate() {
        match labels[..index].iter().filter(|label| **label == peer.label).count() {
            0 => {}
            namesakes => peer.label += &format!(" ({})", namesakes + 1),
        }
    }
    Ok(peers)
}

fn modes(matches: &ArgMatches) -> Result<Vec<Mode>, String> {
    let mut modes = Vec::new();
    let commands = texts(matches, "command");
    let beside = text(matches, "beside");
    let mut cases = texts(matches, "case");
    if cases.is_empty() && commands.is_empty() && beside.is_none() {
        cases = vec!["get", "set", "one", "memory"];
    }
    for case in cases {
        match case {
            "get" => modes.extend(per_pipeline(matches, GET)?),
            "set" => modes.extend(per_pipeline(matches, SET)?),
            "one" => {
                for command in [GET, SET] {
                    modes.push(load(command, Shape { connections: 1, ..shape(matches, 1) })?);
                }
            }
            "collections" => modes.extend(collections(matches)?),
            "publish" => modes.extend(publish(matches)?),
            "elements" => modes.extend(FILLINGS.iter().map(Mode::Elements)),
            "memory" => modes.extend(
                [(8, false), (64, false), (8, true), (64, true)]
                    .map(|(value_bytes, deadline)| Mode::Memory(Filling { value_bytes, deadline })),
            ),
            "eviction" => modes.extend(
                ["allkeys-lru", "allkeys-lfu"]
                    .into_iter()
                    .flat_map(|policy| [0.8, 1.0, 1.2].map(|skew| Mode::Eviction(Trace { policy, skew }))),
            ),
            "restart" => modes.push(Mode::Restart { records: count(matches, "keys") }),
            _ => modes.push(Mode::Idle { connections: connections(matches).unwrap_or(5_000) }),
        }
    }
    for command in commands {
        modes.extend(per_pipeline(matches, command)?);
    }
    if let Some(command) = beside {
        let connections = connections(matches).unwrap_or(1);
        let shape = shape(matches, 1);
        modes.push(Mode::Beside(Disturbance {
            command: command.to_owned(),
            template: Template::parse(command)?,
            once: matches.get_flag("beside-once"),
            clients: count(matches, "beside-clients"),
            shape: Shape { connections, rate: Some(shape.rate.unwrap_or(BESIDE_RATE)), ..shape },
        }));
    }
    Ok(modes)
}

/// Every collection's command in pipelines of 16.
fn collections(matches: &ArgMatches) -> Result<Vec<Mode>, String> {
    let mut modes = Vec::new();
    for Collection { setup, command } in LOADS {
        let Mode::Load(case) = load(command, shape(matches, 16))? else { continue };
        let setup = setup.iter().map(|spec| self::setup(spec)).collect::<Result<_, _>>()?;
        modes.push(Mode::Load(Case { setup, ..case }));
    }
    Ok(modes)
}

/// From one connection, or as many as are asked for, in pipelines of 16.
fn publish(matches: &ArgMatches) -> Result<Option<Mode>, String> {
    let connections = connections(matches).unwrap_or(1);
    let command = format!("PUBLISH {CHANNEL} __value__");
    let Mode::Load(case) = load(&command, Shape { connections, ..shape(matches, 16) })? else {
        return Ok(None);
    };
    Ok(Some(Mode::Load(Case { subscribers: SUBSCRIBERS, ..case })))
}

fn per_pipeline(matches: &ArgMatches, command: &str) -> Result<Vec<Mode>, String> {
    let depths = matches.get_many::<u16>("pipeline").into_iter().flatten();
    match matches.contains_id("rate") {
        // At a fixed rate there is no depth: requests leave when they are due.
        true => Ok(vec![load(command, shape(matches, 1))?]),
        false => depths.map(|&depth| load(command, shape(matches, depth.into()))).collect(),
    }
}

fn load(command: &str, shape: Shape) -> Result<Mode, String> {
    let template = Template::parse(command)?;
    Ok(Mode::Load(Case { command: command.to_owned(), template, shape, setup: Vec::new(), subscribers: 0 }))
}

fn shape(matches: &ArgMatches, pipeline: usize) -> Shape {
    Shape {
        connections: connections(matches).unwrap_or(50),
        pipeline,
        threads: count(matches, "threads"),
        duration: Duration::from_secs_f64(
            matches.get_one::<f64>("seconds").copied().unwrap_or(3.0).max(0.01),
        ),
        rate: matches.get_one("rate").copied(),
    }
}

/// `[TIMES*]COMMAND`
fn setup(spec: &str) -> Result<(Template, usize), String> {
    let times = spec.split_once('*').and_then(|(times, command)| Some((command, times.parse().ok()?)));
    let (command, times) = times.unwrap_or((spec, 1));
    Ok((Template::parse(command)?, times))
}

fn connections(matches: &ArgMatches) -> Option<usize> {
    matches.get_one::<usize>("connections").map(|&connections| connections.max(1))
}

fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

fn texts<'a>(matches: &'a ArgMatches, name: &str) -> Vec<&'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect()
}

fn count(matches: &ArgMatches, name: &str) -> usize {
    matches.get_one::<u32>(name).map_or(1, |&count| count as usize)
}
