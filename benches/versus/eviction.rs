//! How often a full cache has what is asked for: a client that GETs keys by a Zipf law and SETs what is missing.
//!
//! Each server holds about the same number of keys: it is filled with so many, what it uses then becomes its
//! `maxmemory`, and that is put right while the cache warms up. So memory per key does not matter, only the choice does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::options::Options;
use crate::peer::Server;
use crate::request::Dialect;
use crate::{Result, Rounds, load};

pub struct Trace {
    pub policy: &'static str,
    pub skew: f64,
}

/// What came of one trace.
pub struct Hits {
    pub ratio: f64,
    pub resident: f64,
}

const KEYS: usize = 200_000;
const FIT: usize = 40_000;
const VALUE_BYTES: usize = 400;
const REQUESTS: usize = 1_200_000;
const WARM_UP: usize = 600_000;
/// GETs sent at once.
const BATCH: usize = 100;
/// How often the limit is put right while the cache warms up.
const CORRECTIONS: usize = 8;

pub fn run(options: &Options, trace: &Trace) -> Result<Rounds<Hits>> {
    let mut rounds: Rounds<Hits> = options.peers.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        for (peer, hits) in options.peers.iter().zip(&mut rounds) {
            if peer.kind.dialect() == Dialect::Resp {
                let server = peer.start(options.durability)?;
                hits.push(replay(&server, trace, round as u64)?);
            }
        }
    }
    Ok(rounds)
}

fn replay(server: &Server, trace: &Trace, seed: u64) -> Result<Hits> {
    let mut cache = Cache::connect(server)?;
    let mut zipf = Zipf::new(trace.skew, seed);
    while cache.number("DBSIZE")? < FIT {
        cache.get_or_set(&zipf.draw(BATCH))?;
    }
    cache.ask(&format!("CONFIG SET maxmemory-policy {}", trace.policy))?;
    let mut limit = cache.used()?;
    for _ in 0..CORRECTIONS {
        cache.ask(&format!("CONFIG SET maxmemory {limit}"))?;
        for _ in 0..WARM_UP / CORRECTIONS / BATCH {
            cache.get_or_set(&zipf.draw(BATCH))?;
        }
        let resident = cache.number("DBSIZE")?;
        let per_key = (VALUE_BYTES + 100) as f64;
        limit = (limit as f64 + (FIT as f64 - resident as f64) * per_key) as usize;
    }
    let mut hits = 0;
    for _ in 0..(REQUESTS - WARM_UP) / BATCH {
        hits += cache.get_or_set(&zipf.draw(BATCH))?;
    }
    let ratio = hits as f64 / (REQUESTS - WARM_UP) as f64;
    Ok(Hits { ratio, resident: cache.number("DBSIZE")? as f64 })
}

/// A client that uses the server as a cache.
struct Cache {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
    value: String,
}

impl Cache {
    fn connect(server: &Server) -> Result<Cache> {
        let stream = load::connect(server.address)?;
        let replies = BufReader::new(stream.try_clone()?);
        Ok(Cache { stream, replies, value: "x".repeat(VALUE_BYTES) })
    }

    /// Returns how many of the keys were there. The others are by now.
    fn get_or_set(&mut self, keys: &[usize]) -> Result<usize> {
        let gets: String = keys.iter().map(|key| format!("GET key:{key:012}\r\n")).collect();
        self.stream.write_all(gets.as_bytes())?;
        let mut missing = Vec::new();
        for key in keys {
            if self.reply()?.is_none() {
                missing.push(key);
            }
        }
        let sets: String =
            missing.iter().map(|key| format!("SET key:{key:012} {}\r\n", self.value)).collect();
        self.stream.write_all(sets.as_bytes())?;
        for _ in &missing {
            self.reply()?;
        }
        Ok(keys.len() - missing.len())
    }

    fn ask(&mut self, command: &str) -> Result<String> {
        self.stream.write_all(format!("{command}\r\n").as_bytes())?;
        Ok(self.reply()?.unwrap_or_default())
    }

    fn number(&mut self, command: &str) -> Result<usize> {
        Ok(self.ask(command)?.parse()?)
    }

    fn used(&mut self) -> Result<usize> {
        let info = self.ask("INFO memory")?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.ok_or("INFO does not say what is used")?.parse()?)
    }

    /// `None` where there is no value.
    fn reply(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or("the server closed the connection")?;
        match (kind, rest) {
            ("-", error) => Err(error.into()),
            ("$", "-1") => Ok(None),
            ("$", length) => {
                let mut bytes = vec![0; length.parse::<usize>()? + 2];
                self.replies.read_exact(&mut bytes)?;
                bytes.truncate(bytes.len() - 2);
                Ok(Some(String::from_utf8(bytes)?))
            }
            (_, text) => Ok(Some(text.to_owned())),
        }
    }
}

/// Keys by a Zipf law: the one of rank r with odds of 1 to r to the power of the skew. The same for every server.
struct Zipf {
    up_to: Vec<f64>,
    state: u64,
}

impl Zipf {
    fn new(skew: f64, seed: u64) -> Zipf {
        let mut sum = 0.0;
        let add = |rank: usize| {
            sum += (rank as f64).powf(-skew);
            sum
        };
        Zipf { up_to: (1..=KEYS).map(add).collect(), state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) + 1 }
    }

    fn draw(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.one()).collect()
    }

    fn one(&mut self) -> usize {
        // Xorshift (Marsaglia 2003), multiplied for its weak low bits.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let random = self.state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let wanted = random as f64 / u64::MAX as f64 * self.up_to.last().copied().unwrap_or(0.0);
        self.up_to.partition_point(|up_to| *up_to < wanted).min(KEYS - 1)
    }
}
